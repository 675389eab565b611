"""The process of a claim, as one table: who may take a step, and where it leads a claim from each status.

A claim lives inside its order, in the same loop: `domain.process` takes these rows for its own. A claim holds its lines
until it ends; silence of either side leads it on by the clocks of `domain.claims.clocks`.
"""

from __future__ import annotations

from domain.claims import answers, messages, opening
from domain.claims.case import BUYERS_TURN, Side, Status
from domain.claims.steps import ClaimDoes, ClaimGuard, ClaimStep, as_step
from domain.money import Verb
from domain.state import Role
from domain.step import Step, Tick

BUYER, SELLER, CLOCK = (Role.BUYER,), (Role.SELLER, Role.PLATFORM), (Role.CLOCK,)
DESK = (Role.SPECIALIST, Role.OPERATOR)
BOTH = (Role.BUYER, Role.SELLER)

RECEIVED, FOR_SELLER, FOR_BUYER = Status.RECEIVED, Status.WAITING_FOR_SELLER, Status.WAITING_FOR_BUYER
LONGER, UPSTREAM, ESCALATED = Status.WAITING_LONGER, Status.ESCALATED_UPSTREAM, Status.ESCALATED
SELLER_ASKED, BUYER_ASKED = Status.SELLER_ASKED, Status.BUYER_ASKED
REQUESTED, SENT, BACK = Status.RETURN_REQUESTED, Status.RETURN_SENT, Status.RETURN_RECEIVED
APPROVED, REJECTED, RESOLVED, CLOSED = Status.REFUND_APPROVED, Status.REJECTED, Status.RESOLVED, Status.CLOSED

SELLERS_TURN, TALKING = (RECEIVED, FOR_SELLER), (RECEIVED, FOR_SELLER, FOR_BUYER)
ASKED, RETURNING = (SELLER_ASKED, BUYER_ASKED), (REQUESTED, SENT, BACK)
UNDECIDED = (*TALKING, LONGER, UPSTREAM, ESCALATED, *ASKED, *RETURNING)
PAYS, BACK_TO_BUYER = (Verb.REFUND, Verb.RELEASE), (Verb.REFUND,)

Leads = dict[Status, tuple[Status, ...]]


def to(following: Status | tuple[Status, ...], *statuses: Status) -> Leads:
    """The same way on from each of `statuses`."""
    return dict.fromkeys(statuses, following if isinstance(following, tuple) else (following,))


def row(
    name: str,
    by: tuple[Role, ...],
    leads: Leads,
    takes: type = messages.OnClaim,
    does: ClaimDoes = answers.nothing,
    guards: tuple[ClaimGuard, ...] = (),
    money: tuple[Verb, ...] = (),
    tells: tuple[Role, ...] = BOTH,
) -> ClaimStep:
    """One row; what is left out is nothing, but that both parties are told."""
    return ClaimStep(name, frozenset(by), takes, leads, guards, does, frozenset(money), tells)


def sellers(
    name: str,
    leads: Leads,
    takes: type = messages.OnClaim,
    does: ClaimDoes = answers.nothing,
    guards: tuple[ClaimGuard, ...] = (),
    others: tuple[Role, ...] = (),
) -> tuple[ClaimStep, ClaimStep]:
    """The seller's row, which tells the buyer, and that of whoever acts in the seller's place, which tells both."""
    return (
        row(name, (Role.SELLER,), leads, takes, does, guards, tells=(Role.BUYER,)),
        row(name, (Role.PLATFORM, *others), leads, takes, does, guards),
    )


EVERYWHERE: Leads = {status: (status,) for status in UNDECIDED}
"""A claim that nobody has decided stays where it stands."""

_BY_SELLER, _BY_BUYER = answers.offered_by(Side.SELLER), answers.offered_by(Side.BUYER)
_WAITS = (answers.not_received, answers.wait_days_left)

TALK = (
    *sellers(
        "answer_claim", to(FOR_BUYER, *SELLERS_TURN) | to(ESCALATED, SELLER_ASKED), messages.AnswerClaim,
        answers.reply,
    ),
    row(
        "answer_claim", BUYER, to(FOR_SELLER, FOR_BUYER) | to(ESCALATED, BUYER_ASKED), messages.AnswerClaim,
        answers.reply, tells=(Role.SELLER,),
    ),
    row("add_evidence", BUYER, EVERYWHERE, messages.AddEvidence, tells=(Role.SELLER,)),
    *sellers("add_evidence", EVERYWHERE, messages.AddEvidence, others=DESK),
    row(
        "assign_claim", DESK, {status: (status,) for status in (*UNDECIDED, APPROVED, REJECTED)}, messages.AssignClaim,
        answers.assign, tells=(),
    ),
    row("claim_unanswered", CLOCK, to(ESCALATED, *SELLERS_TURN, *ASKED), Tick, answers.escalate),
    row("claim_lapses", CLOCK, to((CLOSED, ESCALATED), FOR_BUYER, REQUESTED), Tick, answers.lapse),
    row(
        "withdraw_claim", BUYER, to(RESOLVED, *TALKING, LONGER, UPSTREAM, ESCALATED, *ASKED, REQUESTED),
        messages.OnClaim, answers.withdraw, (answers.goods_with_buyer,), tells=(Role.SELLER,),
    ),
    row(
        "wait_on_claim", BUYER, to(LONGER, *TALKING), messages.WaitOnClaim, answers.wait, _WAITS, tells=(Role.SELLER,),
    ),
    row("claim_wakes", CLOCK, to(FOR_SELLER, LONGER), Tick),
)  # fmt: skip

