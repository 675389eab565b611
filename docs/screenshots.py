"""``python -m docs.screenshots``: the pictures of docs/operators.md, taken of a real Temporal UI in a real browser.

Starts the embedded stack, sandbox and worker, brings orders into trouble one by one, looks at them, stops the worker and
looks again. Needs an installed Chromium (``CHROMIUM`` names it, else /usr/bin/chromium) and the package ``playwright``.
Run by hand, after a change of what operators see; look at every picture before you keep it.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import Page, async_playwright

from demo.temporal import NAMESPACE
from docs.troubles import TROUBLES, Shop, database_away, shop

IMAGES = Path(__file__).with_name("images")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZE = {"width": 1500, "height": 900}


async def main() -> None:
    async with shop(Path(tempfile.mkdtemp(dir="/tmp/opshots"))) as running, async_playwright() as browsers:
        browser = await browsers.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        await running.place("o-1007")
        for trouble in TROUBLES:
            await trouble(running)
            print(trouble.__name__)
        page = await browser.new_page(viewport=SIZE)
        print(running.stack.temporal.ui_url)
        with running.without_database():
            await database_away(running)
            print("away")
            Path("/tmp/opshots/ready").write_text(running.stack.temporal.ui_url + "\n" + repr(running.environment) + "\n"+str(running.worker.pid))
            while not Path("/tmp/opshots/stop").exists(): await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main())
