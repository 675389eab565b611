"""What runs on schedules beside the orders: polls for news that never arrived, comparisons, recurring issues."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from domain.contract import RECONCILIATION, RECURRING, SWEEP
    from domain.wire import instant_text

CARRIER_POLL = "CarrierPoll"
"""The workflow's type, and the id of its schedule; so for those that the contract names."""

PROVIDER_POLL = "ProviderPoll"
"""As above."""


@workflow.defn(name=CARRIER_POLL)
class CarrierPoll:
    """One round over all parcels on their way; the next one is the schedule's."""

    @workflow.run
    async def run(self) -> int:
        """Returns how many scans were sent to orders."""
        sent: int = await workflow.execute_activity(
            "poll_carriers",
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="ask the carriers for every parcel on its way",
            result_type=int,
        )
        return sent


@workflow.defn(name=PROVIDER_POLL)
class ProviderPoll:
    """One walk over the payment provider's events since the last one."""

    @workflow.run
    async def run(self) -> int:
        """Returns how many events concerned an order."""
        told: int = await workflow.execute_activity(
            "poll_provider",
            instant_text(workflow.now()),
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="ask the payment provider for events that no webhook told",
            result_type=int,
        )
        return told


@workflow.defn(name=RECONCILIATION)
class Reconciliation:
    """The provider's book against ours, once."""

    @workflow.run
    async def run(self, ask: Mapping[str, Any] | None = None) -> dict[str, int]:
        """Returns what was counted. `ask` may say ``now``, when another time than this workflow's is meant."""
        return await _compared("reconcile", ask, timedelta(hours=6), "the provider's book against ours")


@workflow.defn(name=SWEEP)
class Sweep:
    """Rows against workflows, once."""

    @workflow.run
    async def run(self, ask: Mapping[str, Any] | None = None) -> dict[str, int]:
        """Returns what was counted. `ask` is as for Reconciliation."""
        return await _compared("sweep", ask, timedelta(hours=2), "rows of orders against their workflows")


@workflow.defn(name=RECURRING)
class RecurringIssues:
    """Claims that have too much in common, looked for once."""

    @workflow.run
    async def run(self, ask: Mapping[str, Any] | None = None) -> dict[str, int]:
        """Returns what was counted. `ask` is as for Reconciliation."""
        return await _compared("find_recurring", ask, timedelta(hours=1), "claims by what they have in common")


async def _compared(name: str, ask: Mapping[str, Any] | None, longest: timedelta, summary: str) -> dict[str, int]:
    """One activity that goes on where it stopped, or begins again, when its worker dies."""
    now = (ask or {}).get("now") or workflow.now().isoformat()
    counts: dict[str, int] = await workflow.execute_activity(
        name,
        {"run_id": workflow.info().run_id, "now": now},
        start_to_close_timeout=longest,
        heartbeat_timeout=timedelta(minutes=10),  # Choosing what to compare is one long statement.
        # A provider or a database that is away for some hours ends this run; the next one looks at its time as well.
        retry_policy=RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=10),
        summary=summary,
        result_type=dict,
    )
    return counts
