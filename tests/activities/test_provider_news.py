"""What a report of the payment provider means for an order, before anybody is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from activities.provider_news import command_id, dispute, fits, hold_lost, payment_found, refund_failed
from activities.providers.port import DisputeReport, DisputeStatus, Hold, HoldState, RefundReport
from domain.checkout import ID
from domain.money import Money
from domain.purse import DisputeReason
from domain.state import Order
from tests.domain.lives import CONDITIONS

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
PRICE = Money(6490, "EUR")
REPORT = DisputeReport(
    "dp_1", "ch_1", PRICE, Money(1500, "EUR"), Money(0, "EUR"), DisputeReason.OTHER, DisputeStatus.OPEN, NOW
)


def order(condition: str) -> Order:
    return CONDITIONS[condition]().order


def hold(ref: str, state: HoldState = HoldState.OPEN) -> Hold:
    return Hold(ref, PRICE, state, None, "o-1", renewable=False, charge="ch_x", captured=PRICE)


def test_a_commands_id_repeats_with_object_and_state_and_is_always_one_that_an_order_takes() -> None:
    assert command_id("dispute", "dp_1", "opened") == "dispute-dp_1-opened"
    long = command_id("dispute", "d" * 200, "opened")
    assert ID.fullmatch(long)
    assert long == command_id("dispute", "d" * 200, "opened") != command_id("dispute", "d" * 200, "won")
    assert ID.fullmatch(command_id("lost", "an id / of nobody"))


def test_the_end_of_a_dispute_tells_its_beginning_too() -> None:
    def told(status: DisputeStatus) -> list[str]:
        return [telling.name for telling in dispute(order("shipped"), replace(REPORT, status=status))]

    assert told(DisputeStatus.OPEN) == ["open_dispute"]
    assert told(DisputeStatus.WON) == ["open_dispute", "win_dispute"]
    assert told(DisputeStatus.LOST) == ["open_dispute", "lose_dispute"]


@pytest.mark.parametrize("status", DisputeStatus)
def test_an_inquiry_that_took_nothing_is_no_news(status: DisputeStatus) -> None:
    assert dispute(order("shipped"), replace(REPORT, amount=Money(0, "EUR"), status=status)) == ()


def test_a_hold_that_the_order_knows_is_no_news_and_any_other_is() -> None:
    paid = order("paid")
    assert payment_found(paid, hold(paid.payment.hold)) == ()
    assert [telling.name for telling in payment_found(paid, hold("pi_other"))] == ["payment_found"]
    assert payment_found(paid, hold("pi_other", HoldState.VOIDED)) == ()
    assert payment_found(paid, hold("pi_other", HoldState.UNPAID)) == ()


def test_only_the_hold_that_the_order_stands_on_can_be_lost() -> None:
    paid, shipped = order("paid"), order("shipped")
    assert [telling.name for telling in hold_lost(paid, hold(paid.payment.hold, HoldState.VOIDED))] == ["hold_lost"]
    assert hold_lost(paid, hold(paid.payment.hold)) == ()
    assert hold_lost(paid, hold("pi_other", HoldState.VOIDED)) == ()
    assert hold_lost(shipped, hold(shipped.payment.hold, HoldState.VOIDED)) == (), "its money is in escrow"


def test_only_a_refund_of_the_order_that_failed_is_news() -> None:
    refunded = order("refunded")
    ref = next(move.ref for move in refunded.moves)
    report = RefundReport(ref, "ch_1", PRICE, failed=True, settled=False)
    assert [telling.name for telling in refund_failed(refunded, report)] == ["refund_failed"]
    assert refund_failed(refunded, replace(report, failed=False)) == ()
    assert refund_failed(refunded, replace(report, ref="re_other")) == ()


def test_a_payment_is_meant_for_an_order_only_when_its_amount_fits() -> None:
    paid = order("paid")
    assert fits(paid, replace(hold("pi_1"), amount=paid.priced))
    assert not fits(paid, replace(hold("pi_1"), amount=paid.priced + Money(1, "EUR")))
    assert not fits(paid, replace(hold("pi_1"), amount=Money(paid.priced.minor, "USD")))


def test_a_payment_of_what_is_left_of_an_order_fits_it_too() -> None:
    part = order("part confirmed")
    assert part.wanted not in (part.priced, part.payment.authorised)
    assert fits(part, replace(hold("pi_1"), amount=part.wanted))
