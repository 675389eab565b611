"""The provider's endpoints, and the way of a request: key, clock, fault, effect, answer."""

from __future__ import annotations

import asyncio
import base64
import binascii
import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.faults import Fault, FaultKind
from sandbox.payments import balance, cards, disputes, intents, methods, news, refunds, transfers, webhooks
from sandbox.payments.call import Call
from sandbox.payments.idempotency import Keys, fingerprint, in_use
from sandbox.payments.wire import ApiError, Params, parse_form
from sandbox.store import Json, new_id
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method on one path. `operation` is the name by which faults find it."""

    method: str
    path: str
    operation: str
    handler: Callable[[Call], Json]


ENDPOINTS = (
    Endpoint("POST", "/v1/payment_intents", "authorise", intents.create),
    Endpoint("GET", "/v1/payment_intents", "read", intents.listing),
    Endpoint("GET", "/v1/payment_intents/search", "read", intents.search),
    Endpoint("GET", "/v1/payment_intents/{id}", "read", intents.retrieve),
    Endpoint("POST", "/v1/payment_intents/{id}", "update", intents.update),
    Endpoint("POST", "/v1/payment_intents/{id}/confirm", "authorise", intents.confirm),
    Endpoint("POST", "/v1/payment_intents/{id}/capture", "capture", intents.capture),
    Endpoint("POST", "/v1/payment_intents/{id}/cancel", "void", intents.cancel),
    Endpoint("GET", "/v1/charges", "read", intents.list_charges),
    Endpoint("GET", "/v1/charges/{id}", "read", intents.retrieve_charge),
    Endpoint("POST", "/v1/refunds", "refund", refunds.create),
    Endpoint("GET", "/v1/refunds", "read", refunds.listing),
    Endpoint("GET", "/v1/refunds/{id}", "read", refunds.retrieve),
    Endpoint("POST", "/v1/transfers", "release", transfers.create),
    Endpoint("GET", "/v1/transfers", "read", transfers.listing),
    Endpoint("GET", "/v1/transfers/{id}", "read", transfers.retrieve),
    Endpoint("POST", "/v1/transfers/{id}/reversals", "reverse_release", transfers.reverse),
    Endpoint("GET", "/v1/transfers/{id}/reversals", "read", transfers.list_reversals),
    Endpoint("POST", "/v1/accounts", "account", transfers.create_account),
    Endpoint("GET", "/v1/accounts/{id}", "read", transfers.retrieve_account),
    Endpoint("GET", "/v1/balance", "read", balance.retrieve),
    Endpoint("GET", "/v1/balance_transactions", "read", balance.list_transactions),
    Endpoint("GET", "/v1/disputes", "read", disputes.listing),
    Endpoint("GET", "/v1/disputes/{id}", "read", disputes.retrieve),
    Endpoint("GET", "/v1/events", "read", news.list_events),
    Endpoint("GET", "/v1/events/{id}", "read", news.retrieve_event),
    Endpoint("GET", "/v1/payouts/{id}", "read", news.retrieve_payout),
    Endpoint("GET", "/v1/reviews/{id}", "read", news.retrieve_review),
    Endpoint("POST", "/v1/customers", "customer", methods.create_customer),
    Endpoint("GET", "/v1/customers/{id}", "read", methods.retrieve_customer),
    Endpoint("GET", "/v1/customers/{id}/payment_methods", "read", methods.list_methods),
    Endpoint("POST", "/v1/payment_methods", "method", methods.create_method),
    Endpoint("GET", "/v1/payment_methods/{id}", "read", methods.retrieve_method),
    Endpoint("POST", "/v1/payment_methods/{id}/attach", "method", methods.attach_method),
    Endpoint("POST", "/v1/payment_methods/{id}/detach", "method", methods.detach_method),
    Endpoint("GET", "/v1/mandates/{id}", "read", methods.retrieve_mandate),
    Endpoint("POST", "/v1/webhook_endpoints", "webhook", webhooks.create),
    Endpoint("GET", "/v1/webhook_endpoints", "read", webhooks.listing),
    Endpoint("DELETE", "/v1/webhook_endpoints/{id}", "webhook", webhooks.delete),
)
SUBJECTS = ("payment_intent", "charge", "source_transaction")
EXPANDABLE = (
    "source",
    "customer",
    "payment_method",
    "latest_charge",
    "charge",
    "payment_intent",
    "destination",
    "mandate",
)


class PaymentApi:
    """The endpoints over one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._keys = Keys(world)
        self._webhooks = webhooks.Webhooks(world)

    def routes(self) -> list[BaseRoute]:
        """One route per endpoint."""
        return [self._route(endpoint) for endpoint in ENDPOINTS]

    def lapse(self, order_id: str) -> None:
        """Cancel the order's holds whose time is over, and tell of it."""
        events = cards.lapse(self.world, order_id)
        if events:
            self._webhooks.send(events, int(self.world.now(order_id).timestamp()))

    def tell(self, call: Call) -> None:
        """Post the events that a call gathered."""
        self._webhooks.send(call.events, call.created)

    def _route(self, endpoint: Endpoint) -> Route:
        async def handle(request: Request) -> Response:
            request_id = new_id("req")
            try:
                response = await self._answer(endpoint, request)
            except ApiError as error:
                response = JSONResponse(error.body, error.status, error.headers)
            self.world.store.commit()
            response.headers["Request-Id"] = request_id
            return response

        return Route(endpoint.path, handle, methods=[endpoint.method])

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        _authorise(request)
        raw = request.url.query if request.method == "GET" else (await request.body()).decode()
        values = parse_form(raw)
        print_ = fingerprint(f"{request.method} {request.url.path}", values)
        key = "" if request.method == "GET" else request.headers.get("Idempotency-Key", "")
        order_id = _order_of(self.world, request.path_params, values)
        expand = values.pop("expand", [])
        account = request.headers.get("Stripe-Account", "")
        call = Call(self.world, Params(values), dict(request.path_params), order_id, key, account)
        self.lapse(order_id)
        if key in self._keys.running:
            raise in_use(key)
        operations = {endpoint.operation, str(_metadata(values).get("operation", ""))}
        fault = self.world.faults.take(order_id, operations, call.now)
        if key:
            self._keys.running.add(key)
        try:
            return await self._strike(fault, request, endpoint, call, (print_, expand))
        finally:
            self._keys.running.discard(key)

    async def _strike(
        self, fault: Fault | None, request: Request, endpoint: Endpoint, call: Call, rest: tuple[str, list[str]]
    ) -> Response:
        handler = endpoint.handler
        match fault:
            case Fault(kind=FaultKind.TIMEOUT):
                return await _cut(request, fault.hang_seconds)
            case Fault(kind=FaultKind.UNAVAILABLE | FaultKind.CONFLICT | FaultKind.RATE_LIMITED):
                raise _refusal(fault)
            case Fault(kind=FaultKind.STORED_ERROR | FaultKind.BALANCE_INSUFFICIENT):
                handler = _refusing(fault)
            case Fault(kind=FaultKind.SLOW):
                await asyncio.sleep(fault.hang_seconds)
            case Fault(kind=FaultKind.PENDING):
                call.pending = True
        response = self._perform(handler, call, *rest)
        if fault is not None and fault.kind is FaultKind.EFFECT_THEN_CUT:
            self.world.store.commit()
            # Whoever asks again while the first caller still hangs gets the kept result, as the effect is done.
            self._keys.running.discard(call.key)
            return await _cut(request, fault.hang_seconds)
        return response

    def _perform(self, handler: Callable[[Call], Json], call: Call, print_: str, expand: list[str]) -> Response:
        kept = self._keys.kept(call.key, print_, call.now) if call.key else None
        if kept is not None:
            return JSONResponse(kept[1], kept[0], {"Idempotent-Replayed": "true"})
        status, body, keep = 200, {}, True
        try:
            body = copy.deepcopy(handler(call))
            for path in expand:
                _expand(self.world, body, path.split("."))
        except ApiError as error:
            status, body, keep = error.status, error.body, error.kept
        if call.key and keep:
            self._keys.keep(call.key, print_, call.now, status, body)
        self.tell(call)
        return JSONResponse(body, status)


