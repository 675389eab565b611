from __future__ import annotations

import base64
import csv
import os
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import Engine, text

from activities.store import books, ledger
from domain.accounts import CHART, row_of
from domain.errors import Invalid
from domain.money import Money
from starter.answers import NotFound
from starter.books.reader import JOURNAL, Balance, BooksReader, TrialTotal
from tests.books.conftest import counting, reader_of
from tests.books.history import Seller, credit, debit
from tests.conftest import Database
from tests.store.rows import NOW, euro, hours


@pytest.fixture
def told(engine: Engine) -> Seller:
    """One sale an hour from ten o'clock: held, paid, refunded after it was paid, disputed, one in yen, one astray."""
    with engine.begin() as conn:
        seller = Seller(conn)
        sales = [seller.sell(100_00, 8) for _ in range(4)]
        for hour, sale in enumerate(sales[1:], 1):
            seller.now = hours(hour)
            seller.pay(sale)
        seller.now = hours(4)
        seller.refund(sales[2])
        seller.now = hours(5)
        seller.dispute(sales[3], 15_00)
        seller.stray(seller.sell(5000, 8, "JPY"), Money(7, "JPY"))
    return seller


def test_an_account_has_a_balance_at_any_time(reader: BooksReader, told: Seller) -> None:
    escrow = f"escrow:{told.sales[1].order_id}:l1"
    for at, minor in ((-1, 0), (0, 100_00), (0.999, 100_00), (1, 0), (None, 0)):
        found = reader.balances(escrow, at=None if at is None else hours(at))
        assert found.balances == (Balance(escrow, euro(minor)),)
        assert found.together == (euro(minor),)


def test_a_name_up_to_a_colon_lists_what_stands_below_it(reader: BooksReader, told: Seller) -> None:
    first, *_, last = (sale.order_id for sale in told.sales)
    found = reader.balances("escrow")
    assert found.balances == (
        Balance(f"escrow:{first}:l1", euro(100_00)),
        Balance(f"escrow:{last}:l1", Money(5000, "JPY")),
    )
    assert found.together == (euro(100_00), Money(5000, "JPY"))
    assert reader.balances("escrow:") == found
    assert reader.balances(f"escrow:{first}").balances == found.balances[:1]
    assert reader.balances("escrow", currency="JPY").balances == found.balances[1:]
    assert [each.account for each in reader.balances("platform").balances] == ["platform:dispute_fees", "platform:fees"]
    short = reader.balances("escrow", limit=1)
    assert (short.balances, short.count, short.together) == (found.balances[:1], 2, found.together)


def test_a_name_is_taken_whole(engine: Engine) -> None:
    with engine.begin() as conn:
        one, other = Seller(conn, "s_9"), Seller(conn, "s_91")
        for seller in (one, other, Seller(conn, "sx9")):
            sale = seller.sell(100, 8)
            seller.pay(sale)
            seller.refund(sale)
    found = reader_of(engine).balances("receivable:s_9")
    assert [each.account for each in found.balances] == [f"receivable:s_9:{one.sales[0].order_id}"]


@pytest.mark.parametrize(
    ("name", "currency", "field", "rule"),
    [
        ("escrw:o-1", "", "ACCOUNT", "is not in the chart of accounts; names begin with clearing, escrow, seller"),
        ("", "", "ACCOUNT", "not in the chart"),
        ("escrow:\udc80", "", "ACCOUNT", "not in the chart"),
        ("escrow", "EURO", "--currency", "'EURO' is not an ISO 4217 currency"),
    ],
)
def test_what_cannot_be_an_account_is_refused_by_field_and_rule(
    reader: BooksReader, name: str, currency: str, field: str, rule: str
) -> None:
    with pytest.raises(Invalid, match=rule) as caught:
        reader.balances(name, currency=currency)
    assert caught.value.field == field


def test_an_account_on_which_nothing_was_ever_booked_is_none(reader: BooksReader, told: Seller) -> None:
    for name, currency in (("seller:s-none", ""), (f"seller:{told.name}", "USD")):
        with pytest.raises(NotFound, match="nothing was ever booked on it"):
            reader.balances(name, currency=currency)


@pytest.mark.parametrize("at", [None, -1, 0, 1, 2.5, 4, 5, 9])
def test_the_trial_balance_sums_to_nothing_at_any_time(
    reader: BooksReader, engine: Engine, told: Seller, at: float | None
) -> None:
    moment = None if at is None else hours(at)
    trial = reader.trial_balance(moment)
    assert trial.balanced
    assert all(each.debit == each.credit for each in trial.totals)
    assert all(line.in_bounds for line in trial.lines)
    with engine.begin() as conn:
        for line in trial.lines:
            stands = line.credit or (-line.debit if line.debit else Money.zero(line.currency))
            assert stands.minor == sum(
                ledger.balance(conn, name, line.currency, moment).minor
                for name, money in ledger.accounts(conn, "")
                if money.currency == line.currency and (row := row_of(name)) and row.pattern == line.accounts
            )


