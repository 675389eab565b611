"""Which clocks run in the reference model, when each rings, and what silence then does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from tests.model import cases
from tests.model.flow import SILENCES
from tests.model.money import due
from tests.model.sale import Sale, Slice, money_open, over, stage
from tests.model.tickets import judge_anew, open_ticket

Clock = tuple[datetime, str, str]
"""When it rings, the step that it takes, and its tier, with the subject after a colon."""

Step = Callable[[Sale, str, datetime], None]

ESCALATIONS = 2


def clocks(sale: Sale) -> list[Clock]:
    """Every clock that runs; never empty while the order is open (W2)."""
    if over(sale):
        return []
    party = [] if sale.pauses else list(_party(sale))
    return sorted([*party, *_hold(sale), *_own(sale)])


def roots(sale: Sale) -> list[str]:
    """The clocks that press a party now, whether or not they have rung: ``ship``, ``stall:p1``, ``receipt:a``."""
    states, found = sale.states(), []
    if sale.paid is None and sale.live and sale.offer is None:
        found.append("pay")
    found += [
        root for root, state in (("confirm", "pending"), ("ship", "confirmed")) if sale.secured and state in states
    ]
    found += ["cancel"] if sale.cancel_asked else []
    found += ["time"] if sale.time_asked else []
    for parcel in sale.parcels.values():
        lines = [sale.lines[name] for name in parcel.lines if parcel in sale.parcels_of(name)]
        arrived = parcel.withdrawn or parcel.milestone == "delivered"
        if not arrived and any(line.state == "shipped" and not line.held for line in lines):
            found.append(f"stall:{parcel.name}")
    found += [f"claim:{claim.name}" for claim in sale.open_claims if f"claim:{claim.name}.end" in sale.timers]
    return found + [f"receipt:{line.name}" for line in sale.live if line.state == "delivered" and not line.held]


def _party(sale: Sale) -> Iterator[Clock]:
    timers = sale.timers
    ends = {"pay": "expire_unpaid", "time": "time_lapses", "cancel": "cancel_by_silence"}
    for root in roots(sale):
        name, _, subject = root.partition(":")
        if name in ("confirm", "ship"):
            yield from _seller(sale, name)
        elif name == "claim":
            yield timers[f"{root}.end"], sale.claims[subject].clock[0], f"{root}.end"
        elif name == "receipt":
            yield from _receipt(sale, sale.lines[subject])
        elif name == "stall":
            if root not in sale.rung:
                yield timers[root], "parcel_stalled", root
        elif name != "cancel" or not sale.capturing():
            yield timers[f"{name}.end"], ends[name], f"{name}.end"


def _seller(sale: Sale, root: str) -> Iterator[Clock]:
    """The seller's due time: the earlier of policy and the hold less a margin."""
    ticket, end = seller_times(sale, root)
    if ticket < end and f"{root}.ticket" not in sale.rung:
        yield ticket, f"{root}_overdue", f"{root}.ticket"
    if not sale.capturing():
        yield end, f"{root}_lapses", f"{root}.end"


def _receipt(sale: Sale, line: Slice) -> Iterator[Clock]:
    """Strong proof pays, a bare scan pays later and only for cheap goods, else a specialist looks."""
    decide, weak = f"receipt:{line.name}.decide", f"receipt:{line.name}.weak"
    if all(parcel.strong for parcel in sale.parcels_of(line.name)):
        yield sale.timers[decide], "accept_on_strong_proof", decide
    elif sale.priced <= sale.terms.weak_limit:
        yield sale.timers[weak], "accept_on_weak_proof", weak
    elif decide not in sale.rung:
        yield sale.timers[decide], "receipt_overdue", decide


def renews(sale: Sale) -> bool:
    """Whether the hold is renewed without the buyer."""
    return sale.hold is not None and sale.hold.renewable and sale.terms.renews and sale.buyer_asked is None


