"""What a row of a sheet tells of its claim's story."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from activities.store.desk.message_tables import messages
from activities.store.tables import looks
from domain.claims.case import ClaimReason, Verdict
from domain.parcels.parcel import Milestone, Proof
from domain.state import Role
from starter.answers import specialist
from starter.client import AftersaleClient
from starter.records import Records
from tests.life import BUYER, COMMAND_KEY, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.stories.test_sheet_day import AS_ANNA, row

CLAIM, REASONS, WRONG = "It has a crack across the shade.", "The photo shows no crack.", "Look at the photo once more!"


@pytest.fixture
def client(market: Marketplace) -> AftersaleClient:
    return AftersaleClient(market.client, Records(market.engine, market.vault), COMMAND_KEY)


async def argued(market: Marketplace, client: AftersaleClient, number: str) -> Life:
    """A claim that was answered, talked about, escalated, decided, appealed against, and talked about again."""
    life = await market.order()
    by = {role: life.actor(role) for role in (BUYER, SELLER)}

    async def say(role: Role, text: str) -> None:
        await client.message(life.order_id, by[role], text=text)
        await life.rest()

    await life.send("confirm", SELLER)
    await life.ship("p1", number)
    await life.scan(Milestone.DELIVERED, proof=Proof.STRONG)
    await client.open_claim(life.order_id, by[BUYER], reason=ClaimReason.DAMAGED, lines=["L1"], text=CLAIM)
    await client.answer_claim(life.order_id, by[SELLER], text="It was whole when it left.")
    for talk in range(4):
        await say(BUYER if talk % 2 else SELLER, f"word {talk}")
    await client.escalate_claim(life.order_id, by[BUYER], text="Please decide.")
    decides: dict[str, Any] = {"verdict": Verdict.RELEASE, "text": REASONS}
    await client.decide_claim(life.order_id, specialist("anna"), **decides)
    await client.appeal_claim(life.order_id, by[BUYER], text=WRONG)
    await life.rest()
    for talk in range(4, 9):
        await say(BUYER if talk % 2 else SELLER, f"word {talk}")
    return life


def words(line: str) -> str:
    """A line of a log without its time."""
    return line[17:] if line[:2] == "20" else line


async def test_the_log_has_the_claim_and_the_last_decision_however_much_was_said_since(
    market: Marketplace, aftersale: Aftersale, client: AftersaleClient, tmp_path: Path
) -> None:
    life = await argued(market, client, "JD014600001234567890")
    await life.scan(Milestone.DELIVERED, proof=Proof.STRONG)
    told = [
        f"buyer: The buyer made a claim. “{CLAIM}”",
        "… 6 steps left out",
        f"specialist: The platform decided the claim. “{REASONS}”",
        "… 1 step left out",
        *(f"{'buyer' if talk % 2 else 'seller'}: A message was written. “word {talk}”" for talk in range(4, 9)),
    ]
    file = tmp_path / "claims.xlsx"
    for who in (AS_ANNA, ("--as", "buyer", "--id", life.actor(BUYER).id)):
        assert (await aftersale("claims", "export", str(file), *who)).code == 0
        assert [words(line) for line in row(file, life)["log"].splitlines()] == told
    orders = tmp_path / "orders.csv"
    assert (await aftersale("orders", "export", str(orders), *AS_ANNA)).code == 0
    assert "steps left out\n" in orders.read_text(encoding="utf-8-sig")


async def test_a_tracking_number_that_somebody_wrote_is_masked(
    market: Marketplace, aftersale: Aftersale, client: AftersaleClient, tmp_path: Path
) -> None:
    number = f"JD{uuid4().int % 10**18:018d}"
    life = await argued(market, client, number)
    typed = f"jd {number[2:10]}-{number[10:]}"
    await client.message(life.order_id, life.actor(SELLER), text=f"It is {typed}, I gave you {number} in 2026.")
    await life.rest()
    for name, suffix in (("claims", ".xlsx"), ("orders", ".csv")):
        file = tmp_path / f"{name}{suffix}"
        assert (await aftersale(name, "export", str(file), *AS_ANNA)).code == 0
        log = row(file, life)["log"] if suffix == ".xlsx" else file.read_text(encoding="utf-8-sig")
        assert "“It is [tracking number], I gave you [tracking number] in 2026.”" in log
        assert (number in log, typed in log) == (False, False)
    with market.engine.begin() as conn:
        assert conn.execute(select(looks).where(looks.c.order_id == life.order_id)).all() == []


async def test_what_the_desk_writes_for_itself_stands_in_no_sheet_of_a_party(
    market: Marketplace, aftersale: Aftersale, client: AftersaleClient, tmp_path: Path
) -> None:
    secret, hidden = "The buyer has done this before.", "Hidden since it was said."
    life = await market.order()
    await life.delivered(Proof.STRONG)
    await client.open_claim(life.order_id, life.actor(BUYER), reason=ClaimReason.DAMAGED, lines=["L1"], text=CLAIM)
    await client.message(life.order_id, specialist("anna"), text=secret, internal=True)
    await life.rest()
    people = {"buyer": life.actor(BUYER).id, "seller": life.actor(SELLER).id, "specialist": "anna"}

    async def exported() -> dict[tuple[str, str], str]:
        """What stands in each sheet of each reader."""
        sheets = {}
        for sheet, (who, person) in product(("claims", "orders"), people.items()):
            file = tmp_path / f"{sheet}-{who}.csv"
            assert (await aftersale(sheet, "export", str(file), "--as", who, "--id", person)).code == 0
            sheets[sheet, who] = file.read_text(encoding="utf-8-sig")
        return sheets

    for (_, who), text in (await exported()).items():
        told = secret in text, "specialist: " in text, CLAIM in text
        assert told == ((True, True, True) if who == "specialist" else (False, False, True)), who
    await client.message(life.order_id, specialist("anna"), text=hidden)
    await life.rest()
    for internal in (False, True):
        with market.engine.begin() as conn:
            said = update(messages).where(messages.c.order_id == life.order_id, messages.c.author_role == "specialist")
            conn.execute(said.values(internal=internal))
        for (_, who), text in (await exported()).items():
            assert (secret in text) is (who == "specialist"), who
            assert (hidden in text) is (who == "specialist" or not internal), who
