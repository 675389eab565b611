"""Checkout and payment: the document that starts an order, and the commands until it is paid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from unicodedata import category

from domain.business_time import Calendar
from domain.errors import Invalid, Refused
from domain.events import (
    AccountChanged,
    DaysGranted,
    Event,
    PaymentExpired,
    PaymentOffered,
    RenewalAsked,
    TierMoved,
)
from domain.money import Money, allocate, payable, share, total
from domain.policy import Policy
from domain.purse import RESERVED
from domain.state import Account, Line, LineState, Offer, Order, Payment, Stage, stage
from domain.step import Moment
from domain.tiers import counting_tiers

PROCESS_VERSION = 1
"""The version of the process that new orders are admitted with."""

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NOT_AN_ID = "is not an id: 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first"
"""The rule for ids. What was given is not repeated: it may be personal, and the message may be kept."""

REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,254}")
NOT_A_REFERENCE = "is not a provider's id: 1 to 255 letters, digits, '.', '_', ':' or '-', a letter or digit first"

_BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})
BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that make a line read in another order than it was written."""


def is_line(text: str, most: int) -> bool:
    """Whether a text says something on one printable line: in a mail it cannot pass for the marketplace's own words.

    Joiners and hard spaces, which names and titles need, are printable here.
    """
    return bool(text.strip()) and len(text) <= most and not any(category(c) in _BREAKS or c in BIDI for c in text)


def _is_plain(text: str) -> bool:
    """Whether a text of several lines reads as it was written."""
    return not any((category(c) == "Cc" and c not in "\n\r\t") or c in BIDI for c in text)


def not_a_line(most: int) -> str:
    """The rule for such a text. What was given is not repeated, as for ids."""
    return f"must be one line of 1 to {most} printable characters"


MOST_LINES = 100
MOST_PIECES = 1_000_000
LARGEST_TOTAL = 10**12
"""Minor units that no order reaches; what providers and spreadsheets take without loss is more."""
LONGEST_TEXT = 500
LONGEST_OF_PARCELS = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where a party lives, for its calendar; empty fields fall back to the marketplace's own."""

    country: str = ""
    subdivision: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A buyer or seller by opaque id. `account` is the seller's payout account at the provider."""

    person_id: str
    place: Place = Place()
    account: str = ""


@dataclass(frozen=True, slots=True)
class CheckoutLine:
    """One line as sold. `price` is for the whole line, tax included; `sku` is what the storefront calls the product;
    without one, a title is its seller's alone.

    `category` is the storefront's, too: a policy may have other numbers for it.
    The rest is what the buyer was told.
    """

    line_id: str
    title: str
    price: Money
    quantity: int = 1
    condition: str = ""
    known_differences: str = ""
    return_terms: str = ""
    sku: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Checkout:
    """One order of one seller, as the storefront hands it over. Without `payment` it waits to be paid."""

    order_id: str
    marketplace: str
    buyer: Party
    seller: Party
    address_id: str
    lines: tuple[CheckoutLine, ...]
    total: Money
    shipping: Money | None = None
    payment: Offer | None = None
    checkout_id: str = ""


@dataclass(frozen=True, slots=True)
class Pay:
    """How the buyer pays: `payment_intent`, or `payment_method` with `customer`."""

    payment_intent: str = ""
    payment_method: str = ""
    customer: str = ""


@dataclass(frozen=True, slots=True)
class MoreTimeToPay:
    """The buyer asks for `days` more calendar days to pay."""

    days: int


@dataclass(frozen=True, slots=True)
class PayoutAccount:
    """The seller's payout account at the provider."""

    account: str


