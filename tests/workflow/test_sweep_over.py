"""What came to an order that is over is not lost with a run that was stopped, or that a Reset had begun (W9, W3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from activities import sweep as sweeps
from activities.payments_desk import PaymentsDesk
from activities.runs import hand_over
from demo.temporal import reset
from domain.comparing.reconcile import FindingKind
from domain.comparing.sweep import UNJUDGED, Rule
from domain.errors import Refused
from tests.life import BUYER, COMMAND_KEY, SELLER, Life
from tests.marketplace import Marketplace
from tests.stories import claims
from tests.workflow.test_handing_over import PROVIDER, cancelled, ended, found as payment_found, hand
from tests.workflow.test_sweep import Sweeping, found, listed, quarter, sweep, ticket
from tests.workflow.test_sweep_restarts import away

__all__ = ["quarter", "sweep"]

CAUTIOUS = Rule()
STOPPED_TOO = Rule(grace=timedelta(0), restarts_stopped=True)


@pytest.fixture
def apart(quarter: Marketplace) -> Marketplace:
    """The marketplace with a task queue of this test's own, whose worker is there only while the test wants one."""
    return replace(quarter, task_queue=f"orders-{uuid4().hex[:8]}", lives=[])


async def over(apart: Marketplace, end: Callable[[Marketplace], Awaitable[Life]] = cancelled) -> Life:
    """An order that is over, and whose worker is gone."""
    with apart.worker() as worker:
        async with worker:
            return await end(apart)


async def closed(apart: Marketplace) -> Life:
    """An order that closed after the buyer had received all of it."""
    life = await claims.delivered(apart)
    await life.send("receive", BUYER)
    await life.until("close")
    await life.result()
    return life


async def cancelled_after_refusals(apart: Marketplace) -> Life:
    """A cancelled order that had refused a signal, an update and what nobody could read, and heard one thing twice."""
    life = await apart.order()
    await life.handle.signal("confirm", 7)
    await life.signal("receive", BUYER, lines=["L1"])
    with pytest.raises(Refused):
        await life.send("receive", BUYER, lines=["L1"])
    for _ in range(2):
        await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    await life.rest()
    await life.send("cancel", SELLER, reason="out_of_stock")
    await life.result()
    return life


async def stopped_with_news(apart: Marketplace) -> Life:
    """An order that is over, and of which an operator ended the run that news had begun, before it took a step."""
    life = await over(apart)
    assert await hand(apart, life, payment_found(apart, life))
    await life.handle.terminate("by hand")
    await listed(apart, life.order_id, "Terminated")
    return life


async def chargeback(apart: Marketplace, life: Life) -> None:
    """The buyer's bank takes the money back, and the news of it is handed over as its webhook does it."""
    apart.sandbox.move_clock(life.order_id, datetime.now(UTC))
    dispute = apart.sandbox.dispute(life.state().payment.hold, reason="fraudulent")["id"]
    news, *_ = [one for one in apart.payments.events(datetime.now(UTC) - timedelta(hours=1)) if one.subject == dispute]
    desk = PaymentsDesk(
        apart.engine, apart.client, apart.payments, PROVIDER.id, COMMAND_KEY, task_queue=apart.task_queue
    )
    assert await desk.look(news), "its webhook is answered, and not sent again"


async def works(apart: Marketplace, life: Life) -> None:
    """A worker takes up what waits for it."""
    with apart.worker() as worker:
        async with worker:
            await life.rest()


async def test_news_in_a_run_that_somebody_stopped_before_it_took_a_step_is_that_persons_matter_until_a_restart(
    apart: Marketplace, sweep: Sweeping
) -> None:
    life = await stopped_with_news(apart)
    assert (await sweep())["opened"] == 1
    [finding] = found(apart, life.order_id)
    assert (finding.kind, finding.other) == (FindingKind.ORDER_NOT_RUNNING, "terminated")
    assert ticket(apart, finding).status == "open"
    again = await sweep(now=datetime.now(UTC) + timedelta(hours=3))
    assert (again["opened"], again["healed"], again["mended"]) == (0, 0, 0), "found once, and kept"
    assert life.steps() == ["place", "cancel"]
    await life.restart()
    await ended(life)
    assert life.steps() == ["place", "cancel", "payment_found", "settle"]
    assert (await sweep())["healed"] == 1
    assert ticket(apart, finding).status == "resolved"


