"""The relay: takes due rows from the outbox and lets them leave, as mails, storefront events and carrier trackers.

It decides nothing about time or money and takes its clock from outside. Any number of relays may run, and what is told
to one recipient about one order leaves in order. No step waits for what is being sent: see decision 22.

Rows that nobody but a relay changes are locked while they leave. A few share a transaction, as many as leave within a
second, and whatever else is to be written waits until they have left. A row that may be taken back, as a reminder,
leaves alone and unlocked: it is lent to one relay for a while. A crash between sending and recording repeats what was
under way, under the same ids, and of one order at most one for each recipient.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError
from sqlalchemy import exists, select
from sqlalchemy.exc import SQLAlchemyError

from activities.mail import Bounced, Mailer, NotSent, Undeliverable, compose, stable_id
from activities.notices import SHOWS_ADDRESS, SHOWS_NUMBER, SHOWS_TEXT, Letters, Reader, goes_back_to
from activities.store import outbox, personal
from activities.store.desk import messages, words
from activities.store.desk.tickets import NOTICE_FAILED, leads, open_apart
from activities.store.outbox import Waiting
from activities.store.tables import tickets
from domain.notices import Channel, stands
from domain.parcels.tracking import NotTrackable
from domain.state import Order, Role
from domain.wire import from_plain, instant_text

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from activities.providers.carrier_port import Follower
    from activities.store.vault import Vault
    from activities.storefront import Storefront

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a row is tried: waits double from `first` to `longest`; after `attempts` in vain a person is asked.

    Up to `together` rows share a transaction, which takes no further one after `shared`: what has left within it leaves
    again when it is lost. A reminder is one relay's for `lent`, longer than any mail takes: when that relay dies with
    it, it leaves so much later; when it stands still for longer, another one may send it, too.
    """

    first: timedelta = timedelta(minutes=1)
    longest: timedelta = timedelta(hours=1)
    attempts: int = 126  # a little more than five days
    together: int = 16
    shared: timedelta = timedelta(seconds=1)
    lent: timedelta = timedelta(minutes=15)

    def wait(self, failed: int) -> timedelta:
        """The time to wait after so many attempts, at least one, have failed."""
        return min(self.first * (1 << min(failed - 1, 16)), self.longest)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where mails come from, and where those for the specialists go, in their language."""

    sender: str
    desk: str
    desk_language: str = "en"


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many rows left, were no longer true, must be tried again, can never be sent."""

    sent: int = 0
    dropped: int = 0
    retried: int = 0
    failed: int = 0


class Gone(Exception):
    """What the notice was to tell is there no more."""


@dataclass(slots=True)
class _Batch:
    """A transaction in which rows leave.

    What is to be written about them waits until the last has left, since a step may wait for each row that is written.
    `sent` must not leave again, whatever becomes of that; `followed` counts as sent only with it, and may.
    """

    conn: Connection
    now: datetime
    sent: list[int] = field(default_factory=list)
    followed: list[int] = field(default_factory=list)
    writes: list[Callable[[], None]] = field(default_factory=list)

    def write(self) -> None:
        """Put down how the rows ended, as the transaction's last doing."""
        for write in self.writes:
            write()
        outbox.sent(self.conn, [*self.sent, *self.followed], self.now)


