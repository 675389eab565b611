"""A specialist works a whole day from the sheet alone, through the command line and the running marketplace."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
from sqlalchemy import select

from activities.store.tables import looks
from domain.claims.case import Status
from domain.parcels.parcel import Milestone, Proof
from domain.state import Actor, Cause, LineState, Role
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.sheets.conftest import Edits, edit
from tests.starter.conftest import Aftersale
from tests.stories.claims import DAY, proof

CARRY_OUT = ("--apply", "--yes")
AS_ANNA = ("--as", "specialist", "--id", "anna")
CANARY = f"CANARY{uuid4().hex[:14].upper()}"


async def claimed(market: Marketplace, *, escalated: bool = True, **about: Any) -> Life:
    """An order whose buyer claims about its first line; the seller stays silent until the platform steps in."""
    life = await market.order(**about)
    await life.send("confirm", SELLER)
    await life.ship("p1", f"{CANARY}{uuid4().hex[:6].upper()}")
    await life.scan(Milestone.DELIVERED, proof=Proof.STRONG)
    await life.send("open_claim", BUYER, reason="damaged", lines=["L1"])
    if escalated:
        await life.until("claim_unanswered")
    return life


def number(life: Life) -> str:
    return f"{life.order_id}-c1"


def status(life: Life) -> Status:
    return life.state().claims[0].status


def row(file: Path, life: Life) -> dict[str, Any]:
    """The row of an order's case."""
    sheet = openpyxl.load_workbook(file).worksheets[0]
    heads, *rows = sheet.iter_rows(values_only=True)
    (found,) = [dict(zip(map(str, heads), each, strict=True)) for each in rows if each[0] == number(life)]
    return found


async def imported(aftersale: Aftersale, file: Path, edits: Edits, *how: str) -> dict[str, tuple[str, str]]:
    """What became of each edited row."""
    ran = await aftersale("claims", "import", str(edit(file, edits)), *how, *AS_ANNA, "--json")
    assert ran.code in (0, 3), ran.err
    return {each["case"]: (each["result"], each["why"]) for each in ran.json["rows"]}


def as_seen_in_the_morning(seen: dict[str, Any]) -> None:
    assert (seen["status"], seen["buyer"], seen["at stake"]) == ("Escalated to platform", "Berta Buyer", 40)
    assert (seen["time zone"], seen["assignee"]) == ("Europe/Berlin", None)
    assert isinstance(seen["next deadline"], datetime)
    assert "buyer: The buyer made a claim." in seen["log"]


async def test_a_large_decision_that_nobody_approved_is_not_said_to_be_done(
    market: Marketplace, aftersale: Aftersale, tmp_path: Path
) -> None:
    life, file = await claimed(market, prices=("900.00",)), tmp_path / "claims.xlsx"
    assert (await aftersale("claims", "export", str(file), "--open", *AS_ANNA)).code == 0
    decides: Edits = {number(life): {"decision": "refund", "note": "The photo shows it."}}
    said = [(await imported(aftersale, file, decides, *CARRY_OUT))[number(life)] for _ in range(2)]
    assert [result for result, _ in said] == ["done", "done already"]
    assert all(words.endswith("(a second operator approves)") for _, words in said)
    await life.until("approval_lapses")
    lapsed = "decide: refund: no second operator agreed to it; export anew and decide again"
    assert (await imported(aftersale, file, decides, *CARRY_OUT))[number(life)] == ("changed meanwhile", lapsed)
    assert status(life) is Status.ESCALATED
    await life.desk("decide_claim", Actor(Role.SPECIALIST, "eve"), verdict="refund")
    approval = life.state().approval
    assert approval is not None
    await life.desk("approve", Role.OPERATOR, note_id=None, digest=approval.digest)
    assert (await imported(aftersale, file, decides, *CARRY_OUT))[number(life)] == ("changed meanwhile", lapsed)


async def test_a_preview_judges_the_rows_of_one_order_as_they_follow_each_other(
    market: Marketplace, aftersale: Aftersale, tmp_path: Path
) -> None:
    life, file = await claimed(market, prices=("600.00", "700.00")), tmp_path / "claims.xlsx"
    await life.send("open_claim", BUYER, reason="damaged", lines=["L2"])
    await life.until("claim_unanswered")
    assert (await aftersale("claims", "export", str(file), "--open", *AS_ANNA)).code == 0
    decides = {"decision": "refund", "note": "The photo shows it."}
    both: Edits = {f"{life.order_id}-c1": decides, f"{life.order_id}-c2": decides}
    previewed = await imported(aftersale, file, both, "--preview")
    assert sorted(result for result, _ in previewed.values()) == ["ready", "refused"]
    assert any(
        words.endswith("waits for a second operator; let that be decided first") for _, words in previewed.values()
    )
    assert await imported(aftersale, file, both, *CARRY_OUT) == {
        case: ("done" if result == "ready" else result, words) for case, (result, words) in previewed.items()
    }


