"""What each role may see of a claim, as plain frozen data. Pure: made from what is on record, rendered elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from activities.store.desk.attachments import Attachment, Visibility
from activities.store.desk.cases import CaseRecord
from activities.store.desk.claims import ClaimRow, waits_for
from activities.store.desk.feedback import Feedback
from domain import wire
from domain.business_time import local_text
from domain.claims.case import STATUS_WORDS, Claim, ReturnParcel
from domain.claims.ends import at_stake
from domain.money import Money, total
from domain.state import DESK, Actor, Order
from starter.cases.story import WISHES, CaseEvent, story_of
from starter.cases.terms import terms
from starter.cases.turns import can, may_say_until, next_of
from starter.views import bounce_words, calendar_of


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A claim in a list. `owner` is for the desk alone; `due` is when its next clock rings, None where nothing does."""

    number: str
    order_id: str
    claim_id: str
    status: str
    reason: str
    waiting_on: str
    due: datetime | None
    overdue: bool
    opened_at: datetime
    amount: Money
    awarded: Money
    owner: str = ""
    buyer: str = ""
    seller: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A line that the claim is about, with what the buyer was told of it at checkout."""

    line_id: str
    title: str
    price: Money
    state: str
    condition: str
    known_differences: str
    return_terms: str


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file of the claim: `by` is a role, `aftersale files get` fetches it."""

    attachment_id: str
    name: str
    kind: str
    by: str


@dataclass(frozen=True, slots=True)
class CaseTicket:
    """The desk's work on the claim, for the desk alone."""

    ticket_id: str
    due: datetime
    owner: str
    escalations: int
    status: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """A claim as one role sees it.

    `next` says who acts next and what happens otherwise, `due` when, `due_text` the same on the viewer's calendar;
    `money` holds named amounts; `terms` are the windows and fees that hold for it; `can` are the commands about it that
    are open to the viewer now, `feedback_until` up to when the viewer may say how it was handled, None for not at all.
    `return_to` are the lines of the address that goods go back to, `return_label` is the id of the file of their label.
    `owner`, `judges` and `tickets` are for the desk alone; of `feedback` a party sees its own. `bounces` says to whom
    mails cannot be delivered.
    """

    number: str
    order_id: str
    claim_id: str
    seen_as: str
    status: str
    reason: str
    wish: str
    opened_at: datetime
    since: datetime
    ended_at: datetime | None
    waiting_on: str
    next: str
    due: datetime | None
    due_text: str
    money: Mapping[str, Money]
    lines: tuple[Told, ...]
    returned: str
    return_to: tuple[str, ...]
    return_label: str
    terms: tuple[str, ...]
    story: tuple[CaseEvent, ...]
    files: tuple[NamedFile, ...]
    can: tuple[str, ...]
    feedback_until: datetime | None
    feedback: tuple[Feedback, ...]
    owner: str = ""
    judges: tuple[str, ...] = ()
    tickets: tuple[CaseTicket, ...] = ()
    bounces: tuple[str, ...] = ()


def case_line(row: ClaimRow, reader: Actor, now: datetime) -> CaseLine:
    """A row of a list as `reader`, who may see it, reads it: who the other side is stays with the desk."""
    desk = reader.role in DESK
    late = row.due_at is not None and row.ended_at is None and row.due_at < now
    return CaseLine(
        row.number,
        row.order_id,
        row.claim_id,
        STATUS_WORDS[row.status],
        row.reason,
        row.waiting_on,
        row.due_at,
        late,
        row.opened_at,
        row.amount,
        row.awarded,
        row.owner if desk else "",
        row.buyer if desk else "",
        row.seller if desk else "",
    )


def case_view(found: CaseRecord, reader: Actor, now: datetime, return_to: tuple[str, ...] = ()) -> CaseView:
    """The claim for `reader`, who may see it. No tracking number is ever in it, and no address but `return_to`."""
    order, row = wire.from_plain(Order, found.snapshot), found.row
    claim = _claim(order, row.claim_id)
    desk, calendar = reader.role in DESK, calendar_of(order, reader)
    text, due = next_of(order, claim)
    files = {file.attachment_id: file for file in found.files if desk or file.visibility == Visibility.PARTIES}
    story = tuple(story_of(found, claim, files, desk=desk))
    used = [file for event in story for file in event.files if file in files]
    until = may_say_until(order, row, reader, now)
    return CaseView(
        row.number,
        row.order_id,
        claim.claim_id,
        reader.role.value,
        STATUS_WORDS[claim.status],
        claim.reason.value,
        WISHES[claim.wish],
        claim.opened_at,
        claim.since,
        row.ended_at,
        waits_for(claim.status, instructed=claim.instructed),
        text,
        due,
        local_text(calendar, due) if due else "",
        dict(_money(order, claim, row)),
        _told(order, claim, found.checkout),
        _returned(claim),
        return_to,
        claim.return_label,
        terms(order, claim),
        story,
        tuple(_named(files[file]) for file in dict.fromkeys(used)),
        can(order, claim, reader, now),
        until,
        tuple(given for given in found.feedback if desk or given.role == reader.role),
        claim.owner if desk else "",
        claim.judges if desk else (),
        tuple(CaseTicket(t.ticket_id, t.due, t.owner, t.escalations, t.status) for t in found.tickets) if desk else (),
        bounce_words(found.bounced, reader.role),
    )


def claim_of(found: CaseRecord) -> Claim:
    """The claim itself, out of its order's state."""
    return _claim(wire.from_plain(Order, found.snapshot), found.row.claim_id)


def _claim(order: Order, claim_id: str) -> Claim:
    return next(claim for claim in order.claims if claim.claim_id == claim_id)


def _money(order: Order, claim: Claim, row: ClaimRow) -> Iterator[tuple[str, Money]]:
    """What the claim is about, what is offered, and what goes back."""
    yield "price", row.amount
    if not claim.is_settled:
        yield "at stake", at_stake(order, claim)
    if claim.offer is not None:
        yield f"offered by the {claim.offer.by}", claim.offer.amount
    if claim.ruling is not None:
        yield "decided", total([part.amount for part in claim.ruling.parts], order.currency)
    if claim.is_settled:
        yield "awarded", row.awarded


def _told(order: Order, claim: Claim, checkout: Mapping[str, Any]) -> tuple[Told, ...]:
    sold = {line.get("line_id"): line for line in checkout.get("lines", [])}
    about = ("condition", "known_differences", "return_terms")
    return tuple(
        Told(
            line.line_id, line.title, line.price, line.state.value,
            *(sold.get(line.line_id, {}).get(name, "") for name in about),
        )
        for line in order.lines
        if line.line_id in claim.lines
    )  # fmt: skip


def _returned(claim: Claim) -> str:
    """Where each return is, in a sentence; "" where there is none. Its tracking number is looked at elsewhere."""
    found = f", found {claim.finding.replace('_', ' ')}" if claim.finding is not None else ""
    if not claim.returns:
        return f"Arrived {claim.handed_back_at:%Y-%m-%d}{found}." if claim.handed_back_at else ""
    return " ".join(_parcel(back, found) for back in claim.returns)


def _parcel(back: ReturnParcel, found: str) -> str:
    waits = "on its way" if back.travels else "did not arrive"
    there = f"arrived {back.arrived_at:%Y-%m-%d}{found}" if back.arrived_at else waits
    return f"Parcel {back.parcel_id} by {back.carrier}, sent {back.sent_at:%Y-%m-%d}, {there}."


def _named(file: Attachment) -> NamedFile:
    return NamedFile(file.attachment_id, file.name, file.kind.value, file.author.role.value)
