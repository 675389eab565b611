"""The document that a storefront places: a checkout, and the personal data that must not enter a workflow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from email.errors import MessageError
from email.headerregistry import Address as MailAddress
from typing import Any

from activities.store.personal import Address, Person
from domain import wire
from domain.checkout import ID, Checkout, check, is_line, not_a_line
from domain.contract import MOST_BYTES
from domain.errors import Invalid

MOST_ORDERS = 50
LONGEST = 200
MOST_ADDRESS_LINES = 10
_EMAIL = re.compile(r"""[^\s@<>()\[\],;:\\"]+@[^\s@<>()\[\],;:\\"]+""")
"""One plain address: no name beside it, and no second one."""


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach a party. `language` is a BCP 47 tag such as ``de``."""

    name: str = field(repr=False)
    email: str = field(repr=False)
    language: str = "en"
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class People:
    """Both parties, as far as the storefront tells."""

    buyer: Contact | None = None
    seller: Contact | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where the parcels go, line by line as it stands on a label."""

    lines: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """One order, ready to place: `plain` may enter the workflow; `people` and `address` go to the vault.

    `path` says where the order stands in a checkout of several, as in ``orders[1].``.
    """

    plain: Mapping[str, Any]
    checkout: Checkout
    people: tuple[Person, ...] = ()
    address: Address | None = None
    path: str = ""

    @property
    def order_id(self) -> str:
        return self.checkout.order_id

    @property
    def content_hash(self) -> str:
        """What makes two documents of one order id the same, beside the mark of their personal data."""
        return wire.digest(dict(self.plain))

    @property
    def payment_ref(self) -> str | None:
        return (self.checkout.payment.payment_intent or None) if self.checkout.payment else None


def an_object(document: object) -> dict[str, Any]:
    """A document as what it must be; raises Invalid for anything else."""
    if not isinstance(document, dict):
        raise Invalid("document", f"must be one JSON object, not {type(document).__name__}")
    return document


def _check_names(document: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in document:
        if name not in known:
            raise Invalid(name, f"is not known here; known: {', '.join(known)}")


def read(document: object) -> Document:
    """One order's document, checked as far as that needs nobody else. Raises Invalid, naming field and rule."""
    plain = dict(an_object(document))
    _check_names(plain, (*(each.name for each in fields(Checkout)), "people", "address"))
    people = wire.from_plain(People, plain.pop("people", {}), "people")
    address = plain.pop("address", None)
    if address is not None and "address_id" not in plain:
        plain["address_id"] = _address_of(plain.get("order_id", ""))
    checkout = wire.from_plain(Checkout, plain)
    check(checkout)
    if len(json.dumps(plain).encode()) > MOST_BYTES:
        raise Invalid("document", f"is larger than {MOST_BYTES} bytes; shorten the texts of its lines")
    return Document(
        plain,
        checkout,
        tuple(
            _person(person_id, contact, f"people.{party}")
            for party, person_id, contact in (
                ("buyer", checkout.buyer.person_id, people.buyer),
                ("seller", checkout.seller.person_id, people.seller),
            )
            if contact is not None
        ),
        delivery(address, checkout.address_id, checkout.buyer.person_id) if address is not None else None,
    )


def read_orders(document: object) -> tuple[Document, ...]:
    """The orders of one checkout, ``{"checkout_id", "orders": [...]}``.

    `people` and `address` at its top are shared. Raises Invalid, naming the order's place in the list as well.
    """
    document = an_object(document)
    _check_names(document, ("checkout_id", "orders", "people", "address", "address_id"))
    checkout_id, orders = document.get("checkout_id"), document.get("orders")
    if not isinstance(checkout_id, str) or not checkout_id:
        raise Invalid("checkout_id", "must name the checkout that the orders belong to")
    if not isinstance(orders, list) or not 1 <= len(orders) <= MOST_ORDERS:
        raise Invalid("orders", f"must be a list of 1 to {MOST_ORDERS} orders")
    found = []
    for i, order in enumerate(orders):
        try:
            found.append(replace(read(_in_checkout(order, checkout_id, document)), path=f"orders[{i}]."))
        except Invalid as error:
            raise Invalid(f"orders[{i}].{error.field}", error.rule) from None
        if any(other.order_id == found[-1].order_id for other in found[:-1]):
            raise Invalid(f"orders[{i}].order_id", f"{found[-1].order_id!r} stands twice in this checkout")
    return tuple(found)


def _in_checkout(order: object, checkout_id: str, whole: Mapping[str, Any]) -> object:
    """An order of the list with what all of them share."""
    if not isinstance(order, dict):
        return order
    if order.get("checkout_id", checkout_id) != checkout_id:
        raise Invalid("checkout_id", f"must be {checkout_id!r}, as for the whole checkout, or be left out")
    shared = {name: whole[name] for name in ("address", "address_id") if name in whole and "address_id" not in order}
    if "address" in shared:
        shared.setdefault("address_id", _address_of(checkout_id))
    people = {**_object(whole.get("people", {})), **_object(order.get("people", {}))}
    return {**shared, **order, "checkout_id": checkout_id, **({"people": people} if people else {})}


def _address_of(known_by: object) -> str:
    """The id of an address that came without one, from that of its order or checkout; a long one is shortened."""
    full = f"{known_by}-address"
    return full if ID.fullmatch(full) else f"address-{wire.digest(full)[:32]}"


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid("people", f"must be an object, not {type(value).__name__}")
    return value


def _person(person_id: str, contact: Contact, path: str) -> Person:
    for name in ("name", "email", "language", "phone"):
        given = getattr(contact, name)
        if (name == "name" or given) and not is_line(given, LONGEST):
            raise Invalid(f"{path}.{name}", not_a_line(LONGEST))
    if not _EMAIL.fullmatch(contact.email) or not _can_be_mailed(contact.email):
        raise Invalid(f"{path}.email", "is not a mail address; write for example 'someone@example.org'")
    return Person(person_id, contact.name, contact.email, contact.language, contact.phone)


def _can_be_mailed(address: str) -> bool:
    """Whether a mail can be addressed to it; a local part outside ASCII would need a server that few have."""
    try:
        MailAddress(addr_spec=address)
    except (ValueError, IndexError, MessageError):
        return False
    return address.partition("@")[0].isascii()


def delivery(address: object, address_id: str, person_id: str) -> Address:
    """An address to store, ``{"lines": [...]}``; raises Invalid without quoting it."""
    lines = wire.from_plain(Delivery, address, "address").lines
    if not 1 <= len(lines) <= MOST_ADDRESS_LINES or not all(is_line(line, LONGEST) for line in lines):
        rule = f"must be 1 to {MOST_ADDRESS_LINES} lines of 1 to {LONGEST} printable characters each"
        raise Invalid("address.lines", rule)
    return Address(address_id, person_id, lines)
