from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import Connection, Engine, text

from activities.store import orders, steps, vault
from activities.store.orders import Standing, claim
from domain.errors import Conflict, Invalid, StaleEpoch
from tests.store.rows import ORDER, admit, at_once, checkout, step


def test_an_order_id_is_taken_once_and_the_same_contents_are_the_same_order(conn: Connection) -> None:
    assert claim(conn, ORDER, "hash", checkout(), "pi_1") == "new"
    assert claim(conn, ORDER, "hash", checkout(), "pi_1") == "same"
    assert orders.status(conn, ORDER) == Standing("admitting", 0, 1)


def test_other_contents_under_a_taken_id_are_a_conflict(conn: Connection) -> None:
    claim(conn, ORDER, "hash", checkout(), None)
    with pytest.raises(Conflict, match="another order_id"):
        claim(conn, ORDER, "other", checkout(), None)


def test_other_people_under_a_taken_id_are_a_conflict_and_none_are_not(conn: Connection) -> None:
    assert claim(conn, ORDER, "hash", checkout(), None, b"mark") == "new"
    assert claim(conn, ORDER, "hash", checkout(), None, b"mark") == "same"
    assert claim(conn, ORDER, "hash", checkout(), None) == "same", "the admission knows of no people"
    with pytest.raises(Conflict, match="other people or another address"):
        claim(conn, ORDER, "hash", checkout(), None, b"other")


@pytest.mark.parametrize("person", ["b-1", "s-1"])
def test_the_mark_of_an_orders_people_goes_with_any_of_them(conn: Connection, person: str) -> None:
    claim(conn, ORDER, "hash", checkout(), None, b"mark")
    vault.erase(conn, vault.person(person))
    assert conn.scalar(text("SELECT personal_mark FROM orders")) is None


def test_a_payment_of_another_order_is_refused_and_the_transaction_goes_on(conn: Connection) -> None:
    claim(conn, ORDER, "hash", checkout(), "pi_1")
    with pytest.raises(Invalid, match="pi_1 is used by another order") as caught:
        claim(conn, "o-2", "hash", checkout("o-2"), "pi_1")
    assert caught.value.field == "payment.payment_intent"
    assert orders.status(conn, "o-2") is None
    assert claim(conn, "o-2", "hash", checkout("o-2"), "pi_2") == "new"


def test_orders_without_payment_do_not_stand_in_each_others_way(conn: Connection) -> None:
    assert [claim(conn, name, "hash", checkout(name), "") for name in ("o-1", "o-2")] == ["new", "new"]


@pytest.mark.parametrize("content_hash", ["hash", "mended"])
def test_a_refused_order_frees_its_id_and_its_payment(conn: Connection, content_hash: str) -> None:
    claim(conn, ORDER, "hash", checkout(), "pi_1")
    orders.refuse(conn, ORDER, "payment", "is captured")
    assert orders.status(conn, ORDER) == Standing("refused", 0, 1, "payment", "is captured")
    assert claim(conn, "o-2", "hash", checkout("o-2"), "pi_1") == "new"
    with pytest.raises(Invalid, match="used by another order"):
        claim(conn, ORDER, content_hash, checkout(), "pi_1")
    assert claim(conn, ORDER, content_hash, checkout(), "pi_2") == "new"
    assert orders.status(conn, ORDER) == Standing("admitting", 0, 1)


def test_an_admitted_order_is_not_refused_any_more(conn: Connection) -> None:
    admit(conn)
    orders.refuse(conn, ORDER, "payment", "too late")
    assert orders.status(conn, ORDER) == Standing("open", 1, 1)


def test_a_checkout_that_cannot_be_read_or_stored_claims_nothing(conn: Connection) -> None:
    with pytest.raises(Invalid, match="colour: is not known here"):
        claim(conn, ORDER, "hash", checkout(colour="red"), None)
    with pytest.raises(Invalid, match="total: has 23 characters"):
        claim(conn, ORDER, "hash", checkout(total="99999999999999999999.00 EUR"), None)
    assert orders.status(conn, ORDER) is None


def test_a_later_payment_is_taken_unless_another_order_has_it(conn: Connection) -> None:
    claim(conn, ORDER, "hash", checkout(), None)
    claim(conn, "o-2", "hash", checkout("o-2"), "pi_2")
    orders.take_payment(conn, ORDER, "pi_1")
    orders.take_payment(conn, ORDER, "pi_1")
    with pytest.raises(Invalid, match="pi_2 is used by another order"):
        orders.take_payment(conn, ORDER, "pi_2")


def test_of_many_claims_at_once_one_is_new(engine: Engine) -> None:
    mine = partial(claim, order_id=ORDER, content_hash="hash", checkout=checkout(), payment_ref="pi_1")
    other = partial(claim, order_id=ORDER, content_hash="other", checkout=checkout(), payment_ref="pi_2")
    results = at_once(engine, mine, mine, mine)
    assert sorted(map(str, results)) == ["new", "same", "same"]
    assert isinstance(at_once(engine, other)[0], Conflict)


def test_of_two_orders_at_once_one_gets_the_payment(engine: Engine) -> None:
    works = [
        partial(claim, order_id=name, content_hash="hash", checkout=checkout(name), payment_ref="pi_1")
        for name in ("o-1", "o-2")
    ]
    assert sorted(type(result).__name__ for result in at_once(engine, *works)) == ["Invalid", "str"]


def test_of_two_late_payments_at_once_one_order_gets_it(engine: Engine) -> None:
    with engine.begin() as conn:
        for name in ("o-1", "o-2"):
            claim(conn, name, "hash", checkout(name), None)
    works = [partial(orders.take_payment, order_id=name, payment_ref="pi_1") for name in ("o-1", "o-2")]
    assert sorted(type(result).__name__ for result in at_once(engine, *works)) == ["Invalid", "NoneType"]


def test_a_restart_starts_from_the_snapshot_and_shuts_the_former_run_out(engine: Engine) -> None:
    with engine.begin() as conn:
        admit(conn, snapshot={"order_id": ORDER, "seq": 1, "kept": [1]})
    with engine.begin() as conn:
        epoch, state = orders.next_epoch(conn, ORDER)
    assert (epoch, state) == (2, {"order_id": ORDER, "seq": 1, "epoch": 2, "kept": [1]})
    with engine.begin() as conn, pytest.raises(StaleEpoch):
        steps.record(conn, step(2))
    with engine.begin() as conn:
        assert orders.snapshot(conn, ORDER) == state
        steps.record(conn, step(2, epoch=2))
        assert orders.status(conn, ORDER) == Standing("open", 2, 2)


def test_two_restarts_at_once_are_two_epochs(engine: Engine) -> None:
    with engine.begin() as conn:
        admit(conn)
    restart = partial(orders.next_epoch, order_id=ORDER)
    results = at_once(engine, restart, restart)
    assert sorted(result[0] for result in results if isinstance(result, tuple)) == [2, 3]


def test_there_is_no_restart_before_the_first_step(conn: Connection) -> None:
    claim(conn, ORDER, "hash", checkout(), None)
    for name in (ORDER, "unknown"):
        with pytest.raises(Invalid, match="no state to start from"):
            orders.next_epoch(conn, name)
    assert orders.snapshot(conn, ORDER) is None


def test_what_the_buyer_was_told_is_kept_as_it_was(conn: Connection) -> None:
    claim(conn, ORDER, "hash", checkout(), None)
    assert conn.execute(text("SELECT checkout FROM orders")).scalar_one() == checkout()
