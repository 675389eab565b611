"""The levers under /sandbox/, for tests, the demo and people: what no real provider offers.

    GET    /sandbox/book?order_id=   every effect that moved or held money
    POST   /sandbox/faults           {"fault", "order_id"?, "operation"?, "times"?, "until"?,
                                      "hang_seconds"?, "retry_after"?}
    DELETE /sandbox/faults?order_id= drops the planned faults
    POST   /sandbox/clocks           {"order_id", "now"}
    POST   /sandbox/preauthorise     {"order_id", "amount", "currency", "payment_method"?, "customer"?,
                                      "capture_before"?}: what a storefront does at checkout
    POST   /sandbox/authenticate     {"payment_intent"}: the buyer passes the bank's page
    POST   /sandbox/refunds          {"refund", "status": "succeeded" | "failed"}
    POST   /sandbox/accounts         {"account", "state": "active" | "restricted" | "closed"}

Amounts are whole numbers of minor units, instants ISO 8601 with an offset.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.faults import FaultKind
from sandbox.payments import intents, methods, refunds, transfers
from sandbox.payments.api import PaymentApi
from sandbox.payments.call import Call
from sandbox.payments.wire import ApiError, Params, malformed
from sandbox.store import Json

Choice = TypeVar("Choice", bound=StrEnum)


class Settled(StrEnum):
    """How a refund can end."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Control:
    """The levers over one provider."""

    def __init__(self, api: PaymentApi) -> None:
        self._api = api
        self._world = api.world

    def routes(self) -> list[BaseRoute]:
        """One route per lever."""
        table: list[tuple[str, str, Callable[[Json], Json]]] = [
            ("GET", "/sandbox/book", self._read_book),
            ("POST", "/sandbox/faults", self._plan_fault),
            ("DELETE", "/sandbox/faults", self._clear_faults),
            ("POST", "/sandbox/clocks", self._move_clock),
            ("POST", "/sandbox/preauthorise", self._preauthorise),
            ("POST", "/sandbox/authenticate", self._authenticate),
            ("POST", "/sandbox/refunds", self._settle_refund),
            ("POST", "/sandbox/accounts", self._put_account),
        ]
        return [Route(path, self._handling(lever), methods=[method]) for method, path, lever in table]

    def _handling(self, lever: Callable[[Json], Json]) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                answer = lever(await _read(request))
            except ApiError as error:
                return JSONResponse(error.body, error.status)
            self._world.store.commit()
            return JSONResponse(answer)

        return handle

    def _read_book(self, wanted: Json) -> Json:
        order_id = _text(wanted, "order_id") or None
        for order in [order_id] if order_id else {i.order_id for i in self._world.store.all("payment_intent")}:
            self._api.lapse(order)
        return {"effects": self._world.book.read(order_id)}

    def _plan_fault(self, wanted: Json) -> Json:
        id_ = self._world.faults.plan(
            _choice(wanted, "fault", FaultKind),
            order_id=_text(wanted, "order_id"),
            operation=_text(wanted, "operation"),
            times=_number(wanted, "times", int, None),
            until=_instant(wanted, "until") if "until" in wanted else None,
            hang_seconds=_number(wanted, "hang_seconds", float, 0.0) or 0.0,
            retry_after=_number(wanted, "retry_after", int, 1) or 0,
        )
        return {"fault": id_}

    def _clear_faults(self, wanted: Json) -> Json:
        self._world.faults.clear(_text(wanted, "order_id") or None)
        return {}

    def _move_clock(self, wanted: Json) -> Json:
        order_id = _required(wanted, "order_id")
        now = self._world.move_clock(order_id, _instant(wanted, "now"))
        return {"order_id": order_id, "now": now.isoformat()}

    def _preauthorise(self, wanted: Json) -> Json:
        order_id = _required(wanted, "order_id")
        amount = _number(wanted, "amount", int, None)
        if amount is None:
            raise malformed("Missing: amount", param="amount")
        customer = _text(wanted, "customer") or methods.create_customer(self._call(order_id, {}))["id"]
        form = {
            "amount": str(amount),
            "currency": _required(wanted, "currency").lower(),
            "customer": customer,
            "capture_method": "manual",
            "setup_future_usage": "off_session",
            "metadata": {"order_id": order_id},
        }
        intent = intents.create(self._call(order_id, form))
        if "capture_before" in wanted:
            record = self._call(order_id, {}).need("payment_intent", intent["id"], "payment_intent")
            record.private["capture_before"] = int(_instant(wanted, "capture_before").timestamp())
            self._world.store.put(record)
        confirmation = {"payment_method": _text(wanted, "payment_method") or "pm_card_visa"}
        try:
            intent = self._on_intent(intents.confirm, intent["id"], confirmation)
            if intent["status"] == "requires_action":
                intent = self._on_intent(intents.pass_authentication, intent["id"], {})
        except ApiError as error:
            if error.status != 402:
                raise
            # The bank's "no" is an answer to the storefront, not a failure of this lever.
            intent = error.body["error"]["payment_intent"]
        seen = {"payment_intent": intent["id"], "customer": customer, "status": intent["status"]}
        return seen | {"payment_method": intent["payment_method"]}

    def _authenticate(self, wanted: Json) -> Json:
        return self._on_intent(intents.pass_authentication, _required(wanted, "payment_intent"), {})

    def _settle_refund(self, wanted: Json) -> Json:
        status = _choice(wanted, "status", Settled)
        refund = self._call("", {}).need("refund", _required(wanted, "refund"), "refund")
        call = self._call(refund.order_id, {})
        refunds.settle(call, refund, status)
        self._api.tell(call)
        return refund.data

    def _put_account(self, wanted: Json) -> Json:
        call = self._call("", {})
        account = transfers.put_account(
            call, _required(wanted, "account"), _choice(wanted, "state", transfers.AccountState)
        )
        self._api.tell(call)
        return account

    def _on_intent(self, deed: Callable[[Call], Json], intent: str, form: Json) -> Json:
        record = self._world.store.get("payment_intent", intent)
        call = self._call(record.order_id if record else "", form, intent)
        try:
            return deed(call)
        finally:
            self._api.tell(call)

    def _call(self, order_id: str, form: Json, id_: str = "") -> Call:
        return Call(self._world, Params(form), {"id": id_}, order_id)


async def _read(request: Request) -> Json:
    if request.method != "POST":
        return dict(request.query_params)
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise malformed("The body must be a JSON object.")
    return body


def _text(wanted: Json, name: str) -> str:
    value = wanted.get(name, "")
    if not isinstance(value, str):
        raise malformed(f"{name} must be a string", param=name)
    return value


def _required(wanted: Json, name: str) -> str:
    value = _text(wanted, name)
    if not value:
        raise malformed(f"Missing: {name}", param=name)
    return value


def _number(wanted: Json, name: str, type_: type[Any], default: Any) -> Any:
    value = wanted.get(name, default)
    if value is not default and (isinstance(value, bool) or not isinstance(value, (int, type_)) or value < 0):
        raise malformed(f"{name} must be a number, not negative", param=name)
    return value


def _instant(wanted: Json, name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(_required(wanted, name))
    except ValueError:
        instant = datetime.min  # noqa: DTZ901  (without an offset, so it is refused below)
    if instant.tzinfo is None:
        raise malformed(f"{name} must be an instant such as 2026-03-02T09:00:00+00:00", param=name)
    return instant


def _choice(wanted: Json, name: str, choices: type[Choice]) -> Choice:
    value = _required(wanted, name)
    if value not in [choice.value for choice in choices]:
        raise malformed(f"{name} must be one of {', '.join(choices)}", param=name)
    return choices(value)
