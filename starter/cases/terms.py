"""What the policy that an order keeps says about its claims, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from domain.claims.case import Claim, ClaimReason
from domain.claims.terms import numbers_of
from domain.policy.claims import Claims
from domain.state import Order

_PERCENT = 100
"""Basis points."""


def terms(order: Order, claim: Claim) -> tuple[str, ...]:
    """The windows and fees that hold for this claim; they do not change while the order lives."""
    numbers = numbers_of(order, claim)
    return (*_windows(numbers, claim.reason), *_money(numbers, claim.reason, order.currency))


def _windows(numbers: Claims, reason: ClaimReason) -> Iterator[str]:
    yield f"The seller answers within {business(numbers.answer)}, the buyer within {business(numbers.reply)}."
    if reason is ClaimReason.NOT_RECEIVED:
        yield f"A parcel counts as missing {business(numbers.not_received_after)} after it was sent."
    else:
        sent, seen = business(numbers.send_back), business(numbers.inspect)
        yield f"A return is sent within {sent}, and inspected within {seen} after it has arrived."
    if reason is ClaimReason.CHANGED_MIND:
        yield f"Items may be returned up to {calendar(numbers.return_window)} after they have arrived."
    yield f"A decision can be appealed against once, within {business(numbers.appeal)}."
    yield (
        f"What nobody has decided after {calendar(numbers.longest)}, or so long after an appeal, is the buyer's; "
        "waiting for the buyer does not count."
    )
    yield f"Both sides may say how it was handled up to {calendar(numbers.feedback)} after the end."


def _money(numbers: Claims, reason: ClaimReason, currency: str) -> Iterator[str]:
    cheap = next((limit for limit in numbers.cheap if limit.currency == currency), None)
    if reason not in numbers.return_reasons:
        yield "A granted refund needs no return."
    elif cheap is not None and cheap.minor:
        yield f"A granted refund of {cheap} or more needs the items back first."
    else:
        yield "A granted refund needs the items back first."
    if reason in numbers.handling_reasons and numbers.handling_basis_points:
        yield f"For a return the buyer bears a handling fee of {percent(numbers.handling_basis_points)}."
    if numbers.used_basis_points:
        yield f"Items that come back used lose {percent(numbers.used_basis_points)} of the refund."


def business(count: int) -> str:
    """``2 business days``."""
    return f"{count} business {'day' if count == 1 else 'days'}"


def calendar(count: int) -> str:
    """``14 days``."""
    return f"{count} {'day' if count == 1 else 'days'}"


def percent(points: int) -> str:
    """Basis points as ``5 %`` or ``2.50 %``."""
    whole, rest = divmod(points, _PERCENT)
    return f"{whole}.{rest:02d} %" if rest else f"{whole} %"
