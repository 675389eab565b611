"""One order in each condition that the process tells apart, by a name that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from domain.decide import Decision
from domain.money import Verb
from domain.state import Offer, Role
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
    scan,
    shipped,
    text_of,
    unclear,
)

LARGE = ("900.00", "100.00")
NOTE = {"note_id": "n-1"}


def awaiting_payment() -> Life:
    return Life(new_order(payment=None))


def payment_unknown() -> Life:
    return Life(new_order(), unclear(Verb.AUTHORISE))


def more_time_used_up() -> Life:
    life = awaiting_payment()
    life.do("more_time_to_pay", Role.BUYER, days=7)
    return life


def expired() -> Life:
    life = awaiting_payment()
    life.silence()
    return life


def under_review() -> Life:
    life = paid()
    life.do("pause", Role.PROVIDER, until=text_of(life.now + timedelta(days=3)), review=True, **NOTE)
    return life


def paused() -> Life:
    life = paid()
    life.do("pause", Role.OPERATOR, until=text_of(life.now + timedelta(days=3)), **NOTE)
    return life


def confirm_overdue() -> Life:
    life = paid()
    life.until("confirm_overdue")
    return life


def lapsed() -> Life:
    life = paid()
    life.silence()
    return life


def part_confirmed() -> Life:
    life = paid()
    life.do("confirm", Role.SELLER, lines=["a"])
    return life


def captured_at_confirmation() -> Life:
    return confirmed(new_order(AT_CONFIRMATION))


def cancel_requested() -> Life:
    life = confirmed()
    life.do("request_cancel", Role.BUYER, reason="too_slow", lines=["b"])
    return life


def time_asked() -> Life:
    life = confirmed()
    life.do("ask_time", Role.SELLER, days=5)
    return life


def time_used_up() -> Life:
    life = time_asked()
    life.do("grant_time", Role.BUYER)
    return life


def ship_overdue() -> Life:
    life = confirmed()
    life.until("ship_overdue")
    return life


def hold_running_out() -> Life:
    life = confirmed(new_order(RENEWS))
    life.do("extend", Role.SPECIALIST, clock="ship", until=text_of(life.now + timedelta(days=5, hours=23)), **NOTE)
    life.now += timedelta(days=6)
    return life


def renewal_asked_of_buyer() -> Life:
    order = new_order(RENEWS, payment=Offer(payment_method="pm_1", customer="cus_1"))
    life = confirmed(order, no("AuthenticationRequired", Verb.REAUTHORISE, done_with_mandate))
    life.do("extend", Role.SPECIALIST, clock="ship", until=text_of(life.now + timedelta(days=12)), **NOTE)
    life.until("renew_hold")
    return life


def capture_unknown() -> Life:
    life = confirmed(answer=unclear(Verb.CAPTURE))
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl", lines=["a"])
    return life


def capture_failed() -> Life:
    life = confirmed(answer=no("AuthorisationExpired", Verb.CAPTURE))
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl", lines=["a"])
    return life


def part_shipped() -> Life:
    life = confirmed()
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl", lines=["a"])
    return life


def waited_longer() -> Life:
    life = shipped()
    life.do("wait_longer", Role.BUYER, days=10)
    return life


def stalled() -> Life:
    life = shipped()
    life.until("parcel_stalled")
    return life


def lost() -> Life:
    life = shipped()
    scan(life, "p1", "lost")
    return life


def one_of_two_delivered() -> Life:
    life = part_shipped()
    life.do("ship", Role.SELLER, parcel_id="p2", carrier="dhl")
    scan(life, "p1", "delivered")
    return life


def returned_after_delivery() -> Life:
    life = delivered()
    scan(life, "p1", "returned")
    return life


def dear_and_silent() -> Life:
    life = delivered(new_order(prices=LARGE))
    life.until("receipt_overdue")
    return life


def strongly_delivered() -> Life:
    return delivered(proof="strong")


def accepted_in_part() -> Life:
    life = delivered()
    life.do("receive", Role.BUYER, lines=["a"])
    return life


def completed() -> Life:
    life = delivered()
    life.do("receive", Role.BUYER)
    return life


def account_just_changed() -> Life:
    life = delivered()
    life.do("payout_account", Role.STOREFRONT, account="acct_2")
    life.do("receive", Role.BUYER)
    return life


def release_refused() -> Life:
    life = delivered(answer=no("AccountRestricted", Verb.RELEASE))
    life.do("receive", Role.BUYER, lines=["a"])
    return life


def release_unknown() -> Life:
    life = delivered(answer=unclear(Verb.RELEASE))
    life.do("receive", Role.BUYER, lines=["a"])
    return life


def refund_unknown() -> Life:
    life = delivered(answer=unclear(Verb.REFUND))
    life.do("refund", Role.SPECIALIST, **NOTE, lines=["a"])
    life.ring()
    return life


def waiting_for_second_operator(asks: Role = Role.OPERATOR) -> Life:
    life = delivered(new_order(prices=LARGE))
    asked = life.do("refund", asks, **NOTE, lines=["b"])
    assert isinstance(asked, Decision)
    assert asked.step == "ask_second_operator"
    return life


def closed() -> Life:
    life = completed()
    life.silence()
    return life


def refunded() -> Life:
    life = delivered()
    life.do("refund", Role.SPECIALIST, **NOTE)
    life.silence()
    return life


def refused_release_then_refunded() -> Life:
    life = release_refused()
    life.do("refund", Role.SPECIALIST, **NOTE, lines=["a"])
    return life


def void_refused() -> Life:
    life = paid(answer=no("Unauthorised", Verb.VOID))
    life.do("decline", Role.SELLER, reason="out_of_stock")
    return life


def dispute(life: Life, **about: str) -> Life:
    """The buyer's bank takes everything back, unless told otherwise."""
    fact = {"dispute": "dp_1", "amount": str(life.order.payment.captured), "fee": "15.00 EUR"}
    life.do("open_dispute", Role.PROVIDER, **fact | about)
    return life


