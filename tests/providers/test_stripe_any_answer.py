"""Whatever the provider answers, the adapter gives what its port promises or raises one of the port's errors.

An answer is made of the fields that we read, each right or of any kind that JSON has, under any status.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
import stripe
from hypothesis import HealthCheck, example, given, settings, strategies as st

from activities.providers.stripe import StripePayments
from activities.providers.stripe_errors import translate
from domain.checkout import REFERENCE
from domain.currencies import EXPONENTS
from domain.errors import ProviderError, Unknown
from domain.money import INTERNAL, Money, Verb

PRICE = Money(4990, "EUR")
SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
MOST_OBJECTS = 50
"""So many of an endless list are read."""

CALLS: dict[str, Callable[[StripePayments], object]] = {
    "authorise": lambda p: p.authorise(order_id="o-1", method="pm_1", customer="cus_1", amount=PRICE, key="k"),
    "reauthorise": lambda p: p.reauthorise(order_id="o-1", old="pi_1", amount=PRICE, key="k"),
    "capture": lambda p: p.capture(hold="pi_1", amount=PRICE, key="k"),
    "void": lambda p: p.void(hold="pi_1", key="k"),
    "release": lambda p: p.release(order_id="o-1", charge="ch_1", account="acct_1", amount=PRICE, key="k"),
    "reverse_release": lambda p: p.reverse_release(release="tr_1", amount=PRICE, key="k"),
    "refund": lambda p: p.refund(charge="ch_1", amount=PRICE, key="k"),
    **{
        f"lookup {verb}": lambda p, verb=verb: p.lookup(verb, order_id="o-1", subject="x_1", key="k")  # type: ignore[misc]
        for verb in sorted(set(Verb) - INTERNAL)
    },
    "search": lambda p: p.lookup(Verb.AUTHORISE, order_id="o-1", subject="", key="k"),
    "hold": lambda p: p.hold("pi_1"),
    "dispute": lambda p: p.dispute("du_1"),
    "refund_report": lambda p: p.refund_report("re_1"),
    "account": lambda p: p.account("acct_1"),
    "payout": lambda p: p.payout("po_1", account="acct_1"),
    "review": lambda p: p.review("prv_1"),
    "events": lambda p: some(p.events(SINCE, accounts=("acct_1",))),
    "movements": lambda p: some(p.movements(SINCE, UNTIL)),
    "holds": lambda p: some(p.holds(SINCE, UNTIL)),
}


def some(things: Iterator[object]) -> tuple[object, ...]:
    return tuple(thing for thing, _ in zip(things, range(MOST_OBJECTS), strict=False))


class Canned(stripe.HTTPClient):
    """A provider that says one thing to everything."""

    name = "canned"
    said: tuple[str, int, Mapping[str, str]] = ("{}", 200, {})

    def request(self, *_: object, **__: object) -> tuple[str, int, Mapping[str, str]]:
        return self.said

    def close(self) -> None:
        """Nothing is open."""


CANNED = Canned()
with mock.patch("stripe.RequestsClient", return_value=CANNED):
    PAYMENTS = StripePayments("sk_test_1")


@contextmanager
def saying(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Iterator[None]:
    CANNED.said = (body if isinstance(body, str) else json.dumps(body), status, headers or {})
    yield


def asked(call: str) -> object:
    """What the call gives; None for an error of the port's. Anything else that is raised goes through."""
    try:
        return CALLS[call](PAYMENTS)
    except ProviderError:
        return None


def sound(thing: object) -> None:
    """Nothing in what is given can hurt who goes on with it."""
    if isinstance(thing, Money):
        assert type(thing.minor) is int
        assert thing.currency in EXPONENTS
        assert str(thing)
    elif isinstance(thing, datetime):
        assert 1970 <= thing.year < 2243
    elif isinstance(thing, tuple):
        for each in thing:
            sound(each)
    elif is_dataclass(thing):
        for field in fields(thing):
            value = getattr(thing, field.name)
            if field.name in ("ref", "event_id", "subject"):
                assert REFERENCE.fullmatch(value), value
            sound(value)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([1e20, 1e300, -1e15, 10**20, -(10**15), 2**33, 2**63, "", "y", "\0", "x" * 300])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = ("payment_intent", "charge", "refund", "transfer", "transfer_reversal", "dispute", "balance_transaction")
WORDS: dict[str, tuple[object, ...]] = {
    "id": ("pi_1", "ch_1"),
    "object": (*OBJECTS, "event", "account", "list", "search_result"),
    "amount": (4990, -4990, 0),
    "amount_received": (4990,),
    "amount_captured": (4990,),
    "fee": (1500,),
    "currency": ("eur", "EUR", "zzz", "isk", "mga"),
    "status": ("requires_capture", "succeeded", "canceled", "failed", "requires_payment_method", "won", "lost"),
    "capture_before": (1_772_500_000,),
    "created": (1_772_400_000,),
    "setup_future_usage": ("off_session",),
    "customer": ("cus_1",),
    "payment_method": ("pm_1",),
    "payment_intent": ("pi_1",),
    "charge": ("ch_1",),
    "source": ("ch_1",),
    "reason": ("fraudulent",),
    "reporting_category": ("charge", "refund", "transfer", "dispute"),
    "type": ("charge.dispute.created", "account.updated", "card_error", "invalid_request_error", "idempotency_error"),
    "code": ("resource_missing", "card_declined", "payment_intent_unexpected_state", "lock_timeout"),
    "decline_code": ("insufficient_funds",),
    "param": ("amount", "destination"),
    "has_more": (True, False),
    "open": (True,),
    "reversed": (True,),
    "payouts_enabled": (True,),
    "failure_code": ("account_closed",),
    "failure_reason": ("lost_or_stolen_card",),
    "livemode": (False,),
}
HOLDS = ("latest_charge", "payment_method_details", "card", "metadata", "error", "requirements", "capabilities")
FULL = ("data", "balance_transactions")


