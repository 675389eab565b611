"""The reason for attention fits on one line, and what it tells to type is never cut in two (O1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.desk import reused_number
from domain.fold import apply_all
from domain.money import Verb
from domain.state import Cause, Funds, Order, Role
from domain.summary import LONGEST_REASON, mends, named, summary, trouble
from tests.domain.claims_world import QUICK
from tests.domain.lives import (
    NOTE,
    capture_unknown,
    dispute,
    lost,
    one_of_two_delivered,
    refund_failed,
    release_refused,
    ship_overdue,
    waiting_for_second_operator,
)
from tests.domain.world import Life, confirmed, delivered, new_order, next_clock, no, paid, scan, shipped, text_of
from workflows.panel import BESIDE_A_TIMER, BOOKS_REFUSE, beside_the_timer, details, fitting, unrecorded

WHOLE = re.compile(r"aftersale .+?(?= \(or |; |$)")


def in_trouble_twice(live: Callable[[], Life], length: int) -> Order:
    """An order with an id of that length, which an operator has paused besides."""
    life = live()
    life.do("pause", Role.OPERATOR, until=text_of(life.now + timedelta(days=5)), **NOTE)
    return known_by("o" * length, life.order)


def known_by(order_id: str, order: Order) -> Order:
    tickets = (replace(each, ticket_id=f"{order_id}-{each.cause}-3") for each in order.tickets)
    return replace(order, order_id=order_id, tickets=tuple(tickets))


@pytest.mark.parametrize("length", [6, 36, 64])
@pytest.mark.parametrize("live", [ship_overdue, capture_unknown, release_refused, waiting_for_second_operator, lost])
def test_a_reason_fits_and_names_whole_commands_only(live: Callable[[], Life], length: int) -> None:
    order = in_trouble_twice(live, length)
    reason, troubles = summary(order).reason, tuple(trouble(order))
    assert len(troubles) >= 2
    whole = {line for each in troubles for line in WHOLE.findall(each)} | {f"aftersale why {order.order_id}"}
    assert len(reason) <= LONGEST_REASON
    assert reason.startswith(troubles[0].partition(": aftersale")[0])
    assert set(WHOLE.findall(reason)) <= whole
    assert WHOLE.findall(reason)


@pytest.mark.parametrize("length", [6, 36, 64])
@pytest.mark.parametrize("live", [ship_overdue, capture_unknown, release_refused, waiting_for_second_operator, lost])
def test_what_stands_beside_a_timer_fits_and_names_whole_commands_only(live: Callable[[], Life], length: int) -> None:
    order = in_trouble_twice(live, length)
    told = beside_the_timer(order, next_clock(order))
    whole = {line for each in trouble(order) for line in WHOLE.findall(each)} | {f"aftersale why {order.order_id}"}
    assert len(told) <= BESIDE_A_TIMER
    assert told.startswith(f"after step {order.seq}: ")
    assert WHOLE.findall(told)
    assert set(WHOLE.findall(told)) <= whole


def lost_beside_another() -> Life:
    life = one_of_two_delivered()
    scan(life, "p2", "lost")
    return life


def stalled_beside_another() -> Life:
    life = one_of_two_delivered()
    life.until("parcel_stalled")
    return life


def number_reused_beside_another() -> Life:
    life = one_of_two_delivered()
    life.order = apply_all(life.order, reused_number(life.order, "p2", life.now))
    return life


def receipt_missing_of_one() -> Life:
    life = confirmed(new_order(prices=("200.00", "90.00")))
    for parcel, line in (("p1", "a"), ("p2", "b")):
        life.do("ship", Role.SELLER, parcel_id=parcel, carrier="dhl", lines=[line])
    scan(life, "p1", "delivered", "weak")
    life.until("receipt_overdue")
    return life


def gone_wrong_beside(milestone: str, before: Callable[[Life], object]) -> Life:
    """Both lines of the order are in one parcel; something became of line ``a`` before the parcel went wrong."""
    life = shipped(new_order(QUICK))
    before(life)
    life.settle_money()
    life.now += timedelta(days=1)
    scan(life, "p1", milestone)
    return life


BEFORE: Mapping[str, Callable[[Life], object]] = {
    "paid out": lambda life: life.do("receive", Role.BUYER, lines=["a"]),
    "refunded": lambda life: life.do("refund", Role.OPERATOR, lines=["a"], **NOTE),
    "held by a claim": lambda life: life.do("open_claim", Role.BUYER, reason="not_received", lines=["a"]),
}


@pytest.mark.parametrize("milestone", ["lost", "returned"])
@pytest.mark.parametrize("before", BEFORE)
def test_the_command_for_a_parcel_that_went_wrong_moves_only_what_the_parcel_holds(before: str, milestone: str) -> None:
    life = gone_wrong_beside(milestone, BEFORE[before])
    assert "aftersale refund o-1 --line b --reason '...'" in summary(life.order).reason
    other = life.order.line("a")
    life.do("refund", Role.OPERATOR, lines=["b"], **NOTE)
    life.settle_money()
    assert life.order.line("a") == other
    assert not life.order.tickets


@pytest.mark.parametrize(
    ("live", "command"),
    [
        (lost, "aftersale refund o-1 --line a --line b --reason '...'"),
        (lost_beside_another, "aftersale refund o-1 --line b --reason '...'"),
        (receipt_missing_of_one, "aftersale release o-1 --line a --reason '...'"),
    ],
)
def test_a_command_moves_the_money_of_no_line_that_its_ticket_is_not_about(
    live: Callable[[], Life], command: str
) -> None:
    assert command in summary(live().order).reason


@pytest.mark.parametrize("name", ["refund", "release"])
@pytest.mark.parametrize(
    ("live", "line"),
    [
        (lost_beside_another, "b"),
        (stalled_beside_another, "b"),
        (number_reused_beside_another, "b"),
        (receipt_missing_of_one, "a"),
    ],
)
def test_each_command_that_a_reason_names_moves_only_the_lines_that_its_ticket_is_about(
    live: Callable[[], Life], line: str, name: str
) -> None:
    life = live()
    [named] = re.findall(rf"(?:aftersale|or|,) {name}(?: o-1)?((?: --line \w+)*)", summary(life.order).reason)
    ids = named.split(" --line ")[1:]
    others = [each for each in life.order.lines if each.line_id != line]
    life.do(name, Role.OPERATOR, lines=ids, **NOTE)
    life.settle_money()
    assert ids == [line]
    assert [each for each in life.order.lines if each.line_id != line] == others
    assert f"{name} --line {line}" in " ".join(told for told in mended(live()))


def test_a_parcel_whose_lines_are_all_accepted_has_no_money_left_to_move() -> None:
    life = one_of_two_delivered()
    life.do("receive", Role.BUYER, lines=["a"])
    life.order = apply_all(life.order, reused_number(life.order, "p1", life.now))
    assert mended(life) == ["resolve-ticket"]


def returned_half_accepted(other: str) -> Life:
    """Both lines were in the parcel that comes back; silence had accepted one, `other` waits for a second parcel."""
    life = confirmed(new_order())
    for parcel, lines in (("p1", ["a", "b"]), ("p2", [other])):
        life.do("ship", Role.SELLER, parcel_id=parcel, carrier="dhl", lines=lines)
    life.settle_money()
    scan(life, "p1", "delivered", "strong")
    life.until("accept_on_strong_proof")
    life.settle_money()
    scan(life, "p1", "returned")
    return life


@pytest.mark.parametrize(("name", "ids"), [("refund", ["a", "b"]), ("release", ["b"])])
def test_of_a_parcel_that_came_back_a_release_names_no_line_that_was_accepted(name: str, ids: list[str]) -> None:
    life = returned_half_accepted("b")
    assert mended(life) == ["refund --line a --line b, release --line b or resolve-ticket"]
    ticket = life.order.tickets[0].ticket_id
    life.do(name, Role.OPERATOR, ticket, lines=ids, **NOTE)
    life.settle_money()
    assert life.order.line("b").funds is (Funds.REFUNDED if name == "refund" else Funds.RELEASED)


def test_what_had_arrived_and_came_back_is_not_said_to_be_left_as_it_is() -> None:
    life = returned_half_accepted("a")
    scan(life, "p2", "delivered", "strong")
    assert mended(life) == ["refund --line a --line b or release --line a"]
    ticket = life.order.tickets[0].ticket_id
    left = {"ticket_id": ticket, "outcome": "no_change", **NOTE}
    assert life.refused("resolve_ticket", Role.OPERATOR, **left).code == "goods_came_back"


def test_a_payout_that_was_refused_and_now_waits_for_a_person_is_not_to_be_tried() -> None:
    life = delivered(proof="strong", answer=no("AccountRestricted", Verb.RELEASE))
    life.until("accept_on_strong_proof")
    life.settle_money()
    assert [told for told in trouble(life.order) if "aftersale retry o-1" in told]
    life.now += timedelta(hours=3)
    scan(life, "p1", "returned")
    assert life.refused("retry", Role.OPERATOR, **NOTE).code == "money_to_retry"
    assert not [told for told in trouble(life.order) if "retry" in told]


def disputed_then_lost(amount: str) -> Life:
    """The bank took back that much of two lines before their parcel was lost."""
    life = dispute(shipped(), amount=amount)
    life.now += timedelta(days=1)
    scan(life, "p1", "lost")
    return life


def test_of_a_lost_parcel_that_the_bank_decides_about_no_money_is_named_that_cannot_move() -> None:
    life = disputed_then_lost("55.00 EUR")
    [told] = [each for each in trouble(life.order) if each.startswith("parcel_lost")]
    assert "(p1, the carrier pays 0.00 EUR, the bank decides first) since" in told
    assert told.endswith(": aftersale note o-1 --reason '...' (or resolve-ticket)")
    life.do("win_dispute", Role.PROVIDER, dispute="dp_1", fee="15.00 EUR")
    both = "--line a --line b"
    assert f"aftersale refund o-1 {both} --reason '...' (or release {both})" in summary(life.order).reason


def test_what_the_bank_does_not_decide_about_of_a_lost_parcel_can_be_moved_at_once() -> None:
    life = disputed_then_lost("0.01 EUR")
    free = [line.line_id for line in life.order.lines if line.line_id not in life.order.disputed]
    assert len(free) == 1
    assert f"aftersale refund o-1 --line {free[0]} --reason '...'" in summary(life.order).reason
    assert "the bank decides first" not in " ".join(trouble(life.order)).partition("parcel_lost")[2]
    life.do("refund", Role.OPERATOR, lines=free, **NOTE)


def test_money_that_the_bank_decides_about_is_not_to_be_tried_again() -> None:
    life = dispute(refund_failed())
    [told] = [each for each in trouble(life.order) if each.startswith("refund refused")]
    assert told.startswith("refund refused (RefundFailed, the bank decides first) since ")
    assert told.endswith(": aftersale note o-1 --reason '...' (or resolve-ticket)")
    [ticket] = [each for each in life.order.tickets if each.cause is Cause.MONEY_FAILED]
    assert named(life.order, ticket) == "money_failed (refund, the bank decides first)"
    assert "retry" not in mends(life.order, ticket)
    assert life.refused("retry", Role.OPERATOR, **NOTE).code == "money_to_retry"


def test_money_that_no_bank_decides_about_is_tried_again() -> None:
    life = refund_failed()
    assert "refund refused (RefundFailed) since" in summary(life.order).reason
    assert "aftersale retry o-1" in summary(life.order).reason
    assert mended(life) == ["retry"]
    life.do("retry", Role.OPERATOR, **NOTE)


def mended(life: Life) -> list[str]:
    return [mends(life.order, ticket) for ticket in life.order.tickets]


def test_the_commands_that_a_reason_names_are_set_as_code_for_the_temporal_ui() -> None:
    order = lost_beside_another().order
    assert "`aftersale refund o-1 --line b --reason '...'` (or `release --line b`)" in details(order, summary(order))
    late = ship_overdue().order
    assert "--reason '...'` (or `cancel`, `ship`)" in details(late, summary(late))


def test_alternatives_are_left_out_before_the_first_command_is() -> None:
    order = in_trouble_twice(lost_beside_another, 58)
    [told] = [each for each in trouble(order) if each.startswith("parcel_lost")]
    reason = summary(order).reason
    assert told not in reason
    assert told.partition(" (or ")[0] in reason


def test_what_is_wrong_with_us_comes_first_and_cuts_no_command_of_the_order_in_two() -> None:
    order = known_by("o" * 36, ship_overdue().order)
    ours = unrecorded(order.order_id, "step 12 (ship_overdue)", "OperationalError")
    assert fitting(ours, summary(order).reason) == ours
    assert fitting("we are late", summary(paid().order).reason or "and the order") == "we are late; and the order"
    longest = fitting(unrecorded("o" * 64, "step 12 (accept_on_strong_proof)", BOOKS_REFUSE), "")
    assert len(longest) <= LONGEST_REASON
    assert longest.endswith(" ...")


def test_short_troubles_are_told_together_with_all_that_must_be_given() -> None:
    reason = summary(in_trouble_twice(capture_unknown, 6)).reason
    assert "aftersale retry oooooo --reason '...'" in reason
    assert "aftersale resume oooooo --reason '...'" in reason
    assert "why" not in reason


def test_a_late_order_with_an_id_of_any_usual_length_tells_the_whole_command() -> None:
    reason = summary(known_by("o" * 36, ship_overdue().order)).reason
    assert reason.endswith("-3 --until TIME --reason '...' (or cancel, ship)")
