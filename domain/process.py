"""The process of an order after checkout, as one table.

A row says who may take a step, which message it takes, how it moves the lines it is about, what must hold, what else
happens, which money operation may follow at once, and who is told. Rows of one name differ by role. Everything else
reads this table: `decide`, the clocks, the loop, the authorisation matrix, the docs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain import cancel, checkout, claim, confirm, desk, news, receive, thread, tickets
from domain.events import Event
from domain.money import Verb
from domain.parcels import ship
from domain.state import SIGNED, Line, LineState, Order, Role
from domain.step import Does, Guard, LineTick, Moment, Nothing, Step, Tick

BUYER, SELLER, SPECIALIST, OPERATOR = Role.BUYER, Role.SELLER, Role.SPECIALIST, Role.OPERATOR
PLATFORM, STOREFRONT, CARRIER, PROVIDER, CLOCK = Role.PLATFORM, Role.STOREFRONT, Role.CARRIER, Role.PROVIDER, Role.CLOCK
PENDING, CONFIRMED, SHIPPED = LineState.PENDING, LineState.CONFIRMED, LineState.SHIPPED
DELIVERED, ACCEPTED = LineState.DELIVERED, LineState.ACCEPTED
CANCELLED, REFUNDED = LineState.CANCELLED, LineState.REFUNDED
AUTHORISE, REAUTHORISE, CAPTURE = Verb.AUTHORISE, Verb.REAUTHORISE, Verb.CAPTURE
VOID, RELEASE, REFUND, BEAR = Verb.VOID, Verb.RELEASE, Verb.REFUND, Verb.BEAR

SELLER_SIDE = (SELLER, PLATFORM, OPERATOR)
DESK = (SPECIALIST, OPERATOR)
BOTH = (BUYER, SELLER)


def nothing(moment: Moment) -> tuple[Event, ...]:
    """The lines' moves are all there is to it."""
    return ()


def not_again(order: Order, lines: tuple[Line, ...], now: object) -> str | None:
    """An order is placed once; this row stands for its first step."""
    return "the order exists"


def row(
    name: str,
    by: tuple[Role, ...],
    takes: type = Nothing,
    moves: Mapping[LineState, LineState] | None = None,
    guards: tuple[Guard, ...] = (),
    does: Does = nothing,
    money: tuple[Verb, ...] = (),
    tells: tuple[Role, ...] = (),
) -> Step:
    """One row; what is left out is nothing."""
    return Step(name, frozenset(by), takes, moves or {}, guards, does, frozenset(money), tells)


PAYMENT = (
    row("place", (STOREFRONT,), checkout.Checkout, guards=(not_again,), money=(AUTHORISE,), tells=BOTH),
    row("pay", (BUYER, STOREFRONT), checkout.Pay, {}, (checkout.unpaid,), checkout.pay, (AUTHORISE,)),
    row(
        "more_time_to_pay", (BUYER, *DESK), checkout.MoreTimeToPay, {},
        (checkout.awaits_payment, checkout.pay_days_left), checkout.more_time_to_pay, (), BOTH,
    ),
    row(
        "expire_unpaid", (CLOCK,), Tick, {PENDING: CANCELLED, CONFIRMED: CANCELLED}, (), checkout.expire, (),
        (*BOTH, STOREFRONT),
    ),
    row(
        "payout_account", (STOREFRONT, OPERATOR), checkout.PayoutAccount, {}, (), checkout.change_account, (),
        (SELLER,),
    ),
    row("renew_hold", (CLOCK,), Tick, {}, (), checkout.renew, (REAUTHORISE,)),
    row(
        "hold_lapses", (CLOCK,), Tick, {PENDING: CANCELLED, CONFIRMED: CANCELLED}, (), cancel.tidy_request,
        (VOID,), (*BOTH, STOREFRONT),
    ),
)  # fmt: skip

