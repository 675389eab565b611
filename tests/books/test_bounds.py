"""Every bound of the chart of accounts, tried from the wrong side."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from activities.store import ledger
from domain.accounts import BY_DATABASE, BY_SHARE, CHART, CLEARING, Bound, ChartRow
from domain.books import Entry
from domain.currencies import EXPONENTS
from domain.money import Money
from starter.books.reader import BooksReader
from tests.books.history import Sale, Seller, credit, debit
from tests.store.rows import NOW, euro

ENFORCED = [row for row in CHART if row.kept == BY_DATABASE]
SHARED = [row for row in CHART if row.kept == BY_SHARE]


@pytest.fixture
def sale(engine: Engine) -> Sale:
    with engine.begin() as conn:
        return Seller(conn, "s-1").sell(100_00, 8)


def account_of(row: ChartRow, sale: Sale) -> str:
    return row.pattern.format(order=sale.order_id, slice="l1", seller="s-1")


def beyond(row: ChartRow, account: str, minor: int) -> tuple[Entry, Entry]:
    """A booking that takes an account `minor` to the side on which it may not stand."""
    amount = euro(minor)
    if row.bound is Bound.NOT_BELOW_ZERO:
        return (debit(account, amount), credit(CLEARING, amount))
    return (credit(account, amount), debit(CLEARING, amount))


def test_every_account_has_a_bound_that_is_enforced_but_for_the_providers() -> None:
    assert {row.pattern for row in CHART} - {row.pattern for row in (*ENFORCED, *SHARED)} == {CLEARING}
    assert [row.pattern for row in CHART if row.bound is Bound.NONE] == [CLEARING]


@pytest.mark.parametrize("row", ENFORCED, ids=lambda row: row.pattern)
def test_the_database_refuses_a_balance_beyond_a_bound_by_the_smallest_amount(
    engine: Engine, sale: Sale, row: ChartRow
) -> None:
    account = account_of(row, sale)
    with engine.begin() as conn:
        stands = abs(ledger.balance(conn, account, "EUR").minor)
    with pytest.raises(IntegrityError, match=r"would stand at -?1"), engine.begin() as conn:
        ledger.post(conn, sale.order_id, "gift", 90, beyond(row, account, stands + 1), NOW)
    if stands:
        with engine.begin() as conn:
            ledger.post(conn, sale.order_id, "gift", 90, beyond(row, account, stands), NOW)


@pytest.mark.parametrize("row", SHARED, ids=lambda row: row.pattern)
def test_the_database_refuses_more_than_an_orders_share_in_an_account_of_all(
    engine: Engine, sale: Sale, row: ChartRow
) -> None:
    inside, amount = (credit, debit) if row.bound is Bound.NOT_BELOW_ZERO else (debit, credit), euro(5_00)
    with engine.begin() as conn:
        other = Seller(conn, "s-2").sell(100_00, 8)
        whole = (inside[0](row.pattern, amount), inside[1](CLEARING, amount))
        ledger.post(conn, other.order_id, "gift", 89, whole, NOW)
    with pytest.raises(IntegrityError, match=r"would stand at -?1"), engine.begin() as conn:
        ledger.post(conn, sale.order_id, "gift", 90, beyond(row, row.pattern, 1), NOW)
    with pytest.raises(IntegrityError, match=r"would stand at -?1"), engine.begin() as conn:
        ledger.post(conn, other.order_id, "gift", 91, beyond(row, row.pattern, 5_01), NOW)
    with engine.begin() as conn:
        ledger.post(conn, other.order_id, "gift", 92, beyond(row, row.pattern, 5_00), NOW)


@pytest.mark.parametrize(
    "account", ["platform:fee", "platform:feesx", "escrow:o-1", "receivable:s-1", "cash", "seller:"]
)
def test_the_database_knows_no_account_outside_the_chart(engine: Engine, sale: Sale, account: str) -> None:
    with pytest.raises(IntegrityError, match="account_of_the_chart"), engine.begin() as conn:
        ledger.post(conn, sale.order_id, "gift", 90, (credit(account, euro(1)), debit(CLEARING, euro(1))), NOW)


def test_the_database_knows_the_currencies_that_we_know(engine: Engine, sale: Sale) -> None:
    for currency in ("ZZZ", "EEK"):
        made_up = Money(1, currency)
        with pytest.raises(IntegrityError, match="currency_known"), engine.begin() as conn:
            ledger.post(conn, sale.order_id, "gift", 90, (credit(CLEARING, made_up), debit(CLEARING, made_up)), NOW)
    with engine.begin() as conn:
        for seq, currency in enumerate(sorted(EXPONENTS)):
            known = Money(1, currency)
            ledger.post(conn, sale.order_id, "gift", 100 + seq, (credit(CLEARING, known), debit(CLEARING, known)), NOW)


@pytest.mark.parametrize("row", SHARED, ids=lambda row: row.pattern)
def test_the_trial_balance_shows_a_shared_account_that_somebody_took_beyond_its_bound(
    engine: Engine, owner: Engine, reader: BooksReader, sale: Sale, row: ChartRow
) -> None:
    assert all(line.in_bounds for line in reader.trial_balance().lines)
    with owner.begin() as conn:
        conn.execute(text("ALTER TABLE ledger_entries DISABLE TRIGGER share_in_bounds"))
    with engine.begin() as conn:
        ledger.post(conn, sale.order_id, "gift", 90, beyond(row, row.pattern, 1), NOW)
    assert [line.accounts for line in reader.trial_balance().lines if not line.in_bounds] == [row.pattern]
