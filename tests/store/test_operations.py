from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import IntegrityError

from activities.store import operations, tables
from activities.store.operations import Standing, begin, resolve
from domain.errors import Conflict
from domain.money import Money, Verb
from tests.store.rows import NOW, ORDER, admit, at_once, euro, hours, operation

KEY = "o-1:capture:3"
OP = operation()


@pytest.fixture(autouse=True)
def order(engine: Engine) -> None:
    with engine.begin() as conn:
        admit(conn)


def test_an_operation_is_written_down_before_it_is_sent_and_found_again(conn: Connection) -> None:
    assert begin(conn, ORDER, OP, KEY, NOW) == Standing(True, NOW, "pending", None, "", "")
    again = replace(OP, attempts=4, retry_at=hours(9))
    assert begin(conn, ORDER, again, KEY, hours(5)) == Standing(False, NOW, "pending", None, "", "")


def test_the_same_key_gives_the_stored_result(conn: Connection) -> None:
    begin(conn, ORDER, OP, KEY, NOW)
    resolve(conn, ORDER, OP, "done", "ch_1", "", hours(1))
    assert begin(conn, ORDER, OP, KEY, hours(2)) == Standing(False, NOW, "done", euro(4990), "ch_1", "")


@pytest.mark.parametrize(
    ("op", "key"),
    [
        (operation(amount=euro(4989)), KEY),
        (operation(slices=("l1",)), KEY),
        (operation(subject="pi_2"), KEY),
        (operation(seq=4), KEY),
        (operation(verb=Verb.VOID), KEY),
        (OP, "another key"),
    ],
)
def test_the_same_key_or_place_with_other_parameters_is_a_conflict(conn: Connection, op: object, key: str) -> None:
    begin(conn, ORDER, OP, KEY, NOW)
    with pytest.raises(Conflict, match="other parameters"):
        begin(conn, ORDER, op, key, NOW)  # type: ignore[arg-type]  # pytest's parameters are objects.


def test_an_operation_is_resolved_once(conn: Connection) -> None:
    begin(conn, ORDER, OP, KEY, NOW)
    resolve(conn, ORDER, OP, "refused", "", "Declined", hours(1))
    resolve(conn, ORDER, OP, "refused", "", "Declined", hours(2))
    with pytest.raises(Conflict, match="capture 3 of order o-1 is resolved as refused"):
        resolve(conn, ORDER, OP, "done", "ch_1", "", hours(3))
    assert begin(conn, ORDER, OP, KEY, NOW).code == "Declined"


@pytest.mark.parametrize(("ref", "done"), [("ch_2", euro(4990)), ("ch_1", euro(4989))])
def test_what_is_done_is_not_done_with_another_object_or_amount(conn: Connection, ref: str, done: Money) -> None:
    begin(conn, ORDER, OP, KEY, NOW)
    resolve(conn, ORDER, OP, "done", "ch_1", "", hours(1))
    resolve(conn, ORDER, OP, "done", "ch_1", "", hours(2), euro(4990))
    with pytest.raises(Conflict, match="is resolved as done"):
        resolve(conn, ORDER, OP, "done", ref, "", hours(2), done)


def test_only_the_attempt_that_knows_how_an_operation_stands_sends_it_again(conn: Connection) -> None:
    begin(conn, ORDER, OP, KEY, NOW)
    assert operations.sent_again(conn, KEY, NOW, hours(1))
    assert not operations.sent_again(conn, KEY, NOW, hours(2)), "another attempt has sent it since"
    assert begin(conn, ORDER, OP, KEY, hours(3)) == Standing(False, hours(1), "pending", None, "", "")
    resolve(conn, ORDER, OP, "refused", "", "UnderReview", hours(3))
    assert not operations.sent_again(conn, KEY, hours(1), hours(4)), "it was given up"


