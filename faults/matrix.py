"""Every fault against every stage: what is played, and why what is not played is not."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Protocol

from faults.carrier_faults import carrier_faults
from faults.cases import Case, Moment, case_of
from faults.ground import Ground
from faults.message_faults import message_faults
from faults.news_faults import news_faults
from faults.operator_faults import operator_faults
from faults.provider_faults import SECOND, provider_faults
from faults.stack_faults import StackFault, stack_faults
from faults.stages import Stage


class Fault(Protocol):
    """One way in which things go wrong."""

    @property
    def name(self) -> str: ...

    def moments(self, stage: Stage) -> tuple[Moment, ...]:
        """At which moments of a stage it can strike; none for an empty cell."""

    def why_not(self, stage: Stage) -> str:
        """Why the cell of a stage is empty; a sentence for people."""

    async def arm(self, ground: Ground) -> None:
        """Make ready, before the act."""

    async def strike(self, ground: Ground) -> None:
        """While the act is under way: until the fault has struck."""

    async def heal(self, ground: Ground) -> None:
        """Afterwards: what a person would mend."""


def faults() -> Mapping[str, Fault]:
    """All faults by name, in the order of the table."""
    found: tuple[Fault, ...] = (
        *stack_faults(),
        *provider_faults(),
        *operator_faults(),
        *news_faults(),
        *carrier_faults(),
        *message_faults(),
    )
    return {fault.name: fault for fault in found}


def cells(seed: int) -> Iterator[Case]:
    """One case for every fault, stage and moment that go together."""
    for name, fault in faults().items():
        for stage in Stage:
            for moment in fault.moments(stage):
                yield Case(name, stage, moment, seed)


def known_case(text: str, seed: int, number: int = 0) -> Case:
    """The case of that name which the table has; raises ValueError, saying what would be one."""
    case = case_of(text, seed, number)
    fault = faults().get(case.fault)
    if fault is None:
        raise ValueError(f"{text!r} names no fault of the table; it has: {', '.join(faults())}")
    moments = fault.moments(case.stage)
    if case.moment not in moments:
        fit = f"it strikes there at: {', '.join(moments)}" if moments else fault.why_not(case.stage)
        raise ValueError(f"{text!r} names no cell of the table: {fit}")
    if case.also and case.also not in SECOND:
        raise ValueError(f"{text!r} names no second fault; those are: {', '.join(SECOND)}")
    return case


def sample(seed: int) -> list[Case]:
    """One case of every fault, at a stage and a moment by chance: the short form."""
    chance = random.Random(f"{seed}/sample")  # noqa: S311  # To be repeated, not to be secret.
    every = list(cells(seed))
    return [chance.choice([case for case in every if case.fault == name]) for name in faults()]


def groups(cases: list[Case]) -> tuple[dict[str, list[Case]], list[Case]]:
    """Cases that are struck together, by fault, and those that stand alone."""
    kinds = faults()
    together: dict[str, list[Case]] = {}
    alone = []
    for case in cases:
        if isinstance(kinds[case.fault], StackFault):
            together.setdefault(case.fault, []).append(case)
        else:
            alone.append(case)
    return together, alone
