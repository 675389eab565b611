"""What will happen by itself once an order's clock shows the time: holds lapse, refunds fail, buyers' banks dispute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from sandbox.payments import cards, disputes, refunds
from sandbox.payments.call import Call
from sandbox.payments.wire import ApiError, Params
from sandbox.store import Json, Record
from sandbox.world import World


def run(world: World, order_id: str) -> Call | None:
    """Do what is due for an order ("" for what belongs to none); answers the call that gathered its events."""
    dues = [due for due in world.store.of_order("due", order_id) if _is_due(world, due)]
    if not dues:
        return None
    call = Call(world, Params({}), {}, order_id)
    for due in sorted(dues, key=lambda due: str(due.data["at"])):
        world.store.remove(due)
        if record := world.store.get(due.data["kind"], due.data["object"]):
            DEEDS[due.data["deed"]](call, record, due.data)
    return call


def orders(world: World) -> set[str]:
    """The orders with something on the agenda."""
    return {due.order_id for due in world.store.all("due")}


def _is_due(world: World, due: Record) -> bool:
    return world.now(due.order_id) >= datetime.fromisoformat(due.data["at"])


def _lapse(call: Call, intent: Record, _: Json) -> None:
    cards.lapse(call, intent)


def _fail_refund(call: Call, refund: Record, _: Json) -> None:
    if refund.data["status"] in ("pending", "succeeded"):
        refunds.settle(call, refund, "failed")


def _dispute(call: Call, charge: Record, details: Json) -> None:
    try:
        disputes.open_dispute(call, charge, amount=None, fee=disputes.FEE, reason=details["reason"])
    except ApiError:
        # Nothing of the charge is left to dispute: it was given back meanwhile.
        return


DEEDS: Mapping[str, Callable[[Call, Record, Json], None]] = {
    "lapse": _lapse,
    "refund_failed": _fail_refund,
    "dispute": _dispute,
}
