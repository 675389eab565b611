"""What the provider, a bank or a card's issuer does to an order by itself, and how its news of that arrive.

The sandbox tells by webhook, through the running gateway; where webhooks are lost, the provider poll of the workers
finds out. Each is played after an act of the order was recorded.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from demo.life import WentWrong
from domain.purse import DisputeStatus
from domain.state import is_over
from faults.cases import Moment
from faults.ground import Ground
from faults.oracles import Fate
from faults.proxy import Deed as TrapDeed
from faults.stages import IN_CLAIMS, UNDECIDED, Stage
from sandbox.payments.delivery import How
from starter.runs import Runs
from workflows.housekeeping import PROVIDER_POLL

REFUND_FAILS_AFTER = timedelta(days=5)
POLL_SECONDS = 60.0
DISPUTED = (Stage.SHIPPING, Stage.DELIVERING, Stage.RELEASING, Stage.REFUNDING, Stage.CLOSING, *IN_CLAIMS)
"""Where money was captured that a bank can take back, also when the buyer has been given it back already."""

Deed = Callable[[Ground], Awaitable[None]]
Delivered = Sequence[Mapping[str, Any]]
Count = Callable[[Delivered], int]


@dataclass(frozen=True)
class NewsFault:
    """`befall` has, for each stage at which it strikes, what is done once the act is recorded, and `reason` why it
    strikes at no other. `manner` is how the sandbox delivers its events about it, and `late` how long after. `count`
    tells of the sandbox's deliveries how often they were really in that manner.
    """

    name: str
    befall: Mapping[Stage, Deed]
    reason: str = ""
    manner: Mapping[str, Any] = field(default_factory=dict)
    late: timedelta = timedelta(0)
    count: Count | None = None

    def moments(self, stage: Stage) -> tuple[Moment, ...]:
        return (Moment.AFTER_COMMIT,) if stage in self.befall else ()

    def why_not(self, stage: Stage) -> str:
        return "" if stage in self.befall else self.reason

    async def arm(self, ground: Ground) -> None:
        """See that the act is really recorded before anything befalls the order."""
        ground.lay(TrapDeed.NOTE)
        ground.kept_back, ground.lost, ground.late = "hold" in self.manner, "drop" in self.manner, self.late
        if self.manner:
            await asyncio.to_thread(ground.subject.sandbox.webhooks, ground.case.order_id, **self.manner)

    async def strike(self, ground: Ground) -> None:
        await ground.reached()

    def struck(self, ground: Ground) -> int:
        """How often it struck: where it is about the manner of news, by what the sandbox delivered, or did not."""
        if self.count is None:
            return ground.hits
        return self.count(ground.subject.sandbox.deliveries(ground.case.order_id))

    async def heal(self, ground: Ground) -> None:
        """Not mending: now that the act is over, and what it moves has moved, it befalls the order."""
        await ground.subject.until_settled()
        await self.befall[ground.case.stage](ground)


async def told(ground: Ground, what: str, heard: Callable[[Any], bool]) -> None:
    """Until the order knows."""
    await _arrived(ground)
    await ground.subject.until_recorded(what, heard)
    ground.subject.acts.append(what)
    await ground.subject.rest()


async def _arrived(ground: Ground) -> None:
    """Time passes if the news is late, what was kept back is delivered, and what was lost is found by the poll."""
    subject = ground.subject
    if ground.late:
        # A clock never goes back, so this one tells the time; it is ahead of a run that news has begun anew.
        shown = await asyncio.to_thread(subject.sandbox.move_clock, ground.case.order_id, subject.now)
        if not is_over(await subject.order()):
            await subject.lose_time(ground.late)
            await subject.rest()
        await asyncio.to_thread(subject.sandbox.move_clock, ground.case.order_id, shown + ground.late)
    if ground.kept_back:
        await asyncio.to_thread(subject.sandbox.deliver, ground.case.order_id)
    for _ in range(2 if ground.lost else 0):
        # The first may be another order's, which was under way before this order's news came to be.
        await Runs(subject.open.temporal).housekeep(PROVIDER_POLL, POLL_SECONDS)


async def _disputed(ground: Ground) -> str:
    """The buyer's bank takes all of the money back; gives the dispute's id once the order knows."""
    sandbox = ground.subject.sandbox
    book = await asyncio.to_thread(sandbox.book, ground.case.order_id)
    captured = [entry for entry in book if entry["kind"] == "capture"]
    if not captured:
        raise WentWrong("nothing was captured that could be disputed")
    intent, amount = str(captured[-1]["object"]), int(captured[-1]["amount"])
    made = await asyncio.to_thread(sandbox.dispute, intent, amount=amount, reason="product_not_received")
    await told(ground, "the dispute is known", lambda order: bool(order.disputes))
    return str(made["id"])


async def _won(ground: Ground) -> None:
    dispute = await _disputed(ground)
    await asyncio.to_thread(ground.subject.sandbox.close_dispute, dispute, "won", fee_returned=1500)
    done = (DisputeStatus.WON, DisputeStatus.RESTORED)
    await told(ground, "the dispute is won", lambda order: all(each.status in done for each in order.disputes))


async def _lost(ground: Ground) -> None:
    dispute = await _disputed(ground)
    await asyncio.to_thread(ground.subject.sandbox.close_dispute, dispute, "lost")
    done = (DisputeStatus.LOST, DisputeStatus.BORNE)
    await told(ground, "the dispute is lost", lambda order: all(each.status in done for each in order.disputes))
    ground.disputed = True
    if ground.case.stage in UNDECIDED:
        # The bank has decided about the money that the claim is about.
        ground.subject.story = replace(ground.subject.story, fate=Fate.FULFILLED)


async def _refund_fails(ground: Ground) -> None:
    """The order ends; days later the buyer's bank sends the money back."""
    subject = ground.subject
    await subject.finish()
    book = await asyncio.to_thread(subject.sandbox.book, ground.case.order_id)
    refund = next(str(entry["object"]) for entry in book if entry["kind"] == "refund")
    await asyncio.to_thread(subject.sandbox.move_clock, ground.case.order_id, subject.now + REFUND_FAILS_AFTER)
    await asyncio.to_thread(subject.sandbox.settle_refund, refund, "failed")
    await told(ground, "the refund has failed", lambda order: all(move.ref != refund for move in order.moves))


