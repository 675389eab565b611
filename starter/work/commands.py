"""``aftersale tickets``: the queue, one ticket, whose it is, what is noted, how it ends.

A ticket is named by its own id; the order it belongs to is looked up. One that needs a step of the order ends by that
step: ``aftersale tickets show`` names the command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from domain import wire
from domain.errors import Refused
from domain.state import Actor, Cause, Outcome, Role
from domain.words.written import in_a_line
from starter import render
from starter.answers import Progress
from starter.client import AftersaleClient
from starter.reader import PAGE, Reader
from starter.records import check_reason
from starter.terminal import EPILOG, As, Id, Json, Viewer, acting, answering, on_record, show
from starter.work.reader import TicketView, Work

Ticket = Annotated[str, typer.Argument(help="The ticket's id.")]
Owner = Annotated[str | None, typer.Option("--owner", help="Whose; '' for nobody's.")]
Why = Annotated[str, typer.Option("--cause", help="Why it was opened, e.g. ship_overdue.")]
Overdue = Annotated[bool, typer.Option("--overdue", help="Due before now.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; stored encrypted, for the desk to read.")]


def add_to(group: typer.Typer) -> None:
    """The commands, into the group of tickets."""
    group.callback(epilog=EPILOG, invoke_without_command=True)(queue)
    group.command("list", epilog=EPILOG)(list_tickets)
    group.command("show", epilog=EPILOG)(show_ticket)
    for name, command in (("assign", assign), ("hand-over", hand_over), ("note", note), ("resolve", resolve)):
        group.command(name, epilog=EPILOG)(command)


def queue(
    context: typer.Context,
    owner: Owner = None,
    cause: Why = "",
    overdue: Overdue = False,
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    limit: Limit = PAGE,
    as_json: Json = False,
) -> None:
    """The queue of open tickets, what is due first on top; one for all orders that wait on the same provider."""
    if context.invoked_subcommand is None:
        list_tickets(owner, cause, overdue, role, actor_id, limit, as_json)


def list_tickets(
    owner: Owner = None,
    cause: Why = "",
    overdue: Overdue = False,
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    limit: Limit = PAGE,
    as_json: Json = False,
) -> None:
    """The queue of open tickets, what is due first on top; one for all orders that wait on the same provider.

    Nobody of the desk finds a ticket of an order of their own.
    """
    with on_record(as_json=as_json) as records:
        reader = Reader(records)
        asked = {"owner": owner, "cause": cause or None}
        rows = reader.tickets(_reader(role, actor_id), **asked, overdue=overdue, limit=limit)
        shared = reader.shared_tickets()
    show({"tickets": rows, "shared": shared}, lambda: render.tickets(rows, shared), as_json=as_json)


def show_ticket(ticket: Ticket, role: As = Viewer.SPECIALIST, actor_id: Id = "", as_json: Json = False) -> None:
    """One ticket: what it is about, which command mends it, what was noted about its order."""
    with on_record(as_json=as_json) as records:
        view = Work(records).show(ticket, _reader(role, actor_id))
    show(view, lambda: _ticket(view), as_json=as_json)


def assign(
    ticket: Ticket,
    owner: Annotated[str, typer.Option("--owner", help="Whose it is from now on; '' for nobody's.")],
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """Give a ticket to a person; with a claim's ticket goes the claim."""
    _acted(ticket, _reader(role, actor_id), _handing(owner), as_json=as_json)


def hand_over(
    ticket: Ticket,
    owner: Annotated[str, typer.Option("--owner", help="Whose it is from now on.")],
    reason: Reason,
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """Give a ticket to a colleague, and tell what there is to know of it."""

    async def handed(client: AftersaleClient, row: TicketView, by: Actor) -> Progress:
        check_reason(reason)
        await _handing(owner)(client, row, by)
        return await _noting(reason)(client, row, by)

    _acted(ticket, _reader(role, actor_id), handed, as_json=as_json)


def note(
    ticket: Ticket,
    text: Annotated[str, typer.Option("--text", help="What to note; stored encrypted, for the desk to read.")],
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """Note something about a ticket, for the desk alone; of one apart from its order it stands with the ticket."""
    _acted(ticket, _reader(role, actor_id), _noting(text), as_json=as_json)


def resolve(
    ticket: Ticket,
    outcome: Annotated[Outcome, typer.Option("--outcome", help="How it ends; act is by the command that acts.")],
    reason: Reason,
    until: Annotated[str, typer.Option("--until", help="For extend: e.g. 2026-11-24T16:00:00Z.")] = "",
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """End a ticket without a step: extend its clock, or no_change. A command that acts names it by --resolves."""

    async def resolved(client: AftersaleClient, row: TicketView, by: Actor) -> Progress:
        ends: datetime | None = wire.instant(until, "--until") if until else None
        return await client.resolve_ticket(
            row.order_id, by, ticket=row.ticket_id, outcome=outcome, reason=reason, until=ends
        )

    _acted(ticket, _reader(role, actor_id), resolved, as_json=as_json)


Doing = Callable[[AftersaleClient, TicketView, Actor], Awaitable[Progress]]


def _acted(ticket: str, by: Actor, what: Doing, *, as_json: bool) -> None:
    """Do something about a ticket, and tell how its order stands."""

    async def done() -> Progress:
        async with AftersaleClient.connect() as client:
            row = await client.ticket(ticket, by)
            if not row.order_id:
                raise Refused(
                    "no_order", f"ticket {ticket} is about no order; `aftersale findings` has what it is about"
                )
            return await what(client, row, by)

    with answering(as_json=as_json):
        answer = asyncio.run(done())
    show(answer, lambda: render.progress(answer), as_json=as_json)


def _handing(owner: str) -> Doing:
    async def handed(client: AftersaleClient, row: TicketView, by: Actor) -> Progress:
        if not owner and not row.owner:
            raise Refused("nothing_new", f"ticket {row.ticket_id} is nobody's already; name an --owner to give it away")
        if row.cause == Cause.CLAIM:
            return await client.assign_claim(row.order_id, by, owner=owner, claim=row.subject)
        return await client.assign_ticket(row.order_id, by, ticket=row.ticket_id, owner=owner)

    return handed


def _noting(text: str) -> Doing:
    async def noted(client: AftersaleClient, row: TicketView, by: Actor) -> Progress:
        return await client.note_ticket(row.order_id, by, ticket=row.ticket_id, reason=text)

    return noted


def _reader(role: Viewer, actor_id: str) -> Actor:
    return acting(Role(role), actor_id, lambda: ("", ""))


def _ticket(view: TicketView) -> RenderableType:
    about = f" ({view.subject})" if view.subject else ""
    stands = f"Due {render.when(view.due)}, {view.owner or 'nobody has taken it'}, escalated {view.escalations} times"
    if view.resolved_at:
        stands = f"{view.status}, {view.outcome} by {view.resolved_by} {render.when(view.resolved_at)}"
    parts: list[RenderableType] = [
        render.text(f"Ticket {view.ticket_id}: {render.words(view.cause)}{about}", "bold"),
        render.text(f"Order {view.order_id or 'none'}, open since {render.when(view.opened_at)}"),
        render.text(stands),
    ]
    parts += [render.text(f"Claim {number}") for number in view.claims]
    if view.command:
        parts.append(render.text(f"Mended by {view.mends}, e.g. {view.command}"))
    parts += [render.text(f'{render.when(n.at)}  {n.who} noted: "{in_a_line(n.text)}"') for n in view.notes]
    return Group(*parts)