def seller_limit(sale: Sale) -> datetime | None:
    """The earlier of policy and the hold less a margin is the seller's due time, unless the hold may be renewed."""
    if sale.hold is None or sale.captured:
        return None
    return None if renews(sale) or sale.renewing or sale.buyer_asked else sale.hold.limit - sale.terms.margin


def seller_times(sale: Sale, root: str) -> tuple[datetime, datetime]:
    """When ticket and end of a seller's clock ring. A hold that ends sooner does not cost the ticket.

    The ticket comes as many business days before the end as by policy, or half of the time since the lines wait.
    """
    ticket, end = sale.timers[f"{root}.ticket"], sale.timers[f"{root}.end"]
    limit = seller_limit(sale)
    if limit is None or end <= limit:
        return ticket, end
    short, long = sale.terms.confirm if root == "confirm" else sale.terms.ship
    waits = "pending" if root == "confirm" else "confirmed"
    since = min((line.since for line in sale.live if line.state == waits), default=sale.placed)
    began = max(sale.paid or sale.placed, since)
    latest = max(sale.seller_days.before(limit, long - short), began + (limit - began) / 2)
    return min(ticket, latest, limit), limit


def _hold(sale: Sale) -> Iterator[Clock]:
    """The clock of the hold, which no pause stops."""
    unsent = sale.states() & {"pending", "confirmed"}
    if sale.captured or sale.op is not None or not unsent:
        return
    if sale.hold is None:
        if sale.lost is not None and sale.offer is None:
            yield sale.buyer_days.after(sale.lost, sale.terms.ask_buyer), "hold_lapses", "hold.end"
    elif renews(sale):
        if not sale.renewing:
            yield sale.hold.limit - sale.terms.margin, "renew_hold", "hold.renew"
    elif sale.buyer_asked:
        asked = sale.buyer_days.after(sale.buyer_asked, sale.terms.ask_buyer)
        yield min(asked, sale.hold.limit - sale.terms.grace), "hold_lapses", "hold.end"
    elif not sale.renewing:
        yield sale.hold.limit - sale.terms.margin, "hold_lapses", "hold.end"


def _own(sale: Sale) -> Iterator[Clock]:  # noqa: C901, PLR0912  # one branch per clock
    """The clocks of money, tickets, pauses, approvals, the longest escrow and the window."""
    op = sale.op
    if op is not None:
        yield op.retry or op.asked, "settle", "money.try"
        if op.retry and f"money:{op.number}.ticket" not in sale.rung:
            yield op.asked + sale.terms.unknown_ticket, "money_overdue", f"money:{op.number}.ticket"
    elif found := due(sale):
        yield min(at for *_, at in found), "settle", "money.try"
    for (cause, subject), ticket in sale.tickets.items():
        if ticket.escalations < ESCALATIONS:
            yield ticket.due, "ticket_overdue", f"ticket:{cause}:{subject}"
    for name, pause in sale.pauses.items():
        yield pause.until, "pause_ends", f":{name}"
    if sale.approval:
        yield sale.approval.lapses, "approval_lapses", "approval.end"
    for name, dispute in sale.disputes.items():
        if dispute.state == "open":
            yield dispute.opened + sale.terms.dispute_longest, "dispute_lapses", f"dispute:{name}"
    for claim in sale.open_claims:
        if not claim.settled and claim.ruling is None and not claim.for_buyer:
            yield cases.times_out(sale, claim), "claim_times_out", f"claim:{claim.name}.longest"
    for (cause, parcel), ticket in sale.tickets.items():
        if cause == "parcel_returned" and sale.op is None and _accepted_with(sale, parcel):
            end = max(ticket.opened + sale.terms.longest_escrow, ticket.kept or ticket.opened)
            yield end, "held_escrow_ends", f"parcel:{parcel}"
    if sale.captured_at:
        end = sale.captured_at + sale.terms.longest_escrow
        escrowed = [line for line in sale.live if line.where == "escrow"]
        if any(not line.held and line.state != "accepted" for line in escrowed):
            yield end, "escrow_ends", "escrow.end"
        claimed = {claim.holder: claim for claim in sale.open_claims if claim.ruling is not None}
        free = [line for line in escrowed if line.held and line.name not in sale.disputed()]
        if sale.op is None and any(line.held not in claimed and line.state != "accepted" for line in free):
            yield end, "held_escrow_ends", "escrow.held"
        for holder in {line.held for line in free if line.state != "accepted"} & claimed.keys():
            yield end, "decision_stands", f"{holder}.escrow"
    if stage(sale) == "completed" and not money_open(sale) and not sale.tickets and not sale.open_claims:
        yield max(line.since for line in sale.live) + sale.terms.window, "close", "window.end"


