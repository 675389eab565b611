from __future__ import annotations

from datetime import timedelta

import pytest

from domain.business_time import add_business_days
from domain.claims.case import Claim, Status
from domain.deadlines import deadlines
from domain.decide import Command, Refusal, possible
from domain.money import Money, Verb
from domain.progress import verdict
from domain.purse import SUSPENSE, Part
from domain.state import Actor, Cause, Funds, LineState, Role
from tests.domain.claims_world import (
    BUYER,
    NOTE,
    OPERATOR,
    OTHER_JUDGE,
    SELLER,
    SPECIALIST,
    asleep,
    bought,
    decided,
    escalated,
    received,
    refuses_refunds,
    return_asked,
)
from tests.domain.world import ACTORS, Life, delivered, done, scan, shipped, text_of

A_HUNDRED = Money.parse("100.00 EUR")


def claim_of(life: Life) -> Claim:
    """The order's last claim."""
    return life.order.claims[-1]


def settled_in_part(life: Life, amount: str = "100.00 EUR") -> Life:
    """Both sides agree on a part."""
    life.do("offer_refund", SELLER, amount=amount)
    life.do("accept_offer", BUYER)
    return life


def test_an_open_claim_keeps_its_lines_from_release_and_all_others_go_their_way() -> None:
    life = received()
    life.do("receive", BUYER)
    life.settle_money()
    assert [line.funds for line in life.order.lines] == [Funds.ESCROW, Funds.RELEASED]
    life.refused("receive", BUYER, lines=["a"])


def test_a_refund_in_part_goes_back_once_and_the_rest_is_paid_out() -> None:
    life = settled_in_part(received("damaged"))
    assert (life.order.due_back, life.moved[Verb.REFUND]) == ((), A_HUNDRED)
    life.settle_money()
    assert life.order.line("a").funds is Funds.RELEASED
    assert (life.moved[Verb.REFUND], claim_of(life).status) == (A_HUNDRED, Status.RESOLVED)


def test_refunds_in_part_of_two_lines_wait_beside_each_other() -> None:
    life = received("damaged")
    life.answer = refuses_refunds
    settled_in_part(life)
    life.do("open_claim", BUYER, reason="damaged", lines=["b"])
    life.do("offer_refund", SELLER, amount="5.00 EUR", claim_id="c2")
    life.do("accept_offer", BUYER, claim_id="c2")
    assert life.order.due_back == (Part("a", A_HUNDRED), Part("b", Money.parse("5.00 EUR")))
    life.answer = done
    life.until("close")
    assert life.moved[Verb.REFUND] == Money.parse("105.00 EUR")


def test_a_refund_in_part_that_fails_is_no_lines_any_more_and_is_sent_again() -> None:
    life = settled_in_part(received("damaged"))
    refund = next(move for move in life.order.moves if move.verb is Verb.REFUND)
    life.do("refund_failed", Role.PROVIDER, refund=refund.ref)
    assert life.order.left(life.order.lines[0].line_id) == Money.parse("300.00 EUR")
    assert [stray.amount for stray in life.order.strays] == [A_HUNDRED]
    assert any(stuck.slices == (SUSPENSE,) for stuck in life.order.stuck)
    life.until("close")
    assert (life.order.strays, life.moved[Verb.REFUND]) == ((), A_HUNDRED + A_HUNDRED)


def test_a_second_claim_is_about_what_the_first_has_left() -> None:
    life = settled_in_part(received("damaged"))
    life.do("open_claim", BUYER, reason="incomplete", lines=["a"])
    life.do("grant_claim", SELLER)
    assert claim_of(life).awarded == (Part("a", Money.parse("300.00 EUR")),)
    assert life.order.line("a").state is LineState.REFUNDED


def test_a_line_has_one_open_claim_also_while_its_money_is_on_its_way() -> None:
    life = received("damaged")
    life.answer = refuses_refunds
    settled_in_part(life)
    assert life.refused("open_claim", BUYER, reason="damaged", lines=["a"]).code == "claim_open"


def test_a_claim_is_over_when_the_longest_escrow_has_decided_about_all_its_lines() -> None:
    life = shipped(bought())
    life.now += timedelta(days=60)
    life.do("open_claim", SPECIALIST, reason="not_received", lines=["a"])
    life.until("held_escrow_ends")
    life.settle_money()
    assert (claim_of(life).status, life.order.line("a").state) == (Status.RESOLVED, LineState.REFUNDED)


def test_a_granted_claim_is_resolved_when_its_money_is_made_and_not_before() -> None:
    life = received("damaged")
    life.answer = refuses_refunds
    life.do("grant_claim", SELLER)
    assert claim_of(life).status is Status.REFUND_APPROVED
    life.answer = done
    life.until("settle")
    assert claim_of(life).status is Status.RESOLVED


