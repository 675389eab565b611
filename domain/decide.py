"""The judge: what a command or a clock does to an order, or why not and what is possible instead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from domain import desk, wire
from domain.business_time import CalendarTooShort, add_business_days
from domain.checkout import ID, NOT_AN_ID
from domain.claims.ends import overtaken_claims
from domain.deadlines import Clock, calendar_clock, deadlines
from domain.errors import Invalid, Refused
from domain.events import (
    ApprovalAsked,
    ApprovalEnded,
    Event,
    LinesMoved,
    MoneyAsked,
    Taken,
    TierMoved,
    TierPassed,
)
from domain.fold import apply_all
from domain.funds import plan
from domain.money import Verb
from domain.process import COMMANDS, REOPEN, STEPS, roles_of, step_for
from domain.state import (
    DESK,
    PARTIES,
    SIGNED,
    SYSTEM,
    Actor,
    Approval,
    Line,
    MoneyOp,
    Order,
    Role,
    Seen,
    is_over,
)
from domain.step import Moment, Step
from domain.tickets import answered, facts_digest, free_of_others, known, of_ticket, overtaken
from domain.tiers import calendars_of, moved_along

PAYS_OUT = frozenset({Verb.RELEASE, Verb.REFUND})
"""What needs a second operator when a person of the desk decides it for a large order."""


STEERS = frozenset({"payout_account", "adopt_policy"})
"""What needs one as well: it says who is paid, or from when on a second operator is needed."""


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody wants, as it comes over the wire. `ticket_id` names the ticket that the step resolves."""

    name: str
    command_id: str
    actor: Actor
    body: Mapping[str, Any] = field(default_factory=dict)
    ticket_id: str = ""

    def digest(self) -> str:
        """Equal for equal contents; the same id with another digest is refused."""
        return wire.digest([self.name, wire.to_plain(self.actor), dict(self.body), self.ticket_id])


@dataclass(frozen=True, slots=True)
class Decision:
    """A step that is taken: its events, the state after them, and the money operation to carry out with it."""

    step: str
    actor: Actor
    events: tuple[Event, ...]
    after: Order
    op: MoneyOp | None
    tells: tuple[Role, ...]
    command_id: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A step that is not taken. `code` is stable, `reason` a sentence, `possible` what that actor may do now."""

    code: str
    reason: str
    possible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    """A command that was taken before, as step `seq`; it has no second effect."""

    seq: int


def decide(order: Order, command: Command, now: datetime) -> Decision | Refusal | Repeat:
    """Judge a party's command at `now` (aware, UTC). Total: bad input is a refusal, never an exception."""
    if command.actor.role in PARTIES and not _related(order, command.actor):
        return Refusal("not_found", f"there is no order {order.order_id}")
    for seen in order.seen:
        if seen.command_id == command.command_id:
            if seen.digest == command.digest():
                return Repeat(seen.seq)
            reason = "this command_id was used for another command"
            return Refusal("command_id_reused", reason, possible(order, command.actor, now))
    try:
        step = _row_for(order, command)
        body: Any = wire.from_plain(step.takes, dict(command.body), "body")
        _check_note(body)
        if step.name == "approve":
            return _approve(order, command, body.digest, now)
        seen = Seen(command.command_id, command.digest(), order.seq + 1)
        if _needs_second(order, step, command.actor):
            _take(order, step, command, body, now)
            return _ask_second(order, command, seen, now)
        return _take(order, step, command, body, now, seen)
    except Refused as error:
        return Refusal(error.code, str(error), possible(order, command.actor, now))
    except Invalid as error:
        return Refusal("invalid", str(error), possible(order, command.actor, now))
    except CalendarTooShort as error:
        return Refusal("calendar_too_short", str(error), possible(order, command.actor, now))


