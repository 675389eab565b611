"""Two commands that cross: the second arrives while the workflow stands at one of the awaits of the first.

The awaits are learned from an undisturbed course of the first command, so one that the code gains is crossed, too.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Engine
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateHandle, WorkflowUpdateStage
from temporalio.service import RPCError, RPCStatusCode

from activities.perform import Performer
from domain.deadlines import deadlines
from domain.state import Actor, Role
from tests.crossing.course import PATIENCE, Course, Gate, Gated, Side, What
from tests.life import COMMAND_KEY, OPERATOR, SPECIALIST, Json, Life, refusal
from tests.marketplace import Marketplace

AT_ONCE = 8
"""Orders that live at the same time, for two cores."""
FOR_EVER = timedelta(days=500)
TAKEN, OVER = "taken", "order_over"


@dataclass(frozen=True)
class Act:
    """A command, who sends it, and with what; `body` may first do what the command then tells of."""

    name: str
    who: Role | Actor
    body: Callable[[Life], Json]

    def message(self, life: Life) -> Json:
        if isinstance(self.who, Actor) or self.who in (SPECIALIST, OPERATOR):
            return life.signed(self.name, self.who, self.body(life))
        return life.message(self.who, self.body(life))


class Point(NamedTuple):
    """An await of the first command. Held at `stop`, or else at rest, it meets the second; `cuts` bring it there."""

    name: str
    stop: Gate | None = None
    cuts: tuple[Gate, ...] = ()


FIRST_GATE = Gate(1, 1, Side.BEFORE, What.ACTIVITY, 1)
QUEUED = Point("something else is under way when both come", FIRST_GATE)
ADMITTING = "it is being admitted when both come, "
NOTE = Act("note", OPERATOR, lambda life: {"note_id": life.words(OPERATOR, "Noted.", f"note-0-{life.order_id}")})


class Ending(NamedTuple):
    """What a crossing comes to: both answers, the provider's book of the order, and how lines and money stand."""

    first: str
    second: str
    effects: str
    lines: str


@dataclass(frozen=True)
class Pair:
    """Two commands in a condition of an order, and how many awaits of the first there are at the least.

    `legal` has every ending that they may have, by a sentence that says why; each must come of some await.
    """

    first: Act
    second: Act
    there: Callable[[Crossroads], Awaitable[Life]]
    least: int
    legal: Mapping[str, Ending]
    at_admission: bool = False

    def __str__(self) -> str:
        return f"{self.first.name} then {self.second.name}"


@dataclass
class Crossed:
    """One crossing that was played: what it came to, what then lies ahead, and what was wrong with it."""

    point: Point
    life: Life | None = None
    ending: Ending | None = None
    ahead: tuple[str, ...] = ()
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

    async def placed(self, stop: Gate | None = None) -> Life:
        """An order that is authorised, and nothing was done with it; or that is held at a gate of its admission."""
        document = self.preauthorised(self.checkout())
        course = self.courses[document["order_id"]] = Course()
        if stop is not None:
            course.begin(stop)
        life = await self.start(document)
        await (life.rest() if stop is None else course.reached())
        return life

    async def learn(self, pair: Pair) -> tuple[Point, ...]:
        """Every await of the first command, seen when nothing comes between; of the admission before it, if asked."""
        life = await pair.there(self)
        course = self.courses[life.order_id]
        course.begin()
        await answered(await sent(life, pair.first))
        await life.rest()
        before = await self._admission() if pair.at_admission else ()
        return (*before, QUEUED, *_points(course.passed), Point("all has come to rest"))

    async def _admission(self) -> tuple[Point, ...]:
        life = await self.placed(FIRST_GATE)
        course = self.courses[life.order_id]
        course.release()
        await life.rest()
        return tuple(Point(f"{ADMITTING}{gate}", gate) for gate in _held(course.passed))

    async def cross(self, pair: Pair, points: Sequence[Point]) -> list[Crossed]:
        """Play all of them, some side by side. Of those with the same ahead of them, one is played to its end."""
        few, known = asyncio.Semaphore(AT_ONCE), set[object]()

        async def one(point: Point) -> Crossed:
            crossed = Crossed(point)
            try:
                async with few:
                    await self._play(pair, crossed)
                if (kind := (crossed.ending, crossed.ahead)) not in known:
                    known.add(kind)
                    await _silence(crossed)
            except Exception as error:  # noqa: BLE001  # The other crossings are told, too.
                crossed.trouble = f"{type(error).__name__}: {error}"
            return crossed

        return list(await asyncio.gather(*(one(point) for point in points)))

    async def _play(self, pair: Pair, crossed: Crossed) -> None:
        """Let the second command come to where the first one stands; then let all go on."""
        life, first = await self.bring(pair, crossed.point)
        crossed.life = life
        second = await sent(life, pair.second)
        self.courses[life.order_id].release()
        answers = await answered(first), await answered(second)
        await life.rest()
        recorded = [step.command_id for step in life.screen().story.steps]
        for update, answer in zip((first, second), answers, strict=True):
            assert recorded.count(update.command_id) == (answer == TAKEN), (
                "what is taken is on record once, and no more"
            )
        while life.state().op is not None:
            await life.until("settle")
        lines = [f"{line.line_id} {line.state} {line.funds}" for line in life.state().lines]
        stuck = [f"{stuck.verb} stuck: {stuck.code}" for stuck in life.state().stuck]
        effects = ", ".join(f"{effect['kind']} {effect['amount'] / 100:.2f}" for effect in life.book())
        crossed.ending = Ending(*answers, effects, ", ".join(lines + stuck))
        crossed.ahead = tuple(clock.step for clock in deadlines(life.state()))
        await check(life)

    async def bring(self, pair: Pair, point: Point) -> tuple[Life, Sent]:
        """An order to which the first command has been sent, and which stands at an await."""
        if point.name.startswith(ADMITTING):
            life = await self.placed(point.stop)
        else:
            life = await pair.there(self)
            self.courses[life.order_id].begin(point.stop, point.cuts)
        course = self.courses[life.order_id]
        if point is QUEUED:
            await sent(life, NOTE)
            await course.reached()
        first = await sent(life, pair.first)
        await (life.rest() if point.stop is None else course.reached())
        return life, first


