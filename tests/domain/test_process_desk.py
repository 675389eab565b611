from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.business_time import add_business_days
from domain.deadlines import deadlines
from domain.decide import Refusal, possible
from domain.money import Money, Verb
from domain.policy import SecondOperator
from domain.state import Actor, Cause, Order, Role, Stage
from domain.summary import menders
from tests.domain.lives import (
    LARGE,
    NOTE,
    capture_failed,
    confirm_overdue,
    dear_and_silent,
    lost,
    refused_release_then_refunded,
    waiting_for_second_operator,
)
from tests.domain.world import (
    ACTORS,
    POLICY,
    SECOND_OPERATOR,
    START,
    WEEKS,
    Life,
    confirmed,
    delivered,
    done,
    new_order,
    next_clock,
    no,
    paid,
    shipped,
    text_of,
    unclear,
)


def at_of(order: Order, step: str) -> list[datetime]:
    return [clock.at for clock in deadlines(order) if clock.step == step]


# Pause and extension.


def test_a_pause_keeps_the_remaining_business_time_of_every_party_clock() -> None:
    life = paid()
    (before,) = at_of(life.order, "confirm_overdue")
    life.now += timedelta(days=1)
    life.do("pause", Role.OPERATOR, until=text_of(life.now + timedelta(days=14)), **NOTE)
    assert not at_of(life.order, "confirm_overdue")
    life.now += timedelta(days=1)
    life.do("resume", Role.OPERATOR, **NOTE)
    assert at_of(life.order, "confirm_overdue") == [before + timedelta(days=1)]


def test_a_pause_ends_by_itself_and_never_stops_the_clock_of_the_hold() -> None:
    life = confirmed()
    life.do("pause", Role.PROVIDER, until=text_of(life.now + timedelta(days=20)), review=True, **NOTE)
    assert life.silence() == ["hold_lapses"]
    other = delivered()
    other.do("pause", Role.OPERATOR, until=text_of(other.now + timedelta(days=20)), **NOTE)
    assert other.ring().step == "pause_ends"
    assert other.order.paused is None


@pytest.mark.parametrize("days", [0, -1, 31])
def test_a_pause_has_an_end_within_policy(days: int) -> None:
    life = paid()
    until = text_of(life.now + timedelta(days=days))
    assert life.refused("pause", Role.OPERATOR, until=until, **NOTE).code == "invalid"


def test_extending_a_clock_moves_all_its_tiers_and_lets_a_passed_one_ring_again() -> None:
    life = confirm_overdue()
    (end,) = at_of(life.order, "confirm_lapses")
    until = add_business_days(life.order.seller_calendar, life.now, 1)
    life.do("extend", Role.SPECIALIST, clock="confirm", until=text_of(until), **NOTE)
    assert at_of(life.order, "confirm_overdue") == [until]
    assert at_of(life.order, "confirm_lapses")[0] > end
    assert life.refused("extend", Role.SPECIALIST, clock="receipt", until=text_of(until), **NOTE).code == (
        "clock_not_running"
    )


