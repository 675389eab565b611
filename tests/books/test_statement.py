from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from sqlalchemy import Engine, text

from activities.store import books, ledger
from domain.accounts import seller_account
from domain.errors import Invalid
from domain.money import Money, total
from domain.state import Actor, Role
from starter.answers import NotFound
from starter.books.reader import BooksReader
from starter.books.statement import Period, Statement, open_period, period, statement
from tests.books.conftest import counting, reader_of
from tests.books.history import Seller, acts
from tests.store.rows import NOW, euro, hours

DESK = Actor(Role.OPERATOR, "op-1")
ALWAYS = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
A_TICK = timedelta(microseconds=1)
PROPERTY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def standing(engine: Engine, seller: str, currency: str, at: datetime) -> Money:
    """The seller's standing by the plain balances of each account, without the reader of statements."""
    with engine.begin() as conn:
        own = [name for name, _ in ledger.accounts(conn, f"receivable:{seller}:")]
        return total([ledger.balance(conn, name, currency, at) for name in {seller_account(seller), *own}], currency)


def kept(engine: Engine, seller: Seller, currency: str, since: datetime, until: datetime) -> Money:
    """The entries of the platform's fees of the seller's orders, read by themselves."""
    query = text(
        "SELECT coalesce(sum(CASE side WHEN 'credit' THEN amount_minor ELSE -amount_minor END), 0)"
        " FROM ledger_entries JOIN ledger_transactions t ON t.id = transaction_id WHERE account = 'platform:fees'"
        " AND order_id = ANY(:orders) AND currency = :currency AND at BETWEEN :since AND :until"
    )
    orders = [sale.order_id for sale in seller.sales]
    with engine.begin() as conn:
        asked = {"orders": orders, "currency": currency, "since": since, "until": until}
        return Money(int(conn.execute(query, asked).scalar_one()), currency)


def stated(engine: Engine, seller: str, since: datetime, until: datetime) -> Statement:
    return reader_of(engine).statement(seller, Period(since, until), DESK)


@PROPERTY
@given(acts, st.integers(0, 900), st.integers(0, 900))
def test_a_statement_is_the_difference_of_two_balances(
    many: Engine, happened: list[tuple[str, int, int, float]], first: int, length: int
) -> None:
    with many.begin() as conn:
        seller = Seller(conn)
        seller.sell(100, 8)
        for act in happened:
            seller.act(*act)
    since, until = hours(first), hours(first + length)
    for part in stated(many, seller.name, since, until).currencies:
        assert part.opening == standing(many, seller.name, part.currency, since - A_TICK)
        assert part.closing == standing(many, seller.name, part.currency, until)
        changes = total([line.change for line in part.lines], part.currency)
        assert part.opening + changes == part.closing
        assert changes == part.gross - part.fees - part.paid_out
        assert all(line.change == line.gross - line.fees - line.paid_out for line in part.lines)
        assert [line.at for line in part.lines] == sorted(line.at for line in part.lines)
    end = stated(many, seller.name, ALWAYS.since, ALWAYS.until)
    owed = {part.currency: -part.closing.minor for part in end.currencies}
    assert owed == {c: sum(s.owed.minor for s in seller.sales if s.gross.currency == c) for c in owed}


@PROPERTY
@given(acts, st.integers(0, 900), st.integers(0, 900))
@example([("pay", 1, 0, 1), ("refund", 1, 0, 1)], 0, 900)
@example([("pay", 1, 0, 1), ("dispute", 1, 0, 1), ("lose", 1, 0, 1)], 0, 900)
def test_the_fees_of_a_statement_are_those_that_were_kept_of_the_sellers_orders(
    many: Engine, happened: list[tuple[str, int, int, float]], first: int, length: int
) -> None:
    with many.begin() as conn:
        seller = Seller(conn)
        seller.sell(40, 100)
        for act in happened:
            seller.act(*act)
    since, until = hours(first), hours(first + length)
    for part in stated(many, seller.name, since, until).currencies:
        assert part.fees == kept(many, seller, part.currency, since, until)
    for part in stated(many, seller.name, ALWAYS.since, ALWAYS.until).currencies:
        sales = [sale for sale in seller.sales if sale.gross.currency == part.currency]
        assert part.fees.minor == sum(sale.sums["K"] for sale in sales)


