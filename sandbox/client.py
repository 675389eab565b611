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
        """Every effect that moved or held money, oldest first: at, kind, object, amount, fee, currency, key,
        order_id.
        """
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
        delay_seconds: float = 0.0,
    ) -> None:
        """Plan a fault (`sandbox.faults.FaultKind`) for the next call, `times` calls, or all calls before `until`."""
        plan: Json = {"fault": kind, "order_id": order_id, "operation": operation, "hang_seconds": hang_seconds}
        plan |= {"retry_after": retry_after, "delay_seconds": delay_seconds}
        if times is not None:
            plan["times"] = times
        if until is not None:
            plan["until"] = until.isoformat()
        self._call("POST", "faults", json=plan)

    def clear_faults(self, order_id: str | None = None) -> None:
        """Drop all planned faults, or those of one order."""
        self._call("DELETE", "faults", params={} if order_id is None else {"order_id": order_id})

    def plan(self, seed: int, rate: float, **narrowed: Any) -> None:
        """Strike a share of the calls by chance from now on.

        `narrowed` by faults, operations, order_prefix, outage_seconds and delay_seconds, see `sandbox.plan.Plan.adopt`.
        """
        self._call("POST", "plan", json={"seed": seed, "rate": rate, **narrowed})

    def clear_plan(self) -> None:
        """Strike no more by chance."""
        self._call("DELETE", "plan")

    def struck(self, order_id: str | None = None) -> list[Json]:
        """Every fault that struck, by plan or by lever: number, at, fault, order_id, operation, key."""
        params = {} if order_id is None else {"order_id": order_id}
        return cast("list[Json]", self._call("GET", "struck", params=params)["struck"])

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

    def end_hold(self, payment_intent: str) -> Json:
        """Be the card's issuer who takes a hold back; answers the intent."""
        return self._call("POST", "holds/end", json={"payment_intent": payment_intent})

    def process(self, payment_intent: str, *, busy: bool) -> Json:
        """Have the provider be busy with a hold, or done with it; answers the intent."""
        return self._call("POST", "holds/processing", json={"payment_intent": payment_intent, "busy": busy})

    def account(self, account: str, state: str = "active", *, order_id: str = "") -> Json:
        """Make a seller's account, or put it into another state (`sandbox.payments.accounts.AccountState`)."""
        return self._call("POST", "accounts", json={"account": account, "state": state, "order_id": order_id})

    def top_up(self, amount: int, currency: str) -> Json:
        """Put money of the platform's own into its balance; answers the balance."""
        return self._call("POST", "top-ups", json={"amount": amount, "currency": currency})

    def pay_out(self, account: str, amount: int, currency: str, *, failure: str = "", order_id: str = "") -> Json:
        """Pay out from a seller's account to their bank, which sends it back when `failure` names a code for that."""
        payout = {"account": account, "amount": amount, "currency": currency, "failure": failure, "order_id": order_id}
        return self._call("POST", "payouts", json=payout)

    def settle_refund(self, refund: str, status: str) -> Json:
        """End a refund as ``succeeded``, ``failed`` or, while it is pending, ``canceled``."""
        return self._call("POST", "refunds", json={"refund": refund, "status": status})

    def dispute(
        self,
        payment_intent: str,
        *,
        amount: int | None = None,
        fee: int | None = None,
        reason: str = "fraudulent",
        inquiry: bool = False,
    ) -> Json:
        """Be the buyer's bank: dispute a captured payment, whole by default; answers the dispute."""
        dispute: Json = {"payment_intent": payment_intent, "reason": reason, "inquiry": inquiry}
        dispute |= {name: value for name, value in (("amount", amount), ("fee", fee)) if value is not None}
        return self._call("POST", "disputes", json=dispute)

    def escalate_dispute(self, dispute: str) -> Json:
        """Make a chargeback of an inquiry."""
        return self._call("POST", "disputes/escalate", json={"dispute": dispute})

    def close_dispute(self, dispute: str, status: str, *, fee_returned: int = 0) -> Json:
        """End a dispute as ``won``, ``lost`` or, for an inquiry, ``warning_closed``."""
        return self._call(
            "POST", "disputes/close", json={"dispute": dispute, "status": status, "fee_returned": fee_returned}
        )

    def open_review(self, payment_intent: str) -> Json:
        """Put a payment under review by the provider's staff."""
        return self._call("POST", "reviews", json={"payment_intent": payment_intent})

    def close_review(self, review: str, reason: str = "approved") -> Json:
        """End a review."""
        return self._call("POST", "reviews/close", json={"review": review, "reason": reason})

    def carrier_faults(self, api: str) -> None:
        """Have the carrier's API misbehave (`sandbox.carrier.ApiFault`) until it is told otherwise."""
        self._call("POST", "carrier/faults", json={"api": api})

    def webhooks(self, order_id: str = "", **manner: Any) -> None:
        """Deliver the events of an order, or of all, in a `sandbox.payments.delivery.Manner` from now on."""
        self._call("POST", "webhooks", json={"order_id": order_id, **manner})

    def deliveries(self, order_id: str | None = None) -> list[Json]:
        """Every post and loss that was not in the good manner: number, at, how, event, event_at, event_number,
        status.
        """
        params = {} if order_id is None else {"order_id": order_id}
        return cast("list[Json]", self._call("GET", "webhooks", params=params)["deliveries"])

    def good_webhooks(self, order_id: str | None = None) -> None:
        """Deliver at once and once again."""
        self._call("DELETE", "webhooks", params={} if order_id is None else {"order_id": order_id})

    def deliver(self, order_id: str = "", *, again: bool = False) -> list[Json]:
        """Post the events that were kept back, or all `again`; answers event, type and status of each post."""
        answer = self._call("POST", "webhooks/deliver", json={"order_id": order_id, "again": again})
        return cast("list[Json]", answer["posts"])

    def _call(self, method: str, lever: str, **arguments: Any) -> Json:
        response = self._session.request(method, f"{self.url}/sandbox/{lever}", timeout=TIMEOUT, **arguments)
        response.raise_for_status()
        return cast("Json", response.json())
