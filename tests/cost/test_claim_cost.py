"""What a claim costs the engine on top of its order: opened, answered, an offer, accepted, and the refund made."""

from __future__ import annotations

import asyncio
from pathlib import Path

from demo.cost import Cost, cost
from demo.life import CURRENCY, Life
from demo.post import relay
from demo.world import World, connections, world
from domain.claims.case import ClaimReason, Status
from domain.contract import workflow_id
from domain.money import Money

ORDER = "claim-cost-1"

ACTIONS = 14
"""4 updates, 5 activities, 5 upserts: one of each a step, and the refund. No timer: the order's own is still set."""


async def measure(around: World) -> tuple[Cost, Cost]:
    """The order's cost before and after the claim."""
    async with connections(around) as held:
        life = Life(ORDER, around, held, relay(around, held.engine, held.vault), lambda *_: None)

        async def so_far() -> Cost:
            return cost((await held.temporal.get_workflow_handle(workflow_id(ORDER)).fetch_history()).events)

        await life.place(await life.checkout())
        await life.do("the seller confirms", life.client.confirm(ORDER, life.seller))
        await life.ship()
        await life.carried("delivered")
        before, claim = await so_far(), life.client
        photo = await life.store(life.buyer, b"A list of what is missing.", "list.txt")
        await life.do(
            "the buyer claims",
            claim.open_claim(
                ORDER, life.buyer, reason=ClaimReason.INCOMPLETE, lines=("L1",), evidence=(photo,), text="Look."
            ),
        )
        await life.do("the seller answers", claim.answer_claim(ORDER, life.seller, text="What would help?"))
        offer = claim.offer_refund(ORDER, life.buyer, amount=Money.of("10.00", CURRENCY))
        await life.do("the buyer offers", offer)
        await life.do("the seller accepts", claim.accept_offer(ORDER, life.seller))
        assert (await life.order()).claims[-1].status is Status.RESOLVED
        assert (await life.effects()).count("refund") == 1
        return before, await so_far()


def test_a_claims_life_costs_what_it_did(session_directory: Path) -> None:
    with world(session_directory / "claim-cost") as around:
        before, after = asyncio.run(measure(around))
    assert after.actions - before.actions == ACTIONS
    # How messages and tasks meet differs a little from run to run, and with the load of the machine.
    assert 49 <= after.events - before.events <= 61
    assert 7 <= after.workflow_tasks - before.workflow_tasks <= 11
    assert 20_000 <= after.history_bytes - before.history_bytes <= 60_000
