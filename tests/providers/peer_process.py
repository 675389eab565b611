"""``python -m tests.providers.peer_process``: localstripe on a free port of loopback, until its input ends."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web
from localstripe.resources import store  # type: ignore[import-untyped]
from localstripe.server import app  # type: ignore[import-untyped]


async def main() -> None:
    """Serve, and say where."""
    store.dump_to_disk = lambda: None  # It would keep its objects in one fixed file for all who run it.
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
