"""Who has what of a slice: the seller's net, the platform's fee, and who bears a part of it that goes back.

A lost dispute that is won late gives back what escrow and seller bore (docs/decisions, 11). The seller has it then, but
for what is the buyer's (`Share.due`):

| what the bank took | is the buyer's |
|---|---|
| of a dead line, or of shipping that goes back | for good, from the loss on (`_dues`) |
| of what a claim's decision gives back | until somebody appeals (`_dues`, `undue`) |
| all of a line whose goods the seller has, and nobody has decided about it | for good (`_ends_with`) |
| of a line whose rest goes back later; of shipping, with the last line | from then on (`with_dues`) |
| of a line whose rest another dispute takes, as the buyer's | from then on (`emptied_for_the_buyer`) |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from domain.claims.goods import back_undecided
from domain.money import Money, Verb, allocate, payable_part, total
from domain.purse import SHIPPING, SUSPENSE, Bearer, Dispute, DisputeStatus, Part, Share
from domain.state import DEAD, Funds, Line, MoneyOp, Order


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
    return Share(piece, Bearer.SELLER, amount, _fee_back(order, piece, amount))


def _fee_back(order: Order, piece: str, amount: Money) -> Money:
    """What the platform has of the next `amount` of a slice to go back; nothing of what no line was paid with."""
    if piece == SUSPENSE:
        return Money.zero(order.currency)
    left = order.left(piece)
    return fee_of(order, piece, left) - fee_of(order, piece, left - amount)


def moving(order: Order, op: MoneyOp) -> tuple[Part, ...]:
    """What of each slice an operation moves: all that is left, or, of a line that goes its way, what is granted."""
    if op.slices == (SUSPENSE,):
        return (Part(SUSPENSE, op.amount),)
    if op.verb is Verb.REFUND and any(line.line_id == op.slices[0] for line in order.live):
        return (Part(op.slices[0], op.amount),)
    return tuple(Part(piece, order.left(piece)) for piece in op.slices)


def parts_of(order: Order, amount: Money, charge: str) -> tuple[Part, ...]:
    """How a disputed `amount` of a charge is laid over the slices that still have its money, by what is left of each.

    Those that are being refunded come last, because they may be gone before the bank decides. What exceeds them all,
    and what cannot be paid, is laid over nothing: the platform bears it when the dispute is lost.
    """
    leaving = {}
    if order.op is not None and order.op.verb is Verb.REFUND and order.op.subject == charge:
        leaving = {part.piece: part.amount for part in moving(order, order.op)}
    lefts = {piece: _undisputed(order, piece, charge) for piece in _there(order, charge)}
    going = {piece: min(left, leaving[piece]) for piece, left in lefts.items() if piece in leaving}
    stay = _laid(amount, {piece: left - going[piece] if piece in going else left for piece, left in lefts.items()})
    rest = amount - total([part.amount for part in stay], order.currency)
    parts = (*stay, *_laid(rest, going))
    return tuple(Part(piece, amount) for piece, amount in by_slice(parts).items())


def by_slice(parts: Iterable[Part]) -> dict[str, Money]:
    """What parts of the same slices come to."""
    sums: dict[str, Money] = {}
    for part in parts:
        sums[part.piece] = sums[part.piece] + part.amount if part.piece in sums else part.amount
    return sums


def less(parts: Iterable[Part], gone: Iterable[Part]) -> tuple[Part, ...]:
    """The parts without what is gone of the same slices, and without those of which nothing is left."""
    had = by_slice(gone)
    return tuple(
        replace(part, amount=part.amount - had[part.piece]) if part.piece in had else part
        for part in parts
        if part.piece not in had or part.amount > had[part.piece]
    )


def _there(order: Order, charge: str) -> Iterator[str]:
    """The slices whose money came with a charge and is in escrow, paid out, or on its way back."""
    for piece in (*(line.line_id for line in order.lines), SHIPPING) if charge == order.payment.charge else ():
        if order.funds_of(piece) in (Funds.ESCROW, Funds.RELEASED):
            yield piece
    if order.in_suspense(charge):
        yield SUSPENSE


def made_up(order: Order, charge: str, amount: Money, won: str = "") -> tuple[Part, ...]:
    """What of the buyer's money that is back makes up for the platform's losses, by dispute; not by the one just `won`.

    The bank had given the buyer the same money, and he must not have it twice, but for less than can be paid.
    """
    found, left = [], amount
    for dispute in order.disputes:
        borne = dispute.status is DisputeStatus.BORNE and dispute.dispute_id != won
        if borne and order.disputed_charge(dispute) == charge:
            found.append(Part(dispute.dispute_id, payable_part(min(left, dispute.lost))))
            left -= found[-1].amount
    return tuple(part for part in found if part.amount)


def covered(order: Order) -> tuple[Dispute, ...]:
    """The order's disputes, those that nobody has borne laid over what has come back since they were opened.

    A refund often fails because its payment is disputed; then the bank decides about that money, and nothing is paid
    twice.
    """
    order = replace(order, disputes=tuple(_less_gone(order, d) if d.holds else d for d in order.disputes))
    disputes: tuple[Dispute, ...] = ()
    for at, dispute in enumerate(order.disputes):
        seen = replace(order, disputes=(*disputes, *order.disputes[at:]))
        disputes = (*disputes, _wider(seen, dispute) if dispute.holds else dispute)
    return disputes


def _less_gone(order: Order, dispute: Dispute) -> Dispute:
    """The dispute without what a refund that was under way when it came has taken of its parts."""
    charge = order.disputed_charge(dispute)
    there = {piece: _left(order, piece, charge) for piece in _there(order, charge)}
    parts = (Part(part.piece, min(part.amount, there[part.piece])) for part in dispute.parts if part.piece in there)
    return replace(dispute, parts=tuple(part for part in parts if part.amount))


def _wider(order: Order, dispute: Dispute) -> Dispute:
    rest = dispute.amount - total([part.amount for part in dispute.parts], order.currency)
    more = parts_of(order, rest, order.disputed_charge(dispute))
    return replace(dispute, parts=tuple(Part(*part) for part in by_slice((*dispute.parts, *more)).items()))


def _laid(amount: Money, over: dict[str, Money]) -> tuple[Part, ...]:
    """As much of an amount as can be paid and there is room for, by largest remainder."""
    room = {piece: left for piece, left in over.items() if left}
    laid = min(payable_part(amount), total(list(room.values()), amount.currency))
    if not laid:
        return ()
    amounts = allocate(laid, [left.minor for left in room.values()])
    return tuple(Part(piece, part) for piece, part in zip(room, amounts, strict=True) if part)


def _undisputed(order: Order, piece: str, charge: str) -> Money:
    """What is left of a slice of a charge beside what other disputes about that charge hold of it."""
    rivals = [dispute for dispute in order.disputes if dispute.holds and order.disputed_charge(dispute) == charge]
    parts = (part for dispute in rivals for part in dispute.parts if part.piece == piece)
    held, left = total([part.amount for part in parts], order.currency), _left(order, piece, charge)
    return left - min(held, left)


def _left(order: Order, piece: str, charge: str) -> Money:
    return order.in_suspense(charge) if piece == SUSPENSE else order.left(piece)


def shares_of(order: Order, dispute: Dispute) -> tuple[Share, ...]:
    """Who bears a lost dispute: escrow what it still has, the seller what was paid out, the platform all else."""
    return tuple(share for share in _shares(order, dispute) if share.amount)


def _shares(order: Order, dispute: Dispute) -> Iterator[Share]:
    bearers = {Funds.ESCROW: Bearer.ESCROW, Funds.RELEASED: Bearer.SELLER}
    uncovered, charge = dispute.amount, order.disputed_charge(dispute)
    for part in dispute.parts:
        bearer = bearers.get(order.funds_of(part.piece))
        if bearer is not None:
            # A refund that was under way when the dispute came has left less than it is about.
            amount = payable_part(min(part.amount, _left(order, part.piece, charge)))
            yield from _split(order, Part(part.piece, amount), bearer)
            uncovered -= amount
    yield Share("", Bearer.PLATFORM, uncovered, Money.zero(order.currency))


def _split(order: Order, part: Part, bearer: Bearer) -> Iterator[Share]:
    """What is taken of a slice: first what is the buyer's in any case, then the seller's."""
    had = fee = Money.zero(order.currency)
    for claim, most in (*_dues(order, part), (None, part.amount)):
        had += (amount := min(most, part.amount - had))
        share = Share(part.piece, bearer, amount, _fee_back(order, part.piece, had) - fee)
        fee += share.fee
        yield share if claim is None else replace(share, due=True, claim=claim)


def _dues(order: Order, part: Part) -> Iterator[tuple[str, Money]]:
    """What of a slice is to go back to the buyer, each with the claim whose ruling says so, "" for good."""
    piece = part.piece
    line = next((line for line in order.lines if line.line_id == piece), None)
    dead = line is not None and (line.state in DEAD or _ends_with(order, line, part.amount))
    if dead or (piece == SHIPPING and order.shipping_goes_back):
        yield "", order.left(piece)
        return
    yield "", _of(order.due_back, piece, order.currency)
    for claim in order.open_claims:
        if claim.ruling is not None:
            yield claim.claim_id, _of(claim.ruling.parts, piece, order.currency)


def _ends_with(order: Order, line: Line, taken: Money) -> bool:
    """Whether nobody will be asked any more about a line whose goods the seller has back, as the bank takes all of it.

    Silence gives the buyer what came back; won back later, it is not the seller's, who would have goods and money.
    """
    return taken == order.left(line.line_id) and back_undecided(order, line)


def _of(parts: Iterable[Part], piece: str, currency: str) -> Money:
    return total([part.amount for part in parts if part.piece == piece], currency)


def with_dues(order: Order) -> Order:
    """What the bank took of a slice whose rest goes back to the buyer by now is the buyer's too, should we win it back.

    A line of which the bank left nothing is dead as well, but it was the bank that gave it back. Shipping goes with the
    last line, also when all that the bank took was the buyer's already.
    """
    back = {line.line_id for line in order.lines if line.state in DEAD and order.left(line.line_id)}
    gone = all(line.line_id in back or _was_due(order, line.line_id) for line in order.lines)
    whole = order.shipping_back or (gone and not order.live)
    theirs = {*back, SHIPPING} if whole else back
    return _borne_as(order, lambda share: replace(share, due=True, claim="") if share.piece in theirs else share)


def _was_due(order: Order, line_id: str) -> bool:
    """Whether all that lost disputes took of a line was the buyer's."""
    borne = (dispute for dispute in order.disputes if dispute.status is DisputeStatus.BORNE)
    shares = [share for dispute in borne for share in dispute.shares if share.piece == line_id]
    return bool(shares) and all(share.due for share in shares)


