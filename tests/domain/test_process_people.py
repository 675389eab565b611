from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.business_time import add_business_days
from domain.deadlines import deadlines, payment_standing
from domain.decide import Command, Refusal, Repeat, decide, named_only
from domain.funds import Done
from domain.money import Money, Verb
from domain.state import MoneyOp, Offer, Order, Role, Stage
from tests.domain.lives import (
    NOTE,
    awaiting_payment,
    capture_failed,
    capture_unknown,
    expired,
    renewal_asked_of_buyer,
)
from tests.domain.world import (
    ACTORS,
    RENEWS,
    START,
    WEEKS,
    Life,
    confirmed,
    delivered,
    done,
    done_with_mandate,
    new_order,
    next_clock,
    no,
    paid,
    shipped,
    text_of,
)


def at_of(order: Order, step: str) -> list[datetime]:
    return [clock.at for clock in deadlines(order) if clock.step == step]


# One command, one effect, one answer.


def test_a_command_that_was_taken_is_answered_as_before_and_has_no_second_effect() -> None:
    life = paid()
    life.ask("confirm", Role.SELLER, command_id="once", lines=["a"])
    seq = life.order.seq
    life.do("note", Role.SPECIALIST, **NOTE)
    before = life.order
    assert life.ask("confirm", Role.SELLER, command_id="once", lines=["a"]) == Repeat(seq)
    assert life.order is before


@pytest.mark.parametrize(
    ("name", "who", "body", "ticket_id"),
    [
        ("confirm", Role.SELLER, {"lines": ["b"]}, ""),
        ("decline", Role.SELLER, {"lines": ["a"]}, ""),
        ("confirm", Role.PLATFORM, {"lines": ["a"]}, ""),
        ("confirm", Role.SELLER, {"lines": ["a"]}, "t-1"),
    ],
)
def test_the_same_command_id_with_other_contents_is_refused(
    name: str, who: Role, body: dict[str, object], ticket_id: str
) -> None:
    life = paid()
    life.ask("confirm", Role.SELLER, command_id="once", lines=["a"])
    answer = decide(life.order, Command(name, "once", ACTORS[who], body, ticket_id), life.now)
    assert isinstance(answer, Refusal)
    assert answer.code == "command_id_reused"
    assert "cancel" in answer.possible


def test_a_refused_command_is_judged_anew_when_it_comes_again() -> None:
    life = paid()
    assert isinstance(life.ask("ship", Role.SELLER, command_id="again", parcel_id="p1", carrier="dhl"), Refusal)
    life.do("confirm", Role.SELLER)
    assert not isinstance(life.ask("ship", Role.SELLER, command_id="again", parcel_id="p1", carrier="dhl"), Refusal)


def test_no_message_raises_whatever_its_text_numbers_and_times_are() -> None:
    life = shipped()
    for name, who, body in (
        ("ship", Role.SELLER, {"parcel_id": "p2", "carrier": "\ud800", "lines": ["a"]}),
        ("ship", Role.SELLER, {"parcel_id": "p2", "carrier": "d\0hl", "lines": ["a"]}),
        ("ship", Role.SELLER, {"parcel_id": "p2", "carrier": "dhl", "lines": ["a"], "insured": "9" * 5000 + ".00 EUR"}),
        ("wait_longer", Role.BUYER, {"days": 10**400}),
        ("extend", Role.SPECIALIST, {**NOTE, "clock": "stall", "until": "9999-12-31T23:59:59Z"}),
        ("extend", Role.SPECIALIST, {**NOTE, "clock": "stall", "until": "0001-01-01T00:00:00+23:00"}),
        ("pause", Role.OPERATOR, {**NOTE, "until": "9999-12-31T23:59:59Z"}),
        ("adopt_policy", Role.OPERATOR, {**NOTE, "policy": {"name": "x", "version": "1", "display_name": "X"}}),
        ("adopt_policy", Role.OPERATOR, {**NOTE, "policy": []}),
        ("receive", Role.BUYER, {"lines": [["a"]]}),
        ("receive", Role.BUYER, {"lines": "a"}),
    ):
        answer = life.ask(name, who, **body)
        if name != "adopt_policy" or isinstance(answer, Refusal):
            assert isinstance(answer, Refusal), name
            assert answer.code in ("invalid", "more_than_allowed")
    life.silence()


LURE = "DHL\n\nTo get it pay 9 EUR: https://evil.example"


