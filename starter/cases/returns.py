"""What is stored before a seller says how goods go back: an address, a label, or both. Blocking; PostgreSQL alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from activities.store.desk.returns import check_return, put_address
from domain.errors import Invalid
from domain.state import Actor, Role
from starter.answers import NotFound
from starter.documents import delivery
from starter.files.shelf import Shelf
from starter.records import Records

LABEL = "return label"
"""How a label is shown among the files of its order."""


@dataclass(frozen=True, slots=True)
class WayBack:
    """How goods go back, as it is given: lines or the id of an address, a label's bytes or its id."""

    address_lines: Sequence[str] = field(default=(), repr=False)
    address_id: str = ""
    label: bytes = field(default=b"", repr=False)
    label_id: str = ""

    def check(self) -> None:
        """Raises Invalid where nothing is given, or one thing twice."""
        if self.address_lines and self.address_id:
            raise Invalid("address_lines", "give either the lines of the address or the address_id of a stored one")
        if self.label and self.label_id:
            raise Invalid("label", "give either the label itself or the label_id of a stored one")
        if not (self.address_lines or self.address_id or self.label or self.label_id):
            raise Invalid(
                "address_lines", "are missing, and so is the label; the buyer needs an address, a label, or both"
            )


def keep(records: Records, order_id: str, by: Actor, given: WayBack, new_id: str) -> tuple[str, str]:
    """The ids of address and label, "" for none, once both are stored; lines are stored under `new_id`.

    The platform's own fulfilment stands in the seller's place, with addresses of its own. Raises NotFound for whoever
    is neither, Invalid for what is not taken, Refused when an id names nothing that goods could go back to.
    """
    given.check()
    order = records.order(order_id)
    if by.role is not Role.PLATFORM and (by.role, by.id) != (Role.SELLER, order.seller):
        raise NotFound(order_id)
    address_id, label_id = given.address_id, given.label_id
    if given.label:
        label_id = Shelf(records).store(order_id, by, given.label, LABEL).attachment_id
    with records.begin() as conn:
        if given.address_lines:
            person = by.id if by.role is Role.PLATFORM else order.seller
            address = delivery({"lines": list(given.address_lines)}, new_id, person)
            put_address(conn, records.vault, order_id, address)
            address_id = new_id
        check_return(conn, order, by, address_id, label_id)
    return address_id, label_id
