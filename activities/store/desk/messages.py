"""Messages of an order: texts stored before they are said, the thread that readers see, and their inboxes.

A text is sealed with its order's key. The step that says it gives it its place in the thread, in the step's own
transaction, so that a text whose command was refused is never read by anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    Text,
    and_,
    case,
    exists,
    func,
    insert as plain_insert,
    literal,
    select,
    true,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from activities.store import vault
from activities.store.desk import words
from activities.store.desk.message_tables import bounces, message_reads as reads, messages
from activities.store.tables import data_keys, looks, orders, parcels, steps
from activities.store.vault import Vault
from domain.errors import Conflict, Refused
from domain.events import ClaimAssigned, Event, MessageSaid, Noted, ParcelSent, ReturnSent, TicketAssigned
from domain.state import DESK, Actor, Order, Role

SHIPPED = "shipped"
"""The kind of a row that the process writes for a parcel, or a return; its number is looked up when it is read."""

Cursor = tuple[bool, datetime, str]
"""Where a page of an inbox ended: unread or not, the time of the last line, the order."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a thread before its lines: the parties, the order, how far the reader has read it.

    `bounced` are the roles of those parties to whom mails bounce.
    """

    order_id: str
    buyer: str
    seller: str
    snapshot: dict[str, Any] | None
    up_to_seq: int
    bounced: tuple[str, ...]
    wrapped: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a thread; `claim_id` is that of words that came with a step of a claim.

    `text` and `number` are empty where there is none, or it was erased.
    """

    message_id: str
    kind: str
    author: Actor
    at: datetime
    seq: int
    internal: bool
    attachments: tuple[str, ...]
    parcel_id: str
    claim_id: str
    text: str = field(default="", repr=False)
    number: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One order in an inbox. `unread` lines of others wait for the reader; `last_at` is the last line's time."""

    order_id: str
    stage: str
    waiting_on: str
    due_at: datetime | None
    buyer: str
    seller: str
    unread: int
    last_at: datetime
    bounced: tuple[str, ...]

    @property
    def cursor(self) -> Cursor:
        """Hand it back to get the rows after this one."""
        return bool(self.unread), self.last_at, self.order_id


def put_text(
    conn: Connection, safe: Vault, order_id: str, message_id: str, author: Actor, at: datetime, text: str
) -> None:
    """Store a text that is still to be said. Raises Conflict when its id has another text, or another author."""
    place, subject = f"messages:{order_id}:{message_id}", vault.order(order_id)
    values = {
        "order_id": order_id,
        "message_id": message_id,
        "author_role": author.role.value,
        "author_id": author.id,
        "at": at,
        "sealed": safe.seal(conn, subject, place, text.encode(errors="replace")),
    }
    new = insert(messages).values(values).on_conflict_do_nothing().returning(messages.c.message_id)
    if conn.execute(new).one_or_none() is not None:
        return
    row = conn.execute(select(messages).where(*_one(order_id, message_id))).one()
    known = safe.open(conn, subject, place, row.sealed) if row.sealed is not None else None
    if (row.author_role, row.author_id, known) != (author.role.value, author.id, text.encode(errors="replace")):
        raise Conflict(f"message {message_id} exists with other contents")


def text_of(conn: Connection, safe: Vault, order_id: str, message_id: str) -> str | None:
    """A text that was said, for the mail that carries it; None when it was not, or was erased."""
    found = select(messages.c.sealed).where(*_one(order_id, message_id), messages.c.seq.is_not(None))
    sealed = conn.scalar(found)
    if sealed is None:
        return None
    text = safe.open(conn, vault.order(order_id), f"messages:{order_id}:{message_id}", sealed)
    return None if text is None else text.decode()