def emptied_for_the_buyer(order: Order, shares: tuple[Share, ...], pieces: tuple[str, ...]) -> Order:
    """Of the slices of which `shares` took the last, and only what was the buyer's, earlier disputes took his as well.

    That is so of a line whose rest goes back in any other way, too (`with_dues`).
    """
    sellers = {share.piece for share in shares if not share.due}
    theirs = set(pieces) - sellers
    return _borne_as(order, lambda share: replace(share, due=True) if share.piece in theirs else share)


def undue(order: Order, claim_id: str) -> Order:
    """What was taken of the parts of a ruling that is appealed against is not the buyer's by that ruling any more."""
    return _borne_as(order, lambda share: replace(share, due=False, claim="") if share.claim == claim_id else share)


def _borne_as(order: Order, change: Callable[[Share], Share]) -> Order:
    """The order with the shares of lost disputes changed, as long as none is won back."""
    disputes = (
        replace(dispute, shares=tuple(change(share) for share in dispute.shares))
        if dispute.status is DisputeStatus.BORNE
        else dispute
        for dispute in order.disputes
    )
    return replace(order, disputes=tuple(disputes))


def bears_fee(order: Order, dispute: Dispute) -> bool:
    """Whether the seller bears the provider's fee: the party at fault by reason code, else the platform.

    A buyer who takes back what was refunded already, or is on its way back, is nobody's fault but the buyer's. What
    came back, and nobody has decided about yet, was not.
    """
    at_fault = dispute.reason in order.policy.dispute.seller_bears and dispute.fee.currency == order.currency
    undecided = {line.line_id for line in order.lines if back_undecided(order, line)}
    return at_fault and any(share.restorable or share.piece in undecided for share in shares_of(order, dispute))