@pytest.mark.parametrize("field", ["carrier", "service", "tracking_number"])
@pytest.mark.parametrize("text", [LURE, "  ", "D\u2028HL", "D\x1b[2JHL", "D\u202eHL", "D" * 65])
def test_what_a_seller_writes_of_a_parcel_is_one_printable_line(field: str, text: str) -> None:
    life, good = confirmed(), {"parcel_id": "p1", "carrier": "D\u00a0H\u200dL", "service": "Paket"}
    refused = life.ask("ship", Role.SELLER, **good | {field: text})
    assert isinstance(refused, Refusal)
    assert refused.reason == f"body.{field}: must be one line of 1 to 64 printable characters"
    life.do("ship", Role.SELLER, **good)


# Payment.


def test_a_buyer_gets_more_time_to_pay_within_the_allowance_and_no_more() -> None:
    life = awaiting_payment()
    life.do("more_time_to_pay", Role.BUYER, days=3)
    assert next_clock(life.order).at == START + timedelta(days=10)
    assert life.refused("more_time_to_pay", Role.BUYER, days=5).code == "more_than_allowed"
    assert life.refused("more_time_to_pay", Role.BUYER, days=0).code == "more_than_allowed"
    life.do("more_time_to_pay", Role.SPECIALIST, days=4)
    assert life.refused("more_time_to_pay", Role.BUYER, days=1).code == "pay_days_left"
    life.silence()
    assert life.stage is Stage.EXPIRED


def test_a_declined_card_gives_an_order_that_awaits_payment_and_can_be_paid_later() -> None:
    life = Life(answer=no("Declined", Verb.AUTHORISE))
    declined = life.stage
    life.answer = done
    life.now += timedelta(days=2)
    life.do("pay", Role.BUYER, payment_method="pm_1", customer="cus_1")
    assert (declined, life.stage) == (Stage.AWAITING_PAYMENT, Stage.PLACED)
    assert at_of(life.order, "confirm_overdue") == [add_business_days(WEEKS, life.now, 2)]


def test_an_expired_order_is_never_revived() -> None:
    life = expired()
    assert life.refused("pay", Role.BUYER, payment_intent="pi_2").code == "order_over"


def test_a_hold_with_a_mandate_is_renewed_and_the_old_one_let_go() -> None:
    life = confirmed(new_order(RENEWS), done_with_mandate)
    life.do("extend", Role.SPECIALIST, clock="ship", until=text_of(life.now + timedelta(days=12)), **NOTE)
    first = life.order.payment.hold
    life.until("renew_hold")
    let_go = life.order.payment.superseded
    life.settle_money()
    assert (let_go, life.order.payment.superseded) == ((first,), ())
    assert life.moved[Verb.VOID] == Money.parse("55.00 EUR")
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    assert life.order.payment.captured == Money.parse("55.00 EUR")


def test_a_hold_without_a_mandate_ends_the_order_before_it_runs_out() -> None:
    life = confirmed(new_order(RENEWS))
    life.do("ask_time", Role.SELLER, days=5)
    life.do("grant_time", Role.BUYER)
    steps = life.silence()
    assert "renew_hold" not in steps
    assert life.stage is Stage.CANCELLED
    assert life.now == START + timedelta(days=7) - RENEWS.hold.margin


def test_a_seller_who_was_given_more_time_still_has_no_more_than_the_hold_leaves() -> None:
    life = confirmed(new_order(RENEWS))
    life.do("ask_time", Role.SELLER, days=5)
    life.do("grant_time", Role.BUYER)
    clock = next(clock for clock in deadlines(life.order) if clock.step == "ship_lapses")
    assert clock.at == START + timedelta(days=7) - RENEWS.hold.margin


def test_a_bank_that_wants_the_buyer_for_the_renewal_gives_one_business_day() -> None:
    life = renewal_asked_of_buyer()
    limit = life.order.payment.capture_before
    assert limit is not None
    assert life.refused("ship", Role.SELLER, parcel_id="p1", carrier="dhl").code == "hold_is_good"
    steps = life.silence()
    assert "hold_lapses" in steps
    assert "ship_lapses" not in steps
    assert START + timedelta(days=6, hours=20) < life.now < limit
    assert life.stage is Stage.CANCELLED


def test_a_buyer_who_pays_anew_when_the_renewal_failed_saves_the_order() -> None:
    life = renewal_asked_of_buyer()
    life.do("pay", Role.BUYER, payment_method="pm_2", customer="cus_1")
    life.settle_money()
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    assert life.order.payment.captured == Money.parse("55.00 EUR")


