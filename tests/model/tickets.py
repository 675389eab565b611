"""Tickets of the reference model: one per cause and subject, gone as soon as its cause is."""

from __future__ import annotations

from datetime import datetime

from tests.model.chargebacks import Dispute
from tests.model.sale import Sale, Ticket

WRONG = ("parcel_lost", "parcel_returned")
"""Tickets about a parcel that holds its lines until somebody decides."""


def open_ticket(sale: Sale, cause: str, subject: str, now: datetime) -> None:
    """Give a person work, once per cause and subject."""
    if (cause, subject) not in sale.tickets:
        sale.tickets[cause, subject] = Ticket(now, sale.desk_days.after(now, sale.terms.ticket_due))


def needed(sale: Sale, cause: str, subject: str) -> bool:  # noqa: C901  # one branch per cause
    """Whether what a ticket is about is still so."""
    states = sale.states()
    match cause:
        case "confirm_overdue":
            return "pending" in states
        case "ship_overdue":
            return "confirmed" in states
        case "parcel_stalled":
            parcel = sale.parcels[subject]
            moved = parcel.moved > sale.tickets[cause, subject].opened
            lost = (sale.lines[name] for name in parcel.lines)
            sought = any(line.state == "shipped" and not line.held.startswith("claim:") for line in lost)
            return sought and not (moved or parcel.withdrawn)
        case "parcel_lost" | "parcel_returned":
            return f"parcel_{sale.parcels[subject].milestone}" == cause and bool(about(sale, cause, subject))
        case "receipt_missing":
            return sale.lines[subject].state == "delivered" and not sale.lines[subject].held.startswith("claim:")
        case "claim":
            return sale.claims[subject].status == "escalated_to_platform"
        case "money_unknown":
            return sale.op is not None and str(sale.op.number) == subject
        case "dispute":
            return sale.disputes[subject].state == "open"
        case "money_failed" if subject == "capture":
            return not sale.captured and sale.hold is None and bool(sale.live)
        case "money_failed":
            return any(stuck.verb == subject for stuck in sale.stuck)
        case _:
            return True


def about(sale: Sale, cause: str, subject: str) -> list[str] | None:
    """The lines that a ticket is about; None where it is about the order or its money."""
    match cause:
        case "receipt_missing":
            return [subject]
        case "parcel_lost" | "parcel_returned":
            parcel = sale.parcels[subject]
            held = [line for line in sale.live if line.held.startswith("parcel:") and line.name in parcel.lines]
            return [line.name for line in held if line.state != "accepted" or line.held == f"parcel:{subject}"]
        case "parcel_stalled" | "number_reused":
            sent = (sale.lines[name] for name in sale.parcels[subject].lines)
            here = (line for line in sent if line.state in ("shipped", "delivered"))
            return [line.name for line in here if not line.held.startswith("claim:")]
        case "claim":
            return [line.name for line in sale.live if line.held == f"claim:{subject}"]
        case _:
            return None


def parcel_decided(sale: Sale, name: str) -> None:
    """What the parcel held is let go, or is the next one's that went wrong and that nobody has decided about yet.

    Of what was accepted that decides.
    """
    waiting = [subject for cause, subject in sale.tickets if cause in WRONG and subject != name]
    for line in (line for line in sale.lines.values() if line.held == f"parcel:{name}"):
        others = () if line.state == "accepted" else sale.sent_with(line.name)
        boxes = [box.name for box in others if box.name in waiting]
        line.held = f"parcel:{boxes[0]}" if boxes else sale.disputed_by(line.name)


def judge_anew(sale: Sale, dispute: Dispute, now: datetime) -> None:
    """After the bank's word the desk has a ticket's time for what came back of it."""
    for (cause, subject), ticket in sale.tickets.items():
        if cause == "parcel_returned" and set(dispute.parts) & set(about(sale, cause, subject) or ()):
            ticket.due = ticket.kept = sale.desk_days.after(now, sale.terms.ticket_due)
            ticket.escalations = 0


def facts(sale: Sale) -> object:
    """All that an approval was given for: lines, parcels, cases, money under way, and who is paid."""
    pieces = [(piece.name, piece.state, piece.where, piece.held, piece.left) for piece in sale.slices]
    parcels = [(parcel.name, parcel.milestone, parcel.moved, parcel.withdrawn) for parcel in sale.parcels.values()]
    claims = [(c.name, c.status, c.came_back, c.empty, c.failed, tuple(c.parcels)) for c in sale.claims.values()]
    disputes = [(name, dispute.state) for name, dispute in sale.disputes.items()]
    op = (sale.op.verb, sale.op.names) if sale.op else None
    return pieces, parcels, claims, disputes, sale.due_back, op, sale.account


def prune(sale: Sale) -> None:
    """End the tickets, requests and approvals whose cause is gone."""
    states = sale.states()
    left = tuple(name for name in sale.cancel_asked or () if sale.lines[name].state == "confirmed")
    sale.cancel_asked = left or None
    if "confirmed" not in states:
        sale.time_asked = None
    for cause, subject in list(sale.tickets):
        if not needed(sale, cause, subject):
            del sale.tickets[cause, subject]
    if sale.approval and (sale.approval.facts != facts(sale) or ended(sale, sale.approval.ticket)):
        sale.approval = None


def ended(sale: Sale, ticket: str) -> bool:
    """Whether the ticket that a command was asked for is open no more."""
    return bool(ticket) and ticket not in map(":".join, sale.tickets)
