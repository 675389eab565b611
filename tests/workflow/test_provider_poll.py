"""News of money when webhooks were lost: the poll walks the provider's own list, and every event acts once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.worker import Worker

from activities.payments_desk import PaymentsDesk
from activities.provider_poll import OVERLAP, ProviderPoll as Events
from activities.providers.stripe import StripePayments
from activities.store import payments
from activities.store.desk import inbox
from domain.state import Stage
from gateway.__main__ import PROVIDER, SeenInPostgres
from sandbox.client import SandboxClient
from sandbox.server import serve
from tests.life import BUYER, COMMAND_KEY, SELLER, Life
from tests.marketplace import Marketplace
from tests.receiver import hold_of
from workflows.front import FrontDoor
from workflows.housekeeping import PROVIDER_POLL, ProviderPoll

Poll = Callable[[], Awaitable[int]]


@pytest.fixture(scope="module")
def silent_sandbox() -> Iterator[SandboxClient]:
    """A sandbox of these tests' own, whose list of events holds nothing of others. Nobody registers for webhooks."""
    with serve() as server:
        yield SandboxClient(server.url)


@pytest_asyncio.fixture
async def own(market: Marketplace, silent_sandbox: SandboxClient) -> AsyncIterator[Marketplace]:
    """The marketplace on that sandbox, with a worker and an account of its sellers that no other order knows."""
    payments = StripePayments("sk_test_1", url=silent_sandbox.url)
    queue = f"orders-{uuid4().hex[:8]}"
    account = f"acct_{uuid4().hex[:12]}"
    found = replace(market, sandbox=silent_sandbox, payments=payments, task_queue=queue, account=account)
    with found.worker() as worker:
        async with worker:
            yield found


@pytest.fixture
def source() -> str:
    """The name under which this test's events are remembered."""
    return f"stripe-{uuid4().hex[:8]}"


@pytest_asyncio.fixture
async def poll(own: Marketplace, source: str) -> Poll:
    """One round of the poll, as the schedule starts it; gives how many events concerned an order of this test."""
    desk = PaymentsDesk(own.engine, own.client, own.payments, PROVIDER, COMMAND_KEY, task_queue=own.task_queue)
    events = Events(own.engine, own.payments, source, desk.look)
    queue = f"poll-{uuid4().hex[:8]}"

    async def once() -> int:
        async with Worker(
            own.client, task_queue=queue, workflows=[ProviderPoll], activities=[events.poll], interceptors=[FrontDoor()]
        ):
            told: int = await own.client.execute_workflow(PROVIDER_POLL, id=queue, task_queue=queue)
        for life in own.lives:
            await life.rest()
        return told

    with own.engine.begin() as conn:  # What earlier tests left in the list is not this test's.
        for news in own.payments.events(datetime.now(UTC) - timedelta(days=3), accounts=(own.account,)):
            inbox.first_seen(conn, source, news.event_id, datetime.now(UTC))
    return once


async def shipped(own: Marketplace) -> tuple[Life, str]:
    """An order whose money is in escrow, and the payment."""
    life = await own.order()
    await life.send("confirm", SELLER)
    await life.ship()
    return life, hold_of(life)


def polled_until(own: Marketplace, source: str) -> datetime:
    with own.engine.begin() as conn:
        until = inbox.polled_until(conn, source)
    assert until is not None
    return until


async def test_what_no_webhook_told_is_learnt_by_the_next_poll_and_acts_once(own: Marketplace, poll: Poll) -> None:
    life, payment = await shipped(own)
    cancelled = await own.order()
    await cancelled.send("cancel", BUYER, reason="changed_mind")
    assert await cancelled.result() == Stage.CANCELLED
    await life.rest()
    assert await poll() == 0, "what the orders did themselves is no news"
    own.sandbox.dispute(payment)
    late = own.preauthorise(cancelled.document)
    assert await poll() > 0
    assert "open_dispute" in life.steps()
    assert cancelled.steps()[-2:] == ["payment_found", "settle"]
    assert [effect["kind"] for effect in cancelled.book() if effect["object"] == late] == ["authorise", "void"]
    assert await poll() == 0
    assert life.steps().count("open_dispute") == 1
    assert (life.refusals(), cancelled.refusals()) == ([], [])


