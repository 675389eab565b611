"""Reading the books: from PostgreSQL only, like every screen. Blocking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from activities.store import books, ledger
from activities.store.books import JournalEntry
from domain.accounts import CHART, row_of
from domain.checkout import ID, NOT_AN_ID
from domain.currencies import EXPONENTS
from domain.errors import Invalid
from domain.money import Money, total
from domain.state import Actor
from starter.answers import NotFound
from starter.books import sheets
from starter.books.money import MoneyView, money_view
from starter.books.statement import COLUMNS, Period, Statement, may_see_statement, sheet, statement
from starter.records import Records
from starter.sheets.write import XLSX, write_table
from starter.views import may_see

MOST = 500
"""Accounts that are listed unless told otherwise."""

JOURNAL = (
    "transaction", "entry", "at", "recorded_at", "order", "operation", "sequence", "corrects", "account", "kind",
    "debit", "credit", "currency",
)  # fmt: skip
"""The columns of the exported ledger; new ones will come after these."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of one account in one currency; what we owe stands above zero, what we own below."""

    account: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Balances:
    """The balances of an account, or of those whose names begin so.

    `balances` are the first of the `count` that do not stand at nothing; `together` are the sums of all, by currency.
    """

    account: str
    at: datetime | None
    balances: tuple[Balance, ...]
    count: int
    together: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class TrialLine:
    """A row of the chart in one currency, on its side. `in_bounds`: the balance is one that such accounts may have."""

    accounts: str
    kind: str
    debit: Money | None
    credit: Money | None
    currency: str
    in_bounds: bool


@dataclass(frozen=True, slots=True)
class TrialTotal:
    """Both sides of the trial balance in one currency."""

    debit: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """The whole ledger on one page.

    `balanced`: both sides are equal in every currency, every transaction is whole and balances, no escrow is overdrawn.
    """

    at: datetime | None
    lines: tuple[TrialLine, ...]
    totals: tuple[TrialTotal, ...]
    balanced: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A sheet that was written."""

    file: str
    rows: int


class BooksReader:
    """What the books say."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def money(self, order_id: str, actor: Actor) -> MoneyView:
        """The order's bookings, operations and sums as `actor` may see them. Raises NotFound, for a stranger too."""
        with self._records.begin() as conn:
            found = books.order_books(conn, order_id)
        if found is None or not may_see(actor, found.buyer, found.seller):
            raise NotFound(order_id)
        return money_view(found, actor)

    def statement(self, seller: str, over: Period, actor: Actor) -> Statement:
        """The seller's statement. Raises NotFound for a seller of no order, and for who may not see it."""
        with self._records.begin() as conn:
            self._known(conn, seller, actor)
            opening = books.seller_standing(conn, seller, over.since)
            return statement(seller, over, opening, books.seller_movements(conn, seller, over.since, over.until))

    def statement_sheet(self, seller: str, over: Period, actor: Actor, file: Path) -> Written:
        """The same as a CSV file, however long it is. Raises Invalid when the file cannot be written."""
        with self._records.begin() as conn:
            self._known(conn, seller, actor)
            opening = books.seller_standing(conn, seller, over.since)
            movements = books.seller_movements(conn, seller, over.since, over.until)
            return Written(str(file), sheets.write(file, COLUMNS, sheet(over, opening, movements)))

    def _known(self, conn: Connection, seller: str, actor: Actor) -> None:
        if not ID.fullmatch(seller):
            raise Invalid("SELLER", NOT_AN_ID)
        if not books.knows_seller(conn, seller) or not may_see_statement(actor, seller):
            raise NotFound(seller, "seller", "no order names one")

    def balances(self, account: str, *, at: datetime | None = None, currency: str = "", limit: int = MOST) -> Balances:
        """The balance of an account up to the time `at`, or of those whose names go on from it after a colon.

        Raises Invalid for names outside the chart of accounts, NotFound when nothing was ever booked there.
        """
        name = account.rstrip(":")
        heads = list(dict.fromkeys(row.prefix.partition(":")[0] for row in CHART))
        if name.partition(":")[0] not in heads or not name.isprintable():
            raise Invalid("ACCOUNT", f"{name!r} is not in the chart of accounts; names begin with {', '.join(heads)}")
        _check(currency)
        with self._records.begin() as conn:
            found = books.balances(conn, name, at=at, currency=currency or None, limit=limit)
        if not found.together:
            raise NotFound(name, "account", "nothing was ever booked on it" + (f" in {currency}" if currency else ""))
        shown = tuple(Balance(*each) for each in found.shown)
        return Balances(name, at, shown, found.count, found.together)

    def trial_balance(self, at: datetime | None = None, currency: str = "") -> TrialBalance:
        """What stood on all accounts at a time, by the rows of the chart and by currency. Raises Invalid."""
        _check(currency)
        with self._records.begin() as conn:
            rows = books.trial_balance(conn, at, currency or None)
            whole = ledger.is_balanced(conn)
        found = tuple(
            TrialLine(
                each.row.pattern if each.row else "outside the chart",
                each.row.kind.value if each.row else "",
                -each.balance if each.balance.minor < 0 else None,
                each.balance if each.balance.minor >= 0 else None,
                each.balance.currency,
                each.row is not None and each.row.bound.holds(each.balance.minor),
            )
            for each in rows
        )
        totals = tuple(
            TrialTotal(
                total([line.debit for line in found if line.debit and line.currency == code], code),
                total([line.credit for line in found if line.credit and line.currency == code], code),
            )
            for code in sorted({line.currency for line in found})
        )
        return TrialBalance(at, found, totals, whole and all(each.debit == each.credit for each in totals))

    def export_ledger(self, file: Path, since: datetime | None = None, until: datetime | None = None) -> Written:
        """Every entry of the ledger as CSV or XLSX, in constant memory. Raises Invalid when it cannot be written."""
        with self._records.begin() as conn:
            rows = _rows(books.journal(conn, since, until))
            if file.suffix.lower() == XLSX:
                return Written(str(file), write_table(file, "ledger", JOURNAL, rows))
            return Written(str(file), sheets.write(file, JOURNAL, rows))


def _check(currency: str) -> None:
    if currency and currency not in EXPONENTS:
        raise Invalid("--currency", f"{currency!r} is not an ISO 4217 currency; write for example EUR")


def _rows(entries: Iterator[JournalEntry]) -> Iterator[tuple[object, ...]]:
    for entry in entries:
        row, amount = row_of(entry.account), entry.amount
        debit, credit = (amount, None) if entry.side == "debit" else (None, amount)
        yield (
            entry.number, entry.entry, entry.at, entry.recorded_at, entry.order_id, entry.verb, entry.seq,
            entry.corrects, entry.account, row.kind.value if row else "", debit, credit, amount.currency,
        )  # fmt: skip
