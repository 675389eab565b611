"""Events: everything that was told, kept and listed, whether or not a webhook arrived."""

from __future__ import annotations

from sandbox.payments.call import Call, page
from sandbox.payments.wire import ApiError
from sandbox.store import Json, Record, new_id
from sandbox.world import World

API_VERSION = "2026-10-28.endive"


def keep(call: Call) -> list[Record]:
    """Make the events that a call gathered; answers them in their order."""
    kept = [_make(call.world, call.order_id, call.created, *told) for told in call.events]
    call.events.clear()
    return kept


def retrieve(call: Call) -> Json:
    """GET /v1/events/{id}."""
    event = call.need("event", call.path["id"], "id").data
    if event.get("account", "") != call.account:
        raise ApiError(404, "invalid_request_error", f"No such event: '{event['id']}'", code="resource_missing")
    return event


def listing(call: Call) -> Json:
    """GET /v1/events: the platform's own, or those of the account that the caller acts for."""
    types = set(call.params.listing("types")) | ({call.params.text("type")} - {""})
    return page(
        call,
        "event",
        "/v1/events",
        lambda data: data.get("account", "") == call.account and (not types or data["type"] in types),
    )


def _make(world: World, order_id: str, created: int, type_: str, told: Json, account: str) -> Record:
    data = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": {"object": told},
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None},
        "type": type_,
    }
    if account:
        data["account"] = account
    return world.store.put(Record("event", str(data["id"]), data, order_id))
