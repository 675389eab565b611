"""When one time of a clock is put off, the others keep their distance, in business days where they count those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.business_time import Calendar, add_business_days
from domain.deadlines import deadlines
from domain.decide import Decision, tick
from domain.events import TicketResolved
from domain.money import Verb
from domain.state import Outcome, Role
from domain.tiers import party_tiers, ship_tiers
from tests.domain.lives import awaiting_payment
from tests.domain.world import (
    AT_CONFIRMATION,
    RENEWS,
    Life,
    confirmed,
    delivered,
    done_with_mandate,
    new_order,
    no,
    paid,
    text_of,
    unclear,
)

SPECIALIST, BUYER, SELLER = Role.SPECIALIST, Role.BUYER, Role.SELLER
NOTE = {"note_id": "n-1"}


def waiting(to: Callable[..., Life]) -> Life:
    """An order whose hold can be renewed, so that it limits nobody's time."""
    return to(new_order(RENEWS), done_with_mandate)


@pytest.mark.parametrize(("to", "clock"), [(paid, "confirm"), (confirmed, "ship")])
def test_an_outage_that_puts_a_ticket_off_puts_the_end_off(to: Callable[..., Life], clock: str) -> None:
    life = waiting(to)
    before, calendar = party_tiers(life.order), life.order.seller_calendar
    assert life.ring(late=timedelta(days=3)).step == "spare_after_outage"
    ticket, end = (party_tiers(life.order)[f"{clock}.{tier}"] for tier in ("ticket", "end"))
    assert ticket > before[f"{clock}.ticket"]
    windows = getattr(life.order.policy, clock)
    assert end == add_business_days(calendar, ticket, windows.end - windows.ticket)
    rung = [step for step in life.silence() if step.startswith(clock)]
    assert rung == [f"{clock}_overdue", f"{clock}_lapses"], "a specialist looks before it ends"


def test_whoever_may_confirm_later_has_as_long_to_ship() -> None:
    life = waiting(paid)
    ship, calendar = ship_tiers(life.order), life.order.seller_calendar
    life.until("confirm_overdue")
    until = add_business_days(calendar, life.now, 4)
    life.do("extend", SPECIALIST, clock="confirm", until=text_of(until), **NOTE)
    assert ship_tiers(life.order) == {tier: add_business_days(calendar, at, 4) for tier, at in ship.items()}
    life.now = until
    life.do("confirm", SELLER)
    assert min(clock.at for clock in deadlines(life.order) if clock.tier.startswith("ship")) > until


def test_the_hold_cuts_no_time_to_ship_that_an_extension_to_confirm_gave() -> None:
    life = paid(new_order(AT_CONFIRMATION))
    before = ship_tiers(life.order)
    life.now += timedelta(days=1)
    life.do("extend", SPECIALIST, clock="confirm", until=text_of(life.now + timedelta(days=3)), **NOTE)
    life.do("confirm", SELLER)
    life.settle_money()
    assert life.order.payment.captured is not None
    after = ship_tiers(life.order)
    assert all(after[tier] >= at for tier, at in before.items())
    assert after["ship.ticket"] < after["ship.end"]


def test_a_clock_that_is_drawn_nearer_takes_no_time_to_ship() -> None:
    life = waiting(paid)
    ship = ship_tiers(life.order)
    life.do("extend", SPECIALIST, clock="confirm", until=text_of(life.now + timedelta(hours=2)), **NOTE)
    assert ship_tiers(life.order) == ship


def test_an_end_that_is_put_off_falls_on_no_day_off() -> None:
    life = waiting(paid)
    life.until("confirm_overdue")
    friday = datetime(2026, 11, 27, 9, tzinfo=UTC)
    assert friday.weekday() == 4
    life.do("extend", SPECIALIST, clock="confirm", until=text_of(friday), **NOTE)
    tiers, windows = party_tiers(life.order), life.order.policy.confirm
    assert tiers["confirm.ticket"] == friday
    wanted = add_business_days(life.order.seller_calendar, friday, windows.end - windows.ticket)
    assert tiers["confirm.end"] == wanted


def test_a_reminder_that_is_to_come_moves_with_its_clock_and_one_that_came_stays() -> None:
    life = waiting(paid)
    calendar, before = life.order.seller_calendar, party_tiers(life.order)
    until = add_business_days(calendar, before["confirm.ticket"], 3)
    life.do("extend", SPECIALIST, clock="confirm", until=text_of(until), **NOTE)
    reminder = party_tiers(life.order)["confirm.remind"]
    assert reminder == add_business_days(calendar, before["confirm.remind"], 3)
    life.now = reminder + timedelta(minutes=1)
    again = add_business_days(calendar, until, 2)
    life.do("extend", SPECIALIST, clock="confirm", until=text_of(again), **NOTE)
    assert party_tiers(life.order)["confirm.remind"] == reminder