@PROPERTY
@given(acts, st.integers(0, 2000))
def test_a_year_is_its_two_parts_one_after_the_other(
    many: Engine, happened: list[tuple[str, int, int, float]], cut: int
) -> None:
    with many.begin() as conn:
        seller = Seller(conn)
        seller.sell(100, 8)
        for act in happened:
            seller.act(*act)
    middle = hours(cut)
    whole = stated(many, seller.name, ALWAYS.since, ALWAYS.until)
    early, late = (
        stated(many, seller.name, since, until)
        for since, until in ((ALWAYS.since, middle), (middle + A_TICK, ALWAYS.until))
    )
    for all_, one, two in zip(whole.currencies, early.currencies, late.currencies, strict=True):
        assert all_.lines == one.lines + two.lines
        assert (all_.opening, one.closing, all_.closing) == (one.opening, two.opening, two.closing)


@pytest.fixture
def told(engine: Engine) -> Seller:
    """Paid, refunded, half taken back, the rest paid by the next sale; and a sale that the fee ate up."""
    with engine.begin() as conn:
        seller = Seller(conn)
        first, second, third = seller.sell(100_00, 8), seller.sell(50_00, 8), seller.sell(1_00, 100)
        steps: tuple[Callable[[], None], ...] = (
            lambda: seller.pay(first),
            lambda: seller.refund(first),
            lambda: seller.take_back(first, Money(60_00, "EUR")),
            lambda: seller.pay(second),
            lambda: seller.pay(third),
        )
        for hour, step in enumerate(steps, 1):
            seller.now = hours(hour)
            step()
    return seller


def test_a_statement_tells_releases_with_fees_debts_what_came_back_and_what_was_netted(
    reader: BooksReader, told: Seller
) -> None:
    [part] = reader.statement(told.name, ALWAYS, DESK).currencies
    told_lines = [
        (line.verb, *(str(m).split()[0] for m in (line.gross, line.fees, line.paid_out, line.change, line.balance)))
        for line in part.lines
    ]
    assert told_lines == [
        ("release", "100.00", "8.00", "92.00", "0.00", "0.00"),
        ("refund", "-100.00", "-8.00", "0.00", "-92.00", "-92.00"),
        ("reverse_release", "0.00", "0.00", "-60.00", "60.00", "-32.00"),
        ("release", "50.00", "4.00", "14.00", "32.00", "0.00"),
        ("release", "1.00", "1.00", "0.00", "0.00", "0.00"),
    ]
    assert (part.opening, part.closing) == (Money(0, "EUR"), Money(0, "EUR"))
    assert (part.gross, part.fees, part.paid_out) == (Money(51_00, "EUR"), Money(5_00, "EUR"), Money(46_00, "EUR"))


def test_a_statement_of_a_time_without_movements_has_its_balances_all_the_same(
    reader: BooksReader, told: Seller
) -> None:
    [part] = reader.statement(told.name, Period(hours(2.5), hours(2.6)), DESK).currencies
    assert (part.opening, part.lines, part.closing) == (Money(-92_00, "EUR"), (), Money(-92_00, "EUR"))


def test_both_ends_of_a_period_belong_to_it(reader: BooksReader, told: Seller) -> None:
    [part] = reader.statement(told.name, Period(hours(2), hours(3)), DESK).currencies
    assert [line.verb for line in part.lines] == ["refund", "reverse_release"]
    assert (part.opening, part.closing) == (euro(0), euro(-32_00))


@pytest.mark.parametrize("sales", [1, 40])
def test_a_statement_takes_three_queries_however_long_it_is(engine: Engine, sales: int) -> None:
    with engine.begin() as conn:
        seller = Seller(conn)
        for _ in range(sales):
            seller.pay(seller.sell(100, 8))
    with counting(engine) as asked:
        [part] = reader_of(engine).statement(seller.name, ALWAYS, DESK).currencies
    assert (len(part.lines), len(asked)) == (sales, 1 + 2 + 1)