def tick(order: Order, clock: Clock, now: datetime) -> Decision | Refusal:
    """Take the step of a clock that has rung.

    A party's clock that takes effect much later than its instant, because we were down, does not punish: it moves once
    to max(1 business day, the outage) from now (docs/rules.md, Outage grace). Where the pinned calendars do not reach
    that far they are extended first. A refused tick is a fault of the table.
    """
    late = now - clock.at
    spared = f"graced:{clock.tier}"
    try:
        if clock.party and late > order.policy.outage.grace and spared not in order.passed:
            return _spare(order, clock, spared, now)
        return _ring(order, clock, now)
    except Refused as error:
        return Refusal(error.code, str(error))
    except CalendarTooShort as error:
        calendars = calendar_clock(order)
        return Refusal("calendar_too_short", str(error)) if clock == calendars else tick(order, calendars, now)


def _spare(order: Order, clock: Clock, spared: str, now: datetime) -> Decision:
    days = calendars_of(order, clock.tier)
    later = max(now + (now - clock.at), *(add_business_days(each, now, 1) for each in days))
    moved = (TierMoved(clock.tier, later), *moved_along(order, clock.tier, later))
    events: tuple[Event, ...] = (*moved, TierPassed(spared), Taken(order.seq + 1))
    return Decision("spare_after_outage", SYSTEM, events, apply_all(order, events), None, ())


def _ring(order: Order, clock: Clock, now: datetime) -> Decision:
    step = step_for(clock.step, Role.CLOCK)
    if step is None:
        raise Refused("unknown_step", f"no clock takes {clock.step}")
    return _take(order, step, Command(clock.step, "", SYSTEM), step.takes(clock.tier, clock.subject), now)


def possible(order: Order, actor: Actor, now: datetime) -> tuple[str, ...]:
    """The commands open to `actor` now, in the table's order."""
    if not _related(order, actor):
        return ()
    names = REOPEN if is_over(order) else COMMANDS
    open_steps = (s for s in STEPS if actor.role in s.by and s.name in names and _open(order, s, actor, now))
    return tuple(dict.fromkeys(step.name for step in open_steps))


def named_only(order: Order, actor: Actor, now: datetime) -> tuple[str, ...]:
    """The commands open to `actor` for lines that are named, and no others: a further parcel of a line already sent."""
    rows = (row for name in possible(order, actor, now) if (row := step_for(name, actor.role)) and row.moves)
    return tuple(
        row.name
        for row in rows
        if row.name != "parcel_scan"
        and all(row.moves[line.state] is line.state for line in _eligible(order, row, actor))
    )


def _open(order: Order, step: Step, actor: Actor, now: datetime) -> bool:
    lines = _eligible(order, step, actor)
    if step.moves and not lines and step.name != "parcel_scan":
        return False
    if order.approval is not None and step.name != "approve" and _needs_second(order, step, actor):
        return False
    # A row may be open for one line although it is not for all of them together.
    choices = [lines, *((line,) for line in lines)]
    return any(all(guard(order, chosen, now) is None for guard in step.guards) for chosen in choices)


def _row_for(order: Order, command: Command) -> Step:
    if not ID.fullmatch(command.command_id):
        raise Invalid("command_id", NOT_AN_ID)
    if command.name not in COMMANDS:
        raise Refused("unknown_command", f"{command.name!r} is not a command; known: {', '.join(COMMANDS)}")
    step = step_for(command.name, command.actor.role)
    if step is None:
        roles = ", ".join(roles_of(command.name))
        raise Refused("role_not_allowed", f"a {command.actor.role} may not {command.name}; that is for: {roles}")
    if not _related(order, command.actor):
        raise Refused("not_your_order", f"{command.actor.role} {command.actor.id} has no part in this order")
    if is_over(order) and step.name not in REOPEN:
        raise Refused("order_over", "the order is over")
    if command.ticket_id:
        known(order, command.ticket_id)
        if command.actor.role not in DESK:
            raise Refused("role_not_allowed", "only specialists and operators resolve tickets")
    return step


def _related(order: Order, actor: Actor) -> bool:
    """Buyer and seller act on their own orders only, and nobody of the desk on an order of their own (A4)."""
    own = {Role.BUYER: order.buyer, Role.SELLER: order.seller}
    if actor.role in PARTIES:
        return actor.id == own[actor.role]
    return bool(actor.id) and not (actor.role in DESK and actor.id in own.values())


