"""What the second operator approves is what the first one saw: a fact that changed meanwhile ends the approval."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from domain.money import Verb
from domain.state import Role
from tests.domain.lives import NOTE, dispute
from tests.domain.world import SECOND_OPERATOR, Life, confirmed, new_order, scan, text_of

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
