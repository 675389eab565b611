"""The levers of a running sandbox as a small client, for tests and the demo."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import requests

from sandbox.store import Json

TIMEOUT = 30.0  # seconds


class SandboxClient:
    """Moves the levers of the sandbox at `url`. Amounts are minor units; every refusal is a ``requests.HTTPError``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def book(self, order_id: str | None = None) -> list[Json]:
        """Every effect that moved or held money, oldest first: at, kind, object, amount, currency, key, order_id."""
        params = {} if order_id is None else {"order_id": order_id}
        return cast("list[Json]", self._call("GET", "book", params=params)["effects"])

    def fault(
        self,
        kind: str,
        *,
        order_id: str = "",
        operation: str = "",
        times: int | None = None,
        until: datetime | None = None,
        hang_seconds: float = 0.0,
        retry_after: int = 1,
    ) -> None:
        """Plan a fault (`sandbox.faults.FaultKind`) for the next call, `times` calls, or all calls before `until`."""
        plan: Json = {"fault": kind, "order_id": order_id, "operation": operation, "hang_seconds": hang_seconds}
        plan["retry_after"] = retry_after
        if times is not None:
            plan["times"] = times
        if until is not None:
            plan["until"] = until.isoformat()
        self._call("POST", "faults", json=plan)

    def clear_faults(self, order_id: str | None = None) -> None:
        """Drop all planned faults, or those of one order."""
        self._call("DELETE", "faults", params={} if order_id is None else {"order_id": order_id})

    def move_clock(self, order_id: str, now: datetime) -> datetime:
        """Set the clock of an order's objects; answers what it shows."""
        answer = self._call("POST", "clocks", json={"order_id": order_id, "now": now.isoformat()})
        return datetime.fromisoformat(answer["now"])

    def preauthorise(
        self,
        order_id: str,
        amount: int,
        currency: str,
        *,
        payment_method: str = "pm_card_visa",
        capture_before: datetime | None = None,
        customer: str = "",
    ) -> Json:
        """Do what a storefront does at checkout: ``{"payment_intent", "customer", "payment_method", "status"}``."""
        order: Json = {"order_id": order_id, "amount": amount, "currency": currency, "payment_method": payment_method}
        if capture_before is not None:
            order["capture_before"] = capture_before.isoformat()
        if customer:
            order["customer"] = customer
        return self._call("POST", "preauthorise", json=order)

    def authenticate(self, payment_intent: str) -> Json:
        """Be the buyer who passes the bank's page; answers the intent."""
        return self._call("POST", "authenticate", json={"payment_intent": payment_intent})

    def account(self, account: str, state: str = "active") -> Json:
        """Make a seller's account, or put it into another state: active, restricted, closed."""
        return self._call("POST", "accounts", json={"account": account, "state": state})

    def settle_refund(self, refund: str, status: str) -> Json:
        """End a refund as ``succeeded`` or ``failed``."""
        return self._call("POST", "refunds", json={"refund": refund, "status": status})

    def dispute(self, charge: str, *, amount: int | None = None, reason: str = "fraudulent", fee: int = 1500) -> Json:
        """The buyer's bank takes `amount` of a charge back, or all that is left; answers the dispute."""
        wanted: Json = {"charge": charge, "reason": reason, "fee": fee}
        return self._call("POST", "disputes", json=wanted if amount is None else wanted | {"amount": amount})

    def decide(self, dispute: str, status: str, *, fee_returned: int = 0) -> Json:
        """The bank decides a dispute: ``won`` or ``lost`` for the seller."""
        return self._call("POST", "disputes", json={"dispute": dispute, "status": status, "fee_returned": fee_returned})

    def lapse(self, payment_intent: str, by: str = "issuer") -> Json:
        """A hold is cancelled by its ``issuer``, or by ``time``."""
        return self._call("POST", "lapse", json={"payment_intent": payment_intent, "by": by})

    def capture(self, payment_intent: str) -> Json:
        """Somebody else takes the money of a hold; answers the intent."""
        return self._call("POST", "capture", json={"payment_intent": payment_intent})

    def review(self, payment_intent: str, state: str) -> Json:
        """The provider's fraud review of a payment is ``open``, or ``closed``."""
        return self._call("POST", "reviews", json={"payment_intent": payment_intent, "state": state})

    def fail_payout(self, account: str, amount: int, currency: str) -> Json:
        """A payout from a seller's account to the bank fails."""
        return self._call("POST", "payouts", json={"account": account, "amount": amount, "currency": currency})

    def _call(self, method: str, lever: str, **arguments: Any) -> Json:
        response = self._session.request(method, f"{self.url}/sandbox/{lever}", timeout=TIMEOUT, **arguments)
        response.raise_for_status()
        return cast("Json", response.json())
