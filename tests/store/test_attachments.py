from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import ProgrammingError

from activities.files.kinds import FileKind
from activities.store import vault
from activities.store.desk import attachments
from activities.store.desk.attachments import Attachment, Visibility
from activities.store.vault import Unreadable, Vault
from domain.errors import Conflict, Refused
from domain.state import Actor, Role
from tests.store.rows import NOW, ORDER, at_once, hours

ANN = Actor(Role.BUYER, "b-1")
SHOWN, INTERNAL = Visibility.PARTIES, Visibility.DESK
FILE = Attachment("f-1", ORDER, ANN, NOW, FileKind.TEXT, 13, SHOWN, "Ann Canary.txt")
CONTENT = b"1Z999AA101234"


def put(
    conn: Connection, safe: Vault, file: Attachment = FILE, content: bytes = CONTENT, most: int = 100
) -> Attachment:
    return attachments.put(conn, safe, file, content, safe.fingerprint(content), most)


def test_a_file_is_read_as_it_was_stored(conn: Connection, safe: Vault) -> None:
    assert put(conn, safe) == FILE
    assert attachments.get(conn, safe, ORDER, "f-1") == (FILE, CONTENT)
    assert attachments.listed(conn, safe, ORDER, desk=False) == (FILE,)
    assert attachments.get(conn, safe, ORDER, "f-2") is None
    assert attachments.get(conn, safe, "o-2", "f-1") is None
    assert "Canary" not in repr(FILE)


def test_neither_content_nor_name_stands_in_the_clear(conn: Connection, safe: Vault) -> None:
    put(conn, safe)
    row = str(conn.execute(text("SELECT attachments::text FROM attachments")).scalar_one())
    assert "f-1" in row
    for secret in (CONTENT, b"Ann Canary"):
        assert secret.decode() not in row
        assert secret.hex() not in row


def test_a_file_moved_to_another_id_does_not_open(conn: Connection, safe: Vault) -> None:
    put(conn, safe)
    put(conn, safe, replace(FILE, attachment_id="f-2"), b"other")
    conn.execute(text("DELETE FROM attachments WHERE attachment_id = 'f-1' RETURNING *"))
    row = "SELECT 'f-3', order_id, author_role, author_id, at, kind, size, visibility, fingerprint, name, sealed"
    conn.execute(text(f"INSERT INTO attachments {row} FROM attachments"))
    with pytest.raises(Unreadable, match="attachments:f-3"):
        attachments.get(conn, safe, ORDER, "f-3")


def test_storing_again_changes_nothing_and_keeps_the_first_name(conn: Connection, safe: Vault) -> None:
    put(conn, safe)
    again = replace(FILE, at=hours(1), name="another.txt")
    assert put(conn, safe, again) == FILE
    assert attachments.listed(conn, safe, ORDER, desk=True) == (FILE,)


@pytest.mark.parametrize(
    ("other", "content"),
    [
        (FILE, b"other content"),
        (replace(FILE, order_id="o-2"), CONTENT),
        (replace(FILE, author=Actor(Role.SELLER, "s-1")), CONTENT),
        (replace(FILE, visibility=INTERNAL), CONTENT),
    ],
    ids=["content", "order", "author", "visibility"],
)
def test_an_id_that_is_taken_is_not_overwritten(
    conn: Connection, safe: Vault, other: Attachment, content: bytes
) -> None:
    put(conn, safe)
    with pytest.raises(Conflict, match="f-1 exists with other contents"):
        put(conn, safe, other, content)
    assert attachments.get(conn, safe, ORDER, "f-1") == (FILE, CONTENT)


def test_one_side_of_an_order_stores_no_more_files_than_it_may_and_leaves_room(conn: Connection, safe: Vault) -> None:
    for number in range(3):
        put(conn, safe, replace(FILE, attachment_id=f"f-{number}"), most=3)
    with pytest.raises(Refused, match="has 3 files") as caught:
        put(conn, safe, replace(FILE, attachment_id="f-3"), most=3)
    assert caught.value.code == "too_many_files"
    put(conn, safe, replace(FILE, attachment_id="f-2"), most=3)
    put(conn, safe, replace(FILE, attachment_id="f-3", order_id="o-2"), most=3)
    put(conn, safe, replace(FILE, attachment_id="f-4", author=Actor(Role.SELLER, "s-1")), most=3)


