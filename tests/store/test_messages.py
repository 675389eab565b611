from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, select, text

from activities.store import personal, vault
from activities.store.desk import messages
from activities.store.desk.message_tables import bounces, message_reads, messages as table
from activities.store.desk.messages import Cursor
from activities.store.personal import Person
from activities.store.vault import Unreadable, Vault
from domain.errors import Conflict, Refused
from domain.events import MessageSaid, ParcelSent
from domain.parcels.parcel import Parcel
from domain.state import Actor, Order, Role
from tests.domain.world import new_order
from tests.store.rows import NOW, admit, at_once, hours

BUYER, SELLER = Actor(Role.BUYER, "b-1"), Actor(Role.SELLER, "s-1")
ANNA, OMAR = Actor(Role.SPECIALIST, "anna"), Actor(Role.OPERATOR, "omar")


def order(order_id: str = "o-1") -> Order:
    return replace(new_order(), order_id=order_id, buyer=BUYER.id, seller=SELLER.id)


def write(
    conn: Connection,
    safe: Vault,
    seq: int,
    author: Actor = BUYER,
    order_id: str = "o-1",
    *,
    at: datetime | None = None,
    internal: bool = False,
    words: str = "hello",
) -> None:
    """A text that is stored and, as step `seq`, said; `at` an hour after the one before unless given."""
    message_id, at = f"m-{seq}", at or hours(seq)
    messages.put_text(conn, safe, order_id, message_id, author, at, words)
    messages.keep(conn, order(order_id), seq, at, author, [MessageSaid(message_id, author.role, internal, ())])
    conn.execute(text("UPDATE orders SET seq = greatest(seq, :seq) WHERE order_id = :id"), {"seq": seq, "id": order_id})


def read(conn: Connection, safe: Vault, reader: Actor, order_id: str = "o-1", **page: Any) -> list[str]:
    about = messages.head(conn, order_id, reader)
    assert about is not None
    return [line.text or line.number for line in messages.lines(conn, safe, about, reader, **page)]


def unread(conn: Connection, reader: Actor) -> dict[str, int]:
    return {row.order_id: row.unread for row in messages.inbox(conn, reader, limit=500)}


@contextmanager
def counting(conn: Connection) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_c: object, _cursor: object, sql: str, *_: object) -> None:
        asked.append(sql)

    event.listen(conn, "before_cursor_execute", note)
    yield asked
    event.remove(conn, "before_cursor_execute", note)


def test_a_text_is_read_by_nobody_before_it_is_said(conn: Connection, safe: Vault) -> None:
    admit(conn)
    messages.put_text(conn, safe, "o-1", "m-2", BUYER, NOW, "hello")
    assert read(conn, safe, SELLER) == []
    assert messages.text_of(conn, safe, "o-1", "m-2") is None
    assert messages.inbox(conn, SELLER) == ()
    messages.keep(conn, order(), 2, hours(1), BUYER, [MessageSaid("m-2", Role.BUYER, False, ("f-1",))])
    assert read(conn, safe, SELLER) == ["hello"]
    assert messages.text_of(conn, safe, "o-1", "m-2") == "hello"


@pytest.mark.parametrize("author", [SELLER, Actor(Role.BUYER, "b-2"), ANNA])
def test_only_its_author_says_a_text_and_only_once(conn: Connection, safe: Vault, author: Actor) -> None:
    admit(conn)
    write(conn, safe, 2)
    messages.put_text(conn, safe, "o-1", "m-3", BUYER, NOW, "hello")
    for actor, message_id in ((author, "m-3"), (BUYER, "m-2"), (BUYER, "m-9")):
        with pytest.raises(Refused, match=message_id):
            messages.keep(conn, order(), 3, NOW, actor, [MessageSaid(message_id, actor.role, False, ())])


def test_the_same_text_is_stored_once_and_another_one_is_a_conflict(conn: Connection, safe: Vault) -> None:
    admit(conn)
    for _ in range(2):
        messages.put_text(conn, safe, "o-1", "m-2", BUYER, NOW, "hello \N{SNOWMAN}")
    for author, words in ((BUYER, "other"), (SELLER, "hello \N{SNOWMAN}")):
        with pytest.raises(Conflict):
            messages.put_text(conn, safe, "o-1", "m-2", author, NOW, words)


