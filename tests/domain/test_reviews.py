"""The provider reviews the payment: the order stands still, and nothing is sent or paid out for it meanwhile (C11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from domain.business_time import add_business_days
from domain.deadlines import deadlines
from domain.funds import Done
from domain.money import Verb
from domain.state import MoneyOp, Order, Role
from domain.summary import summary
from tests.domain.lives import NOTE
from tests.domain.world import (
    RENEWS,
    WEEKS,
    Life,
    confirmed,
    delivered,
    done,
    done_with_mandate,
    new_order,
    next_clock,
    paid,
    shipped,
    text_of,
    unclear,
)

PROVIDER, OPERATOR = Role.PROVIDER, Role.OPERATOR


def begins(life: Life, about: str = "prv_1", days: int = 20) -> None:
    until = text_of(life.now + timedelta(days=days))
    life.do("pause", PROVIDER, until=until, review=True, about=about, note_id=f"{about}-opened")


def ends(life: Life, about: str = "prv_1") -> None:
    life.do("resume", PROVIDER, about=about, note_id=f"{about}-closed")


def pauses(life: Life, days: int = 5) -> None:
    life.do("pause", OPERATOR, until=text_of(life.now + timedelta(days=days)), **NOTE)


def stands(life: Life) -> bool:
    return not any(clock.party for clock in deadlines(life.order))


def test_a_review_that_opens_during_an_operators_pause_keeps_the_order_standing_after_it() -> None:
    life = paid(new_order(RENEWS), done_with_mandate)
    (before,) = [clock.at for clock in deadlines(life.order) if clock.step == "confirm_overdue"]
    pauses(life)
    life.now += timedelta(days=1)
    begins(life)
    life.do("resume", OPERATOR, **NOTE)
    assert stands(life)
    life.now += timedelta(days=1)
    ends(life)
    (after,) = [clock.at for clock in deadlines(life.order) if clock.step == "confirm_overdue"]
    assert after - before == timedelta(days=2), "the clocks stood from the first pause to the end of the last"


def renewed_under_review(order: Order, op: MoneyOp, now: datetime) -> Done:
    """The provider begins to look at the payment when its hold is renewed."""
    result = done_with_mandate(order, op, now)
    return replace(result, review="prv_1") if op.verb is Verb.REAUTHORISE else result


def test_a_review_that_comes_with_a_new_hold_during_a_pause_keeps_the_order_standing_from_the_pause_on() -> None:
    life = confirmed(new_order(RENEWS), renewed_under_review)
    (before,) = [clock.at for clock in deadlines(life.order) if clock.step == "ship_overdue"]
    life.now += timedelta(hours=2)
    pauses(life, days=8)
    life.until("renew_hold")
    life.until("pause_ends")
    assert stands(life)
    life.now += timedelta(days=1)
    ends(life)
    (after,) = [clock.at for clock in deadlines(life.order) if clock.step == "ship_overdue"]
    assert after == add_business_days(WEEKS, before, 7), "from the first pause to the end of the last"


def test_a_review_that_is_known_when_a_new_hold_comes_under_it_is_one_review() -> None:
    life = confirmed(new_order(RENEWS), renewed_under_review)
    begins(life)
    life.until("renew_hold")
    assert [review.about for review in life.order.reviews] == ["prv_1"]
    ends(life)
    assert not stands(life)


def test_an_operators_pause_that_begins_during_a_review_outlives_it() -> None:
    life = paid()
    begins(life)
    pauses(life)
    ends(life)
    assert stands(life)
    assert life.until("pause_ends").step == "pause_ends"
    assert not stands(life)


def test_each_of_two_reviews_and_a_pause_ends_by_itself_and_the_clocks_run_after_the_last() -> None:
    life = paid()
    begins(life, "prv_1", days=1)
    begins(life, "prv_2", days=3)
    pauses(life, days=2)
    seen = []
    while stands(life):
        life.until("pause_ends")
        seen.append(life.now)
    assert len(seen) == 3


def test_a_review_is_known_by_its_name_and_its_end_ends_no_other_one() -> None:
    life = paid()
    begins(life)
    refused = life.refused("pause", PROVIDER, until=text_of(life.now + timedelta(days=1)), about="prv_1", note_id="n")
    assert refused.code == "nothing_new"
    assert life.refused("resume", PROVIDER, about="prv_2", note_id="n").code == "nothing_new"
    assert stands(life)


def test_an_operator_ends_his_own_pause_first_and_a_review_that_nobody_ends_on_purpose() -> None:
    life = paid()
    begins(life)
    pauses(life)
    life.do("resume", OPERATOR, **NOTE)
    assert stands(life)
    life.do("resume", OPERATOR, **NOTE)
    assert not stands(life)


def test_while_the_payment_is_under_review_no_parcel_is_sent() -> None:
    life = confirmed()
    begins(life)
    refused = life.refused("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    assert refused.code == "not_reviewed"
    assert refused.reason == "the payment is under review; do not hand the parcel over"
    assert "ship" not in refused.possible
    ends(life)
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    assert life.done[-1] is Verb.CAPTURE


def test_while_the_payment_is_under_review_nothing_is_paid_out() -> None:
    life = delivered()
    begins(life)
    life.do("receive", Role.BUYER, lines=["a"])
    life.do("release", Role.SPECIALIST, **NOTE)
    life.settle_money()
    assert Verb.RELEASE not in life.done
    assert next_clock(life.order).step == "pause_ends"
    ends(life)
    life.settle_money()
    assert life.done[-1] is Verb.RELEASE


def test_what_waits_for_a_review_is_paid_out_when_the_longest_pause_is_over() -> None:
    life = delivered()
    begins(life)
    life.do("receive", Role.BUYER)
    assert [life.ring().step, life.ring().step] == ["pause_ends", "settle"]
    assert life.done[-1] is Verb.RELEASE


def test_an_operator_may_hold_the_money_as_well_and_a_pause_of_the_order_alone_does_not() -> None:
    life = delivered()
    life.do("pause", OPERATOR, until=text_of(life.now + timedelta(days=2)), review=True, **NOTE)
    life.do("receive", Role.BUYER)
    assert Verb.RELEASE not in life.done
    other = delivered()
    pauses(other)
    other.do("receive", Role.BUYER)
    assert other.done[-1] is Verb.RELEASE


def test_while_the_payment_is_under_review_it_may_be_given_back() -> None:
    life = shipped()
    begins(life)
    life.do("refund", OPERATOR, **NOTE)
    life.settle_money()
    assert life.done[-1] is Verb.REFUND


def test_a_review_that_opens_after_the_parcel_left_stops_no_capture() -> None:
    life = shipped(answer=unclear(Verb.CAPTURE))
    begins(life)
    life.answer = done
    life.until("settle")
    assert life.order.payment.captured is not None, "the money is safer in escrow than on a hold that runs out"


def test_the_operators_list_says_why_the_order_stands() -> None:
    life = paid()
    begins(life)
    told = "paused until 2026-12-13, the payment is under review: aftersale resume o-1 --reason '...'"
    assert summary(life.order).reason == told