CONFIRMATION = (
    row(
        "confirm", SELLER_SIDE, confirm.Confirm, {PENDING: CONFIRMED}, (confirm.paid, confirm.capturable),
        confirm.confirm, (CAPTURE,), (BUYER, STOREFRONT),
    ),
    row("decline", SELLER_SIDE, confirm.Decline, {PENDING: CANCELLED}, (), nothing, (VOID,), (BUYER, STOREFRONT)),
    row("confirm_overdue", (CLOCK,), Tick, {}, (), confirm.overdue, (), BOTH),
    row("confirm_lapses", (CLOCK,), Tick, {PENDING: CANCELLED}, (), nothing, (VOID,), (*BOTH, STOREFRONT)),
)  # fmt: skip

SHIPMENT = (
    row(
        "ship", SELLER_SIDE, ship.Ship, {CONFIRMED: SHIPPED, SHIPPED: SHIPPED}, (ship.not_reviewed, ship.hold_is_good),
        ship.ship, (CAPTURE,), (BUYER,),
    ),
    row("ship_overdue", (CLOCK,), Tick, {}, (), confirm.ship_overdue, (), BOTH),
    row(
        "ship_lapses", (CLOCK,), Tick, {CONFIRMED: CANCELLED}, (ship.capture_settled,), cancel.tidy_request,
        (VOID, REFUND), (*BOTH, STOREFRONT),
    ),
    row(
        "change_address", (BUYER,), ship.ChangeAddress, {}, (ship.nothing_shipped,), ship.change_address, (),
        (SELLER,),
    ),
    row(
        "ask_time", SELLER_SIDE, cancel.AskTime, {}, (cancel.shipping_due, cancel.no_time_asked, cancel.ship_days_left),
        cancel.ask_time, (), (BUYER,),
    ),
    row("grant_time", (BUYER, *DESK), Nothing, {}, (cancel.time_asked,), cancel.grant_time, (), (SELLER,)),
    row("refuse_time", (BUYER, *DESK), Nothing, {}, (cancel.time_asked,), cancel.refuse_time, (), (SELLER,)),
    row("time_lapses", (CLOCK,), Tick, {}, (), cancel.refuse_time, (), (SELLER,)),
    row(
        "parcel_scan", (CARRIER, *DESK), ship.ParcelScan, {SHIPPED: DELIVERED}, (ship.parcel_sent,), ship.scan, (),
        (BUYER,),
    ),
    row("parcel_stalled", (CLOCK,), Tick, {}, (), ship.stalled, (), BOTH),
    row(
        "wait_longer", (BUYER,), receive.WaitLonger, {}, (receive.on_its_way, receive.wait_days_left),
        receive.wait_longer, (), (SELLER,),
    ),
)  # fmt: skip

RECEIPT = (
    row(
        "receive", (BUYER,), receive.Receive, {SHIPPED: ACCEPTED, DELIVERED: ACCEPTED}, (), receive.receive,
        (RELEASE,), (SELLER,),
    ),
    row("accept_on_strong_proof", (CLOCK,), LineTick, {DELIVERED: ACCEPTED}, (), nothing, (RELEASE,), BOTH),
    row("accept_on_weak_proof", (CLOCK,), LineTick, {DELIVERED: ACCEPTED}, (), nothing, (RELEASE,), BOTH),
    row("receipt_overdue", (CLOCK,), Tick, {}, (), receive.ask_specialist, (), (BUYER,)),
    row(
        "escrow_ends", (CLOCK,), receive.FreeTick, {CONFIRMED: CANCELLED, SHIPPED: REFUNDED, DELIVERED: ACCEPTED},
        (ship.capture_settled,), cancel.tidy_request, (REFUND, RELEASE), BOTH,
    ),
    row(
        "held_escrow_ends", (CLOCK,), receive.HeldTick,
        {CONFIRMED: CANCELLED, SHIPPED: REFUNDED, DELIVERED: REFUNDED, ACCEPTED: REFUNDED},
        (ship.capture_settled,), receive.let_go, (REFUND,), BOTH,
    ),
    row("close", (CLOCK,), Tick, {}, (receive.nothing_open,), receive.close),
)  # fmt: skip

