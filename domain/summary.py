"""An order on one line: where it is, who is waited for, until when, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.deadlines import Clock, deadlines
from domain.funds import AT_ONCE, next_try
from domain.money import Verb
from domain.purse import SUSPENSE
from domain.state import Cause, LineState, Order, Role, Stage, Stuck, Ticket, is_over, money_open, stage
from domain.tickets import CLOCK_OF, PAYS_SELLER, lines_of
from domain.tiers import root_of
from domain.words import CLAIM_DUTY, DUTY, OTHERWISE, not_paid

NOBODY = "nobody"

MENDERS: Mapping[Cause, tuple[str, ...]] = {
    Cause.CONFIRM_OVERDUE: ("extend", "cancel", "confirm"),
    Cause.SHIP_OVERDUE: ("extend", "cancel", "ship"),
    Cause.PARCEL_STALLED: ("resolve-ticket", "refund", "release"),
    Cause.PARCEL_RETURNED: ("refund", "release"),
    Cause.PARCEL_LOST: ("refund", "release"),
    Cause.NUMBER_REUSED: ("resolve-ticket", "refund", "release"),
    Cause.RECEIPT_MISSING: ("release", "refund", "resolve-ticket"),
    Cause.MONEY_UNKNOWN: ("retry",),
    Cause.MONEY_FAILED: ("retry", "payout-account", "pay", "cancel"),
    Cause.DISPUTE: ("note", "resolve-ticket"),
    Cause.CLAIM: ("decide-claim", "ask-party"),
}
"""Which commands of ``aftersale`` mend a ticket of each cause, the mildest first; for one ticket see `menders`."""

BLANKS: Mapping[str, str] = {
    "approve": "",
    "decide-claim": "--verdict VERDICT --text '...'",
    "extend": "--until TIME --reason '...'",
    "pay": "--payment-intent ID",
    "resolve-ticket": "--outcome no_change --reason '...'",
}
"""What whoever types a command fills in, where it is not a reason alone."""


def either(commands: Sequence[str], alternative: str = "or") -> str:
    """The commands, of which there is at least one, in words: 'extend, cancel or ship'."""
    return f" {alternative} ".join(filter(None, (", ".join(commands[:-1]), commands[-1])))


BANK_FIRST = "the bank decides first"

LONGEST_REASON = 250
"""Characters of a reason; Temporal's search attributes hold 255."""

ON_LINES = frozenset({"refund", "release"})
"""Commands that take all lines that they fit, unless lines are named; never those that a claim or a lost parcel has."""

IDLE = frozenset({"extend_calendars"})
"""Clocks that are housekeeping: they do not make anybody wait."""

PAYMENT_ENDS = frozenset({"expire_unpaid", "hold_lapses"})
"""Clocks that a payment stops, so that what became of the last offer is told with them."""


@dataclass(frozen=True, slots=True)
class Summary:
    """`due` is when the next thing happens unless `waiting_on` acts; `reason` says what is wrong and what mends it."""

    stage: Stage
    waiting_on: str
    due: datetime | None
    attention: bool
    reason: str


def summary(order: Order) -> Summary:
    """The order on one line."""
    due, told = next((clock.at for clock in _running(order)), None), reasons(order)
    return Summary(stage(order), waiting_on(order), due, bool(told), told)


def waiting_on(order: Order) -> str:
    """Who can move the order on: the party whose clock runs, also when it is late and a specialist was asked."""
    clocks = pressing(order)
    party = next((clock for clock in clocks if clock.party or wants_payment(clock)), None)
    if party is not None:
        return str(party.who)
    if order.tickets:
        return str(Role.SPECIALIST)
    if not clocks or (stage(order) is Stage.COMPLETED and not money_open(order)):
        return NOBODY
    return str(clocks[0].who)


def next_clock(order: Order) -> Clock | None:
    """The clock that presses somebody next, housekeeping left out."""
    return next(iter(pressing(order)), None)


def wants_payment(clock: Clock) -> bool:
    """Whether only the buyer's payment stops a clock: the hold is gone, or the bank wants the buyer for another."""
    return clock.step == "hold_lapses" and clock.who is Role.BUYER


def pressing(order: Order) -> list[Clock]:
    """The clocks that somebody waits for; while the buyer must pay, nothing can be shipped and no desk helps."""
    clocks = _running(order)
    if not any(map(wants_payment, clocks)):
        return clocks
    return [c for c in clocks if wants_payment(c) or (c.party and root_of(c.tier) != "ship")]


def _running(order: Order) -> list[Clock]:
    return [clock for clock in deadlines(order) if clock.step not in IDLE]


