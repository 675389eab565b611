from __future__ import annotations

from datetime import timedelta

import pytest

from domain.business_time import add_business_days
from domain.deadlines import deadlines
from domain.decide import Command, Refusal, Repeat, decide
from domain.money import Money, Verb
from domain.state import Actor, Offer, Order, Role, Stage
from tests.domain.lives import (
    LARGE,
    NOTE,
    awaiting_payment,
    capture_failed,
    confirm_overdue,
    dear_and_silent,
    expired,
    hold_running_out,
    lost,
    refused_release_then_refunded,
    renewal_asked_of_buyer,
    waiting_for_second_operator,
)
from tests.domain.world import (
    ACTORS,
    RENEWS,
    SECOND_OPERATOR,
    START,
    WEEKS,
    Life,
    confirmed,
    delivered,
    done,
    done_with_mandate,
    new_order,
    next_clock,
    no,
    paid,
    shipped,
    text_of,
    unclear,
)


def at_of(order: Order, step: str) -> list[object]:
    return [clock.at for clock in deadlines(order) if clock.step == step]


# One command, one effect, one answer.


def test_a_command_that_was_taken_is_answered_as_before_and_has_no_second_effect() -> None:
    life = paid()
    life.ask("confirm", Role.SELLER, command_id="once", lines=["a"])
    seq, before = life.order.seq, life.order
    assert life.ask("confirm", Role.SELLER, command_id="once", lines=["a"]) == Repeat(seq)
    assert life.order is before


@pytest.mark.parametrize(
    ("name", "who", "body", "ticket_id"),
    [
        ("confirm", Role.SELLER, {"lines": ["b"]}, ""),
        ("decline", Role.SELLER, {"lines": ["a"]}, ""),
        ("confirm", Role.PLATFORM, {"lines": ["a"]}, ""),
        ("confirm", Role.SELLER, {"lines": ["a"]}, "t-1"),
    ],
)
def test_the_same_command_id_with_other_contents_is_refused(
    name: str, who: Role, body: dict[str, object], ticket_id: str
) -> None:
    life = paid()
    life.ask("confirm", Role.SELLER, command_id="once", lines=["a"])
    answer = decide(life.order, Command(name, "once", ACTORS[who], body, ticket_id), life.now)
    assert isinstance(answer, Refusal)
    assert answer.code == "command_id_reused"
    assert "cancel" in answer.possible


def test_a_refused_command_is_judged_anew_when_it_comes_again() -> None:
    life = paid()
    assert isinstance(life.ask("ship", Role.SELLER, command_id="again", parcel_id="p1", carrier="dhl"), Refusal)
    life.do("confirm", Role.SELLER)
    assert not isinstance(life.ask("ship", Role.SELLER, command_id="again", parcel_id="p1", carrier="dhl"), Refusal)


def test_no_message_raises_whatever_its_text_numbers_and_times_are() -> None:
    life = shipped()
    for name, who, body in (
        ("ship", Role.SELLER, {"parcel_id": "p2", "carrier": "\ud800", "lines": ["a"]}),
        ("ship", Role.SELLER, {"parcel_id": "p2", "carrier": "d\0hl", "lines": ["a"]}),
        ("ship", Role.SELLER, {"parcel_id": "p2", "carrier": "dhl", "lines": ["a"], "insured": "9" * 5000 + ".00 EUR"}),
        ("wait_longer", Role.BUYER, {"days": 10**400}),
        ("extend", Role.SPECIALIST, {**NOTE, "clock": "stall", "until": "9999-12-31T23:59:59Z"}),
        ("extend", Role.SPECIALIST, {**NOTE, "clock": "stall", "until": "0001-01-01T00:00:00+23:00"}),
        ("pause", Role.OPERATOR, {**NOTE, "until": "9999-12-31T23:59:59Z"}),
        ("adopt_policy", Role.OPERATOR, {**NOTE, "policy": {"name": "x", "version": "1", "display_name": "X"}}),
        ("adopt_policy", Role.OPERATOR, {**NOTE, "policy": []}),
        ("receive", Role.BUYER, {"lines": [["a"]]}),
        ("receive", Role.BUYER, {"lines": "a"}),
    ):
        answer = life.ask(name, who, **body)
        if name != "adopt_policy" or isinstance(answer, Refusal):
            assert isinstance(answer, Refusal), name
            assert answer.code in ("invalid", "more_than_allowed")
    life.silence()


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


