from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine

from activities.store import books, operations, steps
from activities.store.books import OrderBooks
from domain.money import Money, Verb
from domain.state import Actor, Role
from starter.answers import NotFound
from starter.books.money import MoneyView
from starter.books.reader import BooksReader
from starter.books.sums import add_up, sums
from tests.books.conftest import counting, reader_of
from tests.books.history import Seller, acts
from tests.store.rows import NOW, euro, hours, operation, step

DESK = Actor(Role.OPERATOR, "op-1")
BUYER = Actor(Role.BUYER, "b-1")


def books_of(engine: Engine, order_id: str) -> OrderBooks:
    with engine.begin() as conn:
        found = books.order_books(conn, order_id)
    assert found is not None
    return found


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts)
def test_the_sums_of_every_order_are_what_an_accountant_would_reckon_and_add_up(
    many: Engine, happened: list[tuple[str, int, int, float]]
) -> None:
    with many.begin() as conn:
        seller = Seller(conn)
        seller.sell(100, 8)
        for act in happened:
            seller.act(*act)
    for sale in seller.sales:
        found = sums(books_of(many, sale.order_id))
        assert add_up(found), (sale.order_id, found)
        reckoned = {symbol: minor for symbol, minor in sale.sums.items() if minor}
        assert {symbol: money.minor for symbol, money in found.items() if money} == reckoned


def test_money_that_went_where_no_flow_takes_it_does_not_add_up(engine: Engine) -> None:
    with engine.begin() as conn:
        seller = Seller(conn)
        sale = seller.sell(100, 8)
        seller.pay(sale)
    found = books_of(engine, sale.order_id)
    assert add_up(sums(found))
    gone = tuple(replace(booking, verb="gift") if booking.verb == "release" else booking for booking in found.bookings)
    assert not add_up(sums(replace(found, bookings=gone)))


@pytest.fixture
def told(engine: Engine) -> Seller:
    """An order with everything: paid out, refunded, in part taken back; the next sale pays the rest, one waits."""
    with engine.begin() as conn:
        seller = Seller(conn)
        first, second = seller.sell(100_00, 8), seller.sell(50_00, 8)
        steps.record(conn, step(1, first.order_id, snapshot={"payment": {"authorised": "110.00 EUR"}}))
        for seq, verb, slices in ((2, Verb.CAPTURE, ("l1",)), (4, Verb.RELEASE, ("l1",)), (9, Verb.VOID, ())):
            op = operation(seq, verb, amount=euro(100_00), slices=slices)
            operations.begin(conn, first.order_id, op, f"{first.order_id}:{verb}:{seq}", hours(seq))
            if verb is Verb.CAPTURE:
                operations.resolve(conn, first.order_id, op, "done", "ch_1", "", hours(3))
        op = operation(11, Verb.REFUND, amount=euro(5_00))
        operations.begin(conn, first.order_id, op, f"{first.order_id}:refund:11", hours(11))
        operations.resolve(conn, first.order_id, op, "refused", "", "Declined", hours(12))
        seller.pay(first)
        seller.refund(first)
        seller.take_back(first, euro(60_00))
        seller.pay(second)
    return seller


def seen(reader: BooksReader, seller: Seller, actor: Actor) -> MoneyView:
    return reader.money(seller.sales[0].order_id, actor)


def test_the_desk_sees_every_booking_with_the_escrow_after_it_and_every_operation_with_its_key(
    reader: BooksReader, told: Seller
) -> None:
    view = seen(reader, told, DESK)
    order_id, other = (sale.order_id for sale in told.sales)
    assert [(b.verb, b.order_id, len(b.entries), b.escrow) for b in view.bookings] == [
        ("capture", order_id, 2, euro(100_00)),
        ("release", order_id, 5, euro(0)),
        ("refund", order_id, 3, euro(0)),
        ("reverse_release", order_id, 2, euro(0)),
        ("release", other, 1, euro(0)),
    ]
    assert [(op.verb, op.state, op.key, op.done, op.ref or op.code) for op in view.operations] == [
        ("capture", "done", f"{order_id}:capture:2", euro(100_00), "ch_1"),
        ("release", "pending", f"{order_id}:release:4", None, ""),
        ("void", "pending", f"{order_id}:void:9", None, ""),
        ("refund", "refused", f"{order_id}:refund:11", None, "Declined"),
    ]
    shown = {symbol: money.minor for symbol, money in view.sums.items() if money}
    assert shown == {"A": 110_00, "C": 100_00, "S": 92_00, "Sp": 100_00, "X": 92_00, "F": 100_00}
    assert (view.adds_up, view.currency) == (True, "EUR")


