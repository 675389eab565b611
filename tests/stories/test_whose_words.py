"""A command names words that its sender has stored, for this order. Nobody has those of others read out."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from activities.perform import Performer
from activities.store import vault
from domain import wire
from domain.claims.case import Status
from domain.contract import Ask
from domain.errors import Refused
from domain.state import Actor, Cause, Role
from starter.answers import specialist
from starter.cases.desk import Cases
from starter.messages.threads import Threads
from starter.pack.packer import Packer
from starter.records import Records
from tests.life import BUYER, OPERATOR, SELLER, SPECIALIST, Life
from tests.marketplace import Marketplace
from tests.stories.claims import claimed, delivered, escalated, status

EVE = specialist("eve")
INNER = "He has cheated before."


def read_by_parties(life: Life, tmp_path: Path) -> str:
    """All that the two sides can read of the order's words, and what is handed out about it."""
    records, read = Records(life.market.engine, life.market.vault), []
    for role in (BUYER, SELLER):
        read += [line.text for line in Threads(records).thread(life.order_id, life.actor(role)).lines]
        if life.state().claims:
            read += [event.said for event in Cases(records).show(life.order_id, life.actor(role)).story]
    Packer(records).write(life.order_id, EVE, tmp_path / "pack.zip")
    with ZipFile(tmp_path / "pack.zip") as pack:
        read += [pack.read(name).decode(errors="replace") for name in pack.namelist()]
    return "\n".join(read)


async def test_words_of_the_desk_that_a_party_names_are_refused_and_read_by_nobody_else(
    market: Marketplace, tmp_path: Path
) -> None:
    life = await delivered(market)
    inner = life.words(EVE, INNER)
    await life.desk("note", EVE, note_id=inner)
    with pytest.raises(Refused) as refused:
        await life.send("open_claim", BUYER, reason="damaged", lines=["L1"], note_id=inner)
    assert refused.value.code == "note_unknown"
    assert not life.state().claims
    assert INNER not in read_by_parties(life, tmp_path)


async def test_words_of_another_order_are_not_those_of_this_one(market: Marketplace) -> None:
    life, other = await delivered(market), await market.order()
    theirs = other.words(life.actor(BUYER), "The lamp is broken.")
    with pytest.raises(Refused) as refused:
        await life.send("open_claim", BUYER, reason="damaged", lines=["L1"], note_id=theirs)
    assert refused.value.code == "note_unknown"


@pytest.mark.parametrize(
    ("name", "role", "body"),
    [
        ("answer_claim", SELLER, {}),
        ("grant_claim", SELLER, {}),
        ("offer_refund", SELLER, {"amount": "5.00 EUR"}),
        ("withdraw_claim", BUYER, {}),
    ],
)
async def test_words_that_nobody_stored_are_refused_before_anything_moves(
    market: Marketplace, name: str, role: Role, body: dict[str, str]
) -> None:
    life = await claimed(market, "damaged")
    before = life.effects()
    with pytest.raises(Refused, match="store them first") as refused:
        await life.send(name, role, note_id="note-nowhere", **body)
    assert refused.value.code == "note_unknown"
    await life.signal(name, role, note_id="note-nowhere", **body)
    assert life.refusals() == ["note_unknown"]
    assert (status(life), life.effects()) == (Status.RECEIVED, before)
    await life.send(name, role, note_id=life.words(role, "My own."), **body)
    assert life.state().claims[-1].status is not Status.RECEIVED


async def test_a_decision_needs_reasons_that_are_stored_and_the_judges_own(market: Marketplace) -> None:
    life = await escalated(market)
    ticket = life.ticket(Cause.CLAIM).ticket_id
    for note_id in ("note-nowhere", life.words(Actor(OPERATOR, "olga"), "Not hers.")):
        with pytest.raises(Refused) as refused:
            await life.desk("decide_claim", SPECIALIST, ticket=ticket, verdict="refund", note_id=note_id)
        assert refused.value.code == "note_unknown"
    await life.desk("decide_claim", SPECIALIST, ticket=ticket, verdict="refund")
    assert life.state().claims[-1].judges


async def test_who_approves_names_no_words_and_those_of_who_asked_are_read(market: Marketplace, tmp_path: Path) -> None:
    life = await escalated(market, "4000.00", "20.00")
    reasons = life.words(SPECIALIST, "The photo shows it.")
    await life.desk("decide_claim", ticket=life.ticket(Cause.CLAIM).ticket_id, verdict="refund", note_id=reasons)
    approval = life.state().approval
    assert approval is not None
    assert "The photo shows it." not in read_by_parties(life, tmp_path), "nothing is decided yet"
    await life.desk("approve", Actor(OPERATOR, "olga"), note_id=None, digest=approval.digest)
    assert read_by_parties(life, tmp_path).count("The photo shows it.") >= 4


async def test_words_of_somebody_else_that_a_step_names_all_the_same_are_quoted_nowhere(
    market: Marketplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await delivered(market)
    monkeypatch.setattr("activities.record.check_words", lambda *_: None)
    await life.send("open_claim", BUYER, reason="damaged", lines=["L1"], note_id=life.words(EVE, INNER))
    await life.send("answer_claim", SELLER, note_id=life.words(SELLER, "My own."))
    assert len(life.state().claims) == 1
    read = read_by_parties(life, tmp_path)
    assert "My own." in read
    assert INNER not in read


@pytest.mark.parametrize("step", ["answer_claim", "decide_claim"])
async def test_a_step_that_is_performed_again_after_its_words_were_erased_is_as_it_was(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    asked: list[Ask] = []
    performs = Performer._perform

    def listens(performer: Performer, ask: Ask) -> Any:
        asked.append(ask)
        return performs(performer, ask)

    monkeypatch.setattr(Performer, "_perform", listens)
    if step == "answer_claim":
        life = await claimed(market)
        await life.send("answer_claim", SELLER, note_id=life.words(SELLER, "It left as it was."))
    else:
        life = await escalated(market)
        await life.desk("decide_claim", SPECIALIST, ticket=life.ticket(Cause.CLAIM).ticket_id, verdict="refund")
    with market.engine.begin() as conn:
        vault.erase(conn, vault.order(life.order_id))
    again = [wire.to_plain(ask) for ask in asked if ask.step == step]
    assert again
    assert [market.performer.perform(ask) for ask in again] == [{} for _ in again]
