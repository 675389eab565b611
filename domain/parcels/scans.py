"""From a carrier's report to the few scans that an order should hear of."""

from __future__ import annotations

from datetime import timedelta

from domain import wire
from domain.claims.carriage import fails, returned_with
from domain.claims.goods import awaited
from domain.contract import Envelope
from domain.parcels.parcel import FAILED, Milestone, Proof
from domain.parcels.ship import ParcelScan, is_news
from domain.parcels.tracking import TrackerReport
from domain.state import Actor, Order, Role

COMMAND = "parcel_scan"

CLOCKS_DIFFER = timedelta(hours=1)
"""How far a carrier's clock may be behind ours before a scan counts as that of an earlier parcel."""


def scans(order: Order, parcel_id: str, report: TrackerReport, carrier_id: str) -> tuple[Envelope, ...]:
    """The scans that move the parcel on, oldest first, as messages to the order; often none.

    What lies before the order was placed belongs to an earlier parcel of a recycled number. The same scan always
    makes the same `command_id`, so a report that comes twice takes effect once.
    """
    parcel = order.parcel(parcel_id)
    if parcel is None:
        return _of_return(order, parcel_id, report, carrier_id)
    if parcel.withdrawn:
        return ()
    reached = [ParcelScan(parcel_id, milestone, at, proof) for milestone, at, proof in report.milestones]
    # What a carrier notes about a parcel that it has lost is no movement of it.
    lost = bool(reached) and max(reached, key=lambda scan: scan.at).milestone is Milestone.LOST
    if report.last_movement is not None and not lost and all(scan.at < report.last_movement for scan in reached):
        reached.append(ParcelScan(parcel_id, Milestone.IN_TRANSIT, report.last_movement, Proof.WEAK))
    news = []
    for scan in sorted(reached, key=lambda scan: scan.at):
        if scan.at >= order.placed_at - CLOCKS_DIFFER and is_news(parcel, scan):
            news.append(_message(order, scan, carrier_id))
            parcel = parcel.moved_on(scan.milestone, scan.at, scan.proof)
    return tuple(news)


def _of_return(order: Order, parcel_id: str, report: TrackerReport, carrier_id: str) -> tuple[Envelope, ...]:
    """Of goods that travel back only the end of their way is news, and their arrival also when it comes late."""
    claim = returned_with(order, parcel_id)
    travelling = awaited(order, claim) if claim is not None else ()
    back = next((back for back in travelling if back.parcel_id == parcel_id), None)
    if claim is None or back is None:
        return ()
    ends = [
        ParcelScan(parcel_id, milestone, at, proof)
        for milestone, at, proof in report.milestones
        if milestone in (Milestone.DELIVERED, *FAILED) and at >= back.sent_at - CLOCKS_DIFFER
    ]
    told, new = fails(claim, back), [scan for scan in ends if claim.may_bring(back, scan.at)]
    return tuple(_message(order, scan, carrier_id) for scan in new[-1:] if told or scan.milestone not in FAILED)


def _message(order: Order, scan: ParcelScan, carrier_id: str) -> Envelope:
    body = wire.to_plain(scan)
    command_id = "scan-" + wire.digest([order.order_id, body])[:24]
    return Envelope(command_id, Actor(Role.CARRIER, carrier_id), body)
