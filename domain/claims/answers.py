"""What the steps of a claim do, and what they need."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domain.business_time import add_business_days, add_business_minutes, business_minutes_between
from domain.checkout import ID, LONGEST_OF_PARCELS, NOT_AN_ID, is_line, not_a_line
from domain.claims.case import (
    ASKED,
    OWN_DECISION,
    Claim,
    ClaimReason,
    Finding,
    RefundOffer,
    ReturnParcel,
    Ruling,
    Side,
    Status,
    Verdict,
)
from domain.claims.ends import at_stake, held_lines, let_go, parts_of_refund, settled
from domain.claims.goods import all_went_back, went_back
from domain.claims.steps import Case, ClaimGuard
from domain.claims.terms import numbers_of
from domain.errors import Invalid, Refused
from domain.events import (
    ClaimAppealed,
    ClaimAssigned,
    ClaimMoved,
    ClaimRuled,
    ClaimWaits,
    DaysGranted,
    Event,
    RefundOffered,
    ReturnArrived,
    ReturnFailed,
    ReturnInspected,
    ReturnInstructed,
    ReturnSent,
    TicketAssigned,
    TicketOpened,
    TierMoved,
)
from domain.money import Money, payable, share_down
from domain.purse import Part
from domain.state import Cause, LineState, Order, Role
from domain.tickets import opened

WHOLE = 10_000
"""Basis points of a whole."""


def offered_by(side: Side) -> ClaimGuard:
    """A guard: an offer of that side stands."""

    def offer_stands(order: Order, claim: Claim) -> str | None:
        stands = claim.offer is not None and claim.offer.by is side
        return None if stands else f"claim {claim.claim_id} has no offer by the {side}"

    return offer_stands


def not_received(order: Order, claim: Claim) -> str | None:
    """There is something to wait for."""
    return None if claim.reason is ClaimReason.NOT_RECEIVED else "only a claim about a missing parcel can wait"


def wait_days_left(order: Order, claim: Claim) -> str | None:
    """The policy's allowance is not used up."""
    had = dict(order.granted_days).get("wait", 0)
    return None if had < order.policy.wait_longer.most else f"{had} more days were given, which is all there are"


def never_upstream(order: Order, claim: Claim) -> str | None:
    """An agent asks the shop once; after that the case is not kept from the platform any more."""
    asked = claim.upstream_at is not None
    return f"claim {claim.claim_id} was passed upstream before" if asked else None


def nothing_on_its_way_back(order: Order, claim: Claim) -> str | None:
    """The shop is asked before goods go back; afterwards it is for the platform to say whose the money is."""
    began = went_back(order, claim)
    return f"the goods of claim {claim.claim_id} are back, or on their way; decide about the money" if began else None


def goods_with_buyer(order: Order, claim: Claim) -> str | None:
    """Who has no goods any more does not leave the seller the money by a slip, and silence after it."""
    if not went_back(order, claim):
        return None
    return f"the goods of claim {claim.claim_id} are with the seller, or on their way there; the platform decides"


def against(side: Side) -> ClaimGuard:
    """A guard: a decision that goes against that side waits for an appeal; one that is final does not wait."""

    def appealable(order: Order, claim: Claim) -> str | None:
        if claim.ruling is None:
            return f"claim {claim.claim_id} has no decision that can be appealed"
        if side in claim.ruling.against:
            return None
        return f"what was decided about claim {claim.claim_id} does not go against the {side}, who cannot appeal"

    return appealable


def not_back(order: Order, claim: Claim) -> str | None:
    """The goods come back, and are not known to have arrived; the platform that decides meanwhile asks for none."""
    if claim.status in (Status.RETURN_REQUESTED, Status.RETURN_SENT):
        return None
    waits = claim.back is not None and not claim.goods_are_back
    return None if waits else f"claim {claim.claim_id} has no return on its way"


def goods_to_send(order: Order, claim: Claim) -> str | None:
    """Nobody sends back what the seller has."""
    return f"the goods of claim {claim.claim_id} are with the seller already" if all_went_back(order, claim) else None


def nothing(case: Case) -> tuple[Event, ...]:
    """The change of status is all there is to it."""
    return ()


def _no_offer(case: Case) -> tuple[Event, ...]:
    return (RefundOffered(case.claim.claim_id, None),) if case.claim.offer else ()