def keep(conn: Connection, order: Order, seq: int, at: datetime, actor: Actor, events: Iterable[Event]) -> None:
    """Write into the thread what a step's events said: a stored text, a parcel that was sent, or one that goes back.

    What was written with a step of a claim stands in the step, which was recorded before; its readers are told of it.

    Raises Refused when no text of that author is stored that is still to be said.
    """
    for event in events:
        match event:
            case MessageSaid():
                _say(conn, order, seq, at, actor, event)
                _arrived(conn, order, seq, at, actor, internal=event.internal)
            case ParcelSent(parcel) | ReturnSent(_, parcel):
                # People cannot give such an id: it has a colon.
                row = {"message_id": f"{SHIPPED}:{parcel.parcel_id}", "kind": SHIPPED, "parcel_id": parcel.parcel_id}
                author = {"author_role": actor.role.value, "author_id": actor.id}
                conn.execute(insert(messages).values(order_id=order.order_id, at=at, seq=seq, **row, **author))
                _arrived(conn, order, seq, at, actor, internal=False)
            case Noted():
                author_of_words = words.author(conn, order.order_id, seq)
                if author_of_words is not None:
                    _arrived(conn, order, seq, at, author_of_words, internal=False)
            case ClaimAssigned(_, owner) | TicketAssigned(_, owner) if owner:
                follow(conn, order.order_id, owner, at)
            case _:
                pass


def follow(conn: Connection, order_id: str, owner: str, at: datetime) -> None:
    """Whoever owns a claim or a ticket finds the order in the inbox, with all that others have written as unread.

    An owner is named by an id alone, and may act in either role of the desk.
    """
    for reader in (Actor(role, owner) for role in sorted(DESK)):
        last = {"last_seq": func.coalesce(_last_of_others(order_id, reader, "seq"), 0)}
        when = {"last_at": func.coalesce(_last_of_others(order_id, reader, "at"), literal(at, reads.c.last_at.type))}
        conn.execute(insert(reads).values(_reader(order_id, reader) | last | when).on_conflict_do_nothing())


def _say(conn: Connection, order: Order, seq: int, at: datetime, actor: Actor, said: MessageSaid) -> None:
    own = and_(messages.c.author_role == actor.role.value, messages.c.author_id == actor.id, messages.c.seq.is_(None))
    changes = {"seq": seq, "at": at, "internal": said.internal, "attachments": list(said.attachments)}
    named = update(messages).where(*_one(order.order_id, said.message_id), messages.c.kind == "text", own)
    if conn.execute(named.values(changes)).rowcount != 1:
        raise Refused("message_unknown", f"no text to be said is stored under {said.message_id}")


def _arrived(conn: Connection, order: Order, seq: int, at: datetime, author: Actor, *, internal: bool) -> None:
    """Bring the line before its readers: the parties, and those of the desk who have read or written here."""
    parties = () if internal else (Actor(Role.BUYER, order.buyer), Actor(Role.SELLER, order.seller))
    readers = (*parties, author) if author.role in DESK else parties
    # As one row of values for each reader the statement would be compiled anew every time.
    roles = literal([reader.role.value for reader in readers], ARRAY(Text))
    each = (
        func.unnest(roles, literal([reader.id for reader in readers], ARRAY(Text)))
        .table_valued("role", "id")
        .render_derived()
    )
    is_author = and_(each.c.role == author.role.value, each.c.id == author.id)
    # A party has its row from the first line on that it may read: nobody has written before that one.
    before = func.coalesce(_last_of_others(order.order_id, author, "seq"), 0) if author.role in DESK else literal(0)
    last = case((is_author, before), else_=seq)
    rows = select(literal(order.order_id), each.c.role, each.c.id, last, literal(at, reads.c.last_at.type))
    new = insert(reads).from_select(["order_id", "reader_role", "reader_id", "last_seq", "last_at"], rows)
    newer = {"last_seq": func.greatest(reads.c.last_seq, new.excluded.last_seq), "last_at": at}
    conn.execute(new.on_conflict_do_update(constraint="message_reads_pkey", set_=newer))
    others = tuple_(reads.c.reader_role, reads.c.reader_id) != (author.role.value, author.id)
    desk = update(reads).where(reads.c.order_id == order.order_id, reads.c.reader_role.in_(_DESK), others)
    conn.execute(desk.values(last_seq=seq, last_at=at))


def _last_of_others(order_id: str, reader: Actor, name: str) -> ColumnElement[Any]:
    """The sequence, or the time, of the last line that somebody else has said so far; NULL for none."""
    theirs = (messages.c.order_id == order_id, messages.c.seq.is_not(None), _visible(reader), ~_own(reader))
    said = select(func.max(messages.c[name])).where(*theirs).scalar_subquery()
    written = words.of_others(func.max(steps.c[name]), literal(order_id), literal(0), reader)
    return func.greatest(said, written)


