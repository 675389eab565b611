"""Levers over how events reach their receivers."""

from __future__ import annotations

from sandbox.levers.reading import flag, number, text
from sandbox.payments.api import PaymentApi
from sandbox.payments.delivery import Manner
from sandbox.store import Json


def plan(api: PaymentApi, wanted: Json) -> Json:
    """The manner in which the events of an order, or of all, are delivered from now on."""
    manner = Manner(
        copies=number(wanted, "copies", int, 1),
        shuffle=number(wanted, "shuffle", int, None),
        hold=flag(wanted, "hold"),
        drop=flag(wanted, "drop"),
        forge=flag(wanted, "forge"),
        forgeries=number(wanted, "forgeries", int, 0),
        signed_ago=number(wanted, "signed_ago", int, 0),
        strangers=number(wanted, "strangers", int, 0),
    )
    api.delivery.plan(text(wanted, "order_id"), manner)
    return {}


def clear(api: PaymentApi, wanted: Json) -> Json:
    """Good manners again, for one order or for all."""
    api.delivery.clear(text(wanted, "order_id") or None)
    return {}


async def deliver(api: PaymentApi, wanted: Json) -> Json:
    """Post what was kept back, or everything again, and wait for the receivers."""
    order_id = text(wanted, "order_id") or None
    api.catch_up(order_id)
    return {"posts": await api.delivery.deliver(order_id, again=flag(wanted, "again"))}


def read_done(api: PaymentApi, wanted: Json) -> Json:
    """Every post and loss that was not in the good manner, of one order or of all."""
    return {"deliveries": api.delivery.done(text(wanted, "order_id") or None)}
