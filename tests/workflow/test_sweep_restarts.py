"""What the sweep restarts by itself is handed all that older runs had kept, also when a restart breaks off (W6, W9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from temporalio.service import RPCError, RPCStatusCode

from activities import runs
from activities.store import findings
from demo.temporal import reset
from domain.comparing.sweep import HALF_RESTARTED
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.workflow.test_resets import SHIPPED, shipped_after_a_receipt
from tests.workflow.test_restarts import answered
from tests.workflow.test_sweep import Sweeping, found, listed, quarter, sweep, ticket

__all__ = ["quarter", "sweep"]


async def failed_with_a_promise(market: Marketplace) -> Life:
    """An order whose run failed after a Reset, and had told the buyer before that more time was granted."""
    apart = replace(market, task_queue=f"orders-{uuid4().hex[:8]}", lives=[])
    with apart.worker() as worker:
        async with worker:
            life = await apart.order()
            await life.send("confirm", SELLER)
            await life.signal("ask_time", SELLER, days=1)
    await answered(apart, life, "grant_time", life.message(BUYER, {}, "grant-1"))
    await reset(apart.client, life.handle.id, lambda tasks: tasks[2], "by mistake")
    with apart.worker() as worker:
        async with worker:
            await life.rest()
    await listed(apart, life.order_id, "Failed")
    return life


async def away(*_: Any, **__: Any) -> bool:
    raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")


async def killed(*_: Any, **__: Any) -> bool:
    raise SystemError("the worker is killed")


async def test_a_restart_of_the_sweeps_that_breaks_off_is_completed_by_a_later_sweep(
    quarter: Marketplace, sweep: Sweeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await failed_with_a_promise(quarter)
    with monkeypatch.context() as patched:
        patched.setattr(runs, "hand_over", away)
        assert (await sweep())["mended"] == 0
        [finding] = found(quarter, life.order_id)
        assert (finding.kind, finding.other) == ("order_not_running", HALF_RESTARTED)
        again = await sweep()
        assert (again["mended"], again["opened"], again["healed"]) == (0, 0, 0)
    assert await life.is_running()
    assert (await sweep())["mended"] == 1
    await life.rest()
    assert life.steps() == ["place", "confirm", "ask_time", "grant_time"]
    [finding] = found(quarter, life.order_id, only_open=False)
    assert (finding.resolved_by, ticket(quarter, finding).status) == (findings.MENDED, "resolved")
    assert (await sweep())["mended"] == 0


async def test_a_restart_whose_sweep_is_killed_is_completed_by_the_next_one(
    quarter: Marketplace, sweep: Sweeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await failed_with_a_promise(quarter)
    hand_over = runs.hand_over

    async def killed_once(*what: Any, **how: Any) -> bool:
        monkeypatch.setattr(runs, "hand_over", hand_over)
        return await killed(*what, **how)

    monkeypatch.setattr(runs, "hand_over", killed_once)
    assert (await sweep())["mended"] == 1, "Temporal has tried the sweep again"
    await life.rest()
    assert life.steps() == ["place", "confirm", "ask_time", "grant_time"]


async def test_a_new_run_that_somebody_stopped_before_it_was_handed_everything_stays_stopped(
    quarter: Marketplace, sweep: Sweeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await failed_with_a_promise(quarter)
    with monkeypatch.context() as patched:
        patched.setattr(runs, "hand_over", away)
        await sweep()
    await life.handle.terminate("on purpose")
    await listed(quarter, life.order_id, "Terminated")
    assert (await sweep())["mended"] == 0
    [finding] = found(quarter, life.order_id)
    assert finding.other == "terminated"
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time", "grant_time"]
    await sweep()


async def test_the_sweep_does_nothing_that_was_refused_before_a_reset(quarter: Marketplace, sweep: Sweeping) -> None:
    apart = replace(quarter, task_queue=f"orders-{uuid4().hex[:8]}", lives=[])
    with apart.worker() as worker:
        async with worker:
            life = await shipped_after_a_receipt(apart)
            await reset(apart.client, life.handle.id, lambda tasks: tasks[1], "by mistake")
            await life.rest()
    await listed(apart, life.order_id, "Failed")
    assert (await sweep())["mended"] == 1
    await life.rest()
    assert (life.steps(), life.refusals()) == (SHIPPED, ["line_state"])
