"""Money: integer minor units and an ISO 4217 currency, together, always. The only module that divides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import total_ordering
from typing import Self

from domain.currencies import EXPONENTS, STEPS
from domain.errors import Invalid


class Verb(StrEnum):
    """The operations on money. `BEAR` and `WRITE_OFF` move it within our own books, the others at the provider."""

    AUTHORISE = "authorise"
    REAUTHORISE = "reauthorise"
    CAPTURE = "capture"
    VOID = "void"
    RELEASE = "release"
    REVERSE_RELEASE = "reverse_release"
    REFUND = "refund"
    BEAR = "bear"
    WRITE_OFF = "write_off"


INTERNAL = frozenset({Verb.BEAR, Verb.WRITE_OFF})
"""Operations that no provider hears of."""


LONGEST_AMOUNT = 18
"""Characters of an amount as text; more would not fit the minor units that a database counts in 64 bits."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents, yen, fils) of one currency; may be negative or zero.

    Its text form is ``49.90 EUR``, with exactly the digits that ISO 4217 gives the currency.
    """

    minor: int
    currency: str

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Nothing, in `currency`."""
        return cls(0, currency)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``49.90 EUR``; raises Invalid when currency or precision are wrong."""
        amount, _, currency = text.partition(" ")
        return cls.of(amount, currency)

    @classmethod
    def of(cls, amount: str, currency: str, field: str = "amount") -> Self:
        """Read a decimal string such as ``49.90`` in `currency`; raises Invalid, naming `field`."""
        exponent = EXPONENTS.get(currency)
        if exponent is None:
            raise Invalid(field, f"{currency!r} is not an ISO 4217 currency; write for example 'EUR'")
        if len(amount) > LONGEST_AMOUNT:
            raise Invalid(field, f"has {len(amount)} characters; no amount is longer than {LONGEST_AMOUNT}")
        sign, digits = (-1, amount[1:]) if amount.startswith("-") else (1, amount)
        whole, dot, part = digits.partition(".")
        plain = whole.isascii() and whole.isdigit() and (not dot or (part.isascii() and part.isdigit()))
        if not plain or len(part) != exponent or (len(whole) > 1 and whole[0] == "0"):
            example = "49" if exponent == 0 else "49." + "0" * exponent
            raise Invalid(
                field, f"{amount!r} is not an amount in {currency}; write {exponent} decimal places, e.g. '{example}'"
            )
        return cls(sign * int(whole + part), currency)

    def __str__(self) -> str:
        exponent = EXPONENTS[self.currency]
        sign, digits = "-" if self.minor < 0 else "", str(abs(self.minor)).rjust(exponent + 1, "0")
        amount = digits if exponent == 0 else f"{digits[:-exponent]}.{digits[-exponent:]}"
        return f"{sign}{amount} {self.currency}"

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def _same(self, other: Money) -> int:
        if self.currency != other.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other.minor


def total(amounts: Sequence[Money], currency: str) -> Money:
    """The sum of `amounts`, all in `currency`; nothing gives zero."""
    result = Money.zero(currency)
    for amount in amounts:
        result += amount
    return result


def payable(amount: Money, field: str) -> Money:
    """The amount, if it can be paid; raises Invalid, naming `field`, for one between two steps of its currency."""
    nearest = payable_part(amount)
    if amount != nearest:
        below = f"{nearest} or " if nearest else ""
        above = nearest + Money(STEPS[amount.currency], amount.currency)
        raise Invalid(field, f"{amount} cannot be paid: write {below}{above}")
    return amount


def payable_part(amount: Money) -> Money:
    """The most of a non-negative `amount` that can be paid: without what lies between two steps of its currency."""
    step = STEPS.get(amount.currency, 1)
    return Money(amount.minor // step * step, amount.currency)


def _step(amount: Money) -> int:
    """In which steps an amount is divided; one that is between two, as only a provider can tell, goes to the unit."""
    return STEPS.get(amount.currency, 1) if amount == payable_part(amount) else 1


def share(amount: Money, basis_points: int) -> Money:
    """`basis_points` hundredths of a percent of a non-negative `amount`, rounded half-up (docs/rules.md, Fees)."""
    step = _step(amount)
    return Money((amount.minor * basis_points * 2 // step + 10_000) // 20_000 * step, amount.currency)


def share_down(amount: Money, basis_points: int) -> Money:
    """As `share`, rounded down: a refund in percent (docs/rules.md, Rounding)."""
    step = _step(amount)
    return Money(amount.minor * basis_points // (10_000 * step) * step, amount.currency)


def allocate(amount: Money, weights: Sequence[int]) -> tuple[Money, ...]:
    """Split a non-negative `amount` by `weights`, by largest remainder in what can be paid, ties to the earlier part.

    The parts add up to `amount` exactly. All weights zero: the first part takes everything.
    Raises ValueError without parts or with a negative weight.
    """
    if not weights or min(weights) < 0:
        raise ValueError("allocate needs at least one part and no negative weight")
    whole = sum(weights)
    if whole == 0:
        return (amount, *(Money.zero(amount.currency) for _ in weights[1:]))
    step = _step(amount)
    steps = amount.minor // step
    parts = [steps * weight // whole for weight in weights]
    remainders = [steps * weight % whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for i in by_remainder[: steps - sum(parts)]:
        parts[i] += 1
    return tuple(Money(part * step, amount.currency) for part in parts)
