"""News of parcels: a carrier's report becomes signals to the order, by webhook and by poll alike."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from sqlalchemy import Engine
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.providers.carrier_port import Carrier
from activities.runs import REACH
from activities.store import orders, personal, trackers
from domain import wire
from domain.contract import Envelope, workflow_id
from domain.errors import ProviderError
from domain.parcels.scans import COMMAND, scans
from domain.parcels.tracking import CarrierEvent, TrackerReport, UnknownTracker
from domain.state import Order

log = structlog.get_logger(__name__)


class CarrierDesk:
    """Hands carriers' reports to the orders they are about."""

    def __init__(self, engine: Engine, client: Client, carrier: Carrier, carrier_id: str) -> None:
        self._engine = engine
        self._client = client
        self._carrier = carrier
        self._carrier_id = carrier_id

    async def look(self, event: CarrierEvent) -> bool:
        """Read the tracker back that an event is about and deliver its report; False when the carrier knows no such."""
        try:
            report = await asyncio.to_thread(self._carrier.report, event.tracker_id)
        except UnknownTracker:
            return False
        await self.deliver(event.tracker_id, report)
        return True

    async def deliver(self, tracker_id: str, report: TrackerReport) -> int:
        """Signal what is new to the order of that tracker; returns how many scans. A stranger's tracker is no error."""
        news = await asyncio.to_thread(self._news, tracker_id, report)
        sent = 0
        for order_id, message in news:
            try:
                handle = self._client.get_workflow_handle(workflow_id(order_id))
                await handle.signal(COMMAND, wire.to_plain(message), rpc_timeout=REACH)
                sent += 1
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                log.warning("a scan came for an order without a workflow", order_id=order_id)
        return sent

    @activity.defn(name="poll_carriers")
    async def poll(self) -> int:
        """Ask after every parcel whose news matters; what fails now is asked after in the next round."""
        sent = 0
        with self._engine.begin() as conn:
            waiting = trackers.worth_asking(conn)
        for tracker_id in waiting:
            activity.heartbeat(sent)
            try:
                report = await asyncio.to_thread(self._carrier.report, tracker_id)
            except ProviderError as error:
                log.warning("a carrier could not be asked", code=type(error).__name__)
                continue
            sent += await self.deliver(tracker_id, report)
        return sent

    def _news(self, tracker_id: str, report: TrackerReport) -> Sequence[tuple[str, Envelope]]:
        news: list[tuple[str, Envelope]] = []
        with self._engine.begin() as conn:
            for order_id, parcel_id in personal.parcels_of_tracker(conn, tracker_id):
                plain = orders.snapshot(conn, order_id)
                if plain is not None:
                    order = wire.from_plain(Order, plain)
                    news += [(order_id, message) for message in scans(order, parcel_id, report, self._carrier_id)]
        return news
