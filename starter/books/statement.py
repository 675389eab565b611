"""A seller's statement: where the seller stood, every movement, where the seller stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from activities.store.books import Movement
from domain.errors import Invalid
from domain.money import Money, total
from domain.state import DESK, Actor, Role


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` to `until`, both included."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement, in its currency: ``gross - fees - paid_out = change``, and `balance` is the standing after it.

    The standing is what the platform owes the seller less what the seller owes. A release is paid out at once, so it
    changes nothing but for the part that pays what was owed.
    """

    at: datetime
    order_id: str
    verb: str
    seq: int
    gross: Money
    fees: Money
    paid_out: Money
    change: Money
    balance: Money


@dataclass(frozen=True, slots=True)
class CurrencyStatement:
    """The statement in one currency; `gross`, `fees` and `paid_out` are the sums of its lines."""

    currency: str
    opening: Money
    lines: tuple[StatementLine, ...]
    gross: Money
    fees: Money
    paid_out: Money
    closing: Money


@dataclass(frozen=True, slots=True)
class Statement:
    """A seller's statement over a period."""

    seller: str
    since: datetime
    until: datetime
    currencies: tuple[CurrencyStatement, ...]


def may_see_statement(actor: Actor, seller: str) -> bool:
    """Sellers see their own; the desk all but their own (A4); nobody else any."""
    return actor.id == seller if actor.role is Role.SELLER else actor.role in DESK and actor.id != seller


def period(since: str, until: str, zone: str) -> Period:
    """The whole days from `since` to `until` in a time zone; raises Invalid, naming the option and the rule."""
    first, last, where = _day("--from", since), _day("--to", until), _zone(zone)
    if first > last:
        raise Invalid("--from", f"{first} is after --to, {last}; a period begins before it ends")
    return Period(start_of(first, where), end_of(last, where))


def open_period(since: str, until: str, zone: str) -> tuple[datetime | None, datetime | None]:
    """As `period`, where either end may be left open by ""."""
    where = _zone(zone)
    if since and until:
        whole = period(since, until, zone)
        return whole.since, whole.until
    return (
        start_of(_day("--from", since), where) if since else None,
        end_of(_day("--to", until), where) if until else None,
    )


def start_of(day: date, zone: tzinfo) -> datetime:
    """The first instant of a day; where clocks jump over its midnight, that of the jump."""
    return _instant(datetime.combine(day, time.min, zone), "--from")


def end_of(day: date, zone: tzinfo) -> datetime:
    """The last microsecond before the next day; the ledger knows no shorter time.

    It is not asked for as 23:59:59: where clocks go back at midnight a day has that twice.
    """
    try:
        return _instant(datetime.combine(day + timedelta(days=1), time.min, zone), "--to") - datetime.resolution
    except OverflowError:
        raise Invalid("--to", OUT_OF_TIME) from None


def _day(field: str, written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise Invalid(field, f"{written!r} is not a day of the calendar; write for example 2026-11-24") from None


def _zone(written: str) -> tzinfo:
    try:
        return ZoneInfo(written)
    except (KeyError, ValueError, OSError):
        raise Invalid("--zone", f"{written!r} is not a time zone; write for example 'Europe/Berlin'") from None


OUT_OF_TIME = "lies outside the times that can be counted"


def _instant(moment: datetime, field: str) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid(field, OUT_OF_TIME) from None


def lines(opening: Iterable[Money], movements: Iterable[Movement]) -> Iterator[StatementLine]:
    """The movements with the standing after each."""
    standing = {money.currency: money for money in opening}
    for move in movements:
        currency = move.change.currency
        standing[currency] = standing.get(currency, Money.zero(currency)) + move.change
        yield StatementLine(
            move.at, move.order_id, move.verb, move.seq,
            move.gross, move.fees, move.paid_out, move.change, standing[currency],
        )  # fmt: skip


def statement(seller: str, over: Period, opening: tuple[Money, ...], movements: Iterable[Movement]) -> Statement:
    """The whole statement, by currency."""
    by_currency: dict[str, list[StatementLine]] = {money.currency: [] for money in opening}
    for line in lines(opening, movements):
        by_currency.setdefault(line.change.currency, []).append(line)
    start = {money.currency: money for money in opening}
    parts = [
        _in_currency(start.get(currency, Money.zero(currency)), found)
        for currency, found in sorted(by_currency.items())
    ]
    return Statement(seller, over.since, over.until, tuple(parts))


def _in_currency(opening: Money, found: list[StatementLine]) -> CurrencyStatement:
    currency = opening.currency
    return CurrencyStatement(
        currency,
        opening,
        tuple(found),
        total([line.gross for line in found], currency),
        total([line.fees for line in found], currency),
        total([line.paid_out for line in found], currency),
        found[-1].balance if found else opening,
    )


COLUMNS = ("at", "order", "movement", "sequence", "gross", "fees", "paid_out", "change", "balance", "currency")
"""The columns of a statement as a sheet."""


def sheet(over: Period, opening: tuple[Money, ...], movements: Iterable[Movement]) -> Iterator[tuple[object, ...]]:
    """The statement as rows of `COLUMNS`, opening and closing balances around the movements; a stream."""
    closing = {money.currency: money for money in opening}
    for money in opening:
        yield (over.since, "", "opening balance", None, None, None, None, None, money, money.currency)
    for line in lines(opening, movements):
        currency = line.change.currency
        closing[currency] = line.balance
        yield (
            line.at, line.order_id, line.verb, line.seq,
            line.gross, line.fees, line.paid_out, line.change, line.balance, currency,
        )  # fmt: skip
    for currency, money in sorted(closing.items()):
        yield (over.until, "", "closing balance", None, None, None, None, None, money, currency)