def test_a_sealed_text_opens_in_its_own_row_alone(conn: Connection, safe: Vault) -> None:
    admit(conn)
    write(conn, safe, 2, words="mine")
    write(conn, safe, 3, words="other")
    first = select(table.c.sealed).where(table.c.message_id == "m-2").scalar_subquery()
    moved = text("UPDATE messages SET sealed = (SELECT sealed FROM messages WHERE message_id = 'm-2')")
    assert conn.scalar(select(first)) is not None
    with pytest.raises(Exception, match="permission denied"), conn.begin_nested():
        conn.execute(moved)
    about = messages.head(conn, "o-1", SELLER)
    assert about is not None
    with pytest.raises(Unreadable):
        safe.unseal(about.wrapped, vault.order("o-1"), "messages:o-1:m-3", conn.scalar(select(first)) or b"")


def test_notes_of_the_desk_are_lines_for_the_desk_alone(conn: Connection, safe: Vault) -> None:
    admit(conn)
    write(conn, safe, 2, words="open")
    write(conn, safe, 3, ANNA, internal=True, words="inner")
    assert [read(conn, safe, reader) for reader in (BUYER, SELLER, ANNA, OMAR)] == [
        ["open"], ["open"], ["open", "inner"], ["open", "inner"],
    ]  # fmt: skip
    assert (unread(conn, BUYER), unread(conn, SELLER)) == ({"o-1": 0}, {"o-1": 1})
    assert unread(conn, ANNA) == {"o-1": 1}
    assert messages.inbox(conn, BUYER)[0].last_at == hours(2), "the parties' last line is one that they may read"
    messages.mark_read(conn, "o-1", OMAR, 2, NOW)
    assert unread(conn, OMAR) == {"o-1": 1}


def test_an_order_with_nothing_but_notes_is_in_no_partys_inbox(conn: Connection, safe: Vault) -> None:
    admit(conn)
    write(conn, safe, 2, ANNA, internal=True)
    assert (unread(conn, BUYER), unread(conn, SELLER), unread(conn, ANNA)) == ({}, {}, {"o-1": 0})


def test_a_thread_is_paged_backwards(conn: Connection, safe: Vault) -> None:
    admit(conn)
    for seq in range(2, 9):
        write(conn, safe, seq, words=str(seq))
    assert read(conn, safe, SELLER, limit=3) == ["6", "7", "8"]
    assert read(conn, safe, SELLER, limit=3, before=6) == ["3", "4", "5"]
    assert read(conn, safe, SELLER, limit=3, before=3) == ["2"]


def test_erasing_an_order_takes_its_messages_with_it(conn: Connection, safe: Vault) -> None:
    admit(conn)
    write(conn, safe, 2)
    vault.erase(conn, vault.order("o-1"))
    assert (read(conn, safe, SELLER), messages.inbox(conn, SELLER)) == ([], ())
    assert messages.text_of(conn, safe, "o-1", "m-2") is None


def test_the_unread_come_first_and_pages_follow_each_other_without_gap_or_repeat(conn: Connection, safe: Vault) -> None:
    for number in range(1, 8):
        admit(conn, f"o-{number}")
        write(conn, safe, 2, order_id=f"o-{number}", at=hours(number if number != 4 else 3))
    for number in (2, 5):
        messages.mark_read(conn, f"o-{number}", SELLER, 2, NOW)
    expected = ["o-7", "o-6", "o-4", "o-3", "o-1", "o-5", "o-2"]
    for limit in (1, 2, 3, 100):
        found: list[str] = []
        after: Cursor | None = None
        while page := messages.inbox(conn, SELLER, limit=limit, after=after):
            found += [row.order_id for row in page]
            after = page[-1].cursor
        assert found == expected, limit


