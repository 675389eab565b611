"""Views on a terminal. Texts are shown as they are: none can colour, move or hide another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text as RichText

from activities.store.screens import OrderRow, TicketRow
from domain.claims.promise import Told
from domain.money import Money
from domain.words.written import in_a_line, quoted, shown
from starter.answers import Progress
from starter.preview import Preview
from starter.trouble import Why
from starter.views import Happening, LineView, OrderView, ParcelView

SHIPMENT = {
    "secured": "The payment is secured: hand the parcel over.",
    "pending": "The payment is pending: keep the parcel until it is secured.",
    "failed": "The payment failed: do not hand the parcel over.",
}
"""What a seller is told after shipping."""

BY_NAME = " (with lines that are named)"
"""What stands beside a command that takes no line by itself any more."""


def progress(answer: Progress) -> RenderableType:
    """The answer to a command."""
    first = "" if answer.accepted else "Handed over; the story tells what becomes of it. As it stood: "
    lines = ", ".join(f"{line_id} {state}" for line_id, state in answer.lines.items())
    rows = [f"{first}{answer.order_id}: {words(answer.stage)} ({lines}), payment {answer.payment}"]
    if answer.next:
        rows.append(answer.next + (f" Until {when(answer.due)}." if answer.due else ""))
    if answer.advice:
        rows.append(answer.advice)
    rows.append(f"Open to you now: {', '.join(map(dashed, answer.possible)) or 'nothing'}")
    return text("\n".join(rows))


def order(view: OrderView) -> RenderableType:
    """One order on one screen."""
    until = f" Until {view.due_text}." if view.due_text else ""
    parts: list[RenderableType] = [
        text(f"Order {view.order_id}, {words(view.stage)}, waiting on {view.waiting_on}", "bold"),
        text(f"{view.next}{until}"),
    ]
    if view.expect:
        parts.append(text(f"What to expect: {view.expect}."))
    if view.attention:
        parts.append(text(f"Needs attention: {view.attention}", "bold red"))
    parts += [text(sentence, "bold red") for sentence in view.bounces]
    parts += [text(request) for request in view.requests]
    parts += [
        text(f"Claim {claim.number}: {claim.status} ({words(claim.reason)}, {', '.join(claim.lines)})")
        for claim in view.claims
    ]
    if view.address:
        parts.append(text(f"Delivery address: {', '.join(view.address)}"))
    parts += [_lines(view.lines), *_told(view.lines), *_promised(view.claim_terms)]
    if view.parcels:
        parts += [_parcels(view.parcels), *_lost(view.parcels)]
    parts.append(text("Money: " + amounts(view.money)))
    parts.append(_story(view.story))
    can = [dashed(name) + (BY_NAME if name in view.named_only else "") for name in view.can]
    parts.append(text(f"Open to you now: {', '.join(can) or 'nothing'}"))
    return Group(*parts)


def _lines(lines: Iterable[LineView]) -> RenderableType:
    return table(
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
            for line in lines
        ),
    )


def _told(lines: Iterable[LineView]) -> list[RenderableType]:
    """What the buyer was told at checkout."""
    return [
        text(f"{line.line_id}: {name} {in_a_line(told)}")
        for line in lines
        for name, told in (
            ("condition:", line.condition),
            ("known differences:", line.known_differences),
            ("return terms:", line.return_terms),
        )
        if told
    ]


def _promised(terms: Iterable[Told]) -> list[RenderableType]:
    """What the buyer may count on when something is wrong."""
    return [
        text("\n  ".join((f"If something is wrong with {', '.join(told.lines)}:", *told.sentences))) for told in terms
    ]


def _parcels(parcels: Iterable[ParcelView]) -> RenderableType:
    return table(
        ("parcel", "carrier", "insured", "tracking number", "lines", "milestone", "at"),
        (
            (
                p.parcel_id,
                f"{p.carrier} {p.service}".strip(),
                p.insured or "-",
                p.tracking_number or "-",
                ", ".join(p.lines),
                words(p.milestone),
                when(p.moved_at),
            )
            for p in parcels
        ),
    )


def _lost(parcels: Iterable[ParcelView]) -> list[RenderableType]:
    """What carriers are claimed for."""
    return [
        text(f"Parcel {p.parcel_id} is lost: by its terms {p.carrier} pays {p.carrier_pays}.")
        for p in parcels
        if p.carrier_pays
    ]


def _story(story: Iterable[Happening]) -> RenderableType:
    return table(
        ("when", "who", "what happened"),
        (
            (
                when(h.at),
                f"{h.who} {h.actor_id}".strip(),
                h.text + (f" [{h.step}]" if h.refused else "") + (f' "{h.note}"' if h.note else ""),
            )
            for h in story
        ),
    )


def why(answer: Why) -> RenderableType:
    """What keeps an order where it is."""
    parts: list[RenderableType] = [
        text(f"Order {answer.order_id}, {words(answer.stage)}, waiting on {answer.waiting_on}. {answer.next}", "bold")
    ]
    for item in answer.open:
        since = f", since {when(item.since)}" if item.since else ""
        due = f", due {when(item.due)}" if item.due else ""
        parts.append(text(f"{item.kind}: {item.what}{since}{due}\n  mended by {item.mends}, e.g. {item.command}"))
    if not answer.open:
        parts.append(text("Nothing that is on record is wrong with it."))
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


def tickets(rows: Iterable[TicketRow], shared: Mapping[str, int]) -> RenderableType:
    """The queue of open tickets; `shared` says how many orders wait on a cause that lies outside them."""

    def cause(row: TicketRow) -> str:
        others = shared.get(row.cause, 1) - 1
        return f"{words(row.cause)}, and {others} more orders" if others else words(row.cause)

    return table(
        ("ticket", "order", "cause", "subject", "due", "owner", "escalated"),
        (
            (
                row.ticket_id,
                row.order_id or "",
                cause(row),
                row.subject,
                when(row.due),
                row.owner or "nobody",
                str(row.escalations),
            )
            for row in rows
        ),
    )


def previews(answers: Iterable[Preview]) -> RenderableType:
    """What another policy would change."""
    parts: list[RenderableType] = []
    for answer in answers:
        parts.append(
            text(f"Order {answer.order_id}: {answer.refused or f'{len(answer.changes)} clocks change'}", "bold")
        )
        if answer.changes:
            parts.append(
                table(
                    ("clock", "rings now", "would ring"),
                    ((c.tier, when(c.before) or "not", when(c.after) or "not") for c in answer.changes),
                )
            )
    return Group(*parts)


def several(parts: Iterable[RenderableType]) -> RenderableType:
    """One after the other."""
    return Group(*parts)


def amounts(money: Mapping[str, Money]) -> str:
    """Named amounts in one line."""
    return ", ".join(f"{name} {amount}" for name, amount in money.items())


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    """A plain table that survives narrow terminals and pipes."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head in heads:
        made.add_column(head, overflow="fold")
    for row in rows:
        made.add_row(*(RichText(shown(cell)) for cell in row))
    return made


