from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations, product

import pytest

from domain.business_time import add_business_days
from domain.deadlines import deadlines
from domain.decide import Decision, Refusal
from domain.funds import desires
from domain.money import Money, Verb
from domain.parcels.parcel import Milestone, Proof
from domain.parcels.scans import scans
from domain.parcels.tracking import Reached, TrackerReport
from domain.state import Cause, LineState, Role, Stage
from tests.domain.lives import NOTE, awaiting_payment, capture_unknown, lost, returned_after_delivery
from tests.domain.world import (
    AT_CONFIRMATION,
    HOLD_LIVES,
    WEEKS,
    Life,
    confirmed,
    delivered,
    done,
    new_order,
    next_clock,
    no,
    paid,
    scan,
    shipped,
    text_of,
    unclear,
)

SILENT_RELEASES = {"accept_on_strong_proof", "accept_on_weak_proof"}


@pytest.mark.parametrize(
    ("proof", "value", "held", "pausing"),
    list(product(("strong", "weak"), ("below", "at", "above"), (False, True), (False, True))),
)
def test_silence_releases_money_only_by_the_row_for_its_proof_and_value_and_never_while_held_or_paused(
    proof: str, value: str, held: bool, pausing: bool
) -> None:
    price = {"below": "144.99", "at": "145.00", "above": "145.01"}[value]
    life = delivered(new_order(prices=(price,)), proof)
    arrived = life.now
    if held:
        life.now += timedelta(minutes=5)
        scan(life, "p1", "returned")
    if pausing:
        until = text_of(life.now + timedelta(days=20))
        life.do("pause", Role.OPERATOR, until=until, **NOTE)
    clocks = {clock.step for clock in deadlines(life.order)}
    due = add_business_days(WEEKS, arrived, 4)
    if held or pausing:
        assert not clocks & (SILENT_RELEASES | {"receipt_overdue"})
    elif proof == "strong":
        assert clocks & SILENT_RELEASES == {"accept_on_strong_proof"}
        assert next_clock(life.order).at == due
    elif value == "below":
        assert clocks & SILENT_RELEASES == {"accept_on_weak_proof"}
        assert next_clock(life.order).at == due + timedelta(days=10)
    else:
        assert not clocks & SILENT_RELEASES
        assert life.ring().step == "receipt_overdue"
        assert [ticket.cause for ticket in life.order.tickets] == ["receipt_missing"]


def test_a_currency_without_a_limit_is_never_released_on_weak_proof() -> None:
    life = delivered(new_order(prices=("1",), shipping="0", currency="JPY"))
    assert life.ring().step == "receipt_overdue"


def test_held_money_that_nobody_decides_about_goes_back_to_the_buyer_at_the_longest_escrow() -> None:
    life = returned_after_delivery()
    steps = life.silence()
    assert "held_escrow_ends" in steps
    assert life.stage is Stage.REFUNDED
    assert life.moved[Verb.REFUND] == Money.parse("55.00 EUR")
    assert Verb.RELEASE not in life.moved


def test_a_new_payout_account_is_paid_after_three_days_and_not_before() -> None:
    life = delivered(new_order(account=""), answer=no("AccountRestricted", Verb.RELEASE))
    life.do("receive", Role.BUYER)
    life.answer = done
    life.do("payout_account", Role.STOREFRONT, account="acct_2")
    life.wait(hours=71)
    assert Verb.RELEASE not in life.done
    life.wait(hours=2)
    assert Verb.RELEASE in life.done


def test_the_money_of_a_line_that_a_claim_holds_is_not_released_although_it_was_accepted() -> None:
    life = delivered()
    accepted = [replace(line, state=LineState.ACCEPTED) for line in life.order.lines]
    held = replace(life.order, lines=(replace(accepted[0], held="claim-1"), accepted[1]))
    (release,) = desires(held)
    assert (release.verb, release.slices) == (Verb.RELEASE, ("b",))


def test_a_lost_parcel_that_turns_up_is_delivered_and_its_hold_and_ticket_end() -> None:
    life = lost()
    life.now += timedelta(days=2)
    scan(life, "p1", "delivered", "strong")
    assert life.states == ("delivered", "delivered")
    assert not any(line.held for line in life.order.lines)
    assert not life.order.tickets
    life.silence()
    assert life.stage is Stage.CLOSED


