"""What the second operator approves is what the first one saw: a fact that changed meanwhile ends the approval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.money import Money, Verb
from domain.purse import SHIPPING, Part
from domain.state import Funds, Order, Outcome, Role
from domain.tickets import facts_digest
from tests.domain.claims_world import return_back
from tests.domain.lives import NOTE, dispute
from tests.domain.world import SECOND_OPERATOR, Life, confirmed, new_order, scan, shipped, text_of

OPERATOR, SPECIALIST = Role.OPERATOR, Role.SPECIALIST


def asked() -> Life:
    """Of two parcels one has arrived; an operator wants to pay for everything, which another has to approve."""
    life = confirmed(new_order(prices=("900.00", "20.00")))
    for parcel, line in (("p1", "a"), ("p2", "b")):
        life.do("ship", Role.SELLER, parcel_id=parcel, carrier="dhl", lines=[line])
    scan(life, "p2", "delivered")
    assert life.do("release", OPERATOR, **NOTE).step == "ask_second_operator"
    return life


def part_taken(life: Life) -> None:
    dispute(life, amount="300.00 EUR")
    life.do("lose_dispute", Role.PROVIDER, dispute="dp_1")
    life.settle_money()


CHANGES: Mapping[str, Callable[[Life], object]] = {
    "lost": lambda life: scan(life, "p1", "lost"),
    "came back": lambda life: scan(life, "p1", "returned"),
    "arrived": lambda life: scan(life, "p1", "delivered"),
    "moved on": lambda life: scan(life, "p1", "out_for_delivery"),
    "came back after it had arrived": lambda life: scan(life, "p2", "returned"),
    "claimed for": lambda life: life.do("open_claim", Role.BUYER, reason="damaged", lines=["b"]),
    "disputed": dispute,
    "taken in part by the bank": part_taken,
    "paid to another account": lambda life: life.do("payout_account", Role.STOREFRONT, account="acct_2"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_approval_ends_when_what_the_first_operator_saw_has_changed(change: str) -> None:
    life = asked()
    waiting = life.order.approval
    assert waiting is not None
    CHANGES[change](life)
    assert life.order.approval is None
    assert life.refused("approve", SECOND_OPERATOR, digest=waiting.digest).code == "waits_for_approval"
    assert Verb.RELEASE not in life.moved


def test_an_approval_outlives_what_changes_none_of_its_facts() -> None:
    life = asked()
    waiting = life.order.approval
    assert waiting is not None
    life.do("note", SPECIALIST, **NOTE)
    life.do("message", Role.BUYER, message_id="m-1")
    life.do("extend", SPECIALIST, clock="stall", until=text_of(life.now.replace(hour=20)), **NOTE)
    assert life.order.approval == waiting
    life.do("approve", SECOND_OPERATOR, digest=waiting.digest)
    assert life.states == ("accepted", "accepted")


def test_a_parcel_that_came_back_after_the_question_is_paid_for_only_by_who_knows_it() -> None:
    life = asked()
    scan(life, "p2", "returned")
    [ticket] = life.order.tickets
    life.do("release", OPERATOR, ticket.ticket_id, **NOTE)
    assert life.order.tickets == (ticket,), "it waits for the second operator"
    assert life.order.approval is not None
    life.do("approve", SECOND_OPERATOR, digest=life.order.approval.digest)
    assert life.states == ("shipped", "accepted")
    assert not life.order.tickets


def test_an_approval_names_no_other_ticket_than_the_command_that_waits() -> None:
    life = asked()
    scan(life, "p1", "lost")
    [ticket] = life.order.tickets
    life.do("release", OPERATOR, lines=["b"], **NOTE)
    assert life.order.approval is not None
    refused = life.refused("approve", SECOND_OPERATOR, ticket.ticket_id, digest=life.order.approval.digest)
    assert refused.code == "not_of_ticket"
    life.do("approve", SECOND_OPERATOR, digest=life.order.approval.digest)
    assert (life.states, life.order.tickets) == (("shipped", "accepted"), (ticket,))


def stalled_and_asked(names_ticket: bool = False) -> Life:
    """A dear parcel was seen once and not again; a specialist wants to give the money back."""
    life = shipped(new_order(prices=("900.00", "20.00")))
    life.now += timedelta(hours=5)
    scan(life, "p1", "in_transit")
    life.until("parcel_stalled")
    [ticket] = life.order.tickets
    life.do("refund", SPECIALIST, ticket.ticket_id if names_ticket else "", **NOTE)
    assert life.order.approval is not None
    life.now += timedelta(hours=3)
    return life


@pytest.mark.parametrize("names_ticket", [False, True])
def test_an_approval_ends_when_a_parcel_that_had_stalled_is_seen_again_as_before(names_ticket: bool) -> None:
    life = stalled_and_asked(names_ticket)
    waiting = life.order.approval
    assert waiting is not None
    scan(life, "p1", "in_transit")
    assert (life.order.approval, life.order.tickets) == (None, ())
    assert life.refused("approve", SECOND_OPERATOR, digest=waiting.digest).code == "waits_for_approval"
    life.do("release", SPECIALIST, lines=["a"], **NOTE)


ENDS: Mapping[str, Callable[[Life, str], object]] = {
    "left as it is": lambda life, ticket: life.do(
        "resolve_ticket", SPECIALIST, ticket_id=ticket, outcome=Outcome.NO_CHANGE, **NOTE
    ),
    "given more time": lambda life, ticket: life.do(
        "resolve_ticket",
        SPECIALIST,
        ticket_id=ticket,
        outcome=Outcome.EXTEND,
        until=text_of(life.now + timedelta(days=3)),
        **NOTE,
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_approval_ends_with_the_ticket_that_it_was_asked_for(end: str) -> None:
    life = stalled_and_asked(names_ticket=True)
    [ticket] = life.order.tickets
    ENDS[end](life, ticket.ticket_id)
    assert (life.order.approval, life.order.tickets) == (None, ())


@pytest.mark.parametrize("end", ENDS)
def test_an_approval_that_names_no_ticket_outlives_the_end_of_one(end: str) -> None:
    life = stalled_and_asked()
    waiting, [ticket] = life.order.approval, life.order.tickets
    ENDS[end](life, ticket.ticket_id)
    assert (life.order.approval, life.order.tickets) == (waiting, ())


def test_what_the_second_operator_approves_ends_the_ticket_and_is_carried_out() -> None:
    life = stalled_and_asked(names_ticket=True)
    assert life.order.approval is not None
    life.do("approve", SECOND_OPERATOR, digest=life.order.approval.digest)
    life.settle_money()
    assert (life.states, life.order.tickets) == (("refunded", "refunded"), ())


FIVE = Money.of("5.00", "EUR")

FACTS: Mapping[str, Callable[[Order], Order]] = {
    "what is granted": lambda order: replace(order, granted=(Part("a", FIVE),)),
    "where the shipping went": lambda order: replace(order, shipping_funds=Funds.RELEASED),
    "what is left of the shipping": lambda order: replace(order, given_back=(Part(SHIPPING, FIVE),)),
    "that the seller has the goods": lambda order: replace(order, claims=(replace(order.claims[0], back=None),)),
    "when a parcel was last seen": lambda order: replace(
        order, parcels=(replace(order.parcels[0], moved_at=order.placed_at + timedelta(days=30)),)
    ),
}


@pytest.mark.parametrize("fact", FACTS)
def test_what_is_approved_is_told_by_each_fact_alone(fact: str) -> None:
    order = return_back().order
    changed = FACTS[fact](order)
    assert changed != order
    assert facts_digest(changed, "release", "{}") != facts_digest(order, "release", "{}")
    assert facts_digest(order, "release", "{}") == facts_digest(replace(order, seq=order.seq + 1), "release", "{}")