@pytest.mark.parametrize(("verb", "waits"), [(Verb.REVERSE_RELEASE, 7), (Verb.REFUND, 2)])
def test_what_the_seller_owes_is_asked_for_again_in_a_rhythm_of_its_own(verb: Verb, waits: int) -> None:
    debt, payout = replace(POLICY.debt, retry=7), replace(POLICY.payout, retry=2)
    life = delivered(new_order(replace(POLICY, debt=debt, payout=payout)), answer=no("InsufficientFunds", verb))
    life.do("receive", Role.BUYER)
    life.settle_money()
    life.do("refund", Role.SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    [stuck] = life.order.stuck
    assert (stuck.verb, stuck.retry_at) == (verb, add_business_days(WEEKS, life.now, waits))


# The second operator.


def approve(life: Life, who: Actor = SECOND_OPERATOR, digest: str = "") -> str:
    waiting = life.order.approval
    given = digest or (waiting.digest if waiting else "none")
    answer = life.ask("approve", who, digest=given)
    return answer.code if isinstance(answer, Refusal) else ""


def test_a_large_sum_waits_for_another_operator_and_is_then_moved_once() -> None:
    life = waiting_for_second_operator()
    assert life.states == ("delivered", "delivered")
    assert approve(life, ACTORS[Role.OPERATOR]) == "own_command"
    assert approve(life, digest="another") == "digest_differs"
    assert approve(life, Actor(Role.OPERATOR, life.order.seller)) == "not_your_order"
    assert approve(life) == ""
    assert life.order.approval is None
    assert life.states == ("delivered", "refunded")
    life.settle_money()
    assert life.moved[Verb.REFUND] == Money.parse("100.00 EUR")
    assert approve(life) == "waits_for_approval"


def test_a_command_about_a_ticket_ends_it_once_the_second_operator_has_agreed() -> None:
    life = dear_and_silent()
    [ticket] = [ticket for ticket in life.order.tickets if ticket.cause is Cause.RECEIPT_MISSING]
    asked = life.do("refund", Role.OPERATOR, ticket.ticket_id, **NOTE)
    assert (asked.step, ticket in life.order.tickets) == ("ask_second_operator", True)
    assert approve(life) == ""
    assert ticket.ticket_id not in {open_one.ticket_id for open_one in life.order.tickets}
    refunded = [line.line_id for line in life.order.lines if line.state == "refunded"]
    assert refunded == [ticket.subject], "what it is not about stays where it is"


def test_nobody_approves_what_he_asked_for_in_another_role() -> None:
    life = waiting_for_second_operator(asks=Role.SPECIALIST)
    assert approve(life, Actor(Role.OPERATOR, ACTORS[Role.SPECIALIST].id)) == "own_command"
    assert approve(life) == ""


def test_a_second_operator_is_needed_above_the_limit_only() -> None:
    at_limit = delivered(new_order(prices=("495.00",)))
    assert at_limit.do("release", Role.SPECIALIST, **NOTE).step == "release"
    above = delivered(new_order(prices=("495.01",)))
    assert above.do("release", Role.SPECIALIST, **NOTE).step == "ask_second_operator"


def test_the_price_of_the_whole_order_decides_whether_a_second_operator_is_needed() -> None:
    life = paid(new_order(prices=("300.00", "400.00")))
    life.do("cancel", Role.BUYER, reason="changed_mind", lines=["b"])
    life.do("confirm", Role.SELLER)
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    assert life.order.wanted == Money.parse("305.00 EUR")
    assert life.do("refund", Role.SPECIALIST, **NOTE).step == "ask_second_operator"


def test_nobody_gets_round_the_second_operator_by_another_policy() -> None:
    life = delivered(new_order(prices=("900.00",)))
    lax = replace(life.order.policy, second_operator=SecondOperator((Money.parse("9999.00 EUR"),)))
    body = {"policy": lax.to_plain(), **NOTE}
    assert life.do("adopt_policy", Role.OPERATOR, **body).step == "ask_second_operator"
    assert life.order.policy != lax
    assert approve(life) == ""
    assert life.order.policy == lax
    assert life.do("adopt_policy", Role.OPERATOR, **body).step == "adopt_policy", "now the sum is a small one"


def test_nobody_of_the_desk_alone_says_to_which_account_a_large_sum_goes() -> None:
    life = delivered(new_order(prices=("900.00",)))
    assert life.do("payout_account", Role.OPERATOR, account="acct_2").step == "ask_second_operator"
    assert life.order.account.ref != "acct_2"
    assert approve(life) == ""
    assert life.order.account.ref == "acct_2"
    assert life.do("payout_account", Role.STOREFRONT, account="acct_3").step == "payout_account"
    small = delivered()
    assert small.do("payout_account", Role.OPERATOR, account="acct_2").step == "payout_account"


def test_an_approval_is_worth_nothing_when_the_money_has_changed() -> None:
    life = waiting_for_second_operator()
    life.do("receive", Role.BUYER, lines=["a"])
    assert life.order.approval is None, "what it was about is no more"
    assert approve(life) == "waits_for_approval"
    assert life.do("refund", Role.OPERATOR, lines=["b"], **NOTE).step == "ask_second_operator", "asked for anew"


def test_an_approval_lapses_after_one_business_day() -> None:
    life = waiting_for_second_operator()
    decision = life.until("approval_lapses")
    assert decision.after.approval is None
    assert life.now == add_business_days(WEEKS, START + timedelta(days=1), 1)
    assert approve(life) == "waits_for_approval"


def test_what_the_desk_decides_moves_money_only_after_it_was_recorded() -> None:
    life = delivered()
    decision = life.do("refund", Role.SPECIALIST, **NOTE)
    assert decision.op is None
    assert next_clock(life.order).step == "settle"


def test_a_large_order_is_cancelled_before_capture_by_one_person() -> None:
    life = paid(new_order(prices=LARGE))
    assert life.do("cancel", Role.SPECIALIST, reason="suspicion").step == "cancel"


# Tickets.


def test_a_ticket_is_resolved_by_the_step_that_acts_and_names_it() -> None:
    life = dear_and_silent()
    tickets = life.order.tickets
    assert len(tickets) == 1
    asked = life.do("release", Role.SPECIALIST, tickets[0].ticket_id, lines=[tickets[0].subject], **NOTE)
    assert asked.step == "ask_second_operator"
    assert approve(life) == ""
    assert tickets[0].ticket_id not in {ticket.ticket_id for ticket in life.order.tickets}


def test_a_party_may_not_resolve_tickets_by_naming_them() -> None:
    life = confirm_overdue()
    ticket_id = life.order.tickets[0].ticket_id
    assert life.refused("confirm", Role.SELLER, ticket_id).code == "role_not_allowed"
    assert life.refused("confirm", Role.OPERATOR, "t-0").code == "ticket_unknown"


def test_a_ticket_that_is_extended_ends_and_its_whole_clock_moves() -> None:
    life = confirm_overdue()
    ticket, (end,) = life.order.tickets[0], at_of(life.order, "confirm_lapses")
    until = life.now + timedelta(days=3)
    outcome = {"ticket_id": ticket.ticket_id, "outcome": "extend", "until": text_of(until)}
    life.do("resolve_ticket", Role.SPECIALIST, **outcome, **NOTE)
    assert not life.order.tickets
    assert at_of(life.order, "confirm_overdue") == [until]
    assert at_of(life.order, "confirm_lapses") == [min(end + timedelta(days=3), START + timedelta(days=6))]
    assert life.ring().step == "confirm_overdue"
    assert len(life.order.tickets) == 1


def test_a_ticket_without_a_clock_behind_it_stays_and_rings_at_its_new_time_however_often_it_had_rung() -> None:
    life = lost()
    life.until("ticket_overdue")
    life.until("ticket_overdue")
    ticket = life.order.tickets[0]
    until = life.now + timedelta(days=3)
    outcome = {"ticket_id": ticket.ticket_id, "outcome": "extend", "until": text_of(until)}
    life.do("resolve_ticket", Role.SPECIALIST, **outcome, **NOTE)
    assert [kept.ticket_id for kept in life.order.tickets] == [ticket.ticket_id]
    assert at_of(life.order, "ticket_overdue") == [until]


def test_a_ticket_that_changes_nothing_frees_what_it_held_and_leaves_a_clock() -> None:
    life = lost()
    outcome = {"ticket_id": life.order.tickets[0].ticket_id, "outcome": "no_change"}
    life.do("resolve_ticket", Role.SPECIALIST, **outcome, **NOTE)
    assert not any(line.held for line in life.order.lines)
    assert deadlines(life.order)
    life.silence()


@pytest.mark.parametrize("until", [None, timedelta(0), timedelta(days=-1), timedelta(days=4000)])
def test_an_extension_needs_a_time_in_the_near_future(until: timedelta | None) -> None:
    life = lost()
    body = {} if until is None else {"until": text_of(life.now + until)}
    outcome = {"ticket_id": life.order.tickets[0].ticket_id, "outcome": "extend"}
    assert life.refused("resolve_ticket", Role.SPECIALIST, **outcome, **body, **NOTE).code == "invalid"


def test_a_ticket_about_money_ends_with_the_money_whatever_way_it_went() -> None:
    life = refused_release_then_refunded()
    life.answer = done
    life.settle_money()
    assert not life.order.stuck
    assert not life.order.tickets


@pytest.mark.parametrize(
    ("life", "commands"),
    [
        (lambda: delivered(answer=no("AccountRestricted", Verb.RELEASE)), ("retry", "payout-account")),
        (lambda: shipped(answer=no("InsufficientFunds", Verb.REFUND)), ("retry",)),
        (lambda: shipped(answer=no("AuthorisationExpired", Verb.CAPTURE)), ("pay", "cancel")),
    ],
)
def test_a_ticket_about_refused_money_names_the_commands_that_mend_this_very_refusal(
    life: Callable[[], Life], commands: tuple[str, ...]
) -> None:
    found = life()
    found.ask("receive", Role.BUYER, lines=["a"])
    found.ask("refund", Role.SPECIALIST, lines=["b"], **NOTE)
    found.settle_money()
    [ticket] = [ticket for ticket in found.order.tickets if ticket.cause is Cause.MONEY_FAILED]
    assert menders(found.order, ticket) == commands
    actor = ACTORS[Role.OPERATOR] if "pay" not in commands else ACTORS[Role.BUYER]
    assert commands[0].replace("-", "_") in possible(found.order, actor, found.now)


def test_money_in_doubt_for_a_day_is_a_ticket_that_ends_with_the_answer() -> None:
    life = delivered(answer=unclear(Verb.RELEASE))
    life.do("receive", Role.BUYER)
    life.until("money_overdue")
    assert [ticket.cause for ticket in life.order.tickets] == ["money_unknown"]
    life.answer = done
    life.ring()
    assert not life.order.tickets
    assert len([op for op in life.asked if op.verb is Verb.RELEASE]) == 1


def test_a_payment_offered_beside_a_hold_that_will_not_go_is_looked_at_and_let_go_with_the_cancelled_order() -> None:
    life = capture_failed()
    life.answer = unclear(Verb.VOID)
    life.ring()
    life.do("pay", Role.BUYER, payment_intent="pi_2")
    life.do("cancel", Role.SELLER, reason="other")
    life.answer = done
    life.silence()
    assert life.stage is Stage.CANCELLED
    check = next(op for op in life.asked if op.is_check and op.subject == "pi_2")
    assert [op.subject for op in life.asked if op.verb is Verb.VOID][-1] == f"authorise-{check.seq}"
    assert all(op.amount for op in life.asked)


# Policies.


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("ship", "end", "soon"), ("ship", "end", -1), ("escrow", "longest", 10**12), ("money", "first_retry", 10**12),
     ("carrier", "stall", 300), ("hold", "way_out", "hope"), ("confirm", "end", 9)],
)  # fmt: skip
def test_a_policy_that_no_file_could_say_is_not_adopted(section: str, key: str, value: object) -> None:
    life = shipped()
    policy = life.order.policy.to_plain()
    policy[section][key] = value
    assert life.refused("adopt_policy", Role.OPERATOR, **NOTE, policy=policy).code == "invalid"