async def _hold_ended(ground: Ground) -> None:
    """The card's issuer takes the hold back."""
    order = await ground.subject.order()
    await asyncio.to_thread(ground.subject.sandbox.end_hold, order.payment.hold)
    await told(ground, "the hold is lost", lambda now: now.payment.hold != order.payment.hold)


async def _account_closed(ground: Ground) -> None:
    """The seller's account closes before the money is released, and is open again days later."""
    subject = ground.subject
    account = (await subject.order()).account.ref
    await asyncio.to_thread(subject.sandbox.account, account, "closed", order_id=ground.case.order_id)
    await subject.accept()
    await subject.until_settled()
    await subject.until_recorded("the release is stuck", lambda order: bool(order.stuck))
    subject.acts.append("the account is closed")
    await asyncio.to_thread(subject.sandbox.account, account, "active", order_id=ground.case.order_id)


async def _paid_twice(ground: Ground) -> None:
    """The buyer's bank holds money for the order a second time, which nobody asked for."""
    held = await _held_again(ground)
    await _arrived(ground)
    await _let_go(ground, held)


async def _hold_ended_and_paid_twice(ground: Ground) -> None:
    """The card's issuer takes the hold back, and the buyer's bank holds money again: news that can change places."""
    order = await ground.subject.order()
    await asyncio.to_thread(ground.subject.sandbox.end_hold, order.payment.hold)
    another = await _held_again(ground)
    await told(ground, "the hold is lost", lambda now: now.payment.hold != order.payment.hold)
    await ground.subject.until_settled()
    hold = (await ground.subject.order()).payment.hold
    if not hold:
        # It heard of its hold's end first and waits to be paid; of that hold a storefront is to tell (`TooEarly`).
        await ground.subject.pay(another)
    elif hold != another["payment_intent"]:
        await _let_go(ground, another)


async def _held_again(ground: Ground) -> dict[str, Any]:
    over = is_over(await ground.subject.order())
    held = await ground.subject.held_again()
    ground.subject.acts.append(f"a hold that nobody asked for{', after the end' if over else ''}")
    return held


async def _let_go(ground: Ground, held: Mapping[str, Any]) -> None:
    hold, end = held["payment_intent"], asyncio.get_running_loop().time() + POLL_SECONDS
    while asyncio.get_running_loop().time() < end:
        book = await asyncio.to_thread(ground.subject.sandbox.book, ground.case.order_id)
        if any(entry["object"] == hold and entry["kind"] in ("void", "lapse") for entry in book):
            return
        await ground.subject.until_settled()
        if ground.case.also:  # It may have struck the reading back, and then the news comes by the poll.
            await Runs(ground.subject.open.temporal).housekeep(PROVIDER_POLL, POLL_SECONDS)
        await asyncio.sleep(0.2)
    raise WentWrong("the hold that nobody asked for was not let go")