async def test_what_happens_before_the_yes_is_reported_and_not_overwritten(
    market: Marketplace, aftersale: Aftersale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, left = await claimed(market), await claimed(market)
    file, loop = tmp_path / "claims.xlsx", asyncio.get_running_loop()
    assert (await aftersale("claims", "export", str(file), "--open", *AS_ANNA)).code == 0
    decides = {"assignee": "anna", "decision": "refund", "note": "The photo shows it."}
    edit(file, {number(taken): decides, number(left): decides})

    def thinks(*_: object, **__: object) -> bool:
        """Ben takes a case while Anna reads what she is about to do."""
        by_ben = taken.desk("assign_claim", owner="ben", note_id=None)
        asyncio.run_coroutine_threadsafe(by_ben, loop).result()
        return True

    monkeypatch.setattr("typer.confirm", thinks)
    ran = await aftersale("claims", "import", str(file), "--apply", *AS_ANNA)
    assert (ran.code, "1 done, 1 changed meanwhile" in ran.out) == (3, True), (ran.out, ran.err)
    assert row(tmp_path / "claims.result.xlsx", taken)["explanation"].startswith("assignee is now 'ben'")
    assert (status(taken), taken.state().claims[0].owner) == (Status.ESCALATED, "ben")
    assert (status(left), left.state().claims[0].owner) == (Status.REFUND_APPROVED, "anna")


async def test_what_a_sheet_does_to_one_claim_of_an_order_is_no_news_to_its_row_of_another(
    market: Marketplace, aftersale: Aftersale, tmp_path: Path
) -> None:
    life, file = await claimed(market, prices=("60.00", "70.00")), tmp_path / "claims.xlsx"
    await life.send("open_claim", BUYER, reason="damaged", lines=["L2"])
    assert (await aftersale("claims", "export", str(file), "--open", *AS_ANNA)).code == 0
    both: Edits = {f"{life.order_id}-c{n}": {"assignee": "anna"} for n in (1, 2)}
    assert {result for result, _ in (await imported(aftersale, file, both, *CARRY_OUT)).values()} == {"done"}
    assert [claim.owner for claim in life.state().claims] == ["anna", "anna"]


async def test_nothing_is_sent_whose_result_has_nowhere_to_stand(
    market: Marketplace, aftersale: Aftersale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life, file, result = await claimed(market), tmp_path / "claims.xlsx", tmp_path / "claims.result.xlsx"
    assert (await aftersale("claims", "export", str(file), "--open", *AS_ANNA)).code == 0
    edit(file, {number(life): {"assignee": "anna"}})
    result.mkdir()
    ran = await aftersale("claims", "import", str(file), *CARRY_OUT, *AS_ANNA)
    assert (ran.code, "cannot be written: it is a folder" in ran.err) == (2, True)
    assert life.state().claims[0].owner == ""

    # Where that could not be known beforehand, what was done is told all the same.
    monkeypatch.setattr("starter.sheets.commands.check_writable", lambda _: None)
    ran = await aftersale("claims", "import", str(file), *CARRY_OUT, *AS_ANNA, "--json")
    assert (ran.code, ran.json["file"], ran.json["counts"]["done"]) == (7, "", 1)
    assert "cannot be written" in ran.json["remarks"][0]
    ran = await aftersale("claims", "import", str(file), *CARRY_OUT, *AS_ANNA)
    assert (ran.code, "1 done already" in ran.out, "The result is in no file" in ran.out) == (7, True, True)
    assert life.state().claims[0].owner == "anna"


@pytest.mark.parametrize("how", [("--preview",), CARRY_OUT])
async def test_what_was_done_is_told_whatever_breaks_the_file_of_its_result(
    market: Marketplace, aftersale: Aftersale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: tuple[str, ...]
) -> None:
    life, file = await claimed(market), tmp_path / "claims.xlsx"
    assert (await aftersale("claims", "export", str(file), "--open", *AS_ANNA)).code == 0
    edit(file, {number(life): {"assignee": "anna"}})

    def breaks(*_: object) -> None:
        raise TypeError("a value that nobody foresaw")

    monkeypatch.setattr("starter.sheets.commands.write_results", breaks)
    ran = await aftersale("claims", "import", str(file), *how, *AS_ANNA, "--json")
    assert (ran.code, ran.json["file"]) == (7, "")
    assert [r["result"] for r in ran.json["rows"]] == ["done" if how == CARRY_OUT else "ready"]
    assert ran.json["remarks"] == [f"The result is in no file: {tmp_path / 'claims.result.xlsx'}: TypeError."]
    assert life.state().claims[0].owner == ("anna" if how == CARRY_OUT else "")


async def test_a_row_may_be_edited_again_after_its_own_import(
    market: Marketplace, aftersale: Aftersale, tmp_path: Path
) -> None:
    life, file = await claimed(market), tmp_path / "claims.xlsx"
    assert (await aftersale("claims", "export", str(file), "--open", *AS_ANNA)).code == 0
    owner = ""
    for edits in (
        {"assignee": "anna"}, {"assignee": "ben"}, {"assignee": "anna"}, {"assignee": None}, {"assignee": "ben"},
        {"note": "Seen."}, {"note": "Seen again."},
    ):  # fmt: skip
        owner = edits.get("assignee", owner) or ""
        assert (await imported(aftersale, file, {number(life): edits}, *CARRY_OUT))[number(life)][0] == "done"
        assert life.state().claims[0].owner == owner
    await life.desk("assign_claim", owner="eve", note_id=None)
    assert (await imported(aftersale, file, {number(life): {"assignee": "anna", "note": "x"}}, *CARRY_OUT))[
        number(life)
    ][0] == "changed meanwhile"


async def carried_out(market: Marketplace, lives: Sequence[tuple[Life, dict[str, str]]], *files: Path) -> None:
    """Nobody appeals: what was decided is carried out; and no tracking number was looked at, or stands in a sheet.

    The line that nobody complained about goes its own way: silence pays its seller.
    """
    for life, moved in lives:
        await life.until("decision_stands")
        await life.pass_time(10 * DAY)
        assert life.state().line("L2").state is LineState.ACCEPTED
        assert life.money() == {"captured": "64.90 EUR", **moved}
    for file in files:
        with zipfile.ZipFile(file) as archive:
            assert not any(CANARY.encode() in archive.read(name) for name in archive.namelist())
    with market.engine.begin() as conn:
        ours = [life.order_id for life, _ in lives]
        assert conn.execute(select(looks).where(looks.c.order_id.in_(ours))).all() == []


async def test_a_specialist_works_a_whole_day_from_the_sheet_alone(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path
) -> None:
    clear, unsure, partly, wrong = [await claimed(market) for _ in range(4)]
    fresh, gone = await claimed(market, escalated=False), await claimed(market, escalated=False)
    file = tmp_path / "today.xlsx"
    ran = await aftersale("claims", "export", str(file), "--open", *AS_ANNA)
    assert (ran.code, "rows written to" in ran.out) == (0, True), ran.err
    as_seen_in_the_morning(row(file, clear))

    # She decides what is clear, asks where it is not, takes what is new; one buyer has thought better of it meanwhile.
    edits: Edits = {
        number(clear): {"assignee": "anna", "decision": "refund", "note": "The photo shows the crack."},
        number(unsure): {"assignee": "anna", "ask": "buyer", "note": "Does it still work?"},
        number(partly): {"decision": "part refund", "amount": 12.5, "note": "A scratch, no more."},
        number(wrong): {"status": "Rejected", "note": "It is as described."},
        number(fresh): {"assignee": "anna"},
        number(gone): {"assignee": "anna"},
    }
    previewed = await imported(aftersale, file, edits, "--preview")
    assert previewed[number(clear)] == ("ready", "assign to anna; decide: refund")
    assert {result for result, _ in previewed.values()} == {"ready"}
    assert status(clear) is Status.ESCALATED, "a preview changes nothing"
    await gone.send("withdraw_claim", BUYER)
    done = await imported(aftersale, file, {}, *CARRY_OUT)
    assert done.pop(number(gone))[0] == "changed meanwhile"
    assert {result for result, _ in done.values()} == {"done"}
    assert [status(life) for life in (clear, unsure, partly, wrong, fresh)] == [
        Status.REFUND_APPROVED, Status.BUYER_ASKED, Status.REFUND_APPROVED, Status.REJECTED, Status.RECEIVED,
    ]  # fmt: skip
    result = tmp_path / "today.result.xlsx"
    assert row(result, partly)["result"] == "done"
    assert row(result, gone)["explanation"].startswith("status is now 'Resolved'")

    # The same sheet again does nothing twice; and it can be worked on.
    again = await imported(aftersale, file, {number(fresh): {"note": "The seller has until Friday."}}, *CARRY_OUT)
    assert {again[number(life)][0] for life in (clear, unsure, partly, wrong)} == {"done already"}
    assert again[number(fresh)] == ("done", "assign to anna; note for the desk")
    assert [life.steps().count("decide_claim") for life in (clear, partly, wrong)] == [1, 1, 1]
    assert [life.steps().count("assign_claim") for life in (fresh, clear, unsure)] == [1, 1, 1]

    # In the afternoon the buyer answers; her old row says so, a fresh one lets her decide.
    await unsure.send("answer_claim", BUYER, evidence=[proof(unsure, BUYER)])
    late = await imported(aftersale, file, {number(unsure): {"ask": None, "decision": "refund"}}, *CARRY_OUT)
    assert late[number(unsure)][0] == "changed meanwhile"
    await aftersale("claims", "export", str(file), "--owner", "anna", *AS_ANNA)
    last: Edits = {number(unsure): {"decision": "refund", "note": "It does not."}}
    assert (await imported(aftersale, file, last, *CARRY_OUT))[number(unsure)] == ("done", "decide: refund")
    # 8 % of what is left of each line are ours; the shipping goes with the last one.
    back = {"refunded": "40.00 EUR", "released": "23.30 EUR", "fees": "1.60 EUR"}
    part = {"refunded": "12.50 EUR", "released": "48.60 EUR", "fees": "3.80 EUR"}
    none = {"released": "60.10 EUR", "fees": "4.80 EUR"}
    await carried_out(market, ((clear, back), (partly, part), (wrong, none), (unsure, back)), file, result)


async def test_the_tickets_of_a_day_are_worked_from_a_sheet(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path
) -> None:
    extended, seen = await market.order(), await market.order()
    for life in (extended, seen):
        await life.until("confirm_overdue")
    file = tmp_path / "tickets.csv"
    ran = await aftersale("tickets", "export", str(file), "--open", *AS_ANNA)
    assert ran.code == 0, ran.err
    text = file.read_text(encoding="utf-8-sig")
    until = f"{await extended.now() + timedelta(days=3):%Y-%m-%d}"
    head, *lines = text.splitlines()
    assert head.endswith("resolve,until,note,time zone,for aftersale")
    tickets = {life.ticket(Cause.CONFIRM_OVERDUE).ticket_id: life for life in (extended, seen)}
    xlsx = tmp_path / "tickets.xlsx"
    await aftersale("tickets", "export", str(xlsx), "--open", *AS_ANNA)
    first, second = tickets
    edit(
        xlsx,
        {
            first: {"assignee": "anna", "resolve": "extend", "until": until, "note": "She is ill."},
            second: {"assignee": "ben"},
        },
    )
    assert lines
    ran = await aftersale("tickets", "import", str(xlsx), "--apply", "--yes", *AS_ANNA)
    assert ran.code == 0, (ran.out, ran.err)
    for words in ("done", "assign to ben", f"resolve: extend until {until}"):
        assert words in ran.out
    for life in (extended, seen):
        await life.rest()
    assert extended.state().tickets == ()
    assert extended.clock("confirm_overdue").at.date().isoformat() == until
    assert seen.ticket(Cause.CONFIRM_OVERDUE).owner == "ben"


@pytest.mark.parametrize("how", [("--preview",), ("--apply", "--yes")])
async def test_a_party_brings_no_sheet_back_and_the_desk_none_about_its_own(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path, how: tuple[str, ...]
) -> None:
    life = await claimed(market, escalated=False)
    file = tmp_path / "mine.xlsx"
    await aftersale("claims", "export", str(file), *AS_ANNA)
    edit(file, {number(life): {"assignee": "anna"}})
    seller = life.actor(SELLER).id
    ran = await aftersale("claims", "import", str(file), *how, "--as", "seller", "--id", seller)
    assert (ran.code, "that is for: specialist, operator" in ran.err) == (3, True)
    ran = await aftersale("claims", "import", str(file), *how, "--as", "specialist", "--id", seller, "--json")
    assert ran.code == 3
    assert [r["result"] for r in ran.json["rows"] if r["case"] == number(life)] == ["unknown case"]
    assert life.state().claims[0].owner == ""
    own = tmp_path / "own.xlsx"
    ran = await aftersale("claims", "export", str(own), "--as", "seller", "--id", seller)
    assert ran.code == 0, ran.err
    assert row(own, life)["buyer"] == "Berta Buyer"
    assert "mail.example" not in str(row(own, life))
    assert (await aftersale("tickets", "export", str(own), "--as", "seller", "--id", seller)).code == 3
    assert (await aftersale("claims", "import", str(own), *how, *AS_ANNA)).code == 2, "a party's sheet has no key"
    asks = await aftersale("claims", "import", str(file), "--apply", *AS_ANNA, "--json")
    assert (asks.code, asks.json["error"]["field"]) == (2, "--yes")
    no = await aftersale("claims", "import", str(file), "--apply", *AS_ANNA, stdin="n\n")
    assert (no.code, life.state().claims[0].owner) == (1, "")