def _check_note(body: object) -> None:
    note = getattr(body, "note_id", None)
    if note is not None and not ID.fullmatch(note):
        raise Invalid("body.note_id", "must name a stored note: 1 to 64 letters, digits, '.', '_' or '-'")


def _eligible(order: Order, step: Step, actor: Actor) -> tuple[Line, ...]:
    """The lines that the row may be about; the parties do not move lines that are held, but a parcel arrives anyway."""
    held_too = actor.role not in PARTIES and actor.role is not Role.PLATFORM
    return tuple(line for line in order.lines if line.state in step.moves and (held_too or not line.held))


def _chosen(order: Order, step: Step, command: Command, body: Any) -> tuple[Line, ...]:
    """The lines that the message names, or all that the row would change. Raises Refused for one that does not fit.

    All are those of the ticket that the step resolves, where it is about lines, and never those of another case.
    """
    if not step.moves:
        return ()
    eligible = _eligible(order, step, command.actor)
    if hasattr(body, "chosen"):
        # What was asked for before, or the clock is about, is not the actor's choice: a hold that came since is no bar.
        wanted = body.chosen(order)
        return tuple(line for line in order.lines if line.state in step.moves and line.line_id in wanted)
    named: tuple[str, ...] = getattr(body, "lines", ())
    for line_id in named:
        _check_named(order, step, eligible, line_id)
    if named:
        return tuple(line for line in eligible if line.line_id in named)
    eligible = of_ticket(order, command.ticket_id, eligible)
    chosen = tuple(line for line in eligible if step.moves[line.state] is not line.state)
    if not chosen and eligible:
        again = " or ".join(line.line_id for line in eligible)
        raise Refused("lines_not_named", f"name the lines: {step.name} takes {again} again, but not by itself")
    if not chosen:
        states = " or ".join(state for state, to in step.moves.items() if to is not state)
        raise Refused("no_line_fits", f"{step.name} needs a line that is {states}" + _why_none(order))
    return free_of_others(order, command.ticket_id, chosen)


def _check_named(order: Order, step: Step, eligible: tuple[Line, ...], line_id: str) -> None:
    if any(line.line_id == line_id for line in eligible):
        return
    line = next((line for line in order.lines if line.line_id == line_id), None)
    if line is None:
        raise Refused(
            "line_unknown", f"this order has no line {line_id}; it has: {', '.join(li.line_id for li in order.lines)}"
        )
    if line.held:
        raise Refused("line_held", f"line {line_id} is held by {line.held}")
    raise Refused(
        "line_state", f"line {line_id} is {line.state}; {step.name} is for lines that are {' or '.join(step.moves)}"
    )


def _why_none(order: Order) -> str:
    lines = ((line, f" (held by {line.held})" if line.held else "") for line in order.lines)
    return "; now: " + ", ".join(f"{line.line_id} {line.state}{held}" for line, held in lines)


def _take(
    order: Order,
    step: Step,
    command: Command,
    body: Any,
    now: datetime,
    seen: Seen | None = None,
    second: Actor | None = None,
) -> Decision:
    """All that taking a row means; `second` has agreed to it. Raises Refused or Invalid."""
    lines = _chosen(order, step, command, body)
    for guard in step.guards:
        reason = guard(order, lines, now)
        if reason is not None:
            raise Refused(guard.__name__, reason)
    moment = Moment(order, command.actor, lines, body, now, second)
    events = [*_moves(step, moment), *step.does(moment)]
    if command.ticket_id:
        events += answered(order, apply_all(order, events), command.ticket_id, step.name)
    return _finish(order, step, command, events, now, seen)


def _moves(step: Step, moment: Moment) -> tuple[Event, ...]:
    """The lines' moves of the row, those that go the same way at the same time in one."""
    changed = [
        (line.line_id, (step.moves[line.state], _moved_at(moment, line)))
        for line in moment.lines
        if step.moves[line.state] is not line.state
    ]
    moves = dict.fromkeys(move for _, move in changed)
    return tuple(LinesMoved(tuple(line_id for line_id, its in changed if its == move), *move) for move in moves)


