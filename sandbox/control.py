"""The levers under /sandbox/, for tests, the demo and people: what no real provider offers.

    GET    /sandbox/book?order_id=     every effect that moved or held money
    GET    /sandbox/struck?order_id=   every fault that struck a call
    POST   /sandbox/faults             {"fault", "order_id"?, "operation"?, "times"?, "until"?,
                                        "hang_seconds"?, "retry_after"?, "delay_seconds"?}
    DELETE /sandbox/faults?order_id=   drops the planned faults
    POST   /sandbox/plan               {"seed", "rate", "faults"?, "operations"?, "order_prefix"?,
                                        "outage_seconds"?, "delay_seconds"?}: faults by chance, from a seed
    DELETE /sandbox/plan               ends it
    POST   /sandbox/clocks             {"order_id", "now"}
    POST   /sandbox/preauthorise       {"order_id", "amount", "currency", "payment_method"?, "customer"?,
                                        "capture_before"?}: what a storefront does at checkout
    POST   /sandbox/authenticate       {"payment_intent"}: the buyer passes the bank's page
    POST   /sandbox/holds/end          {"payment_intent"}: the card's issuer takes the hold back
    POST   /sandbox/holds/processing   {"payment_intent", "busy"}: the provider is busy with a hold, or done with it
    POST   /sandbox/refunds            {"refund", "status": "succeeded" | "failed" | "canceled"}
    POST   /sandbox/disputes           {"payment_intent" | "charge", "amount"?, "fee"?, "reason"?, "inquiry"?}
    POST   /sandbox/disputes/escalate  {"dispute"}: an inquiry becomes a chargeback
    POST   /sandbox/disputes/close     {"dispute", "status": "won" | "lost" | "warning_closed", "fee_returned"?}
    POST   /sandbox/reviews            {"payment_intent"}
    POST   /sandbox/reviews/close      {"review", "reason"?}
    POST   /sandbox/accounts           {"account", "state": "active" | "legacy" | "restricted" | "payouts_off" |
                                        "rejected" | "closed", "order_id"?}
    POST   /sandbox/payouts            {"account", "amount", "currency", "failure"?, "order_id"?}
    POST   /sandbox/top-ups            {"amount", "currency"}: the platform puts money of its own into its balance
    GET    /sandbox/webhooks?order_id= every post and loss of an event that a lever had delivered badly
    POST   /sandbox/webhooks           {"order_id"?, "copies"?, "hold"?, "shuffle"?, "drop"?, "forge"?,
                                        "forgeries"?, "signed_ago"?, "strangers"?}: how events are delivered from now on
    DELETE /sandbox/webhooks?order_id= at once and once again
    POST   /sandbox/webhooks/deliver   {"order_id"?, "again"?}: posts what was kept back, or everything again

Amounts are whole numbers of minor units, instants ISO 8601 with an offset. An `order_id` where the object has none
says whose clock its events bear.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.levers import chance, people, post
from sandbox.payments.api import PaymentApi
from sandbox.payments.wire import ApiError, malformed
from sandbox.store import Json

Lever = Callable[[PaymentApi, Json], Json | Awaitable[Json]]
LEVERS: tuple[tuple[str, str, Lever], ...] = (
    ("GET", "/sandbox/book", chance.read_book),
    ("GET", "/sandbox/struck", chance.read_struck),
    ("POST", "/sandbox/faults", chance.plan_fault),
    ("DELETE", "/sandbox/faults", chance.clear_faults),
    ("POST", "/sandbox/plan", chance.adopt_plan),
    ("DELETE", "/sandbox/plan", chance.drop_plan),
    ("POST", "/sandbox/clocks", chance.move_clock),
    ("POST", "/sandbox/preauthorise", people.preauthorise),
    ("POST", "/sandbox/top-ups", people.top_up),
    ("POST", "/sandbox/authenticate", people.authenticate),
    ("POST", "/sandbox/holds/end", people.end_hold),
    ("POST", "/sandbox/holds/processing", people.process),
    ("POST", "/sandbox/refunds", people.settle_refund),
    ("POST", "/sandbox/disputes", people.open_dispute),
    ("POST", "/sandbox/disputes/escalate", people.escalate_dispute),
    ("POST", "/sandbox/disputes/close", people.close_dispute),
    ("POST", "/sandbox/reviews", people.open_review),
    ("POST", "/sandbox/reviews/close", people.close_review),
    ("POST", "/sandbox/accounts", people.put_account),
    ("POST", "/sandbox/payouts", people.pay_out),
    ("GET", "/sandbox/webhooks", post.read_done),
    ("POST", "/sandbox/webhooks", post.plan),
    ("DELETE", "/sandbox/webhooks", post.clear),
    ("POST", "/sandbox/webhooks/deliver", post.deliver),
)


class Control:
    """The levers over one provider."""

    def __init__(self, api: PaymentApi) -> None:
        self._api = api

    def routes(self) -> list[BaseRoute]:
        """One route per lever."""
        return [Route(path, self._handling(lever), methods=[method]) for method, path, lever in LEVERS]

    def _handling(self, lever: Lever) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                moved = lever(self._api, await _read(request))
                answer = await moved if inspect.isawaitable(moved) else moved
            except ApiError as error:
                return JSONResponse(error.body, error.status)
            self._api.world.store.commit()
            return JSONResponse(answer)

        return handle


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
