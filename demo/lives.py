"""The lives that the demo plays, each a story of a few sentences and how it must end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from demo.life import Ending, Life, WentWrong
from domain.confirm import Reason
from domain.state import Cause, Outcome, Stage

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

SMOOTH = Ending(Stage.CLOSED, captured="64.90 EUR", released="60.10 EUR", fees="4.80 EUR")
"""A camera (40.00), a lens (20.00) and shipping (4.90) when all goes well; the platform keeps 8 % of the goods."""


@dataclass(frozen=True)
class Story:
    """One life: its order's id, a name for people, the play, and the end that it must come to."""

    order_id: str
    name: str
    play: Callable[[Life], Awaitable[None]]
    ending: Ending


async def smooth(life: Life) -> None:
    """Everybody does what they should."""
    await life.place(await life.checkout())
    await confirm(life)
    await life.ship()
    await life.delivered(signed_by="B BRANDT")
    await receive(life)
    await life.until("close")


async def late_seller(life: Life) -> None:
    """A reminder, a ticket, a specialist who gives two more days, and a parcel after all."""
    await life.place(await life.checkout())
    await confirm(life)
    await life.until("ship_overdue")
    await life.must_have_heard("remind_ship.seller", "ticket_opened.specialist")
    ticket = await life.ticket(Cause.SHIP_OVERDUE)
    await life.do(
        "the specialist reached the seller: two more days",
        life.client.resolve_ticket(
            life.order_id,
            life.specialist,
            ticket=ticket.ticket_id,
            outcome=Outcome.EXTEND,
            until=life.now + 2 * DAY,
            reason="The seller was ill and ships tomorrow.",
        ),
    )
    await life.pass_time(DAY)
    await life.ship()
    await life.delivered()
    await receive(life)
    await life.until("close")


async def never_ships(life: Life) -> None:
    """The seller confirms and is never heard of again: the hold is let go, the buyer pays nothing."""
    await life.place(await life.checkout())
    await confirm(life)
    await life.until("ship_lapses")
    await life.must_have_heard("remind_ship.seller", "ticket_opened.specialist", "stock.released.storefront")
    await effects_must_be(life, "authorise", "void")


async def strong_proof(life: Life) -> None:
    """Silence after a delivery that was signed for."""
    await life.place(await life.checkout())
    await confirm(life)
    await life.ship()
    await life.delivered(signed_by="B BRANDT")
    await life.until("accept_on_strong_proof")
    await life.must_have_heard("remind_receipt.buyer")
    await life.until("close")


async def weak_proof(life: Life) -> None:
    """Silence after a bare delivery scan, over a sum below the policy's limit."""
    await life.place(await life.checkout())
    await confirm(life)
    await life.ship()
    await life.delivered()
    await life.until("accept_on_weak_proof")
    await life.until("close")


async def dear_goods(life: Life) -> None:
    """Silence after a bare delivery scan over much money: a person looks, and releases it."""
    await life.place(await life.checkout(("240.00",), "10.00"))
    await confirm(life)
    await life.ship()
    await life.delivered()
    await life.until("receipt_overdue")
    ticket = await life.ticket(Cause.RECEIPT_MISSING)
    await life.do(
        "the specialist reached the buyer, and releases",
        life.client.release(
            life.order_id, life.specialist, reason="The buyer is happy with it.", ticket_id=ticket.ticket_id
        ),
    )
    await life.until("close")


async def declined_card(life: Life) -> None:
    """The card is declined at checkout; the buyer pays with another a day later."""
    document = await life.checkout(card="pm_card_chargeDeclined")
    placed = await life.place(document)
    if placed.stage != Stage.AWAITING_PAYMENT:
        raise WentWrong(f"an order whose card was declined must await payment, and is {placed.stage}")
    await life.must_have_heard("payment_declined.buyer")
    await life.pass_time(DAY)
    paid = await life.preauthorised(document)
    await life.do("the buyer pays with another card", life.client.pay(life.order_id, life.buyer, **paid))
    await confirm(life)
    await life.ship()
    await life.delivered()
    await receive(life)
    await life.until("close")


async def unpaid(life: Life) -> None:
    """Nobody ever pays: a reminder, the end, and the goods go back on sale."""
    await life.place(await life.checkout(card=""))
    await life.until("expire_unpaid")
    await life.must_have_heard("remind_pay.buyer", "order.expire_unpaid.storefront", "stock.released.storefront")
    await effects_must_be(life)


async def half_confirmed(life: Life) -> None:
    """Of four lines three are confirmed and two are sent, in a parcel each; the third never is, and is refunded."""
    await life.place(await life.checkout(("40.00", "20.00", "15.00", "10.00")))
    await life.do(
        "the seller confirms all but the bag",
        life.client.confirm(life.order_id, life.seller, lines=("L1", "L2", "L3")),
    )
    await life.ship("L1")
    await life.pass_time(HOUR)
    await life.ship("L2")
    await life.delivered("p1")
    await life.delivered("p2")
    await receive(life)
    await life.until("ship_lapses")
    await effects_must_be(life, "authorise", "capture", "transfer", "refund", "transfer")
    await life.until("close")


async def hold_renewed(life: Life) -> None:
    """The buyer gives the seller more time than the hold on the card lasts: a new hold, then the old one goes."""
    document = await life.checkout(card="")
    document["payment"] = await life.preauthorised(document, hold=None)
    await life.place(document)
    await confirm(life)
    await life.do("the seller asks for five more days", life.client.ask_time(life.order_id, life.seller, days=5))
    await life.do("the buyer grants them", life.client.grant_time(life.order_id, life.buyer))
    await life.until("renew_hold")
    await effects_must_be(life, "authorise", "authorise", "void")
    await life.pass_time(DAY)
    await life.ship()
    await life.delivered()
    await receive(life)
    await life.until("close")