def test_an_adopted_policy_moves_the_clocks_that_run() -> None:
    life = shipped()
    policy = life.order.policy.to_plain()
    policy["carrier"]["stall"] = 7
    life.do("adopt_policy", Role.OPERATOR, **NOTE, policy=policy)
    assert at_of(life.order, "parcel_stalled") == [add_business_days(WEEKS, START, 7)]


def test_a_persons_word_of_a_delivery_is_weak_so_that_it_pays_nobody_alone() -> None:
    life = shipped()
    told = {"parcel_id": "p1", "milestone": "delivered", "at": text_of(life.now)}
    assert life.refused("parcel_scan", Role.SPECIALIST, **told, proof="strong").code == "proof_is_the_carriers"
    life.do("parcel_scan", Role.SPECIALIST, **told)
    assert "accept_on_strong_proof" not in [clock.step for clock in deadlines(life.order)]


def test_an_extension_without_an_end_is_told_that_it_is_missing() -> None:
    life = confirmed()
    life.until("ship_overdue")
    (ticket,) = life.order.tickets
    refusal = life.refused("resolve_ticket", Role.SPECIALIST, ticket_id=ticket.ticket_id, outcome="extend", **NOTE)
    assert refusal.reason.startswith("body.until: is missing; it must lie between now and ")
