"""What the real adapter makes of a provider that fails: unknown is never failed, and one key is one effect."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from activities.providers.port import Effect, Hold, PaymentProvider
from activities.providers.stripe import StripePayments
from activities.providers.stripe_errors import SENTENCES, translate
from domain.errors import Unauthorised, Unknown
from domain.money import INTERNAL, Money, Verb
from sandbox.client import SandboxClient
from tests.serving import refused, serve

PRICE = Money(4990, "EUR")
MARCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)
Deed = Callable[[str], Hold | Effect]


@pytest.fixture
def order() -> str:
    return f"fault-{next(_numbers)}"


@pytest.fixture(scope="module")
def payments(sandbox: SandboxClient) -> PaymentProvider:
    sandbox.account("acct_seller")
    return StripePayments("sk_test_sandbox", url=sandbox.url)


def prepared(verb: Verb, sandbox: SandboxClient, payments: PaymentProvider, order: str) -> tuple[str, Deed]:
    """The subject of a verb, brought to where the verb can be done, and the verb as a function of its key."""
    made = sandbox.preauthorise(order, 4990, "EUR")
    ref, customer = made["payment_intent"], made["customer"]

    def authorise(key: str) -> Hold:
        return payments.authorise(order_id=order, method="pm_card_visa", customer=customer, amount=PRICE, key=key)

    def capture(key: str) -> Effect:
        return payments.capture(hold=ref, amount=PRICE, key=key)

    def release(key: str) -> Effect:
        return payments.release(order_id=order, charge=charge, account="acct_seller", amount=PRICE, key=key)

    charge = capture(f"{order}/first").ref if verb in (Verb.RELEASE, Verb.REVERSE_RELEASE, Verb.REFUND) else ""
    paid = release(f"{order}/second").ref if verb is Verb.REVERSE_RELEASE else ""
    deeds: dict[Verb, tuple[str, Deed]] = {
        Verb.AUTHORISE: (customer, authorise),
        Verb.REAUTHORISE: (ref, lambda key: payments.reauthorise(order_id=order, old=ref, amount=PRICE, key=key)),
        Verb.CAPTURE: (ref, capture),
        Verb.VOID: (ref, lambda key: payments.void(hold=ref, key=key)),
        Verb.RELEASE: (charge, release),
        Verb.REVERSE_RELEASE: (paid, lambda key: payments.reverse_release(release=paid, amount=PRICE, key=key)),
        Verb.REFUND: (charge, lambda key: payments.refund(charge=charge, amount=PRICE, key=key)),
    }
    return deeds[verb]


@pytest.mark.parametrize("verb", sorted(set(Verb) - INTERNAL))
def test_an_effect_whose_answer_is_lost_is_found_by_its_key_and_not_repeated(
    sandbox: SandboxClient, payments: PaymentProvider, order: str, verb: Verb
) -> None:
    subject, deed = prepared(verb, sandbox, payments, order)
    before = len(sandbox.book(order))
    sandbox.fault("effect_then_cut", order_id=order, operation=verb.value)
    with pytest.raises(Unknown):
        deed(order)
    found = payments.lookup(verb, order_id=order, subject=subject, key=order)
    assert found is not None
    assert deed(order) == found
    assert len(sandbox.book(order)) == before + 1


@pytest.mark.parametrize("verb", sorted(set(Verb) - INTERNAL))
def test_an_effect_whose_answer_is_a_kept_server_error_is_unknown_until_it_is_looked_up(
    sandbox: SandboxClient, payments: PaymentProvider, order: str, verb: Verb
) -> None:
    subject, deed = prepared(verb, sandbox, payments, order)
    before = len(sandbox.book(order))
    sandbox.fault("effect_then_error", order_id=order, operation=verb.value)
    for _ in range(2):
        with pytest.raises(Unknown):
            deed(order)
    assert payments.lookup(verb, order_id=order, subject=subject, key=order) is not None
    assert len(sandbox.book(order)) == before + 1


@pytest.mark.parametrize("fault", ["timeout", "nonsense", "unavailable", "conflict", "rate_limited"])
@pytest.mark.parametrize("verb", sorted(set(Verb) - INTERNAL))
def test_a_call_without_effect_or_clear_answer_is_unknown_until_the_lookup_says_no(
    sandbox: SandboxClient, payments: PaymentProvider, order: str, verb: Verb, fault: str
) -> None:
    subject, deed = prepared(verb, sandbox, payments, order)
    before = sandbox.book(order)
    sandbox.fault(fault, order_id=order, operation=verb.value)
    with pytest.raises(Unknown):
        deed(order)
    assert payments.lookup(verb, order_id=order, subject=subject, key=order) is None
    assert sandbox.book(order) == before
    deed(order)
    assert len(sandbox.book(order)) == len(before) + 1


@pytest.mark.parametrize("verb", sorted(set(Verb) - INTERNAL))
def test_what_our_key_does_not_see_was_never_there_only_where_others_had_named_it(
    payments: PaymentProvider, order: str, verb: Verb
) -> None:
    if verb in (Verb.AUTHORISE, Verb.VOID):
        assert payments.lookup(verb, order_id=order, subject="xx_missing", key=order) is None
    else:
        with pytest.raises(Unauthorised):
            payments.lookup(verb, order_id=order, subject="xx_missing", key=order)


def test_to_move_what_our_key_does_not_see_is_no_refusal(payments: PaymentProvider, order: str) -> None:
    lost: dict[str, Deed] = {
        "capture": lambda key: payments.capture(hold="pi_missing", amount=PRICE, key=key),
        "refund": lambda key: payments.refund(charge="ch_missing", amount=PRICE, key=key),
        "reverse_release": lambda key: payments.reverse_release(release="tr_missing", amount=PRICE, key=key),
        "release": lambda key: payments.release(
            order_id=order, charge="ch_missing", account="acct_seller", amount=PRICE, key=key
        ),
    }
    for name, move in lost.items():
        with pytest.raises(Unauthorised):
            move(f"{order}/{name}")


@pytest.mark.parametrize("fault", ["timeout", "effect_then_cut"])
def test_an_answer_that_does_not_come_in_time_is_unknown(sandbox: SandboxClient, order: str, fault: str) -> None:
    impatient = StripePayments("sk_test_sandbox", url=sandbox.url, timeout=0.3)
    ref = sandbox.preauthorise(order, 4990, "EUR")["payment_intent"]
    sandbox.fault(fault, order_id=order, operation="capture", hang_seconds=20)
    with pytest.raises(Unknown):
        impatient.capture(hold=ref, amount=PRICE, key=order)
    found = impatient.lookup(Verb.CAPTURE, order_id=order, subject=ref, key=order)
    assert (found is None) == (fault == "timeout")


def test_a_provider_that_is_down_for_hours_is_unknown_until_it_is_back(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    sandbox.move_clock(order, MARCH)
    made = sandbox.preauthorise(order, 4990, "EUR")
    ref = made["payment_intent"]
    sandbox.fault("unavailable", order_id=order, until=MARCH + timedelta(hours=2))
    for _ in range(3):
        with pytest.raises(Unknown):
            payments.capture(hold=ref, amount=PRICE, key=order)
    with pytest.raises(Unknown):
        payments.lookup(Verb.CAPTURE, order_id=order, subject=ref, key=order)
    with pytest.raises(Unknown):
        payments.lookup(Verb.AUTHORISE, order_id=order, subject=made["customer"], key=order)
    sandbox.move_clock(order, MARCH + timedelta(hours=2))
    assert payments.capture(hold=ref, amount=PRICE, key=order).amount == PRICE


def test_a_rate_limit_says_how_long_to_wait(sandbox: SandboxClient, payments: PaymentProvider, order: str) -> None:
    ref = sandbox.preauthorise(order, 4990, "EUR")["payment_intent"]
    sandbox.fault("rate_limited", order_id=order, operation="capture", retry_after=17)
    with pytest.raises(Unknown) as caught:
        payments.capture(hold=ref, amount=PRICE, key=order)
    assert caught.value.retry_after == 17
    assert payments.capture(hold=ref, amount=PRICE, key=order).amount == PRICE


def test_a_conflict_is_unknown_and_passes(sandbox: SandboxClient, payments: PaymentProvider, order: str) -> None:
    ref = sandbox.preauthorise(order, 4990, "EUR")["payment_intent"]
    sandbox.fault("conflict", order_id=order, operation="capture")
    with pytest.raises(Unknown) as caught:
        payments.capture(hold=ref, amount=PRICE, key=order)
    assert caught.value.code == "lock_timeout"
    assert payments.capture(hold=ref, amount=PRICE, key=order).amount == PRICE


def test_a_server_error_stays_under_its_key_until_the_key_is_forgotten(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    sandbox.move_clock(order, MARCH)
    ref = sandbox.preauthorise(order, 4990, "EUR")["payment_intent"]
    sandbox.fault("stored_error", order_id=order, operation="capture")
    for _ in range(2):
        with pytest.raises(Unknown):
            payments.capture(hold=ref, amount=PRICE, key=order)
    assert payments.lookup(Verb.CAPTURE, order_id=order, subject=ref, key=order) is None
    sandbox.move_clock(order, MARCH + timedelta(hours=25))
    assert payments.capture(hold=ref, amount=PRICE, key=order).amount == PRICE


def test_a_key_works_for_a_day_and_then_runs_anew(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    sandbox.move_clock(order, MARCH)
    ref = sandbox.preauthorise(order, 4990, "EUR")["payment_intent"]
    charge = payments.capture(hold=ref, amount=PRICE, key=f"{order}/capture").ref
    half = Money(1000, "EUR")
    first = payments.refund(charge=charge, amount=half, key=order)
    sandbox.move_clock(order, MARCH + timedelta(hours=23))
    assert payments.refund(charge=charge, amount=half, key=order) == first
    sandbox.move_clock(order, MARCH + timedelta(hours=25))
    assert payments.refund(charge=charge, amount=half, key=order) != first
    assert [effect["kind"] for effect in sandbox.book(order)].count("refund") == 2


def test_a_second_call_while_the_first_one_runs_is_unknown_and_both_are_one_effect(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    ref = sandbox.preauthorise(order, 4990, "EUR")["payment_intent"]
    sandbox.fault("slow", order_id=order, operation="capture", hang_seconds=1)

    def capture(_: int) -> str:
        try:
            return str(payments.capture(hold=ref, amount=PRICE, key=order).amount)
        except Unknown as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(capture, range(2))) == ["49.90 EUR", "idempotency_key_in_use"]
    assert [effect["kind"] for effect in sandbox.book(order)] == ["authorise", "capture"]


def test_a_provider_that_cannot_be_reached_is_unknown() -> None:
    with refused() as url, pytest.raises(Unknown):
        StripePayments("sk_test_sandbox", url=url).hold("pi_any")


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, "<html>maintenance</html>"), (200, "{}"), (200, '{"object": "payment_intent"}'), (502, "bad gateway")],
)
def test_an_answer_that_makes_no_sense_is_unknown(status: int, body: str) -> None:
    async def nonsense(_: object) -> Response:
        return PlainTextResponse(body, status)

    app = Starlette(routes=[Route("/{rest:path}", nonsense, methods=["GET", "POST"])])
    with serve(app) as url:
        provider = StripePayments("sk_test_sandbox", url=url)
        with pytest.raises(Unknown):
            provider.hold("pi_any")
        with pytest.raises(Unknown):
            provider.capture(hold="pi_any", amount=PRICE, key="any")


def _every_error() -> list[type[stripe.StripeError]]:
    found, rest = [], [stripe.StripeError]
    while rest:
        kind = rest.pop()
        found.append(kind)
        rest += kind.__subclasses__()
    return found


@pytest.mark.parametrize("kind", _every_error(), ids=lambda kind: str(kind.__name__))
def test_every_error_that_the_sdk_can_raise_becomes_one_of_ours_without_the_providers_words(
    kind: type[stripe.StripeError],
) -> None:
    error = kind.__new__(kind)
    stripe.StripeError.__init__(error, "Ms Roe's card was declined", http_status=400)
    error.param = None  # type: ignore[attr-defined]
    ours = translate(error)
    assert type(ours) in SENTENCES
    assert "Roe" not in str(ours)
