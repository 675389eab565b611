"""A desk worth looking at: orders at every stage, claims at most statuses, people who write, tickets of every sort.

Each state is brought about by what people really do, so everything that can be done next can be done here, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from demo.cast import CURRENCY, Cast
from demo.claim_lives import decide
from demo.goods import photo
from demo.life import Life
from demo.lives import HOUR, confirm, receive
from domain.claims.case import ClaimReason, Finding, Side, Verdict, Wish, case_number
from domain.confirm import Reason
from domain.money import Money
from domain.state import Actor, Cause
from starter.answers import specialist
from starter.cases.desk import Cases

Deskwork = Callable[[Life, Cast], Awaitable[None]]


async def says(life: Life, by: Actor, text: str, *, internal: bool = False) -> None:
    """Somebody writes into the order's thread."""
    await life.do(f"the {by.role} writes", life.client.message(life.order_id, by, text=text, internal=internal))


async def reads(life: Life, by: Actor) -> None:
    """Somebody has read the thread so far."""
    thread = await life.client.thread(life.order_id, by)
    await life.client.mark_read(life.order_id, by, up_to=thread.up_to)


async def rates(life: Life, by: Actor, score: int, text: str) -> None:
    """A side says how its claim, which has ended, was handled."""
    say = Cases(life.records).say
    await asyncio.to_thread(say, case_number(life.order_id, "c1"), by, score, text)


async def arrived(life: Life, cast: Cast) -> None:
    """Placed, confirmed, shipped and delivered, with a signature."""
    await cast.place()
    await confirm(life)
    await life.ship()
    await life.carried("delivered", signed_by=cast.buyer_name.upper())


async def claims(life: Life, reason: ClaimReason, text: str, wish: Wish = Wish.REFUND) -> None:
    """The buyer claims something about the first line, with a photo when there is something to see."""
    missing = reason is ClaimReason.NOT_RECEIVED
    shown = () if missing else (await life.store(life.buyer, photo(reason), f"{reason}.png"),)
    await life.do(
        f"the buyer claims: {reason}",
        life.client.open_claim(
            life.order_id, life.buyer, reason=reason, wish=wish, lines=("L1",), evidence=shown, text=text
        ),
    )


async def confirmed(life: Life, cast: Cast) -> None:
    """Confirmed; the buyer asks something that nobody has read."""
    await cast.place()
    await confirm(life)
    await says(life, life.buyer, "Can you send it before Friday? It is a present.")


async def part_shipped(life: Life, cast: Cast) -> None:
    """One of two lines is on its way, and the two talk about the other."""
    await cast.place()
    await confirm(life)
    await life.ship("L1")
    await life.carried("in_transit")
    await says(life, life.buyer, "Where is the second item?")
    await reads(life, life.seller)
    await says(life, life.seller, "It goes out tomorrow, the box was too small.")


async def stalled(life: Life, cast: Cast) -> None:
    """A parcel that has not moved for days: a ticket, of a specialist who has noted something."""
    await cast.place()
    await confirm(life)
    await life.ship()
    await life.carried("in_transit")
    await life.until("parcel_stalled")
    ticket = (await life.ticket(Cause.PARCEL_STALLED)).ticket_id
    await life.do(
        "a specialist takes it",
        life.client.assign_ticket(life.order_id, life.specialist, ticket=ticket, owner=life.specialist.id),
    )
    await says(life, life.specialist, "The carrier's hotline looks for it until Thursday.", internal=True)


async def completed(life: Life, cast: Cast) -> None:
    """All well, the money released; the after-sales window runs. Both have read everything."""
    await arrived(life, cast)
    await receive(life)
    await says(life, life.buyer, "Thank you, it works as new.")
    await reads(life, life.seller)


async def half_received(life: Life, cast: Cast) -> None:
    """One line is released, the other waits for the buyer."""
    await arrived(life, cast)
    await life.do("the buyer: L2 is well", life.client.receive(life.order_id, life.buyer, lines=("L2",)))


async def closed(life: Life, cast: Cast) -> None:
    """Over, long ago."""
    await arrived(life, cast)
    await receive(life)
    await life.until("close")


async def expired(life: Life, cast: Cast) -> None:
    """Nobody ever paid."""
    await cast.place(card="")
    await life.until("expire_unpaid")


async def declined(life: Life, cast: Cast) -> None:
    """The seller did not want to sell any more."""
    await cast.place()
    await life.do("the seller declines", life.client.decline(life.order_id, life.seller, reason=Reason.OUT_OF_STOCK))


async def cancel_asked(life: Life, cast: Cast) -> None:
    """The buyer asks to cancel what the seller has confirmed."""
    await cast.place()
    await confirm(life)
    await life.do(
        "the buyer asks to cancel", life.client.request_cancel(life.order_id, life.buyer, reason=Reason.CHANGED_MIND)
    )


