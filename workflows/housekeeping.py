"""What runs on schedules beside the orders: asking carriers and the payment provider for news that never arrived."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from domain.wire import instant_text

CARRIER_POLL = "CarrierPoll"
"""The workflow's type, and the id of its schedule."""

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