def test_the_trial_balance_has_both_sides_by_the_chart_and_by_currency(reader: BooksReader, told: Seller) -> None:
    trial = reader.trial_balance()
    assert [(line.accounts, line.kind, str(line.debit or ""), str(line.credit or "")) for line in trial.lines] == [
        ("clearing", "asset", "", "91.00 EUR"),
        ("escrow:{order}:{slice}", "liability", "", "100.00 EUR"),
        ("seller:{seller}", "liability", "", ""),
        ("receivable:{seller}:{order}", "asset", "92.00 EUR", ""),
        ("disputed:{order}", "asset", "100.00 EUR", ""),
        ("platform:fees", "revenue", "", "16.00 EUR"),
        ("platform:dispute_fees", "expense", "15.00 EUR", ""),
        ("clearing", "asset", "5007 JPY", ""),
        ("escrow:{order}:{slice}", "liability", "", "5000 JPY"),
        ("suspense:{order}", "liability", "", "7 JPY"),
    ]
    assert trial.totals == (TrialTotal(euro(207_00), euro(207_00)), TrialTotal(Money(5007, "JPY"), Money(5007, "JPY")))
    assert {line.currency for line in reader.trial_balance(currency="JPY").lines} == {"JPY"}


def test_a_balance_out_of_bounds_and_an_account_outside_the_chart_are_seen(engine: Engine, told: Seller) -> None:
    with engine.begin() as conn:
        told.conn = conn
        told._book(told.sales[0], "gift", debit("platform:fees", euro(99_00)), credit("pocket:mine", euro(99_00)))
    outside = {line.accounts for line in reader_of(engine).trial_balance().lines if not line.in_bounds}
    assert outside == {"platform:fees", "outside the chart"}


MORE = """
UPDATE ledger_entries SET amount_minor = amount_minor + 1 WHERE side = :side
AND transaction_id = (SELECT id FROM ledger_transactions WHERE order_id = :order_id AND verb = 'capture')
"""


def test_a_ledger_that_somebody_broke_behind_the_triggers_does_not_balance(
    engine: Engine, owner: Engine, told: Seller
) -> None:
    with owner.begin() as conn:
        conn.execute(text("ALTER TABLE ledger_entries DISABLE TRIGGER append_only"))
        conn.execute(text("UPDATE ledger_entries SET amount_minor = 1 WHERE account = 'platform:dispute_fees'"))
    trial = reader_of(engine).trial_balance()
    assert not trial.balanced
    assert trial.totals[0].debit != trial.totals[0].credit


def test_a_wrong_transaction_that_another_one_makes_up_for_is_noticed(
    engine: Engine, owner: Engine, told: Seller
) -> None:
    with owner.begin() as conn:
        conn.execute(text("ALTER TABLE ledger_entries DISABLE TRIGGER append_only"))
        for side in ("debit", "credit"):
            conn.execute(text(MORE), {"side": side, "order_id": told.sales[side == "debit"].order_id})
    trial = reader_of(engine).trial_balance()
    assert all(each.debit == each.credit for each in trial.totals)
    assert not trial.balanced


@pytest.mark.parametrize("sales", [1, 30])
def test_balances_take_two_queries_however_many_accounts_there_are(engine: Engine, sales: int) -> None:
    with engine.begin() as conn:
        seller = Seller(conn)
        for _ in range(sales):
            seller.sell(100, 8)
    reader = reader_of(engine)
    with counting(engine) as asked:
        assert len(reader.balances("escrow").balances) == sales
        assert len(asked) == 2
        assert len(reader.trial_balance().lines) == 2
    assert len(asked) == 2 + 2


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_the_exported_ledger_has_every_entry_once_and_both_sides_are_equal(
    reader: BooksReader, engine: Engine, told: Seller, tmp_path: Path
) -> None:
    file = tmp_path / "ledger.csv"
    written = reader.export_ledger(file)
    rows = rows_of(file)
    with engine.begin() as conn:
        entries = conn.execute(text("SELECT count(*) FROM ledger_entries")).scalar_one()
    assert (written.rows, len(rows), len({row["entry"] for row in rows})) == (entries, entries, entries)
    assert tuple(rows[0]) == JOURNAL
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    sides: Counter[tuple[str, str]] = Counter()
    for row in rows:
        assert bool(row["debit"]) is not bool(row["credit"])
        assert row["kind"] in {each.kind.value for each in CHART}
        for side in ("debit", "credit"):
            if row[side]:
                sides[side, row["currency"]] += Money.of(row[side], row["currency"]).minor
    for currency in ("EUR", "JPY"):
        assert sides["debit", currency] == sides["credit", currency] > 0
    order_id = told.sales[0].order_id
    assert list(rows[0].values())[2:] == [
        "2026-11-24T09:30:00Z", rows[0]["recorded_at"], order_id, "capture", "2", "", "clearing", "asset", "100.00",
        "", "EUR",
    ]  # fmt: skip


