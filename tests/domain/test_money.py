from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st
from iso4217 import Currency

from domain.currencies import EXPONENTS
from domain.errors import Invalid
from domain.money import Money, allocate, payable, share, share_down, total

currencies = st.sampled_from(sorted(EXPONENTS))
amounts = st.integers(0, 10**12)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=12)

# The dirham of account of Arab settlements between central banks, in which nobody pays.
NOT_MONEY = {"XAD"}


def test_the_currencies_are_those_of_iso_4217_with_its_decimal_places() -> None:
    published = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
    assert dict(EXPONENTS) == {code: places for code, places in published.items() if code not in NOT_MONEY}


@pytest.mark.parametrize(
    ("text", "minor"),
    [("49.90 EUR", 4990), ("0.05 EUR", 5), ("-1.00 EUR", -100), ("500 JPY", 500), ("1.234 KWD", 1234),
     ("0.29 EUR", 29), ("999999999999999.99 EUR", 99_999_999_999_999_999)],
)  # fmt: skip
def test_an_amount_has_exactly_the_digits_of_its_currency(text: str, minor: int) -> None:
    assert Money.parse(text) == Money(minor, text.split(" ")[1])
    assert str(Money.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["49.9 EUR", "49 EUR", "49.900 EUR", "500.00 JPY", "500. JPY", "1.23 KWD", "049.90 EUR", "+1.00 EUR", "1e2 JPY",
     " 1.00 EUR", "1,00 EUR", ".50 EUR", "--1.00 EUR", "NaN EUR", "1.00 XYZ", "1.00 eur", "1.00", "", "١.٠٠ EUR",
     "1_0.00 EUR"],
)  # fmt: skip
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Money.parse(text)


@given(st.integers(-(10**15), 10**15), currencies)
def test_every_amount_comes_back_from_its_text(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(str(money)) == money


def test_currencies_never_mix() -> None:
    euro, yen = Money(1, "EUR"), Money(1, "JPY")
    for mix in (lambda: euro + yen, lambda: euro - yen, lambda: euro < yen, lambda: total([euro, yen], "EUR")):
        with pytest.raises(ValueError, match="cannot mix EUR and JPY"):
            mix()
    assert euro != yen


@given(st.lists(amounts, max_size=8), currencies)
def test_a_total_is_the_sum(minors: list[int], currency: str) -> None:
    assert total([Money(minor, currency) for minor in minors], currency) == Money(sum(minors), currency)


@pytest.mark.parametrize(
    ("minor", "basis_points", "fee"), [(4990, 800, 399), (125, 400, 5), (112, 400, 4), (113, 400, 5)]
)
def test_a_fee_is_rounded_half_up(minor: int, basis_points: int, fee: int) -> None:
    assert share(Money(minor, "EUR"), basis_points) == Money(fee, "EUR")


@pytest.mark.parametrize(
    ("price", "back"),
    [("0.99 EUR", "0.84 EUR"), ("999 JPY", "849 JPY"), ("1.250 KWD", "1.060 KWD"), ("13.00 MGA", "11.00 MGA"),
     ("1.990 BHD", "1.690 BHD")],
)  # fmt: skip
def test_a_refund_in_percent_is_rounded_down_to_what_can_be_paid(price: str, back: str) -> None:
    assert str(share_down(Money.parse(price), 8500)) == back


@given(amounts, st.integers(0, 10_000))
def test_a_fee_is_never_more_than_half_a_cent_off(minor: int, basis_points: int) -> None:
    exact = Fraction(minor * basis_points, 10_000)
    fee = share(Money(minor, "EUR"), basis_points).minor
    assert -Fraction(1, 2) < fee - exact <= Fraction(1, 2)
    assert fee <= minor


@given(amounts, weights)
def test_an_allocation_loses_nothing_and_is_fair(minor: int, shares: list[int]) -> None:
    parts = allocate(Money(minor, "EUR"), shares)
    assert sum(part.minor for part in parts) == minor
    whole = sum(shares)
    for part, weight in zip(parts, shares, strict=True):
        if whole:
            assert abs(part.minor - Fraction(minor * weight, whole)) < 1
            assert weight or not part


def test_equal_remainders_go_to_the_earlier_line() -> None:
    assert [part.minor for part in allocate(Money(100, "EUR"), [1, 1, 1])] == [34, 33, 33]
    assert [part.minor for part in allocate(Money(5, "EUR"), [1, 2, 1])] == [1, 3, 1]
    assert [part.minor for part in allocate(Money(7, "EUR"), [0, 0])] == [7, 0]


@pytest.mark.parametrize("shares", [[], [1, -1]])
def test_an_allocation_needs_sensible_weights(shares: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one part"):
        allocate(Money(1, "EUR"), shares)


@pytest.mark.parametrize("text", ["1.230 KWD", "-0.010 BHD", "0.01 EUR", "5.00 MGA", "7 JPY"])
def test_what_is_a_whole_step_of_its_currency_can_be_paid(text: str) -> None:
    assert str(payable(Money.parse(text), "price")) == text


@pytest.mark.parametrize(
    ("text", "right"),
    [("1.234 KWD", "1.230 KWD or 1.240 KWD"), ("5.01 MGA", "5.00 MGA or 6.00 MGA"), ("0.003 KWD", "0.010 KWD")],
)
def test_what_lies_between_two_steps_cannot_be_paid_and_the_nearest_are_named(text: str, right: str) -> None:
    with pytest.raises(Invalid, match=f"^price: {text} cannot be paid: write {right}$"):
        payable(Money.parse(text), "price")