PARTY = {
    "expire_unpaid", "confirm_overdue", "confirm_lapses", "ship_overdue", "ship_lapses", "cancel_by_silence",
    "time_lapses", "parcel_stalled", "accept_on_strong_proof", "accept_on_weak_proof", "receipt_overdue",
    *SILENCES, "claim_wakes", "decision_stands",
}  # fmt: skip
"""The clocks that press a party: they stand still in a pause and punish nobody after an outage."""


def ring(sale: Sale, clock: Clock, now: datetime) -> str:
    """Take the step of a clock that has rung; its name."""
    at, step, tier = clock
    late = now - at
    pressing = step in PARTY and not tier.endswith(".escrow")
    if pressing and late > sale.terms.grace and tier not in sale.spared:
        sale.spared.add(tier)
        later = max(now + late, *(days.after(now, 1) for days in sale.days_of(tier)))
        was = sale.timers[tier]
        for other in _behind(sale, tier) if later > was else []:
            sale.timers[other] = sale.shifted(other, was, later)
        sale.timers[tier] = later
        return "spare_after_outage"
    _STEPS[step](sale, tier.partition(":")[2], now)
    if step in ("confirm_overdue", "ship_overdue", "parcel_stalled", "receipt_overdue", "money_overdue"):
        sale.rung.add(tier)
    return step


def _behind(sale: Sale, tier: str) -> list[str]:
    """What keeps its distance from a tier that is put off: the next one of its clock, and shipping from confirming."""
    clock = tier.rpartition(".")[0]
    behind = {f"{clock}.weak"} if tier.endswith(".decide") else {f"{clock}.end"} if tier.endswith(".ticket") else set()
    return [other for other in sale.timers if other in behind or (clock == "confirm" and other.startswith("ship."))]


def _turn(sale: Sale, now: datetime, held: bool | None = None, **turns: str) -> None:
    """Move every live line in a state named to the state given; `held` picks only those that are, or are not."""
    for line in sale.live:
        if line.state in turns and (held is None or bool(line.held) is held):
            line.state, line.since, line.held = turns[line.state], now, sale.disputed_by(line.name)


def _expire(sale: Sale, subject: str, now: datetime) -> None:
    _turn(sale, now, pending="cancelled", confirmed="cancelled")
    sale.expired = True


def _lapse(sale: Sale, subject: str, now: datetime) -> None:
    _turn(sale, now, pending="cancelled", confirmed="cancelled")


def _by_silence(sale: Sale, subject: str, now: datetime) -> None:
    for name in sale.cancel_asked or ():
        if sale.lines[name].state == "confirmed":
            sale.lines[name].state, sale.lines[name].since = "cancelled", now
    sale.cancel_asked = None


def _accept(sale: Sale, subject: str, now: datetime) -> None:
    line = sale.lines[subject.partition(".")[0]]
    line.state, line.since = "accepted", now


def _escalate(sale: Sale, subject: str, now: datetime) -> None:
    cause, _, about = subject.partition(":")
    ticket = sale.tickets[cause, about]
    ticket.escalations += 1
    ticket.due = sale.desk_days.after(now, sale.terms.escalate)