def _moved_at(moment: Moment, line: Line) -> datetime:
    """A scan moves a line at its own time, but never before what is known: a line arrives with its last parcel."""
    told = min(getattr(moment.body, "at", moment.now), moment.now)
    seen = (parcel.moved_at or parcel.shipped_at for parcel in moment.order.parcels_of(line.line_id))
    return max([told, line.since, *seen])


def _finish(
    order: Order, step: Step, command: Command, events: list[Event], now: datetime, seen: Seen | None
) -> Decision:
    """Overtaken tickets and approvals end, the step is counted, and its money follows.

    What the desk decides, or the provider tells, is recorded, its signature checked, before any money moves: the
    ``settle`` clock, which is due at once, carries that operation out.
    """
    seq = order.seq + 1
    after = apply_all(order, events)
    claims = overtaken_claims(order, after, now)
    after = apply_all(after, claims)
    ended = (*overtaken(after, step.name), Taken(seq, seen))
    after = apply_all(after, ended)
    events = [*events, *claims, *ended]
    op = plan(after, now, seq) if step.money and command.actor.role not in SIGNED else None
    if op is not None and op.verb in step.money:
        asked = MoneyAsked(op)
        return Decision(
            step.name, command.actor, (*events, asked), apply_all(after, [asked]), op, step.tells, command.command_id
        )
    if step.name == "settle":
        return Decision(step.name, command.actor, tuple(events), after, order.op, step.tells, command.command_id)
    return Decision(step.name, command.actor, tuple(events), after, None, step.tells, command.command_id)


def _needs_second(order: Order, step: Step, actor: Actor) -> bool:
    pays = bool(step.money & PAYS_OUT) and order.payment.captured is not None
    steers = step.name in STEERS
    return actor.role in DESK and (pays or steers) and order.policy.second_operator.needed(order.priced)


def _ask_second(order: Order, command: Command, seen: Seen, now: datetime) -> Decision:
    """A large sum waits for another operator; raises Refused while another one waits already."""
    if order.approval is not None:
        raise Refused("approval_waits", f"{order.approval.name} waits for a second operator; let that be decided first")
    body = wire.canonical({"body": dict(command.body), "ticket_id": command.ticket_id})
    lapses = add_business_days(order.desk_calendar, now, order.policy.second_operator.lapse)
    approval = Approval(command.name, body, command.actor, facts_digest(order, command.name, body), lapses)
    events: tuple[Event, ...] = (ApprovalAsked(approval), Taken(order.seq + 1, seen))
    return Decision(
        "ask_second_operator", command.actor, events, apply_all(order, events), None, (), command.command_id
    )


def _approve(order: Order, command: Command, given: str, now: datetime) -> Decision:
    """The second operator's yes carries out the waiting command. Raises Refused."""
    waiting = order.approval
    if waiting is None:
        raise Refused("waits_for_approval", desk.NONE_WAITS)
    if command.actor.id == waiting.asked_by.id:
        raise Refused("own_command", "the second operator must be another person")
    if given != waiting.digest:
        raise Refused("digest_differs", f"approve names another command; the waiting one has digest {waiting.digest}")
    stored = json.loads(waiting.body)
    if command.ticket_id not in ("", stored["ticket_id"]):
        raise Refused("not_of_ticket", f"{waiting.name} was not asked for because of ticket {command.ticket_id}")
    inner = Command(waiting.name, command.command_id, waiting.asked_by, stored["body"], stored["ticket_id"])
    step = _row_for(order, inner)
    seen = Seen(command.command_id, command.digest(), order.seq + 1)
    open_order = replace(order, approval=None)
    message: Any = wire.from_plain(step.takes, dict(inner.body), "body")
    decision = _take(open_order, step, inner, message, now, seen, command.actor)
    events: tuple[Event, ...] = (ApprovalEnded("approved"), *decision.events)
    return replace(decision, actor=command.actor, events=events)


def due(order: Order, now: datetime) -> Clock | None:
    """The clock to take next, when it has rung."""
    clocks = deadlines(order)
    return clocks[0] if clocks and clocks[0].at <= now else None
