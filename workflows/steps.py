"""The activities as the workflow calls them: names, timeouts, retries. The only place that knows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from domain import wire
    from domain.contract import ATTEMPT, FATAL, Admission, Admitted, Answer, Ask, RefusalNote

# After the last attempt the loop says that the order needs attention, and tries again later.
RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=20),
    maximum_attempts=4,
    non_retryable_error_types=list(FATAL),
)


async def admit(admission: Admission) -> Admitted:
    """Pin policy and calendars, check or place the authorisation, write the order down."""
    return wire.from_plain(Admitted, await _call("admit", admission, "admit the order"))


async def perform(ask: Ask) -> Answer:
    """Carry a decided step out: at most one provider call, and one transaction that records everything."""
    tried = replace(ask, tried_at=workflow.now())
    return wire.from_plain(Answer, await _call("perform", tried, f"step {ask.seq}: {ask.step}"))


async def note_refusal(note: RefusalNote) -> None:
    """Put a refused or unreadable signal on record, and tell its sender."""
    await _call("note_refusal", note, f"refused: {note.name}")


async def _call(name: str, argument: object, summary: str) -> Any:
    return await workflow.execute_activity(
        name,
        wire.to_plain(argument),
        start_to_close_timeout=ATTEMPT,
        retry_policy=RETRY,
        summary=summary[:200],
        result_type=dict,
    )