# Payment.


def test_a_buyer_gets_more_time_to_pay_within_the_allowance_and_no_more() -> None:
    life = awaiting_payment()
    life.do("more_time_to_pay", Role.BUYER, days=3)
    assert next_clock(life.order).at == START + timedelta(days=10)
    assert life.refused("more_time_to_pay", Role.BUYER, days=5).code == "more_than_allowed"
    assert life.refused("more_time_to_pay", Role.BUYER, days=0).code == "more_than_allowed"
    life.do("more_time_to_pay", Role.SPECIALIST, days=4)
    assert life.refused("more_time_to_pay", Role.BUYER, days=1).code == "pay_days_left"
    life.silence()
    assert life.stage is Stage.EXPIRED


def test_a_declined_card_gives_an_order_that_awaits_payment_and_can_be_paid_later() -> None:
    life = Life(answer=no("Declined", Verb.AUTHORISE))
    assert life.stage is Stage.AWAITING_PAYMENT
    life.answer = done
    life.now += timedelta(days=2)
    life.do("pay", Role.BUYER, payment_method="pm_1", customer="cus_1")
    assert life.stage is Stage.PLACED
    assert at_of(life.order, "confirm_overdue") == [add_business_days(WEEKS, life.now, 2)]


def test_an_expired_order_is_never_revived() -> None:
    life = expired()
    assert life.refused("pay", Role.BUYER, payment_intent="pi_2").code == "order_over"


def test_a_hold_with_a_mandate_is_renewed_and_the_old_one_let_go() -> None:
    life = hold_running_out()
    life.answer = done_with_mandate
    life = confirmed(new_order(RENEWS), done_with_mandate)
    life.do("extend", Role.SPECIALIST, clock="ship", until=text_of(life.now + timedelta(days=12)), **NOTE)
    first = life.order.payment.hold
    life.until("renew_hold")
    assert life.order.payment.superseded == (first,)
    life.settle_money()
    assert life.order.payment.superseded == ()
    assert life.moved[Verb.VOID] == Money.parse("55.00 EUR")
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    assert life.order.payment.captured == Money.parse("55.00 EUR")


def test_a_hold_without_a_mandate_ends_the_order_before_it_runs_out() -> None:
    life = confirmed(new_order(RENEWS))
    life.do("extend", Role.SPECIALIST, clock="ship", until=text_of(life.now + timedelta(days=12)), **NOTE)
    steps = life.silence()
    assert "renew_hold" not in steps
    assert life.stage is Stage.CANCELLED
    assert life.now < START + timedelta(days=7)


def test_a_bank_that_wants_the_buyer_for_the_renewal_gives_one_business_day() -> None:
    life = renewal_asked_of_buyer()
    limit = life.order.payment.capture_before
    assert limit is not None
    assert life.refused("ship", Role.SELLER, parcel_id="p1", carrier="dhl").code == "hold_is_good"
    steps = life.silence()
    assert "hold_lapses" in steps
    assert "ship_lapses" not in steps
    assert START + timedelta(days=6, hours=20) < life.now < limit
    assert life.stage is Stage.CANCELLED


def test_a_buyer_who_pays_anew_when_the_renewal_failed_saves_the_order() -> None:
    life = renewal_asked_of_buyer()
    life.do("pay", Role.BUYER, payment_method="pm_2", customer="cus_1")
    life.settle_money()
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    assert life.order.payment.captured == Money.parse("55.00 EUR")


def test_renewals_never_follow_each_other_at_once_when_holds_are_born_old() -> None:
    def short(order: Order, op, now):  # type: ignore[no-untyped-def]  # an Answer
        result = done_with_mandate(order, op, now)
        lives = timedelta(hours=12) if op.verb is Verb.REAUTHORISE else timedelta(days=7)
        return type(result)(result.ref, result.amount, now + lives, result.renewable)

    life = confirmed(new_order(RENEWS, payment=Offer(payment_method="pm_1", customer="cus_1")), short)
    life.do("extend", Role.SPECIALIST, clock="ship", until=text_of(life.now + timedelta(days=12)), **NOTE)
    assert life.silence().count("renew_hold") == 1


# Confirmation and requests.


