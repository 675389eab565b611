"""Claims on orders that are over, and claims beside a chargeback: nothing is paid twice."""

from __future__ import annotations

import pytest

from activities.payments_desk import PaymentsDesk
from activities.providers.port import News, NewsKind
from activities.runs import hand_over
from domain.claims.case import Status
from domain.errors import Refused
from domain.parcels.parcel import Milestone, Proof
from domain.state import Cause, LineState, Stage
from tests.life import BUYER, COMMAND_KEY, SELLER, Life
from tests.marketplace import Marketplace
from tests.stories.claims import DAY, case, claimed, decide, delivered, escalated, proof, status


async def told(market: Marketplace, life: Life, dispute: str) -> None:
    desk = PaymentsDesk(
        market.engine, market.client, market.payments, "stripe", COMMAND_KEY, task_queue=market.task_queue
    )
    assert await desk.look(News(f"evt_{dispute}", NewsKind.DISPUTE, dispute, await life.now()))
    await life.rest()


async def charged_back(market: Marketplace, life: Life) -> str:
    dispute = str(market.sandbox.dispute(life.state().payment.hold, reason="product_not_received")["id"])
    await told(market, life, dispute)
    return dispute


async def closed(market: Marketplace) -> Life:
    life = await delivered(market)
    await life.send("receive", BUYER)
    await life.until("close")
    assert await life.result() == Stage.CLOSED
    return life


async def claim_late(market: Marketplace, life: Life) -> None:
    message = life.message(BUYER, {"reason": "damaged", "lines": ["L1"]}, "late-claim")
    assert await hand_over(
        market.engine, market.client, life.order_id, "open_claim", message, task_queue=market.task_queue
    )
    await life.rest()


async def test_a_claim_on_a_closed_order_reopens_it_and_it_closes_again(market: Marketplace) -> None:
    life = await closed(market)
    await claim_late(market, life)
    assert (status(life), await life.is_running()) == (Status.RECEIVED, True)
    assert life.state().closed_at is None
    await life.send("grant_claim", SELLER)
    await life.rest()
    assert life.money()["refunded"] == "40.00 EUR"
    await life.until("close")  # A new run of a test begins at the wall clock's time, before the order closed.
    assert not await life.is_running()
    assert await life.result() == Stage.CLOSED
    await life.check()


async def test_a_late_claim_that_is_withdrawn_leaves_the_order_closed_as_it_was(market: Marketplace) -> None:
    life = await closed(market)
    before = life.money()
    await claim_late(market, life)
    await life.send("withdraw_claim", BUYER)
    await life.until("close")
    assert (await life.result(), life.money()) == (Stage.CLOSED, before)


async def test_a_chargeback_during_a_claim_pays_the_buyer_once(market: Marketplace) -> None:
    life = await escalated(market)
    dispute = await charged_back(market, life)
    assert life.state().line("L1").held == "claim:c1", "the claim had the line first"
    assert life.state().line("L2").held == f"dispute:{dispute}"
    await decide(life, "refund")
    await life.until("decision_stands")
    assert "refund" not in life.effects(), "the bank decides about that money"
    assert status(life) is Status.REFUND_APPROVED
    market.sandbox.close_dispute(dispute, "lost", fee_returned=0)
    await told(market, life, dispute)
    await life.pass_time(DAY)
    assert "refund" not in life.effects()
    assert status(life) is Status.RESOLVED
    await life.check()


async def test_a_chargeback_that_is_won_lets_the_claims_refund_go(market: Marketplace) -> None:
    life = await claimed(market, "damaged")
    dispute = await charged_back(market, life)
    await life.send("offer_refund", SELLER, amount="10.00 EUR")
    await life.send("accept_offer", BUYER)
    assert "refund" not in life.effects()
    market.sandbox.close_dispute(dispute, "won", fee_returned=0)
    await told(market, life, dispute)
    await life.pass_time(DAY)
    assert life.effects().count("refund") == 1
    assert (status(life), life.money()["refunded"]) == (Status.RESOLVED, "10.00 EUR")


async def test_the_desk_moves_a_claimed_lines_money_by_deciding_the_claim_and_its_sides_may_appeal(
    market: Marketplace,
) -> None:
    life = await escalated(market)
    for name in ("refund", "release"):
        with pytest.raises(Refused, match="claim c1 is about L1; decide_claim decides about it") as by_hand:
            await life.desk(name, lines=["L1"])
        assert by_hand.value.code == "unclaimed"
    await decide(life, "release")
    await life.send("appeal_claim", BUYER, evidence=[proof(life, BUYER)])
    with pytest.raises(Refused, match="somebody else"):
        await decide(life, "refund")
    await decide(life, "refund", by="specialist-2")
    await life.rest()
    assert (status(life), life.state().line("L1").state) == (Status.RESOLVED, LineState.REFUNDED)
    assert not any(ticket.cause is Cause.CLAIM for ticket in life.state().tickets)


async def test_what_resolves_the_ticket_of_a_lost_parcel_leaves_the_claim_about_another_alone(
    market: Marketplace,
) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship(lines=["L1"])
    await life.ship("p2", lines=["L2"])
    await life.scan(Milestone.DELIVERED, "p1", Proof.STRONG)
    await life.send("open_claim", BUYER, reason="damaged", lines=["L1"])
    await life.scan(Milestone.LOST, "p2")
    await life.desk("refund", ticket=life.ticket(Cause.PARCEL_LOST).ticket_id)
    await life.rest()
    assert (status(life), life.state().line("L2").state) == (Status.RECEIVED, LineState.REFUNDED)
    assert life.money()["refunded"] == "20.00 EUR"


async def test_a_claim_is_about_lines_that_were_sent_and_that_nothing_else_holds(market: Marketplace) -> None:
    life = await claimed(market)
    for lines, code in ((["L1"], "claim_open"), (["L9"], "line_unknown"), (["L1", "L2"], "claim_open")):
        with pytest.raises(Refused) as refused:
            await life.send("open_claim", BUYER, reason="damaged", lines=lines)
        assert refused.value.code == code
    with pytest.raises(Refused) as stranger:
        await life.send("open_claim", SELLER, reason="damaged", lines=["L2"])
    assert stranger.value.code == "role_not_allowed"
    await life.send("open_claim", BUYER, reason="damaged", lines=["L2"])
    assert [claim.claim_id for claim in life.state().open_claims] == ["c1", "c2"]
    with pytest.raises(Refused) as unclear:
        await life.send("withdraw_claim", BUYER)
    assert unclear.value.code == "claim_unclear"
    await life.send("withdraw_claim", BUYER, claim_id="c1")
    assert case(life).status is Status.RECEIVED