def resume(sale: Sale, name: str, now: datetime) -> None:
    """When the last pause ends, each clock goes on with the business minutes that it had left when the first began.

    One that was given more since has those.
    """
    del sale.pauses[name]
    since = sale.paused_since
    assert since is not None
    if sale.pauses:
        return
    sale.paused_since = None
    for tier, at in sale.timers.items():
        if at > since:
            began = max(since, sale.began[tier])
            sale.timers[tier] = max(days.later(now, days.minutes(began, at)) for days in sale.days_of(tier))


def _forget_time(sale: Sale, subject: str, now: datetime) -> None:
    sale.time_asked = None


def _lapse_approval(sale: Sale, subject: str, now: datetime) -> None:
    sale.approval = None


def _close(sale: Sale, subject: str, now: datetime) -> None:
    sale.closed, sale.first_closed = now, sale.first_closed or now


def _lose(sale: Sale, subject: str, now: datetime) -> None:
    """No answer for so long counts as lost."""
    judge_anew(sale, sale.disputes[subject], now)
    sale.disputes[subject].state = "lost"


def _renew(sale: Sale, subject: str, now: datetime) -> None:
    sale.renewing = True


def _nothing(sale: Sale, subject: str, now: datetime) -> None:
    """The ticket that a clock opens, or the operation that it lets begin, is all that it does."""


def _accepted_with(sale: Sale, parcel: str) -> list[Slice]:
    """What was accepted before that parcel came back."""
    held = [line for line in sale.live if line.held == f"parcel:{parcel}" and line.state == "accepted"]
    return [line for line in held if not sale.disputed_by(line.name)]


def _give_back_held(sale: Sale, subject: str, now: datetime) -> None:
    """What nobody decided about goes to the buyer; about what is disputed the bank decides."""
    if subject:
        for line in _accepted_with(sale, subject):
            line.state, line.since, line.held = "refunded", now, ""
        return
    ruled = {claim.holder for claim in sale.open_claims if claim.ruling is not None}
    for line in sale.live:
        undecided = line.held and line.held not in ruled and line.state != "accepted"
        if undecided and line.where == "escrow" and not sale.disputed_by(line.name):
            line.state = "cancelled" if line.state in ("pending", "confirmed") else "refunded"
            line.since, line.held = now, ""


def _ticket(cause: str) -> Step:
    def step(sale: Sale, subject: str, now: datetime) -> None:
        open_ticket(sale, cause, subject.partition(".")[0], now)

    return step


def _of_claim(step: str) -> Step:
    return lambda sale, subject, now: cases.ring(sale, step, subject.partition(".")[0], now)


_STEPS: dict[str, Step] = {
    **{name: _of_claim(name) for name in (*SILENCES, "claim_wakes", "decision_stands", "claim_times_out")},
    "expire_unpaid": _expire,
    "renew_hold": _renew,
    "hold_lapses": _lapse,
    "confirm_overdue": _ticket("confirm_overdue"),
    "confirm_lapses": lambda sale, _, now: _turn(sale, now, pending="cancelled"),
    "ship_overdue": _ticket("ship_overdue"),
    "ship_lapses": lambda sale, _, now: _turn(sale, now, confirmed="cancelled"),
    "cancel_by_silence": _by_silence,
    "time_lapses": _forget_time,
    "parcel_stalled": _ticket("parcel_stalled"),
    "accept_on_strong_proof": _accept,
    "accept_on_weak_proof": _accept,
    "receipt_overdue": _ticket("receipt_missing"),
    "escrow_ends": lambda sale, _, now: _turn(
        sale, now, False, confirmed="cancelled", shipped="refunded", delivered="accepted"
    ),
    "held_escrow_ends": _give_back_held,
    "dispute_lapses": _lose,
    "close": _close,
    "pause_ends": resume,
    "approval_lapses": _lapse_approval,
    "ticket_overdue": _escalate,
    "settle": _nothing,
    "money_overdue": _ticket("money_unknown"),
}
