"""The gates that an order's activities pass on their way to PostgreSQL and the provider; each can hold or cut them.

A gate stands before and after every activity, every COMMIT and every HTTP request, whatever code makes them, so what is
learned of an undisturbed course is all that the workflow can be waiting for while it lasts.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

import psycopg
import stripe
from sqlalchemy import Engine, PoolProxiedConnection
from temporalio import activity

from activities.perform import Performer
from domain.contract import workflow_id

T = TypeVar("T")
PATIENCE = 120.0  # seconds


class Side(StrEnum):
    """Where a gate stands."""

    BEFORE = "before"
    AFTER = "after"


class What(StrEnum):
    """What a gate stands at."""

    ACTIVITY = "activity"
    COMMIT = "commit"
    CALL = "call"


class Gate(NamedTuple):
    """The `number`-th of its kind within one attempt of an activity; activities are counted, too."""

    activity: int
    attempt: int
    side: Side
    what: What
    number: int

    def __str__(self) -> str:
        thing = self.what if self.what is What.ACTIVITY else f"{self.what} {self.number} of activity"
        again = f", attempt {self.attempt}" if self.attempt > 1 else ""
        return f"{self.side} {thing} {self.activity}{again}"


class Cut(Exception):
    """The connection is gone."""


class Course:
    """What the activities of one order pass. It counts nothing before `begin`."""

    def __init__(self) -> None:
        self.passed: list[Gate] = []
        self._began = False
        self._stop: Gate | None = None
        self._cuts: frozenset[Gate] = frozenset()
        self._seen: list[str] = []
        self._counts: dict[What, int] = {}
        self._loop = asyncio.get_running_loop()
        self._reached = asyncio.Event()
        self._go = threading.Event()

    def begin(self, stop: Gate | None = None, cuts: Collection[Gate] = ()) -> None:
        """From now on hold at the gate `stop`, and cut the connection at the gates `cuts`."""
        self._stop, self._cuts, self._began = stop, frozenset(cuts), True

    async def reached(self) -> None:
        """Until the order is held at its gate."""
        async with asyncio.timeout(PATIENCE):
            await self._reached.wait()

    def release(self) -> None:
        """Let what is held go on."""
        self._go.set()

    def passes(self, side: Side, what: What) -> None:
        """In an activity's thread: it has come to a gate. Raises Cut where it is to be cut."""
        if not self._began:
            return
        gate = self._gate(side, what)
        self.passed.append(gate)
        if gate == self._stop:
            self._loop.call_soon_threadsafe(self._reached.set)
            if not self._go.wait(PATIENCE):
                raise TimeoutError(f"nobody let the order pass {gate}")
        if gate in self._cuts:
            raise Cut(str(gate))

    def _gate(self, side: Side, what: What) -> Gate:
        info = activity.info()
        if info.activity_id not in self._seen:
            self._seen.append(info.activity_id)
        if (side, what) == (Side.BEFORE, What.ACTIVITY):
            self._counts = dict.fromkeys(What, 0)
        self._counts[what] += side is Side.BEFORE
        return Gate(self._seen.index(info.activity_id) + 1, info.attempt, side, what, self._counts[what])


_CURRENT: ContextVar[Course | None] = ContextVar("course", default=None)
"""The course of the order whose activity runs in this thread."""


def _pass(side: Side, what: What) -> None:
    course = _CURRENT.get()
    if course is not None:
        course.passes(side, what)


@contextmanager
def _between(what: What) -> Iterator[None]:
    _pass(Side.BEFORE, what)
    yield
    _pass(Side.AFTER, what)


class Gated(Performer):
    """The activities of orders, those in `courses` with a gate before and after each."""

    courses: dict[str, Course]

    @activity.defn(name="admit")
    def admit(self, data: dict[str, Any]) -> dict[str, Any]:
        return self._on_course(super().admit, data)

    @activity.defn(name="perform")
    def perform(self, data: dict[str, Any]) -> dict[str, Any]:
        return self._on_course(super().perform, data)

    @activity.defn(name="note_refusal")
    def note_refusal(self, data: dict[str, Any]) -> dict[str, Any]:
        return self._on_course(super().note_refusal, data)

    def _on_course(self, does: Callable[[dict[str, Any]], T], data: dict[str, Any]) -> T:
        order_id = (activity.info().workflow_id or "").removeprefix(workflow_id(""))
        token = _CURRENT.set(self.courses.get(order_id))
        try:
            with _between(What.ACTIVITY):
                return does(data)
        finally:
            _CURRENT.reset(token)


class GatedClient(stripe.RequestsClient):
    """The HTTP client of the provider's SDK, with a gate on either side of each request."""

    def request(self, *args: Any, **named: Any) -> Any:
        try:
            with _between(What.CALL):
                return super().request(*args, **named)
        except Cut as cut:
            raise stripe.APIConnectionError(str(cut)) from None  # type: ignore[no-untyped-call]


def gate(engine: Engine) -> None:
    """Put a gate on either side of each COMMIT of `engine`."""
    commit = engine.dialect.do_commit

    def gated(dbapi_connection: PoolProxiedConnection) -> None:
        try:
            with _between(What.COMMIT):
                commit(dbapi_connection)
        except Cut as cut:
            if dbapi_connection.driver_connection is not None:
                dbapi_connection.driver_connection.close()
            raise psycopg.OperationalError(str(cut)) from None

    engine.dialect.do_commit = gated  # type: ignore[method-assign]
