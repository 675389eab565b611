"""The worker of the bare workflows, set up as the orders' is: ``python -m bench.bare_worker``."""

from __future__ import annotations

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from bench.bare import QUEUE, BareOrder, bare_admit, bare_perform

READY = "ready"
THREADS, CACHED, STICKY = 32, 2_000, timedelta(seconds=1)


async def main() -> None:
    """Run until SIGTERM."""
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    # As the order's worker does, so that neither imports its workflow's module for each life.
    runner = SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules("bench"))
    with ThreadPoolExecutor(THREADS, thread_name_prefix="activity") as threads:
        async with Worker(
            client,
            task_queue=QUEUE,
            workflows=[BareOrder],
            activities=[bare_admit, bare_perform],
            activity_executor=threads,
            workflow_runner=runner,
            max_concurrent_activities=THREADS,
            max_cached_workflows=CACHED,
            sticky_queue_schedule_to_start_timeout=STICKY,
        ):
            print(READY, flush=True)
            await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
