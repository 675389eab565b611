"""A lost chargeback is won after all: everybody gets what is his by then, and nobody anything twice."""

from __future__ import annotations

import pytest

from domain.money import Money, Verb, total
from domain.state import Role
from tests.domain.claims_world import OTHER_JUDGE, bought, escalated, received
from tests.domain.test_back_after_the_payout import comes_back
from tests.domain.test_failures_after_chargebacks import FEE_OF_BANK, NOTE, balances, charged_back, given, win
from tests.domain.world import delivered, done, new_order, no, shipped

PROVIDER, BUYER, SELLER, SPECIALIST = Role.PROVIDER, Role.BUYER, Role.SELLER, Role.SPECIALIST


def test_what_the_bank_took_before_a_line_went_back_is_the_buyers_when_the_seller_wins_in_the_end() -> None:
    life = charged_back(delivered(), "10.00 EUR", reason="other")
    life.do("refund", SPECIALIST, lines=["a", "b"], **NOTE)
    life.settle_money()
    assert given(life) == ["45.00 EUR"]
    win(life)
    life.wait(days=60)
    assert (given(life), life.over) == (["45.00 EUR", "10.00 EUR"], True)
    assert (life.ledger.balance("seller:seller-1"), balances(life)) == (0, FEE_OF_BANK)


@pytest.mark.parametrize(("amount", "appealed"), [("425.00 EUR", False), ("50.00 EUR", False), ("50.00 EUR", True)])
def test_what_a_ruling_gives_the_buyer_is_his_when_the_seller_wins_in_the_end(amount: str, appealed: bool) -> None:
    life = escalated()
    life.do("decide_claim", SPECIALIST, verdict="part_refund", amount="100.00 EUR", **NOTE)
    charged_back(life, amount, reason="other")
    if appealed:
        life.do("appeal_claim", SELLER, **NOTE)
        life.do("decide_claim", OTHER_JUDGE, verdict="release", **NOTE)
    win(life)
    life.wait(days=60)
    back = total([Money.parse(text) for text in given(life)], "EUR")
    assert str(back) == ("0.00 EUR" if appealed else "100.00 EUR")


def test_an_appeal_takes_nothing_of_what_another_claim_has_settled() -> None:
    life = escalated()
    life.do("decide_claim", SPECIALIST, verdict="part_refund", amount="100.00 EUR", **NOTE)
    charged_back(life, "50.00 EUR", reason="other")
    life.until("decision_stands")
    life.settle_money()
    life.do("open_claim", BUYER, reason="damaged", lines=["a"])
    life.until("claim_unanswered")
    life.do("decide_claim", OTHER_JUDGE, verdict="release", **NOTE)
    life.do("appeal_claim", BUYER, **NOTE)
    win(life)
    life.settle_money()
    back = total([Money.parse(text) for text in given(life)], "EUR")
    assert str(back) == "100.00 EUR"


@pytest.mark.parametrize(("reason", "fee"), [("other", "0.00 EUR"), ("not_received", "15.00 EUR")])
def test_what_was_written_off_is_recovered_before_the_seller_gets_anything_of_a_win(reason: str, fee: str) -> None:
    life = delivered(answer=no("InsufficientFunds", Verb.REVERSE_RELEASE))
    life.do("receive", BUYER)
    life.settle_money()
    charged_back(life, reason=reason)
    life.wait(days=120)
    assert life.ledger.balance("platform:losses") < 0
    life.do("win_dispute", PROVIDER, dispute="dp_1", fee=fee)
    life.wait(days=60)
    paid = total([move.left for move in life.order.moves if move.verb is Verb.RELEASE], "EUR")
    assert (str(paid), life.over) == ("51.00 EUR", True)
    assert (life.ledger.balance("platform:losses"), life.ledger.balance("platform:fees")) == (0, 400)


def test_what_was_written_off_is_recovered_once_by_two_wins() -> None:
    life = delivered(new_order(shipping="0.00"), answer=no("InsufficientFunds", Verb.REVERSE_RELEASE))
    life.do("receive", BUYER)
    life.settle_money()
    disputes = [{"dispute": f"dp_{n}", "amount": "25.00 EUR", "fee": "0.00 EUR", "reason": "other"} for n in (1, 2)]
    for dispute in disputes:
        life.do("open_dispute", PROVIDER, **dispute)
        life.do("lose_dispute", PROVIDER, dispute=dispute["dispute"])
        life.settle_money()
    life.wait(days=90)
    lost = life.ledger.balance("platform:losses")
    assert (lost < 0, life.order.written_off) == (True, Money(-lost, "EUR"))
    for dispute in disputes:
        life.do("win_dispute", PROVIDER, dispute=dispute["dispute"], fee="0.00 EUR")
        life.settle_money()
    life.wait(days=60)
    assert (life.ledger.balance("platform:losses"), life.order.written_off) == (0, Money(0, "EUR"))
    paid = total([move.left for move in life.order.moves if move.verb is Verb.RELEASE], "EUR")
    assert (str(paid), life.ledger.balance("platform:fees"), life.over) == ("46.00 EUR", 400, True)


def test_shipping_of_which_the_bank_left_a_cent_is_the_sellers_when_the_seller_wins_in_the_end() -> None:
    life = charged_back(delivered(new_order(prices=("0.06",), shipping="5.00")), "5.05 EUR", reason="other")
    assert life.order.left("shipping") == Money(1, "EUR")
    win(life)
    life.wait(days=60)
    assert given(life) == ["0.01 EUR"]


def test_shipping_of_a_line_of_which_a_ruling_gives_a_part_is_the_sellers_when_the_seller_wins_in_the_end() -> None:
    life = received(order=bought(prices=("400.00",)))
    life.until("claim_unanswered")
    life.do("decide_claim", SPECIALIST, verdict="part_refund", amount="40.00 EUR", **NOTE)
    charged_back(life, "405.00 EUR", reason="other")
    win(life)
    life.silence()
    assert (given(life), str(life.moved[Verb.RELEASE])) == (["40.00 EUR"], "336.20 EUR")


def test_what_is_won_back_and_waits_for_the_sellers_account_is_the_sellers_whatever_becomes_of_the_rest() -> None:
    life = shipped(new_order(prices=("100.00",)))
    comes_back(life)
    charged_back(life, "60.00 EUR", reason="other", fee="0.00 EUR")
    life.answer = no("AccountRestricted", Verb.RELEASE)
    win(life)
    life.settle_money()
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    assert life.ledger.balance("escrow:") == 60_00
    life.answer = done
    life.silence()
    assert (given(life), str(life.moved[Verb.RELEASE])) == (["45.00 EUR"], "55.43 EUR")
    assert balances(life) == {"platform:fees": 4_57}
