from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from activities.store import debts, ledger, operations
from domain.accounts import CLEARING, FEES
from domain.books import Entry, Side
from domain.money import Money, Verb
from domain.state import MoneyOp, Order
from tests.domain.world import new_order
from tests.store.rows import NOW, admit, at_once, euro, hours, operation

SELLER = "seller-1"


def sale(order_id: str) -> Order:
    return replace(new_order(), order_id=order_id)


def release(seq: int, minor: int = 5000) -> MoneyOp:
    return operation(seq, Verb.RELEASE, amount=euro(minor), subject="ch_1")


def owes(conn: Connection, order_id: str, minor: int, at: datetime = NOW, seq: int = 20, currency: str = "EUR") -> None:
    """The seller owes `minor` for the order."""
    amount = Money(minor, currency)
    debt = (
        Entry(f"receivable:{SELLER}:{order_id}", Side.DEBIT, amount),
        Entry(FEES, Side.CREDIT, amount),
    )
    ledger.post(conn, order_id, "bear", seq, debt, at)


def pays(conn: Connection, order_id: str, debtor: str, minor: int, seq: int) -> None:
    """A release of `order_id` has paid what was owed for `debtor`."""
    paid = (
        Entry(CLEARING, Side.DEBIT, euro(minor)),
        Entry(f"receivable:{SELLER}:{debtor}", Side.CREDIT, euro(minor)),
    )
    ledger.post(conn, order_id, "release", seq, paid, NOW)


@pytest.fixture
def orders(engine: Engine) -> Engine:
    """Three orders of one seller, who owes 30.00 for the second and, longer, 15.00 for the third."""
    with engine.begin() as conn:
        for order_id in ("o-1", "o-2", "o-3"):
            admit(conn, order_id)
        owes(conn, "o-3", 1500)
        owes(conn, "o-2", 3000, hours(1))
    return engine


def test_a_release_pays_the_oldest_debt_first_and_no_more_than_it_has(orders: Engine) -> None:
    with orders.begin() as conn:
        assert debts.reserve(conn, sale("o-1"), release(5, 2000)) == (("o-3", euro(1500)), ("o-2", euro(500)))
        assert dict(debts.reserved(conn, "o-1", 5)) == {"o-3": euro(1500), "o-2": euro(500)}
        assert debts.reserved(conn, "o-1", 6) == ()


def test_a_release_that_is_used_up_by_the_oldest_debt_leaves_the_others_alone(orders: Engine) -> None:
    with orders.begin() as conn:
        assert debts.reserve(conn, sale("o-1"), release(5, 1000)) == (("o-3", euro(1000)),)
        assert debts.reserve(conn, sale("o-2"), release(6, 500)) == (("o-3", euro(500)),), "to the cent"


def test_what_a_release_has_set_aside_no_other_one_pays_and_nobody_collects(orders: Engine) -> None:
    with orders.begin() as conn:
        debts.reserve(conn, sale("o-1"), release(5, 2000))
    with orders.begin() as conn:
        assert debts.collectable(conn, sale("o-2")) == euro(2500)
        assert debts.collectable(conn, sale("o-3")) == euro(0)
        assert debts.reserve(conn, sale("o-2"), release(7)) == (("o-2", euro(2500)),)
        assert debts.reserve(conn, sale("o-3"), release(8)) == ()


@pytest.mark.parametrize("done", [True, False])
def test_what_was_set_aside_is_paid_or_owed_again_when_the_release_has_ended(orders: Engine, done: bool) -> None:
    with orders.begin() as conn:
        netted = debts.reserve(conn, sale("o-1"), release(5))
        debts.reserve(conn, sale("o-3"), release(9))
        debts.settle(conn, "o-1", 5, done=done)
        debts.settle(conn, "o-1", 5, done=not done)
        for debtor, amount in netted if done else ():
            pays(conn, "o-1", debtor, amount.minor, 100 + amount.minor)
    with orders.begin() as conn:
        assert debts.collectable(conn, sale("o-2")) == euro(0 if done else 3000)
        assert debts.collectable(conn, sale("o-3")) == euro(0 if done else 1500)
        assert sorted(debts.reserved(conn, "o-1", 5)) == sorted(netted), "what was decided stays known"


