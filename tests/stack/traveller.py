"""A workflow that waits for a day and then calls an activity, and a worker for it that runs as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import datetime, timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

TASK_QUEUE = "travellers"


@activity.defn
async def arrive(die_first: bool) -> int:
    """The number of the attempt; with `die_first` the first one takes its worker process with it."""
    attempt = activity.info().attempt
    if die_first and attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return attempt


@workflow.defn
class Traveller:
    """Returns when it woke on its own clock, and which attempt arrived."""

    @workflow.run
    async def run(self, die_first: bool) -> tuple[datetime, int]:
        await workflow.sleep(timedelta(days=1))
        woke = workflow.now()
        timeout = timedelta(seconds=2)
        return woke, await workflow.execute_activity(arrive, die_first, start_to_close_timeout=timeout)


async def main(address: str) -> None:
    client = await Client.connect(address)
    worker = Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[Traveller],
        activities=[arrive],
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    )
    async with worker:
        print("ready", flush=True)  # noqa: T201  # The line that the test waits for.
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