class Relay:
    """Sends what stands in the outbox; see the module."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        letters: Letters,
        mailer: Mailer,
        storefront: Storefront,
        carrier: Follower,
        addresses: Addresses,
        patience: Patience | None = None,
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._letters = letters
        self._mailer = mailer
        self._storefront = storefront
        self._carrier = carrier
        self._addresses = addresses
        self._patience = patience or Patience()

    def deliver(self, now: datetime, order_id: str | None = None, limit: int = 100) -> Delivered:
        """Deal with up to `limit` rows that are due at `now`, of one order or of all, a few in each transaction.

        Raises SQLAlchemyError when the database is away; every other trouble is the row's own.
        """
        counts: Counter[str] = Counter()
        with self._engine.connect() as conn:
            while (left := limit - counts.total()) > 0:
                ended = self._tell(conn, now, min(self._patience.together, left), order_id)
                if len(ended) < left:
                    ended += self._remind(conn, now, order_id)
                if not ended:
                    break
                counts.update(ended)
        return Delivered(**counts)

    def run(self, stop: threading.Event, clock: Callable[[], datetime], every: float = 1.0) -> None:
        """Deliver until `stop` is set, looking again `every` so many seconds when nothing was due."""
        while not stop.is_set():
            try:
                idle = self.deliver(clock()) == Delivered()
            except SQLAlchemyError as error:
                logger.warning("the relay cannot use the database", extra={"code": type(error).__name__})
                idle = True
            if idle:
                stop.wait(every)

    def _tell(self, conn: Connection, now: datetime, limit: int, order_id: str | None) -> list[str]:
        """How some rows ended that nobody takes back any more: one at least, and no more than there is time for."""
        until = time.monotonic() + self._patience.shared.total_seconds()
        ended: list[str] = []
        with self._batch(conn, now) as batch:
            for row in outbox.take(conn, now, limit, order_id):
                ended.append(self._deal_with(batch, row, self._send_if_true))
                if time.monotonic() >= until:
                    break
        return ended

    def _remind(self, conn: Connection, now: datetime, order_id: str | None) -> list[str]:
        """How one row ended that may be taken back, also while it is being sent; nothing when none is due."""
        with self._batch(conn, now) as batch:
            row = outbox.take_revocable(conn, now, order_id)
            if row is None:
                return []
            ended = self._deal_with(batch, row, self._lend_if_true)
        if ended != "lent":
            return [ended]
        with self._batch(conn, now) as batch:
            return [self._deal_with(batch, row, self._send)]

    @contextmanager
    def _batch(self, conn: Connection, now: datetime) -> Iterator[_Batch]:
        batch = _Batch(conn, now)
        try:
            with conn.begin():
                yield batch
                batch.write()
        except SQLAlchemyError:
            with conn.begin():  # What has left does not leave again because of what came behind it.
                outbox.sent(conn, batch.sent, now)
            raise

    def _deal_with(self, batch: _Batch, row: Waiting, deal: Callable[[_Batch, Waiting, Order], str]) -> str:
        order = None
        try:
            order = _order(row.snapshot)
            return deal(batch, row, order)
        except (NotTrackable, Gone):
            # A parcel that cannot be tracked travels untracked; its clocks go on as for any silent carrier.
            return _drop(batch, row)
        except SQLAlchemyError:
            raise
        except (Undeliverable, TemplateError) as error:
            return self._give_up(batch, row, order, getattr(error, "code", type(error).__name__))
        except Exception as error:  # noqa: BLE001  # Whatever is wrong with one row, the others must leave.
            code = error.code if isinstance(error, NotSent) else type(error).__name__
            return self._try_later(batch, row, order, code)

    def _send_if_true(self, batch: _Batch, row: Waiting, order: Order) -> str:
        return self._send(batch, row, order) if _is_true(batch, row, order) else _drop(batch, row)

    def _lend_if_true(self, batch: _Batch, row: Waiting, order: Order) -> str:
        if not _is_true(batch, row, order):
            return _drop(batch, row)
        outbox.lend(batch.conn, row.id, batch.now + self._patience.lent)
        return "lent"

    def _send(self, batch: _Batch, row: Waiting, order: Order) -> str:
        match Channel(row.channel):
            case Channel.MAIL:
                self._mail(batch, row, order)
            case Channel.STOREFRONT:
                self._storefront.tell(_notice_id(row), batch.now, _event(row, order))
            case Channel.CARRIER:
                self._track(batch, row)
                batch.followed.append(row.id)
                return "sent"
        batch.sent.append(row.id)
        return "sent"

    def _mail(self, batch: _Batch, row: Waiting, order: Order) -> None:
        conn, role = batch.conn, Role(row.recipient_role)
        to, reader = self._addresses.desk, Reader(role, language=self._addresses.desk_language)
        if role is not Role.SPECIALIST:
            person = personal.opened(self._vault, row.recipient_id, row.wrapped, row.sealed)
            if person is None or not person.email:
                raise Undeliverable("person_unknown" if person is None else "no_address")
            to, reader = person.email, Reader(role, person.name, person.language)
        number = self._number(conn, row) if (row.template, role) in SHOWS_NUMBER else None
        text, by = self._written(conn, row) if row.template in SHOWS_TEXT else ("", None)
        address = self._address(conn, row, order) if (row.template, role) in SHOWS_ADDRESS else ()
        letter = self._letters.render(row.template, row.context, reader, order, number, text, by, address)
        label = f"{row.template}.{role.value}"
        try:
            self._mailer.send(
                compose(
                    letter,
                    sender=self._addresses.sender,
                    to=to,
                    notice_id=_notice_id(row),
                    order_id=row.order_id,
                    label=label,
                    at=batch.now,
                )
            )
        except Bounced as error:
            if role is not Role.SPECIALIST:
                mark = partial(personal.bounced, conn, self._vault, row.order_id, row.recipient_id, to)
                batch.writes.append(partial(mark, batch.now, error.code))
            raise
        if row.bounced:
            batch.writes.append(partial(personal.reached, conn, row.order_id, row.recipient_id))

    def _written(self, conn: Connection, row: Waiting) -> tuple[str, Role | None]:
        """A message, or what stands beside a claim's step and who wrote it. Raises Gone for a message erased since."""
        if "message_id" in row.context:
            text = messages.text_of(conn, self._vault, row.order_id, str(row.context["message_id"]))
            if text is None:
                raise Gone
            return text, None
        said = words.said(conn, self._vault, row.order_id, row.seq) if "note_id" in row.context else None
        return (said.text, said.author.role) if said else ("", None)

    def _number(self, conn: Connection, row: Waiting) -> str | None:
        parcel_id = row.context.get("parcel_id")
        found = personal.get_parcel(conn, self._vault, row.order_id, parcel_id) if parcel_id else None
        return found.number if found else None

    def _address(self, conn: Connection, row: Waiting, order: Order) -> tuple[str, ...]:
        address_id = goes_back_to(row.context, order)
        found = personal.get_address(conn, self._vault, row.order_id, address_id) if address_id else None
        return found.lines if found else ()

    def _track(self, batch: _Batch, row: Waiting) -> None:
        """Have the carrier service follow a parcel, as often as it takes; one without a number travels untracked."""
        parcel_id = str(row.context["parcel_id"])
        found = personal.get_parcel(batch.conn, self._vault, row.order_id, parcel_id)
        if found is None or not found.number:
            raise NotTrackable("the parcel has no tracking number")
        tracker_id = self._carrier.track(found.carrier, found.number)
        batch.writes.append(partial(personal.set_tracker, batch.conn, row.order_id, parcel_id, tracker_id))

    def _try_later(self, batch: _Batch, row: Waiting, order: Order | None, code: str) -> str:
        failed = row.attempts + 1
        if failed >= self._patience.attempts:
            return self._give_up(batch, row, order, code)
        again = batch.now + self._patience.wait(failed)
        batch.writes.append(partial(outbox.retry_later, batch.conn, row.id, again, code))
        logger.info("a notice waits for its next attempt", extra=_fields(row, code))
        return "retried"

    def _give_up(self, batch: _Batch, row: Waiting, order: Order | None, code: str) -> str:
        """The row can never be sent: a person of the desk is asked, once per order and recipient."""
        batch.writes.append(partial(outbox.fail, batch.conn, row.id, batch.now, code))
        logger.warning("a notice can never be sent", extra=_fields(row, code))
        if order is not None:
            batch.writes.append(partial(_open_ticket, batch.conn, row, order, batch.now))
        return "failed"


