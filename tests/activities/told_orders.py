"""Orders in a real database whose lives are told by a relay."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, update

from activities.mail import Mailer, SmtpMailer
from activities.notices import Letters, outbox_rows
from activities.relay import Addresses, Delivered, Patience, Relay
from activities.store import outbox, personal
from activities.store.personal import Person
from activities.store.tables import orders, outbox as outbox_table, tickets
from activities.store.vault import Vault
from activities.storefront import RowsOnly, Storefront
from domain import wire
from domain.notices import reminders
from domain.state import Role, is_over
from tests.domain.telling import Telling
from tests.domain.world import Answer, done, new_order
from tests.smtp_fixture import PostOffice
from tests.store.rows import admit

LETTERS = Letters(Path(__file__).resolve().parents[2] / "templates")
BUYER, SELLER, DESK = "bea@buyer.test", "sam@seller.test", "desk@market.test"
ADDRESSES = Addresses("orders@market.test", DESK)


class FakeCarrier:
    """A carrier service that remembers what it follows and, once, what it was told to raise."""

    def __init__(self) -> None:
        self.followed: list[tuple[str, str]] = []
        self.trouble: Exception | None = None

    def track(self, carrier: str, number: str) -> str:
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble
        self.followed.append((carrier, number))
        return f"trk_{len(self.followed)}"


class Told(Telling):
    """An order whose every step stands in the database, its notices with it, as `perform` does it."""

    def __init__(
        self, engine: Engine, safe: Vault, order_id: str = "o-1", answer: Answer = done, **changes: Any
    ) -> None:
        super().__init__(replace(new_order(**changes), order_id=order_id), answer)
        self.engine, self.safe, self.kept = engine, safe, 0
        with engine.begin() as conn:
            admit(conn, order_id, snapshot=wire.to_plain(self.order))
            personal.put_person(conn, safe, order_id, Person("buyer-1", "Bea", BUYER))
            personal.put_person(conn, safe, order_id, Person("seller-1", "Sam", SELLER, "de-AT"))
        self.keep()

    def keep(self) -> Told:
        """Write down what was lived since the last time."""
        new, self.kept = self.said[self.kept :], len(self.said)
        order = self.order
        with self.engine.begin() as conn:
            plain = {"snapshot": wire.to_plain(order)}
            conn.execute(update(orders).where(orders.c.order_id == order.order_id).values(plain))
            for said in new:
                if not said.notice.cause.startswith("remind:"):
                    outbox.queue(conn, outbox_rows(said.order, said.seq, [said.notice]))
            wanted = () if is_over(order) else reminders(order)
            outbox.set_reminders(conn, order.order_id, outbox_rows(order, order.seq, wanted), self.now)
        return self

    def number(self, parcel_id: str, number: str) -> Told:
        """The seller has stored the tracking number of a parcel."""
        with self.engine.begin() as conn:
            personal.put_parcel(conn, self.safe, self.order.order_id, parcel_id, "dhl", number)
        return self

    def steps(self, *names: str) -> Told:
        """Take whole steps that need no more than their names: confirm, ship, receive, ..."""
        for name in names:
            getattr(self, name)() if hasattr(self, name) else self.do(name, Role.BUYER)
        return self.keep()


class Desk:
    """A relay, with what it uses, over one database."""

    def __init__(
        self,
        engine: Engine,
        safe: Vault,
        office: PostOffice,
        *,
        mailer: Mailer | None = None,
        storefront: Storefront | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.engine = engine
        self.carrier = FakeCarrier()
        self.relay = Relay(
            engine,
            safe,
            LETTERS,
            mailer or SmtpMailer(office.host, office.port, timeout=5),
            storefront or RowsOnly(),
            self.carrier,
            ADDRESSES,
            patience,
        )

    def deliver(self, now: datetime) -> Delivered:
        return self.relay.deliver(now)

    def hourly(self, now: datetime, hours: int) -> datetime:
        """Deliver every hour for so many hours; the time afterwards."""
        for _ in range(hours):
            self.deliver(now)
            now += timedelta(hours=1)
        return now

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """Columns of the whole outbox, oldest row first."""
        with self.engine.begin() as conn:
            chosen = [outbox_table.c[name] for name in columns]
            return [tuple(row) for row in conn.execute(select(*chosen).order_by(outbox_table.c.id))]

    def tickets(self) -> list[tuple[str, str]]:
        """Cause and subject of all tickets in the database."""
        with self.engine.begin() as conn:
            return [tuple(row) for row in conn.execute(select(tickets.c.cause, tickets.c.subject))]