async def refunded(life: Life, cast: Cast) -> None:
    """A specialist gave everything back."""
    await arrived(life, cast)
    reason = "Both agree that it was broken in the post."
    await life.do("the specialist refunds", life.client.refund(life.order_id, life.specialist, reason=reason))


async def waits_for_second_operator(life: Life, cast: Cast) -> None:
    """So much money that a second operator has to agree."""
    await cast.place(("620.00", "15.00"))
    await confirm(life)
    await life.ship()
    await life.carried("delivered")
    reason = "The serial number is that of a stolen one."
    await life.do("an operator refunds", life.client.refund(life.order_id, life.operator, reason=reason))


async def disputed(life: Life, cast: Cast) -> None:
    """The buyer's bank has taken the money back: a chargeback that waits for the bank's decision."""
    await arrived(life, cast)
    await _charged_back(life)


async def claim_received(life: Life, cast: Cast) -> None:
    """The seller should answer; nobody has read the claim."""
    await arrived(life, cast)
    await claims(life, ClaimReason.NOT_AS_DESCRIBED, "It is blue, and was green in the pictures.")
    await says(life, life.buyer, "I have sent you a photo with the claim.")


async def claim_for_buyer(life: Life, cast: Cast) -> None:
    """The seller has answered, with a photo; the buyer should."""
    await arrived(life, cast)
    await claims(life, ClaimReason.INCOMPLETE, "The cable is missing.")
    await _answers(life, "The cable was sold apart; it says so in the text.")


async def claim_for_seller(life: Life, cast: Cast) -> None:
    """Both have answered; it is the seller's turn again."""
    await claim_for_buyer(life, cast)
    await life.do(
        "the buyer answers",
        life.client.answer_claim(life.order_id, life.buyer, text="The picture shows the cable, please look again."),
    )


async def claim_offer(life: Life, cast: Cast) -> None:
    """The seller offers a part back."""
    await arrived(life, cast)
    await claims(life, ClaimReason.NOT_AS_DESCRIBED, "There is a scratch.", Wish.PART_REFUND)
    await _offers(life, life.seller, "5.00")


async def claim_counter_offer(life: Life, cast: Cast) -> None:
    """The buyer asks for more than the seller has offered."""
    await claim_offer(life, cast)
    await _offers(life, life.buyer, "15.00")
    await says(life, life.buyer, "A repair costs 30 euros, so half of that is fair.")


async def claim_waits_longer(life: Life, cast: Cast) -> None:
    """The parcel does not come; the buyer gives it more time."""
    await cast.place()
    await confirm(life)
    await life.ship()
    await life.carried("in_transit")
    await life.until("parcel_stalled")
    await claims(life, ClaimReason.NOT_RECEIVED, "It has not come.", Wish.WAIT_LONGER)
    await life.do("the buyer waits", life.client.wait_on_claim(life.order_id, life.buyer, days=5))


async def return_requested(life: Life, cast: Cast) -> None:
    """Granted, once the goods are back."""
    await arrived(life, cast)
    await claims(life, ClaimReason.NOT_AS_DESCRIBED, "It is the smaller model.")
    granted = life.client.grant_claim(life.order_id, life.seller, text="Please send it back, I pay for the label.")
    await life.do("the seller grants it", granted)


async def return_sent(life: Life, cast: Cast) -> None:
    """A return on its way, to the address and with the label that the seller gave."""
    await return_requested(life, cast)
    await life.do(
        "the seller says where to",
        life.client.instruct_return(
            life.order_id,
            life.seller,
            address_lines=("Lampenladen", "Lagerweg 3", "10115 Berlin"),
            label=photo("label"),
        ),
    )
    await life.do(
        "the buyer sends it back",
        life.client.send_return(
            life.order_id, life.buyer, carrier="DHL", tracking_number="JD000000000000004711", parcel_id="r1"
        ),
    )


async def return_received(life: Life, cast: Cast) -> None:
    """The seller has it back, and should inspect it."""
    await return_sent(life, cast)
    await life.do("the seller has it back", life.client.receive_return(life.order_id, life.seller))


async def refund_reduced(life: Life, cast: Cast) -> None:
    """Back and used: a part is kept, unless the buyer appeals."""
    await return_received(life, cast)
    await life.do(
        "the seller inspects it",
        life.client.inspect_return(life.order_id, life.seller, finding=Finding.USED, text="The seal is broken."),
    )


async def claim_upstream(life: Life, cast: Cast) -> None:
    """The seller asks the shop that the goods came from."""
    await arrived(life, cast)
    await claims(life, ClaimReason.DAMAGED, "It does not switch on.")
    await life.do(
        "the seller asks upstream",
        life.client.escalate_upstream(life.order_id, life.seller, text="I have written to the maker."),
    )


async def claim_escalated(life: Life, cast: Cast) -> None:
    """The seller leaves it to the platform: a ticket that nobody has taken."""
    await arrived(life, cast)
    await claims(life, ClaimReason.WRONG_ITEM, "I ordered another one.")
    await life.do(
        "the seller escalates",
        life.client.escalate_claim(life.order_id, life.seller, text="I sent what was ordered. Please decide."),
    )


