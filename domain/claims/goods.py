"""Where the goods of a claim are: nobody is to have both them and the money, and no silence leads there."""

from __future__ import annotations

from domain.claims.case import Claim
from domain.claims.ends import held_lines
from domain.state import Line, Milestone, Order


def with_seller(order: Order, line_id: str) -> bool:
    """Whether the seller has the goods of the line, or they are on their way to him.

    They came, or come, by a return of any claim about it, however that ended; or the carrier brought a parcel back.
    """
    brought_back = any(parcel.milestone is Milestone.RETURNED for parcel in order.parcels_of(line_id))
    return brought_back or any(claim.return_began for claim in order.claims if line_id in claim.lines)


def went_back(order: Order, claim: Claim) -> bool:
    """Whether that is so of any line that the claim holds, which is decided about with all others."""
    return any(with_seller(order, line.line_id) for line in held_lines(order, claim))


def awaited(order: Order, claim: Claim) -> bool:
    """Whether a return of the claim has yet to arrive, and matters: its money is not all back with the buyer."""
    travels = claim.back is not None and claim.back.arrived_at is None
    return travels and (claim.is_open or any(line.line_id in claim.lines for line in order.live))


def free_again(order: Order, claim: Claim) -> tuple[Line, ...]:
    """The lines of a claim that it has let go, and that neither another claim nor a parcel has taken up since."""
    mine = (line for line in order.live if line.line_id in claim.lines)
    return tuple(line for line in mine if not line.held.startswith(("claim:", "parcel:")))
