"""Who has what of a slice: the seller's net, the platform's fee, and who bears a part of it that goes back."""

from __future__ import annotations

from collections.abc import Iterator

from domain.money import Money, allocate, total
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

    What exceeds them all is laid over nothing: the platform bears it when the dispute is lost.
    """
    pieces = [*(line.line_id for line in order.lines), SHIPPING]
    there = (Funds.ESCROW, Funds.RELEASED)
    free = [p for p in pieces if order.funds_of(p) in there and p not in order.disputed and order.left(p)]
    if not free:
        return ()
    lefts = [order.left(piece) for piece in free]
    amounts = allocate(min(amount, total(lefts, order.currency)), [left.minor for left in lefts])
    return tuple(Part(piece, part) for piece, part in zip(free, amounts, strict=True) if part)


def shares_of(order: Order, dispute: Dispute) -> tuple[Share, ...]:
    """Who bears a lost dispute: escrow what it still has, the seller what was paid out, the platform all else."""
    return tuple(share for share in _shares(order, dispute) if share.amount)


def _shares(order: Order, dispute: Dispute) -> Iterator[Share]:
    bearers = {Funds.ESCROW: Bearer.ESCROW, Funds.RELEASED: Bearer.SELLER}
    uncovered = dispute.amount
    for part in dispute.parts:
        bearer = bearers.get(order.funds_of(part.piece))
        if bearer is not None:
            share = back_of(order, part.piece, min(part.amount, order.left(part.piece)))
            yield Share(part.piece, bearer, share.amount, share.fee)
            uncovered -= share.amount
    yield Share("", Bearer.PLATFORM, uncovered, Money.zero(order.currency))


def bears_fee(order: Order, dispute: Dispute) -> bool:
    """Whether the seller bears the provider's fee: the party at fault by reason code, else the platform.

    A buyer who takes back what was refunded already is nobody's fault but the buyer's.
    """
    at_fault = dispute.reason in order.policy.dispute.seller_bears and dispute.fee.currency == order.currency
    return at_fault and any(share.by is not Bearer.PLATFORM for share in shares_of(order, dispute))
