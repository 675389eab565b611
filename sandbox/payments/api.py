"""The way of a request: key, clock, fault, effect, answer."""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.faults import Fault, FaultKind
from sandbox.payments import accounts, agenda, events, mischief
from sandbox.payments.call import Call
from sandbox.payments.delivery import Delivery
from sandbox.payments.endpoints import ENDPOINTS, Endpoint
from sandbox.payments.idempotency import Keys, fingerprint, in_use
from sandbox.payments.wire import ApiError, Params, parse_form
from sandbox.store import Json, new_id
from sandbox.world import World

SUBJECTS = ("payment_intent", "charge", "source_transaction")
EXPANDABLE = (
    "balance_transaction",
    "charge",
    "customer",
    "destination",
    "latest_charge",
    "mandate",
    "payment_intent",
    "payment_method",
    "review",
    "source",
    "transfer",
)


class PaymentApi:
    """The endpoints over one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.delivery = Delivery(world)
        self._keys = Keys(world)

    def routes(self) -> list[BaseRoute]:
        """One route per endpoint."""
        return [self._route(endpoint) for endpoint in ENDPOINTS]

    def catch_up(self, order_id: str | None = None) -> None:
        """Do what is due by an order's clock, or by everybody's, and tell of it."""
        for order in agenda.orders(self.world) if order_id is None else (order_id,):
            if call := agenda.run(self.world, order):
                self.tell(call)

    def tell(self, call: Call) -> None:
        """Make events of what a call gathered, and post them."""
        self.delivery.send(events.keep(call))

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
        self.catch_up(order_id or None)
        if account:
            accounts.connected(call, account)
        if key in self._keys.running:
            raise in_use(key)
        stated = str(_metadata(values).get("operation", ""))
        fault = self.world.faults.take(order_id, {endpoint.operation, stated}, call.now)
        fault = fault or self.world.plan.draw(order_id, stated or endpoint.operation, call.now)
        if fault is not None:
            self.world.plan.note(fault, order_id, stated or endpoint.operation, key, call.now)
        if key:
            self._keys.running.add(key)
        try:
            return await self._strike(fault, request, endpoint.handler, call, (print_, expand))
        finally:
            self._keys.running.discard(key)

    async def _strike(
        self,
        fault: Fault | None,
        request: Request,
        handler: mischief.Handler,
        call: Call,
        rest: tuple[str, list[str]],
    ) -> Response:
        if fault is None:
            return self._perform(handler, call, *rest)
        if answer := await mischief.instead(fault, request):
            return answer
        if fault.kind is FaultKind.LIE:
            with self.world.store.undone():
                return self._answered(handler, call, *rest)
        response = self._perform(mischief.spoiled(fault, handler), call, *rest)
        if fault.kind is FaultKind.EFFECT_THEN_CUT:
            self.world.store.commit()
            # Whoever asks again while the first caller still hangs gets the kept result, as the effect is done.
            self._keys.running.discard(call.key)
            return await mischief.cut(request, fault.hang_seconds)
        return response

    def _perform(self, handler: mischief.Handler, call: Call, print_: str, expand: list[str]) -> Response:
        response = self._answered(handler, call, print_, expand)
        self.tell(call)
        return response

    def _answered(self, handler: mischief.Handler, call: Call, print_: str, expand: list[str]) -> Response:
        kept = self._keys.kept(call.key, print_, call.now) if call.key else None
        if kept is not None:
            return JSONResponse(kept[1], kept[0], {"Idempotent-Replayed": "true"})
        status, body, keep = 200, {}, True
        try:
            body = _copied(handler(call))
            for path in expand:
                _expand(self.world, body, path.split("."))
        except ApiError as error:
            status, body, keep = error.status, error.body, error.kept
        if call.key and keep:
            self._keys.keep(call.key, print_, call.now, status, body)
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


def _copied(body: Json) -> Json:
    """The answer, apart from the objects in it, so that members of it can be expanded."""
    copied = dict(body)
    if isinstance(body.get("data"), list):
        copied["data"] = [dict(item) for item in body["data"]]
    return copied


def _expand(world: World, body: Json, path: list[str]) -> None:
    name, rest = path[0], path[1:]
    if isinstance(body.get("data"), list) and name == "data":
        for item in body["data"]:
            _expand(world, item, rest)
        return
    if name not in EXPANDABLE:
        raise ApiError(400, "invalid_request_error", f"This property cannot be expanded ({name}).", kept=False)
    if isinstance(body.get(name), str) and (record := world.store.find(body[name])):
        body[name] = dict(record.data)
    if rest and isinstance(body.get(name), dict):
        _expand(world, body[name], rest)
