"""Faults of a part that all orders share: many orders come to their moments, and are struck together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from faults.arena import Arena
from faults.cases import Moment
from faults.ground import Ground
from faults.operator_faults import moments_of
from faults.proxy import Deed
from faults.stages import Stage

Blow = Callable[[Arena, Sequence[Ground]], Awaitable[None]]


@dataclass(frozen=True)
class StackFault:
    """`blow` is struck once, when every order of the group is at its moment; it leaves the part working again."""

    name: str
    blow: Blow
    deed: Deed = Deed.HOLD

    def moments(self, stage: Stage) -> tuple[Moment, ...]:
        return moments_of(stage)

    def why_not(self, stage: Stage) -> str:  # noqa: ARG002  # a fault's signature
        """There is no empty cell."""
        return ""

    async def arm(self, ground: Ground) -> None:
        ground.lay(self.deed)

    async def strike(self, ground: Ground) -> None:
        await ground.reached()

    async def heal(self, ground: Ground) -> None:
        """The blow itself ends with everything up again."""


async def kill_workers(arena: Arena, grounds: Sequence[Ground]) -> None:
    """Every worker dies; what was held on its way never arrives; another worker starts."""
    arena.kill_workers()
    for ground in grounds:
        ground.release(forwards=False)
    await arena.add_worker()


async def kill_workers_arriving_late(arena: Arena, grounds: Sequence[Ground]) -> None:
    """Every worker dies; what was on its way arrives only when the next worker is at the same work."""
    arena.kill_workers()
    await arena.add_worker()
    await asyncio.sleep(1.0)
    for ground in grounds:
        ground.release()


def stack_faults() -> tuple[StackFault, ...]:
    """Each fault of a shared part."""
    return (
        StackFault("worker_killed", kill_workers),
        StackFault("worker_killed_call_arrives_late", kill_workers_arriving_late),
    )