class Sent(NamedTuple):
    """A command that has come to the workflow; there is no update when that had ended."""

    command_id: str
    update: WorkflowUpdateHandle[Any] | None


async def sent(life: Life, act: Act) -> Sent:
    """The command is in the workflow, judged or not."""
    message, update = act.message(life), None
    try:
        update = await life.handle.start_update(act.name, message, wait_for_stage=WorkflowUpdateStage.ACCEPTED)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return Sent(message["command_id"], update)


async def answered(command: Sent) -> str:
    """Taken, or the code of a refusal that says why."""
    if command.update is None:
        return OVER
    try:
        async with asyncio.timeout(PATIENCE):
            await command.update.result()
    except WorkflowUpdateFailedError as error:
        refused = refusal(error)
        assert str(refused), "a refusal says why"
        return refused.code
    return TAKEN


async def check(life: Life) -> None:
    """What holds of every order at rest, and that nobody was paid with money that somebody else has got."""
    await life.check()
    moved: Counter[str] = Counter()
    for effect in life.book():
        moved[effect["kind"]] += effect["amount"]
    paid = moved["transfer"] - moved["transfer_reversal"]
    assert paid + moved["refund"] <= moved["capture"], "no money is both released and refunded"
    assert not moved["void"] or not moved["capture"], "what is captured was not voided (P8)"


async def _silence(crossed: Crossed) -> None:
    """Nobody does anything more: the order ends by itself, and nothing is left in escrow (W1, P5)."""
    life = crossed.life
    assert life is not None
    await life.pass_time(FOR_EVER)
    assert not await life.is_running(), f"no end in silence, but {life.stage()}"
    assert not life.screen().money.escrow
    await check(life)


def _held(gates: Sequence[Gate]) -> Iterator[Gate]:
    """Where the outside differs: right after one gate it is as it is right before the next."""
    yield from (gate for gate in gates if gate.side is Side.BEFORE or gate.what is What.ACTIVITY)


def _points(gates: Sequence[Gate]) -> Iterator[Point]:
    yield from (Point(f"held {gate}", gate) for gate in _held(gates))
    for gate in gates:
        if gate.what is What.CALL:
            yield Point(f"in doubt, cut {gate}", None, (gate,))
        elif (gate.what is What.COMMIT) is (gate.side is Side.BEFORE):
            yield Point(f"to be tried again, cut {gate}", _again(gate), (gate,))
    for gate, following in pairwise(gates):
        if following.what is What.ACTIVITY and following.side is Side.AFTER:
            before = gate._replace(side=Side.BEFORE)
            yield Point(f"given up for a while, cut {before}", None, (before, _again(gate)))


def _again(gate: Gate) -> Gate:
    """The beginning of the next attempt at the activity."""
    return FIRST_GATE._replace(activity=gate.activity, attempt=gate.attempt + 1)


async def assert_legal(roads: Crossroads, pair: Pair) -> None:
    """Cross the pair at every await: nothing is wrong on the way, all ends legally, and each ending is reached."""
    points = await roads.learn(pair)
    assert len(points) >= pair.least, [point.name for point in points]
    crossings = await roads.cross(pair, points)
    wrong = [f"{each.point.name}: {each.trouble}" for each in crossings if each.trouble]
    assert not wrong, "\n".join(wrong)
    legal = set(pair.legal.values())
    illegal = [f"{each.point.name}: {each.ending}" for each in crossings if each.ending not in legal]
    assert not illegal, "\n".join(illegal)
    missed = [why for why, ending in pair.legal.items() if ending not in {each.ending for each in crossings}]
    assert not missed, missed
