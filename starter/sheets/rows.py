"""The columns of each sheet, as tables. A header is a name for good: older sheets come back by it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from activities.store.desk.sheets import CaseRecord, OnOrder
from domain import wire
from domain.claims.case import STATUS_WORDS, Side, Status, Verdict
from domain.state import Outcome
from domain.words import HAPPENED
from starter.sheets.cells import Value, clean, local, text_of

LONGEST_LINE = 160
"""Characters of what somebody wrote that a line of the log shows."""

KEY = "for aftersale"
"""The hidden column by which a row finds its case."""


class Edit(Enum):
    """What may be done with a column."""

    NEVER = "never"
    STANDS = "stands"  # It shows how things stand, and is changed.
    EMPTY = "empty"  # It is written empty, and filled in.


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `about` tells how it is edited. `desk` columns are for the desk alone.

    `watched`: when it would be written differently by now, the row is not carried out.
    """

    name: str
    value: Callable[[Any], Value]
    width: int = 14
    edit: Edit = Edit.NEVER
    about: str = ""
    choices: tuple[str, ...] = ()
    desk: bool = False
    watched: bool = True


KEY_COLUMN = Column(KEY, str, 10)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One kind of sheet. `key` names a record: its order and what of the order; `number` is what people call it."""

    name: str
    columns: tuple[Column, ...]
    key: Callable[[Any], tuple[str, str, int]]
    number: Callable[[Any], str]

    @property
    def editable(self) -> tuple[Column, ...]:
        """The columns that come back as actions."""
        return tuple(column for column in self.columns if column.edit is not Edit.NEVER)

    def shown(self, *, desk: bool) -> tuple[Column, ...]:
        """The columns that a reader gets, for the desk with the key; parties get nothing to edit."""
        key = (KEY_COLUMN,) if self.editable else ()
        return (
            (*self.columns, *key)
            if desk
            else tuple(column for column in self.columns if not column.desk and column.edit is not Edit.EMPTY)
        )


@dataclass(frozen=True, slots=True)
class Key:
    """What the hidden column says: which case, as of which step, and how the row was written."""

    order_id: str
    name: str
    seq: int
    seen: str
    stood: tuple[str, ...]

    def __str__(self) -> str:
        return f"1 {self.order_id} {self.name} {self.seq} {self.seen} {'.'.join(self.stood)}"

    @classmethod
    def read(cls, words: str) -> Key | None:
        """The key that stands in a cell, or None for what is none."""
        parts = words.split(" ")
        if len(parts) != 6 or parts[0] != "1" or not (parts[3].isascii() and parts[3].isdigit()) or len(parts[3]) > 9:
            return None
        return cls(parts[1], parts[2], int(parts[3]), parts[4], tuple(parts[5].split(".")))


def key_of(sheet: Sheet, record: Any, values: Iterable[Value]) -> Key:
    """The key of a row that holds `values` in all of the sheet's columns."""
    texts = {column.name: text_of(value) for column, value in zip(sheet.columns, values, strict=True)}
    seen = [texts[column.name] for column in sheet.columns if column.watched and column.edit is not Edit.EMPTY]
    stood = tuple(stood_as(texts[column.name]) for column in sheet.columns if column.edit is Edit.STANDS)
    return Key(*sheet.key(record), wire.digest(seen)[:16], stood)


def stood_as(words: str) -> str:
    """A mark of how an editable column stood."""
    return wire.digest(words)[:6]


def _bought(order: OnOrder, only: tuple[str, ...] = ()) -> str:
    lines = (line for line in order.lines if not only or line["line_id"] in only)
    return clean("\n".join(f"{line['quantity']} × {line['title']}, {line['price']}" for line in lines))


def _shipping(order: OnOrder, only: tuple[str, ...] = (), back: Mapping[str, Any] | None = None) -> str:
    """Who carries what how far; never a tracking number."""
    told = []
    for parcel in order.parcels:
        if parcel.get("withdrawn") or (only and not set(only) & set(parcel["lines"])):
            continue
        moved = local(_at(parcel.get("moved_at") or parcel["shipped_at"]), order.zone)
        told.append(f"{parcel['carrier']}: {_words(parcel.get('milestone') or 'sent')} {moved:%Y-%m-%d}")
    if back:
        arrived, sent = back.get("arrived_at"), local(_at(back.get("arrived_at") or back["sent_at"]), order.zone)
        told.append(f"return with {back['carrier']}: {'received' if arrived else 'sent'} {sent:%Y-%m-%d}")
    return clean("\n".join(told))


