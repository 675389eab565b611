"""Messages come in while an act is under way: one button fifty times, and what is no command at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.service import RPCError

from domain.contract import workflow_id
from domain.errors import AftersaleError
from faults.cases import Moment
from faults.ground import Ground
from faults.operator_faults import WITH_EFFECT
from faults.proxy import Deed
from faults.stages import BY_TIME, SETTINGS, Stage

PRESSES = 49
"""How often the button is pressed again while its first press is under way."""
IN_FLIGHT = 8
"""Of which so many are on their way at the same time; the server takes ten updates of one workflow at once."""
NO_BUTTON = "time does it, and nobody acts"
UNREADABLE: tuple[Any, ...] = (None, 17, "confirm", [{}], {}, {"command_id": 5}, {"actor": "seller"}, "x" * 100_000)
NAMES = ("confirm", "cancel", "refund", "settle", "no_such_command")

Sending = Callable[[Ground], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Messages:
    """`send` is done while the act stands at its moment, which then goes on."""

    name: str
    send: Sending
    needs_button: bool = False

    def moments(self, stage: Stage) -> tuple[Moment, ...]:
        if self.needs_button and stage in BY_TIME:
            return ()
        return WITH_EFFECT[:2] if SETTINGS[stage].operation else (Moment.BEFORE_COMMIT,)

    def why_not(self, stage: Stage) -> str:
        return NO_BUTTON if self.needs_button and stage in BY_TIME else ""

    async def arm(self, ground: Ground) -> None:
        ground.lay(Deed.HOLD)

    async def strike(self, ground: Ground) -> None:
        await ground.reached()
        sending = asyncio.create_task(self.send(ground))
        with suppress(TimeoutError):
            # What must wait for the act's end is not waited for; the rest is judged while the act is held.
            await asyncio.wait_for(asyncio.shield(sending), 2.0)
        ground.release()
        await sending

    async def heal(self, ground: Ground) -> None:
        """Nothing is broken."""


async def press_again(ground: Ground) -> None:
    """The same act again and again, each a command of its own."""
    act, subject = ground.case.setting.act, ground.subject
    few = asyncio.Semaphore(IN_FLIGHT)

    async def press() -> None:
        async with few:
            with suppress(AftersaleError):
                await act(subject)

    await asyncio.gather(*(press() for _ in range(PRESSES)))
    subject.acts.append(f"pressed {PRESSES} times again")


async def send_nonsense(ground: Ground) -> None:
    """What no party could mean, as signal, as update and as query."""
    handle = ground.subject.open.temporal.get_workflow_handle(workflow_id(ground.case.order_id))
    for name in NAMES:
        await asyncio.gather(*(_nonsense(handle, name, body) for body in UNREADABLE))
    ground.subject.acts.append("nonsense")


async def _nonsense(handle: WorkflowHandle[Any, Any], name: str, body: Any) -> None:
    with suppress(RPCError):  # The order may be over by now.
        await handle.signal(name, args=[body, body])
    with suppress(WorkflowUpdateFailedError, RPCError):
        await handle.execute_update(name, body)
    with suppress(WorkflowQueryFailedError, RPCError):
        await handle.query(name, body)


def message_faults() -> tuple[Messages, ...]:
    """Each kind."""
    return (
        Messages("one_button_fifty_times", press_again, needs_button=True),
        Messages("nonsense_messages", send_nonsense),
    )