async def test_where_the_setting_says_so_a_chargeback_in_a_run_that_was_stopped_is_taken_by_a_new_one(
    apart: Marketplace, sweep: Sweeping
) -> None:
    life = await over(apart, closed)
    await chargeback(apart, life)
    await life.handle.terminate("by hand")
    await listed(apart, life.order_id, "Terminated")
    assert (await sweep(STOPPED_TOO))["mended"] == 1
    await life.rest()
    assert "open_dispute" in life.steps()
    again = await sweep(STOPPED_TOO)
    assert (again["mended"], again["opened"]) == (0, 0)


async def test_a_late_claim_that_came_to_the_run_of_a_reset_is_taken_by_a_new_one(
    apart: Marketplace, sweep: Sweeping
) -> None:
    life = await over(apart, closed)
    await reset(apart.client, life.handle.id, lambda tasks: tasks[2], "by mistake")
    claim = life.message(BUYER, {"reason": "damaged", "lines": ["L1"]}, "late-claim")
    assert await hand_over(apart.engine, apart.client, life.order_id, "open_claim", claim, task_queue=apart.task_queue)
    await works(apart, life)
    await listed(apart, life.order_id, "Failed")
    assert life.state().claims == ()
    assert (await sweep())["mended"] == 1
    await life.rest()
    assert [case.reason for case in life.state().claims] == ["damaged"]
    assert life.refusals() == []


async def test_an_order_that_is_over_and_of_which_a_run_ended_badly_stays_over_when_nothing_was_kept(
    apart: Marketplace, sweep: Sweeping
) -> None:
    life = await over(apart, cancelled_after_refusals)
    await reset(apart.client, life.handle.id, min, "by mistake")
    await works(apart, life)
    await listed(apart, life.order_id, "Failed")
    assert (await sweep(STOPPED_TOO))["mended"] == 0
    assert life.state().epoch == 1
    assert found(apart, life.order_id, only_open=False) == []


@pytest.mark.parametrize("end", [cancelled, closed])
async def test_what_a_stopped_run_kept_is_found_though_later_news_has_taken_the_order_on(
    apart: Marketplace, sweep: Sweeping, end: Callable[[Marketplace], Awaitable[Life]]
) -> None:
    life = await over(apart, end)
    assert await hand(apart, life, payment_found(apart, life))
    await life.handle.terminate("by hand")
    if end is closed:
        await chargeback(apart, life)
    else:
        assert await hand(apart, life, payment_found(apart, life))
    with apart.worker() as worker:
        async with worker:
            await life.rest()
            await listed(apart, life.order_id, "Running" if end is closed else "Completed")
            await sweep()
            [finding] = found(apart, life.order_id)
            assert (finding.kind, finding.other) == (FindingKind.ORDER_NOT_RUNNING, UNJUDGED)
            before = life.steps().count("payment_found")
            await life.restart()
    assert life.steps().count("payment_found") == before + 1
    await sweep()
    assert found(apart, life.order_id) == []


async def test_what_cannot_be_told_yet_is_looked_at_by_the_next_sweep_however_late_that_comes(
    apart: Marketplace, sweep: Sweeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "OVERLAP", timedelta(0))
    life = await stopped_with_news(apart)
    for _ in range(2):
        assert (await sweep(CAUTIOUS))["seen"] == 0, "somebody may be restarting it"
    await sweep()
    assert [finding.other for finding in found(apart, life.order_id)] == ["terminated"]


async def test_a_finding_stays_while_nobody_can_read_what_the_runs_of_its_order_kept(
    apart: Marketplace, sweep: Sweeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await stopped_with_news(apart)
    await sweep()
    with monkeypatch.context() as patched:
        patched.setattr(sweeps, "unjudged", away)
        assert (await sweep())["healed"] == 0
    assert len(found(apart, life.order_id)) == 1
