"""When a run begins: what was told before is not lost, whether it is the order's first run or a further one."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

import workflows.loop
from tests.histories.record import SHORT_HISTORY
from tests.life import BUYER, SELLER
from tests.marketplace import Marketplace

COUNT = 12


def unattended(market: Marketplace) -> Marketplace:
    """The marketplace with a task queue on which no worker runs until the test starts one."""
    return replace(market, task_queue=f"orders-{uuid4().hex[:8]}", lives=market.lives)


async def test_of_signals_that_wait_when_an_order_goes_on_in_a_new_run_none_vanishes(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows.loop, "LONG_HISTORY", SHORT_HISTORY)
    quiet = unattended(market)
    with quiet.worker(sandboxed=False) as worker:
        async with worker:
            life = await quiet.order()
    first_run = (await life.handle.describe()).run_id
    for n in range(COUNT):
        await life.handle.signal("confirm", life.message(SELLER, {}, f"waits-{n}"))
    with quiet.worker(sandboxed=False) as worker:
        async with worker:
            await life.rest()
            assert (await life.handle.describe()).run_id != first_run, "the history was long enough for a new run"
            assert life.steps() == ["place", "confirm"]
            assert life.refusals() == ["no_line_fits"] * (COUNT - 1)


async def test_signals_that_come_before_a_first_run_has_begun_are_judged_after_its_admission(
    market: Marketplace,
) -> None:
    quiet = unattended(market)
    life = await quiet.start(quiet.preauthorised(quiet.checkout()))
    await life.handle.signal("confirm", life.message(SELLER, {}))
    await life.handle.signal("request_cancel", life.message(BUYER, {"reason": "too_slow"}))
    with quiet.worker() as worker:
        async with worker:
            await life.rest()
            assert life.steps() == ["place", "confirm", "request_cancel"]