def test_a_buyer_sees_what_was_charged_and_given_back_and_nothing_of_the_seller(
    reader: BooksReader, told: Seller
) -> None:
    view = seen(reader, told, BUYER)
    assert [(b.verb, [(e.account, e.side) for e in b.entries], b.escrow, b.number) for b in view.bookings] == [
        ("capture", [("clearing", "debit")], None, None),
        ("refund", [("clearing", "credit")], None, None),
    ]
    assert {op.verb for op in view.operations} == {"capture", "void", "refund"}
    assert set(view.sums) == {"A", "C", "F", "Fp"}
    assert told.name not in repr(view)


def test_a_seller_sees_releases_fees_and_debts_and_nothing_of_the_platforms_own(
    reader: BooksReader, told: Seller, engine: Engine
) -> None:
    with engine.begin() as conn:
        told.conn = conn
        told.dispute(told.sell(1_00, 8), 15)
    view = seen(reader, told, Actor(Role.SELLER, told.name))
    assert [b.verb for b in view.bookings] == ["capture", "release", "refund", "reverse_release", "release"]
    assert [e.account for e in view.bookings[0].entries] == [f"escrow:{view.order_id}:l1"]
    assert {e.account for b in view.bookings[1:3] for e in b.entries} == {
        "clearing", f"escrow:{view.order_id}:l1", f"seller:{told.name}", "platform:fees",
        f"receivable:{told.name}:{view.order_id}",
    }  # fmt: skip
    assert "clearing" not in {e.account for e in view.bookings[2].entries}
    assert set(view.sums) == {"E", "S", "Sp", "X", "F", "K", "Q"}
    disputed = reader.money(told.sales[-1].order_id, Actor(Role.SELLER, told.name))
    assert [b.verb for b in disputed.bookings] == ["capture"]


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER])
def test_keys_and_the_providers_words_are_the_desks(reader: BooksReader, told: Seller, role: Role) -> None:
    view = seen(reader, told, Actor(role, "b-1" if role is Role.BUYER else told.name))
    assert view.operations
    assert all((op.key, op.ref, op.code) == ("", "", "") for op in view.operations)
    assert all(booking.number is None and booking.corrects is None for booking in view.bookings)
    assert view.adds_up is None


@pytest.mark.parametrize(
    "actor",
    [Actor(Role.BUYER, "b-2"), Actor(Role.SELLER, "b-1"), Actor(Role.SPECIALIST, "b-1"), Actor(Role.CARRIER, "dhl")],
)
def test_a_stranger_reads_the_same_as_for_no_order(reader: BooksReader, told: Seller, actor: Actor) -> None:
    order_id = told.sales[0].order_id
    with pytest.raises(NotFound) as found:
        reader.money(order_id, actor)
    with pytest.raises(NotFound) as none:
        reader.money("o-none", actor)
    assert str(found.value).replace(order_id, "o-none") == str(none.value) == "there is no order o-none"


@pytest.mark.parametrize("times", [0, 30])
def test_an_orders_money_takes_three_queries_however_much_happened(engine: Engine, times: int) -> None:
    with engine.begin() as conn:
        seller = Seller(conn)
        sale = seller.sell(100_00, 8)
        for seq in range(times):
            operations.begin(conn, sale.order_id, operation(seq), f"{sale.order_id}:capture:{seq}", NOW)
            seller.stray(sale, Money(1, "EUR"))
    with counting(engine) as asked:
        view = reader_of(engine).money(sale.order_id, DESK)
    assert (len(view.bookings), len(view.operations), len(asked)) == (times + 1, times, 3)


def test_an_order_that_nobody_admitted_yet_has_no_money(engine: Engine) -> None:
    with engine.begin() as conn:
        sale = Seller(conn).sell(100, 8)
    view = reader_of(engine).money(sale.order_id, DESK)
    assert (view.sums["A"], view.operations) == (euro(0), ())