def test_an_old_delivery_told_again_does_not_free_a_parcel_that_was_lost_after_it() -> None:
    life = delivered()
    first = text_of(life.now)
    life.now += timedelta(days=1)
    scan(life, "p1", "lost")
    life.now += timedelta(days=1)
    again = life.refused("parcel_scan", Role.CARRIER, parcel_id="p1", milestone="delivered", at=first)
    assert again.code == "nothing_new"
    assert all(line.held == "parcel:p1" for line in life.order.lines)


@pytest.mark.parametrize("milestone", ["in_transit", "out_for_delivery", "available_for_pickup", "accepted"])
def test_a_lost_parcel_that_travels_again_is_found_and_its_clock_runs(milestone: str) -> None:
    life = lost()
    told = text_of(life.now)
    life.now += timedelta(days=2)
    scan(life, "p1", milestone)
    assert not any(line.held for line in life.order.lines)
    assert not life.order.tickets
    assert [clock.step for clock in deadlines(life.order) if clock.party] == ["parcel_stalled"]
    again = life.refused("parcel_scan", Role.CARRIER, parcel_id="p1", milestone="lost", at=told)
    assert again.code == "nothing_new", "the loss that is told again was before it"
    scan(life, "p1", "lost")
    assert life.order.tickets


def test_what_a_carrier_notes_about_a_lost_parcel_does_not_find_it_and_a_scan_does() -> None:
    life = lost()
    at = life.now + timedelta(days=1)
    gone = Reached(Milestone.LOST, life.now, Proof.WEAK)
    noted = TrackerReport("trk_1", (gone,), last_movement=at)
    assert scans(life.order, "p1", noted, "easypost") == ()
    seen = TrackerReport("trk_1", (gone, Reached(Milestone.OUT_FOR_DELIVERY, at, Proof.WEAK)), last_movement=at)
    [told] = scans(life.order, "p1", seen, "easypost")
    assert told.body["milestone"] == "out_for_delivery"


def test_of_a_lost_parcel_that_comes_back_one_ticket_is_left_and_it_frees_the_lines() -> None:
    life = lost()
    life.now += timedelta(days=1)
    scan(life, "p1", "returned")
    [ticket] = life.order.tickets
    assert ticket.cause is Cause.PARCEL_RETURNED
    assert all(line.held == "parcel:p1" for line in life.order.lines)
    life.do("resolve_ticket", Role.SPECIALIST, ticket_id=ticket.ticket_id, outcome="no_change", **NOTE)
    assert not any(line.held for line in life.order.lines)
    assert not life.order.tickets


MILESTONES = ("accepted", "in_transit", "failed_attempt", "delivered", "returned")


@pytest.mark.parametrize("order", list(permutations(range(len(MILESTONES)))))
def test_late_and_repeated_carrier_events_never_move_an_order_back(order: tuple[int, ...]) -> None:
    life = shipped()
    sent = life.now
    life.now += timedelta(days=3)
    rank = 0
    states = list(LineState)
    for number in (*order, *reversed(order)):
        before = life.order
        at = text_of(sent + timedelta(hours=number + 1))
        answer = life.ask(
            "parcel_scan", Role.CARRIER, parcel_id="p1", milestone=MILESTONES[number], at=at, proof="strong"
        )
        if isinstance(answer, Refusal):
            assert number < rank or before.parcels[0].milestone == MILESTONES[number]
            assert life.order is before
        rank = max(rank, number)
        for line, was in zip(life.order.lines, before.lines, strict=True):
            assert states.index(line.state) >= states.index(was.state)
            assert bool(line.held) >= bool(was.held)
    parcel = life.order.parcels[0]
    assert parcel.milestone is Milestone.RETURNED
    assert all(line.held == "parcel:p1" for line in life.order.lines)
    assert [ticket.cause for ticket in life.order.tickets] == ["parcel_returned"]