def test_a_delivery_wakes_a_claim_that_waits_and_asks_the_buyer() -> None:
    life = asleep()
    scan(life, "p1", "delivered")
    assert (claim_of(life).status, claim_of(life).until) == (Status.WAITING_FOR_BUYER, None)


def test_each_status_of_a_claim_has_its_whole_window_whatever_moved_the_last_one() -> None:
    life = received()
    life.do("extend", SPECIALIST, clock="claim", until=text_of(life.now + timedelta(days=20)), **NOTE)
    life.do("answer_claim", SELLER, **NOTE)
    until = add_business_days(life.order.buyer_calendar, life.now, life.order.policy.claims.reply)
    assert [clock.at for clock in deadlines(life.order) if clock.step == "claim_lapses"] == [until]


def test_an_outage_spares_the_clock_of_each_status_once() -> None:
    life = received("damaged", bought(prices=("400.00",)))
    late = timedelta(hours=3)
    assert [life.ring(late).step for _ in range(2)] == ["spare_after_outage", "claim_unanswered"]
    life.do("ask_party", SPECIALIST, of="seller", **NOTE)
    steps = [life.ring(late).step for _ in range(2)]
    assert steps == ["spare_after_outage", "claim_unanswered"]


def test_an_appeal_is_decided_by_somebody_else_and_for_good() -> None:
    life = decided("refund")
    life.do("appeal_claim", SELLER, **NOTE)
    assert life.refused("decide_claim", SPECIALIST, verdict="refund", **NOTE).code == "own_decision"
    life.do("decide_claim", OTHER_JUDGE, verdict="release", **NOTE)
    assert (claim_of(life).status, life.order.line("a").state) == (Status.CLOSED, LineState.ACCEPTED)
    life.refused("appeal_claim", BUYER, **NOTE)


def test_a_late_claim_opens_the_order_again() -> None:
    life = delivered(bought(), "strong")
    life.silence()
    assert life.over
    life.do("open_claim", BUYER, reason="damaged", lines=["a"])
    assert (life.over, life.order.closed_at) == (False, None)
    life.silence()
    assert life.moved[Verb.REFUND] == Money.parse("400.00 EUR")


def test_nobody_hears_of_a_claim_of_another_order() -> None:
    life = received()
    assert life.refused("answer_claim", SELLER, claim_id="c9").code == "claim_unknown"
    assert life.refused("decide_claim", OPERATOR, claim_id="c9", verdict="refund", **NOTE).code == "claim_unknown"


def test_a_decision_that_waits_for_an_appeal_is_not_overruled_by_the_longest_claim() -> None:
    life = received("damaged")
    life.until("claim_unanswered")
    life.now = claim_of(life).opened_at + timedelta(days=59)
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    assert "claim_times_out" not in [clock.step for clock in deadlines(life.order)]
    life.until("decision_stands")
    assert (claim_of(life).status, life.order.line("a").state) == (Status.CLOSED, LineState.ACCEPTED)


def test_a_claims_ticket_is_not_ended_without_a_decision() -> None:
    life = received("damaged")
    life.until("claim_unanswered")
    [ticket] = life.order.tickets
    refusal = life.refused("resolve_ticket", SPECIALIST, ticket_id=ticket.ticket_id, outcome="no_change", **NOTE)
    assert refusal.code == "claim_undecided"
    later = text_of(life.now + timedelta(days=3))
    life.do("resolve_ticket", SPECIALIST, ticket_id=ticket.ticket_id, outcome="extend", until=later, **NOTE)
    assert [each.ticket_id for each in life.order.tickets] == [ticket.ticket_id]


def test_a_claim_is_given_to_nobody_who_has_a_part_in_its_order_and_evidence_is_a_file_at_least() -> None:
    life = received("damaged")
    for party in (life.order.buyer, life.order.seller):
        assert life.refused("assign_claim", SPECIALIST, owner=party).code == "own_case"
    assert life.refused("add_evidence", BUYER, evidence=[]).code == "invalid"


def test_a_claims_ticket_is_given_to_somebody_who_can_have_an_id() -> None:
    life = received("damaged")
    life.until("claim_unanswered")
    [ticket] = life.order.tickets
    refusal = life.refused("assign_ticket", SPECIALIST, ticket_id=ticket.ticket_id, owner="x" * 65)
    assert refusal.code == "invalid"
    life.do("assign_ticket", SPECIALIST, ticket_id=ticket.ticket_id, owner="spec-9")
    life.do("assign_ticket", SPECIALIST, ticket_id=ticket.ticket_id, owner="")


