"""What a policy says about claims: of one that is open in sentences, of goods before anybody has bought them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from domain.claims.case import Claim, ClaimReason
from domain.claims.promise import Terms, business, calendar, in_words, percent, terms_of
from domain.claims.terms import numbers_of
from domain.errors import Invalid
from domain.money import Money, payable
from domain.policy import Policy
from domain.policy.claims import Claims
from domain.state import Order


@dataclass(frozen=True, slots=True)
class GoodsTerms:
    """What a buyer may count on with goods that nobody has bought yet: `terms` by reason, `told` the same in sentences.

    `policy` is the name and version that an order placed now would keep; `price` is None for any price.
    """

    marketplace: str
    policy: str
    seller: str
    category: str
    price: Money | None
    terms: tuple[Terms, ...]
    told: tuple[str, ...]


def goods_terms(policy: Policy, seller: str, category: str, price: Money | None) -> GoodsTerms:
    """The terms of goods by a policy. Raises Invalid for what is no price."""
    if price is not None and price.minor <= 0:
        raise Invalid("price", f"{price} is not above zero")
    terms = terms_of(policy.claims, seller, category, None if price is None else payable(price, "price"))
    version = f"{policy.name} {policy.version}"
    [told] = in_words({"": terms}, str)
    return GoodsTerms(policy.name, version, seller, category, price, terms, told.sentences)


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
