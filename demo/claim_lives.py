"""The lives of claims that the demo plays: the goods do not come, or are not what was sold, or nobody answers."""

from __future__ import annotations

from demo.goods import photo
from demo.life import CURRENCY, Ending, Life, WentWrong
from demo.lives import DAY, Story, confirm, effects_must_be, receive
from domain.claims.case import ClaimReason, Status, Verdict, Wish
from domain.money import Money
from domain.state import Cause, Stage
from starter.answers import specialist


async def missing_parcel(life: Life) -> None:
    """A parcel does not come; the seller proves that it was posted, the buyer waits longer, and it arrives."""
    await life.place(await life.checkout())
    await confirm(life)
    await life.ship("L1")
    await life.ship("L2")
    await life.carried("in_transit", "p1")
    await life.delivered("p2")
    await life.do("the buyer: L2 is well", life.client.receive(life.order_id, life.buyer, lines=("L2",)))
    await life.until("parcel_stalled")
    await life.do(
        "the buyer claims: L1 has not come",
        life.client.open_claim(
            life.order_id, life.buyer, reason=ClaimReason.NOT_RECEIVED, wish=Wish.WAIT_LONGER, lines=("L1",),
            text="The camera has not come.",
        ),
    )  # fmt: skip
    receipt = await life.store(life.seller, b"Posted on Monday. Weight 1.2 kg. Insured.", "receipt.txt")
    picture = await life.store(life.seller, photo("parcel"), "parcel.png")
    await life.do(
        "the seller answers, with the post office's receipt and a photo",
        life.client.answer_claim(
            life.order_id, life.seller, evidence=(receipt, picture), text="It was posted; here is the receipt."
        ),
    )
    await life.do("the buyer gives it six more days", life.client.wait_on_claim(life.order_id, life.buyer, days=6))
    await claim_must_be(life, Status.WAITING_LONGER)
    await life.pass_time(2 * DAY)
    await life.carried("delivered", "p1", signed_by="B BRANDT")
    await life.do(
        "the buyer withdraws the claim", life.client.withdraw_claim(life.order_id, life.buyer, text="It has come.")
    )
    await claim_must_be(life, Status.RESOLVED)
    await receive(life)
    await life.until("close")


async def part_refund(life: Life) -> None:
    """The goods are not as described; the parties bargain, and a part of the price goes back."""
    await life.place(await life.checkout())
    await confirm(life)
    await life.ship()
    await life.delivered(signed_by="B BRANDT")
    await life.do(
        "the buyer claims, with a photo: L1 is not as described",
        life.client.open_claim(
            life.order_id, life.buyer, reason=ClaimReason.NOT_AS_DESCRIBED, wish=Wish.PART_REFUND, lines=("L1",),
            evidence=(await life.store(life.buyer, photo("scratch"), "scratch.png"),), text="There is a scratch on it.",
        ),
    )  # fmt: skip
    for told, by, amount in (
        ("the seller offers 5.00 back", life.seller, "5.00"),
        ("the buyer asks for 12.00", life.buyer, "12.00"),
    ):
        await life.do(told, life.client.offer_refund(life.order_id, by, amount=Money.of(amount, CURRENCY)))
    await life.do("the seller accepts", life.client.accept_offer(life.order_id, life.seller))
    await claim_must_be(life, Status.RESOLVED)
    await life.do("the buyer: L2 is well", life.client.receive(life.order_id, life.buyer))
    await effects_must_be(life, "authorise", "capture", "refund", "transfer", "transfer")
    await life.until("close")


async def appeal(life: Life) -> None:
    """The seller lets a claim lie: the platform decides, the seller appeals, and somebody else decides for good."""
    await life.place(await life.checkout())
    await confirm(life)
    await life.ship()
    await life.delivered(signed_by="B BRANDT")
    await life.do(
        "the buyer claims, with a photo: L1 is damaged",
        life.client.open_claim(
            life.order_id, life.buyer, reason=ClaimReason.DAMAGED, lines=("L1",),
            evidence=(await life.store(life.buyer, photo("crack"), "crack.png"),), text="The glass is cracked.",
        ),
    )  # fmt: skip
    await life.do("the buyer: L2 is well", life.client.receive(life.order_id, life.buyer, lines=("L2",)))
    await life.until("claim_unanswered")
    await life.must_have_heard("ticket_opened.specialist")
    await decide(life, "the specialist: refund", Verdict.REFUND, "Nobody answered, and the photo is clear.")
    await life.do(
        "the seller appeals, with a photo",
        life.client.appeal_claim(
            life.order_id, life.seller, evidence=(await life.store(life.seller, photo("whole"), "packed.png"),),
            text="It was whole when I packed it; the crack is an old reflection.",
        ),
    )  # fmt: skip
    ticket = (await life.ticket(Cause.CLAIM)).ticket_id
    await life.refused(
        "the same specialist wants to decide again",
        life.client.decide_claim(
            life.order_id, life.specialist, verdict=Verdict.REFUND, text="Still clear.", ticket_id=ticket
        ),
        "decided by somebody else",
    )
    life.specialist = specialist("specialist-2")
    await decide(life, "another specialist: release", Verdict.RELEASE, "The seller's photo is from the day of posting.")
    await claim_must_be(life, Status.CLOSED)
    await effects_must_be(life, "authorise", "capture", "transfer", "transfer")
    await life.until("close")


async def decide(life: Life, told: str, verdict: Verdict, why: str, amount: Money | None = None) -> None:
    """The specialist decides the claim that has a ticket."""
    ticket = await life.ticket(Cause.CLAIM)
    await life.do(
        told,
        life.client.decide_claim(
            life.order_id, life.specialist, verdict=verdict, text=why, amount=amount, ticket_id=ticket.ticket_id
        ),
    )


async def claim_must_be(life: Life, status: Status) -> None:
    """Raise unless the last claim stands there."""
    found = (await life.order()).claims[-1].status
    if found is not status:
        raise WentWrong(f"the claim should be {status}, and is {found}")


CLAIM_STORIES = (
    Story(
        "missing-parcel", "not received, waited for, arrived", missing_parcel,
        Ending(Stage.CLOSED, "64.90 EUR", "60.10 EUR", fees="4.80 EUR", tickets=1),
    ),
    Story(
        "part-refund", "not as described, part refund bargained", part_refund,
        Ending(Stage.CLOSED, "64.90 EUR", "49.06 EUR", "12.00 EUR", "3.84 EUR"),
    ),
    Story(
        "appeal", "silent seller, decision, appeal", appeal,
        Ending(Stage.CLOSED, "64.90 EUR", "60.10 EUR", fees="4.80 EUR", tickets=2),
    ),
)  # fmt: skip
"""All lives of claims."""