def test_what_was_settled_is_not_claimed_for_again_by_the_buyer_and_a_specialist_may_open_it() -> None:
    life = settled_in_part(received("damaged"))
    assert life.refused("open_claim", BUYER, reason="damaged", lines=["a"]).code == "claim_decided"
    life.do("open_claim", BUYER, reason="damaged")
    assert claim_of(life).lines == ("b",), "what a buyer may not claim for is left out where no line is named"
    life.do("open_claim", SPECIALIST, reason="damaged", lines=["a"], **NOTE)
    assert claim_of(life).lines == ("a",)


def test_a_case_that_is_opened_again_is_not_decided_by_who_had_decided_it() -> None:
    life = decided("release")
    life.until("decision_stands")
    life.do("open_claim", SPECIALIST, reason="not_as_described", lines=["a"], **NOTE)
    assert life.refused("decide_claim", SPECIALIST, verdict="refund", **NOTE).code == "own_decision"
    life.do("decide_claim", OTHER_JUDGE, verdict="refund", **NOTE)


def test_a_line_is_claimed_for_a_few_times_only_and_then_by_a_specialist() -> None:
    life = received()
    for _ in range(2):
        life.do("withdraw_claim", BUYER)
        life.do("open_claim", BUYER, reason="damaged", lines=["a"])
    life.do("withdraw_claim", BUYER)
    assert life.refused("open_claim", BUYER, reason="damaged", lines=["a"]).code == "claims_left"
    assert "open_claim" in possible(life.order, ACTORS[BUYER], life.now), "line b was never claimed for"
    life.do("receive", BUYER, lines=["a"])
    life.do("open_claim", SPECIALIST, reason="damaged", lines=["a"], **NOTE)


def test_goods_that_come_back_first_are_decided_about_by_whom_asked_for_them_and_are_asked_for_once() -> None:
    life = escalated()
    life.do("decide_claim", SPECIALIST, verdict="return_first", **NOTE)
    assert life.refused("decide_claim", SPECIALIST, verdict="return_first", **NOTE).code == "return_known"
    life.do("send_return", BUYER, parcel_id="r1", carrier="dhl")
    assert life.refused("decide_claim", SPECIALIST, verdict="return_first", **NOTE).code == "return_known"
    life.do("decide_claim", SPECIALIST, verdict="refund", **NOTE)
    assert claim_of(life).judges == (ACTORS[SPECIALIST].id,)


def test_who_agreed_to_a_decision_has_decided_and_does_not_decide_about_the_appeal() -> None:
    life = received("damaged", bought(prices=("600.00", "20.00")))
    life.until("claim_unanswered")
    life.do("decide_claim", SPECIALIST, verdict="refund", **NOTE)
    assert life.order.approval is not None
    life.do("approve", OPERATOR, digest=life.order.approval.digest)
    assert claim_of(life).judges == (ACTORS[SPECIALIST].id, ACTORS[OPERATOR].id)
    life.do("appeal_claim", SELLER, **NOTE)
    assert life.refused("decide_claim", OPERATOR, verdict="release", **NOTE).code == "own_decision"
    life.do("decide_claim", OTHER_JUDGE, verdict="release", **NOTE)
    assert life.refused("approve", OPERATOR, digest=life.order.approval.digest).code == "own_decision"
    life.do("approve", Actor(Role.OPERATOR, "operator-2"), digest=life.order.approval.digest)
    assert claim_of(life).status is Status.CLOSED


def test_an_approval_ends_with_the_claim_that_it_was_about() -> None:
    life = received("damaged", bought(prices=("600.00", "20.00")))
    life.until("claim_unanswered")
    life.do("decide_claim", SPECIALIST, verdict="refund", **NOTE)
    life.do("withdraw_claim", BUYER)
    assert life.order.approval is None
    assert life.do("release", OPERATOR, **NOTE).step == "ask_second_operator"


def test_a_decision_is_carried_out_at_the_end_of_escrow_although_an_appeal_were_still_possible() -> None:
    life = received("damaged")
    life.until("claim_unanswered")
    captured = life.order.payment.captured_at
    assert captured is not None
    escrow = life.order.policy.escrow
    end = captured + timedelta(days=escrow.longest - escrow.margin)
    life.now = end - timedelta(hours=1)
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    assert "held_escrow_ends" not in [clock.step for clock in deadlines(life.order)]
    life.until("decision_stands")
    assert (life.now, life.order.line("a").state) == (end, LineState.ACCEPTED)
    assert Verb.REFUND not in life.moved


def test_the_time_for_late_claims_counts_from_the_first_end_of_the_order() -> None:
    life = delivered(bought(), "strong")
    life.silence()
    first = life.now
    life.now = first + timedelta(days=40)
    life.do("open_claim", BUYER, reason="damaged", lines=["a"])
    life.do("withdraw_claim", BUYER)
    life.silence()
    assert life.over
    life.now = max(life.now, first + timedelta(days=61))
    assert life.refused("open_claim", BUYER, reason="damaged", lines=["b"]).code == "claim_window"


