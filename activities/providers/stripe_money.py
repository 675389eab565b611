"""Stripe's minor units, which are ISO 4217's but for three currencies, and of some go in tens.

ISK and UGX have no decimal places, yet Stripe counts them in hundredths; MGA has two, yet Stripe counts whole units.
"""

from __future__ import annotations

from domain.currencies import EXPONENTS, STEPS
from domain.errors import AmountInvalid, Unknown
from domain.money import Money

HUNDREDFOLD = frozenset({"ISK", "UGX"})
WHOLE_UNITS = frozenset({"MGA"})
LARGEST = 10**16
"""Minor units beyond which no amount is believed, and the database could not count it in hundredths."""


def to_wire(amount: Money) -> int:
    """The number that Stripe wants for `amount`; raises AmountInvalid when Stripe cannot express it, or not pay it."""
    if amount.minor % STEPS.get(amount.currency, 1):
        raise AmountInvalid("the provider does not pay so small a part", code="invalid_amount_precision")
    if amount.currency in WHOLE_UNITS:
        return amount.minor // 100
    return amount.minor * 100 if amount.currency in HUNDREDFOLD else amount.minor


def from_wire(minor: object, currency: object) -> Money:
    """The amount that Stripe means; raises Unknown for what is none, and for one that we cannot express."""
    currency = currency.upper() if isinstance(currency, str) else ""
    if not isinstance(minor, int) or isinstance(minor, bool) or abs(minor) >= LARGEST or currency not in EXPONENTS:
        raise Unknown("the provider's amount cannot be read", code="unreadable_answer")
    if currency in WHOLE_UNITS:
        return Money(minor * 100, currency)
    try:
        return Money(_hundredth(minor) if currency in HUNDREDFOLD else minor, currency)
    except AmountInvalid as error:
        raise Unknown("the provider's amount cannot be read", code="unreadable_answer") from error


def _hundredth(minor: int) -> int:
    whole, rest = divmod(minor, 100)
    if rest:
        raise AmountInvalid("the provider takes only whole units of this currency", code="invalid_amount_precision")
    return whole