async def test_an_event_that_a_webhook_told_is_passed_over_and_the_reverse(
    own: Marketplace, poll: Poll, source: str
) -> None:
    life = await own.order()
    hold, since = life.state().payment.hold, life.state().placed_at - timedelta(seconds=5)
    own.sandbox.open_review(hold)
    seen = SeenInPostgres(own.engine)
    for news in list(own.payments.events(since)):
        await seen.add(source, news.event_id)
    assert await poll() == 0
    assert life.state().pauses == ()
    other = await own.order()
    own.sandbox.open_review(other.state().payment.hold)
    assert await poll() > 0
    assert (len(life.state().pauses), len(other.state().pauses)) == (0, 1)
    assert all([await seen.contains(source, news.event_id) for news in list(own.payments.events(since))])


async def test_what_cannot_be_looked_into_holds_up_nothing_and_is_tried_again(
    own: Marketplace, poll: Poll, source: str
) -> None:
    (one, payment), (other, other_payment) = await shipped(own), await shipped(own)
    await poll()
    own.sandbox.dispute(payment)
    own.sandbox.dispute(other_payment)
    own.sandbox.fault("unavailable", order_id=one.order_id, operation="read", times=10)
    before = datetime.now(UTC)
    assert await poll() > 0
    assert ("open_dispute" in one.steps(), "open_dispute" in other.steps()) == (False, True)
    assert polled_until(own, source) < before, "the next poll looks at least as far back"
    own.sandbox.clear_faults(one.order_id)
    assert await poll() > 0
    assert "open_dispute" in one.steps()
    assert other.steps().count("open_dispute") == 1
    assert polled_until(own, source) > before


async def test_a_poll_that_never_reached_the_provider_leaves_everything_to_the_next(
    own: Marketplace, poll: Poll
) -> None:
    life, payment = await shipped(own)
    own.sandbox.dispute(payment)
    own.sandbox.fault("unavailable", operation="read", times=1)
    assert await poll() > 0, "the activity is tried again"
    assert "open_dispute" in life.steps()


async def test_each_poll_looks_back_a_little_further_than_the_last_one(
    own: Marketplace, poll: Poll, source: str
) -> None:
    life, payment = await shipped(own)
    own.sandbox.dispute(payment)
    with own.engine.begin() as conn:
        inbox.set_polled_until(conn, source, datetime.now(UTC) + OVERLAP / 2)
    assert await poll() > 0, "an event that was listed late is found"
    assert "open_dispute" in life.steps()


async def test_polls_and_webhooks_at_once_act_once(own: Marketplace, poll: Poll) -> None:
    life, payment = await shipped(own)
    own.sandbox.dispute(payment)
    desk = PaymentsDesk(own.engine, own.client, own.payments, PROVIDER, COMMAND_KEY, task_queue=own.task_queue)
    news = list(own.payments.events(life.state().placed_at - timedelta(seconds=5)))
    await asyncio.gather(poll(), *(desk.look(each) for each in news * 3))
    await life.rest()
    assert life.steps().count("open_dispute") == 1
    assert life.refusals() == []


async def test_what_happened_on_a_sellers_account_is_learnt_too(own: Marketplace, poll: Poll) -> None:
    account = f"acct_{uuid4().hex[:12]}"
    life = await own.order(account=account)
    await life.delivered()
    await life.send("receive", BUYER)
    assert life.money()["released"] == "60.10 EUR"
    own.sandbox.pay_out(account, 5000, "EUR", failure="account_closed", order_id=life.order_id)
    assert await poll() == 1
    assert life.told(SELLER)[-1] == "payout_failed"
    assert await poll() == 0


async def test_the_accounts_that_are_asked_are_those_of_open_orders_and_of_what_was_paid_lately(
    own: Marketplace,
) -> None:
    waits, paid, idle = (f"acct_{uuid4().hex[:12]}" for _ in range(3))
    await own.order(account=waits)
    life = await own.order(account=paid)
    await life.delivered()
    await life.send("receive", BUYER)
    cancelled = await own.order(account=idle)
    await cancelled.send("cancel", BUYER, reason="changed_mind")
    await life.until("close")
    await life.result()
    with own.engine.begin() as conn:
        lately = payments.accounts_in_use(conn, datetime.now(UTC) - timedelta(days=1))
        never = payments.accounts_in_use(conn, datetime.now(UTC) + timedelta(days=1))
    assert {waits, paid} <= set(lately)
    assert idle not in lately
    assert waits in never
    assert paid not in never