def test_a_thread_and_an_inbox_cost_the_same_queries_however_much_is_in_them(conn: Connection, safe: Vault) -> None:
    asked: list[tuple[int, ...]] = []
    for number, lines in (("1", 1), ("2", 40)):
        admit(conn, f"o-{number}")
        for seq in range(2, 2 + lines):
            write(conn, safe, seq, order_id=f"o-{number}")
        parcels = [Parcel(f"p{n}", "dhl", ("a",), NOW) for n in range(lines)]
        for n, parcel in enumerate(parcels):
            personal.put_parcel(conn, safe, f"o-{number}", parcel.parcel_id, "dhl", f"JD{n}")
            messages.keep(conn, order(f"o-{number}"), 100 + n, hours(100 + n), SELLER, [ParcelSent(parcel)])
        costs = []
        for reader in (BUYER, ANNA):
            with counting(conn) as sql:
                about = messages.head(conn, f"o-{number}", reader)
                assert about is not None
                found = messages.lines(conn, safe, about, reader)
                assert len(found) == 2 * lines
                messages.looked(conn, f"o-{number}", [line.parcel_id for line in found if line.number], ANNA, NOW)
            costs.append(len(sql))
            with counting(conn) as sql:
                messages.inbox(conn, reader)
            costs.append(len(sql))
        asked.append(tuple(costs))
    assert asked == [(3, 1, 3, 1)] * 2


def test_marking_while_a_line_arrives_loses_no_line(engine: Engine, safe: Vault) -> None:
    with engine.begin() as conn:
        admit(conn)
        write(conn, safe, 2)
    for seq in range(3, 23):
        reader = Actor(Role.SPECIALIST, f"anna-{seq}")

        def arrives(conn: Connection, seq: int = seq) -> None:
            conn.execute(text("UPDATE orders SET seq = :seq WHERE order_id = 'o-1'"), {"seq": seq})
            write(conn, safe, seq)

        def marks(conn: Connection, seq: int = seq, reader: Actor = reader) -> None:
            messages.mark_read(conn, "o-1", reader, seq - 1, NOW)

        assert at_once(engine, arrives, marks) == [None, None]
        with engine.begin() as conn:
            assert unread(conn, reader) == {"o-1": 1}, seq


def test_a_mark_says_nothing_about_lines_that_are_still_to_come(conn: Connection, safe: Vault) -> None:
    admit(conn)
    write(conn, safe, 2)
    messages.mark_read(conn, "o-1", SELLER, 10_000, NOW)
    assert unread(conn, SELLER) == {"o-1": 0}
    write(conn, safe, 3)
    assert unread(conn, SELLER) == {"o-1": 1}
    messages.mark_read(conn, "o-1", SELLER, 1, NOW)
    assert conn.scalar(select(message_reads.c.up_to_seq).where(message_reads.c.reader_id == SELLER.id)) == 2


def test_who_writes_has_read_nothing_by_it(conn: Connection, safe: Vault) -> None:
    admit(conn)
    write(conn, safe, 2)
    write(conn, safe, 3, SELLER)
    assert (unread(conn, SELLER), unread(conn, BUYER)) == ({"o-1": 1}, {"o-1": 1})


def test_a_bounce_is_known_until_the_person_has_another_address_or_is_reached(conn: Connection, safe: Vault) -> None:
    admit(conn)
    write(conn, safe, 2)
    person = Person(BUYER.id, "Bea", "bea@old.test")
    personal.put_person(conn, safe, "o-1", person)
    personal.bounced(conn, safe, "o-1", BUYER.id, "bea@old.test", NOW, "smtp_550")
    personal.put_person(conn, safe, "o-1", replace(person, name="Beatrice"))
    for reader in (SELLER, ANNA, BUYER):
        about = messages.head(conn, "o-1", reader)
        assert about is not None
        assert about.bounced == ("buyer",)
    assert [row.bounced for row in messages.inbox(conn, SELLER)] == [("buyer",)]
    assert "bea@old.test" not in str(conn.execute(select(bounces)).all())
    personal.put_person(conn, safe, "o-1", replace(person, email="bea@new.test"))
    assert [row.bounced for row in messages.inbox(conn, SELLER)] == [()]
    personal.bounced(conn, safe, "o-1", BUYER.id, "bea@new.test", NOW, "smtp_550")
    personal.reached(conn, "o-1", BUYER.id)
    assert conn.execute(select(bounces)).all() == []
    personal.bounced(conn, safe, "o-1", BUYER.id, "bea@new.test", NOW, "smtp_550")
    vault.erase(conn, vault.person(BUYER.id))
    assert conn.execute(select(bounces)).all() == []