def test_a_claim_about_a_missing_parcel_takes_the_place_of_its_ticket() -> None:
    life = shipped(bought(prices=("400.00",)))
    life.until("parcel_stalled")
    assert [ticket.cause for ticket in life.order.tickets] == [Cause.PARCEL_STALLED]
    life.do("open_claim", BUYER, reason="not_received")
    assert not life.order.tickets
    life.do("withdraw_claim", BUYER)
    assert [clock.step for clock in deadlines(life.order) if clock.step == "parcel_stalled"]


@pytest.mark.parametrize("carrier", ["", "  ", "DHL\n\nTo get it pay 9 EUR: https://evil.example", "D" * 65])
def test_the_carrier_of_a_return_is_one_printable_line(carrier: str) -> None:
    life = return_asked()
    refused = life.ask("send_return", BUYER, parcel_id="r1", carrier=carrier)
    assert isinstance(refused, Refusal)
    assert refused.reason == "body.carrier: must be one line of 1 to 64 printable characters"


def test_who_withdraws_on_appeal_does_not_claim_for_the_same_again() -> None:
    life = decided("release")
    life.do("appeal_claim", BUYER, **NOTE)
    life.do("withdraw_claim", BUYER)
    assert life.refused("open_claim", BUYER, reason="not_as_described", lines=["a"]).code == "claim_decided"
    life.do("open_claim", SPECIALIST, reason="not_as_described", lines=["a"], **NOTE)
    assert life.refused("decide_claim", SPECIALIST, verdict="refund", **NOTE).code == "own_decision"


def test_a_claims_ticket_and_its_claim_have_one_owner_and_never_a_party() -> None:
    life = escalated()
    (ticket,) = life.order.tickets
    life.do("assign_ticket", SPECIALIST, ticket_id=ticket.ticket_id, owner="specialist-3")
    assert (claim_of(life).owner, life.order.tickets[0].owner) == ("specialist-3", "specialist-3")
    refusal = life.refused("assign_ticket", SPECIALIST, ticket_id=ticket.ticket_id, owner="seller-1")
    assert refusal.code == "own_case"


def test_who_decides_about_a_large_sum_is_told_that_it_waits_for_a_second_operator() -> None:
    life = received(order=bought(prices=("900.00",)))
    life.until("claim_unanswered")
    decision = life.do("decide_claim", SPECIALIST, verdict="refund", **NOTE)
    body = {"verdict": "refund", **NOTE}
    about = Command("decide_claim", "c-9", Actor(SPECIALIST, "specialist-1"), body)
    told = verdict(life.order, decision.after.seq, about.actor, life.now, about)
    assert (told["next"], told["waiting_on"]) == ("decide_claim waits for a second operator", "operator")


@pytest.mark.parametrize(("verdict", "loser"), [("release", BUYER), ("refund", SELLER)])
def test_who_appeals_late_is_heard_all_the_same(verdict: str, loser: Role) -> None:
    life = escalated()
    end = next(clock.at for clock in deadlines(life.order) if clock.step == "claim_times_out")
    while life.now < end - timedelta(days=1):
        life.do("ask_party", SPECIALIST, of="buyer", **NOTE)
        life.do("answer_claim", BUYER, **NOTE)
        life.now += timedelta(days=1)
    life.do("decide_claim", SPECIALIST, verdict=verdict, **NOTE)
    life.now = max(life.now, end) + timedelta(minutes=1)
    life.do("appeal_claim", loser, **NOTE)
    ends = [clock.at for clock in deadlines(life.order) if clock.step == "claim_times_out"]
    assert ends == [life.now + timedelta(days=life.order.policy.claims.longest)]
    life.do("decide_claim", OTHER_JUDGE, verdict="release", **NOTE)


def test_an_offer_that_is_more_than_is_left_gives_all_that_is_left() -> None:
    life = delivered(bought())
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a", "b"])
    life.do("offer_refund", SELLER, amount="410.00 EUR")
    life.do("open_dispute", Role.PROVIDER, dispute="dp", amount="20.00 EUR", fee="0.00 EUR", reason="fraudulent")
    life.do("lose_dispute", Role.PROVIDER, dispute="dp")
    life.settle_money()
    life.do("accept_offer", BUYER)
    life.settle_money()
    assert all(line.state is LineState.REFUNDED for line in life.order.lines)


def test_a_seller_asks_the_shop_once_and_takes_no_case_from_the_desk() -> None:
    life = escalated()
    assert life.refused("escalate_upstream", SELLER).code == "claim_status"
    life.do("escalate_upstream", SPECIALIST)
    life.do("answer_upstream", SELLER)
    assert "was passed upstream before" in life.refused("escalate_upstream", SELLER).reason
