"""What the client writes to and reads from PostgreSQL. Blocking; the client calls it in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, TimeoutError as PoolTimeout

from activities.store import orders, personal, steps
from activities.store.database import connect
from activities.store.orders import Standing
from activities.store.personal import Address, Note
from activities.store.vault import Vault
from domain import wire
from domain.errors import Invalid
from domain.state import PARTIES, Actor, Order, Role
from domain.words.written import says_something
from starter import entrance
from starter.answers import NotFound, Unreachable
from starter.documents import Document
from starter.settings import ClientSettings

LONGEST_NOTE = 4000
LARGEST_PHOTO = 5 * 1024 * 1024


def check_text(field: str, text: str) -> None:
    """Raises Invalid for what was not UTF-8 where it came from, instead of keeping question marks in its place."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid(field, "holds bytes that are no text; write it in UTF-8") from None


def check_reason(text: str) -> None:
    """Raises Invalid for what is no reason or note: it must say something, in at most `LONGEST_NOTE` characters."""
    check_said("reason", text, LONGEST_NOTE)


def check_said(field: str, text: str, longest: int) -> None:
    """Raises Invalid for what is no UTF-8, shows its reader nothing, or has more than `longest` characters."""
    check_text(field, text)
    if not says_something(text) or len(text.strip()) > longest:
        raise Invalid(field, f"must be 1 to {longest} characters, of which one at least is to be seen")


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class Records:
    """The order's rows and the vault. `clock` gives the present; an order that is ahead of it has its own."""

    def __init__(self, engine: Engine, vault: Vault, clock: Callable[[], datetime] = wall_clock) -> None:
        self.engine = engine
        self.vault = vault
        self.clock = clock

    @classmethod
    def of(cls, settings: ClientSettings, clock: Callable[[], datetime] = wall_clock) -> Records:
        """Records of the database that the settings name; it is connected to when first needed."""
        try:
            vault = Vault(settings.aftersale_master_key.get_secret_value())
        except Invalid as error:
            raise Invalid("AFTERSALE_MASTER_KEY", error.rule) from None
        return cls(connect(settings.database_url.get_secret_value(), application_name="aftersale-client"), vault, clock)

    def close(self) -> None:
        """Let the connections go."""
        self.engine.dispose()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction; raises Unreachable when there is no database to have one with."""
        try:
            with self.engine.begin() as conn:
                yield conn
        except (OperationalError, PoolTimeout):
            raise Unreachable("PostgreSQL does not answer; see DATABASE_URL") from None

    def claim(self, documents: Sequence[Document]) -> tuple[Standing, ...]:
        """Take the ids of these orders, and store people and addresses with them; of all, or of none.

        Raises Invalid for what can be known to be wrong before anything is started, Conflict for an id that is taken.
        """
        with self.begin() as conn:
            # In one order for everybody, so that two who place the same checkout do not wait for each other.
            for document in sorted(documents, key=lambda document: document.order_id):
                try:
                    self._take(conn, document)
                except Invalid as error:
                    raise Invalid(f"{document.path}{error.field}", error.rule) from None
            return tuple(self._standing(conn, document.order_id) for document in documents)

    def _take(self, conn: Connection, document: Document) -> None:
        """One order that is new is looked at as far as the client can; one that is known was looked at then."""
        mark = personal.mark(self.vault, document.people, document.address)
        taken = orders.claim(conn, document.order_id, document.content_hash, document.plain, document.payment_ref, mark)
        if taken == "same":
            return
        entrance.check(conn, document.checkout, self.clock())
        for person in document.people:
            personal.put_person(conn, self.vault, document.order_id, person)
        if document.address is not None:
            personal.put_address(conn, self.vault, document.order_id, document.address)
        checkout = document.checkout
        personal.check_address(conn, checkout.order_id, checkout.address_id, checkout.buyer.person_id)

    def standing(self, order_id: str) -> Standing:
        """Where the order stands; raises NotFound."""
        with self.begin() as conn:
            return self._standing(conn, order_id)

    def order(self, order_id: str) -> Order:
        """The order after its last recorded step. Raises NotFound, also before the first."""
        with self.begin() as conn:
            return self.found(conn, order_id)

    def next_epoch(self, order_id: str) -> dict[str, Any]:
        """Supersede every run of the order, and the snapshot that the next one goes on from. Raises NotFound."""
        with self.begin() as conn:
            self.found(conn, order_id)
            return orders.next_epoch(conn, order_id)[1]

    def refusals(self, order_id: str, command_id: str) -> tuple[str, ...]:
        """Why the signals of a command were refused, oldest first."""
        with self.begin() as conn:
            return steps.refusals_of(conn, order_id, command_id)

    def keep_note(self, order_id: str, note_id: str, author: Actor, text: str) -> None:
        """Store a reason or note. Raises NotFound, Invalid, and Conflict when `note_id` has another text."""
        self.check_part(order_id, author)
        with self.begin() as conn:
            self.write_note(conn, self.found(conn, order_id), note_id, author, text)

    def write_note(
        self, conn: Connection, order: Order, note_id: str, author: Actor, text: str, ticket_id: str = ""
    ) -> None:
        """The same within a transaction, for an order at hand; `ticket_id` names a ticket that is apart from it."""
        check_reason(text)
        personal.put_note(conn, self.vault, Note(note_id, order.order_id, author, self.now_of(order), text, ticket_id))

    def keep_parcel(
        self, order_id: str, by: Actor, parcel_id: str, carrier: str, number: str, photo: bytes = b""
    ) -> None:
        """Store a parcel's tracking number and photo, unless the order knows the parcel already. Raises NotFound."""
        self.check_part(order_id, by)
        if len(photo) > LARGEST_PHOTO:
            raise Invalid("photo", f"is larger than {LARGEST_PHOTO} bytes")
        with self.begin() as conn:
            if self.found(conn, order_id).parcel(parcel_id) is None:
                personal.put_parcel(conn, self.vault, order_id, parcel_id, carrier, number, photo)

    def keep_address(self, order_id: str, by: Actor, address_of: Callable[[str], Address]) -> None:
        """Store another delivery address, made for the order's buyer. Raises NotFound, Conflict."""
        self.check_part(order_id, by)
        with self.begin() as conn:
            personal.put_address(conn, self.vault, order_id, address_of(self.found(conn, order_id).buyer))

    def check_part(self, order_id: str, by: Actor) -> None:
        """Raises NotFound for a buyer or seller of another order than theirs, as for none; nothing of them is stored.

        Whether an order that is not on record exists, and what others may do, is judged later.
        """
        if by.role not in PARTIES:
            return
        with self.begin() as conn:
            known = orders.parties(conn, order_id)
        if known is not None and by.id != dict(zip((Role.BUYER, Role.SELLER), known, strict=True))[by.role]:
            raise NotFound(order_id)

    def now_of(self, order: Order) -> datetime:
        """The present of an order: never before anything that happened to it."""
        times = [order.placed_at, *(line.since for line in order.lines)]
        return max(self.clock(), *times)

    def _standing(self, conn: Connection, order_id: str) -> Standing:
        found = orders.status(conn, order_id)
        if found is None:
            raise NotFound(order_id)
        return found

    def found(self, conn: Connection, order_id: str) -> Order:
        """The order as it stands in a transaction; raises NotFound for one that was never admitted."""
        snapshot = orders.snapshot(conn, order_id)
        if snapshot is None:
            raise NotFound(order_id)
        return wire.from_plain(Order, snapshot)
