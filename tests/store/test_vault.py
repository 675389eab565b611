from __future__ import annotations

import base64
from functools import partial
from urllib.parse import quote

import pytest
from sqlalchemy import Connection, Engine, text

from activities.store import personal, vault
from activities.store.columns import metadata
from activities.store.desk import inbox
from activities.store.personal import Address, Note, Person
from activities.store.vault import Unreadable, Vault
from domain.errors import Conflict, Invalid
from domain.state import Actor, Role
from tests.store.rows import NOW, ORDER, at_once, hours

ANN = Person("b-1", "Ann Canary", "ann.canary@example.org", "de", "+49 30 5550123")
HOME = Address("a-1", "b-1", ("Ann Canary", "Vogelweg 7", "10115 Berlin"))
NUMBER = "1Z 999 AA1 01 2345 6784"
PLAIN = "1Z999AA10123456784"
NOTE = Note("n-1", ORDER, Actor(Role.SPECIALIST, "eve"), NOW, "Ann Canary rang: \ud800 no lamp")
SPECIALIST = Actor(Role.SPECIALIST, "eve")


def put_all(conn: Connection, safe: Vault) -> None:
    personal.put_person(conn, safe, ORDER, ANN)
    personal.put_address(conn, safe, ORDER, HOME)
    personal.put_parcel(conn, safe, ORDER, "p-1", "ups", NUMBER, b"photo of 1Z999AA10123456784")
    personal.put_note(conn, safe, NOTE)


def dump(conn: Connection) -> str:
    """Every row of every table as text, binary columns as hex and, decoded, as Latin-1."""
    rows = [row for table in metadata.sorted_tables for row in conn.execute(table.select())]
    values = [value for row in rows for value in row]
    seen = [value.hex() + value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in values]
    return "\n".join(seen)


def forms(secret: str) -> list[str]:
    raw = secret.encode()
    return [secret, raw.hex(), base64.b64encode(raw).decode().rstrip("=")[:-1], quote(secret, safe="")]


