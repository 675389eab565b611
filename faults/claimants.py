"""The people of a claim in the harness: what buyer, seller and desk do about it, until the story ends as it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from demo.life import CURRENCY
from domain.claims.case import Claim, ClaimReason, Finding, Side, Status, Verdict
from domain.money import Money
from domain.state import Actor, Cause
from faults.oracles import Fate
from starter.answers import Progress

if TYPE_CHECKING:
    from faults.subject import Subject

CLAIMED = "L1"
WITHIN = 8.0
"""Seconds that one sending waits for its verdict."""
RECEIPT = b"Handed in whole, weight 1.2 kg."
SHOP = ("The shop", "Lagerweg 3", "10115 Berlin")

Send = Callable[..., Awaitable[Progress]]


async def opens(subject: Subject, reason: ClaimReason = ClaimReason.DAMAGED) -> Progress | None:
    """The buyer claims something about the first line."""
    return await _send(subject, subject.client.open_claim, subject.buyer, reason=reason, lines=(CLAIMED,), text="Look.")


async def answers(subject: Subject) -> Progress | None:
    """The seller answers, with proof that is stored first."""

    async def send(id_: str) -> Progress:
        proof = await subject.store(subject.seller, RECEIPT, "receipt.txt")
        return await subject.client.answer_claim(
            subject.order_id, subject.seller, evidence=(proof,), text="It was.", command_id=id_, within=WITHIN
        )

    return await subject.insist("answer_claim", send)


async def offers(subject: Subject) -> Progress | None:
    """The seller offers what the story says."""
    return await _send(subject, subject.client.offer_refund, subject.seller, amount=_award(subject))


async def accepts(subject: Subject) -> Progress | None:
    """The buyer takes what the seller offers."""
    return await _send(subject, subject.client.accept_offer, subject.buyer)


async def escalates(subject: Subject) -> Progress | None:
    """The seller leaves it to the platform."""
    return await _send(subject, subject.client.escalate_claim, subject.seller)


async def decides(subject: Subject, verdict: Verdict) -> Progress | None:
    """A specialist decides, and names the ticket when there is one."""
    tickets = (ticket.ticket_id for ticket in (await subject.order()).tickets if ticket.cause is Cause.CLAIM)
    about = {"amount": _award(subject)} if verdict is Verdict.PART_REFUND else {}
    return await _send(
        subject, subject.client.decide_claim, subject.specialist,
        verdict=verdict, text="Seen.", ticket_id=next(tickets, ""), **about,
    )  # fmt: skip


async def says_where_to(subject: Subject) -> Progress | None:
    """The seller gives an address for the goods."""
    return await _send(subject, subject.client.instruct_return, subject.seller, address_lines=SHOP)


async def sends_back(subject: Subject) -> Progress | None:
    """The buyer sends the goods back."""
    parcel = {"carrier": "DHL", "tracking_number": "JD000000000000004711", "parcel_id": "r1"}
    return await _send(subject, subject.client.send_return, subject.buyer, **parcel)


async def gets_back(subject: Subject) -> Progress | None:
    """The seller has the goods again."""
    return await _send(subject, subject.client.receive_return, subject.seller)


async def goes_on(subject: Subject, claim: Claim) -> Progress | None:
    """What is done next about a claim, for the story's end; None when only time leads on, or it was refused."""
    fate, by_story = subject.story.fate, _VERDICTS.get(subject.story.fate, Verdict.RELEASE)
    match claim.status:
        case Status.RECEIVED | Status.WAITING_FOR_SELLER | Status.WAITING_FOR_BUYER if fate is Fate.FULFILLED:
            return await _send(subject, subject.client.withdraw_claim, subject.buyer)
        case Status.RECEIVED | Status.WAITING_FOR_SELLER if fate is Fate.PART_REFUNDED:
            return await offers(subject)
        case Status.RECEIVED | Status.WAITING_FOR_SELLER:
            return await _send(subject, subject.client.grant_claim, subject.seller)
        case Status.WAITING_FOR_BUYER if claim.offer is not None and claim.offer.by is Side.SELLER:
            return await accepts(subject)
        case Status.WAITING_FOR_BUYER:
            return await _send(subject, subject.client.escalate_claim, subject.buyer)
        case Status.ESCALATED:
            return await decides(subject, by_story)
        case Status.RETURN_REQUESTED:
            return await (sends_back(subject) if claim.instructed else says_where_to(subject))
        case Status.RETURN_SENT:
            return await gets_back(subject)
        case Status.RETURN_RECEIVED:
            return await _send(subject, subject.client.inspect_return, subject.seller, finding=Finding.AS_SENT)
        case _:
            return None


_VERDICTS = {Fate.LINE_REFUNDED: Verdict.REFUND, Fate.PART_REFUNDED: Verdict.PART_REFUND}


def _award(subject: Subject) -> Money:
    return Money(subject.story.award, CURRENCY)


async def _send(subject: Subject, send: Send, by: Actor, **body: Any) -> Progress | None:
    def sending(id_: str) -> Awaitable[Progress]:
        return send(subject.order_id, by, command_id=id_, within=WITHIN, **body)

    return await subject.insist(getattr(send, "__name__", "claim"), sending)