def _no_ruling(case: Case) -> tuple[Event, ...]:
    return (ClaimRuled(case.claim.claim_id, None),) if case.claim.ruling else ()


def _says_something(case: Case) -> None:
    if not (case.body.note_id or case.body.evidence):
        raise Invalid("body", "says nothing; write a text and name it as note_id, or show something as evidence")


def reply(case: Case) -> tuple[Event, ...]:
    """One side has answered: it is the other's turn, or the platform's when that had asked."""
    _says_something(case)
    return answer(case)


def answer(case: Case) -> tuple[Event, ...]:
    """As an answer, without any word that it needed."""
    if case.claim.status in ASKED:
        return escalate(case)
    return _no_offer(case)


def offer(case: Case) -> tuple[Event, ...]:
    """An offer, or a counter-offer, takes the place of the last one."""
    _check_amount(case, case.body.amount, "body.amount")
    side = Side.BUYER if case.moment.actor.role is Role.BUYER else Side.SELLER
    return (RefundOffered(case.claim.claim_id, RefundOffer(side, case.body.amount)),)


def _check_amount(case: Case, amount: Money | None, field: str) -> None:
    most = at_stake(case.order, case.claim)
    if amount is None:
        raise Invalid(field, "is missing; a refund in part needs its amount")
    if amount.currency != case.order.currency or not 0 < amount.minor < most.minor:
        raise Invalid(field, f"must be above zero and below the {most} of the claim's lines")
    payable(amount, field)


def accept_offer(case: Case) -> tuple[Event, ...]:
    """What was offered goes back to the buyer, but no more than is left by now; the rest is the seller's."""
    if case.claim.offer is None:
        return ()
    amount = min(case.claim.offer.amount, at_stake(case.order, case.claim))
    parts = parts_of_refund(case.order, case.claim, amount)
    return settled(case.order, case.claim, parts, case.now)


def grant(case: Case) -> tuple[Event, ...]:
    """The seller agrees: the money goes back at once, or after the goods where policy wants them and has them not."""
    if _comes_back(case.order, case.claim):
        return (*_no_offer(case), ClaimMoved(case.claim.claim_id, Status.RETURN_REQUESTED, case.now))
    return (*_no_offer(case), *in_full(case))


def _comes_back(order: Order, claim: Claim) -> bool:
    numbers, lines = numbers_of(order, claim), held_lines(order, claim)
    arrived = all(line.state is not LineState.SHIPPED for line in lines) and not all_went_back(order, claim)
    return arrived and claim.reason in numbers.return_reasons and not numbers.is_cheap(at_stake(order, claim))


def in_full(case: Case) -> tuple[Event, ...]:
    """All that is left of the claim's lines goes back to the buyer."""
    parts = parts_of_refund(case.order, case.claim, at_stake(case.order, case.claim))
    moved = ClaimMoved(case.claim.claim_id, Status.REFUND_APPROVED, case.now)
    return (*settled(case.order, case.claim, parts, case.now), *_no_ruling(case), moved)


def wait(case: Case) -> tuple[Event, ...]:
    """The claim sleeps, and its clocks with it."""
    order, days = case.order, case.body.days
    left = order.policy.wait_longer.most - dict(order.granted_days).get("wait", 0)
    if not 1 <= days <= left:
        raise Refused("more_than_allowed", f"up to {left} more days can be given, not {days}")
    until = case.now + timedelta(days=days)
    moved = ClaimMoved(case.claim.claim_id, Status.WAITING_LONGER, case.now)
    return (*_no_offer(case), moved, ClaimWaits(case.claim.claim_id, until), DaysGranted("wait", days))


def withdraw(case: Case) -> tuple[Event, ...]:
    """The buyer is content; the lines go on where they stood."""
    return let_go(case.order, case.claim, case.now)


def lapse(case: Case) -> tuple[Event, ...]:
    """The buyer did not answer; the lines go on where they stood, but for a seller who has the goods, or will."""
    if went_back(case.order, case.claim):
        return escalate(case)
    return let_go(case.order, case.claim, case.now)


def instruct(case: Case) -> tuple[Event, ...]:
    """The buyer knows how the goods go back, and has the whole time to send them from now on."""
    claim_id, body = case.claim.claim_id, case.body
    if not body.address_id and not body.label:
        raise Invalid("body.address_id", "is missing, and so is the label; store one of them first and name its id")
    for field in ("address_id", "label"):
        if getattr(body, field) and not ID.fullmatch(getattr(body, field)):
            raise Invalid(f"body.{field}", NOT_AN_ID)
    told = ReturnInstructed(claim_id, body.address_id, body.label)
    return (ClaimMoved(claim_id, Status.RETURN_REQUESTED, case.now), told, *_more_time(case))


