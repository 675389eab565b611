from __future__ import annotations

import json
from datetime import timedelta

import pytest

from domain.claims.case import ClaimReason, Finding, Status, Verdict, Wish
from domain.errors import Invalid, Refused
from domain.money import Money
from domain.parcels.parcel import Proof
from domain.state import Stage
from starter.answers import NotFound, buyer, seller, specialist
from starter.client import AftersaleClient
from tests.life import BUYER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale


async def delivered(market: Marketplace) -> Life:
    life = await market.order()
    await life.delivered(Proof.STRONG)
    return life


async def test_a_claim_is_made_answered_and_settled_through_the_client(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await delivered(market)
    ann, sam = buyer(life.document["buyer"]["person_id"]), seller(life.document["seller"]["person_id"])
    file = await client.store_file(life.order_id, ann, source=b"The sleeve is torn.", name="note.txt")
    opened = await client.open_claim(
        life.order_id, ann, reason=ClaimReason.DAMAGED, wish=Wish.PART_REFUND, lines=["L1"], evidence=[file],
        text="The left sleeve is torn.",
    )  # fmt: skip
    assert opened.accepted
    await client.offer_refund(life.order_id, sam, amount=Money.of("8.00", "EUR"), text="Eight for the seam?")
    await client.accept_offer(life.order_id, ann)
    await life.rest()
    [claim] = life.state().claims
    assert claim.status is Status.RESOLVED
    assert life.money()["refunded"] == "8.00 EUR"
    with pytest.raises(Invalid):
        await client.send_return(life.order_id, ann, carrier="DHL", tracking_number=" ")
    with pytest.raises(Refused) as over:
        await client.inspect_return(life.order_id, sam, finding=Finding.USED)
    assert over.value.code == "claim_status"


async def test_a_buyer_claims_on_a_closed_order_and_gets_an_answer(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await delivered(market)
    ann = buyer(life.document["buyer"]["person_id"])
    await life.send("receive", BUYER)
    await life.until("close")
    assert await life.result() == Stage.CLOSED
    answer = await client.open_claim(life.order_id, ann, reason=ClaimReason.DAMAGED, lines=["L1"], command_id="late")
    again = await client.open_claim(life.order_id, ann, reason=ClaimReason.DAMAGED, lines=["L1"], command_id="late")
    assert (answer.seq, answer.stage) == (again.seq, Stage.COMPLETED)
    assert len(life.state().claims) == 1
    for nothing in (" ", "\u00a0\u200b"):
        with pytest.raises(Invalid, match="text: is missing"):
            await client.decide_claim(life.order_id, specialist("specialist-1"), verdict=Verdict.RELEASE, text=nothing)
    await client.decide_claim(
        life.order_id, specialist("specialist-1"), verdict=Verdict.RELEASE, text="It was worn for a month."
    )
    await life.rest()
    await life.pass_time(timedelta(days=60))
    assert not await life.is_running()


async def test_a_strangers_claim_reads_as_for_no_order(client: AftersaleClient, market: Marketplace) -> None:
    life = await delivered(market)
    for order_id in (life.order_id, "o-nowhere"):
        with pytest.raises(NotFound, match=f"there is no order {order_id}$"):
            await client.open_claim(order_id, buyer("somebody-else"), reason=ClaimReason.DAMAGED, text="Hello.")


async def test_the_command_line_speaks_of_claims_in_peoples_words(aftersale: Aftersale, market: Marketplace) -> None:
    life = await delivered(market)
    opened = await aftersale("open-claim", life.order_id, "--reason", "damaged", "--line", "L1", "--json")
    assert opened.code == 0, opened.err
    wrong = await aftersale("grant-claim", life.order_id, "--claim", "c9")
    assert (wrong.code, "this order has no claim c9; it has: c1 (Received)" in wrong.err) == (3, True), wrong.err
    offered = await aftersale("offer-refund", life.order_id, "--amount", "500.00 EUR", "--as", "seller")
    assert offered.code == 2, offered.err
    assert "below the 40.00 EUR of the claim's lines" in offered.err


async def test_the_answer_to_a_claims_command_tells_that_claims_next_step(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await delivered(market)
    await aftersale("open-claim", life.order_id, "--reason", "not_as_described", "--line", "L1")
    answer = await aftersale("escalate-claim", life.order_id, "--as", "seller")
    assert "A specialist should decide the claim; otherwise the ticket is escalated. Until" in answer.out
    first = ("decide-claim", life.order_id, "--verdict", "return_first", "--text", "Back first.", "--command-id", "d-1")
    for _ in range(2):
        answer = await aftersale(*first)
        assert "The seller should say how the items go back, by an address or a label; otherwise" in answer.out, answer
    told = json.loads((await aftersale(*first, "--json")).out)
    view = json.loads((await aftersale("claims", "show", life.order_id, "--as", "buyer", "--json")).out)
    assert (told["next"], told["due"], told["waiting_on"]) == (view["next"], view["due"], "seller")
