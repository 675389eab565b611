from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings, strategies as st

from domain.accounts import CLEARING, FEES
from domain.books import Entry, Side
from domain.checkout import line_fees
from domain.currencies import EXPONENTS, STEPS
from domain.events import MoneyUnknown
from domain.funds import Unclear, settle
from domain.money import Money, allocate, share, total
from domain.policy import Fees
from domain.shares import net_of
from domain.state import Role
from tests.domain.world import POLICY, START, Ledger, delivered, new_order, started

REPEATABLE = settings(max_examples=300, derandomize=True, print_blob=True)
MINOR = st.integers(0, 10**12) | st.integers(0, 10**10).map(lambda whole: whole * 100)
CURRENCIES = st.sampled_from(sorted(EXPONENTS))


def step_of(minor: int, currency: str) -> int:
    """The minor units of the smallest amount that is paid; 1 for what is no multiple of it."""
    step = STEPS.get(currency, 1)
    return step if minor % step == 0 else 1


@REPEATABLE
@given(MINOR, st.lists(st.integers(0, 10**9), min_size=1, max_size=12), CURRENCIES)
def test_parts_of_an_allocation_add_up_and_differ_from_their_exact_share_by_less_than_one_step(
    minor: int, weights: list[int], currency: str
) -> None:
    parts = allocate(Money(minor, currency), weights)
    assert total(parts, currency) == Money(minor, currency)
    whole, step = sum(weights), step_of(minor, currency)
    for part, weight in zip(parts, weights, strict=True):
        assert part.minor >= 0
        assert part.minor % step == 0
        assert not whole or abs(part.minor * whole - minor * weight) < whole * step


@REPEATABLE
@given(MINOR, st.integers(0, 10_000), CURRENCIES)
@example(1, 5000, "EUR")
def test_a_share_is_the_nearest_amount_and_a_half_goes_up(minor: int, points: int, currency: str) -> None:
    part = share(Money(minor, currency), points)
    step = step_of(minor, currency)
    assert part.minor % step == 0
    assert -10_000 * step < 2 * (part.minor * 10_000 - minor * points) <= 10_000 * step
    assert part <= Money(minor, currency)


@REPEATABLE
@given(st.integers(-(10**15), 10**15), CURRENCIES)
def test_an_amount_reads_back_from_its_text(minor: int, currency: str) -> None:
    assert Money.parse(str(Money(minor, currency))) == Money(minor, currency)


@st.composite
def fees_of(draw: st.DrawFn) -> Fees:
    return Fees(
        draw(st.integers(0, 10_000)),
        draw(st.integers(0, 10_000)),
        (Money(draw(st.integers(0, 10**6)), "EUR"),),
        draw(st.sampled_from(["platform", "seller"])),
    )


PRICES = st.lists(st.integers(1, 10**7), min_size=1, max_size=8)


@REPEATABLE
@given(PRICES, st.integers(0, 10**5), fees_of())
def test_fees_are_never_negative_nor_above_the_price_and_add_up_when_there_is_room(
    prices: list[int], shipping: int, fees: Fees
) -> None:
    sold = tuple(Money(price, "EUR") for price in prices)
    whole = total([*sold, Money(shipping, "EUR")], "EUR")
    parts = line_fees(sold, whole, replace(POLICY, fees=fees))
    assert len(parts) == len(sold)
    assert all(Money.zero("EUR") <= fee <= price for fee, price in zip(parts, sold, strict=True))
    commissions = [share(price, fees.commission_basis_points) for price in sold]
    payment = share(whole, fees.payment_basis_points) + fees.fixed("EUR")
    due = total(commissions, "EUR") + (payment if fees.payment_borne_by == "seller" else Money.zero("EUR"))
    assert total(parts, "EUR") <= due
    if all(fee < price for fee, price in zip(parts, sold, strict=True)):
        assert total(parts, "EUR") == due


@REPEATABLE
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=5), st.integers(0, 10**5), st.permutations(range(5)))
def test_whatever_order_lines_are_received_in_seller_and_platform_get_exactly_what_was_captured(
    prices: list[int], shipping: int, order: list[int]
) -> None:
    texts = tuple(str(Money(price, "EUR")).removesuffix(" EUR") for price in prices)
    life = delivered(new_order(prices=texts, shipping=str(Money(shipping, "EUR")).removesuffix(" EUR")))
    for index in order:
        if index < len(prices):
            life.do("receive", Role.BUYER, lines=[chr(97 + index)])
    life.settle_money()
    paid_out = [net_of(life.order, line.line_id) for line in life.order.lines]
    fees = total([line.fee for line in life.order.lines], "EUR")
    assert life.ledger.balance("escrow:") == 0
    assert life.ledger.balance("platform:fees") == fees.minor
    assert life.order.payment.captured == total([*paid_out, fees, life.order.shipping], "EUR")
    assert -life.ledger.balance("clearing") == fees.minor


def test_a_booking_that_does_not_balance_is_seen_by_the_ledger_of_these_tests() -> None:
    bad = (Entry(CLEARING, Side.DEBIT, Money(2, "EUR")), Entry(FEES, Side.CREDIT, Money(1, "EUR")))
    with pytest.raises(AssertionError, match="does not balance"):
        Ledger().post(bad)


@REPEATABLE
@given(st.one_of(st.floats(), st.integers(0, 10**30).map(float)), st.integers(0, 40))
@example(86_400_000.0, 0)
@example(1e12, 0)
@example(7200.0, 0)
def test_money_in_doubt_is_asked_after_within_a_day_whatever_wait_the_provider_asks_for(
    asked: float, attempts: int
) -> None:
    order, op = started(new_order())
    assert op is not None
    tried = replace(order, op=replace(op, attempts=attempts))
    (unknown, *_) = settle(tried, replace(op, attempts=attempts), Unclear("rate_limit", asked), START)
    assert isinstance(unknown, MoneyUnknown)
    wait, money = unknown.retry_at - START, POLICY.money
    assert min(money.first_retry * 2**attempts, money.longest_retry) <= wait <= money.unknown_ticket
    assert wait.total_seconds() >= asked or not asked < money.unknown_ticket.total_seconds()
