"""``python -m docs.screenshots``: the pictures of docs/operators.md, taken of a real Temporal UI in a real browser.

Starts the embedded stack, a sandbox and a worker, brings orders into trouble one by one, looks at them, stops the
worker and looks again; about two minutes. Needs an installed Chromium (``CHROMIUM`` names it, else /usr/bin/chromium)
and the package ``playwright``. Run by hand after a change of what operators see; look at every picture you keep.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import Error as BrowserError, Page, async_playwright
from temporalio.client import Client

from demo.temporal import NAMESPACE, STUCK
from docs.troubles import TROUBLES, Shop, database_away, open_shop
from domain.contract import workflow_id

IMAGES = Path(__file__).with_name("images")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDTH, HEIGHT = 1500, 950
PATIENCE = 90.0  # seconds

UNWANTED = ("Run ID", "Type", "Start", "End")
WANTED = ("AttentionReason", "WaitingOn", "Due")


class Camera:
    """A browser window before the Temporal UI."""

    def __init__(self, page: Page, ui_url: str, client: Client) -> None:
        self._page, self._ui, self._client = page, f"{ui_url}/namespaces/{NAMESPACE}/workflows", client

    async def choose_columns(self) -> None:
        """Do by clicks what docs/operators.md asks its reader to do once."""
        await self._page.goto(f"{self._ui}?query={quote(STUCK)}")
        await self._page.get_by_test_id("workflows-summary-table-configuration-button").click()
        for name in UNWANTED:
            await self._page.get_by_test_id(f"orderable-list-item-{name}-remove-button").click()
        for name in WANTED:
            await self._page.get_by_test_id(f"orderable-list-item-{name}-add-button").click()
        await self._page.get_by_test_id("drawer-close-button").click()

    async def stuck_orders(self, name: str, words: str) -> None:
        """The list of orders that need attention."""
        await self._page.goto(f"{self._ui}?query={quote(STUCK)}")
        await self._take(name, words)

    async def order(self, order_id: str, tab: str, name: str, *words: str) -> None:
        """One tab of an order's page, once it shows `words`."""
        described = await self._client.get_workflow_handle(workflow_id(order_id)).describe()
        await self._page.goto(f"{self._ui}/{described.id}/{described.run_id}/{tab}")
        await self._take(name, *words)

    async def _take(self, name: str, *words: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while not all([await self._shows(text) for text in words]):
                await self._page.wait_for_timeout(200)
        # The drawing of the timeline and of side panels is animated.
        await self._page.wait_for_timeout(1_500)
        await self._page.screenshot(path=IMAGES / f"{name}.png")

    async def _shows(self, text: str) -> bool:
        """Whether a text stands on the page, or in one of the frames that the UI shows Markdown in."""
        try:
            return any([await frame.get_by_text(text).count() for frame in self._page.frames])
        except BrowserError:  # A frame was replaced while it was read.
            return False


async def take(running: Shop, camera: Camera) -> None:
    """All pictures, in the order of docs/operators.md."""
    await running.place("o-1007")
    for trouble in TROUBLES:
        await trouble(running)
    await camera.choose_columns()
    await camera.order("o-1002", "user-metadata", "late", "Needs attention")
    await camera.order("o-1002", "timeline", "late-timeline", "ship_overdue since")
    with running.without_database():
        await database_away(running)
        await camera.stuck_orders("stuck", "o-1007")
        await camera.order("o-1007", "timeline", "database-away", "cannot be recorded")
        running.worker.kill()
        await camera.order("o-1003", "search-attributes", "no-worker-order", "capture unknown")
        await camera.order("o-1003", "user-metadata", "no-worker-details", "Is it stuck?", "Current Details")


async def main() -> None:
    """Start everything, take the pictures, stop everything."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        async with open_shop(Path(directory)) as running, async_playwright() as browsers:
            browser = await browsers.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(PATIENCE * 1000)
            temporal = running.stack.temporal
            await take(running, Camera(page, temporal.ui_url, running.temporal))
            await browser.close()
    sys.stdout.write(f"{len(list(IMAGES.glob('*.png')))} pictures in {IMAGES}\n")


if __name__ == "__main__":
    asyncio.run(main())