def test_when_an_operation_was_sent_last_never_moves_back(conn: Connection) -> None:
    begin(conn, ORDER, OP, KEY, hours(3))
    assert operations.sent_again(conn, KEY, hours(3), hours(1)), "by an attempt whose time is an earlier one"
    assert begin(conn, ORDER, OP, KEY, hours(4)).sent_at == hours(3)


def test_a_release_that_is_sent_again_goes_to_the_account_of_then(conn: Connection) -> None:
    release = operation(3, Verb.RELEASE, subject="ch_1")
    begin(conn, ORDER, release, KEY, NOW, "acct_old")
    begin(conn, ORDER, release, KEY, NOW, "acct_new")
    account = select(tables.operations.c.account)
    assert conn.scalar(account) == "acct_old", "not sent there yet"
    operations.sent_again(conn, KEY, NOW, hours(1), "acct_new")
    assert conn.scalar(account) == "acct_new"


def test_what_was_never_written_down_is_not_resolved(conn: Connection) -> None:
    with pytest.raises(Conflict, match="not written down"):
        resolve(conn, ORDER, OP, "done", "ch_1", "", NOW)


def test_less_than_asked_may_be_done_but_never_more(engine: Engine) -> None:
    with engine.begin() as conn:
        begin(conn, ORDER, OP, KEY, NOW)
    with pytest.raises(IntegrityError, match="done_minor"), engine.begin() as conn:
        resolve(conn, ORDER, OP, "done", "ch_1", "", NOW, euro(4991))
    with engine.begin() as conn:
        resolve(conn, ORDER, OP, "done", "ch_1", "", NOW, euro(4000))
        assert begin(conn, ORDER, OP, KEY, NOW).done == euro(4000)


def test_a_void_frees_whatever_was_held(engine: Engine) -> None:
    void = operation(verb=Verb.VOID)
    with engine.begin() as conn:
        begin(conn, ORDER, void, KEY, NOW)
        resolve(conn, ORDER, void, "done", "pi_1", "", NOW, euro(6490))
        assert begin(conn, ORDER, void, KEY, NOW).done == euro(6490)


@pytest.mark.parametrize(
    "change",
    ["state = 'pending', done_minor = NULL, resolved_at = NULL", "ref = 'ch_2'", "done_minor = 1", "state = 'refused'"],
)
def test_raw_sql_cannot_resolve_again(engine: Engine, change: str) -> None:
    with engine.begin() as conn:
        begin(conn, ORDER, OP, KEY, NOW)
        resolve(conn, ORDER, OP, "done", "ch_1", "", NOW)
    with pytest.raises(IntegrityError, match="is resolved: done"), engine.begin() as conn:
        conn.execute(text(f"UPDATE operations SET {change}"))  # noqa: S608


@pytest.mark.parametrize("change", ["amount_minor = 9999", "key = 'k'", "digest = ''", "first_sent_at = now()"])
def test_not_even_the_owner_changes_what_was_asked(engine: Engine, owner: Engine, change: str) -> None:
    with engine.begin() as conn:
        begin(conn, ORDER, OP, KEY, NOW)
    with pytest.raises(IntegrityError, match="was asked for as it is"), owner.begin() as conn:
        conn.execute(text(f"UPDATE operations SET {change}"))  # noqa: S608


def test_of_two_at_once_one_is_fresh(engine: Engine) -> None:
    work = partial(begin, order_id=ORDER, op=OP, key=KEY, now=NOW)
    results = at_once(engine, work, work, work)
    assert sorted(result.fresh for result in results if isinstance(result, operations.Standing)) == [False, False, True]


def test_of_two_resolutions_at_once_one_stands(engine: Engine) -> None:
    with engine.begin() as conn:
        begin(conn, ORDER, OP, KEY, NOW)
    works = [
        partial(resolve, order_id=ORDER, op=OP, state=state, ref="r", code="", now=NOW) for state in ("done", "refused")
    ]
    assert sorted(type(result).__name__ for result in at_once(engine, *works)) == ["Conflict", "NoneType"]
