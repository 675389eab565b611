"""A refund fails after the bank has given the buyer the same money: it makes up for the platform's loss first (P6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from domain.money import Money, Verb
from domain.purse import Bearer, Dispute, DisputeStatus
from domain.state import Cause, Role
from tests.domain.claims_world import received
from tests.domain.telling import Telling
from tests.domain.world import Life, delivered, done, no, round_trips, unclear

PROVIDER, BUYER, SELLER, SPECIALIST = Role.PROVIDER, Role.BUYER, Role.SELLER, Role.SPECIALIST
NOTE = {"note_id": "n-1"}
ALL = "55.00 EUR"


def refunded(*lines: str, life: Life | None = None) -> Life:
    """Delivered, and then given back, line by line or as a whole; each refund is one of its own."""
    life = life or delivered()
    for pieces in [[line] for line in lines] or [["a", "b"]]:
        life.do("refund", SPECIALIST, lines=pieces, **NOTE)
        life.settle_money()
    return life


def dispute(life: Life, name: str = "dp_1", amount: str = ALL, **about: str) -> None:
    body = {"dispute": name, "amount": amount, "fee": "15.00 EUR", "reason": "not_received", **about}
    life.do("open_dispute", PROVIDER, **body)
    life.settle_money()


def lose(life: Life, name: str = "dp_1") -> None:
    life.do("lose_dispute", PROVIDER, dispute=name)
    life.settle_money()


def charged_back(life: Life, amount: str = ALL, name: str = "dp_1", **about: str) -> Life:
    dispute(life, name, amount, **about)
    lose(life, name)
    return life


def win(life: Life, name: str = "dp_1") -> None:
    life.do("win_dispute", PROVIDER, dispute=name, fee="0.00 EUR")


def paid_twice(life: Life) -> None:
    """A second payment, to which the order has no claim, comes and goes back."""
    life.do("payment_found", PROVIDER, payment_intent="pi_2", charge="ch_2", amount="5.00 EUR")
    life.settle_money()


def refunds(life: Life) -> list[str]:
    """The refunds that stand, oldest first."""
    return [move.ref for move in life.order.moves if move.verb is Verb.REFUND]


def fail(life: Life, refund: str = "") -> None:
    life.do("refund_failed", PROVIDER, refund=refund or refunds(life)[-1])


def given(life: Life) -> list[str]:
    """What went to the buyer, refund by refund."""
    return [str(asked.amount) for asked in life.asked if asked.verb is Verb.REFUND]


def released(life: Life) -> Money:
    """What went to the seller, less what came back from there."""
    signs = {Verb.RELEASE: 1, Verb.REVERSE_RELEASE: -1}
    moved = [signs.get(asked.verb, 0) * asked.amount.minor for asked in life.asked]
    return Money(sum(moved), life.order.currency)


def balances(life: Life) -> dict[str, int]:
    """Everything that stands on an account, but for what the provider has of ours."""
    found = {account: balance for (account, _), balance in life.ledger.balances.items() if balance}
    return {account: balance for account, balance in found.items() if account != "clearing"}


def platforms(dispute: Dispute) -> list[Money]:
    return [share.amount for share in dispute.shares if share.by is Bearer.PLATFORM]


FEE_OF_BANK = {"platform:dispute_fees": -1500}


def test_what_a_refund_brings_back_that_the_bank_has_given_makes_up_for_the_platforms_loss() -> None:
    life = charged_back(refunded())
    assert balances(life) == {"platform:losses": -5500, **FEE_OF_BANK}
    fail(life)
    assert balances(life) == FEE_OF_BANK
    assert platforms(life.order.disputes[0]) == []
    life.wait(days=30)
    assert given(life) == [ALL], "the buyer has it from the bank"
    assert round_trips(life.order)


def test_nothing_is_stuck_and_nobody_is_asked_when_all_of_it_makes_up_for_a_loss() -> None:
    life = charged_back(refunded())
    fail(life)
    assert (life.order.stuck, life.order.strays) == ((), ())
    assert not [ticket for ticket in life.order.tickets if ticket.cause is Cause.MONEY_FAILED]
    assert life.over


def test_a_closed_order_stays_closed_when_all_of_it_makes_up_for_a_loss() -> None:
    life = delivered()
    life.do("receive", BUYER)
    life.settle_money()
    paid_twice(life)
    charged_back(life, "5.00 EUR", charge="ch_2")
    life.until("close")
    closed = life.order.closed_at
    assert (balances(life)["platform:losses"], life.over) == (-500, True)
    fail(life)
    assert (life.order.closed_at, life.over) == (closed, True)
    assert "platform:losses" not in balances(life)


def test_what_exceeds_the_platforms_loss_is_stuck_and_tried_again() -> None:
    life = charged_back(refunded(), "30.00 EUR")
    assert balances(life) == {"platform:losses": -3000, **FEE_OF_BANK}
    fail(life)
    assert balances(life) == {"suspense:o-1": 2500, **FEE_OF_BANK}
    assert [(stuck.verb, stuck.slices) for stuck in life.order.stuck] == [(Verb.REFUND, ("suspense",))]
    assert [ticket.subject for ticket in life.order.tickets if ticket.cause is Cause.MONEY_FAILED] == ["refund"]
    life.wait(days=10)
    assert given(life) == [ALL, "25.00 EUR"]
    assert balances(life) == FEE_OF_BANK
    assert life.over


def test_a_refund_of_one_line_that_fails_makes_up_for_its_part_of_the_loss() -> None:
    life = charged_back(refunded("a"))
    assert balances(life)["platform:losses"] == -3000, "escrow has borne the rest"
    fail(life)
    assert "platform:losses" not in balances(life)
    life.wait(days=30)
    assert given(life) == ["30.00 EUR"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the first fails first", "the last fails first"])
def test_of_two_refunds_that_fail_only_what_the_bank_has_not_given_goes_out_again(order: tuple[int, int]) -> None:
    life = charged_back(refunded("a", "b"), "40.00 EUR")
    assert balances(life)["platform:losses"] == -4000
    gone = refunds(life)
    for at in order:
        fail(life, gone[at])
    assert "platform:losses" not in balances(life)
    life.wait(days=30)
    assert (given(life)[2:], balances(life)) == (["15.00 EUR"], FEE_OF_BANK)


def test_of_two_refunds_one_fails_and_the_other_stays_the_platforms_loss() -> None:
    life = charged_back(refunded("a", "b"))
    fail(life, refunds(life)[0])
    assert balances(life) == {"platform:losses": -2500, **FEE_OF_BANK}
    life.wait(days=30)
    assert given(life) == ["30.00 EUR", "25.00 EUR"]


def test_two_lost_disputes_are_made_up_for_one_after_the_other() -> None:
    life = charged_back(charged_back(refunded(), "30.00 EUR"), "20.00 EUR", "dp_2")
    assert balances(life)["platform:losses"] == -5000
    fail(life)
    assert [platforms(dispute) for dispute in life.order.disputes] == [[], []]
    life.wait(days=30)
    assert given(life) == [ALL, "5.00 EUR"]


def test_what_the_bank_decides_about_yet_gets_only_what_no_loss_took() -> None:
    life = charged_back(refunded(), "30.00 EUR")
    dispute(life, "dp_2", "25.00 EUR")
    fail(life)
    life.wait(days=10)
    assert given(life) == [ALL], "the bank decides about the rest"
    lose(life, "dp_2")
    assert balances(life) == {"platform:dispute_fees": -3000}
    assert given(life) == [ALL]


def test_a_dispute_whose_part_has_gone_meanwhile_holds_what_comes_back_of_another() -> None:
    life = refunded("a")
    life.answer = unclear(Verb.REFUND)
    refunded("b", life=life)
    dispute(life, amount="20.00 EUR")
    life.answer = done
    life.wait(days=1)
    assert given(life) == ["30.00 EUR", "25.00 EUR"], "what was under way is gone"
    fail(life, refunds(life)[0])
    life.wait(days=10)
    assert given(life)[2:] == [], "the bank decides about a part of it"
    lose(life)
    life.wait(days=10)
    assert (given(life)[2:], life.ledger.balance("platform:losses")) == (["10.00 EUR"], 0)


def granted(life: Life, amount: str) -> None:
    """The seller offers to give back a part, and the buyer agrees."""
    life.do("offer_refund", SELLER, amount=amount)
    life.do("accept_offer", BUYER)
    life.settle_money()


def test_a_part_that_was_under_way_to_the_buyer_when_the_bank_took_all_and_then_fails_goes_to_him_once() -> None:
    life = received("damaged")
    life.answer = unclear(Verb.REFUND)
    granted(life, "100.00 EUR")
    dispute(life, amount=str(life.order.payment.captured), reason="other")
    life.answer = done
    life.wait(days=1)
    fail(life)
    lose(life)
    life.wait(days=100)
    assert given(life) == ["100.00 EUR"], "the bank has given it to him"
    assert ("platform:losses" in balances(life), life.over) == (False, True)


def test_of_two_parts_that_failed_what_the_bank_has_not_given_goes_out_again() -> None:
    life = received("damaged")
    granted(life, "100.00 EUR")
    life.do("open_claim", BUYER, reason="damaged", lines=["b"])
    granted(life, "10.00 EUR")
    life.answer = no("Declined", Verb.REFUND)
    for refund in refunds(life):
        fail(life, refund)
    charged_back(life, "60.00 EUR", reason="other")
    life.answer = done
    life.wait(days=120)
    assert given(life)[2:] == ["84.47 EUR", "10.00 EUR"], "the first bears what the dispute has of both"
    assert (life.ledger.balance("suspense:"), life.over) == (0, True)


@pytest.mark.parametrize(("amount", "back"), [(ALL, [ALL]), ("30.00 EUR", ["25.00 EUR", "30.00 EUR"])])
def test_a_dispute_that_is_won_in_the_end_gives_the_buyer_the_refund_he_never_got(amount: str, back: list[str]) -> None:
    life = charged_back(refunded(), amount)
    fail(life)
    life.wait(days=10)
    win(life)
    assert life.order.in_suspense(life.order.payment.charge) == Money.parse(amount)
    life.settle_money()
    assert (given(life)[1:], balances(life)) == (back, FEE_OF_BANK)
    assert (life.order.disputes[0].status, life.over) == (DisputeStatus.WON, True)


def test_a_dispute_that_is_won_in_the_end_gives_everybody_what_they_bore() -> None:
    life = charged_back(refunded("a", "b"))
    fail(life, refunds(life)[0])
    win(life)
    assert balances(life) == {"suspense:o-1": 3000, **FEE_OF_BANK}, "and the platform what the other refund cost it"


def test_what_a_win_in_the_end_would_give_the_buyer_makes_up_for_another_loss_first() -> None:
    life = charged_back(refunded("a", "b"), "30.00 EUR")
    fail(life, refunds(life)[0])
    charged_back(life, "25.00 EUR", "dp_2")
    assert life.ledger.balance("platform:losses") == -2500, "the other refund and its chargeback"
    win(life)
    life.settle_money()
    assert (given(life)[2:], life.ledger.balance("platform:losses")) == (["5.00 EUR"], 0)
    win(life, "dp_2")
    life.settle_money()
    assert given(life)[3:] == ["25.00 EUR"], "now he has everything, and once"
    assert balances(life) == {"platform:dispute_fees": -3000}


@pytest.mark.parametrize("paid_out", [False, True], ids=["in escrow", "paid out"])
def test_the_buyer_gets_a_refund_that_failed_while_the_bank_decided_when_the_seller_wins_in_the_end(
    paid_out: bool,
) -> None:
    life = delivered()
    if paid_out:
        life.do("receive", BUYER)
        life.settle_money()
    refunded("a", life=life)
    dispute(life, reason="other")
    fail(life)
    lose(life)
    assert "platform:losses" not in balances(life)
    win(life)
    life.wait(days=60)
    assert given(life) == ["30.00 EUR", "30.00 EUR"], "the first never reached him"
    assert (str(released(life)), life.over) == ("23.40 EUR", True)
    assert balances(life) == {"platform:fees": 160, **FEE_OF_BANK}


def test_a_dispute_that_is_won_in_the_end_gives_a_dead_line_to_the_buyer_and_the_rest_to_the_seller() -> None:
    life = delivered(answer=unclear(Verb.REFUND))
    refunded("a", life=life)
    life.answer = no("Declined", Verb.REFUND)
    life.wait(days=1)
    charged_back(life, reason="other")
    life.answer = done
    win(life)
    life.wait(days=60)
    assert (given(life)[-1], str(released(life))) == ("30.00 EUR", "23.40 EUR")
    assert (balances(life), life.over) == ({"platform:fees": 160, **FEE_OF_BANK}, True)


@pytest.mark.parametrize("twice", [False, True], ids=["disputed once", "disputed twice"])
def test_what_a_claim_granted_goes_to_the_buyer_once_when_the_seller_wins_in_the_end(twice: bool) -> None:
    life = received("damaged")
    if twice:
        dispute(life, "dp_1", "200.00 EUR", reason="other")
    dispute(life, "dp_2", str(life.order.payment.captured), reason="other")
    life.do("offer_refund", SELLER, amount="100.00 EUR")
    life.do("accept_offer", BUYER)
    if twice:
        win(life, "dp_1")
    lose(life, "dp_2")
    win(life, "dp_2")
    life.wait(days=60)
    assert given(life) == ["100.00 EUR"]


def test_a_loss_that_a_win_has_made_good_takes_nothing_of_a_refund_that_fails() -> None:
    life = charged_back(refunded())
    win(life)
    fail(life)
    life.wait(days=10)
    assert (given(life), balances(life)) == ([ALL, ALL], FEE_OF_BANK)


def test_the_loss_from_another_payment_takes_nothing_of_it() -> None:
    life = refunded()
    paid_twice(life)
    charged_back(life, "5.00 EUR", charge="ch_2")
    fail(life, refunds(life)[0])
    life.wait(days=10)
    assert (given(life), balances(life)) == ([ALL, "5.00 EUR", ALL], {"platform:losses": -500, **FEE_OF_BANK})


def test_a_refund_of_another_payment_makes_up_for_the_loss_from_it() -> None:
    life = delivered()
    paid_twice(life)
    charged_back(life, "3.00 EUR", charge="ch_2")
    fail(life)
    life.wait(days=4)
    assert given(life) == ["5.00 EUR", "2.00 EUR"]
    dispute(life, "dp_2", "5.00 EUR", charge="ch_2")
    assert balances(life)["disputed:o-1"] == -500, "as much may be disputed as came in"


def test_a_refund_that_fails_makes_up_for_losses_once_and_no_further_than_it_was() -> None:
    life = delivered()
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    for name in ("dp_1", "dp_2"):
        charged_back(life, name=name, fee="0.00 EUR")
    assert balances(life) == {"platform:losses": -8500}, "the bank took all of it twice, and a line had gone back"
    fail(life)
    assert balances(life) == {"platform:losses": -5500}, "the line's price is here again"


def test_what_was_paid_out_before_is_still_owed_when_its_refund_fails() -> None:
    life = delivered(answer=no("InsufficientFunds", Verb.REVERSE_RELEASE))
    life.do("receive", BUYER)
    life.settle_money()
    charged_back(refunded(life=life), reason="fraudulent")
    owed = life.order.debt
    fail(life)
    assert (life.order.debt, life.ledger.balance("platform:losses")) == (owed, 0)


def told(events: Any) -> Iterator[str]:
    for role, template in events:
        if role == "buyer":
            yield template


def test_the_buyer_hears_of_a_refund_that_fails_only_when_something_is_left_to_give() -> None:
    for amount, hears in (ALL, False), ("30.00 EUR", True):
        life = Telling()
        life.do("confirm", SELLER)
        life.ship()
        charged_back(refunded(life=life), amount)
        since = life.order.seq + 1
        fail(life)
        assert ("refund_failed" in told(life.mails(since))) is hears
