"""An order whose history has become long goes on in a new run, which knows all that the one before had been told."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

import workflows.loop
from tests.histories.record import SHORT_HISTORY
from tests.life import SELLER
from tests.marketplace import Marketplace

COUNT = 12


async def test_of_signals_that_wait_when_an_order_goes_on_in_a_new_run_none_vanishes(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows.loop, "LONG_HISTORY", SHORT_HISTORY)
    quiet = replace(market, task_queue=f"orders-{uuid4().hex[:8]}", lives=market.lives)
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