def test_the_ledger_as_xlsx_has_the_same_entries_as_numbers_and_dates(
    reader: BooksReader, told: Seller, tmp_path: Path
) -> None:
    plain, book = tmp_path / "ledger.csv", tmp_path / "ledger.xlsx"
    assert reader.export_ledger(plain).rows == reader.export_ledger(book).rows
    heads, *rows = openpyxl.load_workbook(book)["ledger"].iter_rows(values_only=True)
    assert heads == JOURNAL
    first, expected = dict(zip(JOURNAL, rows[0], strict=True)), rows_of(plain)[0]
    assert (first["debit"], first["credit"], first["account"]) == (100, None, expected["account"])
    assert first["at"] == datetime(2026, 11, 24, 9, 30)  # noqa: DTZ001  # sheets know no zones
    assert len(rows) == len(rows_of(plain))


def test_the_export_of_a_period_has_whole_transactions_of_that_period(
    reader: BooksReader, told: Seller, tmp_path: Path
) -> None:
    file = tmp_path / "ledger.csv"
    reader.export_ledger(file, hours(1), hours(2))
    assert {row["at"] for row in rows_of(file)} == {"2026-11-24T10:30:00Z", "2026-11-24T11:30:00Z"}
    assert len(rows_of(file)) == 2 * 5
    reader.export_ledger(file, since=hours(5))
    late = {row["operation"] for row in rows_of(file)}
    assert late == {"dispute", "capture", "suspense"}
    assert reader.export_ledger(file, until=hours(-1)).rows == 0
    assert file.read_text().splitlines() == [",".join(JOURNAL)]


MANY = """
WITH booked AS (
    INSERT INTO ledger_transactions (order_id, verb, seq, size, at)
    SELECT :order_id, 'suspense', :first + n, 2, CAST(:at AS timestamptz) + n * interval '1 second'
    FROM generate_series(1, :count) AS n RETURNING id
)
INSERT INTO ledger_entries (transaction_id, account, side, amount_minor, currency)
SELECT id, account, side, 5, 'EUR' FROM booked, (VALUES ('clearing', 'debit'), ('suspense:' || :order_id, 'credit'))
    AS entry (account, side)
"""


def export(database: Database, file: Path) -> int:
    """The peak memory, in KiB, of a process of its own that exports the ledger."""
    settings = {"DATABASE_URL": database.url, "AFTERSALE_MASTER_KEY": base64.b64encode(bytes(32)).decode()}
    command = [sys.executable, "-m", "starter.cli", "export", "ledger", str(file)]
    process = subprocess.Popen(command, env=os.environ | settings, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss


def test_a_long_ledger_is_exported_in_the_memory_of_a_short_one(
    engine: Engine, owner: Engine, database: Database, tmp_path: Path
) -> None:
    with engine.begin() as conn:
        sale = Seller(conn).sell(100, 8)
    used: list[int] = []
    file = tmp_path / "ledger.csv"
    for count in (2_000, 100_000):
        with owner.begin() as conn:
            for table in ("ledger_transactions", "ledger_entries"):
                conn.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER balanced"))
            books.patiently(conn)
            conn.execute(text(MANY), {"order_id": sale.order_id, "at": NOW, "first": 1_000_000 + count, "count": count})
        used.append(export(database, file))
    with file.open(encoding="utf-8") as written:
        assert sum(1 for _ in written) == 1 + 2 * (1 + 2_000 + 100_000)
    assert used[1] < used[0] + 8 * 1024, (
        f"{used[0]} KiB for a short ledger, {used[1]} for one of fifty times its length"
    )


def test_every_account_that_is_ever_booked_is_in_the_chart(reader: BooksReader, engine: Engine, told: Seller) -> None:
    with engine.begin() as conn:
        names = {name for name, _ in ledger.accounts(conn, "")}
        assert all(row_of(name) for name in names)
        assert {row_of(name) for name in names} == {each.row for each in books.trial_balance(conn) if each.row}