@pytest.mark.parametrize("told", ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_carrier_with_a_broken_clock_jams_no_clock_of_the_order(told: str) -> None:
    life = shipped()
    life.now += timedelta(days=1)
    life.do("parcel_scan", Role.CARRIER, parcel_id="p1", milestone="in_transit", at=told)
    moved_at = life.order.parcels[0].moved_at
    assert moved_at is not None
    assert life.order.parcels[0].shipped_at <= moved_at <= life.now
    life.silence()


def test_movement_of_a_parcel_moves_its_stall_clock_also_after_a_pause() -> None:
    life = shipped()
    life.do("pause", Role.OPERATOR, until=text_of(life.now + timedelta(days=1)), **NOTE)
    life.ring()
    life.now += timedelta(days=4)
    scan(life, "p1", "in_transit")
    assert next_clock(life.order).at == add_business_days(WEEKS, life.now, 5)


@pytest.mark.parametrize("minutes", [0, 15])
def test_a_deadline_within_the_grace_takes_effect(minutes: int) -> None:
    life = paid()
    life.until("confirm_overdue")
    life.ring()
    assert life.ring(timedelta(minutes=minutes)).step != "spare_after_outage"


@pytest.mark.parametrize(("outage", "spared"), [(timedelta(minutes=16), 1), (timedelta(days=10), 1)])
def test_a_deadline_that_passed_while_everything_was_down_takes_effect_once_after_a_new_chance(
    outage: timedelta, spared: int
) -> None:
    life = awaiting_payment()
    decision = life.ring(late=outage)
    assert decision.step == "spare_after_outage"
    assert life.states == ("pending", "pending")
    again = next_clock(life.order)
    assert again.at == max(add_business_days(WEEKS, life.now, 1), life.now + outage)
    assert life.ring(late=timedelta(days=3)).step == "expire_unpaid"
    assert life.told.count("spare_after_outage") == spared


def test_the_longest_escrow_and_the_hold_are_not_spared_after_an_outage() -> None:
    life = lost()
    life.until("ticket_overdue")
    life.until("ticket_overdue")
    assert life.ring(late=timedelta(days=2)).step == "held_escrow_ends"


def test_nothing_is_cancelled_by_silence_while_the_capture_of_its_money_is_in_doubt() -> None:
    life = capture_unknown()
    life.do("request_cancel", Role.BUYER, reason="too_slow", lines=["b"])
    life.wait(hours=30)
    assert life.states == ("shipped", "confirmed")
    assert "cancel_by_silence" not in life.told
    life.answer = done
    life.silence()
    assert "cancel_by_silence" in life.told


def test_after_a_failed_capture_the_seller_gets_whole_windows_from_the_new_payment() -> None:
    life = confirmed(answer=unclear(Verb.CAPTURE))
    life.wait(days=2, hours=1)
    life.do("ask_time", Role.SELLER, days=1)
    life.do("grant_time", Role.BUYER)
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    scan(life, "p1", "lost")
    life.answer = no("AuthorisationExpired", Verb.CAPTURE)
    life.ring()
    assert life.states == ("confirmed", "confirmed")
    assert not any(line.held for line in life.order.lines)
    life.answer = done
    life.settle_money()
    life.do("pay", Role.BUYER, payment_intent="pi_2")
    ends = next(clock.at for clock in deadlines(life.order) if clock.step == "ship_lapses")
    limit = life.now + HOLD_LIVES - life.order.policy.hold.margin
    assert ends == min(add_business_days(WEEKS, life.now, 5), limit)
    life.do("ship", Role.SELLER, parcel_id="p2", carrier="dhl")
    assert life.order.payment.captured == Money.parse("55.00 EUR")


def test_a_capture_at_confirmation_waits_for_the_whole_answer_and_takes_what_was_confirmed() -> None:
    life = paid(new_order(AT_CONFIRMATION))
    decision = life.do("confirm", Role.SELLER, lines=["b"])
    assert isinstance(decision, Decision)
    assert decision.op is not None
    assert decision.op.verb is Verb.CAPTURE
    assert life.states == ("cancelled", "confirmed")
    assert life.order.payment.captured == Money.parse("25.00 EUR")


def test_a_request_made_anew_gets_a_clock_of_its_own() -> None:
    life = Life()
    life.do("confirm", Role.SELLER)
    life.do("request_cancel", Role.BUYER, reason="too_slow")
    life.do("pause", Role.OPERATOR, until=text_of(life.now + timedelta(hours=2)), **NOTE)
    life.ring()
    life.do("refuse_cancel", Role.SELLER)
    life.now += timedelta(days=2)
    life.do("request_cancel", Role.BUYER, reason="too_slow")
    ends = [clock.at for clock in deadlines(life.order) if clock.step == "cancel_by_silence"]
    assert ends == [add_business_days(WEEKS, life.now, 1)]


def test_a_receipt_that_was_extended_and_then_spared_rings_when_it_is_extended_to() -> None:
    life = delivered(new_order(prices=("30.00",)), "strong")
    life.do("extend", Role.SPECIALIST, clock="receipt", until=text_of(life.now + timedelta(days=3)), note_id="n-1")
    assert life.ring(late=timedelta(days=12)).step == "spare_after_outage"
    until = life.now + timedelta(days=20)
    life.do("extend", Role.SPECIALIST, clock="receipt", until=text_of(until), note_id="n-1")
    assert [clock.at for clock in deadlines(life.order) if clock.subject == "a"] == [until]
