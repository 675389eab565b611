"""Somebody ends an order's run from outside, with Temporal's own tools, and then has it restarted."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from demo.temporal import reset
from domain.contract import workflow_id
from domain.state import is_over
from faults.cases import Moment
from faults.ground import Ground
from faults.proxy import Deed
from faults.stages import SETTINGS, Stage
from starter.answers import NotFound

WITH_EFFECT = (Moment.BEFORE_EFFECT, Moment.AFTER_EFFECT, Moment.AFTER_COMMIT)
LATE, LATE_SECONDS = 0.5, 1.0
"""How often, and by how much, the ended run's call comes after the new run has begun."""
ENDS_SECONDS = 10.0
"""Within which a cancelled run ends, unless its cancellation was spent."""
WITHOUT = (Moment.BEFORE_COMMIT, Moment.AFTER_COMMIT)


def moments_of(stage: Stage) -> tuple[Moment, ...]:
    """Before and after the outside effect, and after the commit; for an act without effect round the commit."""
    return WITH_EFFECT if SETTINGS[stage].operation else WITHOUT


class Ending(StrEnum):
    """How a run is ended from outside."""

    TERMINATE = "terminate"
    CANCEL = "cancel"
    RESET = "reset"


@dataclass(frozen=True)
class EndedRun:
    """The run is ended while its act is under way; what was under way goes on to where it was going."""

    name: str
    ending: Ending

    def moments(self, stage: Stage) -> tuple[Moment, ...]:
        return moments_of(stage)

    def why_not(self, stage: Stage) -> str:  # noqa: ARG002  # a fault's signature
        """There is no empty cell."""
        return ""

    async def arm(self, ground: Ground) -> None:
        ground.lay(Deed.HOLD)

    async def strike(self, ground: Ground) -> None:
        """End the run and begin a new one; the old one's call goes on before that, or by chance only after it."""
        await ground.reached()
        await _end(ground, self.ending)
        if ground.case.chance.random() < LATE:
            restarting = asyncio.create_task(_restarted(ground))
            await asyncio.sleep(LATE_SECONDS)
            ground.release()
            await restarting
        else:
            ground.release()
            await _restarted(ground)

    async def heal(self, ground: Ground) -> None:
        """The operator looks again: what was under way may have recorded the order's first step after the run's end."""
        subject = ground.subject
        if subject.restarted:
            return
        # A cancelled run ends when its worker has heard of it; a cancel that met an activity's end may be spent.
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDS_SECONDS):
                while await subject.is_running():  # noqa: ASYNC110  # Temporal tells nobody who waits here
                    await asyncio.sleep(0.05)
        if not await subject.is_running() and not is_over(await subject.order()):
            await subject.restart()


async def _end(ground: Ground, ending: Ending) -> None:
    client, run = ground.subject.open.temporal, workflow_id(ground.case.order_id)
    handle = client.get_workflow_handle(run)
    match ending:
        case Ending.TERMINATE:
            await handle.terminate("the fault harness")
        case Ending.CANCEL:
            await handle.cancel()
        case Ending.RESET:
            await reset(client, run, ground.case.chance.choice, "the fault harness")


async def _restarted(ground: Ground) -> None:
    try:
        await ground.subject.restart()
    except NotFound:
        ground.subject.acts.append("there is nothing to restart yet")


def operator_faults() -> tuple[EndedRun, ...]:
    """Each way to end a run."""
    return tuple(EndedRun(f"run_{ending}", ending) for ending in Ending)
