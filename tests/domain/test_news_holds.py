"""What the payment provider tells about a hold: a former one is no news, and one that stands is let go in the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from domain.events import HoldLost
from domain.funds import Done, No, Result
from domain.money import Money, Verb
from domain.state import MoneyOp, Offer, Order, Role, Stage
from tests.domain.world import RENEWS, Life, confirmed, done, done_with_mandate, new_order, no, paid, shipped, unclear

PROVIDER = Role.PROVIDER


def renewing(order: Order, op: MoneyOp, now: datetime) -> Result:
    """The provider renews a hold under a mandate, and every void stays in the air."""
    result = done_with_mandate(order, op, now)
    return replace(result, ref=f"pi_{op.seq}") if op.verb is Verb.REAUTHORISE else result


def renewable(result: Result) -> Result:
    """The answer, with the buyer's consent to new holds."""
    return replace(result, renewable=True) if isinstance(result, Done) else result


def renewed() -> Life:
    """An order whose hold was renewed; its first hold is being let go."""
    life = confirmed(new_order(RENEWS, payment=Offer(payment_method="pm_1", customer="cus_1")), renewing)
    life.answer = no("Unauthorised", Verb.VOID, renewing)
    life.until("renew_hold")
    return life


def test_the_end_of_a_hold_that_the_order_has_left_is_no_news() -> None:
    life = renewed()
    former = life.order.payment.superseded[0]
    assert life.refused("hold_lost", PROVIDER, hold=former).code == "nothing_new"
    assert life.order.payment.lost_at is None


def test_a_hold_that_is_being_let_go_is_known() -> None:
    life = renewed()
    known = life.order.payment.superseded
    for hold in (known[0], life.order.payment.hold):
        assert life.refused("payment_found", PROVIDER, payment_intent=hold).code == "nothing_new"
    assert life.order.payment.superseded == known


@pytest.mark.parametrize("code", ["AuthorisationExpired", "AlreadyDone"])
def test_a_hold_that_is_gone_already_is_let_go(code: str) -> None:
    life = Life(answer=no(code, Verb.VOID))
    life.do("cancel", Role.BUYER, reason="changed_mind")
    life.settle_money()
    assert (life.order.payment.hold, life.order.stuck, life.over) == ("", (), True)


def test_a_hold_that_we_may_not_let_go_still_stands_and_is_tried_again() -> None:
    life = renewed()
    life.answer = no("Unauthorised", Verb.VOID)
    known = life.order.payment.superseded
    life.wait(hours=1)
    assert (life.order.payment.superseded, life.order.payment.voided) == (known, ())
    life.answer = done
    life.wait(days=5)
    assert life.order.payment.superseded == ()


def test_a_hold_is_not_lost_while_its_capture_is_asked_for() -> None:
    life = shipped(answer=unclear(Verb.CAPTURE))
    assert "capture in progress" in life.refused("hold_lost", PROVIDER, hold="authorise-1").reason


def test_a_hold_is_not_lost_while_its_capture_waits_for_another_one_to_be_let_go() -> None:
    life = paid(answer=unclear(Verb.VOID))
    life.do("payment_found", PROVIDER, payment_intent="pi_2", amount="55.00 EUR")
    life.ring()
    life.do("confirm", Role.SELLER)
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    assert life.order.op is not None
    assert life.order.op.verb is Verb.VOID
    assert "capture in progress" in life.refused("hold_lost", PROVIDER, hold="authorise-1").reason


def test_a_hold_is_lost_while_another_one_is_being_let_go() -> None:
    life = paid(answer=unclear(Verb.VOID))
    life.do("payment_found", PROVIDER, payment_intent="pi_2", amount="55.00 EUR")
    life.ring()
    assert life.order.op is not None
    life.do("hold_lost", PROVIDER, hold="authorise-1")
    assert (life.stage, life.order.payment.hold) == (Stage.AWAITING_PAYMENT, "")
    life.answer = done
    life.settle_money()
    life.wait(hours=1)
    assert voided(life) == [("pi_2", "55.00 EUR"), ("authorise-1", "55.00 EUR")]


def renewed_by_the_buyer() -> Life:
    """An order whose hold can only be renewed by the buyer; a payment that is looked at holds too much."""
    wrong = No("AmountDiffers", Money.of("64.90", "EUR"))
    life = confirmed(new_order(RENEWS), no("AuthenticationRequired", Verb.REAUTHORISE, done_with_mandate))
    life.until("renew_hold")
    life.answer = lambda order, op, now: wrong if op.is_check else done(order, op, now)
    return life


def test_a_hold_is_lost_while_the_payment_that_is_to_follow_it_is_looked_at() -> None:
    life = renewed_by_the_buyer()
    life.answer = unclear(Verb.AUTHORISE)
    life.do("pay", Role.BUYER, payment_intent="pi_2")
    life.do("hold_lost", PROVIDER, hold="authorise-1")
    life.answer = no("NotAuthorised", Verb.AUTHORISE)
    life.wait(hours=1)
    assert (life.stage, life.order.payment.offer) == (Stage.AWAITING_PAYMENT, None)


