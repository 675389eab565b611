"""Several boxes of one line that go wrong, told in any order; and boxes that arrive after they were found empty."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.claims.case import Status
from domain.money import Verb
from domain.parcels.parcel import Milestone, Proof
from domain.parcels.scans import scans
from domain.parcels.tracking import Reached, TrackerReport
from domain.state import Cause, Funds, LineState, Role
from domain.tickets import lines_of
from tests.domain.claims_world import BUYER, NOTE, SELLER, SPECIALIST, return_sent
from tests.domain.test_boxes_and_findings import found_empty, in_two_boxes
from tests.domain.world import Life, confirmed, new_order, scan


def tell(life: Life, *news: tuple[str, str]) -> Life:
    for parcel, milestone in news:
        life.now += timedelta(hours=5)
        scan(life, parcel, milestone)
    return life


def leave(life: Life, subject: str) -> None:
    """A specialist has looked at that parcel and leaves things as they are."""
    ticket = next(ticket for ticket in life.order.tickets if ticket.subject == subject)
    life.do("resolve_ticket", SPECIALIST, ticket_id=ticket.ticket_id, outcome="no_change", **NOTE)


STALLED = Cause.PARCEL_STALLED
LOST, BACK = ("p1", "lost"), ("p2", "returned")
IN_ANY_ORDER = pytest.mark.parametrize("news", [(LOST, BACK), (BACK, LOST)], ids=["lost first", "back first"])


@IN_ANY_ORDER
@pytest.mark.parametrize("first", ["p1", "p2"])
def test_a_person_is_asked_about_each_box_that_went_wrong_and_the_line_waits_for_both(
    news: tuple[tuple[str, str], ...], first: str
) -> None:
    life = tell(in_two_boxes(), *news)
    assert {(ticket.cause, ticket.subject) for ticket in life.order.tickets} == {
        (Cause.PARCEL_LOST, "p1"),
        (Cause.PARCEL_RETURNED, "p2"),
    }
    leave(life, first)
    other = {"p1": "p2", "p2": "p1"}[first]
    assert (life.order.line("a").held, [t.subject for t in life.order.tickets]) == (f"parcel:{other}", [other])
    leave(life, other)
    assert (life.order.line("a").held, life.order.tickets) == ("", ())


@IN_ANY_ORDER
@pytest.mark.parametrize("step", ["refund", "release"])
@pytest.mark.parametrize("named", ["p1", "p2"])
def test_what_is_decided_by_either_ticket_decides_the_line_and_ends_both(
    news: tuple[tuple[str, str], ...], step: str, named: str
) -> None:
    life = tell(in_two_boxes(), *news)
    ticket = next(ticket for ticket in life.order.tickets if ticket.subject == named)
    life.do(step, SPECIALIST, ticket.ticket_id, **NOTE)
    life.settle_money()
    assert life.order.line("a").funds is (Funds.REFUNDED if step == "refund" else Funds.RELEASED)
    assert life.order.tickets == ()


def test_a_second_lost_box_does_not_answer_for_the_first() -> None:
    life = tell(in_two_boxes(), ("p1", "lost"), ("p2", "lost"))
    assert [ticket.subject for ticket in life.order.tickets] == ["p1", "p2"]
    life.now += timedelta(hours=5)
    scan(life, "p2", "in_transit")
    assert [(t.subject, life.order.line("a").held) for t in life.order.tickets] == [("p1", "parcel:p1")]


def sent_in(**boxes: list[str]) -> Life:
    """Two lines, sent in the parcels named, with the lines that each holds."""
    life = confirmed(new_order(prices=("100.00", "50.00")))
    for parcel, lines in boxes.items():
        life.do("ship", SELLER, parcel_id=parcel, carrier="dhl", lines=lines)
    life.settle_money()
    return life


def held(life: Life) -> dict[str, str]:
    return {line.line_id: line.held for line in life.order.lines}


def test_each_line_of_a_box_that_was_decided_about_waits_for_its_own_next_one() -> None:
    life = sent_in(p1=["a", "b"], p2=["a"], p3=["b"])
    tell(life, ("p3", "returned"), ("p2", "lost"), ("p1", "lost"))
    assert held(life) == {"a": "parcel:p1", "b": "parcel:p1"}
    leave(life, "p1")
    assert held(life) == {"a": "parcel:p2", "b": "parcel:p3"}
    leave(life, "p2")
    assert held(life) == {"a": "", "b": "parcel:p3"}


def test_a_step_for_another_ticket_means_no_line_of_a_box_that_went_wrong() -> None:
    life = in_two_boxes()
    life.until("parcel_stalled")
    scan(life, "p2", "returned")
    stalled = next(ticket for ticket in life.order.tickets if (ticket.cause, ticket.subject) == (STALLED, "p1"))
    assert life.refused("refund", SPECIALIST, stalled.ticket_id, **NOTE).code == "lines_not_named"


def accepted_by_silence(**boxes: list[str]) -> Life:
    """What ``p1`` and ``p2`` bring arrives, and silence accepts what waits for no other."""
    life = sent_in(**boxes)
    life.now += timedelta(hours=5)
    for parcel in ("p1", "p2"):
        scan(life, parcel, "delivered", "strong")
    life.until("accept_on_strong_proof")
    life.settle_money()
    assert life.order.line("a").state is LineState.ACCEPTED
    return life


def test_what_counts_as_accepted_is_no_lost_boxs_when_the_one_that_came_back_is_decided_about() -> None:
    life = accepted_by_silence(p1=["a"], p2=["a", "b"], p3=["b"])
    tell(life, ("p2", "lost"), ("p1", "returned"))
    assert held(life) == {"a": "parcel:p1", "b": "parcel:p2"}
    lost, back = (next(t for t in life.order.tickets if t.subject == parcel) for parcel in ("p2", "p1"))
    assert (lines_of(life.order, lost), lines_of(life.order, back)) == (("b",), ("a",))
    leave(life, "p1")
    assert held(life) == {"a": "", "b": "parcel:p2"}
    life.silence()
    assert life.over


@pytest.mark.parametrize("decided", [False, True])
def test_every_box_of_what_counts_as_accepted_that_comes_back_is_asked_about(decided: bool) -> None:
    life = accepted_by_silence(p1=["a"], p2=["a", "b"])
    tell(life, ("p1", "returned"))
    if decided:
        leave(life, "p1")
    tell(life, ("p2", "returned"))
    assert [ticket.subject for ticket in life.order.tickets] == ["p2"], "the last of them, in place of the first"
    assert held(life)["a"] == "parcel:p2"
    leave(life, "p2")
    assert (held(life)["a"], life.order.tickets) == ("", ())


def test_a_box_for_which_another_was_sent_never_has_what_came_with_that() -> None:
    life = sent_in(p1=["a"], p2=["a", "b"])
    tell(life, ("p2", "lost"))
    leave(life, "p2")
    life.do("ship", SELLER, parcel_id="p3", carrier="dhl", lines=["a"])
    for parcel in ("p1", "p3"):
        life.now += timedelta(hours=5)
        scan(life, parcel, "delivered", "strong")
    life.until("accept_on_strong_proof")
    life.settle_money()
    tell(life, ("p1", "returned"), ("p2", "returned"))
    assert held(life) == {"a": "parcel:p1", "b": "parcel:p2"}
    assert [lines_of(life.order, ticket) for ticket in life.order.tickets] == [("a",), ("b",)]
    leave(life, "p1")
    assert held(life) == {"a": "", "b": "parcel:p2"}


def of_one_return() -> Life:
    life = return_sent()
    life.now += timedelta(days=1)
    return life


def of_two_returns() -> Life:
    life = of_one_return()
    scan(life, "r1", "lost")
    life.do("decide_claim", SPECIALIST, verdict="return_first", **NOTE)
    life.do("send_return", BUYER, parcel_id="r2", carrier="dhl")
    return life


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize(("world", "parcel"), [(of_one_return, "r1"), (of_two_returns, "r2")])
def test_a_box_that_its_carrier_brings_after_the_seller_had_found_it_empty_counts(
    world: Callable[[], Life], parcel: str, over: bool
) -> None:
    life = found_empty(world())
    if over:
        life.until("decision_stands")
        life.settle_money()
    life.now += timedelta(days=1)
    scan(life, parcel, "delivered")
    claim = life.order.claims[0]
    assert (claim.status, claim.finding, claim.goods_are_back) == (Status.ESCALATED, None, True)
    assert life.refused("parcel_scan", Role.CARRIER, **delivered(parcel, life)).code == "nothing_new"
    if not over:
        assert Verb.RELEASE not in life.moved


def delivered(parcel: str, life: Life) -> dict[str, str]:
    return {"parcel_id": parcel, "milestone": "delivered", "at": life.now.isoformat(), "proof": "weak"}


@pytest.mark.parametrize("later", [timedelta(), timedelta(minutes=2), timedelta(hours=20)])
def test_the_delivery_that_the_seller_had_told_of_says_nothing_new_about_an_empty_box(later: timedelta) -> None:
    """He takes it at the door, the carrier notes that minutes later, and he opens it the next day."""
    life = of_one_return()
    life.do("receive_return", SELLER)
    came = life.now
    life.now += timedelta(hours=20)
    life.do("inspect_return", SELLER, finding="missing")
    life.now += timedelta(hours=1)
    body = delivered("r1", life) | {"at": (came + later).isoformat()}
    assert life.refused("parcel_scan", Role.CARRIER, **body).code == "nothing_new"
    assert life.order.claims[0].finding is not None


@pytest.mark.parametrize("finding", ["missing", "used"])
def test_an_arrival_that_its_carrier_told_or_an_inspection_saw_is_not_overturned_by_a_second_scan(finding: str) -> None:
    life = of_one_return()
    if finding == "missing":
        scan(life, "r1", "delivered")
    else:
        life.do("receive_return", SELLER)
    life.do("inspect_return", SELLER, finding=finding)
    life.now += timedelta(hours=1)
    assert life.refused("parcel_scan", Role.CARRIER, **delivered("r1", life)).code == "nothing_new"


def test_of_a_box_that_was_empty_an_order_hears_what_its_carrier_brings_later() -> None:
    life = found_empty(of_one_return())
    looked = life.order.claims[0].inspected_at
    assert looked is not None

    def heard(later: timedelta) -> int:
        at = looked + later
        report = TrackerReport("trk_1", (Reached(Milestone.DELIVERED, at, Proof.WEAK),), at)
        return len(scans(life.order, "r1", report, "dhl"))

    assert [heard(timedelta()), heard(timedelta(minutes=1))] == [0, 1]