COPIES, LATE = 10, timedelta(days=3)
SHUFFLE = 3
"""A seed that leaves no handful of events in its order."""


def _how(delivered: Delivered, *wanted: How) -> list[str]:
    """The events of which a post was so, in the order of posting."""
    return [row["event"] for row in delivered if row["how"] in wanted]


def repeated(delivered: Delivered) -> int:
    """Events that came as often as was asked for."""
    return sum(times >= COPIES for times in Counter(_how(delivered, How.TOLD)).values())


def shuffled(delivered: Delivered) -> int:
    """Posts that came behind that of a later event."""
    order = {row["event"]: row["event_number"] for row in delivered}
    told = [order[event] for event in _how(delivered, How.TOLD)]
    return sum(later > earlier for later, earlier in itertools.pairwise(told))


def belated(delivered: Delivered) -> int:
    """Events that came so late by the order's clock."""
    return sum(
        datetime.fromisoformat(row["at"]).timestamp() - row["event_at"] >= LATE.total_seconds() for row in delivered
    )


def lost(delivered: Delivered) -> int:
    """Events that were never posted."""
    return len(set(_how(delivered, How.DROPPED)) - set(_how(delivered, How.TOLD)))


def forged_and_strange(delivered: Delivered) -> int:
    """Events that a forgery, which the gateway turned away, and one of a stranger came with."""
    turned_away = {row["event"] for row in delivered if row["how"] == How.FORGED and 400 <= row["status"] < 500}
    return len(turned_away & set(_how(delivered, How.STRANGER)))


HELD = (Stage.PAYING, Stage.PLACING, Stage.CONFIRMING, Stage.RENEWING)
GIVEN_BACK = (Stage.REFUNDING, Stage.PART_REFUNDING, Stage.DECIDING)
UNCAPTURED = "nothing is captured that a bank could take back"
NO_REFUND = "the act gives nothing back"
NO_HOLD = "the order does not stand on a hold, or will not"
NO_WAIT = "no release waits for the account"


def at(stages: Iterable[Stage], deed: Deed) -> dict[Stage, Deed]:
    """The same befalls an order at each of these stages."""
    return dict.fromkeys(stages, deed)


def _anywhere(disputed: Deed, ended: Deed) -> dict[Stage, Deed]:
    """What there can be news of at every stage: a dispute, a hold's end, or a second hold once the first was let go."""
    return at(DISPUTED, disputed) | at(HELD, ended) | {Stage.CANCELLING: _paid_twice}


def news_faults() -> tuple[NewsFault, ...]:
    """What befalls orders, then the ways in which news of it can go wrong."""
    return (
        NewsFault("dispute_won", at(DISPUTED, _won), UNCAPTURED),
        NewsFault("dispute_lost", at(DISPUTED, _lost), UNCAPTURED),
        NewsFault("refund_fails_days_later", at(GIVEN_BACK, _refund_fails), NO_REFUND),
        NewsFault("hold_ended_by_its_issuer", at(HELD, _hold_ended), NO_HOLD),
        NewsFault("account_closed_and_opened", {Stage.DELIVERING: _account_closed}, NO_WAIT),
        NewsFault("paid_a_second_time", at(Stage, _paid_twice)),
        *_badly_told(),
    )


def _badly_told() -> tuple[NewsFault, ...]:
    lost_case, won_case = _anywhere(_lost, _hold_ended), _anywhere(_won, _hold_ended)
    in_disorder = _anywhere(_won, _hold_ended_and_paid_twice)
    forged = {"forgeries": 1, "strangers": 3, "copies": 2}
    return (
        NewsFault("webhooks_ten_times", lost_case, manner={"copies": COPIES}, count=repeated),
        NewsFault("webhooks_out_of_order", in_disorder, manner={"hold": True, "shuffle": SHUFFLE}, count=shuffled),
        NewsFault("webhooks_three_days_late", lost_case, manner={"hold": True}, late=LATE, count=belated),
        NewsFault("webhooks_lost", won_case, manner={"drop": True}, count=lost),
        NewsFault("webhooks_forged_and_of_strangers", lost_case, manner=forged, count=forged_and_strange),
    )
