from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings, strategies as st

from domain import wire
from domain.deadlines import deadlines
from domain.decide import Decision
from domain.funds import No, Result, Unclear, desires
from domain.money import Money, Verb
from domain.policy import Fees, Policy
from domain.state import MoneyOp, Offer, Order, Role, is_over
from tests.domain.moves import Move, goods, likely, mending, payments, requests
from tests.domain.world import (
    AT_CONFIRMATION,
    POLICY,
    RENEWS,
    SECOND_OPERATOR,
    Ledger,
    Life,
    done,
    done_with_mandate,
    held_in_escrow,
    new_order,
    next_clock,
    round_trips,
)

A_FEW_HUNDRED = settings(max_examples=200, derandomize=True, print_blob=True)
CHANCE = st.integers(0, 2**16)
TURNS = st.lists(st.tuples(CHANCE, CHANCE, CHANCE), min_size=1, max_size=25)


def moves(order: Order, now: datetime) -> Iterator[Move]:
    """Whatever anybody may try."""
    for alphabet in (goods, requests, mending, payments):
        yield from alphabet(order, now)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))

    def amount(least: int) -> str:
        minor = draw(st.integers(least, 200_000))
        return str(Money(minor, currency)).removesuffix(f" {currency}")

    policy: Policy = draw(st.sampled_from([POLICY, RENEWS, AT_CONFIRMATION]))
    fees = Fees(draw(st.integers(0, 5000)), draw(st.integers(0, 500)), (Money(30, currency),), "seller")
    prices = tuple(amount(1) for _ in range(draw(st.integers(1, 3))))
    offer = draw(st.sampled_from([None, Offer("pi_1"), Offer(payment_method="pm_1", customer="cus_1")]))
    return new_order(replace(policy, fees=fees), prices, amount(0), currency, offer)


class Fate:
    """The provider, who does, refuses or loses what he is asked, as chance has it."""

    def __init__(self, mandate: bool) -> None:
        self.chance = 0
        self.usual = done_with_mandate if mandate else done

    def __call__(self, order: Order, op: MoneyOp, now: datetime) -> Result:
        codes = tuple(likely(op.verb))
        what = self.chance % 6
        if what == 0 and codes:
            return No(codes[self.chance // 6 % len(codes)])
        return Unclear("timeout") if what == 1 else self.usual(order, op, now)


def live(order: Order, turns: list[tuple[int, int, int]], mandate: bool) -> Life:
    """An order that goes through `turns`: somebody acts, or a clock rings, sometimes late."""
    fate = Fate(mandate)
    fate.chance = turns[0][1]
    life = Life(order, fate)
    check(life)
    for choice, chance, wait in turns:
        if life.over:
            break
        fate.chance = chance
        if choice % 4 == 0:
            life.ring(timedelta(minutes=(wait % 40) if wait % 3 == 0 else 0))
        else:
            soon = min(life.now + timedelta(minutes=wait % 3000), max(life.now, next_clock(life.order).at))
            life.now = soon
            name, role, body, ticket = (options := list(moves(life.order, life.now)))[choice % len(options)]
            life.ask(name, SECOND_OPERATOR if name == "approve" else role, ticket, **body)
        check(life)
    fate.chance = 5
    return life


def check(life: Life) -> None:
    """What holds at every committed state."""
    order, currency = life.order, life.order.currency
    zero = Money.zero(currency)
    captured = life.moved.get(Verb.CAPTURE, zero)
    released, refunded = life.moved.get(Verb.RELEASE, zero), life.moved.get(Verb.REFUND, zero)
    fees = Money(life.ledger.balance("platform:fees"), currency)
    lost = Money(-life.ledger.balance("platform:losses"), currency)
    taken_back = life.moved.get(Verb.REVERSE_RELEASE, zero)
    owed = order.debt.amount if order.debt else zero
    paid_out = released - taken_back
    assert captured + lost + owed == held_in_escrow(order) + paid_out + refunded + fees, "P4"
    assert life.done.count(Verb.CAPTURE) <= 1, "P1"
    assert captured <= (order.payment.authorised or zero) or not captured, "P1"
    assert paid_out + refunded + fees <= captured + owed + lost, "P3, P6"
    assert bool(deadlines(order)) is not is_over(order), "W2"
    assert not (is_over(order) and desires(order)), "P5"
    assert round_trips(order)


@A_FEW_HUNDRED
@given(orders(), TURNS, st.booleans())
def test_whatever_happens_money_is_conserved_and_silence_leads_to_an_end_with_empty_escrow(
    order: Order, turns: list[tuple[int, int, int]], mandate: bool
) -> None:
    life = live(order, turns, mandate)
    life.silence()
    check(life)
    assert held_in_escrow(life.order) == Money.zero(order.currency), "P5"
    assert life.ledger.balance("escrow:") == 0, "P5"
    assert life.ledger.balance("seller:") == 0
    assert life.order.op is None
    assert not life.order.tickets


@A_FEW_HUNDRED
@given(orders(), TURNS, st.booleans(), st.integers(0, 24))
def test_a_run_that_goes_on_from_a_stored_snapshot_goes_on_as_the_old_one_would_have(
    order: Order, turns: list[tuple[int, int, int]], mandate: bool, stop: int
) -> None:
    life = live(order, turns[: stop + 1], mandate)
    read_back = wire.from_plain(Order, wire.to_plain(life.order))
    assert deadlines(read_back) == deadlines(life.order)
    other = copy(life)
    other.order, other.ledger = read_back, Ledger(dict(life.ledger.balances))
    other.asked, other.done, other.moved, other.told = list(life.asked), list(life.done), dict(life.moved), []
    assert other.silence() == life.silence()
    assert other.order == life.order
    assert other.ledger == life.ledger


@A_FEW_HUNDRED
@given(orders(), TURNS, st.booleans())
def test_a_command_that_was_taken_stays_taken_through_the_whole_life(
    order: Order, turns: list[tuple[int, int, int]], mandate: bool
) -> None:
    life = live(order, turns, mandate)
    for seen in life.order.seen:
        before = life.order
        assert not isinstance(life.ask("note", Role.OPERATOR, command_id=seen.command_id, note_id="n-2"), Decision)
        assert life.order is before
