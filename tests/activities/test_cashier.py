"""What the cashier sends, and what it makes of the provider's answers, with a provider that knows of no operation."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import Mock

import pytest
from sqlalchemy import Engine

from activities.booking import book
from activities.cashier import EXACT, Cashier, operation_key
from activities.providers.port import Effect, Hold, HoldState
from activities.providers.stripe import StripePayments
from activities.store import debts, operations, payments
from domain.contract import Ask, Envelope
from domain.errors import AlreadyDone, Declined, IdempotencyConflict, ProviderError, Unauthorised, Unknown
from domain.funds import Done, No, Result, Settled, Unclear
from domain.money import Money, Verb
from domain.state import SYSTEM, MoneyOp, Order, Role
from tests.domain.test_disputed_strays import came, dispute
from tests.domain.world import paid, unclear
from tests.store.rows import NOW, admit, euro, operation
from tests.store.test_debts import owes, release, sale

PENNILESS = euro(0)
SENT = [Verb.CAPTURE.value, Verb.RELEASE.value, Verb.REFUND.value, Verb.REVERSE_RELEASE.value]


def provider(error: type[ProviderError] | None = None) -> Mock:
    """Finds nothing that was sent before, and does what it is sent, or raises `error`."""

    def answer(*, amount: Money, **_: str) -> Effect:
        if error is not None:
            raise error("so the provider says")
        return Effect("effect_1", amount)

    counter = Mock(spec=StripePayments)
    counter.lookup.return_value = None
    for verb in SENT:
        getattr(counter, verb).side_effect = answer
    return counter


def sent(counter: Mock) -> list[tuple[str, Money]]:
    """What the provider was asked to move."""
    return [(name, about["amount"]) for name, _, about in counter.method_calls if name in SENT]


@pytest.fixture
def orders(engine: Engine) -> Engine:
    """Two orders of one seller."""
    with engine.begin() as conn:
        for order_id in ("o-1", "o-2"):
            admit(conn, order_id)
    return engine


def asked(engine: Engine, counter: Mock, order: Order, op: MoneyOp) -> Result:
    return Cashier(engine, counter).carry_out(order, op, NOW, lambda _: None)


@pytest.mark.parametrize("verb", sorted(EXACT))
@pytest.mark.parametrize("wrong", [euro(4989), Money.of("49.90", "CHF")], ids=["amount", "currency"])
def test_another_amount_or_currency_than_was_asked_for_is_no_effect_that_is_booked(
    orders: Engine, wrong: Money, verb: Verb
) -> None:
    op, counter = operation(verb=verb, subject="" if verb is Verb.AUTHORISE else "pi_1"), provider()
    if verb is Verb.REVERSE_RELEASE:
        with orders.begin() as conn:
            owes(conn, "o-1", op.amount.minor)
    held = Hold("effect_1", wrong, HoldState.OPEN, None, "o-1", renewable=True)
    getattr(counter, verb).side_effect = lambda **_: held if "authorise" in verb else Effect("effect_1", wrong)
    assert asked(orders, counter, sale("o-1"), op) == Unclear("AmountDiffers")


@pytest.mark.parametrize("verb", [Verb.CAPTURE, Verb.RELEASE, Verb.REFUND])
@pytest.mark.parametrize("error", [Unauthorised, IdempotencyConflict])
def test_an_error_that_speaks_of_us_and_not_of_the_money_leaves_its_fate_open(
    orders: Engine, error: type[ProviderError], verb: Verb
) -> None:
    said = asked(orders, provider(error), sale("o-1"), operation(verb=verb))
    assert said == Unclear(error.__name__), "the opposite could follow a no"
    assert asked(orders, provider(Declined), sale("o-2"), operation(verb=verb)) == No("Declined")


@pytest.mark.parametrize("verb", [Verb.CAPTURE, Verb.RELEASE, Verb.REFUND])
def test_what_the_provider_says_is_done_already_is_looked_up_and_only_what_it_does_not_know_is_refused(
    orders: Engine, verb: Verb
) -> None:
    op, ours = operation(verb=verb), provider(AlreadyDone)
    ours.lookup.return_value = Effect("effect_before", op.amount)
    assert asked(orders, ours, sale("o-1"), op) == Done("effect_before", op.amount)
    assert asked(orders, provider(AlreadyDone), sale("o-2"), op) == No("AlreadyDone")


def test_a_release_that_pays_debts_alone_is_not_sent(orders: Engine) -> None:
    with orders.begin() as conn:
        owes(conn, "o-2", 3000)
    counter = provider()
    assert asked(orders, counter, sale("o-1"), release(5, 2000)) == Done("", PENNILESS, netted=(("o-2", euro(2000)),))
    assert sent(counter) == []


def test_what_a_refused_release_was_to_pay_is_owed_and_collected_as_before(orders: Engine) -> None:
    with orders.begin() as conn:
        owes(conn, "o-2", 3000)
    op, order = release(5), sale("o-1")
    said = asked(orders, provider(Declined), order, op)
    assert said == No("Declined")
    with orders.begin() as conn:
        assert debts.collectable(conn, sale("o-2")) == PENNILESS, "set aside for the release"
        ask = Ask("settle", 2, 1, NOW, "clock", "settle", Envelope("c-1", SYSTEM), "closed", (), order, ())
        book(conn, ask, Settled(op, said, ()), ())
    taking = operation(6, Verb.REVERSE_RELEASE, amount=euro(3000), slices=(), subject="tr_1")
    counter = provider()
    assert asked(orders, counter, sale("o-2"), taking) == Done("effect_1", euro(3000))
    assert sent(counter) == [("reverse_release", euro(3000))]


def test_a_debt_that_another_release_has_set_aside_as_a_whole_waits_for_its_end(orders: Engine) -> None:
    with orders.begin() as conn:
        owes(conn, "o-2", 3000)
        debts.reserve(conn, sale("o-1"), release(5, 5000))
    taking, counter = operation(6, Verb.REVERSE_RELEASE, amount=euro(3000), slices=(), subject="tr_1"), provider()
    assert asked(orders, counter, sale("o-2"), taking) == Unclear("SetAside"), "it is owed in full"
    assert sent(counter) == []


def test_a_release_that_is_sent_again_is_still_known_by_the_account_that_it_goes_to(orders: Engine) -> None:
    op, order, counter = release(5), sale("o-1"), provider(Unknown)
    for now in (NOW, NOW + timedelta(days=5)):
        assert Cashier(orders, counter).carry_out(order, op, now, lambda _: None) == Unclear("Unknown")
    assert len(sent(counter)) == 2
    with orders.begin() as conn:
        operations.resolve(conn, "o-1", op, "done", "tr_1", "", NOW, op.amount)
        assert payments.last_paid_to(conn, order.account.ref) == "o-1"


def test_a_hold_in_another_currency_stands_for_no_amount_of_the_order(orders: Engine) -> None:
    check, counter = operation(1, Verb.AUTHORISE, slices=()), provider()
    for held, stands in (euro(5000), euro(5000)), (Money.of("49.90", "CHF"), None):
        counter.hold.return_value = Hold("pi_1", held, HoldState.OPEN, None, "o-1", renewable=False)
        assert asked(orders, counter, sale("o-1"), check) == No("AmountDiffers", stands)


def test_money_without_a_claim_to_it_is_not_sent_back_again_while_the_bank_decides_about_it(orders: Engine) -> None:
    life = paid(answer=unclear(Verb.REFUND))
    came(life)
    life.settle_money()
    op = life.order.op
    assert op is not None
    dispute(life)
    with orders.begin() as conn:
        operations.begin(conn, "o-1", op, operation_key("o-1", op), life.now)
    counter, later = provider(), life.now + life.order.policy.money.lands_within
    cashier = Cashier(orders, counter)
    for now, said in ((later - timedelta(seconds=1), Unclear("Disputed")), (later, No("Disputed"))):
        assert cashier.carry_out(life.order, op, now, lambda _: None) == said
    assert sent(counter) == []
    life.do("win_dispute", Role.PROVIDER, dispute="dp_1", fee="0.00 EUR")
    assert isinstance(cashier.carry_out(life.order, op, later, lambda _: None), Done)
