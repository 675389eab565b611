"""What a fault works with: the case, its order, and the parts that can be broken."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from demo.life import WentWrong
from faults.arena import Arena
from faults.cases import Case, Moment
from faults.proxy import Deed, Side, Trap
from faults.subject import Subject

REACH_SECONDS = 45.0
"""Within which an act must come to the moment at which it is struck."""


@dataclass
class Ground:
    """One case as it is played. `hits` counts how often the fault really struck.

    `disputed` says that a bank decided otherwise than the story; `kept_back`, `late` and `lost` tell what becomes of
    webhooks.
    """

    case: Case
    subject: Subject
    arena: Arena
    hits: int = 0
    disputed: bool = False
    kept_back: bool = False
    lost: bool = False
    late: timedelta = timedelta(0)
    trap: Trap | None = field(default=None, repr=False)

    def lay(self, deed: Deed) -> Trap:
        """A trap at the case's moment, for the act's own call or commit."""
        setting, moment = self.case.setting, self.case.moment
        side = Side.REQUEST if moment in (Moment.BEFORE_EFFECT, Moment.BEFORE_COMMIT) else Side.ANSWER
        if moment in (Moment.BEFORE_EFFECT, Moment.AFTER_EFFECT):
            self.trap = self.arena.provider.trap(*setting.call_marks(self.subject), side=side, deed=deed)
        else:
            self.trap = self.arena.database.trap(*setting.commit_marks(self.subject), side=side, deed=deed)
        return self.trap

    async def reached(self) -> None:
        """Until the trap has caught its call. Raises WentWrong when it does not."""
        trap = self.trap
        if trap is None:
            raise WentWrong("no trap was laid")
        end = asyncio.get_running_loop().time() + REACH_SECONDS
        while not trap.reached.is_set():
            if asyncio.get_running_loop().time() > end:
                raise WentWrong(f"{self.case.name} was not reached within {REACH_SECONDS:g} seconds")
            await asyncio.sleep(0.01)
        self.hits += 1

    def release(self, *, forwards: bool = True) -> None:
        """Let what is held go on, or be lost."""
        if self.trap is not None:
            self.trap.release(forwards=forwards)

    def clean_up(self) -> None:
        """Leave nothing of the fault behind."""
        if self.trap is not None:
            self.arena.provider.forget(self.trap)
            self.arena.database.forget(self.trap)