@lru_cache(maxsize=64)
def _order(snapshot: str | None) -> Order:
    """The order after its last step, read once for all that is told of it. Raises Undeliverable when there is none."""
    if snapshot is None:
        raise Undeliverable("order_unknown")
    return from_plain(Order, json.loads(snapshot))


def _is_true(batch: _Batch, row: Waiting, order: Order) -> bool:
    if (row.valid_until is not None and batch.now >= row.valid_until) or not stands(row.template, row.context, order):
        return False
    # Else the desk was told of this cause by another order's ticket.
    return "ticket_id" not in row.context or leads(batch.conn, str(row.context["ticket_id"]))


def _drop(batch: _Batch, row: Waiting) -> str:
    batch.writes.append(partial(outbox.drop, batch.conn, row.id, batch.now))
    return "dropped"


def _notice_id(row: Waiting) -> str:
    return stable_id(row.order_id, row.cause, f"{row.recipient_role}/{row.channel}")


def _event(row: Waiting, order: Order) -> dict[str, Any]:
    ids = {"order_id": row.order_id, "checkout_id": order.checkout_id, "marketplace": order.marketplace, "seq": row.seq}
    return {"type": row.template, "timestamp": instant_text(row.due_at), "data": {**ids, **row.context}}


def _open_ticket(conn: Connection, row: Waiting, order: Order, now: datetime) -> None:
    same = (tickets.c.order_id, row.order_id), (tickets.c.cause, NOTICE_FAILED), (tickets.c.subject, row.recipient_role)
    stands_open = exists().where(tickets.c.status == "open", *(column == value for column, value in same))
    if conn.scalar(select(stands_open)):
        return
    ticket_id = f"{row.order_id}-{NOTICE_FAILED}-{row.id}"
    open_apart(conn, order, ticket_id, NOTICE_FAILED, row.recipient_role, now)


def _fields(row: Waiting, code: str) -> dict[str, object]:
    return {
        "order_id": row.order_id,
        "channel": row.channel,
        "template": row.template,
        "role": row.recipient_role,
        "attempt": row.attempts + 1,
        "code": code,
    }