@pytest.mark.parametrize(
    ("actor", "sees"),
    [
        (DESK, True),
        (Actor(Role.SPECIALIST, "sp-1"), True),
        (Actor(Role.SELLER, "SELLER"), True),
        (Actor(Role.SELLER, "s-other"), False),
        (Actor(Role.OPERATOR, "SELLER"), False),
        (Actor(Role.BUYER, "SELLER"), False),
        (Actor(Role.BUYER, "b-1"), False),
    ],
)
def test_a_statement_is_for_the_seller_and_the_desk_and_reads_as_none_for_others(
    reader: BooksReader, told: Seller, actor: Actor, sees: bool
) -> None:
    who = Actor(actor.role, actor.id.replace("SELLER", told.name))
    if sees:
        assert reader.statement(told.name, ALWAYS, who).seller == told.name
        return
    with pytest.raises(NotFound) as refused:
        reader.statement(told.name, ALWAYS, who)
    with pytest.raises(NotFound) as unknown:
        reader.statement("s-nobody", ALWAYS, DESK)
    assert str(refused.value) == f"there is no seller {told.name}: no order names one"
    assert str(unknown.value) == "there is no seller s-nobody: no order names one"


def test_the_sheet_of_a_statement_is_the_statement(reader: BooksReader, told: Seller, tmp_path: Path) -> None:
    file = tmp_path / "statement.csv"
    over = Period(hours(1.5), hours(3.5))
    written = reader.statement_sheet(told.name, over, DESK, file)
    first = told.sales[0].order_id
    assert written.rows == 4
    assert file.read_text(encoding="utf-8").splitlines() == [
        "at,order,movement,sequence,gross,fees,paid_out,change,balance,currency",
        "2026-11-24T11:00:00Z,,opening balance,,,,,,0.00,EUR",
        f"2026-11-24T11:30:00Z,{first},refund,6,-100.00,-8.00,0.00,-92.00,-92.00,EUR",
        f"2026-11-24T12:30:00Z,{first},reverse_release,7,0.00,0.00,-60.00,60.00,-32.00,EUR",
        "2026-11-24T13:00:00Z,,closing balance,,,,,,-32.00,EUR",
    ]


@pytest.mark.parametrize(
    ("since", "until", "zone", "field", "rule"),
    [
        ("2026-12-01", "2026-11-01", "UTC", "--from", "2026-12-01 is after --to, 2026-11-01"),
        ("1.11.2026", "2026-11-01", "UTC", "--from", "'1.11.2026' is not a day of the calendar"),
        ("2026-11-01", "2026-11-31", "UTC", "--to", "'2026-11-31' is not a day of the calendar"),
        ("2026-11-01", "", "UTC", "--to", "'' is not a day"),
        ("0001-01-01", "2026-11-01", "Asia/Tokyo", "--from", "outside the times"),
        ("2026-11-01", "9999-12-31", "America/Lima", "--to", "outside the times"),
        ("2026-11-01", "2026-11-30", "Berlin, Germany", "--zone", "not a time zone"),
        ("2026-11-01", "2026-11-30", "../UTC", "--zone", "not a time zone"),
    ],
)
def test_a_period_that_is_none_is_refused_by_option_and_rule(
    since: str, until: str, zone: str, field: str, rule: str
) -> None:
    with pytest.raises(Invalid, match=rule) as caught:
        period(since, until, zone)
    assert caught.value.field == field


def test_days_begin_and_end_where_the_reader_lives() -> None:
    spring = period("2026-03-29", "2026-03-29", "Europe/Berlin")
    assert spring.since == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert spring.until == datetime(2026, 3, 29, 22, tzinfo=UTC) - A_TICK
    assert open_period("", "", "UTC") == (None, None)
    assert open_period("2026-03-29", "", "UTC") == (datetime(2026, 3, 29, tzinfo=UTC), None)
    assert open_period("", "2026-03-29", "UTC") == (None, datetime(2026, 3, 30, tzinfo=UTC) - A_TICK)


def test_a_seller_in_two_currencies_has_a_statement_in_each(engine: Engine) -> None:
    with engine.begin() as conn:
        seller = Seller(conn)
        seller.pay(seller.sell(100_00, 8))
        seller.sell(5000, 8, "JPY")
    with engine.begin() as conn:
        opening = books.seller_standing(conn, seller.name, ALWAYS.since)
        found = statement(
            seller.name, ALWAYS, opening, books.seller_movements(conn, seller.name, ALWAYS.since, ALWAYS.until)
        )
    assert [(part.currency, len(part.lines)) for part in found.currencies] == [("EUR", 1), ("JPY", 0)]
    assert seller.now == NOW
