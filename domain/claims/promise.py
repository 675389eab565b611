"""What a buyer may count on when something is wrong with goods: the policy's terms of a line, before any claim. Pure.

The same before an order exists, for goods of a seller and a category, and for the lines of an order that keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.claims.case import ClaimReason
from domain.claims.terms import claim_until
from domain.money import Money, share_down
from domain.policy.claims import Claims
from domain.state import DEAD, Line, Order

_WHOLE, _PERCENT = 10_000, 100
"""Basis points."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a claim with one reason about one line, by itself.

    `days` after arrival it can be opened, None: no window of its own; `late_days` after the order has closed at most;
    `from_business_days` after sending, for goods that have not come. `until` is the last instant of those windows that
    have begun, None before. `comes_back`: what is granted needs the goods back first; below an amount of `cheap` it
    does not. The buyer then bears `fee_basis_points` for the handling, which is `fee` where the price is known, and
    loses `used_basis_points` more for what comes back used.
    """

    reason: ClaimReason
    days: int | None
    late_days: int
    from_business_days: int
    until: datetime | None
    comes_back: bool
    cheap: tuple[Money, ...]
    fee_basis_points: int
    fee: Money | None
    used_basis_points: int


def terms_of(claims: Claims, seller: str, category: str, price: Money | None) -> tuple[Terms, ...]:
    """The terms of goods that nobody has bought yet, one for each reason; without a price for any price."""
    return tuple(_terms(claims.where(seller, [category], reason), reason, price) for reason in ClaimReason)


def terms_of_line(order: Order, line: Line) -> tuple[Terms, ...]:
    """The terms of a line of an order, which it keeps from checkout; about what is left of its price.

    Empty for a line that was cancelled or refunded.
    """
    if line.state in DEAD:
        return ()
    about = terms_of(order.policy.claims, order.seller, line.category, order.left(line.line_id))
    return tuple(replace(each, until=_until(order, line, each)) for each in about)


def _until(order: Order, line: Line, terms: Terms) -> datetime | None:
    """The earlier end of the windows that have begun: one from arrival, one from the order's end."""
    ends = [claim_until(order, line, terms.reason)]
    if order.first_closed_at is not None:
        ends.append(order.first_closed_at + timedelta(days=terms.late_days))
    return min(filter(None, ends), default=None)


def _terms(numbers: Claims, reason: ClaimReason, price: Money | None) -> Terms:
    wanted = reason in numbers.return_reasons
    limits = (limit for limit in numbers.cheap if limit and (price is None or limit.currency == price.currency))
    back = wanted and not (price is not None and numbers.is_cheap(price))
    fee = numbers.handling_basis_points if back and reason in numbers.handling_reasons else 0
    return Terms(
        reason,
        numbers.days_to_claim(reason),
        numbers.late,
        numbers.not_received_after if reason is ClaimReason.NOT_RECEIVED else 0,
        None,
        back,
        tuple(limits) if wanted else (),
        fee,
        None if price is None else price - share_down(price, _WHOLE - fee),
        numbers.used_basis_points if back else 0,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """The terms of some lines in sentences; of goods that are no line yet `lines` are ("",)."""

    lines: tuple[str, ...]
    sentences: tuple[str, ...]


def in_words(of: Mapping[str, tuple[Terms, ...]], day: Callable[[datetime], str]) -> tuple[Told, ...]:
    """The terms of lines, by their ids, in sentences: lines that differ in the amount of a fee alone are told of once.

    `day` writes an instant for the reader.
    """
    alike: dict[tuple[Terms, ...], list[str]] = {}
    for line_id, terms in of.items():
        if terms:
            alike.setdefault(tuple(replace(each, fee=None) for each in terms), []).append(line_id)
    return tuple(
        Told(tuple(ids), tuple(_sentences(terms, {line_id: of[line_id] for line_id in ids}, day)))
        for terms, ids in alike.items()
    )


def _sentences(
    terms: tuple[Terms, ...], of: Mapping[str, tuple[Terms, ...]], day: Callable[[datetime], str]
) -> Iterator[str]:
    """One for all reasons with the same terms, then what holds for all; `of` has the fees of each line."""
    alike: dict[Terms, list[int]] = {}
    for at, each in enumerate(terms):
        alike.setdefault(replace(each, reason=terms[0].reason), []).append(at)
    for each, places in alike.items():
        names = ", ".join(terms[at].reason.replace("_", " ") for at in places)
        fees = ", ".join(f"{line_id} {own[places[0]].fee}".strip() for line_id, own in of.items() if own[places[0]].fee)
        yield f"{names[0].upper()}{names[1:]}: {'; '.join((_when(each, day), *_back(each, fees)))}."
    used = sorted({each.used_basis_points for each in alike if each.used_basis_points})
    if used:
        yield f"What comes back used loses {' or '.join(map(percent, used))} of the refund."
    late = [each.late_days for each in alike if each.until is None]
    if late:
        yield f"Later than {calendar(max(late))} after the order's end only a specialist opens a claim."


def _when(terms: Terms, day: Callable[[datetime], str]) -> str:
    """From when on, and up to when."""
    if terms.days == 0:
        return "not taken back"
    begins = f"from {business(terms.from_business_days)} after sending " if terms.from_business_days else ""
    if terms.until is not None:
        return f"{begins}until {day(terms.until)}"
    if terms.days is not None:
        return f"{begins}until {calendar(terms.days)} after arrival"
    return f"{begins}until {calendar(terms.late_days)} after the order's end"


def _back(terms: Terms, fees: str) -> Iterator[str]:
    """What comes back, and at whose cost."""
    limits = " or ".join(str(limit) for limit in terms.cheap)
    if not terms.comes_back:
        yield "nothing comes back" + (f", being below {limits}" if limits else "")
        return
    yield "the goods come back first" + (f", from {limits} on" if limits else "")
    bears = f"the buyer bears {percent(terms.fee_basis_points)} for the handling" + (f" ({fees})" if fees else "")
    yield bears if terms.fee_basis_points else "no fee"


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
