"""One timer for the earliest clock of an order."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow


class Alarm:
    """A lazy timer: re-armed only when it must ring sooner, because every timer costs an Action.

    It may ring before anything is due; the loop then looks at its clocks and arms it again.
    """

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._timer: asyncio.Task[None] | None = None

    @property
    def rang(self) -> bool:
        """Whether it rang since it was armed."""
        return self._timer is not None and self._timer.done()

    def arm(self, at: datetime, summary: str) -> None:
        """Ring at `at` or before; `summary` is what operators read beside the timer (200 bytes)."""
        if self._at is not None and self._at <= at and not self.rang:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._at = at
        span = max(at - workflow.now(), timedelta(milliseconds=1))
        self._timer = asyncio.create_task(workflow.sleep(span, summary=summary[:200]))

    def reset(self) -> None:
        """Forget that it rang."""
        if self.rang:
            self._at, self._timer = None, None
