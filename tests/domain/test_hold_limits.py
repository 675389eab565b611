"""Where the hold ends before the seller's time does: a ticket comes first, and nobody is promised more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.business_time import business_days_before
from domain.deadlines import deadlines
from domain.funds import Result
from domain.money import Money, Verb
from domain.notices import Notice, reminders
from domain.state import MoneyOp, Order, Role
from tests.domain.teller import Telling
from tests.domain.world import (
    HOLD_LIVES,
    RENEWS,
    START,
    WEEKS,
    Life,
    confirmed,
    done,
    done_with_mandate,
    new_order,
    paid,
    text_of,
)

NOTE = {"note_id": "n1"}
Numbers = dict[str, dict[str, Any]]
TUESDAY = START + timedelta(days=1)


def rings(life: Life, step: str) -> datetime:
    """When the clock that takes `step` rings."""
    return next(clock.at for clock in deadlines(life.order) if clock.step == step)


def lasting(hours: float) -> Life:
    """An order whose hold lasts so many hours, and its margin of a day."""

    def answer(order: Order, op: MoneyOp, now: datetime) -> Result:
        result = done(order, op, now)
        limit = now + timedelta(days=1, hours=hours)
        return replace(result, capture_before=limit) if op.verb is Verb.AUTHORISE else result

    return paid(answer=answer)


def limit_of(life: Life) -> datetime:
    """The last moment at which the seller can still be paid."""
    assert life.order.payment.capture_before is not None
    return life.order.payment.capture_before - timedelta(days=1)


def said(life: Telling, template: str) -> Notice:
    """What was told last by that template."""
    return next(each.notice for each in reversed(life.said) if each.notice.template == template)


def placed_on_tuesday() -> Life:
    """Confirmed; the hold ends at the very moment of the policy's ticket."""
    life = Life(new_order(payment=None))
    life.now = TUESDAY
    life.do("pay", Role.BUYER, payment_intent="pi_1")
    life.do("confirm", Role.SELLER)
    return life


def test_where_the_hold_cuts_the_time_to_ship_the_ticket_comes_a_business_day_before_the_end() -> None:
    life = placed_on_tuesday()
    assert rings(life, "ship_lapses") == limit_of(life)
    assert rings(life, "ship_overdue") == business_days_before(WEEKS, limit_of(life), 1)


@pytest.mark.parametrize("hours", [1, 6, 20, 30])
def test_a_short_hold_leaves_half_its_time_before_the_ticket(hours: int) -> None:
    life = lasting(hours)
    assert rings(life, "confirm_overdue") == START + timedelta(hours=hours) / 2
    life.silence()
    assert life.told[:2] == ["confirm_overdue", "hold_lapses"]


def test_time_that_is_granted_beyond_the_hold_loses_no_ticket() -> None:
    life = confirmed()
    life.do("ask_time", Role.SELLER, days=5)
    life.do("grant_time", Role.BUYER)
    assert rings(life, "ship_lapses") == limit_of(life)
    life.until("ship_overdue")
    assert life.order.tickets
    life.do("wait_longer", Role.BUYER, days=10)
    assert "ship_overdue" not in {clock.step for clock in deadlines(life.order)}
    life.until("hold_lapses")


@pytest.mark.parametrize("days", [5, 2])
def test_time_that_is_granted_beyond_the_hold_loses_no_reminder(days: int) -> None:
    life = confirmed()
    [before] = reminders(life.order)
    life.do("ask_time", Role.SELLER, days=days)
    life.do("grant_time", Role.BUYER)
    [after] = reminders(life.order)
    ticket = rings(life, "ship_overdue")
    assert (before.valid_until, after.valid_until) == (ticket, ticket), "the hold gives no later ticket"
    assert after.cause == before.cause
    assert after.due == START + (ticket - START) / 2, "two days before, but half of the time is left"


@pytest.mark.parametrize("days", [1, 7])
def test_the_buyer_who_waits_longer_takes_no_reminder_from_the_seller(days: int) -> None:
    life = confirmed()
    life.do("wait_longer", Role.BUYER, days=days)
    [reminder] = reminders(life.order)
    assert START < reminder.due < rings(life, "ship_overdue")


def test_a_reminder_of_a_ticket_that_the_hold_cuts_keeps_its_distance() -> None:
    life = lasting(24 * 9)
    life.do("confirm", Role.SELLER)
    life.do("ask_time", Role.SELLER, days=5)
    life.do("grant_time", Role.BUYER)
    [reminder] = reminders(life.order)
    assert rings(life, "ship_overdue") - reminder.due == timedelta(days=2)


