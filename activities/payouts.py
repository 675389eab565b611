"""A payout from a seller's account to the bank that came back: no order's affair, but somebody's."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from activities.notices import outbox_rows
from activities.providers.port import PayoutReport
from activities.store import outbox
from activities.store.desk.tickets import PAYOUT_FAILED, open_apart
from domain import notices
from domain.state import Order


def payout_failed(conn: Connection, order: Order, report: PayoutReport, now: datetime) -> bool:
    """Ask a specialist and tell the seller, once per payout, under the order that was paid out last.

    False when that was done before.
    """
    ticket_id = f"{PAYOUT_FAILED}-{report.ref}"
    if not open_apart(conn, order, ticket_id, PAYOUT_FAILED, report.account, now):
        return False
    told = notices.payout_failed(report.ref, report.amount, report.reason, now)
    outbox.queue(conn, outbox_rows(order, order.seq, [told]))
    return True
