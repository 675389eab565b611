"""The adapter against two worlds that know nothing of each other: our sandbox, and localstripe where that is right."""

from __future__ import annotations

import itertools
import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from activities.providers.port import Effect, HoldState, News, NewsKind
from activities.providers.stripe import StripePayments
from domain.errors import AuthorisationExpired, Declined, ProviderError, Unauthorised, Unknown
from domain.money import Money, Verb
from sandbox.server import serve as serve_sandbox
from tests.providers.peer import peer
from tests.serving import serve

PRICE = Money(4990, "EUR")
KEY = "sk_test_12345"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class World:
    """One of the two: where the adapter asks, and how an endpoint for webhooks is registered; answers the secret."""

    url: str
    register: Callable[[str], str]

    @property
    def payments(self) -> StripePayments:
        return StripePayments(KEY, url=self.url)


@pytest.fixture(scope="module", params=["sandbox", "localstripe"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "sandbox":
        with serve_sandbox() as server:

            def ask(hook: str) -> str:
                form = {"url": hook, "enabled_events[]": "payment_intent.succeeded"}
                answer = requests.post(f"{server.url}/v1/webhook_endpoints", data=form, auth=(KEY, ""), timeout=10)
                return str(answer.json()["secret"])

            yield World(server.url, ask)
    else:
        with peer() as (url, levers):

            def tell(hook: str) -> str:
                lever = {"url": hook, "secret": "whsec_peer", "events": ["payment_intent.succeeded"]}
                requests.post(f"{levers}/_config/webhooks/ours", json=lever, timeout=10).raise_for_status()
                return "whsec_peer"

            yield World(url, tell)


@pytest.fixture
def order() -> str:
    return f"peer-{next(_numbers)}"


def hold_of(world: World, order: str) -> str:
    return world.payments.authorise(
        order_id=order, method="pm_card_visa", customer="", amount=PRICE, key=f"{order}/authorise"
    ).ref


def test_a_payment_method_is_authorised_and_the_hold_bears_its_order(world: World, order: str) -> None:
    hold = world.payments.hold(hold_of(world, order))
    assert (hold.state, hold.amount, hold.order_id) == (HoldState.OPEN, PRICE, order)


def test_a_declined_card_is_declined(world: World, order: str) -> None:
    with pytest.raises(Declined):
        world.payments.authorise(
            order_id=order, method="pm_card_chargeCustomerFail", customer="", amount=PRICE, key=order
        )


def test_a_whole_capture_is_found_by_its_key(world: World, order: str) -> None:
    hold = hold_of(world, order)
    assert world.payments.lookup(Verb.CAPTURE, order_id=order, subject=hold, key=order) is None
    effect = world.payments.capture(hold=hold, amount=PRICE, key=order)
    assert effect.amount == PRICE
    assert world.payments.hold(hold).state is HoldState.CAPTURED
    assert world.payments.lookup(Verb.CAPTURE, order_id=order, subject=hold, key=order) == effect
    assert world.payments.lookup(Verb.CAPTURE, order_id=order, subject=hold, key=f"{order}/other") is None


def test_a_capture_of_a_part_takes_that_part(world: World, order: str) -> None:
    hold, part = hold_of(world, order), Money(3000, "EUR")
    effect = world.payments.capture(hold=hold, amount=part, key=order)
    assert effect.amount == part
    assert world.payments.lookup(Verb.CAPTURE, order_id=order, subject=hold, key=order) == effect


def test_more_than_the_hold_is_not_captured_and_nothing_twice(world: World, order: str) -> None:
    hold = hold_of(world, order)
    _refused(lambda: world.payments.capture(hold=hold, amount=Money(4991, "EUR"), key=f"{order}/1"))
    assert world.payments.hold(hold).state is HoldState.OPEN
    effect = world.payments.capture(hold=hold, amount=PRICE, key=f"{order}/2")
    _refused(lambda: world.payments.capture(hold=hold, amount=Money(1, "EUR"), key=f"{order}/3"))
    assert world.payments.lookup(Verb.CAPTURE, order_id=order, subject=hold, key=f"{order}/2") == Effect(
        effect.ref, PRICE
    )


def test_a_hold_that_is_let_go_cannot_be_captured_and_a_captured_one_not_let_go(world: World, order: str) -> None:
    gone, taken = hold_of(world, order), hold_of(world, f"{order}-b")
    assert world.payments.void(hold=gone, key=f"{order}/1") == Effect(gone, PRICE)
    assert world.payments.hold(gone).state is HoldState.VOIDED
    assert world.payments.lookup(Verb.VOID, order_id=order, subject=gone, key=f"{order}/1") == Effect(gone, PRICE)
    world.payments.capture(hold=taken, amount=PRICE, key=f"{order}/2")
    _refused(lambda: world.payments.void(hold=taken, key=f"{order}/3"))
    assert world.payments.hold(taken).state is HoldState.CAPTURED
    assert world.payments.lookup(Verb.VOID, order_id=order, subject=taken, key=f"{order}/3") is None


def test_refunds_in_parts_are_found_by_their_keys(world: World, order: str) -> None:
    charge = world.payments.capture(hold=hold_of(world, order), amount=PRICE, key=f"{order}/1").ref
    parts = [
        world.payments.refund(charge=charge, amount=Money(amount, "EUR"), key=f"{order}/{amount}")
        for amount in (1990, 1000)
    ]
    assert [(part.amount.minor, part.settled) for part in parts] == [(1990, True), (1000, True)]
    for part in parts:
        found = world.payments.lookup(Verb.REFUND, order_id=order, subject=charge, key=f"{order}/{part.amount.minor}")
        assert found == part
        report = world.payments.refund_report(part.ref)
        assert (report.charge, report.amount, report.settled, report.failed) == (charge, part.amount, True, False)
    assert world.payments.lookup(Verb.REFUND, order_id=order, subject=charge, key=f"{order}/none") is None


def test_what_is_not_there_and_who_is_not_known_are_told_apart(world: World) -> None:
    with pytest.raises(ProviderError) as caught:
        world.payments.hold("pi_missing")
    assert type(caught.value) in (AuthorisationExpired, ProviderError)
    with pytest.raises(Unauthorised):
        StripePayments("nobody", url=world.url).hold("pi_missing")


def test_a_captured_payment_is_told_by_a_webhook_under_the_providers_signature(world: World, order: str) -> None:
    arrived: queue.Queue[tuple[bytes, dict[str, str]]] = queue.Queue()

    async def receive(request: Request) -> Response:
        arrived.put((await request.body(), dict(request.headers)))
        return Response()

    with serve(Starlette(routes=[Route("/hook", receive, methods=["POST"])])) as hook:
        secret = world.register(f"{hook}/hook")
        hold = hold_of(world, order)
        world.payments.capture(hold=hold, amount=PRICE, key=order)
        receiver = StripePayments(KEY, webhook_secrets=(secret,))
        told: list[News | None] = []
        while not told or told[-1] is None or told[-1].subject != hold:  # The peer tells a second late, of others too.
            told.append(receiver.parse_webhook(*arrived.get(timeout=10)))
    assert {news.kind for news in told if news} == {NewsKind.PAYMENT_CAPTURED}


def _refused(call: Callable[[], Effect]) -> None:
    """A clear no: the peer has fewer words for it than Stripe, but it must never read as unknown."""
    with pytest.raises(ProviderError) as caught:
        call()
    assert not isinstance(caught.value, Unknown)