def test_lines_that_are_not_confirmed_are_cancelled_and_leave_the_amount() -> None:
    life = paid()
    life.do("confirm", Role.SELLER, lines=["a"])
    assert life.states == ("confirmed", "cancelled")
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    assert life.order.payment.captured == Money.parse("35.00 EUR")


def test_time_asked_by_the_seller_and_granted_moves_the_clock_by_business_days() -> None:
    life = confirmed(new_order(RENEWS), done_with_mandate)
    (before,) = at_of(life.order, "ship_overdue")
    life.do("ask_time", Role.SELLER, days=1)
    assert life.refused("ask_time", Role.SELLER, days=1).code == "no_time_asked"
    life.do("grant_time", Role.BUYER)
    assert at_of(life.order, "ship_overdue") == [add_business_days(WEEKS, before, 1)]  # type: ignore[arg-type]
    assert life.refused("ask_time", Role.SELLER, days=5).code == "more_than_allowed"


def test_shipping_lapses_the_request_to_cancel_and_silence_grants_it_otherwise() -> None:
    life = confirmed()
    life.do("request_cancel", Role.BUYER, reason="too_slow", lines=["a"])
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl", lines=["a"])
    assert life.order.cancel_request is None
    life.do("request_cancel", Role.BUYER, reason="too_slow")
    life.until("cancel_by_silence")
    assert life.states == ("shipped", "cancelled")
    assert life.moved[Verb.REFUND] == Money.parse("20.00 EUR")


# Pause and extension.


def test_a_pause_keeps_the_remaining_business_time_of_every_party_clock() -> None:
    life = paid()
    (before,) = at_of(life.order, "confirm_overdue")
    life.now += timedelta(days=1)
    life.do("pause", Role.OPERATOR, until=text_of(life.now + timedelta(days=14)), **NOTE)
    assert not at_of(life.order, "confirm_overdue")
    life.now += timedelta(days=1)
    life.do("resume", Role.OPERATOR, **NOTE)
    assert at_of(life.order, "confirm_overdue") == [before + timedelta(days=1)]  # type: ignore[operator]


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
    (until,) = (life.now + timedelta(days=1),)
    life.do("extend", Role.SPECIALIST, clock="confirm", until=text_of(until), **NOTE)
    assert at_of(life.order, "confirm_overdue") == [until]
    assert at_of(life.order, "confirm_lapses") == [end + timedelta(days=1)]  # type: ignore[operator]
    assert life.refused("extend", Role.SPECIALIST, clock="receipt", until=text_of(until), **NOTE).code == (
        "clock_not_running"
    )


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


def test_a_second_operator_is_needed_above_the_limit_only() -> None:
    at_limit = delivered(new_order(prices=("495.00",)))
    assert at_limit.do("release", Role.SPECIALIST, **NOTE).step == "release"
    above = delivered(new_order(prices=("495.01",)))
    assert above.do("release", Role.SPECIALIST, **NOTE).step == "ask_second_operator"


def test_an_approval_is_worth_nothing_when_the_money_has_changed() -> None:
    life = waiting_for_second_operator()
    life.do("receive", Role.BUYER, lines=["a"])
    assert approve(life) == "money_changed"


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
    assert at_of(life.order, "confirm_lapses") == [min(end + timedelta(days=3), START + timedelta(days=6))]  # type: ignore[operator]
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


def test_money_in_doubt_for_a_day_is_a_ticket_that_ends_with_the_answer() -> None:
    life = delivered(answer=unclear(Verb.RELEASE))
    life.do("receive", Role.BUYER)
    life.until("money_overdue")
    assert [ticket.cause for ticket in life.order.tickets] == ["money_unknown"]
    life.answer = done
    life.ring()
    assert not life.order.tickets
    assert len([op for op in life.asked if op.verb is Verb.RELEASE]) == 1


def test_a_payment_offered_beside_a_hold_that_will_not_go_is_let_go_with_the_cancelled_order() -> None:
    life = capture_failed()
    life.answer = unclear(Verb.VOID)
    life.ring()
    life.do("pay", Role.BUYER, payment_intent="pi_2")
    life.do("cancel", Role.SELLER, reason="other")
    life.answer = done
    life.silence()
    assert life.stage is Stage.CANCELLED
    assert "pi_2" in {op.subject for op in life.asked if op.verb is Verb.VOID}
    assert all(op.amount for op in life.asked)
