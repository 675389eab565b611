"""What is chosen of both books for a comparison, and how each stream reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from activities.store import book, findings, ledger, operations
from activities.store.findings import Area
from domain.accounts import CLEARING
from domain.books import Entry, Side
from domain.comparing.reconcile import Booked, Finding, FindingKind, Listed, reconcile
from domain.money import Money, Verb
from domain.state import MoneyOp
from tests.conftest import Database
from tests.reconcile.volumes import START, Move, lay_down, life
from tests.store.rows import euro

DAY = timedelta(days=1)
SINCE, UNTIL = START - DAY, START + DAY
EARLIER = START - 10 * DAY


def keep(engine: Engine, moves: Iterable[Move], run_id: str = "run-1") -> None:
    """The provider's book has these."""
    rows = [
        book.Row(m.ref, m.kind, m.order_id, m.key, Money(m.minor, m.currency), Money(m.fee, m.currency), m.at, m.source)
        for m in moves
    ]
    with engine.begin() as conn:
        book.keep(conn, run_id, rows)


def chosen(engine: Engine, since: datetime = SINCE, until: datetime = UNTIL) -> tuple[list[Booked], list[Listed]]:
    with engine.begin() as conn:
        book.choose(conn, since, until)
        return list(book.booked(conn)), list(book.listed(conn))


def kinds(engine: Engine, since: datetime = SINCE, until: datetime = UNTIL) -> list[FindingKind]:
    return [finding.kind for finding in reconcile(*chosen(engine, since, until), until)]


def moved(moves: Iterable[Move], by: timedelta) -> list[Move]:
    return [replace(move, at=move.at + by) for move in moves]


@pytest.fixture
def moves(database: Database, engine: Engine) -> list[Move]:
    """One order of every kind of life, in both books."""
    made = [move for n in range(6) for move in life(n)]
    lay_down(database, made)
    keep(engine, made)
    return made


def test_lives_of_every_kind_are_read_alike_from_both_books(engine: Engine, moves: list[Move]) -> None:
    ours, theirs = chosen(engine)
    assert sorted((b.ref, b.order_id, b.verb, b.seq, b.amount) for b in ours) == sorted(
        (m.ref, m.order_id, m.verb, m.seq, euro(m.cleared)) for m in moves
    )
    assert sorted((m.ref, m.kind, m.order_id, m.amount) for m in theirs) == sorted(
        (m.ref, m.kind, m.order_id, euro(m.cleared)) for m in moves
    )
    assert [b.ref for b in ours] == sorted(b.ref for b in ours)
    assert kinds(engine) == []


def test_what_lies_outside_the_window_in_both_books_is_not_looked_at(engine: Engine, moves: list[Move]) -> None:
    assert chosen(engine, START + DAY, UNTIL + DAY) == ([], [])


@pytest.mark.parametrize("number", [0, 3, 5])
@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_movement_that_the_books_date_on_two_sides_of_an_edge_is_matched(
    database: Database, engine: Engine, side: str, number: int
) -> None:
    made = life(number)
    early = moved(made, timedelta(hours=-2))
    lay_down(database, made if side == "theirs" else early)
    keep(engine, made if side == "ours" else early)
    edge = START - timedelta(hours=1)
    assert kinds(engine, edge, UNTIL) == []
    assert kinds(engine, SINCE, edge) == []
    assert len(chosen(engine, edge, UNTIL)[0]) == len(chosen(engine, edge, UNTIL)[1]) == len(made)


def test_the_window_takes_its_first_instant_and_leaves_its_last(database: Database, engine: Engine) -> None:
    [capture] = life(0)[:1]
    lay_down(database, [capture])
    assert kinds(engine, capture.at, UNTIL) == [FindingKind.NOT_AT_PROVIDER]
    assert kinds(engine, SINCE, capture.at) == []
    [strange] = life(1)[:1]
    keep(engine, [strange])
    assert kinds(engine, strange.at, UNTIL) == [FindingKind.NOT_IN_LEDGER]
    assert kinds(engine, strange.at + timedelta(seconds=1), UNTIL) == []
    assert chosen(engine, SINCE, strange.at)[1] == []


