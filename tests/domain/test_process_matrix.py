from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from domain.claim import NAMES as CLAIM_NAMES
from domain.decide import Command, Decision, Refusal, decide, possible
from domain.money import Verb
from domain.parcels.ship import RANK
from domain.process import COMMANDS, REOPEN, STEPS
from domain.state import DEAD, DESK, PARTIES, Actor, Line, LineState, Order, Role, is_over
from domain.step import Step
from tests.domain import shipping
from tests.domain.lives import CONDITIONS, NOTE
from tests.domain.world import ACTORS, SECOND_OPERATOR, Life, text_of

Expected = Callable[[Life, tuple[Line, ...]], bool]


def some(life: Life, *states: LineState) -> bool:
    return any(line.state in states for line in life.order.lines)


def money_is_held(life: Life) -> bool:
    return bool(life.order.payment.hold) or life.order.payment.captured is not None


def allowance_left(name: str, most: Callable[[Order], int]) -> Expected:
    return lambda life, _: dict(life.order.granted_days).get(name, 0) < most(life.order)


def hold_outlives_its_margin(life: Life) -> bool:
    payment = life.order.payment
    margin = life.order.policy.hold.margin
    return bool(payment.hold and payment.capture_before and payment.capture_before - margin > life.now)


def no_capture_under_way(life: Life, _: tuple[Line, ...]) -> bool:
    return life.order.op is None or life.order.op.verb != "capture"


def still_to_be_paid(life: Life, _: tuple[Line, ...]) -> bool:
    payment, alive = life.order.payment, any(line.state not in DEAD for line in life.order.lines)
    return alive and payment.offer is None and (not money_is_held(life) or payment.buyer_asked_at is not None)


def never_paid(life: Life, _: tuple[Line, ...]) -> bool:
    return (
        not money_is_held(life)
        and life.order.payment.lost_at is None
        and not life.order.expired
        and some(life, LineState.PENDING, LineState.CONFIRMED)
    )


def at_rest(life: Life, lines: tuple[Line, ...]) -> bool:
    moving = life.order.op.slices if life.order.op else ()
    return not any(line.line_id in moving for line in lines)


def not_disputed(life: Life, lines: tuple[Line, ...]) -> bool:
    open_ones = [d for d in life.order.disputes if d.status in ("open", "lost")]
    return not any(part.piece == line.line_id for d in open_ones for part in d.parts for line in lines)


def disputes(life: Life, *statuses: str) -> list[str]:
    return [dispute.dispute_id for dispute in life.order.disputes if dispute.status in statuses]


def refunds(life: Life) -> list[str]:
    return [move.ref for move in life.order.moves if move.verb == "refund"]


def disputable(order: Order) -> dict[str, str]:
    """A dispute of what pays for the order, or of what came without a claim to it."""
    fact = {"dispute": "dp_9", "amount": str(order.payment.captured), "fee": f"15.00 {order.currency}"}
    if order.payment.captured or not order.strays:
        return fact
    return {**fact, "amount": str(order.strays[0].amount), "charge": order.strays[0].ref}


def stuck_at_the_account(life: Life, _: tuple[Line, ...]) -> bool:
    return any(stuck.verb in ("release", "reverse_release") for stuck in life.order.stuck)


def pays_out(life: Life, _: tuple[Line, ...]) -> bool:
    accepted = any(line.state == "accepted" and line.funds == "escrow" and not line.held for line in life.order.lines)
    return (
        life.order.op is None and not stuck_at_the_account(life, ()) and (accepted or bool(disputes(life, "restored")))
    )


def no_word_is_due(life: Life, _: tuple[Line, ...]) -> bool:
    """Neither does an operation that moves this very hold run, nor is the capture the next one."""
    sent = some(life, LineState.SHIPPED, LineState.DELIVERED, LineState.ACCEPTED)
    op = life.order.op
    running = op is not None and op.verb in ("reauthorise", "capture", "void") and op.subject == life.order.payment.hold
    return not running and not (sent and life.order.payment.captured is None)


def parcels_going(life: Life) -> list[str]:
    ends = max(RANK.values())
    return [
        p.parcel_id for p in life.order.parcels if not p.withdrawn and (p.milestone is None or RANK[p.milestone] < ends)
    ]


