"""What the stories of claims have in common."""

from __future__ import annotations

from datetime import timedelta

from activities.store.desk import claims
from activities.store.desk.claims import ClaimRow
from domain.claims.case import Claim, Status
from domain.parcels.parcel import Proof
from domain.state import Actor, Cause, Role
from starter.files.shelf import Shelf
from starter.records import Records
from tests.life import BUYER, SPECIALIST, Json, Life
from tests.marketplace import Marketplace

DAY = timedelta(days=1)


async def delivered(market: Marketplace, *prices: str) -> Life:
    """Two lines, of 40.00 and 20.00 EUR unless told otherwise, delivered with strong proof."""
    life = await market.order(market.preauthorised(market.checkout(prices=prices or ("40.00", "20.00"))))
    await life.delivered(Proof.STRONG)
    return life


async def claimed(market: Marketplace, reason: str = "not_as_described", *prices: str) -> Life:
    """A claim about the first of two lines."""
    life = await delivered(market, *prices)
    await life.send("open_claim", BUYER, reason=reason, lines=["L1"])
    return life


async def escalated(market: Marketplace, *prices: str) -> Life:
    """The seller has let a claim lie."""
    life = await claimed(market, "damaged", *prices)
    await life.until("claim_unanswered")
    assert status(life) is Status.ESCALATED
    return life


async def decide(life: Life, verdict: str, by: str = "specialist-1", **body: object) -> Json:
    """A specialist decides, and names the ticket."""
    ticket = life.ticket(Cause.CLAIM).ticket_id
    return await life.desk("decide_claim", Actor(SPECIALIST, by), ticket=ticket, verdict=verdict, **body)


def case(life: Life) -> Claim:
    """The order's last claim."""
    return life.state().claims[-1]


def status(life: Life) -> Status:
    return case(life).status


def row(life: Life) -> ClaimRow:
    """The last claim as lists show it; it repeats what the order's state says."""
    with life.market.engine.begin() as conn:
        found = claims.listed(conn, order_id=life.order_id, only_open=False)
    shown = next(each for each in found if each.claim_id == case(life).claim_id)
    assert (shown.status, shown.owner) == (case(life).status, case(life).owner)
    return shown


def proof(life: Life, role: Role) -> str:
    """A stored file of that side, which both may read."""
    shelf = Shelf(Records(life.market.engine, life.market.vault))
    return shelf.store(life.order_id, life.actor(role), b"Posted on Monday, weight 1.2 kg", "receipt.txt").attachment_id