@pytest.mark.parametrize("verb", [Verb.REAUTHORISE, Verb.VOID])
def test_a_hold_is_not_lost_while_what_moves_it_is_under_way(verb: Verb) -> None:
    air = unclear(verb)
    life = confirmed(new_order(RENEWS), lambda order, op, now: renewable(air(order, op, now)))
    if verb is Verb.VOID:
        life.do("cancel", Role.SELLER, reason="other")
    else:
        life.until("renew_hold")
    assert f"{verb} in progress" in life.refused("hold_lost", PROVIDER, hold="authorise-1").reason


def voided(life: Life) -> list[tuple[str, str]]:
    """The holds that the order asked to let go, with the amounts that it thought they held."""
    return [(op.subject, str(op.amount)) for op in life.asked if op.verb is Verb.VOID]


def test_a_hold_that_was_larger_than_the_new_one_is_let_go_at_its_own_amount() -> None:
    life = paid(new_order(RENEWS, payment=Offer(payment_method="pm_1", customer="cus_1")), renewing)
    life.do("confirm", Role.SELLER, lines=["b"])
    life.until("renew_hold")
    life.settle_money()
    assert life.order.payment.authorised == Money.of("25.00", "EUR")
    assert voided(life) == [("authorise-1", "55.00 EUR")]
    assert (life.order.payment.superseded, life.order.payment.held) == ((), ())


def test_a_stray_hold_below_zero_is_none() -> None:
    life = paid()
    refused = life.refused("payment_found", PROVIDER, payment_intent="pi_2", amount="-0.01 EUR")
    assert (refused.code, refused.reason) == ("invalid", "body.amount: must not be negative")


def test_a_stray_hold_is_let_go_at_the_amount_that_the_provider_tells() -> None:
    life = paid()
    for amount in ({"amount": "64.90 EUR"}, {}):
        found = f"pi_found{len(amount)}"
        life.do("payment_found", PROVIDER, payment_intent=found, **amount)
        life.settle_money()
    assert voided(life) == [("pi_found1", "64.90 EUR"), ("pi_found0", "55.00 EUR")]


@pytest.mark.parametrize("stands", ["64.90 EUR", ""])
def test_a_payment_of_another_amount_is_let_go_where_it_stands_for_this_order(stands: str) -> None:
    answer = No("AmountDiffers", Money.parse(stands) if stands else None)
    life = paid(answer=lambda order, op, now: answer if op.is_check else done(order, op, now))
    life.settle_money()
    assert voided(life) == ([("pi_1", stands)] if stands else [])
    assert (life.stage, life.order.payment.refused) == (Stage.AWAITING_PAYMENT, "AmountDiffers")


def test_the_hold_that_the_order_stands_on_is_not_let_go_when_it_is_offered_once_more() -> None:
    life = renewed_by_the_buyer()
    life.do("pay", Role.BUYER, payment_intent="authorise-1")
    life.answer = done
    life.settle_money()
    assert (voided(life), life.order.payment.hold) == ([], "authorise-1")


def test_a_stray_hold_that_the_buyer_offers_in_the_end_is_kept() -> None:
    life = paid(answer=unclear(Verb.VOID))
    for stray in ("pi_2", "pi_3"):
        life.do("payment_found", PROVIDER, payment_intent=stray, amount="55.00 EUR")
    life.ring()
    life.do("hold_lost", PROVIDER, hold="authorise-1")
    life.do("pay", Role.BUYER, payment_intent="pi_3")
    life.answer = lambda order, op, now: replace(done(order, op, now), ref=op.subject)
    life.wait(hours=1)
    assert [hold for hold, _ in voided(life)] == ["pi_2", "authorise-1"]
    assert (life.order.payment.hold, life.order.payment.superseded, life.order.payment.held) == ("pi_3", (), ())


OWN = {"payment_intent": "authorise-1", "charge": "ch_9", "amount": "55.00 EUR"}


def test_a_hold_that_somebody_else_captured_is_lost() -> None:
    life = confirmed()
    life.do("payment_found", PROVIDER, **OWN)
    assert (life.order.payment.hold, life.stage) == ("", Stage.AWAITING_PAYMENT)
    life.settle_money()
    assert [asked.verb for asked in life.asked] == [Verb.AUTHORISE, Verb.REFUND, Verb.VOID]


def test_a_hold_that_somebody_else_captured_is_not_lost_twice_where_our_own_capture_will_tell() -> None:
    life = shipped(answer=unclear(Verb.CAPTURE))
    decision = life.do("payment_found", PROVIDER, **OWN)
    assert not any(isinstance(event, HoldLost) for event in decision.events)
    assert life.order.payment.hold == "authorise-1"
