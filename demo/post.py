"""Notices of orders whose days pass faster than ours: a relay of the demo's own, which is handed the order's time.

The worker's relay goes by the wall clock, for which an order that has been moved ahead lies in the future. Both may
look after one order; a notice leaves once.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, select

from activities.mail import EmlMailer
from activities.notices import Letters
from activities.providers.easypost import EasyPostCarrier
from activities.relay import Addresses, Relay
from activities.store.tables import outbox
from activities.store.vault import Vault
from activities.storefront import RowsOnly
from demo.world import World


def relay(around: World, engine: Engine, vault: Vault) -> Relay:
    """A relay wired as the worker's is; mails become files, the storefront's events stay rows."""
    settings = around.environment
    carrier = EasyPostCarrier(
        base_url=settings["EASYPOST_API_BASE"],
        api_key=settings["EASYPOST_API_KEY"],
        webhook_secret=settings["EASYPOST_WEBHOOK_SECRET"],
    )
    addresses = Addresses(settings["MAIL_FROM"], settings["DESK_MAIL"])
    letters = Letters(Path(settings["AFTERSALE_TEMPLATES"]))
    return Relay(engine, vault, letters, EmlMailer(around.mails), RowsOnly(), carrier, addresses)


def left(engine: Engine, order_id: str) -> tuple[str, ...]:
    """What has left for an order so far, whoever sent it, such as ``remind_ship.seller``, oldest row first."""
    columns = outbox.c
    query = select(columns.template, columns.recipient_role).order_by(columns.id)
    with engine.begin() as conn:
        rows = conn.execute(query.where(columns.order_id == order_id, columns.sent_at.is_not(None)))
        return tuple(f"{row.template}.{row.recipient_role}" for row in rows)