def test_the_last_place_is_taken_once(engine: Engine, safe: Vault) -> None:
    works = [partial(put, safe=safe, file=replace(FILE, attachment_id=f"f-{n}"), most=1) for n in range(4)]
    found = at_once(engine, *works)
    assert sorted(type(each).__name__ for each in found) == ["Attachment", "Refused", "Refused", "Refused"]


def test_two_orders_that_take_one_id_at_once_do_not_share_it(engine: Engine, safe: Vault) -> None:
    works = [partial(put, safe=safe, file=replace(FILE, order_id=order_id)) for order_id in ("o-1", "o-2")]
    found = at_once(engine, *works)
    assert sorted(type(each).__name__ for each in found) == ["Attachment", "Conflict"]


def test_internal_files_are_for_the_desk(conn: Connection, safe: Vault) -> None:
    put(conn, safe)
    put(conn, safe, replace(FILE, attachment_id="f-2", visibility=INTERNAL, at=hours(1)))
    for desk, seen in ((True, ["f-1", "f-2"]), (False, ["f-1"])):
        assert [file.attachment_id for file in attachments.listed(conn, safe, ORDER, desk=desk)] == seen
        asked = ("f-1", "f-9", "f-2", "f-9")
        assert attachments.missing(conn, ORDER, asked, desk=desk) == (("f-9",) if desk else ("f-9", "f-2"))
    assert attachments.missing(conn, "o-2", ("f-1",), desk=True) == ("f-1",)
    assert attachments.missing(conn, ORDER, (), desk=True) == ()


def test_erasing_the_order_removes_its_files(conn: Connection, safe: Vault) -> None:
    put(conn, safe)
    put(conn, safe, replace(FILE, attachment_id="f-2", order_id="o-2"))
    vault.erase(conn, vault.order(ORDER))
    assert attachments.listed(conn, safe, ORDER, desk=True) == ()
    assert attachments.get(conn, safe, ORDER, "f-1") is None
    assert conn.execute(text("SELECT attachment_id FROM attachments")).scalars().all() == ["f-2"]


def test_rows_restored_after_the_key_was_shredded_stay_closed(conn: Connection, safe: Vault) -> None:
    put(conn, safe)
    conn.execute(text("DELETE FROM data_keys"))
    assert attachments.listed(conn, safe, ORDER, desk=True) == ()
    assert attachments.get(conn, safe, ORDER, "f-1") is None


def test_the_list_takes_one_query_and_reads_no_content(engine: Engine, safe: Vault) -> None:
    asked: list[str] = []
    with engine.begin() as conn:
        for number in range(20):
            put(conn, safe, replace(FILE, attachment_id=f"f-{number}"))
        event.listen(conn, "before_cursor_execute", lambda _c, _cursor, sql, *_: asked.append(sql))
        assert len(attachments.listed(conn, safe, ORDER, desk=True)) == 20
        assert len(asked) == 1
        assert "sealed" not in asked[0]
        attachments.get(conn, safe, ORDER, "f-1")
        attachments.missing(conn, ORDER, [f"f-{n}" for n in range(20)], desk=True)
        assert len(asked) == 3


def test_the_list_reads_through_its_index(owner: Engine) -> None:
    with owner.begin() as conn:
        conn.execute(text("SET LOCAL enable_seqscan = off"))
        query = "EXPLAIN SELECT * FROM attachments WHERE order_id = 'o-1' ORDER BY at, attachment_id"
        plan = "\n".join(conn.execute(text(query)).scalars())
    assert "attachments_order" in plan
    assert "Sort" not in plan


def test_the_application_may_not_change_a_stored_file(engine: Engine) -> None:
    with engine.connect() as conn, pytest.raises(ProgrammingError, match="permission denied"):
        conn.execute(text("UPDATE attachments SET order_id = 'o-2'"))
