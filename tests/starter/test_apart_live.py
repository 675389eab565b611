"""Tickets apart from an order's state: who may work on one, and how it is worked on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pytest

from activities.store import findings, screens
from activities.store.desk import recurring
from activities.store.desk.recurring import Kind, Repeated
from activities.store.screens import TicketRow
from domain import wire
from domain.claims.case import ClaimReason
from domain.comparing.reconcile import Finding, FindingKind
from domain.errors import Refused
from domain.state import Actor, Outcome, Role, Stage
from starter.answers import NotFound, specialist
from starter.client import AftersaleClient
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

DAY = timedelta(days=1)
EVE = ("--as", "specialist", "--id", "eve")


async def damaged(market: Marketplace, client: AftersaleClient) -> Life:
    """An order with a claim of its buyer."""
    life = await market.order()
    await life.delivered()
    await client.open_claim(life.order_id, life.actor(BUYER), reason=ClaimReason.DAMAGED, lines=["L1"])
    await life.rest()
    return life


async def issue(market: Marketplace, *lives: Life) -> TicketRow:
    """What recurs in these orders' first claims, under the last of them."""
    name = f"apart-{uuid4().hex[:8]}"
    claims = tuple(f"{life.order_id}-c1" for life in lives)
    found = Repeated(Kind.PRODUCT, f"SKU-{name}", claims, lives[-1].order_id)
    now = await lives[-1].now()
    with market.engine.begin() as conn:
        assert recurring.report(conn, name, found, now, now)
        rows = screens.ticket_queue(conn, cause="recurring", limit=10_000)
    return next(row for row in rows if row.subject.endswith(name))


def stands(market: Marketplace, row: TicketRow) -> TicketRow:
    with market.engine.begin() as conn:
        found = screens.ticket(conn, row.ticket_id)
    assert found is not None
    return found[0]


async def asked(client: AftersaleClient, order_id: str, ticket: str, by: Actor, what: str, owner: str = "eve") -> str:
    """The code by which it is refused."""
    if what == "assign":
        doing = client.assign_ticket(order_id, by, ticket=ticket, owner=owner)
    else:
        doing = client.resolve_ticket(order_id, by, ticket=ticket, outcome=Outcome.NO_CHANGE, reason="Forged words.")
    with pytest.raises(Refused) as caught:
        await doing
    return caught.value.code


