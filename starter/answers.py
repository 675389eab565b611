"""What a caller gets: an order's progress, or one of the ways in which there is none.

AftersaleError (domain.errors)
├── Invalid, Refused, Conflict     as the domain has them
├── NotFound                       there is no such order, seller or account for this caller
├── NotJudgedYet                   the order has not answered in time; safe to send again with the same command_id
├── Unreachable                    Temporal or PostgreSQL does not answer; nothing is known to have happened
└── CheckoutIncomplete             some orders of one checkout stand, others do not
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain import wire
from domain.decide import Command
from domain.errors import AftersaleError
from domain.progress import verdict
from domain.state import Actor, Order, Role

STOREFRONT = Actor(Role.STOREFRONT, "storefront")


def buyer(person_id: str) -> Actor:
    """The buyer of that id."""
    return Actor(Role.BUYER, person_id)


def seller(person_id: str) -> Actor:
    """The seller of that id."""
    return Actor(Role.SELLER, person_id)


def specialist(person_id: str) -> Actor:
    """A service specialist of the marketplace."""
    return Actor(Role.SPECIALIST, person_id)


def operator(person_id: str) -> Actor:
    """An operator of this installation."""
    return Actor(Role.OPERATOR, person_id)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an order is after a command.

    `payment` is ``unpaid``, ``authorised``, ``pending``, ``secured``, or after a followed shipment ``failed``. `due` is
    when what `next` says happens, in the order's time. `accepted` is False for a signal: it was handed over, and the
    rest tells how the order stood then. `advice` is a sentence for the seller about the tracking number just given.
    """

    order_id: str
    seq: int
    stage: str
    lines: Mapping[str, str]
    payment: str
    waiting_on: str
    due: datetime | None
    next: str
    possible: tuple[str, ...]
    accepted: bool = True
    command_id: str = ""
    advice: str = ""

    @classmethod
    def from_verdict(cls, verdict: Mapping[str, Any], command_id: str) -> Progress:
        """Read the answer of an update; a newer order may say more, which is left out."""
        known = {field.name for field in dataclasses.fields(cls)}
        return wire.from_plain(cls, {k: v for k, v in verdict.items() if k in known} | {"command_id": command_id})


def progress_of(
    order: Order,
    actor: Actor,
    now: datetime,
    *,
    accepted: bool = True,
    command_id: str = "",
    about: Command | None = None,
) -> Progress:
    """The progress of an order as it is on record, for `actor`, after the command `about` which it is told."""
    answer = verdict(order, order.seq, actor, now, about)
    return dataclasses.replace(Progress.from_verdict(answer, command_id), accepted=accepted)


class NotFound(AftersaleError):
    """There is no such order for this caller, or seller, or account; a stranger to it reads the same as for none.

    `rule` says what makes one.
    """

    def __init__(self, name: str, what: str = "order", rule: str = "") -> None:
        super().__init__(f"there is no {what} {name}" + (f": {rule}" if rule else ""))
        self.name = name
        self.what = what


class NotJudgedYet(AftersaleError):
    """The order did not answer in time.

    `delivered`: Temporal keeps the message, so it will be judged. Otherwise it may be lost or still be taken. Sending
    it again with the same `command_id` is safe in both cases.
    """

    def __init__(self, why: str, *, delivered: bool, command_id: str = "") -> None:
        kept = "it is kept and will be judged" if delivered else "it is not known to be kept"
        again = f"; sending it again with command_id {command_id} is safe" if command_id else "; asking again is safe"
        super().__init__(f"{why}; {kept}{again}")
        self.delivered = delivered
        self.command_id = command_id


class Unreachable(AftersaleError):
    """Temporal or PostgreSQL does not answer."""


class CheckoutIncomplete(AftersaleError):
    """Of one checkout's orders `placed` stand and `failed` do not; placing the checkout again tries only those."""

    def __init__(self, placed: tuple[Progress, ...], failed: Mapping[str, AftersaleError]) -> None:
        super().__init__("; ".join(f"{order_id}: {error}" for order_id, error in failed.items()))
        self.placed = placed
        self.failed = failed


def plain(value: object) -> Any:
    """Plain JSON of an answer or a view: every field is there, also when it is empty."""
    if isinstance(value, StrEnum):
        return value.value
    if dataclasses.is_dataclass(value) and not hasattr(value, "minor"):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return wire.to_plain(value)


def texts_of(value: object) -> Iterator[str]:
    """Every text in an answer or a view, however deep."""
    yield from _texts(plain(value))


def _texts(inside: Any) -> Iterator[str]:
    if isinstance(inside, str):
        yield inside
    elif isinstance(inside, dict | list):
        for each in inside.values() if isinstance(inside, dict) else inside:
            yield from _texts(each)
