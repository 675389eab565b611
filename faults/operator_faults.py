"""Somebody ends an order's run from outside, with Temporal's own tools, and then has it restarted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from domain.contract import workflow_id
from domain.state import is_over
from faults.cases import Moment
from faults.ground import Ground
from faults.proxy import Deed
from faults.stages import SETTINGS, Stage
from faults.subject import PATIENT
from starter.answers import NotFound

WITH_EFFECT = (Moment.BEFORE_EFFECT, Moment.AFTER_EFFECT, Moment.AFTER_COMMIT)
LATE, LATE_SECONDS = 0.5, 1.0
"""How often, and by how much, the ended run's call comes after the new run has begun."""
WITHOUT = (Moment.BEFORE_COMMIT, Moment.AFTER_COMMIT)


def moments_of(stage: Stage) -> tuple[Moment, ...]:
    """Before and after the outside effect, and after the commit; for an act without effect round the commit."""
    return WITH_EFFECT if SETTINGS[stage].operation else WITHOUT


class Ending(StrEnum):
    """How a run is ended from outside."""

    TERMINATE = "terminate"
    CANCEL = "cancel"


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
        handle = ground.subject.open.temporal.get_workflow_handle(workflow_id(ground.case.order_id))
        if self.ending is Ending.TERMINATE:
            await handle.terminate("the fault harness")
        else:
            await handle.cancel()
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
        async with asyncio.timeout(PATIENT):
            # A cancelled run ends only when its worker has heard of it.
            while await subject.is_running():  # noqa: ASYNC110  # Temporal tells nobody who waits here
                await asyncio.sleep(0.05)
        if not is_over(await subject.order()):
            await subject.restart()


async def _restarted(ground: Ground) -> None:
    try:
        await ground.subject.restart()
    except NotFound:
        ground.subject.acts.append("there is nothing to restart yet")


def operator_faults() -> tuple[EndedRun, ...]:
    """Each way to end a run."""
    return tuple(EndedRun(f"run_{ending}", ending) for ending in Ending)
