"""A specialist's tickets from the command line, each by its own id."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain import wire
from domain.claims.case import ClaimReason
from domain.state import Cause, Outcome
from starter.answers import specialist
from starter.client import AftersaleClient
from tests.life import BUYER, SELLER
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

EVE = ("--as", "specialist", "--id", "eve")


async def test_a_ticket_is_found_taken_handed_over_noted_and_ended_by_its_own_id(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    await life.until("confirm_overdue")
    ticket = life.ticket(Cause.CONFIRM_OVERDUE).ticket_id
    for way in ((), ("list",)):
        queue = await aftersale("tickets", *way, "--cause", "confirm_overdue", "--limit", "500", "--json")
        assert ticket in [row["ticket_id"] for row in queue.json["tickets"]], queue.err
    assert (await aftersale("tickets", "--owner", "", "--limit", "500")).code == 0
    taken = await aftersale("tickets", "assign", ticket, "--owner", "eve", *EVE)
    assert taken.code == 0, taken.err
    handed = await aftersale("tickets", "hand-over", ticket, "--owner", "bob", "--reason", "I am away.", *EVE)
    assert handed.code == 0, handed.err
    noted = await aftersale("tickets", "note", ticket, "--text", "He was [bold]called.", *EVE)
    assert noted.code == 0, noted.err
    await life.rest()
    assert life.ticket(Cause.CONFIRM_OVERDUE).owner == "bob"
    mine = (await aftersale("tickets", "list", "--owner", "bob", "--limit", "500", "--json")).json["tickets"]
    assert ticket in [row["ticket_id"] for row in mine]
    shown = await aftersale("tickets", "show", ticket, *EVE)
    for words in (
        f"Ticket {ticket}: confirm overdue", f"Order {life.order_id}", "bob, escalated",
        f"Mended by extend, cancel or confirm, e.g. aftersale extend {life.order_id} --clock confirm",
        'specialist eve noted: "I am away."', 'specialist eve noted: "He was [bold]called."',
    ):  # fmt: skip
        assert words in shown.out
    until = wire.instant_text(await life.now() + timedelta(days=1))
    done = await aftersale(
        "tickets", "resolve", ticket, "--outcome", "extend", "--until", until, "--reason", "He asked.", *EVE
    )
    assert done.code == 0, done.err
    await life.rest()
    ended = (await aftersale("tickets", "show", ticket, *EVE, "--json")).json
    assert (ended["status"], ended["outcome"], ended["mends"], ended["command"]) == ("resolved", "extend", "", "")
    assert [note["text"] for note in ended["notes"]][-1] == "He asked."
    again = await aftersale("tickets", "show", ticket, *EVE)
    assert "resolved, extend by resolve_ticket" in again.out
    assert (await aftersale("tickets", "resolve", ticket, "--outcome", "no_change", "--reason", "x", *EVE)).code == 3


async def test_a_claims_ticket_names_its_claim_and_the_claim_goes_with_it(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await market.order()
    await life.delivered()
    await client.open_claim(life.order_id, life.actor(BUYER), reason=ClaimReason.DAMAGED, lines=["L2"])
    await client.escalate_claim(life.order_id, life.actor(SELLER))
    await life.rest()
    ticket = life.ticket(Cause.CLAIM).ticket_id
    assert (await aftersale("tickets", "assign", ticket, "--owner", "eve", *EVE)).code == 0
    await life.rest()
    [claim] = life.state().claims
    assert (claim.owner, life.ticket(Cause.CLAIM).owner) == ("eve", "eve")
    shown = await aftersale("tickets", "show", ticket, *EVE)
    assert f"Claim {life.order_id}-c1" in shown.out
    assert f"aftersale decide-claim {life.order_id} --claim c1 --verdict VERDICT" in shown.out
    assert (await aftersale("tickets", "assign", ticket, "--owner", "no body", *EVE)).code == 2
    assert (await aftersale("tickets", "assign", ticket, "--owner", "", *EVE)).code == 0
    await life.rest()
    again = await aftersale("tickets", "assign", ticket, "--owner", "", *EVE)
    assert (again.code, f"ticket {ticket} is nobody's already" in again.err) == (3, True)


@pytest.mark.parametrize("command", [("show",), ("assign", "--owner", "eve"), ("note", "--text", "x")])
async def test_a_ticket_is_the_desks_and_not_of_one_who_is_a_party(
    aftersale: Aftersale, market: Marketplace, command: tuple[str, ...]
) -> None:
    life = await market.order()
    await life.until("confirm_overdue")
    ticket = life.ticket(Cause.CONFIRM_OVERDUE).ticket_id
    name, *rest = command
    own = ("--as", "specialist", "--id", life.actor(SELLER).id)
    there = await aftersale("tickets", name, ticket, *rest, *own)
    nowhere = await aftersale("tickets", name, "t-none", *rest, *own)
    assert (there.code, nowhere.code) == (4, 4)
    assert there.err.replace(ticket, "t-none") == nowhere.err
    assert (await aftersale("tickets", name, ticket, *rest, "--as", "seller", "--id", "s")).code == 2


async def test_a_queue_has_no_ticket_of_an_order_of_ones_own_and_is_no_partys(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    await life.until("confirm_overdue")
    ticket = life.ticket(Cause.CONFIRM_OVERDUE).ticket_id
    shop = life.actor(SELLER).id
    for way in ((), ("list",)):
        asked = ("tickets", *way, "--cause", "confirm_overdue", "--limit", "500", "--json")
        for who, found in (("eve", True), (shop, False), (life.actor(BUYER).id, False)):
            queue = await aftersale(*asked, "--as", "operator", "--id", who)
            assert (ticket in [row["ticket_id"] for row in queue.json["tickets"]]) is found, queue.err
        assert (await aftersale(*asked, "--as", "seller", "--id", shop)).code == 2


async def test_words_that_no_step_recorded_are_no_notes_of_a_ticket(aftersale: Aftersale, market: Marketplace) -> None:
    life = await market.order()
    await life.until("confirm_overdue")
    ticket, seller = life.ticket(Cause.CONFIRM_OVERDUE).ticket_id, life.actor(SELLER).id
    acts = ("resolve", ticket, "--outcome", "act", "--reason", "Words of a refused command.", *EVE)
    forged = ("--reason", "Forged words.", "--as", "specialist", "--id", seller)
    away = ("hand-over", ticket, "--owner", seller, "--reason", "Handed to nobody.", *EVE)
    empty = ("hand-over", ticket, "--owner", "bob", "--reason", "\u00a0\u200b", *EVE)
    assert [(await aftersale("tickets", *words)).code for words in (acts, away, empty)] == [3, 3, 2]
    assert (await aftersale("note", life.order_id, *forged)).code == 3
    assert (await aftersale("tickets", "note", ticket, "--text", "The shop is away.", *EVE)).code == 0
    await life.rest()
    shown = (await aftersale("tickets", "show", ticket, *EVE, "--json")).json
    assert [note["text"] for note in shown["notes"]] == ["The shop is away."]
    assert shown["owner"] == "", "nothing of a hand-over without its words was done"


async def test_the_client_takes_a_ticket_by_its_id(client: AftersaleClient, market: Marketplace) -> None:
    life = await market.order()
    await life.until("confirm_overdue")
    row = await client.ticket(life.ticket(Cause.CONFIRM_OVERDUE).ticket_id, specialist("eve"))
    assert (row.order_id, row.cause) == (life.order_id, "confirm_overdue")
    await client.resolve_ticket(
        row.order_id, specialist("eve"), ticket=row.ticket_id, outcome=Outcome.NO_CHANGE, reason="He will confirm."
    )
    await life.rest()
    assert life.state().tickets == ()