REFUNDS = (
    row("grant_claim", SELLER, to((APPROVED, REQUESTED), *SELLERS_TURN), does=answers.grant, money=BACK_TO_BUYER),
    *sellers("offer_refund", to(FOR_BUYER, *SELLERS_TURN), messages.OfferRefund, answers.offer),
    row("offer_refund", BUYER, to(FOR_SELLER, FOR_BUYER), messages.OfferRefund, answers.offer, tells=(Role.SELLER,)),
    row(
        "accept_offer", BUYER, to(APPROVED, FOR_BUYER), does=answers.accept_offer, guards=(_BY_SELLER,),
        money=BACK_TO_BUYER,
    ),
    row(
        "accept_offer", SELLER, to(APPROVED, FOR_SELLER), does=answers.accept_offer, guards=(_BY_BUYER,),
        money=BACK_TO_BUYER,
    ),
    row(
        "decline_offer", BUYER, to(FOR_SELLER, FOR_BUYER), does=answers.answer, guards=(_BY_SELLER,),
        tells=(Role.SELLER,),
    ),
    *sellers("decline_offer", to(FOR_BUYER, FOR_SELLER), does=answers.answer, guards=(_BY_BUYER,)),
)  # fmt: skip

RETURNS = (
    *sellers("instruct_return", to(REQUESTED, REQUESTED), messages.InstructReturn, answers.instruct),
    row(
        "send_return", BUYER, to(SENT, REQUESTED), messages.SendReturn, answers.send_return, (answers.goods_to_send,),
        tells=(Role.SELLER,),
    ),
    *sellers(
        "receive_return", to(BACK, REQUESTED, SENT) | {status: (status,) for status in (ESCALATED, *ASKED)},
        does=answers.receive_return, guards=(answers.not_back,),
    ),
    row(
        "inspect_return", SELLER, to((APPROVED, ESCALATED), BACK), messages.InspectReturn, answers.inspect,
        money=BACK_TO_BUYER,
    ),
    row("instruction_missing", CLOCK, to(ESCALATED, REQUESTED), Tick, answers.escalate),
    row("return_missing", CLOCK, to(ESCALATED, SENT), Tick, answers.missed),
    row("inspection_lapses", CLOCK, to(APPROVED, BACK), Tick, answers.in_full, money=BACK_TO_BUYER),
)  # fmt: skip

DECISIONS = (
    row(
        "escalate_claim", BUYER, to(ESCALATED, FOR_SELLER, FOR_BUYER, UPSTREAM, SENT), messages.AnswerClaim,
        answers.escalate,
    ),
    row("escalate_claim", SELLER, to(ESCALATED, *TALKING, SENT, BACK), messages.AnswerClaim, answers.escalate),
    row(
        "escalate_upstream", SELLER, to(UPSTREAM, *SELLERS_TURN), messages.AnswerClaim,
        guards=(answers.never_upstream, answers.nothing_on_its_way_back),
    ),
    row(
        "escalate_upstream", DESK, to(UPSTREAM, *SELLERS_TURN, ESCALATED), messages.AnswerClaim,
        guards=(answers.nothing_on_its_way_back,),
    ),
    *sellers("answer_upstream", to(FOR_SELLER, UPSTREAM), messages.AnswerClaim, others=DESK),
    row("upstream_silent", CLOCK, to(ESCALATED, UPSTREAM), Tick, answers.escalate),
    row("ask_party", DESK, to((SELLER_ASKED, BUYER_ASKED), ESCALATED), messages.AskParty, answers.ask),
    row(
        "decide_claim", DESK,
        to((APPROVED, REJECTED, REQUESTED, CLOSED), *UNDECIDED) | to((APPROVED, REJECTED, CLOSED), *RETURNING)
        # What is decided on appeal is carried out at once, and a claim that was decided is never Received again.
        | to((APPROVED, REJECTED, REQUESTED), RECEIVED),
        messages.DecideClaim, answers.decide, money=PAYS,
    ),
    row(
        "appeal_claim", BUYER, to(ESCALATED, APPROVED, REJECTED), messages.AnswerClaim, answers.appeal,
        (answers.against(Side.BUYER),),
    ),
    row(
        "appeal_claim", SELLER, to(ESCALATED, APPROVED, REJECTED), messages.AnswerClaim, answers.appeal,
        (answers.against(Side.SELLER),),
    ),
    row(
        "decision_stands", CLOCK, to((APPROVED, CLOSED), APPROVED) | to(CLOSED, REJECTED), Tick, answers.stand,
        money=PAYS,
    ),
    row(
        "claim_times_out", CLOCK, to(APPROVED, *(status for status in UNDECIDED if status not in BUYERS_TURN)), Tick,
        answers.in_full, money=BACK_TO_BUYER,
    ),
)  # fmt: skip

CLAIM_STEPS: tuple[ClaimStep, ...] = (*TALK, *REFUNDS, *RETURNS, *DECISIONS)
"""The whole process of a claim after it was opened."""

OPENING: tuple[Step, ...] = tuple(
    Step("open_claim", frozenset(by), messages.OpenClaim, {}, guards, opening.open_claim, frozenset(), BOTH)
    for by, guards in (
        (BUYER, (opening.claimable, opening.claim_window, opening.claims_left)),
        (DESK, (opening.claimable,)),
    )
)
"""The step that opens a claim; an order that has closed takes it, too."""

STEPS_OF_CLAIMS: tuple[Step, ...] = (*OPENING, *(as_step(step) for step in CLAIM_STEPS))
"""The rows as `domain.process` takes them."""

NAMES = frozenset(step.name for step in STEPS_OF_CLAIMS)
"""The names of all steps that are about claims."""
