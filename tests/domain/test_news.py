"""What the payment provider tells: taken once, judged against what the order knows, and booked to the cent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.decide import Decision
from domain.funds import Result, Unclear, desires, plan
from domain.money import Money, Verb
from domain.purse import Debt, DisputeStatus
from domain.state import Actor, Cause, Funds, LineState, MoneyOp, Order, Role
from tests.domain.world import (
    Life,
    delivered,
    done,
    held_in_escrow,
    new_order,
    no,
    paid,
    scan,
    shipped,
    unclear,
)

PROVIDER, BUYER, SELLER, SPECIALIST = Role.PROVIDER, Role.BUYER, Role.SELLER, Role.SPECIALIST
NOTE = {"note_id": "n-1"}
ALL = "55.00 EUR"


def paid_out(order: Order | None = None) -> Life:
    life = delivered(order)
    life.do("receive", BUYER)
    life.settle_money()
    return life


def tell(life: Life, name: str, **body: Any) -> Decision:
    """The provider tells something new, and everything that is due at once follows."""
    decision = life.do(name, PROVIDER, **body)
    life.settle_money()
    return decision


def dispute(life: Life, dispute: str = "dp_1", amount: str = ALL, **about: str) -> Decision:
    return tell(life, "open_dispute", **{"dispute": dispute, "amount": amount, "fee": "15.00 EUR", **about})


def win(life: Life, fee: str = "0.00 EUR") -> Decision:
    return tell(life, "win_dispute", dispute="dp_1", fee=fee)


def lose(life: Life, dispute: str = "dp_1") -> Decision:
    return tell(life, "lose_dispute", dispute=dispute)


def balance(life: Life, prefix: str) -> int:
    return life.ledger.balance(prefix)


def test_a_dispute_is_booked_once_however_often_it_is_told() -> None:
    life = delivered()
    dispute(life)
    life.refused("open_dispute", PROVIDER, dispute="dp_1", amount=ALL, fee="15.00 EUR")
    assert (balance(life, "disputed:"), balance(life, "platform:dispute_fees")) == (-5500, -1500)
    assert [ticket.subject for ticket in life.order.tickets if ticket.cause is Cause.DISPUTE] == ["dp_1"]


@pytest.mark.parametrize(
    "about",
    [
        {"amount": "0.00 EUR"},
        {"amount": "-1.00 EUR"},
        {"amount": "55.00 USD"},
        {"fee": "-15.00 EUR"},
        {"dispute": "no reference"},
    ],
)
def test_a_dispute_that_cannot_be_is_refused(about: dict[str, str]) -> None:
    body = {"dispute": "dp_1", "amount": ALL, "fee": "15.00 EUR", **about}
    assert delivered().refused("open_dispute", PROVIDER, **body).code == "invalid"


def test_a_line_that_a_person_lets_go_stays_held_while_the_bank_decides() -> None:
    life = shipped()
    scan(life, "p1", "lost")
    dispute(life)
    ticket = next(t.ticket_id for t in life.order.tickets if t.cause is Cause.PARCEL_LOST)
    life.do("resolve_ticket", SPECIALIST, ticket_id=ticket, outcome="no_change", **NOTE)
    assert {line.held for line in life.order.lines} == {"dispute:dp_1"}
    assert life.ask("receive", BUYER).code == "no_line_fits"  # type: ignore[union-attr]


def test_what_the_bank_decides_about_is_not_refunded_beside_it() -> None:
    life = delivered(answer=no("InsufficientFunds", Verb.REFUND))
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    dispute(life, amount=ALL)
    assert "disputed" in life.refused("refund", SPECIALIST, lines=["b"], **NOTE).reason
    life.answer = done
    life.wait(days=5)
    assert Verb.REFUND not in life.done, "the bank has the money of the line already"
    lose(life)
    life.silence()
    assert Verb.REFUND not in life.done


def test_every_dispute_has_a_ticket_of_its_own() -> None:
    life = delivered()
    dispute(life, amount="11.00 EUR")
    dispute(life, "dp_2", amount="7.00 EUR")
    assert [ticket.subject for ticket in life.order.tickets if ticket.cause is Cause.DISPUTE] == ["dp_1", "dp_2"]
    lose(life)
    assert [ticket.subject for ticket in life.order.tickets if ticket.cause is Cause.DISPUTE] == ["dp_2"]


def test_while_one_operation_is_in_doubt_no_other_one_is_begun() -> None:
    life = delivered(answer=unclear(Verb.REFUND))
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    life.do("receive", BUYER)
    assert life.order.op is not None
    assert life.order.op.verb is Verb.REFUND
    life.wait(hours=5)
    assert [asked.verb for asked in life.asked].count(Verb.RELEASE) == 0
    life.answer = done
    life.silence()
    assert life.done[-2:] == [Verb.REFUND, Verb.RELEASE]


def test_nothing_is_planned_beside_an_operation_in_doubt_although_more_is_due() -> None:
    life = delivered(answer=unclear(Verb.REFUND))
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    life.do("receive", BUYER)
    assert [desire.verb for desire in desires(life.order) if desire.not_before <= life.now]
    assert plan(life.order, life.now, life.order.seq + 1) is None


def test_money_in_doubt_is_not_asked_after_sooner_than_the_provider_wishes() -> None:
    def busy(order: Order, op: MoneyOp, now: datetime) -> Result:
        return Unclear("rate_limit", 7200.0) if op.verb is Verb.CAPTURE else done(order, op, now)

    life = shipped(answer=busy)
    assert life.order.op is not None
    assert life.order.op.retry_at == life.now + timedelta(hours=2)


def test_a_dispute_that_is_won_is_over_and_cannot_be_won_or_lost_again() -> None:
    life = delivered()
    dispute(life)
    win(life, "15.00 EUR")
    assert (balance(life, "disputed:"), balance(life, "platform:dispute_fees")) == (0, 0)
    life.refused("win_dispute", PROVIDER, dispute="dp_1", fee="0.00 EUR")
    life.refused("lose_dispute", PROVIDER, dispute="dp_1")
    assert not any(line.held for line in life.order.lines)


@pytest.mark.parametrize("fee", ["15.01 EUR", "-0.01 EUR", "15.00 USD"])
def test_no_more_of_the_fee_comes_back_than_was_taken(fee: str) -> None:
    life = delivered()
    dispute(life)
    assert life.refused("win_dispute", PROVIDER, dispute="dp_1", fee=fee).code == "invalid"


def test_a_dispute_that_is_won_after_it_was_borne_is_paid_to_the_seller_once() -> None:
    life = delivered()
    dispute(life)
    lose(life)
    assert {line.state for line in life.order.lines} == {LineState.REFUNDED}
    life.refused("lose_dispute", PROVIDER, dispute="dp_1")
    life.do("win_dispute", PROVIDER, dispute="dp_1", fee="0.00 EUR")
    assert life.order.disputes[0].status is DisputeStatus.RESTORED
    life.refused("win_dispute", PROVIDER, dispute="dp_1", fee="0.00 EUR")
    life.settle_money()
    assert life.done.count(Verb.RELEASE) == 1
    assert (balance(life, "escrow:"), balance(life, "platform:losses")) == (0, 0)


def test_a_dispute_is_won_once_also_while_another_one_is_open() -> None:
    life = delivered()
    dispute(life, amount="11.00 EUR")
    dispute(life, "dp_2", amount="7.00 EUR")
    lose(life)
    life.do("win_dispute", PROVIDER, dispute="dp_1", fee="0.00 EUR")
    assert life.order.disputes[0].status is DisputeStatus.RESTORED
    assert life.refused("win_dispute", PROVIDER, dispute="dp_1", fee="0.00 EUR").code == "nothing_new"


def test_a_dispute_takes_of_a_slice_only_what_is_still_there() -> None:
    life = delivered()
    dispute(life, amount="11.00 EUR")
    lose(life)
    assert [str(life.order.left(piece)) for piece in ("a", "b", "shipping")] == ["24.00 EUR", "16.00 EUR", "4.00 EUR"]
    dispute(life, "dp_2", amount="55.00 EUR")
    lose(life, "dp_2")
    assert balance(life, "escrow:") == 0
    assert balance(life, "platform:losses") == -1100, "what was taken twice is nobody's but the platform's"


def test_what_was_refunded_while_the_bank_took_it_back_is_not_taken_from_escrow_again() -> None:
    life = delivered(answer=unclear(Verb.REFUND))
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    dispute(life)
    life.answer = done
    life.wait(days=1)
    assert life.moved[Verb.REFUND].minor == 3000
    lose(life)
    assert (balance(life, "escrow:"), balance(life, "platform:losses")) == (0, -3000)


def test_a_refund_that_fails_while_the_bank_decides_about_its_money_is_not_given_anew() -> None:
    life = delivered()
    life.do("refund", SPECIALIST, **NOTE)
    life.settle_money()
    dispute(life)
    life.do("refund_failed", PROVIDER, refund=life.order.moves[0].ref)
    life.wait(days=10)
    lose(life)
    life.silence()
    assert (life.done.count(Verb.REFUND), balance(life, "escrow:"), balance(life, "platform:losses")) == (1, 0, 0)


@pytest.mark.parametrize(
    ("reason", "fee", "owed"),
    [
        ("not_received", "15.00 EUR", 1500),
        ("fraudulent", "15.00 EUR", 0),
        ("not_received", "15.00 USD", 0),
    ],
)
def test_the_party_at_fault_bears_the_fee_when_the_order_can_count_it(reason: str, fee: str, owed: int) -> None:
    life = delivered()
    dispute(life, reason=reason, fee=fee)
    lose(life)
    assert -balance(life, "receivable:") == owed
    assert (life.order.debt.amount.minor if life.order.debt else 0) == owed


def test_the_fee_of_a_dispute_is_an_expense_of_its_own_and_no_loss() -> None:
    life = delivered()
    dispute(life, reason="fraudulent")
    assert (balance(life, "platform:dispute_fees"), balance(life, "platform:losses")) == (-1500, 0)


def owes(life: Life) -> bool:
    return life.order.debt is not None


def test_a_debt_keeps_the_date_of_its_first_part_and_is_given_up_after_sixty_days() -> None:
    life = paid_out()
    life.answer = no("InsufficientFunds", Verb.REVERSE_RELEASE)
    since = life.now
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    life.wait(days=20)
    life.do("refund", SPECIALIST, lines=["b"], **NOTE)
    life.settle_money()
    assert life.order.debt == Debt(Money.parse("51.00 EUR"), since), "all but the fees of 2.40 and 1.60"
    life.wait(days=39)
    assert owes(life), "not a day too early"
    life.wait(days=2)
    assert not owes(life)
    assert balance(life, "platform:losses") < 0


def test_an_order_whose_paid_out_money_is_to_go_back_is_not_over_before_it_has() -> None:
    life = paid_out()
    life.do("refund", SPECIALIST, **NOTE)
    overs = [life.over]
    life.settle_money()
    assert [*overs, life.over] == [False, True]
    assert life.done[-2:] == [Verb.REFUND, Verb.REVERSE_RELEASE]
    assert {line.funds for line in life.order.lines} == {life.order.shipping_funds} == {Funds.REFUNDED}
    assert {balance for balance in life.ledger.balances.values() if balance} == set()


def test_a_window_does_not_close_over_a_refund_that_is_refused() -> None:
    life = paid_out()
    life.answer = no("InsufficientFunds", Verb.REFUND)
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.wait(days=90)
    assert not life.over
    life.answer = done
    life.silence()
    assert life.order.line("a").funds is Funds.REFUNDED


def test_what_a_release_can_give_back_shrinks_with_every_reversal() -> None:
    life = paid_out()
    for line in ("a", "b"):
        life.do("refund", SPECIALIST, lines=[line], **NOTE)
        life.settle_money()
    release = next(move for move in life.order.moves if move.verb is Verb.RELEASE)
    assert [str(asked.amount) for asked in life.asked if asked.verb is Verb.REVERSE_RELEASE] == [
        "27.60 EUR",
        "23.40 EUR",
    ]
    assert not release.left


def test_a_refund_that_failed_is_back_in_escrow_and_is_given_anew_once() -> None:
    life = delivered()
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    ref = life.order.moves[0].ref
    assert life.refused("refund_failed", PROVIDER, refund="re_other").code == "nothing_new"
    life.do("refund_failed", PROVIDER, refund=ref)
    assert held_in_escrow(life.order) == Money.of("55.00", "EUR")
    life.refused("refund_failed", PROVIDER, refund=ref)
    life.do("retry", Role.OPERATOR, **NOTE)
    life.settle_money()
    assert life.done.count(Verb.REFUND) == 2
    assert life.order.line("a").funds is Funds.REFUNDED


def test_a_payment_to_the_seller_is_no_refund_that_could_fail() -> None:
    life = delivered()
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.do("receive", BUYER)
    life.settle_money()
    release = next(move for move in life.order.moves if move.verb is Verb.RELEASE)
    assert life.refused("refund_failed", PROVIDER, refund=release.ref).code == "nothing_new"


def stray(life: Life, charge: str = "ch_late") -> Decision:
    return life.do("payment_found", PROVIDER, payment_intent="pi_late", charge=charge, amount="5.00 EUR")


def test_money_that_nobody_asked_for_goes_back_once_whenever_it_is_told_again() -> None:
    life = shipped()
    stray(life)
    again = {"payment_intent": "pi_late", "charge": "ch_late", "amount": "5.00 EUR"}
    assert life.refused("payment_found", PROVIDER, **again).code == "nothing_new"
    life.settle_money()
    assert life.refused("payment_found", PROVIDER, **again).code == "nothing_new"
    assert [str(asked.amount) for asked in life.asked if asked.verb is Verb.REFUND] == ["5.00 EUR"]
    own = {**again, "charge": life.order.payment.charge, "amount": ALL}
    assert life.refused("payment_found", PROVIDER, **own).code == "nothing_new"
    assert balance(life, "suspense:") == 0


def test_money_that_nobody_asked_for_and_that_cannot_be_given_back_waits_in_suspense_and_is_tried_again() -> None:
    life = shipped()
    stray(life)
    life.settle_money()
    life.do("refund_failed", PROVIDER, refund=life.order.moves[0].ref)
    assert balance(life, "suspense:") == 500
    life.do("retry", Role.OPERATOR, **NOTE)
    life.settle_money()
    assert (balance(life, "suspense:"), life.order.strays) == (0, ())
    assert life.done.count(Verb.REFUND) == 2


@pytest.mark.parametrize("amount", [None, "5.00 USD", "0.00 EUR", "-5.00 EUR"])
def test_what_was_taken_is_told_in_the_orders_currency_and_above_zero(amount: str | None) -> None:
    body = {"payment_intent": "pi_late", "charge": "ch_late", "amount": amount}
    assert shipped().refused("payment_found", PROVIDER, **body).code == "invalid"


def test_news_of_an_account_is_for_the_sellers_who_are_paid_to_it() -> None:
    order = new_order()
    life = delivered(replace(order, account=replace(order.account, since=order.placed_at + timedelta(days=3))))
    life.do("receive", BUYER)
    assert life.refused("account_restricted", PROVIDER, account="acct_2").code == "nothing_new"
    life.do("account_restricted", PROVIDER, account="acct_1")
    assert life.order.stuck[0].verb is Verb.RELEASE
    assert life.refused("account_active", PROVIDER, account="acct_2").code == "nothing_new"
    retry = life.order.stuck[0].retry_at
    life.do("account_active", PROVIDER, account="acct_1")
    assert life.order.stuck[0].retry_at < retry


def test_nobody_but_the_provider_tells_of_its_objects() -> None:
    life = delivered()
    for role in Role:
        if role is not PROVIDER:
            told = {"dispute": "dp_1", "amount": ALL, "fee": "15.00 EUR"}
            assert not isinstance(life.ask("open_dispute", Actor(role, f"{role}-1"), **told), Decision)
    refused = paid().refused("open_dispute", PROVIDER, dispute="dp_1", amount=ALL, fee="0.00 EUR")
    assert refused.code == "captured_before"