CANCELLATION = (
    row("cancel", (BUYER,), cancel.Cancel, {PENDING: CANCELLED}, (), nothing, (VOID,), (SELLER, STOREFRONT)),
    row(
        "cancel", (*SELLER_SIDE, SPECIALIST), cancel.Cancel, {PENDING: CANCELLED, CONFIRMED: CANCELLED},
        (ship.capture_settled,), cancel.tidy_request, (VOID, REFUND), (*BOTH, STOREFRONT),
    ),
    row(
        "request_cancel", (BUYER,), cancel.RequestCancel, {}, (cancel.requestable, cancel.no_request_open),
        cancel.request, (), (SELLER,),
    ),
    row(
        "grant_cancel", (*SELLER_SIDE, SPECIALIST), cancel.GrantCancel, {CONFIRMED: CANCELLED},
        (cancel.request_open, ship.capture_settled), cancel.granted, (VOID, REFUND), (BUYER, STOREFRONT),
    ),
    row("refuse_cancel", (*SELLER_SIDE, SPECIALIST), Nothing, {}, (cancel.request_open,), cancel.refuse, (), (BUYER,)),
    row(
        "cancel_by_silence", (CLOCK,), cancel.SilentGrant, {CONFIRMED: CANCELLED}, (ship.capture_settled,),
        cancel.granted, (VOID, REFUND), (*BOTH, STOREFRONT),
    ),
)  # fmt: skip

CLAIMS = claim.STEPS_OF_CLAIMS

TALK = (row("message", (*BOTH, *DESK), thread.Message, {}, (), thread.say),)

DESK_STEPS = (
    row(
        "release", DESK, desk.OnLines, {SHIPPED: ACCEPTED, DELIVERED: ACCEPTED},
        (desk.captured, desk.undisputed, desk.unclaimed), desk.decided, (RELEASE,), BOTH,
    ),
    row(
        "refund", DESK, desk.OnLines,
        {CONFIRMED: REFUNDED, SHIPPED: REFUNDED, DELIVERED: REFUNDED, ACCEPTED: REFUNDED},
        (desk.captured, desk.not_under_way, desk.undisputed, desk.unclaimed), desk.decided, (REFUND,),
        (*BOTH, STOREFRONT),
    ),
    row(
        "refund_shipping", DESK, desk.WithNote, {}, (desk.shipping_charged, desk.shipping_stays, desk.shipping_at_rest),
        desk.grant_shipping, (REFUND,), (*BOTH, STOREFRONT),
    ),
    row("extend", DESK, desk.Extend, {}, (desk.clock_runs,), desk.extend, (), BOTH),
    row("pause", (OPERATOR,), desk.PauseOrder, {}, (desk.not_paused,), desk.pause, (), BOTH),
    row("pause", (PROVIDER,), desk.PauseOrder, {}, (), desk.pause, (), BOTH),
    row("resume", (OPERATOR,), desk.Resume, {}, (desk.is_paused,), desk.resume, (), BOTH),
    row("resume", (PROVIDER,), desk.Resume, {}, (desk.under_review,), desk.resume, (), BOTH),
    row("pause_ends", (CLOCK,), Tick, {}, (desk.is_paused,), desk.pause_ends, (), BOTH),
    row("retry", DESK, desk.WithNote, {}, (desk.money_to_retry,), desk.retry),
    row("note", DESK, desk.WithNote, {}, (), desk.noted),
    row("adopt_policy", (OPERATOR,), desk.AdoptPolicy, {}, (), desk.adopt_policy, (), BOTH),
    row("approve", (OPERATOR,), desk.Approve, {}, (desk.waits_for_approval,), nothing, (RELEASE, REFUND)),
    row("approval_lapses", (CLOCK,), Tick, {}, (), desk.lapse),
    row("assign_ticket", DESK, tickets.AssignTicket, {}, (tickets.any_open,), tickets.assign),
    row("resolve_ticket", DESK, tickets.ResolveTicket, {}, (tickets.any_open,), desk.resolve_ticket),
    row("ticket_overdue", (CLOCK,), Tick, {}, (), tickets.overdue),
)  # fmt: skip

