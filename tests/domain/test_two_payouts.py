"""What a seller owes is asked of each of an order's payouts by itself; and a bank that takes more than was paid."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from domain.funds import No, Result, Short, next_try
from domain.money import Money, Verb
from domain.state import Cause, Funds, MoneyOp, Order
from tests.domain.claims_world import BUYER, NOTE, SPECIALIST
from tests.domain.test_news import balance, dispute, lose, win
from tests.domain.world import Life, delivered, done, new_order

EXCESS = Money.of("0.07", "EUR")


@dataclass
class Account:
    """A payout account from which some releases can be taken back, and others not; `asked` are the tries."""

    keeps: set[str] = field(default_factory=set)
    asked: list[tuple[datetime, str]] = field(default_factory=list)

    def __call__(self, order: Order, op: MoneyOp, now: datetime) -> Result:
        if op.verb is not Verb.REVERSE_RELEASE:
            return done(order, op, now)
        self.asked.append((now, op.subject))
        return No("InsufficientFunds") if op.subject in self.keeps else done(order, op, now)


def paid_out_apart(account: Account) -> tuple[Life, str, str]:
    """Lines ``a`` and ``b`` are received, and paid out, one after the other."""
    life = delivered(new_order(prices=("30.00", "20.00")), answer=account)
    for line in ("a", "b"):
        life.do("receive", BUYER, lines=[line])
        life.settle_money()
    first, second = (move.ref for move in life.order.moves if move.verb is Verb.RELEASE)
    return life, first, second


def taken_back(life: Life) -> dict[str, bool]:
    return {move.ref: not move.left for move in life.order.moves if move.verb is Verb.RELEASE}


def test_a_payout_that_cannot_be_taken_back_keeps_no_other_from_it() -> None:
    account = Account()
    life, first, second = paid_out_apart(account)
    account.keeps = {first}
    dispute(life)
    lose(life)
    assert [ref for _, ref in account.asked] == [first, second], "each is asked once"
    assert taken_back(life) == {first: False, second: True}
    assert [ticket.subject for ticket in life.order.tickets if ticket.cause is Cause.MONEY_FAILED] == [
        "reverse_release"
    ], "the other one is still owed"
    retry = next_try(life.order)
    assert retry is not None
    assert retry - life.now > timedelta(days=5), "and tried again when its refusal says so"
    account.keeps = set()
    life.wait(days=14)
    assert taken_back(life) == {first: True, second: True}
    assert [ticket.cause for ticket in life.order.tickets] == []


def test_a_debt_that_one_payout_has_paid_waits_for_no_other() -> None:
    account = Account()
    life, first, second = paid_out_apart(account)
    account.keeps = {first}
    life.do("refund", SPECIALIST, lines=["b"], **NOTE)
    life.settle_money()
    assert taken_back(life)[first] is False
    assert (life.order.debt, life.order.stuck, life.order.tickets) == (None, (), ())
    assert [ref for _, ref in account.asked] == [first, second]


def test_a_reversal_that_is_refused_again_waits_anew_and_the_ticket_is_one() -> None:
    account = Account()
    life, first, second = paid_out_apart(account)
    account.keeps = {first, second}
    dispute(life)
    lose(life)
    assert sorted(stuck.subject for stuck in life.order.stuck) == sorted([first, second])
    life.wait(days=20)
    tries = [ref for _, ref in account.asked]
    assert tries.count(first) == tries.count(second) == 3
    assert len({(stuck.verb, stuck.subject) for stuck in life.order.stuck}) == len(life.order.stuck) == 2
    assert len([ticket for ticket in life.order.tickets if ticket.cause is Cause.MONEY_FAILED]) == 1


def nothing_owed(order: Order, op: MoneyOp, now: datetime) -> Result:
    """The releases of other orders have paid it all meanwhile."""
    return Short(Money.zero(order.currency))


def test_a_debt_that_another_sale_has_paid_leaves_nothing_stuck() -> None:
    account = Account()
    life, first, second = paid_out_apart(account)
    account.keeps = {first, second}
    dispute(life)
    lose(life)
    life.answer = nothing_owed
    life.wait(days=8)
    assert (life.order.debt, life.order.stuck, life.order.tickets) == (None, (), ())


def all_and_more(life: Life) -> Money:
    captured = life.order.payment.captured
    assert captured is not None
    return captured + EXCESS


@pytest.mark.parametrize("won", [False, True])
def test_a_bank_that_takes_more_than_was_paid_stops_every_slice_and_the_excess_is_the_platforms(won: bool) -> None:
    life = delivered(new_order(prices=("30.00", "20.00")))
    dispute(life, amount=str(all_and_more(life)))
    assert {line.held for line in life.order.lines} == {"dispute:dp_1"}
    assert [ticket.cause for ticket in life.order.tickets] == [Cause.DISPUTE]
    if won:
        win(life, fee="15.00 EUR")
        life.silence()
        assert {line.funds for line in life.order.lines} == {Funds.RELEASED}
        assert balance(life, "platform:losses") == 0
        return
    lose(life)
    assert Verb.RELEASE not in life.moved
    assert balance(life, "platform:losses") == -EXCESS.minor
    assert balance(life, "escrow:") == 0
