"""Whole lives that together tell everything that can be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from domain.deadlines import deadlines
from domain.funds import No, Result
from domain.money import Verb
from domain.notices import payout_failed, refused_message
from domain.policy import Policy
from domain.state import MoneyOp, Offer, Order, Role
from domain.wire import instant_text
from tests.domain import claims_told
from tests.domain.teller import Said, Telling
from tests.domain.world import (
    POLICY,
    RENEWS,
    Answer,
    done,
    done_with_mandate,
    new_order,
    no,
    scan,
    unclear,
)


def unpaid() -> Telling:
    return Telling(new_order(payment=None))


def dear() -> Order:
    """Too dear to be released on a bare delivery scan."""
    return new_order(prices=("300.00", "100.00"))


def _happy() -> Telling:
    life = Telling().confirm().arrive()
    life.do("receive", Role.BUYER)
    life.settle_money()
    return life


def _desk() -> Telling:
    life = Telling().confirm()
    life.do("change_address", Role.BUYER, address_id="address-2")
    life.do("message", Role.BUYER, message_id="m-1")
    life.do("message", Role.SELLER, message_id="m-2", attachments=["f-1", "f-2"])
    life.do("message", Role.SPECIALIST, message_id="m-3")
    life.do("message", Role.OPERATOR, message_id="m-4", internal=True)
    life.do("ask_time", Role.SELLER, days=2)
    life.do("grant_time", Role.BUYER)
    life.do("ask_time", Role.SELLER, days=1)
    life.do("refuse_time", Role.BUYER)
    life.do("request_cancel", Role.BUYER, reason="changed_mind")
    life.do("refuse_cancel", Role.SELLER)
    life.do("wait_longer", Role.BUYER, days=1)
    life.do("payout_account", Role.STOREFRONT, account="acct_2")
    life.do("pause", Role.OPERATOR, until=instant_text(life.now + timedelta(days=1)), note_id="n1", review=True)
    life.do("resume", Role.OPERATOR, note_id="n2")
    life.do("pause", Role.OPERATOR, until=instant_text(life.now + timedelta(hours=1)), note_id="n3")
    life.until("pause_ends")
    life.do("extend", Role.SPECIALIST, clock="ship", until=instant_text(life.now + timedelta(days=3)), note_id="n4")
    life.do("adopt_policy", Role.OPERATOR, policy=replace(POLICY, version="2").to_plain(), note_id="n5")
    life.do("request_cancel", Role.BUYER, reason="too_slow", lines=["b"])
    life.do("grant_cancel", Role.SELLER)
    life.do("cancel", Role.OPERATOR, reason="other")
    return life


def _decided() -> Telling:
    life = Telling().confirm().arrive()
    life.do("release", Role.SPECIALIST, lines=["a"], note_id="n1")
    life.do("refund_shipping", Role.SPECIALIST, note_id="n3")
    life.do("refund", Role.SPECIALIST, lines=["b"], note_id="n2")
    life.settle_money()
    return life


def _asks_time_in_vain() -> Telling:
    life = Telling(new_order(RENEWS), done_with_mandate).confirm()
    life.do("ask_time", Role.SELLER, days=2)
    life.until("time_lapses")
    life.do("request_cancel", Role.BUYER, reason="changed_mind", lines=["b"])
    life.until("cancel_by_silence")
    life.until("ship_lapses")
    return life


def _parcels() -> Telling:
    life = Telling(new_order(prices=("30.00", "20.00", "10.00", "5.00"))).confirm()
    for line, milestone in zip("abcd", ("available_for_pickup", "failed_attempt", "returned", "lost"), strict=True):
        life.ship(f"p-{line}", lines=[line], service="parcel", insured="20.00 EUR")
        scan(life, f"p-{line}", milestone)
    return life


def _turned_up() -> Telling:
    life = Telling().confirm()
    life.ship("p1", insured="20.00 EUR")
    scan(life, "p1", "lost")
    life.now += timedelta(days=1)
    scan(life, "p1", "in_transit")
    return life


def _late_refund() -> Telling:
    life = Telling().confirm()
    life.ship("p1", lines=["a"])
    life.until("ship_lapses")
    return life


def _declined_then_silent() -> Telling:
    life = Telling(new_order(payment=Offer(payment_method="pm_1", customer="cus_1")), no("Declined", Verb.AUTHORISE))
    life.do("more_time_to_pay", Role.BUYER, days=2)
    life.until("expire_unpaid")
    return life


def _capture(answer: Answer) -> Telling:
    life = Telling(answer=answer).confirm()
    life.ship()
    return life


def _captured_late() -> Telling:
    life = _capture(unclear(Verb.CAPTURE))
    life.answer = done
    life.until("settle")
    return life


def _paid_again() -> Telling:
    life = _capture(no("AuthorisationExpired", Verb.CAPTURE))
    life.do("pay", Role.BUYER, payment_intent="pi_2")
    return life


def _renewal_refused() -> Telling:
    def answer(order: Order, op: MoneyOp, now: datetime) -> Result:
        return No("AuthenticationRequired") if op.verb is Verb.REAUTHORISE else done_with_mandate(order, op, now)

    life = Telling(new_order(replace(slow(), hold=RENEWS.hold)), answer).confirm()
    life.until("renew_hold")
    return life


def _silent(order: Order, step: str, proof: str = "", answer: Answer = done) -> Telling:
    life = Telling(order, answer)
    if step != "confirm_lapses":
        life.confirm()
    if proof:
        life.arrive(proof)
    life.until(step)
    return life


def _cancelled_by_buyer() -> Telling:
    life = Telling()
    life.do("cancel", Role.BUYER, reason="changed_mind")
    return life


def _declined_by_seller() -> Telling:
    life = Telling()
    life.do("decline", Role.SELLER, reason="out_of_stock")
    return life


def _half_confirmed() -> Telling:
    life = Telling()
    life.do("confirm", Role.SELLER, lines=["a"])
    return life


def _hold_lapses() -> Telling:
    life = Telling(new_order(slow()), done).confirm()
    life.do("pause", Role.OPERATOR, until=instant_text(life.now + timedelta(days=20)), note_id="n1")
    life.until("hold_lapses")
    return life


def slow() -> Policy:
    """Sellers may take longer than a card's hold."""
    return replace(POLICY, ship=replace(POLICY.ship, remind=8, ticket=9, end=10))


