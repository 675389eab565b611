"""A carrier brings the goods back to a seller who has, or is to have, their money."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain import wire
from domain.claims.case import Status
from domain.decide import Refusal
from domain.money import Money, Verb
from domain.parcels.parcel import Milestone
from domain.parcels.scans import scans
from domain.state import Cause, Funds, LineState, Role
from domain.summary import summary
from tests.domain.claims_world import (
    BUYER,
    NOTE,
    OTHER_JUDGE,
    SELLER,
    SPECIALIST,
    bought,
    missing,
    received,
    refuses_refunds,
)
from tests.domain.test_returns import seen
from tests.domain.world import Life, confirmed, delivered, done, new_order, scan, shipped

PRICES = ("100.00", "20.00")


def accepted(prices: tuple[str, ...] = PRICES, account: str = "acct_1") -> Life:
    """A silent buyer's goods came, and their money is the seller's."""
    life = delivered(new_order(prices=prices, account=account))
    life.until("accept_on_weak_proof")
    while life.order.line(life.order.lines[-1].line_id).state is not LineState.ACCEPTED:
        life.ring()
    life.settle_money()
    return life


def comes_back(life: Life, parcel_id: str = "p1") -> None:
    """Its carrier tells of the parcel that the seller has it."""
    life.now += timedelta(hours=2)
    for told in scans(life.order, parcel_id, seen(Milestone.RETURNED, life.now), "easypost"):
        life.do("parcel_scan", told.actor, **told.body)


def work(life: Life) -> list[tuple[Cause, str]]:
    return [(ticket.cause, ticket.subject) for ticket in life.order.tickets]


def funds(life: Life) -> list[Funds]:
    return [line.funds for line in life.order.lines]


def status(life: Life) -> Status:
    return life.order.claims[0].status


@pytest.mark.parametrize("account", ["acct_1", ""])
def test_what_silence_had_accepted_and_the_carrier_brings_back_is_a_persons_work(account: str) -> None:
    life = accepted(account=account)
    comes_back(life)
    assert work(life) == [(Cause.PARCEL_RETURNED, "p1")]
    assert [line.held for line in life.order.lines] == ["parcel:p1", "parcel:p1"]
    what = "aftersale refund o-1 --line a --line b --reason '...' (or resolve-ticket)"
    assert summary(life.order).reason.endswith(what)


@pytest.mark.parametrize("account", ["acct_1", ""])
def test_a_person_gives_the_money_back_for_what_came_back_and_gets_it_from_the_seller(account: str) -> None:
    life = accepted(account=account)
    comes_back(life)
    [ticket] = life.order.tickets
    life.do("refund", SPECIALIST, ticket.ticket_id, **NOTE)
    life.settle_money()
    assert not life.order.tickets
    assert funds(life) == [Funds.REFUNDED] * 2
    assert life.moved[Verb.REFUND] == Money.parse("125.00 EUR")
    assert life.moved.get(Verb.REVERSE_RELEASE) == life.moved.get(Verb.RELEASE)
    life.silence()


@pytest.mark.parametrize("account", ["acct_1", ""])
def test_a_person_leaves_the_money_with_the_seller(account: str) -> None:
    life = accepted(account=account)
    comes_back(life)
    [ticket] = life.order.tickets
    asked = {"ticket_id": ticket.ticket_id, **NOTE}
    life.do("resolve_ticket", SPECIALIST, outcome="no_change", **asked)
    assert not life.order.tickets
    assert [line.held for line in life.order.lines] == ["", ""]
    assert Verb.REFUND not in life.moved
    if account:
        life.silence()
        assert funds(life) == [Funds.RELEASED] * 2


def test_a_ticket_about_what_was_paid_out_can_be_put_off_and_is_not_released_again() -> None:
    life = accepted()
    comes_back(life)
    [ticket] = life.order.tickets
    assert "shipped or delivered" in life.refused("release", SPECIALIST, ticket.ticket_id, **NOTE).reason
    until = (life.now + timedelta(days=9)).isoformat().replace("+00:00", "Z")
    asked = {"ticket_id": ticket.ticket_id, "outcome": "extend", "until": until, **NOTE}
    life.do("resolve_ticket", SPECIALIST, **asked)
    assert life.order.tickets[0].due == life.now + timedelta(days=9)


def test_nobodys_silence_leaves_a_seller_both_goods_and_money() -> None:
    life = accepted()
    comes_back(life)
    longest = timedelta(days=life.order.policy.escrow.longest - life.order.policy.escrow.margin)
    ends = life.now + longest
    life.until("held_escrow_ends")
    assert life.now == ends
    life.silence()
    assert funds(life) == [Funds.REFUNDED] * 2
    assert life.moved[Verb.REVERSE_RELEASE] == life.moved[Verb.RELEASE]


def test_what_the_buyer_has_received_no_carrier_takes_back() -> None:
    life = delivered(new_order(prices=PRICES))
    life.do("receive", BUYER, lines=["a"])
    life.until("accept_on_weak_proof")
    life.settle_money()
    comes_back(life)
    assert work(life) == [(Cause.PARCEL_RETURNED, "p1")]
    assert [line.held for line in life.order.lines] == ["", "parcel:p1"]


def rejected() -> Life:
    """The buyer misses a line, and the platform does not believe it."""
    life = missing()
    life.do("escalate_claim", SELLER)
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    life.until("decision_stands")
    life.settle_money()
    return life


def test_what_was_decided_for_the_seller_is_decided_anew_when_the_carrier_brings_the_goods_back() -> None:
    life = rejected()
    assert (status(life), life.order.line("a").funds) == (Status.CLOSED, Funds.RELEASED)
    comes_back(life)
    assert (status(life), life.order.claims[0].appealed) == (Status.ESCALATED, True)
    assert [line.held for line in life.order.lines] == ["claim:c1", "parcel:p1"], "the other line was on its way"
    assert sorted(work(life)) == [(Cause.CLAIM, "c1"), (Cause.PARCEL_RETURNED, "p1")]
    assert life.refused("decide_claim", SPECIALIST, verdict="refund", **NOTE).code == "own_decision"
    life.do("decide_claim", OTHER_JUDGE, verdict="refund", **NOTE)
    life.settle_money()
    assert life.order.line("a").funds is Funds.REFUNDED
    life.silence()


def test_a_part_that_was_agreed_on_is_looked_at_again_for_what_is_left() -> None:
    life = received(order=bought())
    life.do("offer_refund", SELLER, amount="100.00 EUR")
    life.do("accept_offer", BUYER)
    life.settle_money()
    comes_back(life)
    assert status(life) is Status.ESCALATED
    life.silence()
    assert life.order.line("a").funds is Funds.REFUNDED
    assert life.moved[Verb.REFUND] >= Money.parse("400.00 EUR")


def test_a_claim_is_not_decided_anew_beside_money_of_it_that_is_on_its_way() -> None:
    life = received(order=bought())
    life.answer = refuses_refunds
    life.do("offer_refund", SELLER, amount="100.00 EUR")
    life.do("accept_offer", BUYER)
    comes_back(life)
    assert (status(life), work(life)[-1]) == (Status.REFUND_APPROVED, (Cause.PARCEL_RETURNED, "p1"))
    assert [line.held for line in life.order.lines] == ["parcel:p1"] * 2
    life.do("refund", SPECIALIST, life.order.tickets[-1].ticket_id, **NOTE)
    life.answer = done
    life.do("retry", SPECIALIST, **NOTE)
    life.silence()
    assert life.moved[Verb.REFUND] == Money.parse("425.00 EUR")


def test_what_was_decided_with_the_goods_in_the_sellers_hands_stands() -> None:
    life = received(order=bought())
    life.do("grant_claim", SELLER)
    life.do("send_return", BUYER, parcel_id="r1", carrier="dhl")
    life.do("receive_return", SELLER)
    life.do("inspect_return", SELLER, finding="used")
    life.until("decision_stands")
    life.settle_money()
    comes_back(life)
    assert status(life) in (Status.RESOLVED, Status.CLOSED)
    assert life.order.line("a").held == ""


def test_a_claim_that_nobody_decided_leaves_what_comes_back_to_the_desk() -> None:
    life = received(order=bought(prices=PRICES))
    life.do("withdraw_claim", BUYER)
    life.until("accept_on_weak_proof")
    life.settle_money()
    comes_back(life)
    assert status(life) is Status.RESOLVED
    assert (Cause.PARCEL_RETURNED, "p1") in work(life)


def test_of_a_claim_about_two_parcels_only_what_came_back_is_decided_anew() -> None:
    life = confirmed(bought())
    for parcel_id, line in (("p1", "a"), ("p2", "b")):
        life.do("ship", SELLER, parcel_id=parcel_id, carrier="dhl", lines=[line])
    life.now += timedelta(days=1)
    for parcel_id in ("p1", "p2"):
        scan(life, parcel_id, "delivered")
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a", "b"])
    life.do("escalate_claim", SELLER)
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    life.until("decision_stands")
    life.settle_money()
    comes_back(life)
    assert [line.held for line in life.order.lines] == ["claim:c1", ""]


def test_the_way_back_of_a_lost_parcel_says_nothing_of_what_came_instead() -> None:
    life = shipped(new_order(prices=PRICES))
    scan(life, "p1", "lost")
    [ticket] = life.order.tickets
    life.do("resolve_ticket", SPECIALIST, ticket_id=ticket.ticket_id, outcome="no_change", **NOTE)
    life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["a", "b"])
    life.now += timedelta(days=1)
    scan(life, "p2", "delivered", "strong")
    while {line.state for line in life.order.lines} != {LineState.ACCEPTED}:
        life.ring()
    life.settle_money()
    comes_back(life)
    assert (work(life), [line.held for line in life.order.lines]) == ([], ["", ""])


def test_after_the_end_of_the_order_nothing_is_heard_of_it() -> None:
    life = accepted()
    life.until("close")
    at = life.now.isoformat().replace("+00:00", "Z")
    told = life.ask("parcel_scan", Role.CARRIER, parcel_id="p1", milestone="returned", at=at)
    assert isinstance(told, Refusal)
    assert told.code == "order_over"


def bank_decides(life: Life, word: str, days: int = 90, **about: str) -> None:
    body = {"dispute": "dp_1", "amount": "40.00 EUR", "fee": "15.00 EUR", "reason": "fraudulent", **about}
    life.do("open_dispute", Role.PROVIDER, **body)
    if word == "silence":
        life.until("dispute_lapses")
        return
    life.wait(days=days)
    fee = {"fee": "15.00 EUR"} if word == "win_dispute" else {}
    life.do(word, Role.PROVIDER, dispute="dp_1", **fee)


@pytest.mark.parametrize("word", ["win_dispute", "lose_dispute", "silence"])
def test_after_the_bank_has_decided_the_desk_has_its_time_however_long_that_took(word: str) -> None:
    life = accepted(prices=("100.00",))
    comes_back(life)
    bank_decides(life, word)
    decided, [ticket] = life.now, [each for each in life.order.tickets if each.cause is Cause.PARCEL_RETURNED]
    assert (ticket.escalations, ticket.due > decided) == (0, True)
    end = life.until("held_escrow_ends")
    assert life.now >= ticket.due
    assert end.after.line("a").state is LineState.REFUNDED


def test_a_person_who_extends_the_ticket_afterwards_takes_none_of_that_time_away() -> None:
    life = accepted(prices=("100.00",))
    comes_back(life)
    bank_decides(life, "win_dispute")
    [ticket] = [each for each in life.order.tickets if each.cause is Cause.PARCEL_RETURNED]
    until = wire.instant_text(life.now + timedelta(days=9))
    asked = {"ticket_id": ticket.ticket_id, "outcome": "extend", "until": until, **NOTE}
    life.do("resolve_ticket", SPECIALIST, **asked)
    life.until("held_escrow_ends")
    assert life.now == ticket.due


def test_what_the_bank_decides_about_another_payment_leaves_the_desks_tickets_alone() -> None:
    life = accepted(prices=("100.00",))
    life.do("payment_found", Role.PROVIDER, payment_intent="pi_2", charge="ch_2", amount="5.00 EUR")
    comes_back(life)
    bank_decides(life, "win_dispute", 20, amount="5.00 EUR", charge="ch_2")
    [ticket] = [each for each in life.order.tickets if each.cause is Cause.PARCEL_RETURNED]
    assert (ticket.kept_until, ticket.due < life.now) == (None, True)


def test_no_person_puts_off_the_end_of_what_came_back_for_ever() -> None:
    life = accepted(prices=("100.00",))
    comes_back(life)
    came, days = life.now, life.order.policy.pause.longest
    for _ in range(5):
        if not life.order.tickets:
            break
        extended = {"outcome": "extend", "until": wire.instant_text(life.now + timedelta(days=days)), **NOTE}
        life.do("resolve_ticket", SPECIALIST, ticket_id=life.order.tickets[0].ticket_id, **extended)
        life.wait(days=days - 1)
    policy = life.order.policy.escrow
    assert life.now - came < timedelta(days=policy.longest - policy.margin + days)
    assert funds(life) == [Funds.REFUNDED]


def test_what_a_person_leaves_with_the_seller_no_earlier_box_takes_back() -> None:
    life = confirmed(new_order(prices=("100.00",)))
    for parcel in ("p1", "p2"):
        life.do("ship", SELLER, parcel_id=parcel, carrier="dhl", lines=["a"])
    life.settle_money()
    for parcel in ("p1", "p2"):
        scan(life, parcel, "delivered", "strong")
    life.until("accept_on_strong_proof")
    life.settle_money()
    comes_back(life, "p1")
    life.wait(days=84)
    comes_back(life, "p2")
    life.wait(days=2)
    [ticket] = life.order.tickets
    life.do("resolve_ticket", SPECIALIST, ticket_id=ticket.ticket_id, outcome="no_change", **NOTE)
    life.silence()
    assert (funds(life), life.over, Verb.REVERSE_RELEASE in life.moved) == ([Funds.RELEASED], True, False)
