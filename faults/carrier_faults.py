"""What a carrier does to a parcel, or says of it, that no plan foresees; and a carrier whose API is out of order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from demo.life import WentWrong
from domain.parcels.parcel import Milestone
from domain.state import Cause
from faults.ground import Ground
from faults.news_faults import POLL_SECONDS, NewsFault, at
from faults.oracles import Fate
from faults.stages import Stage
from sandbox.carrier import ApiFault
from starter.runs import Runs
from workflows.housekeeping import CARRIER_POLL

ON_ITS_WAY = (Stage.SHIPPING,)
NO_PARCEL = "no parcel is on its way to the buyer"
STALLED = (Cause.PARCEL_STALLED, Cause.RECEIPT_MISSING)


async def _never_scans(ground: Ground) -> None:
    """Nothing is heard of the parcel until a specialist has a ticket about it; then it arrives after all."""
    subject = ground.subject
    for _ in range(10):
        order = await subject.order()
        if any(ticket.cause in STALLED for ticket in order.tickets):
            subject.acts.append("a silent parcel has a ticket")
            return
        await subject.to_next_clock(order)
    raise WentWrong("a parcel without a scan has no ticket")


async def _tells_backwards(ground: Ground) -> None:
    """Delivered first, then all that came before, then delivered again."""
    subject = ground.subject
    await subject.arrive()
    first = subject.now - timedelta(hours=3)
    for milestone in (Milestone.ACCEPTED, Milestone.IN_TRANSIT, Milestone.DELIVERED):
        for parcel in (await subject.order()).parcels:
            await subject.scan(parcel.parcel_id, milestone, first)
    if any(parcel.milestone is not Milestone.DELIVERED for parcel in (await subject.order()).parcels):
        raise WentWrong("a late scan has moved a parcel back")


async def _returns(ground: Ground) -> None:
    """The parcel goes back to the seller, and a specialist gives the buyer everything back."""
    subject = ground.subject
    for parcel in (await subject.order()).parcels:
        await subject.scan(parcel.parcel_id, Milestone.RETURNED, subject.now)
    subject.story = replace(subject.story, fate=Fate.REFUNDED)
    await subject.give_back()


async def _answers_with_a_web_page(ground: Ground) -> None:
    """Whoever asks the carrier's API meanwhile gets a page for people; afterwards a parcel moves as ever."""
    subject = ground.subject
    await asyncio.to_thread(subject.sandbox.carrier_faults, ApiFault.WEB_PAGE)
    await Runs(subject.open.temporal).housekeep(CARRIER_POLL, POLL_SECONDS)
    await asyncio.to_thread(subject.sandbox.carrier_faults, ApiFault.NONE)
    for parcel in (await subject.order()).parcels:
        await subject.carried("delivered", parcel.parcel_id)


def carrier_faults() -> tuple[NewsFault, ...]:
    """What befalls parcels, and the carrier's API."""
    arriving = (*ON_ITS_WAY, Stage.DELIVERING)
    return (
        NewsFault("carrier_never_scans", at(ON_ITS_WAY, _never_scans), NO_PARCEL),
        NewsFault("carrier_delivers_before_it_accepts", at(arriving, _tells_backwards), NO_PARCEL),
        NewsFault("carrier_returns_the_parcel", at(ON_ITS_WAY, _returns), NO_PARCEL),
        NewsFault("carrier_answers_with_a_web_page", at(ON_ITS_WAY, _answers_with_a_web_page), NO_PARCEL),
    )
