"""Goods that arrive after the end of their claim open it again: its screens follow, and so does what is asked of it."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import pytest

from domain.claims.case import Status
from domain.errors import Refused
from domain.parcels.parcel import Milestone
from starter.answers import specialist
from starter.cases.desk import Cases
from starter.records import Records
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.stories.claims import DAY, case, claimed, decide, row, status

EVE = specialist("eve")


async def rejected(market: Marketplace) -> Life:
    """A claim that has ended for the seller, while its goods were on their way back."""
    life = await claimed(market)
    await life.send("grant_claim", SELLER)
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    await life.send("escalate_claim", BUYER)
    await decide(life, "release")
    await life.until("decision_stands")
    await life.rest()
    assert status(life) is Status.CLOSED
    return life


async def arrived(life: Life) -> None:
    """The goods come after all, and the claim goes on."""
    await life.scan(Milestone.DELIVERED, "r1")
    assert status(life) is Status.ESCALATED


async def refunded(life: Life) -> None:
    """Somebody else decides for the buyer: the real end."""
    await decide(life, "refund", by="specialist-2")
    await life.rest()
    assert status(life) is Status.RESOLVED


async def is_open(aftersale: Aftersale, number: str, folder: Path) -> tuple[bool, bool]:
    """Whether the desk finds the claim among the open ones, in its list and in its sheet."""
    listed = (await aftersale("claims", "list", "--limit", "500", "--as", "specialist", "--id", "eve", "--json")).json[
        "claims"
    ]
    file = folder / "open.csv"
    sheet = await aftersale("claims", "export", str(file), "--open", "--as", "specialist", "--id", "eve")
    assert sheet.code == 0, sheet.err
    with file.open(encoding="utf-8-sig", newline="") as lines:
        exported = [line["case"] for line in csv.DictReader(lines)]
    file.unlink()
    return number in [line["number"] for line in listed], number in exported


def requests(life: Life) -> list[tuple[str, bool]]:
    """Who is to be asked how the claim was handled, and whether that was taken back."""
    return [(n["recipient_role"], n["dropped_at"] is not None) for n in life.notices() if n["template"] == "feedback"]


async def test_a_claim_that_goes_on_after_its_end_is_found_among_the_open_ones_until_it_ends_again(
    aftersale: Aftersale, market: Marketplace, records: Records, tmp_path: Path
) -> None:
    life = await rejected(market)
    number, first = f"{life.order_id}-c1", row(life).ended_at
    assert first == case(life).since
    assert await is_open(aftersale, number, tmp_path) == (False, False)
    await arrived(life)
    assert await is_open(aftersale, number, tmp_path) == (True, True)
    assert (row(life).ended_at, Cases(records).show(number, EVE).ended_at) == (None, None)
    due = row(life).due_at
    assert due is not None
    late = Cases(Records(records.engine, records.vault, lambda: due + timedelta(minutes=1)))
    assert number in [line.number for line in late.listed(EVE, overdue=True, limit=500)]
    await life.pass_time(DAY)
    await refunded(life)
    assert await is_open(aftersale, number, tmp_path) == (False, False)
    assert row(life).ended_at == case(life).since > first + DAY


async def test_how_a_claim_was_handled_is_said_after_its_last_end_and_for_the_whole_window_from_then(
    market: Marketplace, records: Records
) -> None:
    life = await rejected(market)
    number, cases = f"{life.order_id}-c1", Cases(records)
    await arrived(life)
    with pytest.raises(Refused, match="is 'Escalated to platform'; it is asked for once the claim has ended"):
        cases.say(number, life.actor(BUYER), 5, "")
    assert cases.show(number, life.actor(BUYER)).feedback_until is None
    await refunded(life)
    assert cases.show(number, life.actor(BUYER)).feedback_until == case(life).since + timedelta(days=14)
    cases.say(number, life.actor(BUYER), 5, "")


async def test_who_has_said_how_a_claim_was_handled_is_not_asked_again_at_its_next_end_and_may_say_otherwise(
    market: Marketplace, records: Records
) -> None:
    life = await rejected(market)
    number, cases = f"{life.order_id}-c1", Cases(records)
    cases.say(number, life.actor(BUYER), 1, "Rejected.")
    assert requests(life) == [("buyer", True), ("seller", False)]
    await arrived(life)
    assert requests(life) == [("buyer", True), ("seller", False)]
    await refunded(life)
    assert requests(life) == [("buyer", True), ("seller", False), ("seller", False)]
    cases.say(number, life.actor(SELLER), 2, "")
    assert requests(life) == [("buyer", True), ("seller", True), ("seller", True)], "of each end"
    said = cases.say(number, life.actor(BUYER), 5, "Refunded after all.")
    assert [(each.role, each.score) for each in said.feedback] == [("buyer", 5)]