@pytest.mark.parametrize("after", [timedelta(0), timedelta(days=4)])
def test_more_time_to_pay_moves_a_reminder_that_is_to_come(after: timedelta) -> None:
    life = awaiting_payment()
    before = party_tiers(life.order)
    life.now += after
    life.do("more_time_to_pay", BUYER, days=5)
    tiers, later = party_tiers(life.order), timedelta(days=5)
    assert tiers["pay.end"] == before["pay.end"] + later
    ahead = before["pay.remind"] > life.now
    assert tiers["pay.remind"] == before["pay.remind"] + (later if ahead else timedelta(0))
    assert ahead is (after == timedelta(0))


def test_more_time_to_pay_counts_although_a_payment_is_being_tried() -> None:
    life = awaiting_payment()
    end, life.answer = party_tiers(life.order)["pay.end"], unclear(Verb.AUTHORISE)
    life.do("pay", BUYER, payment_method="pm_1", customer="cus_1")
    life.do("more_time_to_pay", BUYER, days=5)
    life.answer = no("Declined", Verb.AUTHORISE)
    assert life.ring().step == "settle"
    assert party_tiers(life.order)["pay.end"] == end + timedelta(days=5)


def test_after_an_outage_a_party_has_a_day_on_which_that_party_works() -> None:
    life = waiting(paid)
    ticket = party_tiers(life.order)["confirm.ticket"]
    closed = with_days_off(life.order.seller_calendar, ticket + timedelta(days=1), days=14)
    life.order = replace(life.order, seller_calendar=closed)
    assert life.ring(late=timedelta(minutes=20)).step == "spare_after_outage"
    assert party_tiers(life.order)["confirm.ticket"] == add_business_days(closed, life.now, 1)


def test_calendars_that_do_not_reach_beyond_an_outage_are_extended_first() -> None:
    life = waiting(paid)
    known = life.order.seller_calendar
    days = (party_tiers(life.order)["confirm.ticket"].date() - known.first).days + 12
    life.order = replace(life.order, seller_calendar=replace(known, days=known.days[:days]))
    clock = next(clock for clock in deadlines(life.order) if clock.tier == "confirm.ticket")
    decision = tick(life.order, clock, clock.at + timedelta(days=40))
    assert isinstance(decision, Decision)
    assert decision.step == "extend_calendars"


def test_granted_time_ends_the_overdue_ticket_once_also_when_it_is_named() -> None:
    life = waiting(confirmed)
    life.until("ship_overdue")
    (ticket,) = life.order.tickets
    life.do("ask_time", SELLER, days=1)
    decision = life.do("grant_time", SPECIALIST, ticket.ticket_id)
    assert [event for event in decision.events if isinstance(event, TicketResolved)] == [
        TicketResolved(ticket.ticket_id, Outcome.EXTEND, "grant_time")
    ]


def with_days_off(calendar: Calendar, since: datetime, days: int) -> Calendar:
    at = (since.date() - calendar.first).days
    return replace(calendar, days=calendar.days[:at] + "0" * days + calendar.days[at + days :])


def lines_of_one_stem() -> Life:
    """Nobody has said for long whether two lines arrived; the id of one begins like that of the other."""
    order = new_order(prices=("300.00", "200.00"))
    lines = tuple(replace(line, line_id=name) for line, name in zip(order.lines, ("art", "art.2"), strict=True))
    life = delivered(replace(order, lines=lines))
    life.until("receipt_overdue")
    life.settle_money()
    return life


@pytest.mark.parametrize(("line", "other"), [("art", "art.2"), ("art.2", "art")])
def test_a_ticket_that_is_put_off_moves_the_clock_of_its_own_line_and_no_other(line: str, other: str) -> None:
    life = lines_of_one_stem()
    [ticket] = [ticket for ticket in life.order.tickets if ticket.subject == line]
    before, until = party_tiers(life.order), life.now + timedelta(days=3)
    asked = {"ticket_id": ticket.ticket_id, "outcome": "extend", "until": text_of(until)}
    life.do("resolve_ticket", SPECIALIST, **asked, **NOTE)
    after = party_tiers(life.order)
    assert [open_one.subject for open_one in life.order.tickets] == [other]
    assert after[f"receipt:{line}.decide"] == until
    moved = {tier for tier in after if after[tier] != before[tier]}
    assert moved == {f"receipt:{line}.decide", f"receipt:{line}.weak"}


def test_extending_the_clock_of_a_line_with_a_dot_in_its_id_ends_its_ticket() -> None:
    life = lines_of_one_stem()
    [ticket] = [ticket for ticket in life.order.tickets if ticket.subject == "art.2"]
    until = text_of(life.now + timedelta(days=3))
    life.do("extend", SPECIALIST, ticket.ticket_id, clock="receipt", until=until, **NOTE)
    assert life.order.ticket(ticket.ticket_id) is None
