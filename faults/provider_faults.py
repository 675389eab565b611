"""The payment provider misbehaves towards one order, by the sandbox's own levers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.deadlines import deadlines
from faults.cases import Moment
from faults.ground import Ground
from faults.proxy import Deed, Side
from faults.stages import BY_TIME, HOLD_OVER, LAST_OF_THE_HOLD, SETTINGS, Stage
from sandbox.faults import FaultKind

ONLY_FOR: Mapping[FaultKind, tuple[Stage, ...]] = {
    FaultKind.BALANCE_INSUFFICIENT: (Stage.RELEASING, Stage.REFUNDING, Stage.PART_REFUNDING, Stage.DECIDING),
    FaultKind.PENDING: (Stage.REFUNDING, Stage.PART_REFUNDING),
    FaultKind.ACCOUNT_CLOSED: (Stage.RELEASING, Stage.DECIDING),
    FaultKind.DECLINED: (Stage.PAYING, Stage.PLACING, Stage.RENEWING, Stage.SHIPPING),
    FaultKind.HOLD_EXPIRED: (Stage.SHIPPING, Stage.CANCELLING),
}
"""Kinds that can befall some operations only."""

LATER = frozenset({(FaultKind.DECLINED, Stage.REFUNDING), (FaultKind.DECLINED, Stage.PART_REFUNDING)})
REFUSED_LATER = "no bank refuses a refund when it is asked for; it sends it back later: `refund_fails_days_later`"

READS_FIRST = (Stage.RENEWING, Stage.REFUNDING, Stage.PART_REFUNDING, Stage.DECIDING)
"""Stages that read the charge or the hold first, and in an outage come no further."""

ELSEWHERE = frozenset({FaultKind.LIE, FaultKind.REFUND_FAILS, FaultKind.DISPUTE})
"""What no honest provider answers, which reconciliation is there to find, and what comes as news days later."""

AFTER: frozenset[FaultKind] = frozenset(
    {FaultKind.EFFECT_THEN_CUT, FaultKind.EFFECT_THEN_ERROR, FaultKind.SLOW, FaultKind.PENDING}
)
"""Kinds under which the effect stands."""

SECOND = (
    FaultKind.EFFECT_THEN_CUT, FaultKind.TIMEOUT, FaultKind.SLOW, FaultKind.UNAVAILABLE, FaultKind.CONFLICT,
    FaultKind.RATE_LIMITED, FaultKind.STORED_ERROR,
)  # fmt: skip
"""Kinds that can befall any call, and so come on top of another fault."""

OUTAGES = {"unavailable_2_hours": timedelta(hours=2), "unavailable_26_hours": timedelta(hours=26)}


@dataclass(frozen=True)
class ProviderFault:
    """One planned fault for the act's own call; an `outage` strikes every call of the order until it is over."""

    name: str
    kind: FaultKind
    outage: timedelta = timedelta(0)
    hang_seconds: float = 0.0

    def moments(self, stage: Stage) -> tuple[Moment, ...]:
        """The kind itself says whether the effect stands."""
        fits = SETTINGS[stage].operation and stage in ONLY_FOR.get(self.kind, (stage,)) and not self._outlasts(stage)
        return ((Moment.AFTER_EFFECT if self.kind in AFTER else Moment.BEFORE_EFFECT),) if fits else ()

    def why_not(self, stage: Stage) -> str:
        """Why a cell is empty."""
        if not SETTINGS[stage].operation:
            return "the act asks the provider for nothing"
        if self._outlasts(stage):
            return HOLD_OVER
        if (self.kind, stage) in LATER:
            return REFUSED_LATER
        befalls = ", ".join(dict.fromkeys(SETTINGS[each].operation for each in ONLY_FOR.get(self.kind, ())))
        return f"befalls {befalls} only" if befalls else ""

    def _outlasts(self, stage: Stage) -> bool:
        return stage is Stage.RENEWING and self.outage >= LAST_OF_THE_HOLD

    async def arm(self, ground: Ground) -> None:
        """Plan it, and see by the proxy that the struck call is really made."""
        marks = ground.case.setting.call_marks(ground.subject)
        if self.outage and ground.case.stage in READS_FIRST:
            payment = (await ground.subject.order()).payment
            marks = ((payment.charge or payment.hold).encode(),)
        ground.trap = ground.arena.provider.trap(*marks, side=Side.REQUEST, deed=Deed.NOTE)
        until = await self._until(ground) if self.outage else None
        await asyncio.to_thread(
            ground.subject.sandbox.fault,
            self.kind.value,
            order_id=ground.case.order_id,
            operation="" if self.outage else ground.case.setting.operation,
            until=until,
            hang_seconds=self.hang_seconds,
        )

    async def _until(self, ground: Ground) -> datetime:
        """When the outage is over. It lasts from the act on, and where time does the act from its clock on."""
        now = ground.subject.now
        if ground.case.stage in BY_TIME:
            now = max(now, deadlines(await ground.subject.order())[0].at)
        return now + self.outage

    async def strike(self, ground: Ground) -> None:
        await ground.reached()

    def struck(self, ground: Ground) -> int:
        """How often it struck, by the sandbox's own record; the call that was seen alone is no strike."""
        rows = ground.subject.sandbox.struck(ground.case.order_id)
        return sum(row["fault"] == self.kind for row in rows)

    async def heal(self, ground: Ground) -> None:
        """An outage ends by itself as the order's days pass; a planned answer was used up."""


HANG_SECONDS = {FaultKind.SLOW: 1.0}


def provider_faults() -> tuple[ProviderFault, ...]:
    """One for each kind that the sandbox offers, and the outages."""
    kinds = [
        ProviderFault(kind.value, kind, hang_seconds=HANG_SECONDS.get(kind, 0.0))
        for kind in FaultKind
        if kind not in ELSEWHERE
    ]
    outages = [ProviderFault(name, FaultKind.UNAVAILABLE, outage=span) for name, span in OUTAGES.items()]
    return (*kinds, *outages)