async def test_a_ticket_apart_is_the_desks_alone_and_of_nobody_whose_case_it_is(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    first, last = [await damaged(market, client) for _ in range(2)]
    other = await market.order()
    row = await issue(market, first, last)
    parties = [life.actor(role).id for life in (first, last) for role in (BUYER, SELLER)]
    for what in ("assign", "resolve"):
        for by in (Actor(BUYER, "nobody-at-all"), last.actor(BUYER), last.actor(SELLER), Actor(Role.PLATFORM, "p")):
            assert await asked(client, last.order_id, row.ticket_id, by, what) == "role_not_allowed"
        for by in (*map(specialist, parties), specialist("")):
            assert await asked(client, last.order_id, row.ticket_id, by, what) == "own_case"
        assert await asked(client, other.order_id, row.ticket_id, specialist("eve"), what) == "ticket_unknown"
    for owner in parties:
        assert await asked(client, last.order_id, row.ticket_id, specialist("eve"), "assign", owner) == "own_case"
        with pytest.raises(NotFound):
            await client.ticket(row.ticket_id, specialist(owner))
    assert stands(market, row) == row
    own = ("--outcome", "no_change", "--reason", "x", "--as", "specialist", "--id", last.actor(SELLER).id)
    assert (await aftersale("resolve-ticket", last.order_id, "--ticket", row.ticket_id, *own)).code == 3
    taken = await aftersale("tickets", "assign", row.ticket_id, "--owner", last.actor(SELLER).id, *EVE)
    assert (taken.code, "is a party of what ticket" in taken.err) == (3, True)
    assert stands(market, row) == row


async def test_a_ticket_apart_that_has_ended_is_worked_on_no_more(client: AftersaleClient, market: Marketplace) -> None:
    life = await damaged(market, client)
    row = await issue(market, life)
    await client.assign_ticket(life.order_id, specialist("eve"), ticket=row.ticket_id, owner="bob")
    assert stands(market, row).owner == "bob"
    await client.resolve_ticket(
        life.order_id, specialist("eve"), ticket=row.ticket_id, outcome=Outcome.NO_CHANGE, reason="We called."
    )
    ended = stands(market, row)
    assert (ended.status, ended.outcome, ended.resolved_by) == ("resolved", "no_change", "resolve_ticket")
    for what in ("assign", "resolve"):
        assert await asked(client, life.order_id, row.ticket_id, specialist("eve"), what) == "ticket_ended"
    assert stands(market, row) == ended


async def test_a_ticket_apart_that_is_extended_stays_and_is_due_at_its_new_time(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await damaged(market, client)
    row = await issue(market, life)
    resolve = ("tickets", "resolve", row.ticket_id, "--reason", "The shop answers by then.", *EVE, "--outcome")
    now = await life.now()
    for until in ((), ("--until", wire.instant_text(now - DAY)), ("--until", wire.instant_text(now + 1000 * DAY))):
        refused = await aftersale(*resolve, "extend", *until)
        assert (refused.code, "must lie between now and" in refused.err) == (2, True), refused.err
    acted = await aftersale(*resolve, "act")
    assert (acted.code, "no step of an order ends ticket" in acted.err) == (3, True), acted.err
    assert stands(market, row) == row
    later = (now + 9 * DAY).replace(microsecond=0)
    moved = await aftersale(*resolve, "extend", "--until", wire.instant_text(later))
    assert moved.code == 0, moved.err
    assert stands(market, row) == replace(row, due=later)


async def test_the_ticket_of_a_finding_is_extended_too_and_the_finding_stays(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await market.order()
    now = await life.now()
    found = Finding(FindingKind.CLOCK_STOPPED, life.order_id, life.order_id)
    with market.engine.begin() as conn:
        findings.report(conn, f"run-{life.order_id}", findings.Area.MONEY, found, now)
        [finding] = findings.listed(conn, order_id=life.order_id)

    async def resolved(outcome: Outcome, until: datetime | None = None) -> None:
        asked = (life.order_id, specialist("eve"))
        await client.resolve_ticket(*asked, ticket=finding.ticket_id, outcome=outcome, reason="Looked at.", until=until)

    await resolved(Outcome.EXTEND, now + DAY)
    with market.engine.begin() as conn:
        assert findings.listed(conn, order_id=life.order_id) == (finding,)
        assert (ticket := screens.ticket(conn, finding.ticket_id)) is not None
    assert (ticket[0].due, ticket[0].status) == (now + DAY, "open")
    await resolved(Outcome.NO_CHANGE)
    with market.engine.begin() as conn:
        assert findings.listed(conn, order_id=life.order_id) == ()


async def test_a_ticket_apart_is_noted_and_handed_over_also_when_its_order_is_over(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await damaged(market, client)
    row, other = await issue(market, life), await issue(market, life)
    await life.send("withdraw_claim", BUYER)
    await life.send("receive", BUYER)
    await life.until("close")
    assert life.stage() is Stage.CLOSED
    steps = life.steps()
    for words in (
        ("note", row.ticket_id, "--text", "The shop was called."),
        ("hand-over", row.ticket_id, "--owner", "bob", "--reason", "He knows the shop."),
        ("note", other.ticket_id, "--text", "Another matter."),
        ("resolve", row.ticket_id, "--outcome", "no_change", "--reason", "It has a new supplier."),
        ("note", row.ticket_id, "--text", "They wrote once more."),
    ):
        ran = await aftersale("tickets", *words, *EVE)
        assert ran.code == 0, (words, ran.err)
    own = ("--as", "specialist", "--id", life.actor(SELLER).id)
    assert (await aftersale("tickets", "note", row.ticket_id, "--text", "Forged words.", *own)).code == 4
    with pytest.raises(Refused):
        await client.note_ticket(life.order_id, life.actor(SELLER), ticket=row.ticket_id, reason="Forged words.")
    assert life.steps() == steps, "no step of the order tells of it"
    shown = (await aftersale("tickets", "show", row.ticket_id, *EVE, "--json")).json
    assert [note["text"] for note in shown["notes"]] == [
        "The shop was called.", "He knows the shop.", "It has a new supplier.", "They wrote once more.",
    ]  # fmt: skip
    assert shown["owner"] == "bob"


async def test_what_recurs_is_the_desks_to_read_without_a_claim_of_ones_own(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace, tmp_path: Path
) -> None:
    first, last = [await damaged(market, client) for _ in range(2)]
    row = await issue(market, first, last)

    async def listed(*who: str) -> bool:
        """Whether both lists have it."""
        found = (await aftersale("claims", "recurring", *who, "--limit", "500", "--json")).json["recurring"]
        queue = await aftersale("tickets", "--cause", "recurring", *who, "--limit", "500", "--json")
        both = {row.ticket_id in {each["ticket_id"] for each in rows} for rows in (found, queue.json["tickets"])}
        assert len(both) == 1
        return both.pop()

    assert await listed(*EVE)
    for who in (first.actor(BUYER).id, first.actor(SELLER).id, last.actor(SELLER).id):
        assert not await listed("--as", "specialist", "--id", who)
    for reading, told in ((EVE, True), (("--as", "specialist", "--id", first.actor(SELLER).id), False)):
        file = tmp_path / "tickets.csv"
        assert (await aftersale("tickets", "export", str(file), *reading)).code == 0
        assert (row.ticket_id in file.read_text(encoding="utf-8-sig")) is told, "nor has a sheet"
    turned = await aftersale("claims", "recurring", "--as", "seller", "--id", first.actor(SELLER).id)
    assert (turned.code, "a seller has no recurring issues" in turned.err) == (2, True)


def edited(file: Path, ticket: str, **cells: Any) -> Path:
    """The sheet with cells of one ticket's row changed."""
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    heads = {str(cell.value): at for at, cell in enumerate(sheet[1], 1)}
    number = next(n for n, row in enumerate(sheet.iter_rows(values_only=True), 1) if row[0] == ticket)
    for name, value in cells.items():
        sheet.cell(number, heads[name]).value = value
    book.save(file)
    return file


async def imported(aftersale: Aftersale, file: Path, ticket: str, *how: str) -> tuple[str, str]:
    """What becomes of that ticket's row."""
    ran = await aftersale("tickets", "import", str(file), *how, *EVE, "--json")
    return next((row["result"], row["why"]) for row in ran.json["rows"] if row["case"] == ticket)


async def test_a_sheet_works_on_tickets_apart_by_the_same_rules(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace, tmp_path: Path
) -> None:
    first, last = [await damaged(market, client) for _ in range(2)]
    row = await issue(market, first, last)
    file = tmp_path / "tickets.xlsx"

    async def sheet(**cells: Any) -> Path:
        assert (await aftersale("tickets", "export", str(file), *EVE)).code == 0
        return edited(file, row.ticket_id, **cells)

    party = first.actor(SELLER).id
    state, why = await imported(aftersale, await sheet(assignee=party), row.ticket_id)
    assert (state, "is a party of what ticket" in why) == ("refused", True)
    wanted = {"resolve": "extend", "until": "2031-01-05", "note": "They answer late."}
    state, why = await imported(aftersale, await sheet(**wanted), row.ticket_id)
    assert (state, "until: must lie between now and" in why) == ("refused", True)
    noted = await imported(aftersale, await sheet(note="Rang twice."), row.ticket_id, "--apply", "--yes")
    assert noted[0] == "done", noted
    again = await imported(aftersale, file, row.ticket_id, "--apply", "--yes")
    assert again == ("done already", "note for the desk")
    assert [n.text for n in (await client.ticket(row.ticket_id, specialist("eve"))).notes] == ["Rang twice."]
    both = await sheet(assignee="bob", resolve="no change", note="The supplier has changed.")
    done = await imported(aftersale, both, row.ticket_id, "--apply", "--yes")
    assert done[0] == "done", done
    again = await imported(aftersale, file, row.ticket_id, "--apply", "--yes")
    assert again == ("done already", "assign to bob; resolve: no change")
    ended = stands(market, row)
    assert (ended.owner, ended.status, ended.outcome) == ("bob", "resolved", "no_change")


async def test_who_is_given_a_ticket_apart_finds_in_the_inbox_what_the_sides_of_its_order_write(
    client: AftersaleClient, market: Marketplace
) -> None:
    async def unread() -> list[int]:
        rows = (await client.inbox(specialist("gil"), limit=500)).rows
        return [row.unread for row in rows if row.order_id == life.order_id]

    life = await damaged(market, client)
    row = await issue(market, life)
    assert await unread() == []
    await client.assign_ticket(life.order_id, specialist("eve"), ticket=row.ticket_id, owner="gil")
    (before,) = await unread()
    await client.message(life.order_id, life.actor(BUYER), text="Has anybody looked at it?")
    assert await unread() == [before + 1]
