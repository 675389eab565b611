"""What a fault does to a call: before its effect, in the place of it, or after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sandbox.faults import Fault, FaultKind
from sandbox.payments import accounts, balance, cards
from sandbox.payments.call import Call
from sandbox.payments.wire import ApiError, card_error
from sandbox.store import Json

Handler = Callable[[Call], Json]
REFUSALS = (
    FaultKind.STORED_ERROR,
    FaultKind.BALANCE_INSUFFICIENT,
    FaultKind.ACCOUNT_CLOSED,
    FaultKind.DECLINED,
    FaultKind.EFFECT_THEN_ERROR,
)
PAGE = "<html><body>Please sign in to the guest network.</body></html>"


async def instead(fault: Fault, request: Request) -> Response | None:
    """The answer to a call that never gets to its handler, None when it does. Raises the provider's refusals."""
    match fault.kind:
        case FaultKind.TIMEOUT:
            return await cut(request, fault.hang_seconds)
        case FaultKind.NONSENSE:
            return HTMLResponse(PAGE)
        case FaultKind.UNAVAILABLE:
            raise ApiError(503, "api_error", "The service is temporarily unavailable.", kept=False)
        case FaultKind.CONFLICT:
            raise ApiError(409, "invalid_request_error", "Please retry later.", kept=False, code="lock_timeout")
        case FaultKind.RATE_LIMITED:
            error = ApiError(429, "invalid_request_error", "Too many requests.", kept=False, code="rate_limit")
            error.headers["Retry-After"] = str(fault.retry_after)
            raise error
        case FaultKind.SLOW:
            await asyncio.sleep(fault.hang_seconds)
            return None
        case _:
            return None


def spoiled(fault: Fault, handler: Handler) -> Handler:
    """The handler as the fault leaves it. What a handler raises is kept under the call's key."""

    def refuse(call: Call) -> Json:
        match fault.kind:
            case FaultKind.STORED_ERROR:
                raise _server_error()
            case FaultKind.BALANCE_INSUFFICIENT:
                raise balance.balance_insufficient()
            case FaultKind.ACCOUNT_CLOSED:
                raise accounts.no_destination(call.params.text("destination"))
            case FaultKind.DECLINED:
                intent = call.world.store.get("payment_intent", call.path.get("id", ""))
                shown = {"payment_intent": dict(intent.data)} if intent else {}
                raise card_error("Your card was declined.", "card_declined", decline_code="generic_decline", **shown)
            case _:
                handler(call)
                raise _server_error()

    def act(call: Call) -> Json:
        match fault.kind:
            case FaultKind.PENDING:
                call.pending = True
            case FaultKind.HOLD_EXPIRED:
                for intent in call.world.store.of_order("payment_intent", call.order_id):
                    cards.lapse(call, intent)
        body = handler(call)
        _plant(fault, call, body)
        return body

    return refuse if fault.kind in REFUSALS else act


async def cut(request: Request, hang_seconds: float) -> Response:
    """Close the connection without an answer, after `hang_seconds` or when the caller gives up."""
    with suppress(TimeoutError):
        await asyncio.wait_for(_gone(request), hang_seconds)
    request.scope["state"]["connection"].abort()
    await _gone(request)
    return Response(status_code=499)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _server_error() -> ApiError:
    return ApiError(500, "api_error", "Sorry! There was an error while talking to one of our backends.")


def _plant(fault: Fault, call: Call, body: Json) -> None:
    """Put on the agenda what follows from the call later."""
    at = call.now + timedelta(seconds=fault.delay_seconds)
    store = call.world.store
    if fault.kind is FaultKind.REFUND_FAILS and (refund := store.get("refund", body["id"])):
        call.later(at, "refund_failed", refund)
    if fault.kind is FaultKind.DISPUTE:
        for charge in store.of_order("charge", call.order_id):
            if charge.data["captured"]:
                call.later(at, "dispute", charge, reason="fraudulent")