def test_what_is_stored_comes_back(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    assert personal.get_person(conn, safe, ORDER, "b-1") == ANN
    assert personal.get_address(conn, safe, ORDER, "a-1") == HOME
    parcel = personal.get_parcel(conn, safe, ORDER, "p-1")
    assert parcel is not None
    assert (parcel.carrier, parcel.number, parcel.photo) == ("ups", PLAIN, b"photo of 1Z999AA10123456784")
    (note,) = personal.get_notes(conn, safe, ORDER)
    assert (note.author, note.at, note.text) == (NOTE.author, NOW, "Ann Canary rang: ? no lamp")


def test_no_column_of_any_table_shows_a_canary(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    personal.look(conn, safe, ORDER, ("p-1",), SPECIALIST, NOW)
    everything = dump(conn)
    assert "p-1" in everything
    for secret in (NUMBER, PLAIN, "Ann Canary", "ann.canary@example.org", "5550123", "Vogelweg", "no lamp"):
        for form in forms(secret):
            assert form not in everything


def test_secrets_do_not_show_in_a_repr(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    shown = repr([ANN, HOME, NOTE, personal.get_parcel(conn, safe, ORDER, "p-1"), safe])
    for secret in (PLAIN, "Canary", "Vogelweg", "photo of", base64.b64encode(bytes(range(32))).decode()):
        assert secret not in shown


def test_the_same_value_is_sealed_differently_each_time(conn: Connection, safe: Vault) -> None:
    assert safe.seal(conn, "order:o-1", "x:1", b"same") != safe.seal(conn, "order:o-1", "x:1", b"same")


def test_a_value_moved_to_another_row_does_not_open(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    personal.put_parcel(conn, safe, ORDER, "p-2", "ups", "OTHER 1")
    conn.execute(text("UPDATE parcels SET sealed = (SELECT sealed FROM parcels WHERE parcel_id = 'p-1')"))
    with pytest.raises(Unreadable, match="parcels:o-1:p-2") as caught:
        personal.get_parcel(conn, safe, ORDER, "p-2")
    assert PLAIN not in str(caught.value)


def test_a_key_moved_to_another_subject_does_not_open(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    conn.execute(text("DELETE FROM data_keys WHERE subject = 'person:b-1'"))
    conn.execute(text("INSERT INTO data_keys SELECT 'person:b-1', wrapped FROM data_keys WHERE subject = 'order:o-1'"))
    with pytest.raises(Unreadable):
        personal.get_person(conn, safe, ORDER, "b-1")


def test_another_master_key_opens_nothing(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    with pytest.raises(Unreadable):
        personal.get_person(conn, Vault(base64.b64encode(bytes(32)).decode()), ORDER, "b-1")


@pytest.mark.parametrize("key", ["", "short", base64.b64encode(bytes(31)).decode(), "not base64 " * 4])
def test_a_bad_master_key_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(Invalid, match="must be 32 random bytes") as caught:
        Vault(key)
    assert not key or key not in str(caught.value)


def test_erasing_a_person_shreds_key_and_rows_but_not_the_order(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    vault.erase(conn, vault.person("b-1"))
    assert personal.get_person(conn, safe, ORDER, "b-1") is None
    assert personal.get_address(conn, safe, ORDER, "a-1") is None
    assert personal.get_parcel(conn, safe, ORDER, "p-1") is not None
    personal.put_person(conn, safe, ORDER, ANN)
    assert personal.get_person(conn, safe, ORDER, "b-1") == ANN


def test_erasing_an_order_shreds_its_numbers_and_notes_but_keeps_the_looks(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    personal.put_person(conn, safe, "o-2", ANN)
    personal.look(conn, safe, ORDER, ("p-1",), SPECIALIST, NOW)
    vault.erase(conn, vault.order(ORDER))
    assert personal.get_parcel(conn, safe, ORDER, "p-1") is None
    assert personal.look(conn, safe, ORDER, ("p-1",), SPECIALIST, NOW) == {}
    assert personal.get_notes(conn, safe, ORDER) == ()
    assert conn.execute(text("SELECT count(*) FROM looks")).scalar() == 1
    assert personal.get_person(conn, safe, ORDER, "b-1") is None
    assert personal.get_address(conn, safe, ORDER, "a-1") is None
    assert personal.get_person(conn, safe, "o-2", "b-1") == ANN, "other orders know their own"


def test_rows_restored_after_their_key_was_shredded_stay_closed(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    conn.execute(text("DELETE FROM data_keys"))
    assert personal.get_person(conn, safe, ORDER, "b-1") is None
    assert personal.get_address(conn, safe, ORDER, "a-1") is None
    assert personal.get_parcel(conn, safe, ORDER, "p-1") is None
    assert personal.get_notes(conn, safe, ORDER) == ()


def test_only_a_person_or_an_order_can_be_erased(conn: Connection) -> None:
    with pytest.raises(Invalid, match="neither"):
        vault.erase(conn, "ledger:o-1")


def test_a_look_at_a_number_is_recorded(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    assert personal.look(conn, safe, ORDER, ("p-1", "unknown"), SPECIALIST, hours(1)) == {"p-1": PLAIN}
    assert personal.look(conn, safe, ORDER, ("unknown",), SPECIALIST, hours(1)) == {}
    looks = conn.execute(text("SELECT order_id, parcel_id, role, actor_id, at FROM looks")).all()
    assert looks == [(ORDER, "p-1", "specialist", "eve", hours(1))]


def test_a_number_used_in_another_order_is_noticed_however_it_is_written(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    personal.put_parcel(conn, safe, ORDER, "p-2", "ups", NUMBER)
    assert not personal.reused(conn, ORDER, "p-1")
    personal.put_parcel(conn, safe, "o-2", "p-1", "ups", "1z999aa1-0123456784")
    assert personal.reused(conn, ORDER, "p-1")
    assert not personal.reused(conn, ORDER, "unknown")


def test_another_number_loses_the_tracker_but_the_same_one_keeps_it_and_its_photo(
    conn: Connection, safe: Vault
) -> None:
    put_all(conn, safe)
    personal.set_tracker(conn, ORDER, "p-1", "trk_1")
    personal.put_parcel(conn, safe, ORDER, "p-1", "ups", NUMBER)
    assert personal.parcels_of_tracker(conn, "trk_1") == ((ORDER, "p-1"),)
    parcel = personal.get_parcel(conn, safe, ORDER, "p-1")
    assert parcel is not None
    assert (parcel.tracker_id, bool(parcel.photo)) == ("trk_1", True)
    personal.put_parcel(conn, safe, ORDER, "p-1", "ups", "OTHER 1")
    assert personal.parcels_of_tracker(conn, "trk_1") == ()


def test_an_id_that_is_taken_is_not_overwritten(conn: Connection, safe: Vault) -> None:
    put_all(conn, safe)
    for other in (Address("a-1", "b-2", HOME.lines), Address("a-1", "b-1", ("moved",))):
        with pytest.raises(Conflict, match="order o-1 has another address under a-1"):
            personal.put_address(conn, safe, ORDER, other)
    personal.put_address(conn, safe, ORDER, HOME)
    with pytest.raises(Conflict, match="n-1 exists"):
        personal.put_note(conn, safe, Note("n-1", ORDER, Actor(Role.BUYER, "b-1"), NOW, "mine"))
    personal.put_address(conn, safe, "o-2", Address("a-1", "b-1", ("moved",)))
    assert personal.get_address(conn, safe, ORDER, "a-1") == HOME


def test_the_same_note_may_be_stored_again(conn: Connection, safe: Vault) -> None:
    note = Note("n-2", ORDER, SPECIALIST, NOW, "plain")
    personal.put_note(conn, safe, note)
    personal.put_note(conn, safe, note)
    assert personal.get_notes(conn, safe, ORDER) == (note,)


def test_two_who_store_for_one_subject_at_once_share_its_key(engine: Engine, safe: Vault) -> None:
    works = [
        partial(personal.put_parcel, safe=safe, order_id=ORDER, parcel_id=p, carrier="ups", number=p) for p in "ab"
    ]
    assert at_once(engine, *works) == [None, None]
    with engine.begin() as conn:
        found = [personal.get_parcel(conn, safe, ORDER, parcel_id) for parcel_id in "ab"]
    assert [each and each.number for each in found] == ["A", "B"]


def test_a_webhook_event_is_new_once_per_source(conn: Connection) -> None:
    seen = [inbox.first_seen(conn, source, "evt_1", NOW) for source in ("stripe", "stripe", "easypost")]
    assert seen == [True, False, True]
