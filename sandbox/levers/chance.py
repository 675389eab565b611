"""Levers over what goes wrong, and when: faults, plans, clocks; and over what did, for those who count afterwards."""

from __future__ import annotations

from sandbox.faults import FaultKind
from sandbox.levers.reading import choice, instant, number, required, text, words
from sandbox.payments.api import PaymentApi
from sandbox.payments.wire import malformed
from sandbox.plan import FAULTS
from sandbox.store import Json


def read_book(api: PaymentApi, wanted: Json) -> Json:
    """Every effect that moved or held money, of one order or of all."""
    order_id = text(wanted, "order_id") or None
    api.catch_up(order_id)
    return {"effects": api.world.book.read(order_id)}


def plan_fault(api: PaymentApi, wanted: Json) -> Json:
    """A fault for the next call, some calls, or all calls for a while."""
    id_ = api.world.faults.plan(
        choice(wanted, "fault", FaultKind),
        order_id=text(wanted, "order_id"),
        operation=text(wanted, "operation"),
        times=number(wanted, "times", int, None),
        until=instant(wanted, "until") if "until" in wanted else None,
        hang_seconds=number(wanted, "hang_seconds", float, 0.0) or 0.0,
        retry_after=number(wanted, "retry_after", int, 1) or 0,
        delay_seconds=number(wanted, "delay_seconds", float, 0.0) or 0.0,
    )
    return {"fault": id_}


def clear_faults(api: PaymentApi, wanted: Json) -> Json:
    """Drop what was planned with `plan_fault`, for one order or for all."""
    api.world.faults.clear(text(wanted, "order_id") or None)
    return {}


def adopt_plan(api: PaymentApi, wanted: Json) -> Json:
    """Faults by chance from now on, from a seed."""
    seed, rate = number(wanted, "seed", int, None), number(wanted, "rate", float, None)
    if seed is None or rate is None or rate > 1:
        raise malformed("seed must be a whole number and rate a share between 0 and 1", param="rate")
    named = words(wanted, "faults")
    unknown = set(named) - set(FaultKind)
    if unknown:
        raise malformed(f"faults must be among {', '.join(FaultKind)}", param="faults")
    api.world.plan.adopt(
        seed,
        rate,
        faults=[FaultKind(name) for name in named] or FAULTS,
        operations=words(wanted, "operations"),
        order_prefix=text(wanted, "order_prefix"),
        outage_seconds=number(wanted, "outage_seconds", float, 0.0),
        delay_seconds=number(wanted, "delay_seconds", float, 259_200.0),
    )
    return {}


def drop_plan(api: PaymentApi, _: Json) -> Json:
    """No more faults by chance."""
    api.world.plan.drop()
    return {}


def read_struck(api: PaymentApi, wanted: Json) -> Json:
    """Every fault that struck a call, of one order or of all."""
    return {"struck": api.world.plan.struck(text(wanted, "order_id") or None)}


def move_clock(api: PaymentApi, wanted: Json) -> Json:
    """Set an order's clock; it never goes back."""
    order_id = required(wanted, "order_id")
    now = api.world.move_clock(order_id, instant(wanted, "now"))
    return {"order_id": order_id, "now": now.isoformat()}
