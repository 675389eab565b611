"""The desk gives the shipping back because the seller is at fault, while the lines go their way (docs/rules.md)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain import wire
from domain.decide import Decision
from domain.money import Money, Verb
from domain.shares import shares_of
from domain.state import Actor, LineState, Order, Role, Stage, money_open
from tests.domain.test_failures_after_chargebacks import charged_back, dispute, fail, given, lose, released, win
from tests.domain.world import SECOND_OPERATOR, Life, confirmed, delivered, new_order, no, paid, round_trips, shipped

BUYER, SELLER, SPECIALIST, OPERATOR = Role.BUYER, Role.SELLER, Role.SPECIALIST, Role.OPERATOR
NOTE = {"note_id": "n-1"}


def give_back(life: Life, who: Role | Actor = SPECIALIST) -> Decision:
    decision = life.do("refund_shipping", who, **NOTE)
    life.settle_money()
    return decision


def completed(order: Order | None = None) -> Life:
    """All was received, and the seller is paid."""
    life = delivered(order)
    life.do("receive", BUYER)
    life.settle_money()
    return life


def why_not(life: Life, who: Role = SPECIALIST) -> tuple[str, str]:
    refusal = life.refused("refund_shipping", who, **NOTE)
    return refusal.code, refusal.reason


@pytest.mark.parametrize("who", [SPECIALIST, OPERATOR])
def test_shipping_goes_back_out_of_escrow_and_the_lines_go_their_way_without_it(who: Role) -> None:
    life = delivered()
    give_back(life, who)
    assert (given(life), life.order.shipping_funds) == (["5.00 EUR"], "refunded")
    assert life.states == ("delivered", "delivered")
    assert round_trips(life.order)
    life.do("receive", BUYER)
    life.silence()
    assert (given(life), str(released(life)), life.stage) == (["5.00 EUR"], "46.00 EUR", Stage.CLOSED)
    assert (life.ledger.balance("platform:fees"), life.ledger.balance("escrow:")) == (400, 0)


def test_shipping_that_was_paid_out_goes_back_and_is_taken_from_the_sellers_account() -> None:
    life = completed()
    assert str(released(life)) == "51.00 EUR"
    give_back(life)
    assert (given(life), str(released(life)), life.order.debt) == (["5.00 EUR"], "46.00 EUR", None)
    assert life.ledger.balance("receivable:") == 0
    assert life.ledger.balance("platform:fees") == 400, "no fee was taken on shipping, so none goes back"
    life.silence()
    assert (life.stage, life.over) == (Stage.CLOSED, True)


def test_what_the_seller_was_paid_for_shipping_and_has_spent_he_owes() -> None:
    life = completed()
    life.answer = no("InsufficientFunds", Verb.REVERSE_RELEASE)
    give_back(life)
    assert life.order.debt is not None
    assert (given(life), str(life.order.debt.amount)) == (["5.00 EUR"], "5.00 EUR")
    assert life.ledger.balance("receivable:") == -500


def test_the_order_does_not_end_before_the_buyer_has_the_shipping_that_was_paid_out() -> None:
    life = completed()
    life.answer = no("InsufficientFunds", Verb.REFUND)
    give_back(life)
    assert (life.order.shipping_funds, life.order.op) == ("released", None)
    assert money_open(life.order), "the after-sales window does not close over money that is to go back"
    life.wait(days=90)
    assert life.stage is Stage.COMPLETED


def test_shipping_of_a_part_that_was_paid_before_never_goes_with_the_last_line() -> None:
    life = delivered()
    life.do("receive", BUYER, lines=["a"])
    life.settle_money()
    give_back(life)
    life.do("receive", BUYER, lines=["b"])
    life.settle_money()
    assert (given(life), str(released(life))) == (["5.00 EUR"], "46.00 EUR")
    assert [asked.slices for asked in life.asked if asked.verb is Verb.RELEASE] == [("a",), ("b",)]


def test_shipping_that_waits_for_its_refund_is_not_paid_out_meanwhile() -> None:
    life = delivered(answer=no("InsufficientFunds", Verb.REFUND))
    give_back(life)
    life.do("receive", BUYER)
    life.settle_money()
    assert (str(released(life)), life.order.shipping_funds) == ("46.00 EUR", "escrow")
    life.answer = Life().answer
    life.silence()
    assert (str(released(life)), life.over, life.ledger.balance("escrow:")) == ("46.00 EUR", True, 0)


def test_a_release_that_was_refused_is_tried_again_without_the_shipping() -> None:
    life = delivered(answer=no("AccountRestricted", Verb.RELEASE))
    life.do("receive", BUYER)
    give_back(life)
    life.answer = Life().answer
    life.do("retry", OPERATOR, **NOTE)
    life.settle_money()
    assert (given(life), life.asked[-1].slices, str(life.asked[-1].amount)) == (["5.00 EUR"], ("a", "b"), "46.00 EUR")
    assert life.order.tickets == ()


@pytest.mark.parametrize("life_of", [shipped, completed])
def test_shipping_goes_back_once_also_when_every_line_is_refunded_later(life_of: Callable[[], Life]) -> None:
    life = life_of()
    give_back(life)
    for line in ("a", "b"):
        life.do("refund", SPECIALIST, lines=[line], **NOTE)
        life.settle_money()
    assert (given(life), life.stage, life.over) == (["5.00 EUR", "30.00 EUR", "20.00 EUR"], Stage.REFUNDED, True)
    assert life.ledger.balance("receivable:") == life.ledger.balance("platform:fees") == 0


def test_shipping_that_waits_for_its_refund_goes_with_the_last_line_and_once() -> None:
    life = shipped(answer=no("InsufficientFunds", Verb.REFUND))
    give_back(life)
    life.answer = Life().answer
    life.do("refund", SPECIALIST, **NOTE)
    life.do("retry", SPECIALIST, **NOTE)
    life.settle_money()
    done = [str(move.amount) for move in life.order.moves if move.verb is Verb.REFUND]
    assert (done, life.over) == (["55.00 EUR"], True)


def test_a_refund_of_shipping_that_the_buyers_bank_sends_back_is_made_anew() -> None:
    life = delivered()
    give_back(life)
    fail(life)
    life.do("receive", BUYER)
    life.silence()
    assert (given(life), str(released(life))) == (["5.00 EUR", "5.00 EUR"], "46.00 EUR")
    assert life.ledger.balance("escrow:") == 0


@pytest.mark.parametrize("life_of", [paid, confirmed])
def test_before_the_money_is_captured_there_is_no_shipping_to_give_back(life_of: Callable[[], Life]) -> None:
    assert why_not(life_of()) == ("shipping_charged", "nothing was captured yet; shipping is given back after that")


def test_free_shipping_cannot_be_given_back() -> None:
    life = shipped(new_order(shipping="0.00"))
    assert why_not(life) == ("shipping_charged", "the buyer pays no shipping for this order")


def test_shipping_is_given_back_once_whether_the_money_has_left_or_not() -> None:
    life = shipped()
    life.answer = no("InsufficientFunds", Verb.REFUND)
    give_back(life)
    assert why_not(life) == ("shipping_stays", "the shipping goes back to the buyer already")
    life.answer = Life().answer
    life.do("retry", SPECIALIST, **NOTE)
    life.settle_money()
    assert why_not(life, OPERATOR) == ("shipping_stays", "the buyer has the shipping back already")
    assert given(life) == ["5.00 EUR", "5.00 EUR"], "one was refused"


def test_with_the_last_line_shipping_goes_back_by_itself() -> None:
    life = shipped(answer=no("InsufficientFunds", Verb.REFUND))
    life.do("refund", SPECIALIST, **NOTE)
    assert why_not(life) == ("shipping_stays", "the shipping goes back to the buyer already")


def test_shipping_waits_for_a_release_under_way() -> None:
    life = delivered()
    decision = life.ask("receive", BUYER)
    assert isinstance(decision, Decision)
    life.order = decision.after
    assert why_not(life) == ("shipping_at_rest", "release in progress; try again when it is settled")


@pytest.mark.parametrize("who", [Role.BUYER, Role.SELLER, Role.PLATFORM, Role.STOREFRONT, Role.CARRIER, Role.PROVIDER])
def test_only_the_desk_gives_shipping_back(who: Role) -> None:
    assert why_not(shipped(), who)[0] == "role_not_allowed"


def test_a_reason_is_needed() -> None:
    assert shipped().refused("refund_shipping", SPECIALIST).code == "invalid"


def test_a_large_order_needs_a_second_operator_for_its_shipping() -> None:
    life = shipped(new_order(prices=("900.00",)))
    assert life.do("refund_shipping", SPECIALIST, **NOTE).step == "ask_second_operator"
    life.settle_money()
    assert (given(life), life.order.approval is not None) == ([], True)
    assert life.order.approval is not None
    life.do("approve", SECOND_OPERATOR, digest=life.order.approval.digest)
    life.settle_money()
    assert given(life) == ["5.00 EUR"]


def test_the_bank_decides_about_shipping_that_is_disputed() -> None:
    life = shipped()
    dispute(life)
    assert why_not(life) == ("shipping_at_rest", "the shipping is disputed; the bank decides")
    win(life)
    life.settle_money()
    give_back(life)
    assert given(life) == ["5.00 EUR"]


@pytest.mark.parametrize("life_of", [delivered, completed])
def test_shipping_that_the_bank_took_on_its_way_back_is_the_buyers_when_the_seller_wins_in_the_end(
    life_of: Callable[[], Life],
) -> None:
    life = life_of()
    life.answer = no("InsufficientFunds", Verb.REFUND)
    give_back(life)
    life.answer = Life().answer
    dispute(life, reason="other")
    life.do("lose_dispute", Role.PROVIDER, dispute="dp_1")
    shares = [share for share in shares_of(life.order, life.order.disputes[0]) if share.piece == "shipping"]
    assert [(share.due, str(share.amount)) for share in shares] == [(True, "5.00 EUR")]
    life.settle_money()
    win(life)
    life.wait(days=60)
    assert (given(life)[1:], str(released(life)), life.over) == (["5.00 EUR"], "46.00 EUR", True)


def test_what_the_bank_had_taken_of_shipping_is_the_buyers_too_when_the_seller_wins_in_the_end() -> None:
    life = charged_back(delivered(), "11.00 EUR", reason="other")
    assert str(life.order.left("shipping")) == "4.00 EUR"
    give_back(life)
    assert given(life) == ["4.00 EUR"]
    win(life)
    life.wait(days=60)
    assert (given(life), life.over) == (["4.00 EUR", "1.00 EUR"], True)
    assert str(released(life)) == "46.00 EUR"


def test_what_the_bank_gave_back_in_full_is_not_given_back_again() -> None:
    life = charged_back(delivered())
    assert life.order.line("a").state is LineState.REFUNDED
    assert why_not(life) == ("shipping_stays", "the buyer has the shipping back already")


def test_a_chargeback_of_what_shipping_has_left_is_laid_over_the_lines_alone() -> None:
    life = delivered()
    give_back(life)
    dispute(life, amount="50.00 EUR")
    assert {part.piece for part in life.order.disputes[0].parts} == {"a", "b"}
    lose(life)
    assert given(life) == ["5.00 EUR"]


@pytest.mark.parametrize(
    ("currency", "prices", "shipping", "taken"),
    [
        ("EUR", ("30.00", "20.00"), "4.99", "0.07"),
        ("JPY", ("3001", "1999"), "333", "100"),
        ("KWD", ("3.010", "1.990"), "0.330", "0.070"),
    ],
)
def test_to_the_last_unit_buyer_and_bank_have_the_whole_shipping(
    currency: str, prices: tuple[str, ...], shipping: str, taken: str
) -> None:
    life = delivered(new_order(prices=prices, shipping=shipping, currency=currency))
    dispute(life, amount=f"{taken} {currency}", fee=str(Money.zero(currency)), reason="other")
    lose(life)
    bank = life.order.shipping - life.order.left("shipping")
    give_back(life)
    if life.order.approval is not None:
        life.do("approve", SECOND_OPERATOR, digest=life.order.approval.digest)
        life.settle_money()
    assert [Money.parse(text) + bank for text in given(life)] == [life.order.shipping]
    life.silence()
    assert (life.ledger.balance("escrow:"), sum(life.ledger.balances.values())) == (0, 0)


def test_an_order_that_an_earlier_version_wrote_down_reads_as_one_whose_shipping_stays() -> None:
    life = delivered()
    assert "shipping_back" not in wire.to_plain(life.order)
    assert not wire.from_plain(Order, wire.to_plain(life.order)).shipping_back