def test_money_in_doubt_is_judged_once_it_is_settled_however_old_it_is(database: Database, engine: Engine) -> None:
    [capture] = moved(life(0)[:1], -10 * DAY)
    lay_down(database, [], pending=[capture])
    keep(engine, [capture])
    assert kinds(engine, EARLIER - DAY, EARLIER + DAY) == [], "it is in doubt"
    op = MoneyOp(2, Verb.CAPTURE, euro(capture.minor), capture.at, (), capture.source)
    with engine.begin() as conn:
        operations.resolve(conn, capture.order_id, op, "refused", "", "Declined", START)
    assert kinds(engine) == [FindingKind.NOT_IN_LEDGER], "we believed a no, and the provider did it"


def test_a_movement_without_a_key_is_in_doubt_with_what_it_is_on(database: Database, engine: Engine) -> None:
    [capture] = life(0)[:1]
    lay_down(database, [], pending=[capture])
    keep(engine, [capture])
    with engine.begin() as conn:
        conn.execute(text("UPDATE provider_movements SET key = '', order_id = ''"))
    assert kinds(engine) == []
    with engine.begin() as conn:
        conn.execute(text("UPDATE provider_movements SET source = 'pi_other'"))
    assert kinds(engine) == [FindingKind.NOT_IN_LEDGER]
    with engine.begin() as conn:
        conn.execute(text("UPDATE provider_movements SET key = :key"), {"key": capture.key})
    assert kinds(engine) == [], "its key tells as well"


def test_a_movement_that_names_only_its_key_is_led_to_its_order(engine: Engine, moves: list[Move]) -> None:
    with engine.begin() as conn:
        conn.execute(text("UPDATE provider_movements SET order_id = '' WHERE key <> ''"))
    assert {m.ref: m.order_id for m in chosen(engine)[1]} == {m.ref: m.order_id for m in moves}


def test_what_was_found_wrong_is_looked_at_again_after_its_window(database: Database, engine: Engine) -> None:
    lost, strange = moved(life(0)[:1], -10 * DAY), moved(life(1)[:1], -10 * DAY)
    lay_down(database, lost)
    keep(engine, strange)
    found = list(reconcile(*chosen(engine, EARLIER - DAY, EARLIER + DAY), EARLIER + DAY))
    assert len(found) == 2
    with engine.begin() as conn:
        for finding in found:
            findings.report(conn, "run-1", Area.MONEY, finding, START)
    assert len(kinds(engine)) == 2, "nothing has changed, so a later run sees both again"
    keep(engine, lost)
    lay_down(database, strange)
    assert kinds(engine) == []


def test_a_row_that_is_read_again_is_brought_in_step_whatever_of_it_has_changed(engine: Engine) -> None:
    now = next(move for move in life(3) if move.verb == "dispute")
    before = Move("v-9", "dispute", 9, now.ref, now.minor - 1, "ch_other", now.at, fee=now.fee - 1, currency="SEK")
    keep(engine, [before])
    keep(engine, [now], "run-2")
    with engine.begin() as conn:
        told = conn.execute(text("SELECT * FROM provider_movements")).mappings().one()
    assert told == {
        "ref": now.ref, "kind": "dispute", "at": now.at, "order_id": now.order_id, "key": "", "amount_minor": now.minor,
        "fee_minor": now.fee, "currency": "EUR", "fee_currency": "EUR", "source": now.source, "run_id": "run-2",
    }  # fmt: skip


def corrected(conn: Connection, order_id: str, seq: int, minor: int, corrects: int) -> None:
    """Our balance at the provider is `minor` higher than was booked."""
    entries = (
        Entry(CLEARING, Side.DEBIT if minor > 0 else Side.CREDIT, euro(abs(minor))),
        Entry(f"escrow:{order_id}:l1", Side.CREDIT if minor > 0 else Side.DEBIT, euro(abs(minor))),
    )
    ledger.post(conn, order_id, "capture", seq, entries, START + timedelta(hours=1), corrects)