def _more_time(case: Case) -> tuple[Event, ...]:
    """What the desk gave the buyer beyond the whole time is not taken by a better address."""
    order, claim, tier = case.order, case.claim, f"claim:{case.claim.claim_id}.end"
    whole = add_business_days(order.buyer_calendar, case.now, numbers_of(order, claim).send_back)
    given = dict(order.moved).get(tier)
    return (TierMoved(tier, given),) if claim.instructed and given is not None and given > whole else ()


def send_return(case: Case) -> tuple[Event, ...]:
    """The goods are on their way back."""
    body = case.body
    if not ID.fullmatch(body.parcel_id):
        raise Invalid("body.parcel_id", NOT_AN_ID)
    backs = {back.parcel_id for claim in case.order.claims for back in claim.returns}
    if case.order.parcel(body.parcel_id) is not None or body.parcel_id in backs:
        raise Refused("parcel_known", f"parcel {body.parcel_id} was sent before; use another parcel_id")
    if not is_line(body.carrier, LONGEST_OF_PARCELS):
        raise Invalid("body.carrier", not_a_line(LONGEST_OF_PARCELS))
    return (ReturnSent(case.claim.claim_id, ReturnParcel(body.parcel_id, body.carrier, case.now)),)


def receive_return(case: Case) -> tuple[Event, ...]:
    """The seller has the goods; who decides meanwhile knows that they came."""
    return (ReturnArrived(case.claim.claim_id, case.now),)


def inspect(case: Case) -> tuple[Event, ...]:
    """As sent: the money goes back, less the handling fee where the buyer bears it. Used: less its loss of value.

    What is deducted can be appealed against first. What is missing is the platform's to decide.
    """
    claim, finding, numbers = case.claim, case.body.finding, numbers_of(case.order, case.claim)
    seen = ReturnInspected(claim.claim_id, finding, case.now)
    if finding is Finding.MISSING:
        return (seen, *escalate(case))
    bears = claim.reason in numbers.handling_reasons
    points = (numbers.handling_basis_points if bears else 0) + (
        numbers.used_basis_points if finding is Finding.USED else 0
    )
    if not points:
        return (seen, *in_full(case))
    back = share_down(at_stake(case.order, claim), max(WHOLE - points, 0))
    parts = parts_of_refund(case.order, claim, back) if back else ()
    return (seen, *ruled(case, Ruling(Verdict.PART_REFUND, parts, "")))


def escalate(case: Case) -> tuple[Event, ...]:
    """The platform steps in: a specialist's ticket."""
    claim = case.claim
    ticket = _going_on(case, opened(case.order, Cause.CLAIM, claim.claim_id, case.now))
    owned = _owned(ticket, claim.owner)
    return (*_no_offer(case), ClaimMoved(claim.claim_id, Status.ESCALATED, case.now), *ticket, *owned)


def missed(case: Case) -> tuple[Event, ...]:
    """A return that will not arrive, or has not in time, is the platform's; the goods are not the seller's for it."""
    return (ReturnFailed(case.claim.claim_id, case.now), *escalate(case))


def _going_on(case: Case, events: tuple[Event, ...]) -> tuple[Event, ...]:
    """A ticket that the platform's own question had ended has the time that was left of it, and its escalations."""
    stopped, calendar = case.claim.stopped, case.order.desk_calendar
    if stopped is None:
        return events
    left = business_minutes_between(calendar, case.claim.since, stopped.due)
    due = add_business_minutes(calendar, case.now, left) if left else stopped.due
    tickets = (event.ticket for event in events if isinstance(event, TicketOpened))
    return tuple(TicketOpened(replace(each, due=due, escalations=stopped.escalations)) for each in tickets)


def _owned(events: tuple[Event, ...], owner: str) -> tuple[Event, ...]:
    tickets = (event.ticket for event in events if isinstance(event, TicketOpened))
    return tuple(TicketAssigned(ticket.ticket_id, owner) for ticket in tickets) if owner else ()