GUARDS: Mapping[str, Expected] = {
    "unpaid": still_to_be_paid,
    "awaits_payment": never_paid,
    "pay_days_left": allowance_left("pay", lambda order: order.policy.payment.more_time),
    "ship_days_left": allowance_left("ship", lambda order: order.policy.ship.more_time),
    "wait_days_left": allowance_left("wait", lambda order: order.policy.wait_longer.most),
    "paid": lambda life, _: money_is_held(life),
    "not_reviewed": lambda life, _: not any(pause.review for pause in life.order.pauses),
    "hold_is_good": lambda life, _: life.order.payment.captured is not None or hold_outlives_its_margin(life),
    "capturable": lambda life, _: (
        life.order.policy.capture.trigger != "confirmation"
        or life.order.payment.captured is not None
        or hold_outlives_its_margin(life)
    ),
    "capture_settled": no_capture_under_way,
    "nothing_shipped": lambda life, _: all(p.withdrawn for p in life.order.parcels),
    "shipping_due": lambda life, _: some(life, LineState.CONFIRMED),
    "requestable": lambda life, _: some(life, LineState.CONFIRMED),
    "no_request_open": lambda life, _: life.order.cancel_request is None,
    "request_open": lambda life, _: life.order.cancel_request is not None,
    "no_time_asked": lambda life, _: life.order.time_request is None,
    "time_asked": lambda life, _: life.order.time_request is not None,
    "on_its_way": lambda life, _: some(life, LineState.CONFIRMED, LineState.SHIPPED),
    "parcel_sent": lambda life, _: bool(parcels_going(life)),
    "captured": lambda life, _: life.order.payment.captured is not None,
    "not_under_way": at_rest,
    "undisputed": not_disputed,
    "unclaimed": lambda life, _: not all(line.held.startswith("claim:") for line in life.order.lines),
    "shipping_charged": shipping.charged,
    "shipping_stays": shipping.stays,
    "shipping_at_rest": shipping.at_rest,
    "captured_before": lambda life, _: bool(life.order.payment.captured or life.order.strays or refunds(life)),
    "hold_stands": lambda life, _: bool(life.order.payment.hold) and life.order.payment.captured is None,
    "capture_not_asked": no_word_is_due,
    "refund_given": lambda life, _: bool(refunds(life)),
    "dispute_undecided": lambda life, _: bool(disputes(life, "open")),
    "dispute_not_won": lambda life, _: bool(disputes(life, "open", "lost", "borne")),
    "release_waits": pays_out,
    "release_refused": stuck_at_the_account,
    "not_paused": lambda life, _: life.order.paused is None,
    "is_paused": lambda life, _: life.order.paused is not None or bool(life.order.reviews),
    "under_review": lambda life, _: bool(life.order.reviews),
    "waits_for_approval": lambda life, _: life.order.approval is not None,
    "any_open": lambda life, _: bool(life.order.tickets),
    "clock_runs": lambda life, _: bool(running_clocks(life)),
    "money_to_retry": lambda life, _: money_waits(life),
    "claimable": lambda life, _: can_be_claimed(life),
    "claim_window": lambda *_: True,
    "claims_left": lambda *_: True,
    "claim_status": lambda *_: False,
}
"""What each guard that a command may meet promises, told a second time and without looking at it.

No condition here has a claim, and none has been closed for long; `test_claim_matrix.py` has those that do.
"""


def can_be_claimed(life: Life) -> bool:
    """A line that was sent and paid for has arrived, or should have: five business days, here always seven days."""
    missing = life.now - timedelta(days=7)
    stalled = any(ticket.cause == "parcel_stalled" for ticket in life.order.tickets)
    late = stalled or any(parcel.shipped_at <= missing for parcel in life.order.parcels if not parcel.withdrawn)
    free = [line for line in life.order.lines if not line.held]
    arrived = any(line.state in ("delivered", "accepted") for line in free)
    return life.order.payment.captured is not None and (
        arrived or (late and any(line.state == "shipped" for line in free))
    )


def running_clocks(life: Life) -> list[str]:
    """The names of the parties' clocks that a person may move."""
    order, clocks = life.order, []
    payment = order.payment
    goes_on = payment.captured is not None or payment.renewable or payment.buyer_asked_at is not None
    held = money_is_held(life) and (goes_on or hold_outlives_its_margin(life))
    if never_paid(life, ()) and order.payment.offer is None:
        clocks.append("pay")
    if held and some(life, LineState.PENDING):
        clocks.append("confirm")
    if held and some(life, LineState.CONFIRMED):
        clocks.append("ship")
    if order.cancel_request is not None:
        clocks.append("cancel")
    if order.time_request is not None:
        clocks.append("time")
    travelling = {line.line_id for line in order.lines if line.state == "shipped" and not line.held}
    if any(travelling & set(parcel.lines) and not parcel.withdrawn for parcel in order.parcels):
        clocks.append("stall")
    if any(line.state == "delivered" and not line.held for line in order.lines):
        clocks.append("receipt")
    return clocks


