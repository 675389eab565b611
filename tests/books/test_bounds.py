"""Every bound of the chart of accounts, tried from the wrong side."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from activities.store import ledger
from domain.accounts import BY_DATABASE, CHART, CLEARING, HOT, Bound, ChartRow
from domain.books import Entry
from starter.books.reader import BooksReader
from tests.books.history import Sale, Seller, credit, debit
from tests.store.rows import NOW, euro

ENFORCED = [row for row in CHART if row.kept == BY_DATABASE]
SEEN = [row for row in CHART if row.kept == HOT]


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


def test_every_account_has_a_bound_that_is_enforced_or_seen_but_for_the_providers() -> None:
    assert {row.pattern for row in CHART} - {row.pattern for row in (*ENFORCED, *SEEN)} == {CLEARING}
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


@pytest.mark.parametrize("row", SEEN, ids=lambda row: row.pattern)
def test_the_trial_balance_shows_a_shared_account_that_is_beyond_its_bound(
    engine: Engine, reader: BooksReader, sale: Sale, row: ChartRow
) -> None:
    assert all(line.in_bounds for line in reader.trial_balance().lines)
    with engine.begin() as conn:
        ledger.post(conn, sale.order_id, "gift", 90, beyond(row, row.pattern, 1), NOW)
    assert [line.accounts for line in reader.trial_balance().lines if not line.in_bounds] == [row.pattern]
