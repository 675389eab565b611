"""Plays cases on an arena: those that stand alone side by side, those of a shared part together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from activities.relay import Relay
from activities.store import ledger
from demo.post import relay
from demo.world import Connections, connections
from faults import oracles
from faults.arena import Arena
from faults.cases import Case
from faults.ground import Ground
from faults.matrix import faults, groups
from faults.news_faults import NewsFault
from faults.oracles import Finding, Harm
from faults.provider_faults import ProviderFault
from faults.stack_faults import StackFault
from faults.subject import Subject

AT_ONCE = 10
"""Orders that live at the same time, for two cores."""
DID_NOT_STRIKE = "the fault did not strike"
STRIKE_SECONDS = 6.0
"""Within which a group must stand at its moments: a worker gives up a held call of the provider after eight."""


@dataclass(frozen=True)
class Played:
    """A case and what came of it. `trouble` says why it could not be played to its end; `second` counts how often its
    second fault struck.
    """

    case: Case
    hits: int
    findings: tuple[Finding, ...]
    trouble: str
    seconds: float
    acts: tuple[str, ...] = field(default=(), repr=False)
    second: int = 0

    @property
    def good(self) -> bool:
        """Whether the fault struck and nothing was wrong afterwards."""
        return self.hits > 0 and not self.findings and not self.trouble


class Conductor:
    """Plays cases; `tell` hears of each that is over."""

    def __init__(self, arena: Arena, held: Connections, tell: Callable[[Played], None], at_once: int = AT_ONCE) -> None:
        self._arena = arena
        self._held = held
        self._relay: Relay = relay(arena.around, held.engine, held.vault)
        self._tell = tell
        self._few = asyncio.Semaphore(at_once)

    async def play(self, cases: Sequence[Case]) -> list[Played]:
        """All of them; those that stand alone first."""
        together, alone = groups(list(cases))
        played = list(await asyncio.gather(*(self._alone(case) for case in alone)))
        for group in together.values():
            played += await self._together(group)
        return played

    async def _alone(self, case: Case) -> Played:
        async with self._few:
            ground, began = self._ground(case), time.monotonic()
            fault, setting = faults()[case.fault], case.setting
            trouble = ""
            try:
                await setting.bring(ground.subject)
                await fault.arm(ground)
                acting = asyncio.create_task(_acted(ground))
                await fault.strike(ground)
                await _also(ground)
                await acting
                await fault.heal(ground)
                await ground.subject.finish()
            except Exception as error:  # noqa: BLE001  # One case that goes wrong must not keep others from being told.
                trouble = f"{type(error).__name__}: {error}"
            finally:
                ground.clean_up()
            return await self._judged(ground, trouble, began)

    async def _together(self, group: Sequence[Case]) -> list[Played]:
        """Bring all to their stage, let all act, strike once when all stand at their moments, then let each live on."""
        fault, began = faults()[group[0].fault], time.monotonic()
        grounds = [self._ground(case) for case in group]
        troubles = {ground.case: "" for ground in grounds}

        async def guarded(ground: Ground, deed: Callable[[Ground], object]) -> None:
            if troubles[ground.case]:
                return
            try:
                await deed(ground)  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001  # As above.
                troubles[ground.case] = f"{type(error).__name__}: {error}"

        async def each(deed: Callable[[Ground], object], limit: asyncio.Semaphore | None = None) -> None:
            async def one(ground: Ground) -> None:
                if limit is None:
                    await guarded(ground, deed)
                else:
                    async with limit:
                        await guarded(ground, deed)

            await asyncio.gather(*(one(ground) for ground in grounds))

        await each(lambda ground: ground.case.setting.bring(ground.subject), self._few)
        await each(fault.arm)
        ready = [ground for ground in grounds if not troubles[ground.case]]
        acting = {ground.case: asyncio.create_task(_acted(ground)) for ground in ready}
        await each(fault.strike)
        await each(_also)
        if isinstance(fault, StackFault):
            await fault.blow(self._arena, grounds)
        await each(fault.heal)
        await each(lambda ground: acting[ground.case])
        await each(lambda ground: ground.subject.finish(), self._few)
        for ground in grounds:
            ground.clean_up()
        return [await self._judged(ground, troubles[ground.case], began) for ground in grounds]

    def _ground(self, case: Case) -> Ground:
        subject = Subject(
            case.order_id, self._arena.around, self._held, self._relay, lambda _at, _what: None, story=case.story()
        )
        return Ground(case, subject, self._arena)

    async def _judged(self, ground: Ground, trouble: str, began: float) -> Played:
        subject = ground.subject
        findings: tuple[Finding, ...] = ()
        second = 0
        try:
            ground.hits = await asyncio.to_thread(_struck, ground)
            second = await asyncio.to_thread(_struck_second, ground)
            effects = await asyncio.to_thread(subject.sandbox.book, subject.order_id)
            running = await subject.is_running()

            def look() -> oracles.Sight:
                with self._held.engine.begin() as conn:
                    return oracles.look(conn, subject.order_id, effects, running=running)

            findings = oracles.judge(
                await asyncio.to_thread(look), None if trouble else subject.story, disputed=ground.disputed
            )
        except Exception as error:  # noqa: BLE001  # As above.
            findings = (Finding(Harm.STUCK, f"the order cannot be looked at: {type(error).__name__}: {error}"),)
        if not ground.hits and not trouble:
            trouble = DID_NOT_STRIKE
        took = time.monotonic() - began
        played = Played(ground.case, ground.hits, findings, trouble, took, tuple(subject.acts), second)
        self._tell(played)
        return played

    async def balanced(self) -> bool:
        """Whether the whole ledger balances."""

        def ask() -> bool:
            with self._held.engine.begin() as conn:
                return ledger.is_balanced(conn)

        return await asyncio.to_thread(ask)


async def _also(ground: Ground) -> None:
    """Plan the case's second fault for what the order asks the provider next."""
    if ground.case.also:
        await asyncio.to_thread(ground.subject.sandbox.fault, ground.case.also, order_id=ground.case.order_id)


def _struck(ground: Ground) -> int:
    """How often the case's fault struck; what the sandbox was to do, by the sandbox's own record."""
    fault = faults()[ground.case.fault]
    return fault.struck(ground) if isinstance(fault, (ProviderFault, NewsFault)) else ground.hits


def _struck_second(ground: Ground) -> int:
    """How often the case's second fault struck, by the sandbox's own record."""
    case = ground.case
    struck: int = sum(row["fault"] == case.also for row in ground.subject.sandbox.struck(case.order_id))
    return max(struck - int(case.fault == case.also), 0)


async def _acted(ground: Ground) -> object:
    return await ground.case.setting.act(ground.subject)


async def conduct(arena: Arena, cases: Sequence[Case], tell: Callable[[Played], None]) -> tuple[list[Played], bool]:
    """Play the cases on an arena, with one worker; whether the whole ledger balances afterwards."""
    async with connections(arena.around) as held:
        await arena.add_worker()
        conductor = Conductor(arena, held, tell)
        played = await conductor.play(cases)
        return played, await conductor.balanced()
