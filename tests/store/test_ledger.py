from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError, NotSupportedError, OperationalError

from activities.store import ledger
from activities.store.ledger import OrderMoney
from domain.accounts import CLEARING, FEES
from domain.books import Entry, Side
from domain.errors import Conflict
from domain.money import Money
from tests.store.rows import NOW, ORDER, admit, at_once, capture, euro, hours

NO_MORE = [euro(0)] * 3
"""Nothing disputed, lost or owed."""

L1, SHIPPING = f"escrow:{ORDER}:l1", f"escrow:{ORDER}:shipping"


def entry(account: str, side: str, minor: int, currency: str = "EUR") -> Entry:
    return Entry(account, Side(side), Money(minor, currency))


def release(minor: int) -> tuple[Entry, ...]:
    fee = minor // 10
    net = minor - fee
    return (
        entry(L1, "debit", minor),
        entry("seller:s-1", "credit", net),
        entry(FEES, "credit", fee),
        entry("seller:s-1", "debit", net),
        entry(CLEARING, "credit", net),
    )


@pytest.fixture
def captured(engine: Engine) -> None:
    with engine.begin() as conn:
        admit(conn)
        ledger.post(conn, ORDER, "capture", 3, capture(), NOW)


def test_an_orders_money_is_the_fold_of_its_entries(engine: Engine, captured: None) -> None:
    with engine.begin() as conn:
        assert ledger.order_money(conn, ORDER) == OrderMoney(
            euro(4990), euro(0), euro(0), euro(0), euro(4990), *[euro(0)] * 3
        )
        ledger.post(conn, ORDER, "release", 5, release(4000), hours(1))
        ledger.post(conn, ORDER, "refund", 6, (entry(SHIPPING, "debit", 990), entry(CLEARING, "credit", 990)), hours(2))
    with engine.begin() as conn:
        assert ledger.order_money(conn, ORDER) == OrderMoney(
            euro(4990), euro(3600), euro(990), euro(400), euro(0), *[euro(0)] * 3
        )
        assert ledger.balance(conn, CLEARING, "EUR") == euro(-400)
        assert ledger.balance(conn, L1, "EUR", NOW) == euro(4000)
        assert ledger.balance(conn, L1, "EUR") == euro(0)
        assert ledger.accounts(conn, f"escrow:{ORDER}:") == ((L1, euro(0)), (SHIPPING, euro(0)))
        assert ledger.is_balanced(conn)


def test_all_accounts_of_a_currency_sum_to_nothing(engine: Engine, captured: None) -> None:
    with engine.begin() as conn:
        ledger.post(conn, ORDER, "release", 5, release(1500), NOW)
        assert sum(money.minor for _, money in ledger.accounts(conn, "")) == 0


def test_an_account_prefix_is_taken_literally(conn: Connection) -> None:
    for order_id in ("o_1", "ox1"):
        admit(conn, order_id)
        ledger.post(conn, order_id, "capture", 3, capture(order_id), NOW)
    assert [name for name, _ in ledger.accounts(conn, "escrow:o_1:")] == ["escrow:o_1:l1", "escrow:o_1:shipping"]


def test_an_order_without_money_has_none_in_its_currency(conn: Connection) -> None:
    admit(conn)
    assert ledger.order_money(conn, ORDER) == OrderMoney(*[euro(0)] * 8)
    with pytest.raises(KeyError):
        ledger.order_money(conn, "unknown")


def test_a_booking_without_entries_is_none(conn: Connection) -> None:
    admit(conn)
    ledger.post(conn, ORDER, "void", 3, (), NOW)
    assert conn.execute(text("SELECT count(*) FROM ledger_transactions")).scalar() == 0


def test_the_same_operation_is_not_booked_twice(engine: Engine, captured: None) -> None:
    with pytest.raises(Conflict, match="capture 3 of order o-1 is booked"), engine.begin() as conn:
        ledger.post(conn, ORDER, "capture", 3, capture(), NOW)