_DESK = tuple(sorted(role.value for role in DESK))


def head(conn: Connection, order_id: str, reader: Actor) -> Head | None:
    """The thread's head for `reader`; None when there is no such order."""
    mine = and_(reads.c.order_id == orders.c.order_id, *_of(reader))
    key = data_keys.c.subject == vault.order(order_id)
    query = (
        select(
            *(orders.c[name] for name in ("order_id", "buyer", "seller", "snapshot")),
            func.coalesce(reads.c.up_to_seq, 0).label("up_to_seq"),
            *bouncing(),
            data_keys.c.wrapped,
        )
        .select_from(orders.outerjoin(reads, mine).outerjoin(data_keys, key))
        .where(orders.c.order_id == order_id)
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    return Head(
        row.order_id,
        row.buyer,
        row.seller,
        row.snapshot,
        row.up_to_seq,
        bouncing_roles(row.buyer_bounces, row.seller_bounces),
        row.wrapped,
    )


def lines(
    conn: Connection, safe: Vault, about: Head, reader: Actor, *, before: int | None = None, limit: int = 100
) -> tuple[Line, ...]:
    """The last `limit` lines that `reader` may read, oldest first; those before the sequence `before` if it is given.

    Tracking numbers are among them; who may see which is the caller's affair.
    """
    parcel = and_(parcels.c.order_id == messages.c.order_id, parcels.c.parcel_id == messages.c.parcel_id)
    columns = (messages.c[name] for name in words.COLUMNS)
    said = (
        select(*columns, parcels.c.sealed.label("number"), literal("").label("claim_id"))
        .select_from(messages.outerjoin(parcels, parcel))
        .where(messages.c.order_id == about.order_id, messages.c.seq.is_not(None), _visible(reader))
    )
    written = words.lines(about.order_id)
    if before is not None:
        said, written = said.where(messages.c.seq < before), written.where(steps.c.seq < before)
    # Each side gives its last lines, so that however long a thread is no more than those are sorted.
    both: CompoundSelect[Any] = union_all(
        *(part.order_by(seq.desc()).limit(limit) for part, seq in ((said, messages.c.seq), (written, steps.c.seq)))
    )
    rows = conn.execute(both.order_by(both.selected_columns.seq.desc()).limit(limit)).all()
    subject = vault.order(about.order_id)

    def opened(place: str, sealed: bytes | None) -> str:
        value = safe.unseal(about.wrapped, subject, place, sealed) if sealed is not None else None
        return "" if value is None else value.decode()

    return tuple(
        Line(
            row.message_id,
            row.kind,
            Actor(Role(row.author_role), row.author_id),
            row.at,
            row.seq,
            row.internal,
            tuple(row.attachments),
            row.parcel_id,
            row.claim_id,
            opened(_place(about.order_id, row), row.sealed),
            opened(f"parcels:{about.order_id}:{row.parcel_id}", row.number),
        )
        for row in reversed(rows)
    )


def _place(order_id: str, row: Row[Any]) -> str:
    """Where the words of a line were sealed."""
    return f"notes:{row.message_id}" if row.kind == words.CLAIM else f"messages:{order_id}:{row.message_id}"


def looked(conn: Connection, order_id: str, parcel_ids: Iterable[str], actor: Actor, now: datetime) -> None:
    """Put on record that a person of the desk saw these parcels' tracking numbers."""
    seen = {"order_id": order_id, "role": actor.role.value, "actor_id": actor.id, "at": now}
    rows = [{**seen, "parcel_id": parcel_id} for parcel_id in parcel_ids]
    if rows:
        conn.execute(plain_insert(looks), rows)


def mark_read(conn: Connection, order_id: str, reader: Actor, up_to: int, now: datetime) -> None:
    """The reader has read every line up to the sequence `up_to`; what was marked before stays so.

    From then on a person of the desk finds the order in the inbox.
    """
    # What is still to come is not read, whatever is claimed.
    known = select(orders.c.seq).where(orders.c.order_id == order_id).scalar_subquery()
    mine = update(reads).where(reads.c.order_id == order_id, *_of(reader))
    changes = {"up_to_seq": func.greatest(reads.c.up_to_seq, func.least(up_to, known)), "at": now}
    if conn.execute(mine.values(changes)).rowcount or reader.role not in DESK:
        return
    # No step may slip in between what is counted here and the row that later steps find.
    conn.execute(select(orders.c.seq).where(orders.c.order_id == order_id).with_for_update(read=True))
    last = select(*(_last_of_others(order_id, reader, name) for name in ("seq", "at")))
    last_seq, last_at = conn.execute(last).one()
    if last_seq is not None:
        row = _reader(order_id, reader) | {"last_seq": last_seq, "last_at": last_at}
        conn.execute(insert(reads).values(row).on_conflict_do_nothing())
        conn.execute(mine.values(changes))


def inbox(conn: Connection, reader: Actor, *, limit: int = 50, after: Cursor | None = None) -> tuple[Waiting, ...]:
    """Orders whose threads the reader follows: those with unread lines first, then by the last line, newest first."""
    own = [each.name for each in fields(Waiting) if each.name != "bounced"]
    found = []
    for row in conn.execute(inbox_query(reader, limit, after)):
        bounced = bouncing_roles(row.buyer_bounces, row.seller_bounces)
        found.append(Waiting(**{name: getattr(row, name) for name in own}, bounced=bounced))
    return tuple(found)


def inbox_query(reader: Actor, limit: int, after: Cursor | None = None) -> Select[Any]:
    """One page of an inbox: one range of an index, and the unread lines of each order on it."""
    place = tuple_(reads.c.unread, reads.c.last_at, reads.c.order_id)
    page = select(reads).where(*_of(reader))
    if after is not None:
        page = page.where(place < tuple_(*map(literal, after)))
    ordered = (reads.c.unread.desc(), reads.c.last_at.desc(), reads.c.order_id.desc())
    mine = page.order_by(*ordered).limit(limit).subquery("mine")
    count = (
        select(func.count())
        .where(messages.c.order_id == mine.c.order_id, messages.c.seq > mine.c.up_to_seq)
        .where(_visible(reader), ~_own(reader))
        .scalar_subquery()
    ) + words.of_others(func.count(), mine.c.order_id, mine.c.up_to_seq, reader)
    listed = (orders.c[name] for name in ("order_id", "stage", "waiting_on", "due_at", "buyer", "seller"))
    query = select(*listed, case((mine.c.unread, count), else_=0).label("unread"), mine.c.last_at, *bouncing())
    joined = query.select_from(mine.join(orders, orders.c.order_id == mine.c.order_id))
    return joined.order_by(*(mine.c[name].desc() for name in ("unread", "last_at", "order_id")))


def bouncing() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Whether mails to the order's buyer, and to its seller, bounce."""
    here = bounces.c.order_id == orders.c.order_id
    buyer, seller = (exists().where(here, bounces.c.person_id == orders.c[name]) for name in ("buyer", "seller"))
    return buyer.label("buyer_bounces"), seller.label("seller_bounces")


def bouncing_roles(buyer: bool, seller: bool) -> tuple[str, ...]:
    """The roles to whom mails bounce, by what `bouncing` selected."""
    return tuple(role.value for role, is_so in ((Role.BUYER, buyer), (Role.SELLER, seller)) if is_so)


def _visible(reader: Actor) -> ColumnElement[bool]:
    """Nobody but the desk reads what is internal."""
    return true() if reader.role in DESK else messages.c.internal.is_(False)


def _own(reader: Actor) -> ColumnElement[bool]:
    return and_(messages.c.author_role == reader.role.value, messages.c.author_id == reader.id)


def _one(order_id: str, message_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return messages.c.order_id == order_id, messages.c.message_id == message_id


def _of(reader: Actor) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return reads.c.reader_role == reader.role.value, reads.c.reader_id == reader.id


def _reader(order_id: str, reader: Actor) -> dict[str, Any]:
    return {"order_id": order_id, "reader_role": reader.role.value, "reader_id": reader.id}
