"""The provider's own book through the real adapter: every movement, found by order and key, page after page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import stripe

from activities.providers.port import HoldState, Movement, MovementKind
from activities.providers.stripe import StripePayments
from activities.providers.stripe_book import movement
from domain.errors import Unknown
from domain.money import Money
from sandbox.client import SandboxClient
from sandbox.server import serve

PRICE = Money(4990, "EUR")
MARCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def sandbox() -> Iterator[SandboxClient]:
    """A sandbox of its own: a book is read whole."""
    with serve(clock=lambda: MARCH) as server:
        yield SandboxClient(server.url)


@pytest.fixture
def payments(sandbox: SandboxClient) -> StripePayments:
    sandbox.account("acct_seller")
    return StripePayments("sk_test_sandbox", url=sandbox.url)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def test_every_movement_is_told_with_its_order_its_key_and_what_it_is_on(
    sandbox: SandboxClient, payments: StripePayments
) -> None:
    hold = str(sandbox.preauthorise("A", 4990, "EUR")["payment_intent"])
    charge = payments.capture(hold=hold, amount=eur(4000), key="A:capture:1").ref
    paid = payments.release(order_id="A", charge=charge, account="acct_seller", amount=eur(1000), key="A:release:2").ref
    back = payments.reverse_release(release=paid, amount=eur(400), key="A:reverse_release:3").ref
    refund = payments.refund(charge=charge, amount=eur(500), key="A:refund:4").ref
    sandbox.settle_refund(refund, "failed")
    dispute = sandbox.dispute(hold, amount=2000)["id"]
    sandbox.close_dispute(dispute, "won", fee_returned=700)
    told = list(payments.movements(MARCH, MARCH + DAY))[::-1]
    assert all(moved.at == MARCH for moved in told)
    assert [(m.ref, m.kind, m.key, m.amount, m.fee, m.source) for m in told] == [
        (charge, MovementKind.CHARGE, "A:capture:1", eur(4000), eur(0), hold),
        (paid, MovementKind.TRANSFER, "A:release:2", eur(1000), eur(0), charge),
        (back, MovementKind.TRANSFER_REVERSAL, "A:reverse_release:3", eur(400), eur(0), paid),
        (refund, MovementKind.REFUND, "A:refund:4", eur(500), eur(0), charge),
        (refund, MovementKind.REFUND_FAILURE, "A:refund:4", eur(500), eur(0), charge),
        (dispute, MovementKind.DISPUTE, "", eur(2000), eur(1500), charge),
        (dispute, MovementKind.DISPUTE_REVERSAL, "", eur(2000), eur(700), charge),
    ]
    assert {moved.order_id for moved in told} == {"A"}


def test_movements_that_nobody_of_us_asked_for_bear_no_key(sandbox: SandboxClient, payments: StripePayments) -> None:
    client = stripe.StripeClient("sk_test_hand", base_addresses={"api": sandbox.url}).v1
    hold = str(sandbox.preauthorise("A", 4990, "EUR")["payment_intent"])
    client.payment_intents.capture(hold)
    client.payment_intents.create(
        {"amount": 700, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True, "return_url": "https://x"}
    )
    told = list(payments.movements(MARCH, MARCH + DAY))
    assert [(moved.order_id, moved.key, moved.amount) for moved in told] == [("", "", eur(700)), ("A", "", PRICE)]


def test_windows_side_by_side_tell_every_movement_once_over_many_pages(
    sandbox: SandboxClient, payments: StripePayments
) -> None:
    for number in range(215):
        order = f"many-{number}"
        sandbox.move_clock(order, MARCH + timedelta(minutes=number))
        hold = sandbox.preauthorise(order, 100 + number, "EUR")["payment_intent"]
        payments.capture(hold=hold, amount=eur(100 + number), key=order)
    cuts = [MARCH, MARCH + timedelta(minutes=3), MARCH + timedelta(minutes=3, milliseconds=500), MARCH + DAY]
    windows = [list(payments.movements(since, until)) for since, until in pairwise(cuts)]
    told = [moved for window in windows for moved in window]
    assert sorted(moved.amount.minor for moved in told) == list(range(100, 315))
    assert [len(windows[0]), len(windows[1]), len(windows[2])] == [3, 0, 212]
    assert [moved.at for moved in windows[2]] == sorted((moved.at for moved in windows[2]), reverse=True)


def test_open_holds_are_told_and_no_others(sandbox: SandboxClient, payments: StripePayments) -> None:
    made = {name: str(sandbox.preauthorise(name, 4990, "EUR")["payment_intent"]) for name in "ABCDE"}
    payments.capture(hold=made["A"], amount=PRICE, key="a")
    payments.void(hold=made["B"], key="b")
    sandbox.end_hold(made["C"])
    sandbox.move_clock("E", MARCH + timedelta(days=8))
    sandbox.preauthorise("F", 4990, "EUR", payment_method="pm_card_chargeDeclined")
    holds = list(payments.holds(MARCH - DAY, MARCH + DAY))
    assert [(hold.ref, hold.order_id, hold.state) for hold in holds] == [(made["D"], "D", HoldState.OPEN)]
    assert list(payments.holds(MARCH + DAY, MARCH + 2 * DAY)) == []


def test_open_holds_are_told_over_many_pages_within_their_window(
    sandbox: SandboxClient, payments: StripePayments
) -> None:
    for number in range(205):
        sandbox.move_clock(f"h-{number}", MARCH + timedelta(minutes=number))
        sandbox.preauthorise(f"h-{number}", 4990, "EUR")
    told = [hold.order_id for hold in payments.holds(MARCH + timedelta(minutes=1), MARCH + timedelta(minutes=204))]
    assert told == [f"h-{number}" for number in range(203, 0, -1)]


def row(category: str, source: object, **changed: object) -> dict[str, object]:
    data = {
        "id": "txn_1",
        "object": "balance_transaction",
        "amount": -4990,
        "fee": 0,
        "currency": "eur",
        "created": int(MARCH.timestamp()),
        "reporting_category": category,
        "source": source,
    }
    return data | changed


CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "amount": 4990,
    "amount_captured": 3000,
    "currency": "eur",
    "metadata": {"order_id": "A"},
    "payment_intent": {"id": "pi_1", "object": "payment_intent", "metadata": {"capture_key": "A:capture:1"}},
}


def test_a_part_capture_that_stands_as_a_whole_charge_and_a_reversal_is_one_movement() -> None:
    whole = movement(row("charge", CHARGE, amount=4990, fee=175))
    assert whole == Movement("ch_1", MovementKind.CHARGE, "A", "A:capture:1", eur(3000), eur(175), MARCH, "pi_1")
    assert movement(row("partial_capture_reversal", {"id": "re_1", "object": "refund"}, amount=-1990)) is None


def test_an_amount_is_told_in_the_currency_of_its_object_not_of_the_platforms_bank() -> None:
    moved = movement(row("charge", CHARGE | {"currency": "usd"}, amount=2712, fee=50))
    assert moved is not None
    assert (moved.amount, moved.fee) == (Money(3000, "USD"), eur(50))


@pytest.mark.parametrize(
    ("category", "source"), [("payout", "po_1"), ("fee", None), ("invented_tomorrow", {"id": "x_1", "object": "x"})]
)
def test_what_no_order_asks_for_is_told_apart(category: str, source: object) -> None:
    moved = movement(row(category, source))
    assert moved is not None
    assert (moved.kind, moved.amount, moved.order_id, moved.key, moved.source) == (
        MovementKind.OTHER,
        PRICE,
        "",
        "",
        "",
    )


def test_a_book_that_cannot_be_read_is_unknown(sandbox: SandboxClient, payments: StripePayments) -> None:
    sandbox.fault("unavailable")
    with pytest.raises(Unknown):
        next(payments.movements(MARCH, MARCH + DAY))
    sandbox.fault("nonsense")
    with pytest.raises(Unknown):
        next(payments.holds(MARCH, MARCH + DAY))
