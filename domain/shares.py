"""Who has what of a slice: the seller's net, the platform's fee, and who bears a part of it that goes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from domain.money import Money, Verb, allocate, total
from domain.purse import SHIPPING, Bearer, Dispute, Part, Share
from domain.state import Funds, Order


def fee_of(order: Order, piece: str, left: Money) -> Money:
    """The platform's fee while `left` of a slice has not gone back: it is returned pro rata (docs/rules.md, Fees)."""
    line = next((line for line in order.lines if line.line_id == piece), None)
    if line is not None:
        return allocate(line.fee, [left.minor, (line.price - left).minor])[0]
    restored = next((dispute for dispute in order.disputes if dispute.dispute_id == piece), None)
    return restored.restorable_fee if restored is not None else Money.zero(order.currency)


def net_of(order: Order, piece: str) -> Money:
    """What the seller gets for what is left of a slice."""
    left = order.left(piece)
    return left - fee_of(order, piece, left)


def back_of(order: Order, piece: str, amount: Money) -> Share:
    """What seller and platform have of the next `amount` of a slice to go back."""
    left = order.left(piece)
    fee = fee_of(order, piece, left) - fee_of(order, piece, left - amount)
    return Share(piece, Bearer.SELLER, amount, fee)


def parts_of(order: Order, amount: Money) -> tuple[Part, ...]:
    """How a disputed `amount` is laid over the slices that still have money, by what is left of each.

    Those that are being refunded come last, because they may be gone before the bank decides. What exceeds them all is
    laid over nothing: the platform bears it when the dispute is lost.
    """
    pieces = [*(line.line_id for line in order.lines), SHIPPING]
    there = (Funds.ESCROW, Funds.RELEASED)
    lefts = {piece: _undisputed(order, piece) for piece in pieces if order.funds_of(piece) in there}
    leaving = order.op.slices if order.op is not None and order.op.verb is Verb.REFUND else ()
    stay = _laid(amount, {piece: left for piece, left in lefts.items() if piece not in leaving})
    rest = amount - total([part.amount for part in stay], order.currency)
    return (*stay, *_laid(rest, {piece: left for piece, left in lefts.items() if piece in leaving}))


def covered(order: Order) -> tuple[Dispute, ...]:
    """The order's disputes, those that nobody has borne laid over what has come back since they were opened.

    A refund often fails because its payment is disputed; then the bank decides about that money, and nothing is paid
    twice.
    """
    disputes: tuple[Dispute, ...] = ()
    for at, dispute in enumerate(order.disputes):
        seen = replace(order, disputes=(*disputes, *order.disputes[at:]))
        disputes = (*disputes, _wider(seen, dispute) if dispute.holds else dispute)
    return disputes


def _wider(order: Order, dispute: Dispute) -> Dispute:
    rest = dispute.amount - total([part.amount for part in dispute.parts], order.currency)
    return replace(dispute, parts=(*dispute.parts, *parts_of(order, rest)))


def _laid(amount: Money, over: dict[str, Money]) -> tuple[Part, ...]:
    """As much of an amount as there is room for, by largest remainder."""
    room = {piece: left for piece, left in over.items() if left}
    if not room or not amount:
        return ()
    amounts = allocate(min(amount, total(list(room.values()), amount.currency)), [left.minor for left in room.values()])
    return tuple(Part(piece, part) for piece, part in zip(room, amounts, strict=True) if part)


def _undisputed(order: Order, piece: str) -> Money:
    """What is left of a slice beside what other disputes hold of it."""
    parts = (part for dispute in order.disputes if dispute.holds for part in dispute.parts if part.piece == piece)
    return order.left(piece) - total([part.amount for part in parts], order.currency)


def shares_of(order: Order, dispute: Dispute) -> tuple[Share, ...]:
    """Who bears a lost dispute: escrow what it still has, the seller what was paid out, the platform all else."""
    return tuple(share for share in _shares(order, dispute) if share.amount)


def _shares(order: Order, dispute: Dispute) -> Iterator[Share]:
    bearers = {Funds.ESCROW: Bearer.ESCROW, Funds.RELEASED: Bearer.SELLER}
    uncovered = dispute.amount
    for part in dispute.parts:
        bearer = bearers.get(order.funds_of(part.piece))
        if bearer is not None:
            share = back_of(order, part.piece, part.amount)
            yield Share(part.piece, bearer, share.amount, share.fee)
            uncovered -= share.amount
    yield Share("", Bearer.PLATFORM, uncovered, Money.zero(order.currency))


def bears_fee(order: Order, dispute: Dispute) -> bool:
    """Whether the seller bears the provider's fee: the party at fault by reason code, else the platform.

    A buyer who takes back what was refunded already is nobody's fault but the buyer's.
    """
    at_fault = dispute.reason in order.policy.dispute.seller_bears and dispute.fee.currency == order.currency
    return at_fault and any(share.by is not Bearer.PLATFORM for share in shares_of(order, dispute))
