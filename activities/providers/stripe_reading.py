"""What Stripe tells and what it can be asked: events, objects, its book; nothing here moves money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

import stripe

from activities.providers.port import (
    AccountStanding,
    DisputeReport,
    Hold,
    HoldState,
    Movement,
    News,
    NoSuchObject,
    PayoutReport,
    RefundReport,
    ReviewReport,
)
from activities.providers.session import session_for
from activities.providers.stripe_book import EXPAND, movement
from activities.providers.stripe_errors import found, translated
from activities.providers.stripe_news import KINDS, read_event, read_webhook
from activities.providers.stripe_reports import (
    STATES,
    WHOLE,
    WHOLE_IN_A_LIST,
    account_standing,
    dispute_report,
    own_id,
    payout_report,
    read_hold,
    refund_report,
    review_report,
)
from domain.errors import AccountRestricted
from domain.parcels.tracking import InvalidWebhook

Thing = TypeVar("Thing", bound=stripe.StripeObject)

PAGE = 100
"""Objects per request of a list; the most that Stripe gives."""


def every(listed: stripe.ListObject[Thing] | stripe.SearchResultObject[Thing]) -> Iterator[Thing]:
    """All objects of a list, page by page; raises LookupError for one that begins again instead of ending."""
    first = ""
    for thing in listed.auto_paging_iter():
        name = own_id(thing)
        if name == first:
            raise LookupError("the provider's list begins again")
        first = first or name
        yield thing


class StripeReader:
    """The reading half of the `PaymentProvider`.

    `timeout` in seconds bounds connecting and each wait for bytes. The SDK never retries by itself: whoever calls knows
    best when. `webhook_secrets` are those of the endpoints, `webhook_tolerance` is the oldest age in seconds of a
    webhook's signature.
    """

    def __init__(
        self,
        secret_key: str,
        *,
        url: str = stripe.DEFAULT_API_BASE,
        timeout: float = 8.0,
        webhook_secrets: Sequence[str] = (),
        webhook_tolerance: int = stripe.Webhook.DEFAULT_TOLERANCE,
    ) -> None:
        self._live = "_live_" in secret_key
        self._secrets = tuple(secret for each in webhook_secrets if (secret := each.strip()))
        self._tolerance = webhook_tolerance
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": url},
            http_client=stripe.RequestsClient(timeout=timeout, session=session_for(url)),
            max_network_retries=0,
        )
        self._api = self._client.v1

    def hold(self, ref: str) -> Hold:
        """Read a payment intent and, from its latest charge, until when it can be captured."""
        with translated():
            return read_hold(self._api.payment_intents.retrieve(ref, {"expand": [*WHOLE]}))

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> News | None:
        """See `PaymentProvider.parse_webhook`. The signature stands in the header ``Stripe-Signature``."""
        return read_webhook(body, headers, secrets=self._secrets, tolerance=self._tolerance, live=self._live)

    def events(self, since: datetime, *, accounts: Sequence[str] = ()) -> Iterator[News]:
        """See `PaymentProvider.events`. Stripe keeps events for thirty days."""
        yield from self._events(since, "")
        for account in accounts:
            with suppress(AccountRestricted):
                yield from self._events(since, account)

    def dispute(self, ref: str) -> DisputeReport:
        """See `PaymentProvider.dispute`."""
        with found():
            return dispute_report(self._api.disputes.retrieve(ref, {"expand": ["payment_intent"]}))

    def refund_report(self, ref: str) -> RefundReport:
        """See `PaymentProvider.refund_report`."""
        with found():
            return refund_report(self._api.refunds.retrieve(ref, {"expand": ["payment_intent"]}))

    def account(self, ref: str) -> AccountStanding:
        """See `PaymentProvider.account`. Stripe refuses to speak of an account that is not connected any more."""
        try:
            with found():
                return account_standing(self._api.accounts.retrieve(ref))
        except (AccountRestricted, NoSuchObject):
            return AccountStanding.CLOSED

    def payout(self, ref: str, *, account: str) -> PayoutReport:
        """See `PaymentProvider.payout`. Those of an account that is not connected any more are not shown."""
        try:
            with found():
                return payout_report(self._api.payouts.retrieve(ref, {}, {"stripe_account": account}), account)
        except AccountRestricted as error:
            raise NoSuchObject("the account of the payout is not connected", code=error.code) from error

    def review(self, ref: str) -> ReviewReport:
        """See `PaymentProvider.review`."""
        with found():
            return review_report(self._api.reviews.retrieve(ref, {"expand": ["payment_intent"]}))

    def movements(self, since: datetime, until: datetime) -> Iterator[Movement]:
        """See `PaymentProvider.movements`; in whole seconds, so that windows side by side meet exactly."""
        window = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
        asked: dict[str, Any] = {"created": window, "limit": PAGE, "expand": EXPAND}
        more = True
        while more:
            with translated():
                answer: Any = self._client.raw_request("get", "/v1/balance_transactions", **asked).data
                rows, more = answer["data"], answer["has_more"]
                page = [movement(row) for row in rows]
                if more and asked.get("starting_after") == rows[-1]["id"]:
                    raise LookupError("the provider's list goes on with the same page")
                asked["starting_after"] = rows[-1]["id"] if rows else ""
            yield from (moved for moved in page if moved is not None)

    def holds(self, since: datetime, until: datetime) -> Iterator[Hold]:
        """See `PaymentProvider.holds`. Searched for, so that they may be a minute behind: a list is of all intents."""
        first, last = int(since.timestamp()), int(until.timestamp())
        query = f"status:'requires_capture' AND created>={first} AND created<{last}"
        with translated():
            intents = self._api.payment_intents.search({"query": query, "limit": PAGE, "expand": [*WHOLE_IN_A_LIST]})
            for intent in every(intents):
                if STATES.get(intent.status) is HoldState.OPEN:
                    yield read_hold(intent)

    def _events(self, since: datetime, account: str) -> Iterator[News]:
        with translated():
            listed = self._api.events.list(
                {"types": list(KINDS), "created": {"gte": int(since.timestamp())}, "limit": PAGE},
                {"stripe_account": account} if account else {},
            )
            for event in every(listed):
                if news := _news(event):
                    yield news


def _news(event: stripe.Event) -> News | None:
    try:
        return read_event(event.to_dict())
    except InvalidWebhook:
        # A list is not turned away for one event that cannot be read: what it was about is found by reconciling.
        return None