@pytest.mark.parametrize("verb", [Verb.REVERSE_RELEASE, Verb.WRITE_OFF])
def test_what_is_being_collected_or_given_up_no_release_pays(orders: Engine, verb: Verb) -> None:
    taking_back = operation(6, verb, amount=euro(1000), slices=(), subject="")
    with orders.begin() as conn:
        operations.begin(conn, "o-2", taking_back, "key-6", NOW)
    with orders.begin() as conn:
        assert dict(debts.reserve(conn, sale("o-1"), release(5))) == {"o-3": euro(1500), "o-2": euro(2000)}
        operations.resolve(conn, "o-2", taking_back, "refused", "", "InsufficientFunds", NOW)
        assert debts.collectable(conn, sale("o-2")) == euro(1000)


def test_only_debts_of_the_seller_in_the_currency_of_the_release_are_paid(orders: Engine) -> None:
    with orders.begin() as conn:
        other = replace(sale("o-1"), seller="seller-2")
        assert debts.reserve(conn, other, release(5)) == ()
        assert debts.reserve(conn, replace(sale("o-1"), currency="USD"), release(6)) == ()
        assert debts.reserve(conn, replace(sale("o-1"), seller="seller"), release(7)) == ()


@pytest.mark.parametrize(("owed", "paid"), [(12_345, 12_340), (9, 0)])
def test_a_release_pays_of_an_odd_debt_what_can_be_paid_and_stays_payable_itself(
    orders: Engine, owed: int, paid: int
) -> None:
    dinars = replace(sale("o-1"), currency="KWD")
    with orders.begin() as conn:
        owes(conn, "o-2", owed, seq=21, currency="KWD")
        op = operation(5, Verb.RELEASE, amount=Money(50_000, "KWD"), subject="ch_1")
        assert debts.reserve(conn, dinars, op) == ((("o-2", Money(paid, "KWD")),) if paid else ())


def test_two_releases_at_once_pay_a_debt_once(orders: Engine) -> None:
    def set_aside(order_id: str, conn: Connection) -> debts.Netted:
        return debts.reserve(conn, sale(order_id), release(5))

    results = at_once(orders, partial(set_aside, "o-1"), partial(set_aside, "o-2"), partial(set_aside, "o-3"))
    assert not [result for result in results if isinstance(result, Exception)]
    paid = [part for result in results if isinstance(result, tuple) for part in result]
    assert sorted(paid) == [("o-2", euro(3000)), ("o-3", euro(1500))]


def test_a_second_release_waits_until_the_first_one_has_set_aside_what_it_pays(orders: Engine) -> None:
    with orders.connect() as first, orders.connect() as second:
        debts.reserve(first, sale("o-1"), release(5))
        second.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            debts.reserve(second, sale("o-2"), release(5))


def test_a_release_and_a_collection_at_once_take_a_debt_once(orders: Engine) -> None:
    def collect(conn: Connection) -> int:
        left = debts.collectable(conn, sale("o-2"))
        if left:
            taking_back = operation(6, Verb.REVERSE_RELEASE, amount=left, slices=(), subject="tr_1")
            operations.begin(conn, "o-2", taking_back, "key-6", NOW)
        return left.minor

    def set_aside(conn: Connection) -> int:
        return dict(debts.reserve(conn, sale("o-1"), release(5))).get("o-2", euro(0)).minor

    results = at_once(orders, collect, set_aside)
    assert sorted(result for result in results if isinstance(result, int)) == [0, 3000]


def test_the_database_refuses_a_debt_that_is_paid_twice_or_was_never_there(orders: Engine) -> None:
    with orders.begin() as conn:
        pays(conn, "o-1", "o-2", 3000, 5)
    for debtor in ("o-2", "o-1"):
        with pytest.raises(IntegrityError, match="would stand at"), orders.begin() as conn:
            pays(conn, "o-1", debtor, 1, 6)


@pytest.mark.parametrize(
    ("account", "side"),
    [
        ("suspense:o-1", Side.DEBIT),
        ("seller:seller-1", Side.DEBIT),
        ("disputed:o-1", Side.CREDIT),
    ],
)
def test_the_database_refuses_what_is_taken_out_of_an_account_that_has_nothing(
    orders: Engine, account: str, side: Side
) -> None:
    other = Side.CREDIT if side is Side.DEBIT else Side.DEBIT
    with pytest.raises(IntegrityError, match=f"{account} would stand at"), orders.begin() as conn:
        ledger.post(conn, "o-1", "refund", 5, (Entry(account, side, euro(1)), Entry(CLEARING, other, euro(1))), NOW)