NEWS_OF_MONEY = (
    row("payment_found", (PROVIDER,), news.PaymentFound, {}, (), news.payment_found),
    row("hold_lost", (PROVIDER,), news.HoldGone, {}, (news.hold_stands, news.capture_not_asked), news.hold_gone),
    row("refund_failed", (PROVIDER,), news.RefundFailed, {}, (news.refund_given,), news.refund_failed, (), (BUYER,)),
    row("open_dispute", (PROVIDER,), news.OpenDispute, {}, (news.captured_before,), news.open_dispute, (), (SELLER,)),
    row("win_dispute", (PROVIDER,), news.WinDispute, {}, (news.dispute_not_won,), news.win_dispute, (), (SELLER,)),
    row("lose_dispute", (PROVIDER,), news.LoseDispute, {}, (news.dispute_undecided,), news.lose_dispute, (), BOTH),
    row("dispute_lapses", (CLOCK,), Tick, {}, (), news.presume_lost, (BEAR,), BOTH),
    row(
        "account_restricted", (PROVIDER,), news.AccountNews, {}, (news.release_waits,), news.account_restricted, (),
        (SELLER,),
    ),
    row("account_active", (PROVIDER,), news.AccountNews, {}, (news.release_refused,), news.account_active),
)  # fmt: skip

MONEY = (
    row("settle", (CLOCK,), Tick, {}, (), nothing, tuple(Verb)),
    row("money_overdue", (CLOCK,), Tick, {}, (), desk.money_overdue),
    row("extend_calendars", (CLOCK,), Tick, {}, (), desk.ask_calendars),
)

STEPS: tuple[Step, ...] = (
    *PAYMENT, *CONFIRMATION, *SHIPMENT, *RECEIPT, *CANCELLATION, *CLAIMS, *TALK, *DESK_STEPS, *NEWS_OF_MONEY, *MONEY,
)  # fmt: skip
"""The whole process."""

COMMANDS: tuple[str, ...] = tuple(
    dict.fromkeys(step.name for step in STEPS if step.by != {CLOCK} and step.name != "place")
)
"""The names that somebody may send, each as an update and as a signal."""

NEWS: tuple[str, ...] = tuple(name for name in COMMANDS if all(s.by == {PROVIDER} for s in STEPS if s.name == name))
"""Those that only the payment provider tells (W3)."""

REOPEN: tuple[str, ...] = (*NEWS, *dict.fromkeys(step.name for step in claim.OPENING))
"""Those that an order takes, too, that is over: it goes on in a new run."""

ACTIONS: tuple[str, ...] = tuple(name for name in COMMANDS if name not in NEWS)
"""Those that people, the storefront and the carrier send."""

_BY_NAME_AND_ROLE: Mapping[tuple[str, Role], Step] = {(step.name, role): step for step in STEPS for role in step.by}


def step_for(name: str, role: Role) -> Step | None:
    """The row that a role takes under a name, or None."""
    return _BY_NAME_AND_ROLE.get((name, role))


def judged_by_record(name: str, role: Role, body: Mapping[str, Any]) -> bool:
    """Whether only the step's activity knows if a command is good: it is signed, or names what was stored before."""
    step = step_for(name, role)
    names_stored = bool(body.get("note_id")) or (step is not None and getattr(step.takes, "stored_first", False))
    return role in SIGNED or names_stored


def roles_of(name: str) -> tuple[Role, ...]:
    """Who may take a step of that name; empty for an unknown one."""
    return tuple(role for role in Role if (name, role) in _BY_NAME_AND_ROLE)