def test_renewals_never_follow_each_other_at_once_when_holds_are_born_old() -> None:
    def short(order: Order, op: MoneyOp, now: datetime) -> Done:
        lives = timedelta(hours=12) if op.verb is Verb.REAUTHORISE else timedelta(days=7)
        return replace(done_with_mandate(order, op, now), capture_before=now + lives)

    life = confirmed(new_order(RENEWS, payment=Offer(payment_method="pm_1", customer="cus_1")), short)
    life.do("extend", Role.SPECIALIST, clock="ship", until=text_of(life.now + timedelta(days=12)), **NOTE)
    assert life.silence().count("renew_hold") == 1


@pytest.mark.parametrize(
    ("life", "standing"),
    [(shipped, "secured"), (capture_unknown, "pending"), (capture_failed, "unpaid"), (confirmed, "authorised")],
)
def test_the_seller_never_reads_secured_for_money_that_is_refused_pending_or_unknown(
    life: Callable[[], Life], standing: str
) -> None:
    assert payment_standing(life().order) == standing


# Confirmation and requests.


def test_lines_that_are_not_confirmed_are_cancelled_and_leave_the_amount() -> None:
    life = paid()
    life.do("confirm", Role.SELLER, lines=["a"])
    assert life.states == ("confirmed", "cancelled")
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    assert life.order.payment.captured == Money.parse("35.00 EUR")


def test_a_further_parcel_is_for_lines_that_are_named_and_the_refusal_says_so() -> None:
    life = shipped()
    refusal = life.refused("ship", Role.SELLER, parcel_id="p2", carrier="dhl")
    assert refusal.reason == "name the lines: ship takes a or b again, but not by itself"
    assert "ship" in refusal.possible
    assert named_only(life.order, ACTORS[Role.SELLER], life.now) == ("ship",)
    life.do("ship", Role.SELLER, parcel_id="p2", carrier="dhl", lines=["a"])
    before = confirmed()
    assert named_only(before.order, ACTORS[Role.SELLER], before.now) == ()
    after = delivered()
    refusal = after.refused("ship", Role.SELLER, parcel_id="p2", carrier="dhl")
    assert refusal.reason == "ship needs a line that is confirmed; now: a delivered, b delivered"
    assert "ship" not in refusal.possible


def test_time_asked_by_the_seller_and_granted_moves_the_clock_by_business_days() -> None:
    life = confirmed(new_order(RENEWS), done_with_mandate)
    (before,) = at_of(life.order, "ship_overdue")
    life.do("ask_time", Role.SELLER, days=1)
    assert life.refused("ask_time", Role.SELLER, days=1).code == "no_time_asked"
    life.do("grant_time", Role.BUYER)
    assert at_of(life.order, "ship_overdue") == [add_business_days(WEEKS, before, 1)]
    assert life.refused("ask_time", Role.SELLER, days=5).code == "more_than_allowed"


def test_shipping_lapses_the_request_to_cancel_and_silence_grants_it_otherwise() -> None:
    life = confirmed()
    life.do("request_cancel", Role.BUYER, reason="too_slow", lines=["a"])
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl", lines=["a"])
    assert life.order.cancel_request is None
    life.do("request_cancel", Role.BUYER, reason="too_slow")
    life.until("cancel_by_silence")
    assert life.states == ("shipped", "cancelled")
    assert life.moved[Verb.REFUND] == Money.parse("20.00 EUR")


def test_cancelling_one_line_leaves_the_request_for_the_others_open_until_it_is_overtaken() -> None:
    life = confirmed()
    life.do("request_cancel", Role.BUYER, reason="too_slow")
    life.do("cancel", Role.SELLER, reason="out_of_stock", lines=["a"])
    assert life.do("grant_cancel", Role.SELLER).step == "grant_cancel"
    assert life.states == ("cancelled", "cancelled")
    other = confirmed()
    other.do("request_cancel", Role.BUYER, reason="too_slow", lines=["a"])
    other.do("cancel", Role.SELLER, reason="out_of_stock", lines=["a"])
    assert (other.states, other.order.cancel_request) == (("cancelled", "confirmed"), None)


def test_a_request_for_time_ends_with_the_last_line_that_waits_to_be_shipped() -> None:
    life = confirmed()
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl", lines=["a"])
    life.do("ask_time", Role.SELLER, days=1)
    life.do("cancel", Role.SELLER, reason="out_of_stock", lines=["b"])
    assert life.order.time_request is None
    assert life.refused("grant_time", Role.BUYER).code == "time_asked"
