"""Two commands that cross: the second arrives while the workflow stands at one of the awaits of the first.

The awaits are learned from an undisturbed course of the first command, so one that the code gains is crossed, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Engine
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateHandle, WorkflowUpdateStage
from temporalio.service import RPCError, RPCStatusCode

from activities.perform import Performer
from domain.state import Actor, Milestone, Role
from tests.crossing.course import Course, Gate, Gated, Side, What
from tests.life import COMMAND_KEY, OPERATOR, SELLER, SPECIALIST, Json, Life, refusal
from tests.marketplace import Marketplace

AT_ONCE = 8
"""Orders that live at the same time, for two cores."""
LONG = timedelta(days=400)
TAKEN = "taken"


@dataclass(frozen=True)
class Act:
    """A command, who sends it, and with what; `body` may do first what the command tells of."""

    name: str
    who: Role | Actor
    body: Callable[[Life], Json]

    def message(self, life: Life) -> Json:
        signed = isinstance(self.who, Actor) or self.who in (SPECIALIST, OPERATOR)
        return (life.signed if signed else life.message)(*((self.name,) if signed else ()), self.who, self.body(life))


class Point(NamedTuple):
    """An await of the first command. Held at `stop`, or else at rest, it meets the second; `cuts` bring it there."""

    name: str
    stop: Gate | None = None
    cuts: tuple[Gate, ...] = ()


class Ending(NamedTuple):
    """What a crossing comes to: both answers, what the provider did meanwhile, and the lines with their money."""

    first: str
    second: str
    effects: str
    lines: str


@dataclass(frozen=True)
class Pair:
    """Two commands in a condition of an order, every legal ending, and how many awaits there are at the least."""

    first: Act
    second: Act
    there: Callable[[Crossroads], Awaitable[Life]]
    legal: frozenset[Ending]
    least: int

    def __str__(self) -> str:
        return f"{self.first.name} then {self.second.name}"


@dataclass
class Crossed:
    """One crossing that was played, and what was wrong with it."""

    point: Point
    life: Life
    ending: Ending | None = None
    trouble: str = ""


@dataclass
class Crossroads(Marketplace):
    """A marketplace whose worker passes gates; `gated` is its own way to the database, the tests' has none."""

    gated: Engine = field(kw_only=True)
    courses: dict[str, Course] = field(default_factory=dict)

    @property
    def performer(self) -> Performer:
        made = Gated(self.gated, self.vault, self.payments, self.policies, COMMAND_KEY)
        made.courses = self.courses
        return made

    async def learn(self, pair: Pair) -> tuple[Point, ...]:
        """Every await of the first command, seen when nothing comes between."""
        life = await pair.there(self)
        course = self.courses[life.order_id]
        course.begin()
        await _answered(await _sent(life, pair.first))
        await life.rest()
        return tuple(_points(course.passed))

    async def cross(self, pair: Pair, points: Sequence[Point]) -> list[Crossed]:
        """Play all of them, some side by side."""
        few = asyncio.Semaphore(AT_ONCE)

        async def one(point: Point) -> Crossed:
            async with few:
                import time; t=time.monotonic()
                crossed = Crossed(point, await pair.there(self)); t1=time.monotonic()
                try:
                    crossed.ending = await self._play(pair, point, crossed.life)
                    await crossed.life.check()
                except Exception as error:  # noqa: BLE001  # The other crossings are told, too.
                    crossed.trouble = f"{type(error).__name__}: {error}"
                print(f"{t1-t:.2f} {time.monotonic()-t1:.2f} {point.name}")
                return crossed

        return list(await asyncio.gather(*(one(point) for point in points)))

    async def _play(self, pair: Pair, point: Point, life: Life) -> Ending:
        course, before = self.courses[life.order_id], len(life.book())
        course.begin(point.stop, point.cuts)
        if point is QUEUED:
            await _sent(life, NOTE)
            await course.reached()
        first = await _sent(life, pair.first)
        if point.stop is None:
            await life.rest()
        elif point is not QUEUED:
            await course.reached()
        second = await _sent(life, pair.second)
        course.release()
        answers = [await _answered(first), await _answered(second)]
        await life.rest()
        while life.state().op is not None:
            await life.until("settle")
        effects = ", ".join(f"{effect['kind']} {effect['amount'] / 100:.2f}" for effect in life.book()[before:])
        lines = ", ".join(f"{line.line_id} {line.state} {line.funds}" for line in life.state().lines)
        return Ending(answers[0], answers[1], effects, lines)


async def placed(roads: Crossroads) -> Life:
    """Authorised, and nobody has done anything."""
    document = roads.preauthorised(roads.checkout())
    roads.courses[document["order_id"]] = Course()
    life = await roads.start(document)
    await life.rest()
    return life


async def confirmed(roads: Crossroads) -> Life:
    life = await placed(roads)
    await _do(life, "confirm", SELLER, {})
    await life.rest()
    return life


async def delivered(roads: Crossroads) -> Life:
    """All in one parcel, captured, in escrow."""
    life = await placed(roads)
    await _do(life, "confirm", SELLER, {})
    await _do(life, "ship", SELLER, parcel("p1"))
    scan = {"parcel_id": "p1", "milestone": Milestone.DELIVERED, "at": datetime.now(UTC)}
    await _do(life, "parcel_scan", Role.CARRIER, scan)
    await life.rest()
    return life


def parcel(parcel_id: str, *lines: str) -> Json:
    return {"parcel_id": parcel_id, "carrier": "DHL", "lines": list(lines)}


async def _do(life: Life, name: str, who: Role, body: Json) -> None:
    await life.handle.execute_update(name, life.message(who, body))


QUEUED = Point("both wait in the inbox", Gate(1, 1, Side.BEFORE, What.ACTIVITY, 1))
"""Something else is under way when they come."""
NOTE = Act("note", OPERATOR, lambda _: {"note_id": "note-0"})


def _points(gates: Sequence[Gate]) -> Iterator[Point]:
    yield QUEUED
    yield from (Point(f"held {gate}", gate) for gate in gates)
    for gate in gates:
        if gate.what is What.CALL:
            yield Point(f"in doubt, cut {gate}", None, (gate,))
        elif gate.what is What.COMMIT or gate.side is Side.AFTER:
            again = Gate(gate.activity, gate.attempt + 1, Side.BEFORE, What.ACTIVITY, 1)
            yield Point(f"tried again, cut {gate}", again, (gate,))
            if gate.what is What.ACTIVITY:
                yield Point(f"given up for a while, cut {gate}", None, (gate, again))
    yield Point("at rest")


async def _sent(life: Life, act: Act) -> WorkflowUpdateHandle[Any] | None:
    """The command is in the workflow, judged or not; None when the order's workflow has ended."""
    try:
        return await life.handle.start_update(
            act.name, act.message(life), wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _answered(sent: WorkflowUpdateHandle[Any] | None) -> str:
    """Taken, or the code of a refusal that says why."""
    if sent is None:
        return "order_over"
    try:
        await sent.result()
    except WorkflowUpdateFailedError as error:
        refused = refusal(error)
        assert str(refused), "a refusal says why"
        return refused.code
    return TAKEN
