"""What carriers tell that claims hear of: returns on their way, and parcels that were brought back to the seller."""

from __future__ import annotations

from collections.abc import Iterator

from domain.claims.answers import escalate, missed
from domain.claims.case import Claim, ReturnParcel, Status
from domain.claims.ends import at_stake, held_lines
from domain.claims.goods import awaited, free_again
from domain.claims.steps import Case
from domain.errors import Refused
from domain.events import ClaimAppealed, ClaimMoved, Event, LinesHeld, ReturnArrived, ReturnFailed
from domain.money import total
from domain.parcels.parcel import FAILED, Milestone, Parcel
from domain.state import LineState, Order
from domain.step import Moment


def returned_with(order: Order, parcel_id: str) -> Claim | None:
    """The claim whose goods travel back in that parcel, or did."""
    return next((claim for claim in order.claims for back in claim.returns if back.parcel_id == parcel_id), None)


def came_back(case: Case) -> tuple[Event, ...]:
    """A delivery scan of a return is as good as the seller's word; who decides meanwhile knows that it came.

    So is that of an earlier one which had failed: goods that are back are asked of nobody, in whichever parcel.
    One that is lost, or goes back to the buyer, will not arrive, which is the platform's at once. Raises Refused for
    any other scan, and when the return had arrived before (`Claim.may_bring`).
    """
    claim, milestone, parcel_id = case.claim, case.body.milestone, case.body.parcel_id
    back = next((back for back in awaited(case.order, claim) if back.parcel_id == parcel_id), None)
    if back is None or not claim.may_bring(back, case.body.at):
        raise Refused("nothing_new", f"the return of claim {claim.claim_id} had arrived before, or is the seller's")
    if milestone in FAILED and fails(claim, back):
        return _failed(case)
    if milestone is not Milestone.DELIVERED:
        raise Refused("nothing_new", f"of the return of claim {claim.claim_id} only its end is kept")
    arrived = ReturnArrived(claim.claim_id, case.now, parcel_id)
    if claim.goods_were_seen:
        return (arrived,)
    if claim.status in (Status.RETURN_REQUESTED, Status.RETURN_SENT):
        return (arrived, ClaimMoved(claim.claim_id, Status.RETURN_RECEIVED, case.now))
    others = (other for other in _holding(case.moment, claim.lines) if other.claim is not claim)
    return (arrived, *_decided_anew(case), *(event for other in others for event in _without_goods(other)))


def _failed(case: Case) -> tuple[Event, ...]:
    """A refund that was decided while the goods travelled, and has not been made, is decided anew without them."""
    claim = case.claim
    if claim.status is Status.RETURN_SENT:
        return missed(case)
    failed = ReturnFailed(claim.claim_id, case.now)
    if claim.ruling is None or not claim.ruling.parts:
        return (failed,)
    return (failed, ClaimAppealed(claim.claim_id, case.now), *escalate(case))


def fails(claim: Claim, back: ReturnParcel) -> bool:
    """Whether it matters that this return will not arrive: no other of the claim has arrived, or is on its way."""
    return claim.is_open and claim.goods_travel and back.travels


def brought_back(moment: Moment, parcel: Parcel) -> tuple[Event, ...]:
    """A carrier brings a parcel back to the seller: what its buyer was to send, or was to lose, is the platform's.

    Of a line that came with another parcel in its place the buyer has the goods all the same.
    """
    lines = tuple(line_id for line_id in parcel.lines if not moment.order.replaced(parcel, line_id))
    held = (event for case in _holding(moment, lines) for event in _without_goods(case))
    return (*held, *_judged_before(moment, parcel))


def _holding(moment: Moment, lines: tuple[str, ...]) -> Iterator[Case]:
    """The open claims that hold any of the lines."""
    for claim in moment.order.open_claims:
        if any(line.line_id in lines for line in held_lines(moment.order, claim)):
            yield Case(claim, moment)


def silently_accepted(order: Order, parcel: Parcel) -> tuple[str, ...]:
    """The lines that arrived with that parcel for all but the buyer, who has not said so, and that no claim has.

    What arrived with another parcel in its place is no matter of this one's.
    """
    lines = (line for line in order.live if line.line_id in parcel.lines and line.state is LineState.ACCEPTED)
    free = (line for line in lines if not line.received and not line.held.startswith("claim:"))
    return tuple(line.line_id for line in free if not order.replaced(parcel, line.line_id))


def judged(order: Order, line_id: str) -> Claim | None:
    """The last claim about the line that was decided or agreed upon, unless its money is still on the way.

    Such a one is not decided anew beside that money.
    """
    claims = (claim for claim in reversed(order.claims) if claim.concluded and line_id in claim.lines)
    last = next(claims, None)
    return None if last is None or last.is_open else last


def _judged_before(moment: Moment, parcel: Parcel) -> tuple[Event, ...]:
    """What was decided for a seller who has the goods now is decided anew, but for what was decided with them back."""
    order, found = moment.order, silently_accepted(moment.order, parcel)
    events: list[Event] = []
    for claim in order.claims:
        lines = tuple(line_id for line_id in found if judged(order, line_id) is claim)
        if lines and not claim.goods_were_seen:
            events += _taken_up_again(Case(claim, moment), lines)
    return tuple(events)


def _without_goods(case: Case) -> tuple[Event, ...]:
    return escalate(case) if case.claim.status is Status.RETURN_REQUESTED else _decided_anew(case)


def _decided_anew(case: Case) -> tuple[Event, ...]:
    """Goods that came after the decision are as good as an appeal: the seller does not keep both by anybody's silence.

    So it is where the decision waits for an appeal, and where the claim is over and holds its lines again.
    """
    order, claim = case.order, case.claim
    if claim.goods_were_seen or not (claim.ruling or claim.is_settled):
        return ()
    if claim.ruling is None:
        return _taken_up_again(case, tuple(line.line_id for line in free_again(order, claim)))
    back = total([part.amount for part in claim.ruling.parts], order.currency)
    return (ClaimAppealed(claim.claim_id, case.now), *escalate(case)) if back < at_stake(order, claim) else ()


def _taken_up_again(case: Case, free: tuple[str, ...]) -> tuple[Event, ...]:
    """A claim that is over has these lines again, if there are any, and somebody else decides about it."""
    claim = case.claim
    held = (LinesHeld(free, claim.holder),)
    return (*held, ClaimAppealed(claim.claim_id, case.now), *escalate(case)) if free else ()