MANY = 100_000
FILL = (
    """
    INSERT INTO orders (
        order_id, checkout_id, marketplace, content_hash, status, stage, buyer, seller, total_minor, currency, due_at,
        seq, snapshot, checkout
    )
    SELECT 'o-' || n, 'c', 'demo', 'h', 'open', 'placed', 'b-' || n % 20000, 's-' || n % 50, 100, 'EUR', now(), 3,
        '{}', '{}'
    FROM generate_series(1, :many) n
    """,
    """
    INSERT INTO messages (order_id, message_id, author_role, author_id, at, seq, sealed)
    SELECT 'o-' || n, 'm-' || seq, 'buyer', 'b-' || n % 20000, now(), seq, 'x'
    FROM generate_series(1, :many) n, generate_series(2, 3) seq
    """,
    """
    INSERT INTO message_reads (order_id, reader_role, reader_id, up_to_seq, last_seq, last_at)
    SELECT 'o-' || n, role, CASE role WHEN 'buyer' THEN 'b-' || n % 20000 ELSE 's-' || n % 50 END, n % 4, 3,
        now() - n * interval '1 minute'
    FROM generate_series(1, :many) n, unnest(ARRAY['buyer', 'seller']) role
    """,
    """
    INSERT INTO steps (
        order_id, seq, epoch, at, step, role, actor_id, source, command_id, ticket_id, before_stage, after_stage, body,
        events, outcome, digest
    )
    SELECT 'o-' || n, 4, 1, now(), 'open_claim', 'buyer', 'b-' || n % 20000, 'update', '', '', 'x', 'x', '{}',
        jsonb_build_array(jsonb_build_object('event', 'Noted', 'note_id', 'n-' || n)), '[]', 'd'
    FROM generate_series(1, :many) n
    """,
    """
    INSERT INTO notes (note_id, order_id, author_role, author_id, at, sealed)
    SELECT 'n-' || n, 'o-' || n, 'buyer', 'b-' || n % 20000, now(), 'x' FROM generate_series(1, :many) n
    """,
    "ANALYZE orders, messages, message_reads, parcels, data_keys, bounces, steps, notes",
)


def plan(conn: Connection, sql: str, parameters: dict[str, Any]) -> tuple[set[str], list[dict[str, Any]]]:
    """The tables that a query reads row by row, and every node of its plan."""
    found: Any = conn.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters).scalar_one()
    found = json.loads(found) if isinstance(found, str) else found
    nodes, open_ones = [], [found[0]["Plan"]]
    while open_ones:
        node = open_ones.pop()
        nodes.append(node)
        open_ones += node.get("Plans", [])
    return {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}, nodes


def test_at_a_hundred_thousand_orders_thread_and_inbox_read_through_indexes(owner: Engine, safe: Vault) -> None:
    with owner.begin() as conn:
        for statement in FILL:
            conn.execute(text(statement), {"many": MANY} if ":many" in statement else {})
    seller = Actor(Role.SELLER, "s-7")
    with owner.begin() as conn:
        page = messages.inbox(conn, seller, limit=50)
        assert len(page) == 50
        queries: list[tuple[str, dict[str, Any]]] = []

        def note(_c: object, _cursor: object, sql: str, parameters: dict[str, Any], *_: object) -> None:
            queries.append((sql, parameters))

        event.listen(conn, "before_cursor_execute", note)
        messages.inbox(conn, seller, limit=50)
        messages.inbox(conn, seller, limit=50, after=page[-1].cursor)
        about = messages.head(conn, "o-7", seller)
        assert about is not None
        messages.lines(conn, safe, replace(about, wrapped=None), seller)
        messages.mark_read(conn, "o-7", seller, 2, NOW)
        messages.mark_read(conn, "o-7", ANNA, 2, NOW)
        event.remove(conn, "before_cursor_execute", note)
        small = {"bounces", "data_keys", "parcels"}
        for sql, parameters in queries:
            scanned, nodes = plan(conn, sql, parameters)
            assert scanned <= small, sql
            assert max(node["Actual Rows"] for node in nodes) <= 101, sql