def check(checkout: Checkout) -> None:
    """Raises Invalid, naming field and rule, when the document cannot be an order."""
    ids: Mapping[str, str] = {
        "order_id": checkout.order_id,
        "marketplace": checkout.marketplace,
        "buyer.person_id": checkout.buyer.person_id,
        "seller.person_id": checkout.seller.person_id,
        "address_id": checkout.address_id,
        **({"checkout_id": checkout.checkout_id} if checkout.checkout_id else {}),
        **{f"lines[{i}].line_id": line.line_id for i, line in enumerate(checkout.lines)},
    }
    for field, value in ids.items():
        if not ID.fullmatch(value):
            raise Invalid(field, NOT_AN_ID)
    for party, given in (("buyer", checkout.buyer), ("seller", checkout.seller)):
        _check_party(given, party)
    if checkout.buyer.person_id == checkout.seller.person_id:
        raise Invalid("seller.person_id", "buyer and seller are the same person")
    if not 1 <= len(checkout.lines) <= MOST_LINES:
        raise Invalid("lines", f"an order has 1 to {MOST_LINES} lines, not {len(checkout.lines)}")
    for i, line in enumerate(checkout.lines):
        _check_line(checkout, line, i)
    _check_sum(checkout)
    if checkout.payment is not None:
        check_offer(checkout.payment, "payment")


def _check_party(party: Party, field: str) -> None:
    if party.account and not ID.fullmatch(party.account):
        raise Invalid(f"{field}.account", NOT_AN_ID)
    if party.place.subdivision and not party.place.country:
        raise Invalid(f"{field}.place.country", "is missing; a subdivision is a part of it")


def _check_line(checkout: Checkout, line: CheckoutLine, index: int) -> None:
    field, currency = f"lines[{index}]", checkout.total.currency
    if line.line_id in RESERVED:
        raise Invalid(f"{field}.line_id", f"{line.line_id!r} is kept for money of no line; call the line otherwise")
    if sum(other.line_id == line.line_id for other in checkout.lines) > 1:
        raise Invalid(f"{field}.line_id", f"{line.line_id!r} is taken; each line needs an id of its own")
    if not 1 <= line.quantity <= MOST_PIECES:
        raise Invalid(f"{field}.quantity", f"must be from 1 to {MOST_PIECES}")
    if line.price.currency != currency:
        raise Invalid(
            f"{field}.price", f"is in {line.price.currency}, the total in {currency}; an order has one currency"
        )
    if line.price.minor <= 0:
        raise Invalid(f"{field}.price", f"must be above zero, not {line.price}")
    payable(line.price, f"{field}.price")
    if not is_line(line.title, LONGEST_TEXT):
        raise Invalid(f"{field}.title", not_a_line(LONGEST_TEXT))
    for name in ("condition", "known_differences", "return_terms", "sku", "category"):
        if len(getattr(line, name)) > LONGEST_TEXT:
            raise Invalid(f"{field}.{name}", f"is longer than {LONGEST_TEXT} characters")
        if not _is_plain(getattr(line, name)):
            raise Invalid(f"{field}.{name}", "has control characters, or such as turn the direction of a line")


def _check_sum(checkout: Checkout) -> None:
    currency = checkout.total.currency
    shipping = checkout.shipping or Money.zero(currency)
    if shipping.currency != currency:
        raise Invalid("shipping", f"is in {shipping.currency}, the total in {currency}; an order has one currency")
    if checkout.total.minor >= LARGEST_TOTAL:
        raise Invalid("total", f"{checkout.total} is not below {Money(LARGEST_TOTAL, currency)}, the most of an order")
    if shipping.minor < 0:
        raise Invalid("shipping", f"must not be negative, not {shipping}")
    payable(shipping, "shipping")
    priced = total([*(line.price for line in checkout.lines), shipping], currency)
    if priced != checkout.total:
        raise Invalid("total", f"{checkout.total} is not the sum of lines and shipping, {priced}")


def check_offer(offer: Offer | Pay, field: str) -> None:
    """Raises Invalid unless exactly one way to pay is given, by ids that can be a provider's."""
    by_hold, by_method = bool(offer.payment_intent), bool(offer.payment_method and offer.customer)
    if by_hold == by_method or (by_hold and (offer.payment_method or offer.customer)):
        raise Invalid(field, "give either payment_intent, or payment_method together with customer")
    for name in ("payment_intent", "payment_method", "customer"):
        if getattr(offer, name) and not REFERENCE.fullmatch(getattr(offer, name)):
            raise Invalid(f"{field}.{name}", NOT_A_REFERENCE)