async def claim_overdue(life: Life, cast: Cast) -> None:
    """The seller was silent, and so was the desk: the ticket is escalated, then due again within hours."""
    await arrived(life, cast)
    await claims(life, ClaimReason.DAMAGED, "The handle is broken off.")
    await life.until("claim_unanswered")
    await life.until("ticket_overdue")
    ticket = await life.ticket(Cause.CLAIM)
    await life.pass_time(max(ticket.due - life.now - 3 * HOUR, HOUR))
    await says(life, life.buyer, "Is anybody there?")


async def claim_asks_seller(life: Life, cast: Cast) -> None:
    """The platform has a question to the seller."""
    await claim_escalated(life, cast)
    await _asks(life, Side.SELLER, "Which model did you pack? Please send a photo of the label.")


async def claim_asks_buyer(life: Life, cast: Cast) -> None:
    """The platform has a question to the buyer."""
    await claim_escalated(life, cast)
    await _asks(life, Side.BUYER, "What is written on the item that you got?")


async def claim_approved(life: Life, cast: Cast) -> None:
    """Decided for the buyer; either side may appeal."""
    await claim_escalated(life, cast)
    await decide(life, "the specialist: refund", Verdict.REFUND, "The photo shows another model.")


async def claim_rejected(life: Life, cast: Cast) -> None:
    """Decided for the seller; either side may appeal."""
    await claim_escalated(life, cast)
    await decide(life, "the specialist: release", Verdict.RELEASE, "The order names this very model.")


async def claim_appealed(life: Life, cast: Cast) -> None:
    """Appealed against, and handed to another specialist."""
    await claim_approved(life, cast)
    await life.do(
        "the seller appeals",
        life.client.appeal_claim(life.order_id, life.seller, text="The photo is of something else."),
    )
    other = specialist("specialist-2")
    await life.do(
        "it is another specialist's", life.client.assign_claim(life.order_id, life.specialist, owner=other.id)
    )
    await says(life, life.specialist, "I had decided this one, so it is yours.", internal=True)


async def claim_resolved(life: Life, cast: Cast) -> None:
    """Bargained and settled; the other line still waits for the buyer."""
    await claim_counter_offer(life, cast)
    await life.do("the seller accepts", life.client.accept_offer(life.order_id, life.seller))
    await rates(life, life.buyer, 5, "We agreed within a day.")
    await rates(life, life.seller, 4, "Fair, though I would have liked to see the repair bill.")


async def claim_closed(life: Life, cast: Cast) -> None:
    """The buyer did not go on with it."""
    await claim_for_buyer(life, cast)
    await life.until("claim_lapses")
    await rates(life, life.buyer, 2, "I was on holiday, and nobody waited.")


async def claim_charged_back(life: Life, cast: Cast) -> None:
    """The buyer claims, and goes to the bank as well."""
    await arrived(life, cast)
    await claims(life, ClaimReason.DAMAGED, "It arrived in pieces.")
    await _charged_back(life)


async def _answers(life: Life, text: str) -> None:
    picture = await life.store(life.seller, photo("packed"), "packed.png")
    answer = life.client.answer_claim(life.order_id, life.seller, evidence=(picture,), text=text)
    await life.do("the seller answers", answer)


async def _offers(life: Life, by: Actor, amount: str) -> None:
    offer = life.client.offer_refund(life.order_id, by, amount=Money.of(amount, CURRENCY))
    await life.do(f"the {by.role} offers {amount}", offer)


async def _asks(life: Life, side: Side, text: str) -> None:
    ticket = (await life.ticket(Cause.CLAIM)).ticket_id
    asking = life.client.ask_party(life.order_id, life.specialist, of=side, text=text, ticket_id=ticket)
    await life.do(f"the specialist asks the {side}", asking)


async def _charged_back(life: Life) -> None:
    book = await asyncio.to_thread(life.sandbox.book, life.order_id)
    captured = next(str(effect["object"]) for effect in book if effect["kind"] == "capture")
    await asyncio.to_thread(life.sandbox.dispute, captured, reason="product_not_received")
    await life.until_recorded("the chargeback", lambda order: bool(order.disputes))
    await life.rest()


DESK: tuple[Deskwork, ...] = (
    claim_overdue, stalled, claim_waits_longer, claim_closed, claim_received, claim_escalated, claim_for_buyer,
    claim_for_seller, claim_offer, claim_counter_offer, return_requested, return_sent, return_received, refund_reduced,
    claim_upstream, claim_asks_seller, claim_asks_buyer, claim_approved, claim_rejected, claim_appealed, claim_resolved,
    disputed, claim_charged_back, waits_for_second_operator, confirmed, part_shipped, half_received, completed, closed,
    expired, declined, cancel_asked, refunded,
)  # fmt: skip
"""Every state of the desk; what takes longest comes first."""