def _longest_escrow() -> Telling:
    life = Telling(dear()).confirm()
    life.ship("p1", lines=["a"])
    life.until("escrow_ends")
    return life


def _settling_account(step: str, proof: str = "weak") -> Telling:
    """The seller changes the account just before the money is due, so that it waits in escrow."""
    life = Telling().confirm().arrive(proof)
    if step == "receive":
        life.do("payout_account", Role.STOREFRONT, account="acct_2")
        life.do("receive", Role.BUYER)
        return life
    clock = next(clock for clock in deadlines(life.order) if clock.step == step)
    life.now = clock.at - timedelta(days=1)
    life.do("payout_account", Role.STOREFRONT, account="acct_2")
    life.until(step)
    return life


def _held_too_long() -> Telling:
    life = Telling(dear(), unclear(Verb.REFUND)).confirm()
    life.ship()
    scan(life, "p1", "lost")
    life.until("held_escrow_ends")
    return life


def _refused_signals() -> Telling:
    life = Telling()
    for seq, role in enumerate((Role.BUYER, Role.SELLER), life.order.seq + 1):
        told = refused_message(role, "ship", f"c-{role}", "no_line_fits", "no line is confirmed", life.now)
        life.said.append(Said(told, life.order, seq))
    return life


def _payout_returned() -> Telling:
    life = Telling()
    told = payout_failed("po_1", life.order.priced, "account_closed", life.now)
    life.said.append(Said(told, life.order, life.order.seq + 1))
    return life


def _disputed(*words: str, paid_out: bool = True, reason: str = "not_received") -> Telling:
    """Everything is disputed, after the payout or before it, then comes what `words` say."""
    life = Telling().confirm().arrive()
    if paid_out:
        life.do("receive", Role.BUYER)
        life.settle_money()
    amount = str(life.order.payment.captured)
    fact = {"dispute": "dp_1", "amount": amount, "fee": "15.00 EUR", "reason": reason}
    life.do("open_dispute", Role.PROVIDER, **fact)
    for word in words:
        given = {"fee": "0.00 EUR"} if word == "win_dispute" else {}
        life.do(word, Role.PROVIDER, dispute="dp_1", **given)
        life.settle_money()
    return life