def money_waits(life: Life) -> bool:
    order, payment = life.order, life.order.payment
    dead = all(line.state in DEAD for line in order.lines)
    unpaid_out = any(
        (line.funds == "escrow" and not line.held and line.state == "accepted")
        or (line.funds in ("escrow", "released") and line.state in DEAD)
        for line in order.lines
    )
    return bool(
        order.op
        or payment.offer
        or payment.superseded
        or order.debt
        or order.strays
        or disputes(life, "lost", "restored")
        or unpaid_out
        or shipping.waits(life)
        or (payment.hold and dead and not payment.captured)
    )


def fitting(life: Life, step: Step, role: Role) -> tuple[Line, ...]:
    """A line that the role may move and for which every guard of the row holds; empty when there is none."""
    over_holds = role in (Role.SPECIALIST, Role.OPERATOR)
    for line in [li for li in life.order.lines if li.state in step.moves and (over_holds or not li.held)]:
        if all(GUARDS[guard.__name__](life, (line,)) for guard in step.guards):
            return (line,)
    return ()


def allowed(life: Life, step: Step, role: Role) -> bool:
    """Whether the table says that the row may be taken now."""
    if is_over(life.order) and step.name not in REOPEN:
        return False
    large = life.order.policy.second_operator.needed(life.order.priced)
    pays = {Verb.RELEASE, Verb.REFUND} & step.money and life.order.payment.captured is not None
    two = large and (pays or step.name in ("payout_account", "adopt_policy"))
    if life.order.approval is not None and two and role in DESK and step.name != "approve":
        return False
    if step.moves and step.name != "parcel_scan":
        return bool(fitting(life, step, role))
    return all(GUARDS[guard.__name__](life, ()) for guard in step.guards)


def body_of(life: Life, step: Step, role: Role) -> dict[str, Any]:
    """A message that fits the row, as far as one can."""
    order, later = life.order, text_of(life.now + timedelta(days=2))
    lines = [line.line_id for line in fitting(life, step, role)]
    going = parcels_going(life)
    clocks = running_clocks(life)
    ticket = order.tickets[0].ticket_id if order.tickets else "none"
    parcel = going[0] if going else "none"
    bodies: Mapping[str, dict[str, Any]] = {
        "pay": {"payment_intent": "pi_9"},
        "more_time_to_pay": {"days": 1},
        "payout_account": {"account": "acct_9"},
        "confirm": {"lines": lines},
        "decline": {"reason": "other"},
        "ship": {"parcel_id": "p9", "carrier": "dhl", "lines": lines},
        "change_address": {"address_id": "address-9"},
        "ask_time": {"days": 1},
        "parcel_scan": {"parcel_id": parcel, "milestone": "returned", "at": text_of(life.now)},
        "wait_longer": {"days": 1},
        "receive": {"lines": lines},
        "open_claim": {"reason": "not_received"},
        "cancel": {"reason": "other", "lines": lines},
        "request_cancel": {"reason": "other"},
        "release": {**NOTE, "lines": lines},
        "refund": {**NOTE, "lines": lines},
        "refund_shipping": NOTE,
        "message": {"message_id": "m-1", "internal": role in DESK},
        "extend": {**NOTE, "clock": clocks[0] if clocks else "ship", "until": later},
        "pause": {**NOTE, "until": later, "about": "prv_9"},
        "resume": {**NOTE, "about": next((review.about for review in order.reviews), "")},
        "retry": NOTE,
        "note": NOTE,
        "adopt_policy": {**NOTE, "policy": order.policy.to_plain()},
        "approve": {"digest": order.approval.digest if order.approval else "none"},
        "assign_ticket": {"ticket_id": ticket, "owner": "specialist-9"},
        "resolve_ticket": {**NOTE, "ticket_id": ticket, "outcome": "extend", "until": later}
        if "parcel_returned" in ticket
        else {**NOTE, "ticket_id": ticket, "outcome": "no_change"},
        "payment_found": {"payment_intent": "pi_late"},
        "hold_lost": {"hold": order.payment.hold},
        "refund_failed": {"refund": next(iter(refunds(life)), "re_0")},
        "open_dispute": disputable(order),
        "win_dispute": {"dispute": next(iter(disputes(life, "open", "lost", "borne")), ""), "fee": "0.00 EUR"},
        "lose_dispute": {"dispute": next(iter(disputes(life, "open")), "")},
        "account_restricted": {"account": order.account.ref},
        "account_active": {"account": order.account.ref},
    }
    return bodies.get(step.name, {})


