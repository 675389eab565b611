"""What an evidence pack is made from, and what it is made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from activities.store.screens import OrderScreen
from activities.store.vault import Vault
from domain.state import Actor, Order, Role
from domain.words.written import shown
from starter.answers import plain


@dataclass(frozen=True, slots=True)
class Case:
    """One order on record. All sections read through `conn`, which sees the same moment throughout.

    `numbers` are the tracking numbers by parcel, `addresses` the lines of those that goods go back to, by their ids;
    that `actor` looked at them is on record. `internal` tells whether what only the desk may read goes into the pack as
    well.
    """

    conn: Connection
    vault: Vault
    screen: OrderScreen
    order: Order
    actor: Actor
    internal: bool
    numbers: Mapping[str, str] = field(repr=False)
    addresses: Mapping[str, tuple[str, ...]] = field(repr=False)

    @property
    def order_id(self) -> str:
        return self.order.order_id

    @property
    def reader(self) -> Actor:
        """As whom threads and claims are read: without `internal` as a party."""
        return self.actor if self.internal else Actor(Role.BUYER, self.order.buyer)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the pack. `about` is a sentence for its reader; `chunks` are made when they are written."""

    name: str
    about: str
    chunks: Iterable[bytes] = field(repr=False)


Section = Callable[[Case], Iterator[Entry]]
"""A part of the pack: gives its entries one by one, so that never more than one file is in memory."""


def as_json(name: str, about: str, value: object) -> Entry:
    """An entry of JSON that people can read as well."""
    return Entry(name, about, ((json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n").encode(),))


def as_text(name: str, about: str, lines: Iterable[str]) -> Entry:
    """An entry of plain text, line by line; none of them can begin another, nor do anything to those around it."""
    told = (shown(line.replace("\n", " ")) for line in lines)
    return Entry(name, about, (f"{line}\n".encode() for line in told))
