"""Views on a terminal. Every text that people or providers wrote is escaped, so that none can colour or hide another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from activities.store.screens import OrderRow, TicketRow
from domain.money import Money
from starter.answers import Progress
from starter.preview import Preview
from starter.reader import Books, Posting
from starter.trouble import Why
from starter.views import OrderView

SHIPMENT = {
    "secured": "The payment is secured: hand the parcel over.",
    "pending": "The payment is pending: keep the parcel until it is secured.",
    "failed": "The payment failed: do not hand the parcel over.",
}
"""What a seller is told after shipping."""


def progress(answer: Progress) -> RenderableType:
    """The answer to a command."""
    first = "" if answer.accepted else "Handed over; the story tells what becomes of it. As it stood: "
    lines = ", ".join(f"{line_id} {state}" for line_id, state in answer.lines.items())
    rows = [f"{first}{answer.order_id}: {words(answer.stage)} ({lines}), payment {answer.payment}"]
    if answer.next:
        rows.append(answer.next + (f" Until {when(answer.due)}." if answer.due else ""))
    rows.append(f"Open to you now: {', '.join(map(dashed, answer.possible)) or 'nothing'}")
    return Text("\n".join(rows))


def order(view: OrderView) -> RenderableType:
    """One order on one screen."""
    until = f" Until {view.due_text}." if view.due_text else ""
    parts: list[RenderableType] = [
        Text.assemble((f"Order {view.order_id}", "bold"), f", {words(view.stage)}, waiting on {view.waiting_on}"),
        Text(f"{view.next}{until}"),
    ]
    if view.expect:
        parts.append(Text(f"What to expect: {view.expect}."))
    if view.attention:
        parts.append(Text(f"Needs attention: {view.attention}", "bold red"))
    parts += [Text(request) for request in view.requests]
    parts.append(
        table(
            ("line", "title", "number", "price", "state", "money", "since"),
            (
                (
                    line.line_id,
                    line.title,
                    str(line.quantity),
                    str(line.price),
                    line.state + (", held" if line.held else ""),
                    line.money,
                    when(line.since),
                )
                for line in view.lines
            ),
        )
    )
    told = [
        Text(f"{line.line_id}: {name} {text}")
        for line in view.lines
        for name, text in (
            ("condition:", line.condition),
            ("known differences:", line.known_differences),
            ("return terms:", line.return_terms),
        )
        if text
    ]
    parts += told
    if view.parcels:
        parts.append(
            table(
                ("parcel", "carrier", "tracking number", "lines", "milestone", "at"),
                (
                    (
                        p.parcel_id,
                        f"{p.carrier} {p.service}".strip(),
                        p.tracking_number or "-",
                        ", ".join(p.lines),
                        words(p.milestone),
                        when(p.moved_at),
                    )
                    for p in view.parcels
                ),
            )
        )
    parts.append(Text("Money: " + amounts(view.money)))
    parts.append(
        table(
            ("when", "who", "what happened"),
            (
                (
                    when(h.at),
                    f"{h.who} {h.actor_id}".strip(),
                    h.text + (f" [{h.step}]" if h.refused else "") + (f' "{h.note}"' if h.note else ""),
                )
                for h in view.story
            ),
        )
    )
    parts.append(Text(f"Open to you now: {', '.join(map(dashed, view.can)) or 'nothing'}"))
    return Group(*parts)


def why(answer: Why) -> RenderableType:
    """What keeps an order where it is."""
    parts: list[RenderableType] = [
        Text.assemble(
            (f"Order {answer.order_id}", "bold"),
            f", {words(answer.stage)}, waiting on {answer.waiting_on}. {answer.next}",
        )
    ]
    for item in answer.open:
        since = f", since {when(item.since)}" if item.since else ""
        due = f", due {when(item.due)}" if item.due else ""
        parts.append(Text(f"{item.kind}: {item.what}{since}{due}\n  mended by {item.mends}, e.g. {item.command}"))
    if not answer.open:
        parts.append(Text("Nothing is wrong with it."))
    if answer.clocks:
        parts.append(
            table(
                ("rings", "unless acts", "then"),
                ((clock.at_text, clock.who, f"{clock.otherwise} ({clock.step})") for clock in answer.clocks),
            )
        )
    return Group(*parts)


def orders(rows: Iterable[OrderRow]) -> RenderableType:
    """A list of orders."""
    return table(
        ("order", "stage", "waiting on", "due", "total", "seller", "attention"),
        (
            (
                row.order_id,
                words(row.stage),
                row.waiting_on,
                when(row.due_at),
                str(row.total),
                row.seller,
                row.reason if row.attention else "",
            )
            for row in rows
        ),
    )


def tickets(rows: Iterable[TicketRow]) -> RenderableType:
    """The queue of open tickets."""
    return table(
        ("ticket", "order", "cause", "subject", "due", "owner", "escalated"),
        (
            (
                row.ticket_id,
                row.order_id,
                words(row.cause),
                row.subject,
                when(row.due),
                row.owner or "nobody",
                str(row.escalations),
            )
            for row in rows
        ),
    )


def ledger(postings: Iterable[Posting]) -> RenderableType:
    """An order's postings, as on a bank statement."""
    return table(
        ("when", "operation", "account", "debit", "credit"),
        (
            (
                when(p.at),
                f"{p.verb} {p.seq}",
                p.account,
                str(p.amount) if p.side == "debit" else "",
                str(p.amount) if p.side == "credit" else "",
            )
            for p in postings
        ),
    )


def books(answer: Books) -> RenderableType:
    """Balances of accounts."""
    verdict = Text("The ledger balances." if answer.balanced else "THE LEDGER DOES NOT BALANCE.", "bold")
    return Group(table(("account", "balance"), ((b.account, str(b.amount)) for b in answer.balances)), verdict)


def previews(answers: Iterable[Preview]) -> RenderableType:
    """What another policy would change."""
    parts: list[RenderableType] = []
    for answer in answers:
        parts.append(
            Text(f"Order {answer.order_id}: {answer.refused or f'{len(answer.changes)} clocks change'}", "bold")
        )
        if answer.changes:
            parts.append(
                table(
                    ("clock", "rings now", "would ring"),
                    ((c.tier, when(c.before) or "not", when(c.after) or "not") for c in answer.changes),
                )
            )
    return Group(*parts)


def amounts(money: Mapping[str, Money]) -> str:
    """Named amounts in one line."""
    return ", ".join(f"{name} {amount}" for name, amount in money.items())


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    """A plain table that survives narrow terminals and pipes."""
    made = Table(*heads, box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    return made


def when(moment: datetime | None) -> str:
    """An instant in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else ""


def words(name: str) -> str:
    """``part_shipped`` for people."""
    return name.replace("_", " ")


def dashed(name: str) -> str:
    """A command as it is typed."""
    return name.replace("_", "-")


def console() -> Console:
    """The terminal; wide enough for a table when the output is no terminal."""
    made = Console(highlight=False, soft_wrap=False)
    return made if made.is_terminal else Console(highlight=False, width=160)