def _log(order: OnOrder) -> str:
    lines = []
    for line in order.log:
        said = " ".join(line.text.split())
        said = said if len(said) <= LONGEST_LINE else said[: LONGEST_LINE - 1] + "…"
        told = HAPPENED.get(line.step, _words(line.step))
        if line.left_out:
            lines.append(f"… {line.left_out} {'step' if line.left_out == 1 else 'steps'} left out")
        shown = f"{local(line.at, order.zone):%Y-%m-%d %H:%M} {line.role}: {told}"
        lines.append(f"{shown} “{said}”" if said else shown)
    return clean("\n".join(lines))


def _at(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _outcome(case: CaseRecord) -> str:
    """How the case was decided, and in what state goods came back."""
    found = [_words(case.verdict), f"goods {_words(case.finding)}" if case.finding else ""]
    return ", ".join(filter(None, found))


def _feedback(case: CaseRecord) -> str:
    return clean("\n".join(f"{given.role} {given.score}/5 {given.comment}" for given in case.feedback))


STATUSES = tuple(STATUS_WORDS[status] for status in Status)
VERDICTS = {_words(verdict.value): verdict for verdict in Verdict}
OUTCOMES = {_words(outcome.value): outcome for outcome in (Outcome.EXTEND, Outcome.NO_CHANGE)}
SIDES = {side.value: side for side in Side}

WHOSE = "Who works on it: an id of the desk; empty for nobody."

CLAIMS = Sheet(
    "claims",
    (
        Column("case", lambda c: c.number, 20),
        Column("order", lambda c: c.order.order_id, 18),
        Column("marketplace", lambda c: c.order.marketplace),
        Column(
            "status", lambda c: STATUS_WORDS[Status(c.status)], 24, Edit.STANDS,
            "Choose where the case goes, as far as the desk may lead it there: 'Refund approved', 'Rejected' and "
            "'Return requested' decide it, 'Waiting for buyer (asked by the platform)' and the same for the seller ask "
            "them, 'Escalated upstream' passes it on. The note says why. The columns decision and ask do the same.",
            STATUSES,
        ),
        Column("assignee", lambda c: clean(c.owner), 16, Edit.STANDS, WHOSE, desk=True),
        Column("next deadline", lambda c: local(c.due_at, c.order.zone), 17),
        Column("reason", lambda c: _words(c.reason), 18),
        Column("wish", lambda c: _words(c.wish), 14),
        Column("date of claim", lambda c: local(c.opened_at, c.order.zone), 17),
        Column("purchase", lambda c: _bought(c.order, c.about), 40),
        Column("shipping", lambda c: _shipping(c.order, c.about, c.back), 28),
        Column("buyer", lambda c: clean(c.order.buyer.name), 20, watched=False),
        Column("buyer's mail", lambda c: clean(c.order.buyer.mail), 24, desk=True, watched=False),
        Column("seller", lambda c: clean(c.order.seller.name), 20, watched=False),
        Column("seller's mail", lambda c: clean(c.order.seller.mail), 24, desk=True, watched=False),
        Column("at stake", lambda c: c.amount, 12),
        Column("offered", lambda c: c.offer, 12),
        Column("refunded", lambda c: c.awarded, 12),
        Column("currency", lambda c: c.amount.currency, 9),
        Column("outcome", _outcome, 16),
        Column("log", lambda c: _log(c.order), 60),
        Column("feedback", _feedback, 24, watched=False),
        Column(
            "decision", lambda _: None, 14, Edit.EMPTY,
            "The platform's decision; 'part refund' needs an amount, and every decision a note with its reasons.",
            tuple(VERDICTS),
        ),
        Column("amount", lambda _: None, 12, Edit.EMPTY, "What goes back in part, in the currency of the row."),
        Column("ask", lambda _: None, 10, Edit.EMPTY, "Whom to ask; the note is the question.", tuple(SIDES)),
        Column(
            "note", lambda _: None, 40, Edit.EMPTY,
            "The reasons of a decision or the question to a side, which they read. Alone it is a note for the desk.",
        ),
        Column("time zone", lambda c: c.order.zone, 14, watched=False),
    ),
    lambda c: (c.order.order_id, c.claim_id, c.order.seq),
    lambda c: c.number,
)  # fmt: skip
"""One row per case."""

TICKETS = Sheet(
    "tickets",
    (
        Column("ticket", lambda t: t.ticket_id, 30),
        Column("order", lambda t: t.order.order_id, 18),
        Column("marketplace", lambda t: t.order.marketplace),
        Column("cause", lambda t: _words(t.cause), 20),
        Column("subject", lambda t: clean(t.subject), 12),
        Column("status", lambda t: t.status, 10),
        Column("assignee", lambda t: clean(t.owner), 16, Edit.STANDS, WHOSE, desk=True),
        Column("due", lambda t: local(t.due, t.order.zone), 17),
        Column("opened", lambda t: local(t.opened_at, t.order.zone), 17),
        Column("escalated", lambda t: t.escalations, 10),
        Column("stage", lambda t: _words(t.order.stage), 14),
        Column("purchase", lambda t: _bought(t.order), 40),
        Column("shipping", lambda t: _shipping(t.order), 28),
        Column("buyer", lambda t: clean(t.order.buyer.name), 20, watched=False),
        Column("buyer's mail", lambda t: clean(t.order.buyer.mail), 24, desk=True, watched=False),
        Column("seller", lambda t: clean(t.order.seller.name), 20, watched=False),
        Column("seller's mail", lambda t: clean(t.order.seller.mail), 24, desk=True, watched=False),
        Column("total", lambda t: t.order.total, 12),
        Column("currency", lambda t: t.order.total.currency, 9),
        Column("outcome", lambda t: _words(t.outcome), 14),
        Column("log", lambda t: _log(t.order), 60),
        Column(
            "resolve", lambda _: None, 14, Edit.EMPTY,
            "'extend' moves the clock behind the ticket to the time in until, 'no change' ends it; both need a note.",
            tuple(OUTCOMES),
        ),
        Column("until", lambda _: None, 17, Edit.EMPTY, "For 'extend': a time as in 2026-11-24 16:00, or a whole day."),
        Column("note", lambda _: None, 40, Edit.EMPTY, "Why; alone it is a note for the desk."),
        Column("time zone", lambda t: t.order.zone, 14, watched=False),
    ),
    lambda t: (t.order.order_id, t.ticket_id, t.order.seq),
    lambda t: t.ticket_id,
)  # fmt: skip
"""One row per ticket."""

ORDERS = Sheet(
    "orders",
    (
        Column("order", lambda o: o.order_id, 18),
        Column("checkout", lambda o: o.checkout_id, 18),
        Column("marketplace", lambda o: o.marketplace),
        Column("stage", lambda o: _words(o.stage), 16),
        Column("waiting on", lambda o: o.waiting_on, 12),
        Column("due", lambda o: local(o.due_at, o.zone), 17),
        Column("attention", lambda o: clean(o.reason), 30, desk=True),
        Column("placed", lambda o: local(o.placed_at, o.zone), 17),
        Column("last step", lambda o: local(o.updated_at, o.zone), 17),
        Column("purchase", _bought, 40),
        Column("shipping", _shipping, 28),
        Column("buyer", lambda o: clean(o.buyer.name), 20),
        Column("buyer's mail", lambda o: clean(o.buyer.mail), 24, desk=True),
        Column("seller", lambda o: clean(o.seller.name), 20),
        Column("seller's mail", lambda o: clean(o.seller.mail), 24, desk=True),
        Column("total", lambda o: o.total, 12),
        Column("currency", lambda o: o.total.currency, 9),
        Column("log", _log, 60),
        Column("time zone", lambda o: o.zone, 14),
    ),
    lambda o: (o.order_id, "-", o.seq),
    lambda o: o.order_id,
)  # fmt: skip
"""One row per order; nothing of it comes back."""
