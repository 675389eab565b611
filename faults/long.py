"""``make faults-long``: rounds of random cases for hours, one line of JSON for each; stopped, it goes on later."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from demo.world import connections
from faults.arena import Arena, arena
from faults.cases import Case
from faults.conduct import Conductor, Played
from faults.matrix import cells, faults
from faults.oracles import Harm
from faults.provider_faults import SECOND
from faults.stack_faults import StackFault

SEED = 20261
"""What chance begins with where nobody says otherwise."""
ROUNDS_PER_STACK = 8
"""Rounds after which all parts begin anew with empty data, so that the first and the last hour are alike."""
ALONE, TOGETHER = 12, 10
"""Orders in a round: struck one by one, and struck together by a fault of a shared part."""
IN_PAIRS = 0.5
"""How often a second fault comes on top."""
AT_ONCE = 4
NICENESS = 10


@dataclass
class Done:
    """What all rounds so far add up to; the state file is this."""

    seed: int
    rounds: int = 0
    seconds: float = 0.0
    orders: int = 0
    faults: int = 0
    lost: int = 0
    made: int = 0
    doubled: int = 0
    wrong: int = 0
    stuck: int = 0
    unplayed: int = 0
    unbalanced: int = 0
    cells: dict[str, int] = field(default_factory=dict)

    def add(self, played: list[Played], seconds: float, *, balanced: bool) -> None:
        """Count a round in."""
        harms = Counter(finding.harm for each in played for finding in each.findings)
        self.rounds += 1
        self.seconds += seconds
        self.orders += len(played)
        self.faults += sum(each.hits + each.second for each in played)
        for harm in Harm:
            setattr(self, harm.value, getattr(self, harm.value) + harms[harm])
        self.unplayed += sum(1 for each in played if each.trouble or not each.hits)
        self.unbalanced += not balanced
        for each in played:
            cell = f"{each.case.fault}:{each.case.stage}:{each.case.moment}"
            self.cells[cell] = self.cells.get(cell, 0) + bool(each.hits)


def drawn(seed: int, number: int) -> list[Case]:
    """The cases of a round, the same for the same seed and number."""
    chance = random.Random(f"{seed}/round {number}")  # noqa: S311  # To be repeated, not to be secret.
    kinds = faults()
    every = list(cells(seed))
    single = [case for case in every if not isinstance(kinds[case.fault], StackFault)]
    blow = chance.choice(sorted({case.fault for case in every if isinstance(kinds[case.fault], StackFault)}))
    shared = [case for case in every if case.fault == blow]
    chosen = [*chance.sample(single, ALONE), *chance.sample(shared, min(TOGETHER, len(shared)))]
    return [
        Case(
            case.fault, case.stage, case.moment, seed, number,
            chance.choice(SECOND).value if chance.random() < IN_PAIRS else "",
        )
        for case in chosen
    ]  # fmt: skip


class NothingToPlay(ValueError):
    """What is asked for is not what the run that was begun there can go on with."""


def long(directory: Path, hours: float, seed: int | None, tell: Callable[[str], None]) -> bool:
    """Go on until `hours` were played in all, counting what was done before; whether nothing was ever wrong.

    Without a `seed` it is that of the run before, or `SEED`. Raises NothingToPlay when that run has another one, or has
    been played for so long already: its good end would be taken for one of today's code.
    """
    state, journal = directory / "long.state.json", directory / "long.jsonl"
    done = _begun(state, hours, seed)
    tell(f"seed {done.seed}" + (f", going on after {_so_far(done)}" if done.rounds else ""))
    os.nice(NICENESS)
    directory.mkdir(parents=True, exist_ok=True)
    while done.seconds < hours * 3600:
        with arena(directory / "long") as parts:
            asyncio.run(_chapter(parts, done, hours, state, journal, tell))
    return not any(getattr(done, harm.value) for harm in Harm) and not done.unplayed and not done.unbalanced


def _begun(state: Path, hours: float, seed: int | None) -> Done:
    if not state.exists():
        return Done(SEED if seed is None else seed)
    done = Done(**json.loads(state.read_text()))
    anew = f"remove {state} to begin a new one"
    if seed not in (None, done.seed):
        raise NothingToPlay(f"the run that was begun has seed {done.seed}, not {seed}: go on with that one, or {anew}")
    if done.seconds >= hours * 3600:
        raise NothingToPlay(f"the run that was begun has ended after {_so_far(done)}: ask for more hours, or {anew}")
    return done


def _so_far(done: Done) -> str:
    return f"{done.rounds} rounds in {done.seconds / 3600:.2f} h"


async def _chapter(
    parts: Arena, done: Done, hours: float, state: Path, journal: Path, tell: Callable[[str], None]
) -> None:
    async with connections(parts.around) as held:
        await parts.add_worker()
        for number in islice(_rounds(done, hours), ROUNDS_PER_STACK):
            began, bad = time.monotonic(), []
            conductor = Conductor(parts, held, lambda each: bad.append(each) if not each.good else None, AT_ONCE)  # noqa: B023
            played = await conductor.play(drawn(done.seed, number))
            balanced = await conductor.balanced()
            done.add(played, time.monotonic() - began, balanced=balanced)
            with journal.open("a") as lines:
                lines.write(json.dumps(_line(done, number, played, balanced=balanced)) + "\n")
            _replace(state, json.dumps(asdict(done)))
            tell(_summary(done, played))


def _rounds(done: Done, hours: float) -> Iterator[int]:
    while done.seconds < hours * 3600:
        yield done.rounds


def _line(done: Done, number: int, played: list[Played], *, balanced: bool) -> dict[str, Any]:
    """One round as one line: what was played in it, what was wrong in it, and the totals so far."""
    totals = {name: value for name, value in asdict(done).items() if name != "cells"}
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "round": number,
        "orders": len(played),
        "faults": sum(each.hits + each.second for each in played),
        "balanced": balanced,
        "bad": [
            {
                "case": each.case.name,
                "number": each.case.number,
                "findings": [f"{finding.harm}: {finding.what}" for finding in each.findings],
                "trouble": each.trouble,
                "acts": list(each.acts)[-30:],
            }
            for each in played
            if not each.good
        ],
        "totals": totals | {"cells_hit": len(done.cells), "hours": round(done.seconds / 3600, 3)},
    }


def _summary(done: Done, played: list[Played]) -> str:
    bad = [each.case.name for each in played if not each.good]
    return (
        f"round {done.rounds}: {done.seconds / 3600:.2f} h, {done.orders} orders, {done.faults} faults; "
        f"lost {done.lost}, made {done.made}, doubled {done.doubled}, wrong {done.wrong}, stuck {done.stuck}, "
        f"unplayed {done.unplayed}" + (f"; bad: {', '.join(bad)}" if bad else "")
    )


def _replace(file: Path, text: str) -> None:
    """Write a file so that a reader, or a run that was stopped, finds it whole."""
    draft = file.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(file)