def test_a_ticket_that_came_does_not_come_again_for_time_that_the_hold_does_not_give() -> None:
    life = confirmed()
    life.until("ship_overdue")
    life.do("ask_time", Role.SELLER, days=5)
    life.do("grant_time", Role.BUYER)
    life.until("hold_lapses")
    assert life.told.count("ship_overdue") == 1


def test_a_clock_that_a_pause_moved_beyond_the_hold_still_brings_its_ticket() -> None:
    life = confirmed()
    until = limit_of(life) - timedelta(hours=3)
    life.do("pause", Role.OPERATOR, until=text_of(until), **NOTE)
    life.until("pause_ends")
    life.until("hold_lapses")
    assert "ship_overdue" in life.told


@pytest.mark.parametrize("clock", ["confirm", "ship"])
def test_a_specialist_moves_the_sellers_clock_up_to_the_end_of_the_hold_and_no_further(clock: str) -> None:
    life = paid() if clock == "confirm" else confirmed()
    refused = life.refused("extend", Role.SPECIALIST, clock=clock, until=text_of(limit_of(life)), **NOTE)
    assert refused.reason.endswith(f"before {limit_of(life).isoformat()}, when the hold on the buyer's card ends")
    until = limit_of(life) - timedelta(hours=2)
    life.do("extend", Role.SPECIALIST, clock=clock, until=text_of(until), **NOTE)
    assert (rings(life, f"{clock}_overdue"), rings(life, f"{clock}_lapses")) == (until, limit_of(life))


def test_the_end_of_the_hold_binds_no_other_clock() -> None:
    life = confirmed()
    life.do("request_cancel", Role.BUYER, reason="too_slow")
    life.do("extend", Role.SPECIALIST, clock="cancel", until=text_of(START + HOLD_LIVES), **NOTE)


def adopts(life: Life, **sections: dict[str, Any]) -> dict[str, Any]:
    """The message that adopts the order's policy with other numbers."""
    policy = life.order.policy
    parts = {name: replace(getattr(policy, name), **numbers) for name, numbers in sections.items()}
    return {"policy": replace(policy, version="2", **parts).to_plain(), **NOTE}


@pytest.mark.parametrize(
    ("sections", "tier"),
    [
        ({"confirm": {"ticket": 2, "end": 2}}, "confirm.end"),
        ({"hold": {"margin": timedelta(days=5)}}, "hold.end"),
    ],
)
def test_a_policy_whose_time_is_over_already_is_not_adopted(sections: Numbers, tier: str) -> None:
    life = paid()
    life.wait(days=2, hours=1)
    refused = life.refused("adopt_policy", Role.OPERATOR, **adopts(life, **sections))
    assert (refused.code, f"{tier} would have rung at 2026-11-25T09:00:00" in refused.reason) == ("over_at_once", True)
    life.do("adopt_policy", Role.OPERATOR, **adopts(life, confirm={"ticket": 2, "end": 3}))


def test_a_clock_that_has_rung_already_is_no_bar_to_another_policy() -> None:
    life = paid()
    life.now += timedelta(days=5)
    life.do("adopt_policy", Role.OPERATOR, **adopts(life, receipt={"decide": 5}))


def test_a_policy_that_leaves_no_hold_is_not_adopted() -> None:
    life = paid()
    whole = {"margin": timedelta(days=7)}
    assert "hold.expected" in life.refused("adopt_policy", Role.OPERATOR, **adopts(life, hold=whole)).reason


def test_the_seller_is_told_until_when_and_not_how_many_days_were_granted() -> None:
    life = Telling().confirm()
    life.do("ask_time", Role.SELLER, days=5)
    life.do("grant_time", Role.BUYER)
    assert said(life, "grant_time").context["until"] == text_of(limit_of(life))
    life.do("wait_longer", Role.BUYER, days=2)
    assert said(life, "wait_longer").context["until"] == text_of(limit_of(life))


def test_a_capture_takes_no_more_than_what_a_hold_was_renewed_for() -> None:
    life = confirmed(new_order(RENEWS), done_with_mandate)
    life.do("cancel", Role.SELLER, reason="damaged", lines=["b"])
    life.do("ask_time", Role.SELLER, days=5)
    life.do("grant_time", Role.BUYER)
    life.until("renew_hold")
    life.settle_money()
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    payment = life.order.payment
    assert (payment.authorised, payment.captured) == (Money.of("35.00", "EUR"), Money.of("35.00", "EUR"))