@dataclass(frozen=True, slots=True)
class Line:
    """Text that begins no line but its own: on a terminal too narrow for it its rest stands behind `before`."""

    plain: str
    style: str = ""
    before: str = "    "

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The text; whole where `options` forbid to wrap it."""
        if options.no_wrap:
            yield RichText(self.plain, self.style)
            return
        for line in RichText(self.plain, self.style).split(allow_blank=True):
            if line.cell_len <= options.max_width:
                yield line
                continue
            first, *rest = line.wrap(console, max(options.max_width - len(self.before), 1))
            yield first
            yield from (RichText(self.before, self.style).append_text(each) for each in rest)


def text(words_: str, style: str = "") -> Line:
    """Text as it is: no markup, and no control character that a terminal would obey."""
    return Line(shown(words_), style)


def quotes(said: str) -> list[Line]:
    """What a person said, each line of it behind a mark, also where a terminal breaks it."""
    return [Line(f"  {line}", before="  > ") for line in quoted(said)]


def when(moment: datetime | None) -> str:
    """An instant in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else ""


def words(name: str) -> str:
    """``part_shipped`` for people."""
    return name.replace("_", " ")


def dashed(name: str) -> str:
    """A command as it is typed."""
    return name.replace("_", "-")


def put(view: RenderableType) -> None:
    """Print to standard output. Where that is no terminal tables are 160 wide, and no other line is wrapped."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(view)
    else:
        Console(highlight=False, width=160).print(view, soft_wrap=True)