@cache
def condition(name: str) -> Life:
    return CONDITIONS[name]()


def row_of(name: str, role: Role) -> Step | None:
    return next((step for step in STEPS if step.name == name and role in step.by), None)


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_in_each_condition_exactly_what_the_table_says(name: str, role: Role) -> None:
    life = condition(name)
    actor = SECOND_OPERATOR if role is Role.OPERATOR else ACTORS[role]
    may = []
    for command in COMMANDS:
        step = row_of(command, role)
        expected = step is not None and allowed(life, step, role)
        body = body_of(life, step, role) if step is not None else {}
        answer = decide(life.order, Command(command, "matrix", actor, body), life.now)
        assert isinstance(answer, Decision) is expected, f"{command}: expected {expected}, got {answer}"
        if expected:
            may.append(command)
        if isinstance(answer, Refusal):
            assert answer.code, command
            assert answer.reason, command
            assert answer.possible == possible(life.order, actor, life.now), command
            assert step is not None or answer.code == "role_not_allowed", command
    assert possible(life.order, actor, life.now) == tuple(may)


STRANGERS = (
    Actor(Role.BUYER, "buyer-2"),
    Actor(Role.BUYER, "seller-1"),
    Actor(Role.SELLER, "seller-2"),
    Actor(Role.SELLER, "buyer-1"),
    Actor(Role.SPECIALIST, "seller-1"),
    Actor(Role.SPECIALIST, "buyer-1"),
    Actor(Role.OPERATOR, "seller-1"),
    Actor(Role.OPERATOR, "buyer-1"),
    *(Actor(role, "") for role in Role),
)


@pytest.mark.parametrize("name", CONDITIONS)
def test_nobody_without_a_part_in_the_order_may_do_anything_in_any_condition(name: str) -> None:
    life = condition(name)
    for stranger in STRANGERS:
        assert possible(life.order, stranger, life.now) == ()
        for command in COMMANDS:
            step = row_of(command, stranger.role)
            body = body_of(life, step, stranger.role) if step is not None else {}
            answer = decide(life.order, Command(command, "stranger", stranger, body), life.now)
            assert isinstance(answer, Refusal), (stranger, command)
            expected = "role_not_allowed" if step is None else "not_your_order"
            assert answer.code == ("not_found" if stranger.role in PARTIES else expected)
            assert answer.reason
            assert answer.possible == ()


def test_every_guard_of_a_command_is_told_a_second_time_here() -> None:
    used = {guard.__name__ for step in STEPS if step.name in COMMANDS for guard in step.guards}
    assert used == set(GUARDS)


def test_the_conditions_reach_every_command_that_a_party_may_send() -> None:
    reached = {
        (step.name, role)
        for step in STEPS
        if step.name in COMMANDS
        for role in step.by
        for name in CONDITIONS
        if allowed(condition(name), step, role)
    }
    named = set(COMMANDS) - (CLAIM_NAMES - {"open_claim"})
    every = {(step.name, role) for step in STEPS if step.name in named for role in step.by}
    assert reached == every


def test_a_command_of_no_row_or_with_a_broken_id_is_refused_with_what_is_possible() -> None:
    life = condition("paid")
    actor = ACTORS[Role.SELLER]
    for command in (Command("settle", "c", actor), Command("", "c", actor), Command("confirm", "", actor)):
        answer = decide(life.order, command, life.now)
        assert isinstance(answer, Refusal)
        assert "confirm" in answer.possible


def test_nobody_may_take_a_step_that_pays_himself() -> None:
    for step in STEPS:
        if step.name != "settle" and Verb.RELEASE in step.money:
            assert not step.by & {Role.SELLER, Role.PLATFORM}, step.name
        # What a buyer accepts, the seller has offered.
        if step.name not in ("settle", "accept_offer") and Verb.REFUND in step.money:
            assert Role.BUYER not in step.by, step.name


def test_what_a_clock_takes_nobody_else_may_take() -> None:
    assert not [step.name for step in STEPS if Role.CLOCK in step.by and step.by != {Role.CLOCK}]