def disputed() -> Life:
    return dispute(delivered())


def disputed_in_part() -> Life:
    return dispute(delivered(), amount="10.00 EUR")


def dispute_won() -> Life:
    life = disputed()
    life.do("win_dispute", Role.PROVIDER, dispute="dp_1", fee="15.00 EUR")
    return life


def dispute_lost() -> Life:
    life = disputed()
    life.do("lose_dispute", Role.PROVIDER, dispute="dp_1")
    return life


def dispute_borne() -> Life:
    life = dispute_lost()
    life.settle_money()
    return life


def disputed_after_payout() -> Life:
    life = completed()
    life.settle_money()
    return dispute(life, reason="not_received")


def owing() -> Life:
    life = completed()
    life.settle_money()
    life.answer = no("InsufficientFunds", Verb.REVERSE_RELEASE)
    dispute(life, reason="not_received").do("lose_dispute", Role.PROVIDER, dispute="dp_1")
    life.settle_money()
    return life


def won_after_it_was_borne() -> Life:
    life = dispute_borne()
    life.answer = no("AccountRestricted", Verb.RELEASE)
    life.do("win_dispute", Role.PROVIDER, dispute="dp_1", fee="0.00 EUR")
    return life


def refund_failed() -> Life:
    life = delivered()
    life.do("refund", Role.SPECIALIST, **NOTE, lines=["a"])
    life.settle_money()
    refund = next(move.ref for move in life.order.moves if move.verb is Verb.REFUND)
    life.do("refund_failed", Role.PROVIDER, refund=refund)
    return life


def shipping_refund_refused() -> Life:
    life = completed()
    life.settle_money()
    life.answer = no("InsufficientFunds", Verb.REFUND)
    life.do("refund_shipping", Role.SPECIALIST, **NOTE)
    life.settle_money()
    return life


def shipping_given_back() -> Life:
    life = delivered()
    life.do("refund_shipping", Role.SPECIALIST, **NOTE)
    life.settle_money()
    return life


def refunded_after_payout() -> Life:
    life = completed()
    life.settle_money()
    life.do("refund", Role.SPECIALIST, **NOTE, lines=["a"])
    return life


def paid_after_the_end() -> Life:
    life = expired()
    life.do("payment_found", Role.PROVIDER, payment_intent="pi_late", charge="ch_late", amount="55.00 EUR")
    return life


CONDITIONS: Mapping[str, Callable[[], Life]] = {
    builder.__name__.replace("_", " "): builder
    for builder in (
        awaiting_payment, payment_unknown, more_time_used_up, expired, paid, paused, under_review, confirm_overdue,
        lapsed, confirmed, part_confirmed, captured_at_confirmation, cancel_requested, time_asked, time_used_up,
        ship_overdue, hold_running_out, renewal_asked_of_buyer, capture_unknown, capture_failed, part_shipped, shipped,
        waited_longer, stalled, lost, one_of_two_delivered, delivered, returned_after_delivery, dear_and_silent,
        strongly_delivered, accepted_in_part, completed, account_just_changed, release_refused, release_unknown,
        refund_unknown, waiting_for_second_operator, closed, refunded, refused_release_then_refunded, void_refused,
        disputed, disputed_in_part, dispute_won, dispute_lost, dispute_borne, disputed_after_payout, owing,
        won_after_it_was_borne, refund_failed, refunded_after_payout, paid_after_the_end,
        shipping_refund_refused, shipping_given_back,
    )
}  # fmt: skip
