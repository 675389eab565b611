"""How money is booked: the balanced entries of an operation that was done, and of what a provider tells.

`domain/accounts.py` is the chart of accounts, docs/money.md shows every flow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.accounts import (
    CLEARING,
    DISPUTE_FEES,
    FEES,
    LOSSES,
    disputed_account,
    escrow_account,
    receivable_account,
    seller_account,
    suspense_account,
)
from domain.events import DisputeOpened, DisputeWon, Event, MoneyStrayed, RefundFailed
from domain.funds import Done, Result
from domain.money import Money, Verb, total
from domain.purse import SUSPENSE, Bearer, DisputeStatus, Part
from domain.shares import back_of, bears_fee, fee_of, moving, shares_of
from domain.state import Funds, MoneyOp, Order


class Side(StrEnum):
    """The two sides of an entry."""

    DEBIT = "debit"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a booking; `amount` is positive."""

    account: str
    side: Side
    amount: Money


@dataclass(frozen=True, slots=True)
class Booking:
    """Entries that a step books beside those of its operation; `verb` tells them apart from others of that step."""

    verb: str
    entries: tuple[Entry, ...]


def _debit(account: str, amount: Money) -> Entry:
    return Entry(account, Side.DEBIT, amount)


def _credit(account: str, amount: Money) -> Entry:
    return Entry(account, Side.CREDIT, amount)


def _booked(*entries: Entry) -> tuple[Entry, ...]:
    """What is zero is left out."""
    return tuple(entry for entry in entries if entry.amount)


def entries(order: Order, op: MoneyOp, result: Result) -> tuple[Entry, ...]:
    """The balanced booking of an operation that was done; empty when no money changed hands. `order` is before it."""
    if not isinstance(result, Done):
        return ()
    match op.verb:
        case Verb.CAPTURE:
            taken = [_credit(slice_account(order, piece), order.left(piece)) for piece in op.slices]
            return (_debit(CLEARING, op.amount), *taken)
        case Verb.REFUND:
            back = [entry for part in moving(order, op) for entry in _given_back(order, part)]
            return _booked(*back, _credit(CLEARING, op.amount))
        case Verb.RELEASE:
            return _release(order, op, result)
        case Verb.REVERSE_RELEASE:
            return (_debit(CLEARING, result.amount), _credit(_owed(order), result.amount))
        case Verb.BEAR:
            return _borne(order, op)
        case Verb.WRITE_OFF:
            return _booked(_debit(LOSSES, result.amount), _credit(_owed(order), result.amount))
        case _:
            return ()


def bookings(order: Order, events: Iterable[Event]) -> tuple[Booking, ...]:
    """What events book by themselves: money that moved at the provider without our asking."""
    found = [_TOLD[type(event)](order, event) for event in events if type(event) in _TOLD]
    return tuple(booking for booking in found if booking.entries)


def slice_account(order: Order, piece: str) -> str:
    """Where the money of a slice stands while it is ours to move."""
    return suspense_account(order.order_id) if piece == SUSPENSE else escrow_account(order.order_id, piece)


def _owed(order: Order) -> str:
    return receivable_account(order.seller, order.order_id)


def _given_back(order: Order, part: Part) -> tuple[Entry, ...]:
    """It goes back to the buyer: out of escrow, or, paid out before, to be got back from the seller."""
    if order.funds_of(part.piece) is not Funds.RELEASED:
        return (_debit(slice_account(order, part.piece), part.amount),)
    share = back_of(order, part.piece, part.amount)
    return (_debit(_owed(order), share.net), _debit(FEES, share.fee))


def _release(order: Order, op: MoneyOp, result: Done) -> tuple[Entry, ...]:
    """Escrow becomes the platform's fee and the seller's due, which is paid at once or nets what the seller owes."""
    seller = seller_account(order.seller)
    lefts = {piece: order.left(piece) for piece in op.slices}
    fee = total([fee_of(order, piece, left) for piece, left in lefts.items()], order.currency)
    return _booked(
        *(_debit(slice_account(order, piece), left) for piece, left in lefts.items()),
        _credit(seller, op.amount),
        _credit(FEES, fee),
        _debit(seller, op.amount),
        _credit(CLEARING, result.amount),
        *(_credit(receivable_account(order.seller, debtor), amount) for debtor, amount in result.netted),
    )


def _borne(order: Order, op: MoneyOp) -> tuple[Entry, ...]:
    """A lost dispute comes out of escrow, of what was paid out to the seller, or of the platform's pocket."""
    dispute = next(d for d in order.disputes if d.dispute_id == op.subject)
    booked: list[Entry] = []
    for share in shares_of(order, dispute):
        match share.by:
            case Bearer.ESCROW:
                booked.append(_debit(slice_account(order, share.piece), share.amount))
            case Bearer.SELLER:
                booked += [_debit(_owed(order), share.net), _debit(FEES, share.fee)]
            case Bearer.PLATFORM:
                booked.append(_debit(LOSSES, share.amount))
    booked.append(_credit(disputed_account(order.order_id), dispute.amount))
    if bears_fee(order, dispute):
        booked += [_debit(_owed(order), dispute.sellers_fee), _credit(DISPUTE_FEES, dispute.sellers_fee)]
    return _booked(*booked)


def _withdrawn(order: Order, event: DisputeOpened) -> Booking:
    dispute = event.dispute
    return Booking(
        "dispute",
        _booked(
            _debit(disputed_account(order.order_id), dispute.amount),
            _credit(CLEARING, dispute.amount),
            _debit(DISPUTE_FEES, dispute.fee),
            _credit(CLEARING, dispute.fee),
        ),
    )


def _returned(order: Order, event: DisputeWon) -> Booking:
    """The money is back where it was withdrawn from, or, when it was borne meanwhile, with those who bore it."""
    dispute = event.won
    home = [_credit(disputed_account(order.order_id), dispute.amount)]
    if dispute.status is DisputeStatus.BORNE:
        home = [
            _credit(escrow_account(order.order_id, dispute.dispute_id), dispute.restorable),
            _credit(suspense_account(order.order_id), event.stray),
            _credit(LOSSES, total([dispute.lost, *(part.amount for part in event.made_up)], order.currency)),
            *([_credit(LOSSES, event.recovered)] if event.recovered else []),
        ]
    platforms = event.fee - dispute.fee_back if dispute.fee_back else event.fee
    fee = _debit(DISPUTE_FEES, -platforms) if platforms.minor < 0 else _credit(DISPUTE_FEES, platforms)
    taken_in = (_debit(CLEARING, dispute.amount), _debit(CLEARING, event.fee))
    return Booking("dispute_won", _booked(*taken_in, *home, fee))


def _refund_failed(order: Order, event: RefundFailed) -> Booking:
    """What the bank has given the buyer, too, was the platform's loss, and is none any more."""
    made_up = [_credit(LOSSES, part.amount) for part in event.made_up]
    back = [_credit(slice_account(order, part.piece), part.amount) for part in event.back]
    return Booking("refund_failed", (_debit(CLEARING, event.move.amount), *made_up, *back))


def _strayed(order: Order, event: MoneyStrayed) -> Booking:
    amount = event.stray.amount
    return Booking("suspense", (_debit(CLEARING, amount), _credit(suspense_account(order.order_id), amount)))


_TOLD: Mapping[type, Callable[[Order, Any], Booking]] = {
    DisputeOpened: _withdrawn,
    DisputeWon: _returned,
    RefundFailed: _refund_failed,
    MoneyStrayed: _strayed,
}
