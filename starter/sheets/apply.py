"""Carrying out what a judged sheet asks for, through the client as everybody else does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from domain.errors import AftersaleError, Refused
from domain.state import Actor
from starter.answers import NotJudgedYet, Unreachable
from starter.client import AftersaleClient
from starter.sheets.judge import Judged, Outcome, State
from starter.sheets.read import Row

AT_ONCE = 8
"""Orders that are written to at the same time."""


Again = Callable[[Sequence[Row]], Sequence[Outcome]]
"""Judges the rows of one order once more, as it stands now; blocking, for any thread."""


async def carry_out(
    client: AftersaleClient, judged: Judged, again: Again, by: Actor, tick: Callable[[], None]
) -> Judged:
    """Send the commands of every row that is ready; rows of one order follow each other. `tick` is called for each row.

    A person may have read the preview for long, and many rows take their time, so each row is judged again right before
    it is sent: what changed meanwhile is not overwritten. A row stops at the first command that is not taken. Sending
    the same row again does nothing twice.
    """
    ready: dict[str, list[Outcome]] = {}
    for outcome in judged.outcomes:
        if outcome.state is State.READY:
            ready.setdefault(outcome.actions[0].order_id, []).append(outcome)
    gate, done = asyncio.Semaphore(AT_ONCE), dict[int, Outcome]()

    async def one_order(rows: Sequence[Outcome]) -> None:
        async with gate:
            for row in rows:
                done[row.row] = await _one_row(client, row, rows, again, by)
                tick()

    await asyncio.gather(*(one_order(rows) for rows in ready.values()))
    outcomes = tuple(done.get(outcome.row, outcome) for outcome in judged.outcomes)
    counts = Counter(outcome.state.value for outcome in outcomes)
    unchanged = {State.UNCHANGED.value: judged.counts.get(State.UNCHANGED.value, 0)}
    return Judged(outcomes, {s.value: n for s in State if (n := (unchanged | counts).get(s.value, 0))})


async def _one_row(client: AftersaleClient, row: Outcome, rows: Sequence[Outcome], again: Again, by: Actor) -> Outcome:
    try:
        now = await _once_more(row, rows, again)
        return await _row(client, now, by) if now.state is State.READY else now
    except Exception as error:  # noqa: BLE001  # Whatever one row comes to, what was done for others must be told.
        return replace(row, state=State.FAILED, why=f"{type(error).__name__}: it may be done; import the sheet again")


async def _once_more(row: Outcome, rows: Sequence[Outcome], again: Again) -> Outcome:
    """What becomes of the row by now. All `rows` of its order are judged, since what this sheet did is no news."""
    try:
        found = await asyncio.to_thread(again, [each.source for each in rows if each.source])
    except Unreachable as error:
        return replace(row, state=State.FAILED, why=f"{error}; import the sheet again")
    return next(outcome for outcome in found if outcome.row == row.row)


async def _row(client: AftersaleClient, row: Outcome, by: Actor) -> Outcome:
    taken: list[str] = []
    for action in row.actions:
        try:
            send = getattr(client, action.name)
            await send(action.order_id, by, **action.arguments, command_id=action.command_id)
        except AftersaleError as error:
            again = isinstance(error, NotJudgedYet | Unreachable)
            state = State.REFUSED if isinstance(error, Refused) else State.FAILED
            why = f"{action.words}: {error}" + ("; import the sheet again" if again else "")
            before = f"done: {'; '.join(taken)}; not done: " if taken else ""
            return replace(row, state=state, why=before + why)
        taken.append(action.words)
    return replace(row, state=State.DONE)
