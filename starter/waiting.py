"""Following a record until it tells something."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

FIRST, LONGEST = 0.03, 0.5
"""Seconds between two looks: short at first, because most answers come at once."""


async def until(look: Callable[[], Awaitable[T | None]], seconds: float) -> T | None:
    """What `look` finds within `seconds`, or None."""
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + seconds, FIRST
    while True:
        found = await look()
        left = end - loop.time()
        if found is not None or left <= 0:
            return found
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST)