def place(
    checkout: Checkout,
    policy: Policy,
    seller_calendar: Calendar,
    buyer_calendar: Calendar,
    desk: Calendar,
    now: datetime,
) -> Order:
    """The order that a checked document starts, with process, policy and calendars pinned."""
    currency = checkout.total.currency
    shipping = checkout.shipping or Money.zero(currency)
    fees = line_fees(tuple(line.price for line in checkout.lines), checkout.total, policy)
    claims = policy.claims.narrowed(checkout.seller.person_id, (line.category for line in checkout.lines))
    return Order(
        order_id=checkout.order_id,
        checkout_id=checkout.checkout_id or checkout.order_id,
        marketplace=checkout.marketplace,
        process=PROCESS_VERSION,
        policy=replace(policy, claims=claims),
        seller_calendar=seller_calendar,
        buyer_calendar=buyer_calendar,
        desk_calendar=desk,
        buyer=checkout.buyer.person_id,
        seller=checkout.seller.person_id,
        address_id=checkout.address_id,
        currency=currency,
        placed_at=now,
        lines=tuple(
            Line(
                line.line_id, line.title, line.quantity, line.price, fee, LineState.PENDING, now, category=line.category
            )
            for line, fee in zip(checkout.lines, fees, strict=True)
        ),
        shipping=shipping,
        account=Account(checkout.seller.account, now - SETTLED),
        payment=Payment(offer=checkout.payment),
    )


SETTLED = timedelta(days=3650)
"""An account named at checkout counts as long settled: the storefront vouches for it."""


def line_fees(prices: tuple[Money, ...], order_total: Money, policy: Policy) -> tuple[Money, ...]:
    """Each line's fee, never above its price: commission half-up per line, and the seller's part of the payment fee."""
    fees = policy.fees
    commissions = [share(price, fees.commission_basis_points) for price in prices]
    payment_fee = Money.zero(order_total.currency)
    if fees.payment_borne_by == "seller":
        payment_fee = share(order_total, fees.payment_basis_points) + fees.fixed(order_total.currency)
    parts = allocate(payment_fee, [price.minor for price in prices])
    return tuple(min(price, fee + part) for price, fee, part in zip(prices, commissions, parts, strict=True))


def unpaid(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """Paying is possible while nothing holds the money, or when the bank wants the buyer for a renewal."""
    if not order.live:
        return "there is nothing left to pay for"
    if order.payment.offer is not None:
        return "a payment is being authorised"
    if stage(order) is Stage.AWAITING_PAYMENT or order.payment.buyer_asked_at is not None:
        return None
    return "the order is paid"


def awaits_payment(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The order was never paid and still may be."""
    return None if stage(order) is Stage.AWAITING_PAYMENT and order.payment.lost_at is None else "the order is paid"


def pay_days_left(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The policy's allowance is not used up."""
    had = dict(order.granted_days).get("pay", 0)
    return None if had < order.policy.payment.more_time else f"{had} more days were given, which is all there are"


def pay(moment: Moment) -> tuple[Event, ...]:
    """The buyer offers a way to pay; the provider's answer decides."""
    body: Pay = moment.body
    check_offer(body, "body")
    return (PaymentOffered(Offer(body.payment_intent, body.payment_method, body.customer)),)


def more_time_to_pay(moment: Moment) -> tuple[Event, ...]:
    """Moves the end of the unpaid order, and a reminder that is still to come, within the policy's allowance."""
    order, days = moment.order, moment.body.days
    most, had = order.policy.payment.more_time, dict(order.granted_days).get("pay", 0)
    if not 1 <= days <= most - had:
        raise Refused("more_than_allowed", f"up to {most - had} more days can be had, not {days}")
    later = tuple(
        TierMoved(tier, at + timedelta(days=days))
        for tier, at in counting_tiers(order).items()
        if tier == "pay.end" or (tier == "pay.remind" and at > moment.now)
    )
    return (*later, DaysGranted("pay", days))


def expire(moment: Moment) -> tuple[Event, ...]:
    """Nobody paid in time: every line goes back to the storefront."""
    return (PaymentExpired(),)


def renew(moment: Moment) -> tuple[Event, ...]:
    """A new hold is placed with the stored payment method; the old one is let go when it stands."""
    return (RenewalAsked(),)


def change_account(moment: Moment) -> tuple[Event, ...]:
    """The seller's payout account is another one from now on; releases wait until it has settled."""
    if not ID.fullmatch(moment.body.account):
        raise Invalid("body.account", NOT_AN_ID)
    return (AccountChanged(Account(moment.body.account, moment.now)),)
