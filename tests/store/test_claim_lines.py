"""What was written with steps of claims stands in the thread: for those who may read it, and stored nowhere else."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from activities.store import personal, steps, vault
from activities.store.desk import messages
from activities.store.desk.message_tables import messages as table
from activities.store.vault import Vault
from domain.claims.case import Status
from domain.events import ClaimMoved, Event, Noted, to_plain as plain
from domain.state import Actor, Role
from tests.store.rows import NOW, admit, hours, step
from tests.store.test_messages import ANNA, BUYER, OMAR, SELLER, counting, order, read, unread, write

RULED = {"event": "ClaimRuled", "claim_id": "c1", "ruling": None, "judges": ["anna", "omar"]}
MOVED = plain(ClaimMoved("c1", Status.RESOLVED, NOW))
APPROVED = {"event": "ApprovalEnded", "how": "approved"}


def stepped(
    conn: Connection,
    safe: Vault,
    seq: int,
    name: str,
    by: Actor,
    *events: dict[str, Any],
    written: Actor | None = None,
    order_id: str = "o-1",
    **body: Any,
) -> None:
    """A step that names a note, which `by`, or whoever has `written` it, stored before."""
    note = Noted(f"n-{order_id}-{seq}")
    personal.put_note(conn, safe, personal.Note(note.note_id, order_id, written or by, NOW, f"words {seq}"))
    happened = [plain(note), *events]
    about = {"role": by.role.value, "actor_id": by.id, "at": hours(seq)}
    steps.record(conn, step(seq, order_id, step=name, events=happened, body=body, **about))
    told: list[Event] = [note]
    messages.keep(conn, order(order_id), seq, hours(seq), by, told)


def test_what_is_written_with_a_step_of_a_claim_is_a_line_of_the_thread(conn: Connection, safe: Vault) -> None:
    admit(conn)
    stepped(conn, safe, 2, "open_claim", BUYER, {"event": "ClaimOpened", "claim": {"claim_id": "c1"}}, evidence=["f-1"])
    stepped(conn, safe, 3, "answer_claim", SELLER, MOVED)
    stepped(conn, safe, 4, "decide_claim", ANNA, RULED)
    for reader in (BUYER, SELLER, ANNA, OMAR):
        about = messages.head(conn, "o-1", reader)
        assert about is not None
        found = messages.lines(conn, safe, about, reader)
        assert [(line.kind, line.claim_id, line.text, line.author) for line in found] == [
            ("claim", "c1", "words 2", BUYER), ("claim", "c1", "words 3", SELLER), ("claim", "c1", "words 4", ANNA),
        ]  # fmt: skip
        assert [line.attachments for line in found] == [("f-1",), (), ()]
    assert [unread(conn, reader) for reader in (BUYER, SELLER, ANNA, OMAR)] == [{"o-1": 2}] * 3 + [{}]
    assert conn.scalar(select(func.count()).select_from(table)) == 0, "no word is stored a second time"
    messages.mark_read(conn, "o-1", SELLER, 2, NOW)
    assert unread(conn, SELLER) == {"o-1": 1}
    messages.mark_read(conn, "o-1", OMAR, 3, NOW)
    assert unread(conn, OMAR) == {"o-1": 1}, "who reads what was written with a claim follows the thread"
    assert messages.inbox(conn, OMAR)[0].last_at == hours(4)
    assert [read(conn, safe, BUYER, limit=2), read(conn, safe, BUYER, before=4, limit=1)] == [
        ["words 3", "words 4"], ["words 3"],
    ]  # fmt: skip
    vault.erase(conn, vault.order("o-1"))
    assert (read(conn, safe, SELLER), messages.inbox(conn, SELLER)) == ([], ())


def test_a_decision_that_a_second_operator_approved_has_the_words_of_whoever_decided(
    conn: Connection, safe: Vault
) -> None:
    admit(conn)
    stepped(conn, safe, 2, "decide_claim", OMAR, APPROVED, RULED, written=ANNA)
    about = messages.head(conn, "o-1", BUYER)
    assert about is not None
    assert [(line.author, line.text) for line in messages.lines(conn, safe, about, BUYER)] == [(ANNA, "words 2")]
    assert [unread(conn, reader) for reader in (BUYER, ANNA)] == [{"o-1": 1}, {"o-1": 0}]


def test_reasons_of_the_desk_and_notes_of_others_are_no_lines(conn: Connection, safe: Vault) -> None:
    admit(conn)
    stepped(conn, safe, 2, "extend", ANNA)
    stepped(conn, safe, 3, "refund", OMAR, MOVED)
    stepped(conn, safe, 4, "refund", OMAR, APPROVED, MOVED, written=ANNA)
    stepped(conn, safe, 5, "answer_claim", SELLER, MOVED, written=ANNA)
    assert [read(conn, safe, reader) for reader in (BUYER, SELLER, ANNA)] == [[], [], []]
    assert [unread(conn, reader) for reader in (BUYER, SELLER, ANNA)] == [{}, {}, {}], "nor is anybody told of them"


def test_lines_of_claims_cost_no_query_of_their_own(conn: Connection, safe: Vault) -> None:
    for number, count in (("1", 1), ("2", 30)):
        admit(conn, f"o-{number}")
        write(conn, safe, 1, order_id=f"o-{number}", words="hello")
        for seq in range(2, 2 + count):
            stepped(conn, safe, seq, "answer_claim", SELLER, MOVED, order_id=f"o-{number}")
        with counting(conn) as sql:
            about = messages.head(conn, f"o-{number}", BUYER)
            assert about is not None
            assert len(messages.lines(conn, safe, about, BUYER)) == count + 1
            messages.inbox(conn, BUYER)
        assert len(sql) == 3


def test_a_specialist_who_decides_finds_in_the_inbox_what_was_written_before(conn: Connection, safe: Vault) -> None:
    admit(conn)
    stepped(conn, safe, 2, "open_claim", BUYER, {"event": "ClaimOpened", "claim": {"claim_id": "c1"}})
    stepped(conn, safe, 3, "ask_party", Actor(Role.SPECIALIST, "new"), MOVED)
    assert unread(conn, Actor(Role.SPECIALIST, "new")) == {"o-1": 1}