def _authorise(request: Request) -> None:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            credentials = base64.b64decode(credentials).decode().partition(":")[0]
    if credentials.startswith("rk_"):
        message = "The provided key does not have the required permissions for this endpoint."
        raise ApiError(403, "invalid_request_error", message, kept=False)
    if not credentials.startswith("sk_"):
        raise ApiError(401, "invalid_request_error", "Invalid API Key provided.", kept=False)


def _metadata(values: Json) -> Json:
    metadata = values.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _order_of(world: World, path: Json, values: Json) -> str:
    """The order that a request is about, "" for none: that of the object it names, of its metadata, of its customer."""
    subject = next(filter(None, (_owner(world, id_) for id_ in (path.get("id"), *map(values.get, SUBJECTS)))), "")
    stated = _metadata(values).get("order_id") or values.get("transfer_group")
    return subject or str(stated or _owner(world, values.get("customer")))


def _owner(world: World, id_: object) -> str:
    record = world.store.find(id_) if isinstance(id_, str) and id_ else None
    return record.order_id if record else ""


def _expand(world: World, body: Json, path: list[str]) -> None:
    name, rest = path[0], path[1:]
    if isinstance(body.get("data"), list) and name == "data":
        for item in body["data"]:
            _expand(world, item, rest)
        return
    if name not in EXPANDABLE:
        raise ApiError(400, "invalid_request_error", f"This property cannot be expanded ({name}).", kept=False)
    if isinstance(body.get(name), str) and (record := world.store.find(body[name])):
        body[name] = copy.deepcopy(record.data)
    if rest and isinstance(body.get(name), dict):
        _expand(world, body[name], rest)


def _refusing(fault: Fault) -> Callable[[Call], Json]:
    def refuse(_: Call) -> Json:
        raise _refusal(fault)

    return refuse


def _refusal(fault: Fault) -> ApiError:
    match fault.kind:
        case FaultKind.CONFLICT:
            return ApiError(409, "invalid_request_error", "Please retry later.", kept=False, code="lock_timeout")
        case FaultKind.RATE_LIMITED:
            error = ApiError(429, "invalid_request_error", "Too many requests.", kept=False, code="rate_limit")
            error.headers["Retry-After"] = str(fault.retry_after)
            return error
        case FaultKind.BALANCE_INSUFFICIENT:
            return balance.balance_insufficient()
        case FaultKind.STORED_ERROR:
            return ApiError(500, "api_error", "Sorry! There was an error while talking to one of our backends.")
        case _:
            return ApiError(503, "api_error", "The service is temporarily unavailable.", kept=False)


async def _cut(request: Request, hang_seconds: float) -> Response:
    """Close the connection without an answer, after `hang_seconds` or when the caller gives up."""
    with suppress(TimeoutError):
        await asyncio.wait_for(_gone(request), hang_seconds)
    request.scope["state"]["connection"].abort()
    await _gone(request)
    return Response(status_code=499)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