async def cancel_by_silence(life: Life) -> None:
    """The buyer asks to cancel after the confirmation; the seller does not answer, which grants it."""
    await life.place(await life.checkout())
    await confirm(life)
    await life.do(
        "the buyer asks to cancel",
        life.client.request_cancel(life.order_id, life.buyer, reason=Reason.CHANGED_MIND),
    )
    await life.until("cancel_by_silence")
    await effects_must_be(life, "authorise", "void")


async def provider_down(life: Life) -> None:
    """The provider is away for five hours just as the money is captured. The order goes on deciding meanwhile."""
    await life.place(await life.checkout())
    await confirm(life)
    await asyncio.to_thread(life.sandbox.fault, "unavailable", order_id=life.order_id, until=life.now + 5 * HOUR)
    shipped = await life.ship("L1", told="the provider is down; the seller ships L1", wait=0.5)
    if shipped.payment != "pending":
        raise WentWrong(f"a shipment whose capture is unknown must be pending, and is {shipped.payment}")
    await life.must_have_heard("capture_pending.seller")
    await life.refused(
        "the seller wants to cancel L2",
        life.client.cancel(life.order_id, life.seller, lines=("L2",), reason=Reason.DAMAGED),
        "capture in progress",
    )
    await life.do("the buyer waits longer", life.client.wait_longer(life.order_id, life.buyer, days=3))
    await life.pass_time(4 * HOUR)
    await effects_must_be(life, "authorise")
    await life.pass_time(2 * HOUR)
    await life.until_recorded("the capture", lambda order: order.payment.captured is not None)
    await life.ship("L2")
    await life.delivered("p1")
    await life.delivered("p2")
    await receive(life)
    await effects_must_be(life, "authorise", "capture", "transfer")
    await life.until("close")


async def killed_worker(life: Life) -> None:
    """The worker is killed after the provider has captured and before that is on record: captured once all the same."""
    await life.place(await life.checkout())
    await confirm(life)
    # The effect stands at once; the worker would wait for the answer for seconds, and does not live to see it.
    await asyncio.to_thread(
        life.sandbox.fault, "effect_then_cut", order_id=life.order_id, operation="capture", hang_seconds=7
    )
    shipping = asyncio.create_task(life.ship())
    while "capture" not in await life.effects():
        if shipping.done():
            await shipping
        await asyncio.sleep(0.02)
    pid = life.world.worker.pid
    life.say(life.now, f"captured at the provider: kill -9 {pid}, the worker")
    await life.world.replace_worker()
    life.stage_is_free()
    life.say(life.now, "another worker is up; the step is run again 30 seconds after its start")
    shipped = await shipping
    if shipped.payment != "secured":
        raise WentWrong(f"the payment must be secured, and is {shipped.payment}")
    await effects_must_be(life, "authorise", "capture")
    life.say(life.now, "the new worker asked the provider first: one capture in its book")
    await life.delivered()
    await receive(life)
    await effects_must_be(life, "authorise", "capture", "transfer")
    await life.until("close")


async def confirm(life: Life) -> None:
    """The seller confirms everything."""
    await life.do("the seller confirms", life.client.confirm(life.order_id, life.seller))


async def receive(life: Life) -> None:
    """The buyer marks all that was sent as properly fulfilled."""
    await life.do("the buyer: all well", life.client.receive(life.order_id, life.buyer))


async def effects_must_be(life: Life, *kinds: str) -> None:
    """Raise unless exactly this happened at the provider, by the provider's own book."""
    found = await life.effects()
    if found != list(kinds):
        raise WentWrong(
            f"the provider's book should show {', '.join(kinds) or 'nothing'}, and shows {', '.join(found)}"
        )


STORIES = (
    Story("killed-worker", "worker killed between capture and record", killed_worker, SMOOTH),
    Story("smooth", "smooth", smooth, SMOOTH),
    Story(
        "late-seller", "late seller, specialist resolves", late_seller,
        Ending(Stage.CLOSED, "64.90 EUR", "60.10 EUR", fees="4.80 EUR", tickets=1),
    ),
    Story("never-ships", "seller never ships", never_ships, Ending(Stage.CANCELLED, tickets=1)),
    Story("silent-strong", "silent buyer, strong proof", strong_proof, SMOOTH),
    Story("silent-weak", "silent buyer, weak proof, small sum", weak_proof, SMOOTH),
    Story(
        "silent-dear", "silent buyer, weak proof, large sum", dear_goods,
        Ending(Stage.CLOSED, "250.00 EUR", "230.80 EUR", fees="19.20 EUR", tickets=1),
    ),
    Story("declined-card", "declined card, paid later", declined_card, SMOOTH),
    Story("unpaid", "never paid, expired, relisted", unpaid, Ending(Stage.EXPIRED)),
    Story(
        "half-confirmed", "half confirmed, one line never shipped", half_confirmed,
        Ending(Stage.CLOSED, "79.90 EUR", "60.10 EUR", "15.00 EUR", "4.80 EUR", tickets=1),
    ),
    Story("hold-renewed", "hold runs out, renewed", hold_renewed, SMOOTH),
    Story("cancel-silence", "buyer cancels, seller silent", cancel_by_silence, Ending(Stage.CANCELLED)),
    Story("provider-down", "provider down during the capture", provider_down, SMOOTH),
)  # fmt: skip
"""The lives of orders without a claim. The first kills the worker that all would share."""