def _refund_failed() -> Telling:
    life = _decided()
    life.do("refund_failed", Role.PROVIDER, refund=next(m.ref for m in life.order.moves if m.verb is Verb.REFUND))
    return life


def _refund_after_payout() -> Telling:
    life = Telling(answer=no("InsufficientFunds", Verb.REVERSE_RELEASE)).confirm().arrive()
    life.do("receive", Role.BUYER)
    life.settle_money()
    life.do("refund", Role.SPECIALIST, lines=["b"], note_id="n1")
    life.settle_money()
    return life


def _account_restricted() -> Telling:
    life = Telling().confirm().arrive()
    life.do("payout_account", Role.STOREFRONT, account="acct_2")
    life.do("receive", Role.BUYER)
    life.do("account_restricted", Role.PROVIDER, account="acct_2")
    return life


def _paid_twice() -> Telling:
    life = _happy()
    life.do("payment_found", Role.PROVIDER, payment_intent="pi_9", charge="ch_9", amount="7.00 EUR")
    life.settle_money()
    return life


def _hold_taken() -> Telling:
    life = Telling().confirm()
    own = {"payment_intent": life.order.payment.hold, "charge": "ch_9", "amount": "7.00 EUR"}
    life.do("payment_found", Role.PROVIDER, **own)
    life.settle_money()
    return life


LIVES: dict[str, Callable[[], Telling]] = {
    "happy": _happy,
    "desk": _desk,
    "decided": _decided,
    "asks time in vain": _asks_time_in_vain,
    "parcels": _parcels,
    "a lost parcel turns up": _turned_up,
    "late refund": _late_refund,
    "declined card": _declined_then_silent,
    "captured late": _captured_late,
    "paid again": _paid_again,
    "renewal refused": _renewal_refused,
    "confirm silence": lambda: _silent(new_order(), "confirm_lapses"),
    "ship silence": lambda: _silent(new_order(RENEWS), "ship_lapses", answer=done_with_mandate),
    "strong proof": lambda: _silent(new_order(), "accept_on_strong_proof", "strong"),
    "weak proof": lambda: _silent(new_order(), "accept_on_weak_proof", "weak"),
    "receipt overdue": lambda: _silent(dear(), "receipt_overdue", "weak"),
    "stalled": lambda: (life := Telling().confirm(), life.ship(), life.until("parcel_stalled"))[0],
    "overdue ticket": lambda: (life := Telling(dear()).confirm(), life.arrive(), life.until("ticket_overdue"))[0],
    "received, account settling": lambda: _settling_account("receive"),
    "strong proof, account settling": lambda: _settling_account("accept_on_strong_proof", "strong"),
    "weak proof, account settling": lambda: _settling_account("accept_on_weak_proof"),
    "refused signals": _refused_signals,
    "payout returned": _payout_returned,
    "never paid": lambda: (life := unpaid(), life.until("expire_unpaid"))[0],
    "cancelled by the buyer": _cancelled_by_buyer,
    "declined by the seller": _declined_by_seller,
    "half confirmed": _half_confirmed,
    "hold lapses": _hold_lapses,
    "longest escrow": _longest_escrow,
    "dispute won": lambda: _disputed("win_dispute", paid_out=False),
    "dispute lost": lambda: _disputed("lose_dispute"),
    "dispute won in the end": lambda: _disputed("lose_dispute", "win_dispute", paid_out=False),
    "dispute never answered": lambda: (life := _disputed(), life.until("dispute_lapses"))[0],
    "fraud never answered": lambda: (
        life := _disputed(paid_out=False, reason="fraudulent"),
        life.until("dispute_lapses"),
    )[0],
    "refund failed": _refund_failed,
    "refund after payout": _refund_after_payout,
    "account restricted": _account_restricted,
    "paid twice": _paid_twice,
    "hold taken elsewhere": _hold_taken,
    "longest escrow, delivered": lambda: _silent(dear(), "escrow_ends", "weak"),
    "longest escrow, held": _held_too_long,
    "claim in silence": claims_told.in_silence,
    "claim talked over": claims_told.talked_over,
    "claim lapses": claims_told.lapses,
}
"""Whole lives that together tell everything that can be told."""

__all__ = ["LIVES", "Said", "Telling", "dear", "unpaid"]