def dated(clock: Clock, now: datetime) -> datetime | None:
    """When a clock rings; None for money that waits for nothing, or for nothing any more."""
    at_once = clock.at <= AT_ONCE or (clock.step == "settle" and clock.at <= now)
    return None if at_once else clock.at


def trouble(order: Order) -> Iterator[str]:
    """Why a person should look at this order, each with the command that mends it."""
    if is_over(order):
        return
    told = set()
    if order.op is not None and order.op.retry_at is not None:
        told.add((Cause.MONEY_UNKNOWN, str(order.op.seq)))
        since = f"{order.op.asked_at:%Y-%m-%d %H:%M}"
        yield f"{order.op.verb} unknown since {since}, asked again by itself: {_command(order, 'retry')}"
    for stuck in order.stuck:
        told.add((Cause.MONEY_FAILED, str(stuck.verb)))
        bank = bank_decides(order, stuck)
        commands = _command(order, *(MENDERS[Cause.DISPUTE] if bank else _refused(order, stuck.verb)))
        code = f"{stuck.code}, {BANK_FIRST}" if bank else stuck.code
        yield f"{stuck.verb} refused ({code}) since {stuck.since:%Y-%m-%d}: {commands}"
    if order.approval is not None:
        command = _command(order, f"approve --digest {order.approval.digest}")
        yield f"{order.approval.name} waits for a second operator: {command}"
    for ticket in order.tickets:
        if (ticket.cause, ticket.subject) not in told:
            commands = _command(order, *menders(order, ticket))
            yield f"{named(order, ticket)} since {ticket.opened_at:%Y-%m-%d}: {commands}"
    if order.pauses:
        until = max(pause.until for pause in order.pauses)
        why = ", the payment is under review" if order.reviewed_until is not None else ""
        yield f"paused until {until:%Y-%m-%d}{why}: {_command(order, 'resume')}"


def guide(order_id: str) -> str:
    """What stands beside every order from its start, in Markdown, for whoever sees the Temporal UI alone."""
    return (
        "**Is it stuck?** The tab *Search Attributes* tells, also while no worker runs: `Attention`, and in "
        "`AttentionReason` what is wrong and the command that mends it.\n\n"
        f"`aftersale why {order_id}` tells more, from the database alone. docs/operators.md has the rest."
    )


def reasons(order: Order, room: int = LONGEST_REASON) -> str:
    """As many troubles as fit, and where to read the others."""
    troubles = tuple(trouble(order))
    text = "; ".join(troubles)
    if len(text) <= room:
        return text
    told = f"and more: aftersale why {order.order_id}"
    for each in reversed(_fitting(troubles, room - len(told))):
        told = f"{each}; {told}"
    return told


def _fitting(troubles: Iterable[str], room: int) -> Sequence[str]:
    """Those that there is room for; of one that is too long its first command, else what is wrong.

    Half a command mends nothing.
    """
    found: list[str] = []
    for each in troubles:
        shorter = (each, *(each.partition(end)[0] for end in (" (or ", ": aftersale")))
        fits = next((text for text in shorter if len(text) + 2 <= room), None)
        if fits is None:
            break
        found.append(fits)
        room -= len(fits) + 2
    return found


def _command(order: Order, first: str, *others: str) -> str:
    """As in "aftersale extend o-1 --clock ship --until TIME --reason '...' (or cancel, ship)"."""
    command = typed(order.order_id, first)
    return f"{command} (or {', '.join(others)})" if others else command


def typed(order_id: str, command: str) -> str:
    """A command, with options that it may have already, as it is typed once its blanks are filled in."""
    name, _, options = command.partition(" ")
    return " ".join(filter(None, ("aftersale", name, order_id, options, BLANKS.get(name, "--reason '...'"))))


def menders(order: Order, ticket: Ticket) -> tuple[str, ...]:
    """The commands for this very ticket; those that move money name its lines, so that they move no other money."""
    if ticket.cause is Cause.MONEY_FAILED:
        return MENDERS[Cause.DISPUTE] if _waits_for_bank(order, ticket) else _refused(order, ticket.subject)
    about = tuple(line_id for line_id in lines_of(order, ticket) if line_id not in order.disputed)
    names = tuple(name for name in MENDERS[ticket.cause] if about or name not in ON_LINES)
    unpaid = tuple(line_id for line_id in about if order.line(line_id).state is not LineState.ACCEPTED)
    if ticket.cause is Cause.PARCEL_RETURNED and unpaid != about:
        # Of what was accepted the seller has the money, or will: it stays so, or goes back.
        names = (*(name for name in names if name != "release" or unpaid), "resolve-ticket")
    names = tuple(name for name in names or MENDERS[Cause.DISPUTE] if name not in _not_now(order, ticket))
    first, *others = names
    if first == "extend":
        first = f"extend --clock {CLOCK_OF[ticket.cause]} --resolves {ticket.ticket_id}"
    if first == "resolve-ticket":
        first = f"resolve-ticket --ticket {ticket.ticket_id}"
    if ticket.cause is Cause.CLAIM:
        first = f"{first} --claim {ticket.subject}"
    named = {name: _lines(order, unpaid if name == "release" else about) for name in ON_LINES}
    return tuple(name + named.get(name, "") for name in (first, *others))