def assign(case: Case) -> tuple[Event, ...]:
    """The claim, and its ticket when there is one, is a person's. Raises Invalid for what cannot be an id."""
    claim, owner = case.claim, case.body.owner
    if owner and not ID.fullmatch(owner):
        raise Invalid("body.owner", NOT_AN_ID)
    if owner in (case.order.buyer, case.order.seller):
        raise Refused("own_case", "nobody of the desk works on an order of their own")
    tickets = (t for t in case.order.tickets if t.cause is Cause.CLAIM and t.subject == claim.claim_id)
    return (ClaimAssigned(claim.claim_id, owner), *(TicketAssigned(ticket.ticket_id, owner) for ticket in tickets))


def ask(case: Case) -> tuple[Event, ...]:
    """The case waits for one side; the platform's clock stands meanwhile."""
    asked = {Side.BUYER: Status.BUYER_ASKED, Side.SELLER: Status.SELLER_ASKED}
    return (ClaimMoved(case.claim.claim_id, asked[case.body.of], case.now),)


def decide(case: Case) -> tuple[Event, ...]:
    """The platform's decision; nobody decides twice about one case, and the second decision is final.

    Whoever agrees to it as the second operator has decided, too.
    """
    claim, body = case.claim, case.body
    people = (case.moment.actor, case.moment.second)
    judges = tuple(actor.id for actor in people if actor is not None)
    if set(judges) & set(claim.judges):
        raise Refused("own_decision", OWN_DECISION)
    if body.amount is not None and body.verdict is not Verdict.PART_REFUND:
        raise Invalid("body.amount", f"goes with part_refund, not with {body.verdict}")
    if body.verdict is Verdict.RETURN_FIRST:
        return return_first(case)
    amount = at_stake(case.order, claim)
    if body.verdict is Verdict.PART_REFUND:
        _check_amount(case, body.amount, "body.amount")
        amount = body.amount
    parts = () if body.verdict is Verdict.RELEASE else parts_of_refund(case.order, claim, amount)
    return (*_no_offer(case), *ruled(case, Ruling(body.verdict, parts, judges[0]), judges))


def return_first(case: Case) -> tuple[Event, ...]:
    """The goods come back before the money does, which is then decided. Raises Refused for goods that cannot."""
    if all_went_back(case.order, case.claim) or case.claim.status is Status.RETURN_REQUESTED:
        raise Refused("return_known", "the goods were asked for or have come back already; decide about the money")
    if any(line.state is LineState.SHIPPED for line in held_lines(case.order, case.claim)):
        raise Refused("not_delivered", "goods that have not arrived cannot be returned")
    return (*_no_offer(case), ClaimMoved(case.claim.claim_id, Status.RETURN_REQUESTED, case.now))


def ruled(case: Case, ruling: Ruling, judges: tuple[str, ...] = ()) -> tuple[Event, ...]:
    """A first decision waits for an appeal; what somebody else decides on appeal is carried out at once.

    So is not what a seller deducts by his own inspection: he is no judge, and the buyer appeals against that, too.
    """
    claim_id = case.claim.claim_id
    if case.claim.appealed and ruling.by:
        return (ClaimRuled(claim_id, None, judges), *carried_out(case, ruling))
    to = Status.REJECTED if ruling.verdict is Verdict.RELEASE else Status.REFUND_APPROVED
    return (ClaimRuled(claim_id, ruling, judges), ClaimMoved(claim_id, to, case.now))


def carried_out(case: Case, ruling: Ruling) -> tuple[Event, ...]:
    """Lines and money go where the decision leads them; what a dispute took meanwhile is not paid twice."""
    order, claim = case.order, case.claim
    left = {line.line_id: order.not_given(line.line_id) for line in held_lines(order, claim)}
    parts = tuple(Part(p.piece, min(p.amount, left[p.piece])) for p in ruling.parts if p.piece in left)
    to = Status.REFUND_APPROVED if parts else Status.CLOSED
    return (*settled(order, claim, parts, case.now), ClaimMoved(claim.claim_id, to, case.now))


def stand(case: Case) -> tuple[Event, ...]:
    """Nobody appealed in time."""
    ruling = case.claim.ruling
    return () if ruling is None else (ClaimRuled(case.claim.claim_id, None), *carried_out(case, ruling))


def appeal(case: Case) -> tuple[Event, ...]:
    """Somebody else looks at it once more; what they decide is final."""
    _says_something(case)
    return (ClaimAppealed(case.claim.claim_id, case.now), *escalate(case))
