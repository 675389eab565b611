"""Reading: from PostgreSQL only, so that it works while Temporal and all workers are away. Blocking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from activities.store import personal, screens
from activities.store.desk import tickets
from activities.store.desk.looks import look_at_words
from activities.store.personal import Note
from activities.store.screens import OrderRow, OrderScreen, TicketRow
from domain import wire
from domain.errors import Invalid, Refused
from domain.money import Money
from domain.state import DESK, PARTIES, Actor, Order
from starter import entrance
from starter.answers import NotFound
from starter.cases.terms import GoodsTerms, goods_terms
from starter.records import Records
from starter.trouble import Why, why
from starter.views import OrderView, may_read_address, may_see, order_view

PAGE = 50


class Reader:
    """The screens of the command line."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def show(self, order_id: str, actor: Actor) -> OrderView:
        """The order as `actor` may see it; raises NotFound, for a stranger too.

        Who may read them sees tracking numbers and the address as well; each such look of the desk is recorded.
        """
        screen = self._screen(order_id, actor)
        now = self._now(screen)
        parcels = [parcel["parcel_id"] for parcel in (screen.snapshot or {}).get("parcels", [])]
        numbers = self._numbers(order_id, parcels, actor, now)
        notes: tuple[Note, ...] = ()
        if actor.role in DESK:
            with self._records.begin() as conn:
                notes = personal.get_notes(conn, self._records.vault, order_id)
                written = (note.text for note in notes)
                look_at_words(conn, self._records.vault, order_id, written, actor, now, parcels)
        texts = {note.note_id: note.text for note in notes}
        return order_view(screen, actor, now, numbers, texts, self._address(screen, actor, now) or ())

    def address(self, order_id: str, actor: Actor) -> tuple[str, ...]:
        """Where the parcels go, line by line; a look of the desk is recorded. Raises NotFound, for a stranger too.

        Raises Refused for a seller who has nothing to send, and for an address that was erased.
        """
        screen = self._screen(order_id, actor)
        lines = self._address(screen, actor, self._now(screen))
        if lines is None:
            until = "until all are accepted, cancelled or refunded"
            why_not = f"is shown to its seller from the confirmation of a line {until}, unless erased"
            raise Refused("address_not_shown", f"the address of order {order_id} {why_not}")
        return lines

    def look(self, order_id: str, parcel_id: str, actor: Actor) -> str:
        """A parcel's tracking number for one who may see it; a look of the desk is recorded. Raises NotFound."""
        screen = self._screen(order_id, actor)
        number = self._numbers(order_id, (parcel_id,), actor, self._now(screen)).get(parcel_id)
        if number is None:
            raise Refused("parcel_unknown", f"order {order_id} has no parcel {parcel_id} with a tracking number")
        return number

    def terms(
        self, marketplace: str, *, seller: str = "", category: str = "", price: Money | None = None
    ) -> GoodsTerms:
        """What a buyer may count on when something is wrong with goods, before anybody has bought them.

        By the marketplace's policy as its workers published it; an order placed meanwhile keeps the one it was admitted
        with. Raises Invalid for a marketplace that is not known, or not yet, and for what is no price.
        """
        with self._records.begin() as conn:
            policy = entrance.served(conn, marketplace)
        if policy is None:
            raise Invalid("marketplace", f"{marketplace!r} is not known yet: no worker has published any; start one")
        return goods_terms(policy, seller, category, price)

    def parties(self, order_id: str) -> tuple[str, str]:
        """The ids of the order's buyer and seller. Raises NotFound."""
        with self._records.begin() as conn:
            screen = screens.order_screen(conn, order_id)
        if screen is None:
            raise NotFound(order_id)
        return screen.row.buyer, screen.row.seller

    def why(self, order_id: str) -> Why:
        """What keeps an order where it is, for the desk. Raises NotFound."""
        with self._records.begin() as conn:
            screen = screens.order_screen(conn, order_id)
        if screen is None:
            raise NotFound(order_id)
        return why(screen)

    def orders(
        self,
        *,
        waiting_on: str | None = None,
        overdue: bool = False,
        stage: str | None = None,
        attention: bool | None = None,
        buyer: str | None = None,
        seller: str | None = None,
        limit: int = PAGE,
    ) -> tuple[OrderRow, ...]:
        """Orders that fit all that is given, what is due first on top."""
        with self._records.begin() as conn:
            return screens.list_orders(
                conn,
                waiting_on=waiting_on,
                overdue_at=self._records.clock() if overdue else None,
                stage=stage,
                attention=attention,
                buyer=buyer,
                seller=seller,
                limit=limit,
            )

    def tickets(
        self,
        reader: Actor,
        *,
        owner: str | None = None,
        cause: str | None = None,
        overdue: bool = False,
        limit: int = PAGE,
    ) -> tuple[TicketRow, ...]:
        """Open tickets, what is due first on top; `owner` "" takes those that nobody has.

        Nobody of the desk finds one of an order of their own. Raises Invalid for a party.
        """
        if reader.role not in DESK:
            raise Invalid("--as", f"a {reader.role} has no tickets")
        with self._records.begin() as conn:
            overdue_at = self._records.clock() if overdue else None
            return screens.ticket_queue(
                conn, owner=owner, cause=cause, overdue_at=overdue_at, not_of=reader.id, limit=limit
            )

    def shared_tickets(self) -> dict[str, int]:
        """How many orders wait on each cause that lies outside any one of them, such as a provider that is away."""
        with self._records.begin() as conn:
            return tickets.shared(conn)

    def _screen(self, order_id: str, actor: Actor) -> OrderScreen:
        with self._records.begin() as conn:
            screen = screens.order_screen(conn, order_id)
        if screen is None or not may_see(actor, screen.row.buyer, screen.row.seller):
            raise NotFound(order_id)
        return screen

    def _now(self, screen: OrderScreen) -> datetime:
        """The present of the order, which may be ahead of ours."""
        now = self._records.clock()
        return max(now, screen.row.updated_at) if screen.row.updated_at else now

    def _address(self, screen: OrderScreen, actor: Actor, now: datetime) -> tuple[str, ...] | None:
        """The lines of the order's address as `actor` may read them, in a transaction of its own as `_numbers`."""
        order = None if screen.snapshot is None else wire.from_plain(Order, screen.snapshot)
        if order is None or not may_read_address(actor.role, order):
            return None
        about = (self._records.vault, order.order_id, order.address_id)
        with self._records.begin() as conn:
            desk = actor.role in DESK
            found = personal.look_at_address(conn, *about, actor, now) if desk else personal.get_address(conn, *about)
        return found.lines if found else None

    def _numbers(self, order_id: str, parcel_ids: Sequence[str], actor: Actor, now: datetime) -> dict[str, str]:
        """Numbers as `actor` may see them, in a transaction of its own: a look is on record before it is shown."""
        about = (self._records.vault, order_id, parcel_ids)
        if actor.role not in PARTIES | DESK or not parcel_ids:
            return {}
        with self._records.begin() as conn:
            desk = actor.role in DESK
            return personal.look(conn, *about, actor, now) if desk else personal.numbers(conn, *about)
