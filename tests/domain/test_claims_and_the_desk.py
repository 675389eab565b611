"""What specialists and operators may do by hand with an order that has a claim."""

from __future__ import annotations

import pytest

from domain.claims.case import Status
from domain.decide import possible
from domain.state import LineState
from tests.domain.claims_world import BUYER, NOTE, OTHER_JUDGE, SELLER, SPECIALIST, decided, escalated
from tests.domain.world import ACTORS, confirmed, new_order, scan


@pytest.mark.parametrize("name", ["release", "refund"])
def test_what_a_claim_is_about_is_moved_by_its_decision_and_not_by_hand(name: str) -> None:
    life = escalated()
    refused = life.refused(name, SPECIALIST, lines=["a"], **NOTE)
    assert (refused.code, refused.reason) == ("unclaimed", "claim c1 is about a; decide_claim decides about it")
    assert life.refused(name, SPECIALIST, lines=["a", "b"], **NOTE).code == "unclaimed"
    life.do(name, SPECIALIST, lines=["b"], **NOTE)
    assert name not in possible(life.order, ACTORS[SPECIALIST], life.now)
    life.do("decide_claim", SPECIALIST, verdict=name, **NOTE)
    assert life.order.claims[-1].judges == (ACTORS[SPECIALIST].id,)
    life.do("appeal_claim", SELLER if name == "refund" else BUYER, **NOTE)
    for judge in (ACTORS[SPECIALIST], OTHER_JUDGE):
        assert life.refused(name, judge, lines=["a"], **NOTE).code == "unclaimed"
    assert life.refused("decide_claim", SPECIALIST, verdict=name, **NOTE).code == "own_decision"


@pytest.mark.parametrize("name", ["release", "refund"])
def test_who_names_no_line_means_none_that_a_claim_is_about(name: str) -> None:
    life = escalated()
    [ticket] = life.order.tickets
    assert life.refused(name, SPECIALIST, ticket.ticket_id, **NOTE).code == "unclaimed", "a claim's ticket is its own"
    assert life.refused(name, SPECIALIST, ticket.ticket_id, lines=["b"], **NOTE).code == "not_of_ticket"
    life.do(name, SPECIALIST, **NOTE)
    life.settle_money()
    a, b = life.order.lines
    assert (a.state, a.held, life.order.claims[-1].status) == (LineState.DELIVERED, "claim:c1", Status.ESCALATED)
    assert b.state is (LineState.ACCEPTED if name == "release" else LineState.REFUNDED)
    assert life.refused(name, SPECIALIST, **NOTE).reason == "claim c1 is about a; decide_claim decides about it"


def test_what_resolves_a_ticket_moves_its_lines_and_no_others() -> None:
    life = confirmed(new_order(prices=("40.00", "20.00", "30.00")))
    for parcel, lines in (("p1", ["a"]), ("p2", ["b"]), ("p3", ["c"])):
        life.do("ship", SELLER, parcel_id=parcel, carrier="dhl", lines=lines)
    scan(life, "p1", "delivered")
    scan(life, "p3", "delivered")
    life.do("open_claim", BUYER, reason="damaged", lines=["a"])
    scan(life, "p2", "lost")
    [ticket] = life.order.tickets
    life.do("refund", SPECIALIST, ticket.ticket_id, **NOTE)
    life.settle_money()
    assert [line.state for line in life.order.lines] == [LineState.DELIVERED, LineState.REFUNDED, LineState.DELIVERED]
    assert (life.order.claims[-1].status, life.order.tickets) == (Status.RECEIVED, ())


@pytest.mark.parametrize("name", ["release", "refund"])
def test_what_may_be_appealed_against_is_not_carried_out_by_hand(name: str) -> None:
    life = decided("release")
    assert "may be appealed against" in life.refused(name, OTHER_JUDGE, lines=["a"], **NOTE).reason
    life.do(name, SPECIALIST, lines=["b"], **NOTE)
    life.do("appeal_claim", BUYER, **NOTE)
