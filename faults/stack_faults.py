"""Faults of a part that all orders share: many orders come to their moments, and are struck together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from demo.postgres import APPLICATION
from faults.arena import Arena
from faults.cases import Moment
from faults.ground import Ground
from faults.operator_faults import moments_of
from faults.proxy import Deed, Mode
from faults.stages import HOLD_OVER, Stage

FROZEN_SECONDS, THAWED_SECONDS, AWAY_SECONDS = 33.0, 1.0, 5.0
DAYS_DOWN = timedelta(days=3)

Blow = Callable[[Arena, Sequence[Ground]], Awaitable[None]]


@dataclass(frozen=True)
class StackFault:
    """`blow` is struck once, when every order of the group is at its moment; it leaves the part working again."""

    name: str
    blow: Blow
    deed: Deed = Deed.HOLD
    spares: Mapping[Stage, str] = field(default_factory=dict)

    def moments(self, stage: Stage) -> tuple[Moment, ...]:
        return () if stage in self.spares else moments_of(stage)

    def why_not(self, stage: Stage) -> str:
        """What would be struck is over by itself, for that stage."""
        return self.spares.get(stage, "")

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


async def freeze_workers(arena: Arena, grounds: Sequence[Ground]) -> None:
    """Every worker stands still for longer than a step may take, while another does its work; then it goes on."""
    frozen = arena.freeze_workers()
    await arena.add_worker()
    await asyncio.sleep(FROZEN_SECONDS)
    for ground in grounds:
        ground.release()
    arena.thaw(frozen)
    await asyncio.sleep(THAWED_SECONDS)
    arena.dismiss(frozen)


async def be_down_past_deadlines(arena: Arena, grounds: Sequence[Ground]) -> None:
    """No worker for days of every order's time, in which clocks ring; then one comes back."""
    arena.kill_workers()
    for ground in grounds:
        ground.release(forwards=False)
    away = [asyncio.create_task(ground.subject.lose_time(DAYS_DOWN)) for ground in grounds]
    await asyncio.sleep(THAWED_SECONDS)
    await arena.add_worker()
    await asyncio.gather(*away)


async def kill_temporal(arena: Arena, grounds: Sequence[Ground]) -> None:
    """The server dies and another goes on from its database file; what the workers were at is answered to that one."""
    await arena.restart_temporal()
    for ground in grounds:
        ground.release()


async def cut_temporal_off(arena: Arena, grounds: Sequence[Ground]) -> None:
    """Workers cannot reach the server, while what they were at goes on."""
    arena.engine.set_mode(Mode.REFUSE, cut=True)
    for ground in grounds:
        ground.release()
    await asyncio.sleep(AWAY_SECONDS)
    arena.engine.set_mode(Mode.FORWARD)


async def stop_postgres(arena: Arena, grounds: Sequence[Ground]) -> None:
    """The database stops at once, as in a power cut, and recovers from its log; what was on its way is lost."""
    for ground in grounds:
        ground.release(forwards=ground.case.moment is not Moment.BEFORE_COMMIT)
    await arena.restart_postgres()


async def cut_postgres_off(arena: Arena, grounds: Sequence[Ground]) -> None:
    """Workers cannot reach the database for longer than a step's attempts last; what was on its way is lost."""
    arena.database.set_mode(Mode.REFUSE, cut=True)
    for ground in grounds:
        ground.release(forwards=ground.case.moment is not Moment.BEFORE_COMMIT)
    await asyncio.sleep(AWAY_SECONDS)
    arena.database.set_mode(Mode.FORWARD)


async def make_read_only(arena: Arena, grounds: Sequence[Ground]) -> None:
    """The database takes no writes for a while, as a standby that was promoted by nobody."""
    await _under(arena, grounds, "SET default_transaction_read_only = on", "RESET default_transaction_read_only")


async def exhaust_connections(arena: Arena, grounds: Sequence[Ground]) -> None:
    """The database gives the workers no more connections for a while."""
    await _under(arena, grounds, "CONNECTION LIMIT 0", "CONNECTION LIMIT -1")


async def _under(arena: Arena, grounds: Sequence[Ground], setting: str, reset: str) -> None:
    """Change what the application may do in the database, for new connections, and take it back."""
    await asyncio.to_thread(arena.administer, f"ALTER ROLE {APPLICATION} {setting}")
    arena.database.cut()
    for ground in grounds:
        ground.release(forwards=ground.case.moment is not Moment.BEFORE_COMMIT)
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(arena.administer, f"ALTER ROLE {APPLICATION} {reset}")
    arena.database.cut()


def stack_faults() -> tuple[StackFault, ...]:
    """Each fault of a shared part."""
    return (
        StackFault("worker_killed", kill_workers),
        StackFault("worker_killed_call_arrives_late", kill_workers_arriving_late),
        StackFault("worker_frozen_past_its_timeout", freeze_workers),
        StackFault("workers_down_past_deadlines", be_down_past_deadlines, spares={Stage.RENEWING: HOLD_OVER}),
        StackFault("temporal_killed", kill_temporal),
        StackFault("temporal_unreachable", cut_temporal_off),
        StackFault("postgres_stopped_at_once", stop_postgres),
        StackFault("postgres_unreachable", cut_postgres_off),
        StackFault("postgres_read_only", make_read_only),
        StackFault("postgres_connections_exhausted", exhaust_connections),
    )
