"""Whole stories of claims: what both sides say, what the platform decides, and where the money goes.

In each the line that nobody complains about goes its own way.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.claims.case import Finding, Status
from domain.errors import Refused
from domain.parcels.parcel import Milestone, Proof
from domain.state import Cause, LineState, Stage
from starter.cases.desk import Cases
from starter.records import Records
from tests.life import BUYER, SELLER, SPECIALIST, Life
from tests.marketplace import Marketplace
from tests.stories.claims import DAY, case, claimed, decide, delivered, escalated, proof, row, status


async def ends(life: Life) -> None:
    """Everybody stays silent from now on; the order closes with nothing in escrow."""
    await life.pass_time(120 * DAY)
    assert not await life.is_running()


async def test_a_missing_parcel_is_proven_waited_for_and_comes(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship(lines=["L1"])
    await life.ship("p2", lines=["L2"])
    await life.scan(Milestone.DELIVERED, "p2", Proof.STRONG)
    with pytest.raises(Refused) as early:
        await life.send("open_claim", BUYER, reason="not_received", lines=["L1"])
    assert early.value.code == "on_its_way"
    await life.until("parcel_stalled")
    await life.send("open_claim", BUYER, reason="not_received", wish="wait_longer", lines=["L1"])
    assert status(life) is Status.RECEIVED
    said = life.words(SELLER, "Here is the receipt of the post office and a photo of the parcel.")
    await life.send("answer_claim", SELLER, evidence=[proof(life, SELLER)], note_id=said)
    assert status(life) is Status.WAITING_FOR_BUYER
    await life.send("wait_on_claim", BUYER, days=6)
    assert (status(life), life.state().line("L2").state) == (Status.WAITING_LONGER, LineState.ACCEPTED)
    assert life.money()["released"] == "18.40 EUR", "the other line's escrow has flowed on"
    await life.scan(Milestone.DELIVERED, "p1", Proof.STRONG)
    assert status(life) is Status.WAITING_FOR_BUYER, "a scan asks the buyer and never closes a claim"
    await life.send("withdraw_claim", BUYER)
    assert status(life) is Status.RESOLVED
    await life.send("receive", BUYER, lines=["L1"])
    await ends(life)
    assert life.money() == {"captured": "64.90 EUR", "released": "60.10 EUR", "fees": "4.80 EUR"}


async def test_a_missing_parcel_that_comes_while_the_platform_decides_stands_in_the_claims_story(
    market: Marketplace,
) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship()
    await life.until("parcel_stalled")
    await life.send("open_claim", BUYER, reason="not_received")
    await life.send("escalate_claim", SELLER)
    await life.scan(Milestone.DELIVERED)
    assert status(life) is Status.ESCALATED, "the case stays with whoever decides it"
    shown = Cases(Records(market.engine, market.vault)).show(life.order_id, life.actor(SPECIALIST))
    assert shown.story[-1].text == "The carrier reported on parcel p1: delivered."


async def test_a_wait_that_brings_nothing_wakes_the_claim_and_the_silent_seller_pays(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship()
    await life.until("parcel_stalled")
    await life.send("open_claim", BUYER, reason="not_received")
    await life.send("wait_on_claim", BUYER, days=3)
    await life.until("claim_wakes")
    assert status(life) is Status.WAITING_FOR_SELLER
    await life.until("claim_unanswered")
    await decide(life, "refund")
    await life.until("decision_stands")
    assert (status(life), life.stage()) == (Status.RESOLVED, Stage.REFUNDED)
    assert life.money() == {"captured": "64.90 EUR", "refunded": "64.90 EUR"}


async def test_a_part_refund_is_offered_countered_and_accepted_and_the_rest_is_the_sellers(market: Marketplace) -> None:
    life = await claimed(market)
    await life.send("offer_refund", SELLER, amount="5.00 EUR")
    await life.send("offer_refund", BUYER, amount="15.00 EUR")
    assert status(life) is Status.WAITING_FOR_SELLER
    await life.send("decline_offer", SELLER)
    await life.send("offer_refund", BUYER, amount="10.00 EUR")
    await life.send("accept_offer", SELLER)
    assert (status(life), str(row(life).awarded)) == (Status.RESOLVED, "10.00 EUR")
    assert life.state().line("L1").state is LineState.ACCEPTED
    await life.until("accept_on_strong_proof", "L2")
    await ends(life)
    # 8 % of what is left of each line: 30.00 and 20.00.
    expected = {"captured": "64.90 EUR", "refunded": "10.00 EUR", "released": "50.90 EUR", "fees": "4.00 EUR"}
    assert life.money() == expected
    assert life.effects().count("refund") == 1
    assert "refunded" in life.told(BUYER)


async def test_goods_come_back_used_and_the_handling_fee_is_kept(market: Marketplace) -> None:
    life = await claimed(market, "changed_mind")
    await life.send("grant_claim", SELLER)
    assert status(life) is Status.RETURN_REQUESTED
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    await life.send("receive_return", SELLER)
    await life.send("inspect_return", SELLER, finding="used")
    assert (status(life), case(life).finding) == (Status.REFUND_APPROVED, Finding.USED)
    assert "L1" not in [piece for move in life.state().moves for piece in [part.piece for part in move.parts]]
    await life.until("decision_stands")
    # 35 % of 40.00 are kept: 5 % for handling, 30 % for wear.
    assert str(row(life).awarded) == "26.00 EUR"
    await life.until("accept_on_strong_proof", "L2")
    await ends(life)
    assert life.money()["refunded"] == "26.00 EUR"


async def test_a_deduction_is_appealed_against_and_another_specialist_decides_for_good(market: Marketplace) -> None:
    life = await claimed(market)
    await life.send("grant_claim", SELLER)
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    await life.send("receive_return", SELLER)
    await life.send("inspect_return", SELLER, finding="used")
    await life.send("appeal_claim", BUYER, note_id=life.words(BUYER, "I never unpacked it."))
    await decide(life, "refund")
    assert status(life) is Status.RESOLVED, "on appeal it is carried out at once"
    assert life.money()["refunded"] == "40.00 EUR"


async def test_the_silent_sellers_claim_is_decided_appealed_and_decided_by_somebody_else(market: Marketplace) -> None:
    life = await escalated(market)
    await decide(life, "refund")
    assert (status(life), life.money().get("refunded")) == (Status.REFUND_APPROVED, None)
    await life.send("appeal_claim", SELLER, evidence=[proof(life, SELLER)])
    assert status(life) is Status.ESCALATED
    with pytest.raises(Refused) as own:
        await decide(life, "refund")
    assert own.value.code == "own_decision"
    await decide(life, "release", by="specialist-2")
    assert (status(life), life.state().line("L1").state) == (Status.CLOSED, LineState.ACCEPTED)
    with pytest.raises(Refused):
        await life.send("appeal_claim", BUYER, note_id=life.words(BUYER, "Once more."))
    await life.until("accept_on_strong_proof", "L2")
    await ends(life)
    assert life.money() == {"captured": "64.90 EUR", "released": "60.10 EUR", "fees": "4.80 EUR"}


async def test_a_difference_that_was_known_is_shown_and_the_claim_rejected(market: Marketplace) -> None:
    document = market.checkout()
    document["lines"][0]["known_differences"] = "The colour is darker than in the photo."
    life = await market.order(market.preauthorised(document))
    await life.delivered(Proof.STRONG)
    await life.send("open_claim", BUYER, reason="not_as_described", lines=["L1"])
    await life.send("escalate_claim", SELLER)
    assert life.screen().checkout["lines"][0]["known_differences"] == "The colour is darker than in the photo."
    await decide(life, "release")
    assert status(life) is Status.REJECTED
    await life.until("decision_stands")
    assert (status(life), life.state().line("L1").state) == (Status.CLOSED, LineState.ACCEPTED)
    await life.until("accept_on_strong_proof", "L2")
    await ends(life)
    assert "refunded" not in life.money()


async def test_cheap_goods_are_refunded_at_once_and_stay_with_the_buyer(market: Marketplace) -> None:
    life = await claimed(market, "wrong_item", "19.00", "20.00")
    await life.send("grant_claim", SELLER)
    assert (status(life), life.money()["refunded"]) == (Status.RESOLVED, "19.00 EUR")
    assert life.effects()[-1] == "refund"
    await life.until("accept_on_strong_proof", "L2")
    # 8 % of 20.00 are ours; the shipping goes with the last line.
    assert life.state().line("L2").state is LineState.ACCEPTED
    expected = {"captured": "43.90 EUR", "refunded": "19.00 EUR", "released": "23.30 EUR", "fees": "1.60 EUR"}
    assert life.money() == expected


async def test_a_claim_after_the_payout_claws_the_money_back(market: Marketplace) -> None:
    life = await delivered(market)
    await life.send("receive", BUYER)
    assert life.money()["released"] == "60.10 EUR"
    await life.send("open_claim", BUYER, reason="damaged", lines=["L1"])
    await life.send("grant_claim", SELLER)
    assert life.effects()[-2:] == ["refund", "transfer_reversal"]
    assert life.money() == {
        "captured": "64.90 EUR",
        "refunded": "40.00 EUR",
        "released": "23.30 EUR",
        "fees": "1.60 EUR",
    }
    await life.until("close")
    assert await life.result() == Stage.CLOSED


async def test_part_of_what_was_paid_out_is_clawed_back(market: Marketplace) -> None:
    life = await delivered(market)
    await life.send("receive", BUYER)
    await life.send("open_claim", BUYER, reason="incomplete", lines=["L1"])
    await life.send("offer_refund", SELLER, amount="10.00 EUR")
    await life.send("accept_offer", BUYER)
    assert life.money() == {
        "captured": "64.90 EUR",
        "refunded": "10.00 EUR",
        "released": "50.90 EUR",
        "fees": "4.00 EUR",
    }
    assert not life.state().debt


async def test_a_purchasing_agents_claim_goes_upstream_and_comes_back(market: Marketplace) -> None:
    life = await claimed(market, "damaged")
    await life.send("escalate_upstream", SELLER, note_id=life.words(SELLER, "I have asked the shop in Shenzhen."))
    shown = row(life)
    assert (shown.status, shown.upstream_at is not None, shown.escalated_at) == (Status.ESCALATED_UPSTREAM, True, None)
    await life.until("accept_on_strong_proof", "L2")
    assert status(life) is Status.ESCALATED_UPSTREAM, "the seller's clock waits for the shop"
    assert life.state().line("L2").state is LineState.ACCEPTED
    assert life.money()["released"] == "18.40 EUR", "the other line's escrow has flowed on meanwhile"
    await life.send("answer_upstream", SELLER)
    await life.send("grant_claim", SELLER)
    assert status(life) is Status.RESOLVED
    expected = {"captured": "64.90 EUR", "refunded": "40.00 EUR", "released": "23.30 EUR", "fees": "1.60 EUR"}
    assert life.money() == expected


async def test_a_shop_that_never_answers_leaves_it_to_the_platform_which_asks_both_sides(market: Marketplace) -> None:
    life = await claimed(market, "damaged")
    await life.send("escalate_upstream", SELLER)
    await life.until("upstream_silent")
    shown = row(life)
    assert shown.escalated_at is not None, "two escalations, each with its date"
    assert shown.upstream_at is not None
    await life.desk("assign_claim", owner="specialist-1", note_id=None)
    assert life.ticket(Cause.CLAIM).owner == "specialist-1"
    await life.desk("ask_party", of="buyer", ticket=life.ticket(Cause.CLAIM).ticket_id)
    assert not life.state().tickets, "the platform's clock stands while it waits"
    await life.send("answer_claim", BUYER, evidence=[proof(life, BUYER)])
    assert life.ticket(Cause.CLAIM).owner == "specialist-1"
    await life.desk("ask_party", of="seller", ticket=life.ticket(Cause.CLAIM).ticket_id)
    await life.until("claim_unanswered")
    await decide(life, "part_refund", amount="12.00 EUR")
    await life.until("decision_stands")
    assert life.money()["refunded"] == "12.00 EUR"


async def test_a_carrier_tells_that_a_return_has_arrived(market: Marketplace) -> None:
    life = await claimed(market)
    await life.send("grant_claim", SELLER)
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    assert [n["context"]["parcel_id"] for n in life.notices() if n["template"] == "register_tracker"] == ["p1", "r1"]
    await life.scan(Milestone.IN_TRANSIT, "r1")
    assert (status(life), life.refusals()) == (Status.RETURN_SENT, ["nothing_new"])
    await life.scan(Milestone.DELIVERED, "r1")
    assert status(life) is Status.RETURN_RECEIVED
    await life.send("inspect_return", SELLER, finding="as_sent")
    assert life.money()["refunded"] == "40.00 EUR"


async def test_a_return_that_its_carrier_loses_is_the_platforms_and_everybody_is_told(market: Marketplace) -> None:
    life = await claimed(market)
    await life.send("grant_claim", SELLER)
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    await life.scan(Milestone.LOST, "r1")
    assert status(life) is Status.ESCALATED
    assert [life.told(role)[-1] for role in (BUYER, SELLER, SPECIALIST)] == ["claim", "claim", "ticket_opened"]
    shown = Cases(Records(market.engine, market.vault)).show(life.order_id, life.actor(SELLER))
    assert (shown.story[-1].text, shown.story[-1].status) == (
        "The carrier reported on parcel r1: lost.",
        "Escalated to platform",
    )


async def test_goods_handed_back_and_found_missing_are_not_asked_for_again(market: Marketplace) -> None:
    life = await claimed(market)
    await life.send("grant_claim", SELLER)
    await life.send("receive_return", SELLER)
    await life.send("inspect_return", SELLER, finding="missing")
    with pytest.raises(Refused) as again:
        await decide(life, "return_first")
    assert again.value.code == "return_known"
    shown = Cases(Records(market.engine, market.vault)).show(life.order_id, life.actor(BUYER))
    assert shown.returned.endswith("found missing.")
    await ends(life)
    assert life.money()["refunded"] == "40.00 EUR", "nobody decided, and the seller has the goods"


async def test_who_has_the_goods_back_and_says_nothing_is_content_and_keeps_no_handling_fee(
    market: Marketplace,
) -> None:
    life = await claimed(market, "changed_mind")
    await life.send("grant_claim", SELLER)
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    await life.send("receive_return", SELLER)
    await life.until("inspection_lapses")
    assert str(row(life).awarded) == "40.00 EUR"
    assert life.money()["refunded"] == "40.00 EUR"


async def test_a_return_that_never_arrives_is_the_platforms_and_one_that_is_never_sent_lapses(
    market: Marketplace,
) -> None:
    sent, kept = await claimed(market), await claimed(market)
    for life in (sent, kept):
        await life.send("grant_claim", SELLER)
    await sent.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    await sent.until("return_missing")
    assert status(sent) is Status.ESCALATED
    kept.address("shop", SELLER)
    await kept.send("instruct_return", SELLER, address_id="shop")
    await kept.until("claim_lapses")
    assert status(kept) is Status.CLOSED
    assert kept.state().line("L1").state is LineState.DELIVERED
    await kept.pass_time(timedelta(days=2))
    assert kept.state().line("L1").state is LineState.DELIVERED, "its window runs anew"
    await ends(kept)
    assert "refunded" not in kept.money()


async def test_what_nobody_decides_is_decided_for_the_buyer(market: Marketplace) -> None:
    life = await escalated(market)
    await life.until("claim_times_out")
    assert (status(life), life.money()["refunded"]) == (Status.RESOLVED, "40.00 EUR")


async def test_evidence_is_only_what_was_stored_and_both_may_read(market: Marketplace) -> None:
    life = await claimed(market)
    with pytest.raises(Refused) as unknown:
        await life.send("answer_claim", SELLER, evidence=["file-nowhere"])
    assert unknown.value.code == "file_unknown"
    assert status(life) is Status.RECEIVED
    await life.send("add_evidence", BUYER, evidence=[proof(life, BUYER)])
    await life.desk("add_evidence", SPECIALIST, evidence=[proof(life, SPECIALIST)], note_id=None)
    assert status(life) is Status.RECEIVED
