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
    POST   /sandbox/disputes         {"charge", "amount"?, "reason"?, "fee"?}: the buyer's bank takes money back; or
                                     {"dispute", "status": "won" | "lost", "fee_returned"?}: it decides
    POST   /sandbox/lapse            {"payment_intent", "by": "issuer" | "time"}: the hold is gone
    POST   /sandbox/capture          {"payment_intent", "amount"?}: somebody else takes the money
    POST   /sandbox/reviews          {"payment_intent", "state": "open" | "closed"}: the provider's fraud review
    POST   /sandbox/payouts          {"account", "amount", "currency"}: a payout to the seller's bank fails

Amounts are whole numbers of minor units, instants ISO 8601 with an offset.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.faults import FaultKind
from sandbox.payments import cards, disputes, intents, methods, news, refunds, transfers
from sandbox.payments.api import PaymentApi
from sandbox.payments.call import Call
from sandbox.payments.wire import ApiError, Params, malformed
from sandbox.store import Json
from sandbox.wanted import choice, instant, number, read, required, text


class Settled(StrEnum):
    """How a refund can end."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Lapse(StrEnum):
    """Who lets a hold go."""

    ISSUER = "issuer"
    TIME = "time"


class ReviewState(StrEnum):
    """Whether the provider's review of a payment has begun or ended."""

    OPEN = "open"
    CLOSED = "closed"


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
            ("POST", "/sandbox/disputes", self._dispute),
            ("POST", "/sandbox/lapse", self._lapse),
            ("POST", "/sandbox/capture", self._capture),
            ("POST", "/sandbox/reviews", self._review),
            ("POST", "/sandbox/payouts", self._fail_payout),
        ]
        return [Route(path, self._handling(lever), methods=[method]) for method, path, lever in table]

    def _handling(self, lever: Callable[[Json], Json]) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                answer = lever(await read(request))
            except ApiError as error:
                return JSONResponse(error.body, error.status)
            self._world.store.commit()
            return JSONResponse(answer)

        return handle

    def _read_book(self, wanted: Json) -> Json:
        order_id = text(wanted, "order_id") or None
        for order in [order_id] if order_id else {i.order_id for i in self._world.store.all("payment_intent")}:
            self._api.lapse(order)
        return {"effects": self._world.book.read(order_id)}

    def _plan_fault(self, wanted: Json) -> Json:
        id_ = self._world.faults.plan(
            choice(wanted, "fault", FaultKind),
            order_id=text(wanted, "order_id"),
            operation=text(wanted, "operation"),
            times=number(wanted, "times", int, None),
            until=instant(wanted, "until") if "until" in wanted else None,
            hang_seconds=number(wanted, "hang_seconds", float, 0.0) or 0.0,
            retry_after=number(wanted, "retry_after", int, 1) or 0,
        )
        return {"fault": id_}

    def _clear_faults(self, wanted: Json) -> Json:
        self._world.faults.clear(text(wanted, "order_id") or None)
        return {}

    def _move_clock(self, wanted: Json) -> Json:
        order_id = required(wanted, "order_id")
        now = self._world.move_clock(order_id, instant(wanted, "now"))
        return {"order_id": order_id, "now": now.isoformat()}

    def _preauthorise(self, wanted: Json) -> Json:
        order_id = required(wanted, "order_id")
        amount = number(wanted, "amount", int, None)
        if amount is None:
            raise malformed("Missing: amount", param="amount")
        customer = text(wanted, "customer") or methods.create_customer(self._call(order_id, {}))["id"]
        form = {
            "amount": str(amount),
            "currency": required(wanted, "currency").lower(),
            "customer": customer,
            "capture_method": "manual",
            "setup_future_usage": "off_session",
            "metadata": {"order_id": order_id},
        }
        intent = intents.create(self._call(order_id, form))
        if "capture_before" in wanted:
            record = self._call(order_id, {}).need("payment_intent", intent["id"], "payment_intent")
            record.private["capture_before"] = int(instant(wanted, "capture_before").timestamp())
            self._world.store.put(record)
        confirmation = {"payment_method": text(wanted, "payment_method") or "pm_card_visa"}
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
        return self._on_intent(intents.pass_authentication, required(wanted, "payment_intent"), {})

    def _settle_refund(self, wanted: Json) -> Json:
        status = choice(wanted, "status", Settled)
        refund = self._call("", {}).need("refund", required(wanted, "refund"), "refund")
        call = self._call(refund.order_id, {})
        refunds.settle(call, refund, status)
        self._api.tell(call)
        return refund.data

    def _put_account(self, wanted: Json) -> Json:
        call = self._call("", {})
        account = transfers.put_account(
            call, required(wanted, "account"), choice(wanted, "state", transfers.AccountState)
        )
        self._api.tell(call)
        return account

    def _dispute(self, wanted: Json) -> Json:
        if "dispute" in wanted:
            record = self._call("", {}).need("dispute", required(wanted, "dispute"), "dispute")
            call = self._call(record.order_id, {})
            verdict = choice(wanted, "status", disputes.Verdict)
            told = disputes.decide(call, record, verdict, number(wanted, "fee_returned", int, 0))
        else:
            charge = self._call("", {}).need("charge", required(wanted, "charge"), "charge")
            call = self._call(charge.order_id, {})
            amount, fee = number(wanted, "amount", int, None), number(wanted, "fee", int, disputes.FEE)
            told = disputes.open_dispute(call, charge.id, amount, text(wanted, "reason") or "fraudulent", fee)
        self._api.tell(call)
        return told

    def _lapse(self, wanted: Json) -> Json:
        reason = "automatic" if choice(wanted, "by", Lapse) is Lapse.TIME else None
        return self._on_intent(partial(cards.lose, reason=reason), required(wanted, "payment_intent"), {})

    def _capture(self, wanted: Json) -> Json:
        form = {"amount_to_capture": str(wanted["amount"])} if "amount" in wanted else {}
        return self._on_intent(intents.capture, required(wanted, "payment_intent"), form)

    def _review(self, wanted: Json) -> Json:
        is_open = choice(wanted, "state", ReviewState) is ReviewState.OPEN
        intent = required(wanted, "payment_intent")
        return self._on_intent(lambda call: news.review(call, intent, is_open=is_open), intent, {})

    def _fail_payout(self, wanted: Json) -> Json:
        call = self._call("", {})
        amount = number(wanted, "amount", int, 0)
        payout = news.fail_payout(call, required(wanted, "account"), amount, required(wanted, "currency").lower())
        self._api.tell(call)
        return payout

    def _on_intent(self, deed: Callable[[Call], Json], intent: str, form: Json) -> Json:
        record = self._world.store.get("payment_intent", intent)
        call = self._call(record.order_id if record else "", form, intent)
        try:
            return deed(call)
        finally:
            self._api.tell(call)

    def _call(self, order_id: str, form: Json, id_: str = "") -> Call:
        return Call(self._world, Params(form), {"id": id_}, order_id)
