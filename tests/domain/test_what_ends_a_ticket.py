"""Which steps of the desk end a ticket that they name: those that act on what it is about, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from domain.claims.case import Status
from domain.decide import Command, Decision, Refusal, decide
from domain.desk import reused_number
from domain.fold import apply_all
from domain.money import Verb
from domain.process import STEPS
from domain.state import DESK, Cause, Order, Role
from domain.summary import menders
from domain.tickets import ACTS
from tests.domain.claims_world import escalated
from tests.domain.lives import NOTE, capture_failed, confirm_overdue, disputed, release_refused, ship_overdue
from tests.domain.world import ACTORS, Life, confirmed, delivered, new_order, no, scan, shipped, text_of, unclear

BUYER, SELLER, SPECIALIST, OPERATOR = Role.BUYER, Role.SELLER, Role.SPECIALIST, Role.OPERATOR


def two_parcels(prices: tuple[str, ...] = ("90.00", "20.00")) -> Life:
    """Line ``a`` in parcel ``p1``, line ``b`` in ``p2``."""
    life = confirmed(new_order(prices=prices))
    for parcel, line in (("p1", "a"), ("p2", "b")):
        life.do("ship", SELLER, parcel_id=parcel, carrier="dhl", lines=[line])
    return life


def asked_for_more() -> Life:
    life = ship_overdue()
    life.do("ask_time", SELLER, days=5)
    life.do("request_cancel", BUYER, reason="too_slow", lines=["b"])
    return life


def stalled() -> Life:
    life = two_parcels()
    scan(life, "p2", "delivered")
    life.until("parcel_stalled")
    return life


def went(milestone: str) -> Life:
    life = two_parcels()
    scan(life, "p2", "delivered")
    scan(life, "p1", milestone)
    return life


def number_reused() -> Life:
    life = two_parcels()
    life.order = apply_all(life.order, reused_number(life.order, "p1", life.now))
    return life


def receipt_missing() -> Life:
    life = two_parcels(("200.00", "90.00"))
    scan(life, "p1", "delivered", "weak")
    life.until("receipt_overdue")
    return life


def in_doubt() -> Life:
    life = delivered(answer=unclear(Verb.RELEASE))
    life.do("receive", BUYER, lines=["a"])
    life.until("money_overdue")
    return life


def refund_refused() -> Life:
    life = delivered(answer=no("InsufficientFunds", Verb.REFUND))
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    return life


def two_claims() -> Life:
    life = delivered(new_order(prices=("400.00", "20.00")))
    for line in ("a", "b"):
        life.do("open_claim", BUYER, reason="damaged", lines=[line])
    for claim in ("c1", "c2"):
        life.do("escalate_claim", SELLER, claim_id=claim)
    return life


LIVES: Mapping[Cause, tuple[Callable[[], Life], ...]] = {
    Cause.CONFIRM_OVERDUE: (confirm_overdue,),
    Cause.SHIP_OVERDUE: (asked_for_more,),
    Cause.PARCEL_STALLED: (stalled,),
    Cause.PARCEL_RETURNED: (lambda: went("returned"),),
    Cause.PARCEL_LOST: (lambda: went("lost"),),
    Cause.NUMBER_REUSED: (number_reused, lambda: with_number_reused(stalled())),
    Cause.RECEIPT_MISSING: (receipt_missing,),
    Cause.MONEY_UNKNOWN: (in_doubt,),
    Cause.MONEY_FAILED: (release_refused, refund_refused, capture_failed),
    Cause.DISPUTE: (disputed,),
    Cause.CLAIM: (two_claims,),
}


def with_number_reused(life: Life) -> Life:
    life.order = apply_all(life.order, reused_number(life.order, "p1", life.now))
    return life


ABOUT_LINES: tuple[dict[str, Any], ...] = ({}, {"lines": ["a"]}, {"lines": ["b"]})
ABOUT_CLAIMS: tuple[dict[str, Any], ...] = ({"claim_id": "c1"}, {"claim_id": "c2"})
MILESTONES = ("in_transit", "delivered", "lost", "returned")
CLOCKS = ("pay", "confirm", "ship", "receipt", "stall", "claim")


def messages(life: Life, name: str) -> list[dict[str, Any]]:
    """Messages for a step of the desk, about either subject, or about none by name."""
    now, later = text_of(life.now), text_of(life.now + timedelta(days=2))
    scans = [{"parcel_id": p, "milestone": told, "at": now} for told in MILESTONES for p in ("p1", "p2")]
    claims = [{"reason": why, **about} for why in ("damaged", "not_received") for about in ABOUT_LINES]
    return {
        "confirm": list(ABOUT_LINES),
        "cancel": [{"reason": "other", **about} for about in ABOUT_LINES],
        "decline": [{"reason": "other", **about} for about in ABOUT_LINES],
        "ship": [{"parcel_id": "p9", "carrier": "dhl", **about} for about in ABOUT_LINES],
        "release": [{**NOTE, **about} for about in ABOUT_LINES],
        "refund": [{**NOTE, **about} for about in ABOUT_LINES],
        "open_claim": claims,
        "parcel_scan": scans,
        "extend": [{"clock": clock, "until": later, **NOTE} for clock in CLOCKS],
        "pause": [{"until": later, **NOTE}],
        "message": [{"message_id": "m-1"}],
        "more_time_to_pay": [{"days": 1}],
        "ask_time": [{"days": 1}],
        "payout_account": [{"account": "acct_9"}],
        "adopt_policy": [{"policy": life.order.policy.to_plain(), **NOTE}],
        "assign_ticket": [{"ticket_id": life.order.tickets[0].ticket_id, "owner": "ann"}],
        "decide_claim": [{"verdict": "refund", **NOTE, **about} for about in ABOUT_CLAIMS],
        "ask_party": [{"of": "buyer", **NOTE, **about} for about in ABOUT_CLAIMS],
        "assign_claim": [{"owner": "ann", **about} for about in ABOUT_CLAIMS],
        "add_evidence": [{"evidence": ["e-1"], **about} for about in ABOUT_CLAIMS],
        "escalate_upstream": list(ABOUT_CLAIMS),
        "answer_upstream": list(ABOUT_CLAIMS),
    }.get(name, [{}, NOTE])


OF_THE_DESK = [(row.name, role) for row in STEPS for role in DESK if role in row.by and row.name != "resolve_ticket"]


def tried(life: Life, cause: Cause) -> Iterator[tuple[str, dict[str, Any], Decision | Refusal]]:
    """Every step of the desk, naming the ticket."""
    ticket = next(ticket for ticket in life.order.tickets if ticket.cause is cause)
    for name, role in OF_THE_DESK:
        for body in messages(life, name):
            answer = decide(life.order, Command(name, "c-x", ACTORS[role], body, ticket.ticket_id), life.now)
            assert isinstance(answer, Decision | Refusal)
            yield name, body, answer


def is_mended(cause: Cause, before: Order, after: Order) -> bool:
    """Whether what a ticket of that cause was about, the first subject of each life, is mended or put off."""
    a = after.line("a")
    match cause:
        case Cause.CONFIRM_OVERDUE:
            return all(line.state != "pending" for line in after.lines) or before.moved != after.moved
        case Cause.SHIP_OVERDUE:
            return all(line.state != "confirmed" for line in after.lines) or before.moved != after.moved
        case Cause.PARCEL_STALLED:
            return (
                a.state != "shipped" or a.held != "" or before.parcels != after.parcels or before.moved != after.moved
            )
        case Cause.PARCEL_LOST | Cause.PARCEL_RETURNED:
            instead = any(ticket.cause is Cause.PARCEL_RETURNED for ticket in after.tickets)
            return a.held != "parcel:p1" or instead
        case Cause.NUMBER_REUSED | Cause.RECEIPT_MISSING:
            return a.state in ("accepted", "refunded") or a.held != "" or before.moved != after.moved
        case Cause.MONEY_FAILED:
            return not after.live
        case Cause.CLAIM:
            return after.claims[0].status is not Status.ESCALATED
        case _:
            return False


@pytest.mark.parametrize("cause", Cause)
def test_the_steps_that_act_on_a_ticket_are_those_that_the_table_tells_and_only_for_its_subject(cause: Cause) -> None:
    acted = set()
    for live in LIVES[cause]:
        life = live()
        ticket = next(ticket for ticket in life.order.tickets if ticket.cause is cause)
        for name, body, answer in tried(life, cause):
            if isinstance(answer, Refusal):
                continue
            acted.add(name)
            if answer.after.ticket(ticket.ticket_id) is None:
                assert is_mended(cause, life.order, answer.after), (name, body)
    assert acted == set(ACTS[cause])


@pytest.mark.parametrize("cause", Cause)
def test_a_step_that_does_nothing_about_a_ticket_is_refused_and_says_what_would_do(cause: Cause) -> None:
    for live in LIVES[cause]:
        life = live()
        ticket = next(ticket for ticket in life.order.tickets if ticket.cause is cause)
        refused = life.refused("note", SPECIALIST, ticket.ticket_id, **NOTE)
        assert refused.code == "not_of_ticket"
        assert refused.reason.startswith(f"note as asked does nothing about ticket {ticket.ticket_id} ({cause}")
        assert refused.reason.endswith(" or ".join((*ACTS[cause], "resolve_ticket")))
        life.do("note", SPECIALIST, **NOTE)
        assert life.order.ticket(ticket.ticket_id) is not None


@pytest.mark.parametrize("cause", Cause)
def test_what_the_desk_is_told_to_type_for_a_ticket_is_what_acts_on_it(cause: Cause) -> None:
    for live in LIVES[cause]:
        life = live()
        ticket = next(ticket for ticket in life.order.tickets if ticket.cause is cause)
        told = {command.partition(" ")[0].replace("-", "_") for command in menders(life.order, ticket)}
        assert told - {"note", "pay", "resolve_ticket"} <= set(ACTS[cause])


@pytest.mark.parametrize("cause", Cause)
def test_every_ticket_can_be_ended_by_hand_or_put_off(cause: Cause) -> None:
    for live in LIVES[cause]:
        life = live()
        ticket = next(ticket for ticket in life.order.tickets if ticket.cause is cause)
        about = {"ticket_id": ticket.ticket_id, **NOTE}
        if cause is not Cause.CLAIM:
            life.do("resolve_ticket", SPECIALIST, outcome="no_change", **about)
            assert life.order.ticket(ticket.ticket_id) is None
        else:
            until = text_of(life.now + timedelta(days=1))
            life.do("resolve_ticket", SPECIALIST, outcome="extend", until=until, **about)


def test_what_settles_a_part_of_a_lost_parcel_leaves_its_ticket_for_the_rest() -> None:
    life = shipped()
    scan(life, "p1", "lost")
    [ticket] = life.order.tickets
    life.do("refund", SPECIALIST, ticket.ticket_id, lines=["a"], **NOTE)
    assert [open_one.ticket_id for open_one in life.order.tickets] == [ticket.ticket_id]
    life.do("refund", SPECIALIST, ticket.ticket_id, **NOTE)
    assert (life.states, life.order.tickets) == (("refunded", "refunded"), ())


@pytest.mark.parametrize("name", ["release", "refund"])
@pytest.mark.parametrize("milestone", ["lost", "returned"])
def test_who_names_no_line_means_none_that_a_parcel_gone_wrong_holds(name: str, milestone: str) -> None:
    life = went(milestone)
    [ticket] = life.order.tickets
    life.do(name, SPECIALIST, **NOTE)
    life.settle_money()
    a, b = life.order.lines
    assert (a.state, a.held, b.state) == ("shipped", "parcel:p1", "accepted" if name == "release" else "refunded")
    assert life.order.tickets == (ticket,)
    refused = life.refused(name, SPECIALIST, **NOTE)
    assert (refused.code, refused.reason) == (
        "lines_not_named",
        "name the lines, or the ticket of their parcel: a is held by parcel:p1, which is lost or came back",
    )
    life.do(name, SPECIALIST, ticket.ticket_id, **NOTE)
    assert not life.order.tickets


def test_leaving_another_ticket_of_a_lost_parcel_as_it_is_frees_none_of_its_lines() -> None:
    life = with_number_reused(two_parcels())
    scan(life, "p1", "lost")
    reused, lost = sorted(life.order.tickets, key=lambda ticket: ticket.cause)
    life.do("resolve_ticket", SPECIALIST, ticket_id=reused.ticket_id, outcome="no_change", **NOTE)
    assert life.order.tickets == (lost,)
    assert life.order.line("a").held == "parcel:p1"


@pytest.mark.parametrize("name", ["refund", "release"])
def test_what_had_arrived_and_came_back_is_not_left_to_a_silence_that_pays_for_it(name: str) -> None:
    life = delivered(proof="strong")
    scan(life, "p1", "returned")
    [ticket] = life.order.tickets
    asked = {"ticket_id": ticket.ticket_id, "outcome": "no_change", **NOTE}
    refused = life.refused("resolve_ticket", SPECIALIST, **asked)
    assert refused.code == "goods_came_back"
    assert refused.reason.startswith("a, b had arrived and came back, so that silence would pay the seller for it; ")
    assert refused.reason.endswith(f"; refund or release it, and name ticket {ticket.ticket_id} in that")
    life.do(name, SPECIALIST, ticket.ticket_id, **NOTE)
    assert not life.order.tickets


def test_money_that_is_tried_again_keeps_its_ticket_until_the_provider_has_answered() -> None:
    life = in_doubt()
    [ticket] = life.order.tickets
    life.do("retry", SPECIALIST, ticket.ticket_id, **NOTE)
    assert life.order.tickets == (ticket,), "nobody knows yet"
    life.answer = unclear(Verb.CAPTURE)
    life.settle_money()
    assert not life.order.tickets


def test_a_claim_that_is_not_decided_keeps_its_ticket() -> None:
    life = escalated()
    [ticket] = life.order.tickets
    later = text_of(life.now + timedelta(days=3))
    for name, body in (
        ("add_evidence", {"evidence": ["e-1"]}),
        ("assign_claim", {"owner": "ann"}),
        ("extend", {"clock": "receipt", "until": later, **NOTE}),
        ("open_claim", {"reason": "damaged", "lines": ["b"]}),
        ("release", {"lines": ["b"], **NOTE}),
    ):
        assert life.refused(name, SPECIALIST, ticket.ticket_id, **body).code == "not_of_ticket", name
    assert life.refused("pause", OPERATOR, ticket.ticket_id, until=later, **NOTE).code == "not_of_ticket"
    assert life.refused("payout_account", OPERATOR, ticket.ticket_id, account="acct_2").code == "not_of_ticket"
    assert life.order.tickets == (ticket,)
