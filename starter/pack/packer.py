"""Makes the evidence pack of an order. Blocking; needs PostgreSQL alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from activities.store import personal, screens
from activities.store.desk.returns import return_address
from domain import wire
from domain.claims.case import Claim
from domain.errors import Refused
from domain.state import DESK, Actor, Order
from starter.answers import NotFound
from starter.files.writing import whole
from starter.pack.archive import Packed, write
from starter.pack.case import Case, Entry
from starter.pack.sections import SECTIONS
from starter.records import Records
from starter.views import may_see


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that was written: to which file, and what stands in it."""

    order_id: str
    file: str
    entries: tuple[Packed, ...]


class Packer:
    """Packs what is on record of an order, for the desk."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def write(self, order_id: str, actor: Actor, out: Path, *, internal: bool = False) -> Pack:
        """Write the order's pack to `out`; ``-`` is standard output. The look at its numbers and addresses is recorded.

        Notes and files that only the desk may read are left out unless `internal`. Raises NotFound for a stranger too,
        Refused for a party, Invalid when the file cannot be written.
        """
        order = self._records.order(order_id)
        if not may_see(actor, order.buyer, order.seller):
            raise NotFound(order_id)
        if actor.role not in DESK:
            raise Refused("role_not_allowed", f"a {actor.role} may not make a pack; that is for: specialist, operator")
        numbers = self._numbers(order, actor)
        addresses = {claim.return_to: self._return_address(order, claim, actor) for claim in order.claims}
        with whole(out) as target, self._records.begin() as conn:
            conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            screen = screens.order_screen(conn, order_id)
            if screen is None or screen.snapshot is None:
                raise NotFound(order_id)
            order = wire.from_plain(Order, screen.snapshot)
            case = Case(conn, self._records.vault, screen, order, actor, internal, numbers, addresses)
            return Pack(order_id, str(out), write(target, f"Evidence of order {order_id}", _entries(case)))

    def _numbers(self, order: Order, actor: Actor) -> dict[str, str]:
        """Tracking numbers; that they were looked at is on record before they are written anywhere."""
        with self._records.begin() as conn:
            now = self._records.now_of(order)
            return personal.look(conn, self._records.vault, order.order_id, _parcels(order), actor, now)

    def _return_address(self, order: Order, claim: Claim, actor: Actor) -> tuple[str, ...]:
        """Where a claim's goods go back to; the look at it is on record likewise."""
        with self._records.begin() as conn:
            now = self._records.now_of(order)
            return return_address(conn, self._records.vault, order.order_id, claim, actor, now)


def _parcels(order: Order) -> tuple[str, ...]:
    """The ids of all parcels, there and back."""
    backs = (back.parcel_id for claim in order.claims for back in claim.returns)
    return (*(parcel.parcel_id for parcel in order.parcels), *backs)


def _entries(case: Case) -> Iterator[Entry]:
    for section in SECTIONS:
        yield from section(case)
