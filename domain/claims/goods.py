"""Where the goods of a claim are: nobody is to have both them and the money, and no silence leads there."""

from __future__ import annotations

from domain.claims.case import Claim, Finding, ReturnParcel
from domain.claims.ends import held_lines
from domain.parcels.parcel import Milestone, some_came_back
from domain.state import Line, LineState, Order


def with_seller(order: Order, line_id: str) -> bool:
    """Whether the seller has the goods of the line, or they are on their way to him.

    They came by a return of any claim about it, however that ended, or come by one of an open claim that has not
    failed; or the carrier brought a parcel back. The buyer's word that something was sent does not hold for ever, and
    a box without the goods is none of them once its claim is over: whoever decided about that knew it.
    """
    travel = any(claim.goods_travel for claim in order.open_claims if line_id in claim.lines)
    return travel or are_back(order, line_id)


def are_back(order: Order, line_id: str) -> bool:
    """Whether the seller has the goods of the line already."""
    brought_back = any(parcel.milestone is Milestone.RETURNED for parcel in order.parcels_of(line_id))
    about = (claim for claim in order.claims if line_id in claim.lines)
    real = (claim for claim in about if claim.is_open or claim.finding is not Finding.MISSING)
    return brought_back or any(claim.goods_are_back for claim in real)


def back_undecided(order: Order, line: Line) -> bool:
    """Whether the seller has the goods of a line, and nobody has said whose its money is.

    While a person is asked a box of several that came back counts for all of them. Of what never arrived nobody has
    said it either while no claim has it: a ticket without a change leaves it to silence, and to a box on its way.
    """
    claims = (claim for claim in order.open_claims if claim.holder == line.held)
    if line.held.startswith("parcel:") or any(claim.ruling is None for claim in claims):
        return are_back(order, line.line_id) or some_came_back(order.sent_with(line.line_id))
    never_arrived = line.state is LineState.SHIPPED and not line.held.startswith("claim:")
    return never_arrived and are_back(order, line.line_id)


def went_back(order: Order, claim: Claim) -> bool:
    """Whether that is so of any line that the claim holds, or of a box of it: no silence, and no slip, decides then."""
    lines = [line.line_id for line in held_lines(order, claim)]
    return any(with_seller(order, line_id) or some_came_back(order.sent_with(line_id)) for line_id in lines)


def all_went_back(order: Order, claim: Claim) -> bool:
    """Whether that is so of every line that the claim holds: there is nothing left to ask for."""
    return all(with_seller(order, line.line_id) for line in held_lines(order, claim))


def awaited(order: Order, claim: Claim) -> tuple[ReturnParcel, ...]:
    """The returns of the claim that have yet to arrive, while they matter: its money is not all back with the buyer.

    Where the goods are missing that includes what is said to have arrived: its carrier may bring it later than that.
    """
    matters = claim.is_open or any(line.line_id in claim.lines for line in order.live)
    open_yet = (back for back in claim.returns if back.arrived_at is None or claim.finding is Finding.MISSING)
    return tuple(open_yet) if matters else ()


def free_again(order: Order, claim: Claim) -> tuple[Line, ...]:
    """The lines of a claim that it has let go, and that neither another claim nor a parcel has taken up since."""
    mine = (line for line in order.live if line.line_id in claim.lines)
    return tuple(line for line in mine if not line.held.startswith(("claim:", "parcel:")))
