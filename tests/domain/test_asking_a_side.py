"""The platform asks one side: its own clock stands meanwhile, and goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain import wire
from domain.business_time import business_minutes_between
from domain.claims.case import Status
from domain.state import Cause, Order, Ticket
from tests.domain.claims_world import BUYER, NOTE, OTHER_JUDGE, SELLER, SPECIALIST, escalated
from tests.domain.world import Life


def ticket_of(life: Life) -> Ticket:
    [ticket] = [ticket for ticket in life.order.tickets if ticket.cause is Cause.CLAIM]
    return ticket


def left(life: Life) -> int:
    """The business minutes of the desk until the ticket is due."""
    return business_minutes_between(life.order.desk_calendar, life.now, ticket_of(life).due)


@pytest.mark.parametrize("escalations", [0, 1, 2])
@pytest.mark.parametrize("answers", [True, False])
def test_the_platforms_clock_goes_on_with_the_time_that_was_left_when_it_asked(escalations: int, answers: bool) -> None:
    life = escalated()
    for _ in range(escalations):
        life.until("ticket_overdue")
    life.now += timedelta(hours=1)
    before, minutes = ticket_of(life), left(life)
    life.do("ask_party", SPECIALIST, of="buyer", **NOTE)
    assert not life.order.tickets, "the platform's clock stands while it waits"
    assert wire.from_plain(Order, wire.to_plain(life.order)) == life.order
    if answers:
        life.now += timedelta(days=2)
        life.do("answer_claim", BUYER, **NOTE)
    else:
        life.until("claim_unanswered")
    after = ticket_of(life)
    assert (after.escalations, left(life)) == (before.escalations, minutes)
    assert after.ticket_id != before.ticket_id


def test_what_was_overdue_when_the_platform_asked_is_overdue_when_the_answer_comes() -> None:
    life = escalated()
    life.now = ticket_of(life).due + timedelta(minutes=5)
    due = ticket_of(life).due
    life.do("ask_party", SPECIALIST, of="seller", **NOTE)
    life.do("answer_claim", SELLER, **NOTE)
    assert ticket_of(life).due == due


def test_asking_again_and_again_gives_the_platform_no_more_time() -> None:
    life = escalated()
    minutes = left(life)
    for _ in range(5):
        life.do("ask_party", SPECIALIST, of="seller", **NOTE)
        life.now += timedelta(hours=8)
        life.do("answer_claim", SELLER, **NOTE)
    assert left(life) == minutes


def test_who_decides_on_appeal_has_the_whole_time() -> None:
    life = escalated()
    whole = left(life)
    life.until("ticket_overdue")
    life.do("ask_party", SPECIALIST, of="seller", **NOTE)
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    life.do("appeal_claim", BUYER, **NOTE)
    assert (ticket_of(life).escalations, left(life)) == (0, whole)
    life.do("decide_claim", OTHER_JUDGE, verdict="refund", **NOTE)
    life.settle_money()
    assert life.order.claims[-1].status is Status.RESOLVED