def answers(depth: int) -> st.SearchStrategy[object]:
    """An object as the provider might write it, with any of it gone wrong."""
    within = answers(depth - 1) if depth else ANY
    known: dict[str, st.SearchStrategy[Any]] = {name: st.sampled_from(right) for name, right in WORDS.items()}
    known |= dict.fromkeys(HOLDS, within) | {"source": within | known["source"]}
    known |= {name: st.lists(within, max_size=2) | within for name in FULL}
    mixed = {name: st.one_of(right, right, right, ANY) for name, right in known.items()}
    least = {"id": mixed["id"], "object": mixed["object"], "amount": mixed["amount"], "currency": mixed["currency"]}
    return st.fixed_dictionaries(least, optional={name: each for name, each in mixed.items() if name not in least})


STATUSES = st.sampled_from([200, 200, 200, 400, 401, 402, 403, 404, 409, 429, 500, 302])
SAID = st.one_of(answers(3).map(json.dumps), answers(3).map(json.dumps), ANY.map(json.dumps), st.text(max_size=20))


@settings(max_examples=500, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(CALLS)), SAID, STATUSES, st.sampled_from(["", "5", "9" * 400, "soon", "-1"]))
def test_whatever_comes_back_is_understood_or_one_of_our_errors(
    call: str, body: str, status: int, retry_after: str
) -> None:
    with saying(body, status, {"Retry-After": retry_after, "Request-Id": "req_1"}):
        sound(asked(call))


INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 4990,
    "currency": "eur",
    "status": "requires_capture",
    "customer": "cus_1",
    "payment_method": "pm_1",
    "setup_future_usage": "off_session",
    "metadata": {"order_id": "o-1", "key": "k"},
    "latest_charge": {"id": "ch_1", "object": "charge", "payment_method_details": {"card": {"capture_before": 1}}},
}


def until(end: object) -> dict[str, Any]:
    charge = {"id": "ch_1", "object": "charge", "payment_method_details": {"card": {"capture_before": end}}}
    return INTENT | {"latest_charge": charge}


@pytest.mark.parametrize("call", ["authorise", "reauthorise", "hold"])
@pytest.mark.parametrize("end", [1e20, 1e300, -1e15, -1, 10**12, True, "soon", [1], float("nan"), float("inf")])
def test_a_last_moment_that_is_none_is_an_answer_that_cannot_be_read(call: str, end: object) -> None:
    with saying(until(end)), pytest.raises(Unknown) as caught:
        CALLS[call](PAYMENTS)
    assert caught.value.code == "unreadable_answer"


@pytest.mark.parametrize("call", ["authorise", "hold", "lookup authorise"])
@pytest.mark.parametrize(
    "wrong", [{"amount": 1.5}, {"amount": True}, {"amount": "4990"}, {"currency": "zzz"}, {"currency": 7}, {"id": 7}]
)
def test_a_hold_without_a_whole_amount_or_an_id_is_none(call: str, wrong: dict[str, object]) -> None:
    intent = until(1_772_500_000) | wrong
    listed = {"object": "list", "data": [intent], "has_more": False, "url": "/v1/payment_intents"}
    with saying(listed if call.startswith("lookup") else intent), pytest.raises(Unknown):
        CALLS[call](PAYMENTS)


LISTS = ("lookup authorise", "lookup refund", "lookup release", "lookup reverse_release", "events", "movements")
OTHER = until(1_772_500_000) | {"metadata": {"key": "another"}}


@pytest.mark.parametrize("call", LISTS)
@pytest.mark.parametrize("data", [[], [OTHER]], ids=["nothing", "the same"])
def test_a_list_that_never_ends_is_an_answer_that_cannot_be_read(call: str, data: list[object]) -> None:
    listed = {"object": "list", "data": data, "has_more": True, "url": "/v1/things"}
    with saying(listed), pytest.raises(Unknown):
        CALLS[call](PAYMENTS)


@pytest.mark.parametrize("kind", [stripe.InvalidRequestError, stripe.CardError])
@given(ANY, ANY, ANY)
@example(["y"], "", "")
@example("", ["y"], {"a": 1})
def test_an_error_with_any_words_is_one_of_ours_and_quotes_none_of_them(
    kind: Any, param: object, code: object, decline: object
) -> None:
    body = {"error": {"param": param, "code": code, "decline_code": decline}}
    ours = translate(kind("Ms Roe's card", param, code, http_status=400, json_body=body))
    assert isinstance(ours, ProviderError)
    assert "Roe" not in str(ours)
    assert isinstance(ours.code, str)
    assert not ours.code or ours.code.replace("_", "a").isalnum()
