"""News of parcels when every webhook of the carrier was lost: the poll asks, and the orders move (T5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
import requests
from temporalio.worker import Worker

from activities.carriers import CarrierDesk
from activities.mail import EmlMailer
from activities.notices import Letters
from activities.providers.easypost import EasyPostCarrier
from activities.relay import Addresses, Relay
from activities.store import personal, trackers
from activities.storefront import RowsOnly
from domain.claims.case import Status
from domain.parcels.parcel import Milestone, Proof
from domain.state import Cause, Stage
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from workflows.front import FrontDoor
from workflows.housekeeping import CARRIER_POLL, CarrierPoll

Poll = Callable[[], Awaitable[int]]


@pytest.fixture
def carrier(market: Marketplace) -> EasyPostCarrier:
    """The sandbox's carrier. Nobody has registered for its webhooks, so each of them is lost."""
    return EasyPostCarrier(base_url=market.sandbox.url, api_key="EZTKsandbox", webhook_secret="unused")


@pytest_asyncio.fixture
async def poll(market: Marketplace, carrier: EasyPostCarrier) -> Poll:
    """One round of the poll, as the schedule starts it; gives how many scans were sent to orders."""
    queue = f"poll-{uuid4().hex[:8]}"
    desk = CarrierDesk(market.engine, market.client, carrier, "easypost")

    async def once() -> int:
        async with Worker(
            market.client, task_queue=queue, workflows=[CarrierPoll], activities=[desk.poll], interceptors=[FrontDoor()]
        ):
            sent: int = await market.client.execute_workflow(CARRIER_POLL, id=queue, task_queue=queue)
        for life in market.lives:
            await life.rest()
        return sent

    return once


@pytest.fixture
def follow(market: Marketplace, carrier: EasyPostCarrier, pytestconfig: pytest.Config, tmp_path: Path) -> Relay:
    """The relay that has the carrier follow a parcel once it was shipped."""
    letters = Letters(pytestconfig.rootpath / "templates")
    addresses = Addresses("shop@mail.example", "desk@mail.example")
    return Relay(market.engine, market.vault, letters, EmlMailer(tmp_path), RowsOnly(), carrier, addresses)


async def shipped(market: Marketplace, follow: Relay) -> tuple[Life, str]:
    """An order whose parcel is followed, and the parcel's number."""
    life, number = await market.order(), f"NUMBER{uuid4().hex[:12].upper()}"
    await life.send("confirm", SELLER)
    await life.ship(number=number)
    follow.deliver(await life.now(), life.order_id)
    return life, number


def move(market: Marketplace, number: str, status: str, at: datetime, **proof: str) -> None:
    """The carrier scans the parcel and tells nobody."""
    scan = {"status": status, "at": at.isoformat(), **proof}
    requests.post(f"{market.sandbox.url}/sandbox/parcels/{number}", json=scan, timeout=20).raise_for_status()


@contextmanager
def web_pages(market: Marketplace) -> Iterator[None]:
    """Inside the block the carrier answers with web pages instead of JSON."""
    faults = f"{market.sandbox.url}/sandbox/carrier/faults"
    requests.post(faults, json={"api": "web_page"}, timeout=20).raise_for_status()
    try:
        yield
    finally:
        requests.post(faults, json={"api": "none"}, timeout=20).raise_for_status()


def asked_after(life: Life) -> bool:
    """Whether the next round asks after the order's parcel."""
    with life.market.engine.begin() as conn:
        stored = personal.get_parcel(conn, life.market.vault, life.order_id, "p1")
        assert stored is not None
        return stored.tracker_id in trackers.worth_asking(conn)


async def test_a_delivery_whose_webhook_was_lost_is_learnt_by_the_next_poll(
    market: Marketplace, follow: Relay, poll: Poll
) -> None:
    life, number = await shipped(market, follow)
    assert await poll() == 0, "a parcel that was never scanned is no news"
    move(market, number, "in_transit", await life.now())
    move(market, number, "delivered", await life.now() + timedelta(minutes=1), signed_by="B BRANDT")
    assert await poll() == 2
    assert life.stage() is Stage.DELIVERED
    parcel = life.state().parcel("p1")
    assert parcel is not None
    assert (parcel.milestone, parcel.proof) == (Milestone.DELIVERED, Proof.STRONG)
    scans = [step for step in life.screen().story.steps if step.step == "parcel_scan"]
    assert {(step.role, step.actor_id, step.source) for step in scans} == {("carrier", "easypost", "signal")}


async def test_scans_polled_again_or_told_out_of_order_never_move_an_order_back(
    market: Marketplace, follow: Relay, poll: Poll
) -> None:
    life, number = await shipped(market, follow)
    now = await life.now()
    move(market, number, "delivered", now + timedelta(hours=3))
    assert await poll() == 1
    move(market, number, "out_for_delivery", now + timedelta(hours=2))
    move(market, number, "in_transit", now + timedelta(hours=1))
    before = life.state()
    assert await poll() == 0
    assert await poll() == 0
    assert life.state() == before
    assert life.refusals() == []


async def test_a_parcel_that_comes_back_after_its_delivery_is_learnt_by_the_poll_too(
    market: Marketplace, follow: Relay, poll: Poll
) -> None:
    life, number = await shipped(market, follow)
    move(market, number, "delivered", await life.now())
    await poll()
    move(market, number, "return_to_sender", await life.now() + timedelta(hours=1))
    assert await poll() == 1
    assert life.ticket(Cause.PARCEL_RETURNED).subject == "p1"


async def test_a_carrier_that_answers_with_a_web_page_is_asked_again_in_the_next_round(
    market: Marketplace, follow: Relay, poll: Poll
) -> None:
    life, number = await shipped(market, follow)
    move(market, number, "delivered", await life.now())
    with web_pages(market):
        assert await poll() == 0
    assert life.stage() is Stage.SHIPPED
    assert await poll() == 1
    assert life.stage() is Stage.DELIVERED


@pytest.mark.parametrize("late", [False, True])
async def test_a_return_is_asked_after_until_it_has_arrived_also_when_the_platform_decides_meanwhile(
    market: Marketplace, follow: Relay, poll: Poll, late: bool
) -> None:
    life, number = await market.order(), f"RETURN{uuid4().hex[:12].upper()}"
    await life.delivered()
    await life.send("receive", BUYER)
    await life.send("open_claim", BUYER, reason="not_as_described", lines=["L1"])
    await life.send("grant_claim", SELLER)
    with market.engine.begin() as conn:
        personal.put_parcel(conn, market.vault, life.order_id, "r1", "DHL", number)
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    follow.deliver(await life.now(), life.order_id)
    if late:
        await life.send("escalate_claim", BUYER)
    move(market, number, "delivered", await life.now() + timedelta(minutes=1))
    assert await poll() == 1
    [claim] = life.state().claims
    assert claim.status is (Status.ESCALATED if late else Status.RETURN_RECEIVED)
    assert claim.back is not None
    assert claim.back.arrived_at is not None
    assert await poll() == 0
    assert life.refusals() == []


async def test_only_parcels_whose_news_matters_are_asked_after(market: Marketplace, follow: Relay) -> None:
    life, _ = await shipped(market, follow)
    assert asked_after(life)
    await life.scan(Milestone.DELIVERED)
    assert asked_after(life), "a proof, a return or a loss may still come"
    await life.send("receive", BUYER)
    assert not asked_after(life), "what was accepted is not moved by a carrier any more"