def test_a_correction_points_at_what_it_corrects_and_counts_against_it(engine: Engine, captured: None) -> None:
    other = {"debit": Side.CREDIT, "credit": Side.DEBIT}
    back = tuple(replace(each, side=other[each.side]) for each in capture())
    with engine.begin() as conn:
        wrong = conn.execute(text("SELECT id FROM ledger_transactions")).scalar_one()
        ledger.post(conn, ORDER, "capture", 9, back, NOW, corrects=wrong)
    with engine.begin() as conn:
        assert ledger.order_money(conn, ORDER) == OrderMoney(*[euro(0)] * 8)
        assert conn.execute(text("SELECT corrects FROM ledger_transactions WHERE seq = 9")).scalar_one() == wrong


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ((entry(CLEARING, "debit", 100), entry(L1, "credit", 99)), "does not balance"),
        ((entry(CLEARING, "debit", 100), entry(L1, "credit", 100, "USD")), "does not balance"),
        ((entry(CLEARING, "debit", 100), entry(L1, "debit", 100)), "does not balance"),
        ((entry(CLEARING, "debit", 100),), "two_entries"),
        ((entry(CLEARING, "debit", 0), entry(L1, "credit", 0)), "amount_minor"),
        ((entry(CLEARING, "debit", -5), entry(L1, "credit", -5)), "amount_minor"),
        ((entry(CLEARING, "debit", 5, "euro"), entry(L1, "credit", 5, "euro")), "currency"),
        ((entry(L1, "debit", 4001), entry(CLEARING, "credit", 4001)), f"{L1} would stand at -1"),
    ],
)
def test_the_database_refuses_what_breaks_the_books(
    engine: Engine, captured: None, entries: tuple[Entry, ...], why: str
) -> None:
    with pytest.raises(IntegrityError, match=why), engine.begin() as conn:
        ledger.post(conn, ORDER, "release", 5, entries, NOW)
    with engine.begin() as conn:
        assert ledger.order_money(conn, ORDER).escrow == euro(4990)


BOOKED = "INSERT INTO ledger_transactions (order_id, verb, seq, size, at) VALUES ('o-1', 'refund', 8, 2, now())"
ONE_ENTRY = """
    INSERT INTO ledger_entries (transaction_id, account, side, amount_minor, currency)
    SELECT max(id), 'clearing', 'debit', 5, 'EUR' FROM ledger_transactions
"""
TWO_ENTRIES = """
    INSERT INTO ledger_entries (transaction_id, account, side, amount_minor, currency)
    SELECT id, 'clearing', side, 5, 'EUR' FROM ledger_transactions, unnest('{debit,credit}'::text[]) AS side
"""
SHADOW = "CREATE TEMP TABLE ledger_entries AS TABLE ledger_entries"


def commit(engine: Engine, *statements: str) -> None:
    with engine.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ([BOOKED], "is of 2 entries, not 0"),
        ([BOOKED, ONE_ENTRY], "is of 2 entries, not 1"),
        ([TWO_ENTRIES], "is of 3 entries, not 5"),
        ([BOOKED, SHADOW, TWO_ENTRIES], "is of 2 entries, not 0"),
        ([ONE_ENTRY.replace("max(id)", "-1")], "foreign key"),
    ],
    ids=["none", "one entry", "entries added to an old booking", "a temporary table as the books", "no booking"],
)
def test_raw_sql_cannot_break_the_books_either(engine: Engine, captured: None, statements: list[str], why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        commit(engine, *statements)
    commit(engine, BOOKED, TWO_ENTRIES + " WHERE seq = 8")


def test_two_releases_at_once_do_not_overdraw_the_escrow(engine: Engine, captured: None) -> None:
    def pay(seq: int, conn: Connection) -> None:
        ledger.post(conn, ORDER, "release", seq, release(4000), NOW)

    results = at_once(engine, partial(pay, 5), partial(pay, 6))
    assert sorted(type(result).__name__ for result in results) == ["IntegrityError", "NoneType"]
    with engine.begin() as conn:
        assert ledger.balance(conn, L1, "EUR") == euro(0)


def test_a_debit_waits_until_an_earlier_one_of_its_escrow_is_committed(engine: Engine, captured: None) -> None:
    with engine.connect() as first, engine.connect() as second:
        ledger.post(first, ORDER, "release", 5, release(4000), NOW)
        first.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        ledger.post(second, ORDER, "release", 6, release(4000), NOW)
        second.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            second.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


def test_escrow_is_not_booked_on_a_stale_view_of_it(engine: Engine, captured: None) -> None:
    stale = engine.execution_options(isolation_level="REPEATABLE READ")
    with pytest.raises(NotSupportedError, match="REPEATABLE READ"), stale.begin() as conn:
        ledger.post(conn, ORDER, "release", 5, release(4000), NOW)


def test_books_that_somebody_broke_behind_the_triggers_are_noticed(owner: Engine, captured: None) -> None:
    with owner.begin() as conn:
        conn.execute(text("ALTER TABLE ledger_entries DISABLE TRIGGER append_only"))
        conn.execute(text("UPDATE ledger_entries SET amount_minor = amount_minor + 1 WHERE side = 'debit'"))
        assert not ledger.is_balanced(conn)
