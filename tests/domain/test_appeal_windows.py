"""On whose calendar the time to appeal counts: of whoever the decision goes against, the later end when of both."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.claims.case import Claim
from domain.deadlines import Clock, deadlines
from domain.decide import Decision, tick
from domain.state import Order, Role
from tests.domain.claims_world import NOTE, escalated
from tests.domain.world import Life, text_of

AWAY = timedelta(days=28)
"""As long as one side works on no day; far longer than any window here."""
WAITS = pytest.mark.parametrize(
    ("verdict", "away", "waits"),
    [
        ("refund", "seller", True),
        ("refund", "buyer", False),
        ("release", "seller", False),
        ("release", "buyer", True),
        ("part_refund", "seller", True),
        ("part_refund", "buyer", True),
    ],
)
"""Whether a decision is carried out only after one side has come back."""


def decided(verdict: str) -> Life:
    """A first decision, against which somebody may appeal."""
    life = escalated()
    amount = {"amount": "10.00 EUR"} if verdict == "part_refund" else {}
    life.do("decide_claim", Role.SPECIALIST, verdict=verdict, **amount, **NOTE)
    return life


def shut(order: Order, side: str, ahead: timedelta) -> Order:
    """One side is away from so long after the decision on."""
    claim: Claim = order.claims[0]
    calendar = order.seller_calendar if side == "seller" else order.buyer_calendar
    first = ((claim.since + ahead).date() - calendar.first).days
    off = replace(calendar, days=calendar.days[:first] + "0" * AWAY.days + calendar.days[first + AWAY.days :])
    return replace(order, seller_calendar=off) if side == "seller" else replace(order, buyer_calendar=off)


def standing(order: Order) -> Clock:
    """The clock at whose end the decision stands."""
    return next(clock for clock in deadlines(order) if clock.step == "decision_stands")


@WAITS
def test_the_time_to_appeal_counts_on_the_calendar_of_whom_the_decision_goes_against(
    verdict: str, away: str, waits: bool
) -> None:
    life = decided(verdict)
    order = shut(life.order, away, timedelta(days=1))
    assert (standing(order).at > life.now + AWAY) is waits


@WAITS
def test_after_a_pause_the_time_to_appeal_goes_on_for_whom_the_decision_goes_against(
    verdict: str, away: str, waits: bool
) -> None:
    life = decided(verdict)
    end = standing(life.order).at
    life.order = shut(life.order, away, end - life.now + timedelta(days=1))
    assert standing(life.order).at == end
    life.do("pause", Role.OPERATOR, until=text_of(life.now + timedelta(days=9)), **NOTE)
    life.now += timedelta(days=5)
    life.do("resume", Role.OPERATOR, **NOTE)
    assert (standing(life.order).at > life.now + AWAY) is waits


@WAITS
def test_after_an_outage_whoever_may_appeal_has_a_business_day_of_their_own(
    verdict: str, away: str, waits: bool
) -> None:
    life = decided(verdict)
    clock = standing(life.order)
    life.order = shut(life.order, away, clock.at - life.now + timedelta(days=1))
    decision = tick(life.order, clock, clock.at + timedelta(hours=1))
    assert isinstance(decision, Decision)
    assert decision.step == "spare_after_outage"
    assert (standing(decision.after).at > clock.at + AWAY - timedelta(days=4)) is waits