def test_a_correction_counts_with_what_it_corrects_also_when_that_is_older(database: Database, engine: Engine) -> None:
    [right] = moved(life(0)[:1], -10 * DAY)
    lay_down(database, [replace(right, minor=right.minor - 300)])
    keep(engine, [right])
    assert kinds(engine, EARLIER - DAY, EARLIER + DAY) == [FindingKind.WRONG_AMOUNT]
    with engine.begin() as conn:
        first = conn.execute(text("SELECT id FROM ledger_transactions")).scalar_one()
        corrected(conn, right.order_id, 90, 400, first)
    assert kinds(engine) == [FindingKind.WRONG_AMOUNT], "corrected by too much"
    with engine.begin() as conn:
        second = conn.execute(text("SELECT max(id) FROM ledger_transactions")).scalar_one()
        corrected(conn, right.order_id, 91, -100, second)
    assert kinds(engine) == []
    [booked] = chosen(engine)[0]
    assert (booked.seq, booked.amount) == (2, euro(right.minor))


def test_a_booking_that_was_wholly_taken_back_moves_nothing(database: Database, engine: Engine) -> None:
    [capture] = life(0)[:1]
    lay_down(database, [capture])
    with engine.begin() as conn:
        first = conn.execute(text("SELECT id FROM ledger_transactions")).scalar_one()
        corrected(conn, capture.order_id, 90, -capture.minor, first)
    assert kinds(engine) == []


def test_our_copy_of_the_providers_book_follows_it(engine: Engine, moves: list[Move]) -> None:
    kept = moves[1:]
    keep(engine, [*kept, replace(kept[0], minor=1)], "run-2")
    with engine.begin() as conn:
        book.forget(conn, "run-2", SINCE, UNTIL)
    theirs = chosen(engine)[1]
    assert len(theirs) == len(kept)
    assert {m.ref: m.amount for m in theirs}[kept[0].ref] == euro(-1)
    assert kinds(engine) == [FindingKind.NOT_AT_PROVIDER, FindingKind.WRONG_AMOUNT]


def test_rows_outside_what_was_read_are_not_forgotten(engine: Engine, moves: list[Move]) -> None:
    with engine.begin() as conn:
        book.forget(conn, "run-2", UNTIL, UNTIL + DAY)
    assert len(chosen(engine)[1]) == len(moves)


def test_a_stream_begins_behind_the_ref_that_was_reached(engine: Engine, moves: list[Move]) -> None:
    refs = sorted({move.ref for move in moves})
    with engine.begin() as conn:
        book.choose(conn, SINCE, UNTIL)
        assert sorted({b.ref for b in book.booked(conn, refs[3])}) == refs[4:]
        assert sorted({m.ref for m in book.listed(conn, refs[3])}) == refs[4:]


def test_transactions_that_do_not_touch_our_balance_at_the_provider_are_not_looked_at(
    database: Database, engine: Engine
) -> None:
    lay_down(database, life(0)[:1])
    order_id = life(0)[0].order_id
    with engine.begin() as conn:
        inside = (
            Entry(f"escrow:{order_id}:l1", Side.DEBIT, euro(100)),
            Entry("platform:fees", Side.CREDIT, euro(100)),
        )
        ledger.post(conn, order_id, "write_off", 9, inside, START)
    keep(engine, life(0)[:1])
    assert kinds(engine) == []


def test_when_the_first_operation_was_sent_is_where_a_first_run_begins(engine: Engine, moves: list[Move]) -> None:
    with engine.begin() as conn:
        assert book.first_sent(conn) == min(move.at for move in moves if move.key)


def test_a_finding_that_names_no_object_of_the_provider_is_looked_at_again(database: Database, engine: Engine) -> None:
    lay_down(database, life(0)[:1])
    with engine.begin() as conn:
        strange = Finding(FindingKind.NOT_AT_PROVIDER, "x", life(0)[0].order_id, "capture", 2, "o-1:capture:2")
        findings.report(conn, "run-1", Area.MONEY, strange, START)
    assert len(chosen(engine, UNTIL, UNTIL + DAY)[0]) == 1
