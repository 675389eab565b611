"""A clock whose step is refused, a fault of ours, is left alone for a while: the loop waits and never spins on it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.deadlines import Clock
from domain.decide import Refusal
from domain.state import Order, Role
from tests.domain.world import START, confirmed
from workflows import loop
from workflows.loop import LONGEST_PAUSE, OrderWorkflow

DUE = (
    Clock(START, "ship_overdue", "ship.ticket", Role.SELLER, "", party=True),
    Clock(START, "ship_lapses", "ship.end", Role.SELLER, "", party=True),
    Clock(START + timedelta(days=9), "hold_lapses", "hold.end", Role.SELLER),
)


class Engine:
    """What the loop asks of the engine, without one; it tells which clocks were tried when."""

    def __init__(self) -> None:
        self.at = START + timedelta(hours=1)
        self.tried: list[tuple[datetime, str]] = []
        self.logger = logging.getLogger("engine")

    def now(self) -> datetime:
        return self.at

    def tick(self, _: Order, clock: Clock, now: datetime) -> Refusal:
        self.tried.append((now, clock.tier))
        return Refusal("internal_error", "a fault of ours")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(loop, "workflow", engine)
    monkeypatch.setattr(loop, "tick", engine.tick)
    monkeypatch.setattr(loop, "deadlines", lambda _: DUE)
    return engine


async def until_it_waits(order_workflow: OrderWorkflow, order: Order, engine: Engine) -> Clock:
    """Ring what is due, as the loop does; the clock that it would then wait for."""
    for _ in range(20):
        clock = order_workflow._earliest(order)
        assert clock is not None
        if clock.at > engine.at:
            return clock
        await order_workflow._ring(order, clock)
    pytest.fail("the loop spins: a workflow task that never ends")


async def test_clocks_that_are_refused_at_one_moment_are_each_tried_once_and_then_waited_for(engine: Engine) -> None:
    order_workflow, order, first = OrderWorkflow(), confirmed().order, engine.at
    clock = await until_it_waits(order_workflow, order, engine)
    assert engine.tried == [(first, "ship.ticket"), (first, "ship.end")]
    assert (clock.tier, clock.at) == ("ship.ticket", first + LONGEST_PAUSE)
    engine.at = clock.at
    await until_it_waits(order_workflow, order, engine)
    assert engine.tried[2:] == [(clock.at, "ship.ticket"), (clock.at, "ship.end")], "and tried again after a while"


async def test_a_clock_that_balked_is_tried_at_once_when_the_order_has_moved_on(engine: Engine) -> None:
    order_workflow, order = OrderWorkflow(), confirmed().order
    await until_it_waits(order_workflow, order, engine)
    await until_it_waits(order_workflow, replace(order, seq=order.seq + 1), engine)
    assert [tier for _, tier in engine.tried] == ["ship.ticket", "ship.end"] * 2


async def test_a_clock_that_rings_meanwhile_does_not_wait_for_those_that_balked(engine: Engine) -> None:
    order_workflow, order = OrderWorkflow(), confirmed().order
    engine.at = DUE[-1].at - timedelta(minutes=1)
    assert (await until_it_waits(order_workflow, order, engine)).tier == "hold.end"
