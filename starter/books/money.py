"""An order's money as each role may see it, as plain frozen data. Pure: made from its books, rendered elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from activities.store.books import BookedEntry, Booking, Operation, OrderBooks
from domain.accounts import CLEARING, FEES, escrow_account, seller_account
from domain.money import Money, Verb
from domain.state import DESK, Actor, Role
from starter.books.sums import BACK, IN, add_up, sums

TO_SELLER = (Verb.RELEASE.value, Verb.REVERSE_RELEASE.value)
SUMS: Mapping[Role, tuple[str, ...]] = {
    Role.BUYER: ("A", "C", "F", "Fp"),
    Role.SELLER: ("E", "S", "Sp", "X", "F", "K", "Q"),
}
"""The sums that a party may see; the desk sees all."""

OPERATIONS: Mapping[Role, frozenset[Verb]] = {
    Role.BUYER: frozenset({Verb.AUTHORISE, Verb.REAUTHORISE, Verb.CAPTURE, Verb.VOID, Verb.REFUND}),
    Role.SELLER: frozenset({Verb.CAPTURE, Verb.RELEASE, Verb.REVERSE_RELEASE, Verb.REFUND}),
}


@dataclass(frozen=True, slots=True)
class BookingView:
    """One transaction with the entries that the viewer may see.

    `number` and `corrects` are for the desk. `escrow` is what the order had in escrow after it, None where the viewer
    may not see that. `order_id` is another one when that order's release pays a debt of this one.
    """

    number: int | None
    at: datetime
    order_id: str
    verb: str
    seq: int
    corrects: int | None
    entries: tuple[BookedEntry, ...]
    escrow: Money | None


@dataclass(frozen=True, slots=True)
class OperationView:
    """An operation: ``pending``, ``done`` or ``refused``. `amount` was asked for, `done` has moved.

    Keys and the provider's words are the desk's.
    """

    verb: str
    seq: int
    state: str
    amount: Money
    done: Money | None
    asked_at: datetime
    resolved_at: datetime | None
    key: str = ""
    ref: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class MoneyView:
    """An order's money. `sums` are by the symbols of docs/invariants.md; `adds_up` is None for parties."""

    order_id: str
    seen_as: str
    currency: str
    bookings: tuple[BookingView, ...]
    operations: tuple[OperationView, ...]
    sums: Mapping[str, Money]
    adds_up: bool | None


def money_view(books: OrderBooks, actor: Actor) -> MoneyView:
    """The order's money for `actor`, who may see the order."""
    role, every = actor.role, sums(books)
    desk = role in DESK
    return MoneyView(
        books.order_id,
        role.value,
        books.currency,
        tuple(_bookings(books, role)),
        tuple(_operation(op, desk=desk) for op in books.operations if desk or op.verb in OPERATIONS[role]),
        every if desk else {symbol: every[symbol] for symbol in SUMS[role]},
        add_up(every) if desk else None,
    )


def _bookings(books: OrderBooks, role: Role) -> Iterator[BookingView]:
    desk, escrow = role in DESK, Money.zero(books.currency)
    for booking in books.bookings:
        for entry in booking.entries:
            if entry.account.startswith(escrow_account(books.order_id, "")):
                escrow += entry.credit
        entries = tuple(entry for entry in booking.entries if desk or _shown(role, books, booking, entry.account))
        if entries:
            yield BookingView(
                booking.number if desk else None,
                booking.at,
                booking.order_id,
                booking.verb,
                booking.seq,
                booking.corrects if desk else None,
                entries,
                None if role is Role.BUYER else escrow,
            )


def _shown(role: Role, books: OrderBooks, booking: Booking, account: str) -> bool:
    """Buyers see what was charged and given back, sellers what is held for them, paid to them, kept and owed."""
    if role is Role.BUYER:
        return account == CLEARING and booking.verb in (*IN, *BACK)
    own = (escrow_account(books.order_id, ""), f"receivable:{books.seller}:")
    mine = account.startswith(own) or account in (seller_account(books.seller), FEES)
    return mine or (account == CLEARING and booking.verb in TO_SELLER)


def _operation(op: Operation, *, desk: bool) -> OperationView:
    shown = OperationView(op.verb, op.seq, op.state, op.amount, op.done, op.asked_at, op.resolved_at)
    if not desk:
        return shown
    return OperationView(
        op.verb, op.seq, op.state, op.amount, op.done, op.asked_at, op.resolved_at, op.key, op.ref, op.code
    )
