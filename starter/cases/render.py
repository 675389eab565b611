"""Claims on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType

from activities.store.desk.recurring import RecurringRow
from domain.words.written import in_a_line
from starter.cases.story import CaseEvent
from starter.cases.views import CaseLine, CaseView
from starter.render import Line, amounts, dashed, quotes, table, text, when, words


def lines(rows: Iterable[CaseLine]) -> RenderableType:
    """A list of claims."""
    return table(
        ("claim", "status", "reason", "waiting on", "due", "amount", "awarded", "owner"),
        (
            (
                row.number,
                row.status,
                words(row.reason),
                row.waiting_on,
                when(row.due) + (" overdue" if row.overdue else ""),
                str(row.amount),
                str(row.awarded) if row.awarded else "",
                row.owner,
            )
            for row in rows
        ),
    )


def recurring(rows: Iterable[RecurringRow]) -> RenderableType:
    """Issues that recur, and the claims behind each."""
    return table(
        ("what", "which", "claims", "since", "ticket", "due", "owner"),
        (
            (
                row.kind,
                row.subject,
                f"{len(row.claims)}: {', '.join(row.claims)}",
                when(row.since),
                row.ticket_id if row.status == "open" else f"{row.ticket_id} ({row.status})",
                when(row.due),
                row.owner or "nobody",
            )
            for row in rows
        ),
    )


def case(view: CaseView) -> RenderableType:
    """One claim on one screen, with what is open to whoever looks."""
    head, *rest = told(view)
    parts = [head, *(text(sentence, "bold red") for sentence in view.bounces), *rest]
    if view.feedback_until is not None:
        parts.append(text(f"How was it handled? aftersale claims feedback {view.number} --as {view.seen_as} --score 5"))
    parts.append(text(f"Open to you now: {', '.join(map(dashed, view.can)) or 'nothing'}"))
    return Group(*parts)


def told(view: CaseView) -> list[Line]:
    """All that is known of one claim."""
    until = f" Until {view.due_text}." if view.due_text else ""
    parts = [
        text(f"Claim {view.number} about order {view.order_id}: {view.status}", "bold"),
        text(f"{words(view.reason).capitalize()}, claimed {when(view.opened_at)}; the buyer would like {view.wish}."),
        text(f"{view.next}{until}"),
        text("Money: " + amounts(view.money)),
    ]
    parts += [text(f"{line.line_id}: {line.title}, {line.price}, {line.state}") for line in view.lines]
    parts += _told(view)
    if view.return_to:
        parts.append(text(f"Goes back to: {', '.join(view.return_to)}"))
    if view.return_label:
        parts.append(text(f"Return label: {view.return_label}"))
    if view.returned:
        parts.append(text(f"Return: {view.returned}"))
    parts += [text(f"- {term}") for term in view.terms]
    parts += _story(view.story)
    parts += [text(f"File {f.attachment_id}: {f.name} ({f.kind}, by the {f.by})") for f in view.files]
    parts += _desk(view)
    for given in view.feedback:
        said = f': "{in_a_line(given.comment)}"' if given.comment else ""
        parts.append(text(f"The {given.role} gave the handling {given.score} of 5{said}"))
    return parts


def _told(view: CaseView) -> list[Line]:
    """What the buyer was told at checkout."""
    return [
        text(f"{line.line_id}: told at checkout, {name} {in_a_line(told)}")
        for line in view.lines
        for name, told in (
            ("condition:", line.condition),
            ("known differences:", line.known_differences),
            ("return terms:", line.return_terms),
        )
        if told
    ]


def _desk(view: CaseView) -> list[Line]:
    """What the desk alone reads."""
    parts: list[Line] = [
        text(f"Ticket {t.ticket_id}: {t.status}, due {when(t.due)}, {t.owner or 'nobody has taken it'}")
        for t in view.tickets
    ]
    if view.owner:
        parts.append(text(f"Owner: {view.owner}"))
    if view.judges:
        parts.append(text(f"Decided so far by: {', '.join(view.judges)}"))
    return parts


def _story(story: Iterable[CaseEvent]) -> list[Line]:
    parts: list[Line] = []
    for event in story:
        status = f" Now: {event.status}." if event.status else ""
        parts.append(text(f"{when(event.at)}  {event.who} {event.actor_id}".rstrip() + f": {event.text}{status}"))
        parts += quotes(event.said)
        if event.files:
            parts.append(text(f"  files: {', '.join(event.files)}"))
    return parts