def _not_now(order: Order, ticket: Ticket) -> frozenset[str]:
    """What a ticket does not end by: what had arrived and came back is left to nobody's silence (`domain.desk`)."""
    lines = [order.line(line_id).state for line_id in lines_of(order, ticket)]
    came_back = ticket.cause is Cause.PARCEL_RETURNED and LineState.DELIVERED in lines
    return frozenset({"resolve-ticket"}) if came_back else frozenset()


def _lines(order: Order, about: tuple[str, ...]) -> str:
    """The options that name these lines; none where they are all that the order has, and nothing holds them."""
    held = any(order.line(line_id).held for line_id in about)
    return "".join(f" --line {line}" for line in about) if held or len(about) < len(order.lines) else ""


def _refused(order: Order, verb: str) -> tuple[str, ...]:
    """What mends money that the provider refused to move; money that something holds waits for that, not for a try."""
    if verb == Verb.CAPTURE:
        return "pay", "cancel"  # The hold is gone, so there is nothing to try again.
    if next_try(order) is None:
        return MENDERS[Cause.DISPUTE]
    return ("retry", "payout-account") if verb in PAYS_SELLER else ("retry",)


def bank_decides(order: Order, stuck: Stuck) -> bool:
    """Whether disputes keep all of what was refused from moving, so that no retry is taken before the bank decides."""
    disputed = order.disputed
    if all(stray.ref in order.disputed_strays for stray in order.strays):
        disputed |= {SUSPENSE}
    return bool(stuck.slices) and disputed.issuperset(stuck.slices)


def _waits_for_bank(order: Order, ticket: Ticket) -> bool:
    """Whether the bank decides about all of the money that a ticket is about."""
    if ticket.cause is Cause.MONEY_FAILED:
        failed = [stuck for stuck in order.stuck if stuck.verb == ticket.subject]
        return bool(failed) and all(bank_decides(order, stuck) for stuck in failed)
    lines = lines_of(order, ticket)
    return bool(lines) and order.disputed.issuperset(lines)


def mends(order: Order, ticket: Ticket, alternative: str = "or") -> str:
    """The commands for this very ticket in words, with their lines: 'refund --line a or release --line a'."""
    names = [command if " --line " in command else command.partition(" ")[0] for command in menders(order, ticket)]
    return either(names, alternative)


def named(order: Order, ticket: Ticket) -> str:
    """What a ticket is about, of a lost parcel what its carrier pays, and whether the bank decides about the money."""
    parcel = order.parcel(ticket.subject) if ticket.cause is Cause.PARCEL_LOST else None
    pays = f"the carrier pays {parcel.loss.pays}" if parcel is not None and parcel.loss is not None else ""
    bank = BANK_FIRST if _waits_for_bank(order, ticket) else ""
    about = ", ".join(filter(None, (ticket.subject, pays, bank)))
    return f"{ticket.cause} ({about})" if about else str(ticket.cause)


def duty_of(order: Order, clock: Clock) -> str | None:
    """What whoever the clock presses should do before it rings; None where there is nothing to do."""
    claim = order.claim(clock.subject) if clock.tier.startswith("claim:") and clock.party else None
    duties = DUTY.get(clock.who, {})
    if claim is not None:
        return CLAIM_DUTY.get(clock.step) or CLAIM_DUTY[claim.status]
    return duties.get(clock.step) or duties.get(stage(order))


def sentence(order: Order, clock: Clock) -> str:
    """As in 'The seller should confirm or decline the order; otherwise a specialist follows up.'."""
    duty = duty_of(order, clock)
    otherwise = OTHERWISE[clock.step]
    claim = order.claim(clock.subject) if clock.step == "decision_stands" and clock.party else None
    if claim is not None and claim.ruling is not None:
        who = "Either side" if len(claim.ruling.against) > 1 else f"The {claim.ruling.against[0]}"
        return f"{who} may appeal; otherwise {otherwise}."
    if duty is None:
        return f"Next: {otherwise}."
    refused = order.payment.refused if clock.step in PAYMENT_ENDS else ""
    return f"{f'{not_paid(refused)} ' if refused else ''}The {clock.who} should {duty}; otherwise {otherwise}."
