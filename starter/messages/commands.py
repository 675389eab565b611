"""``aftersale messages``: read what was written about an order, what waits, and what the system has told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from domain.errors import Invalid
from domain.state import Actor, Role
from starter.messages import render
from starter.messages.threads import LINES, PAGE, Threads
from starter.terminal import EPILOG, As, Id, Json, Viewer, acting, on_record, show

PANEL = "Messages"

Order = Annotated[str, typer.Argument(help="The order's id.")]

group = typer.Typer(help="The thread of an order, a person's inbox, the notes of the system.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """The commands, in a group of their own."""
    for command in (thread, inbox, notices):
        group.command(epilog=EPILOG)(command)
    app.add_typer(group, name="messages", rich_help_panel=PANEL)


@contextmanager
def _threads(*, as_json: bool) -> Iterator[Threads]:
    with on_record(as_json=as_json) as records:
        yield Threads(records)


def thread(
    order: Order,
    role: As,
    actor_id: Id = "",
    before: Annotated[
        int | None, typer.Option("--before", min=0, max=2**31 - 1, help="Only lines before this one.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many lines at most.")] = LINES,
    keep_unread: Annotated[bool, typer.Option("--keep-unread", help="Do not mark the lines as read.")] = False,
    as_json: Json = False,
) -> None:
    """What was written about an order, the last lines; shown, they count as read. A look at a number is recorded."""
    with _threads(as_json=as_json) as threads:
        reader = acting(Role(role), actor_id, lambda: threads.parties(order))
        view = threads.thread(order, reader, before=before, limit=limit)
        if view.lines and not keep_unread:
            threads.mark_read(order, reader, view.up_to)
    show(view, lambda: render.thread(view), as_json=as_json)


def inbox(
    role: As,
    actor_id: Id = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many orders at most.")] = PAGE,
    after: Annotated[str, typer.Option("--after", help="Where the page before ended.")] = "",
    as_json: Json = False,
) -> None:
    """What waits for a person across orders, unread first. The desk finds those that it has read or has work on."""
    with _threads(as_json=as_json) as threads:
        view = threads.inbox(_reader(role, actor_id), limit=limit, after=after)
    show(view, lambda: render.inbox(view), as_json=as_json)


def _reader(role: Viewer, actor_id: str) -> Actor:
    def nobody() -> tuple[str, str]:
        raise Invalid("--id", f"must say which {role} it is")

    return acting(Role(role), actor_id, nobody)


def notices(order: Order, role: As, actor_id: Id = "", as_json: Json = False) -> None:
    """Which notes the system has sent about an order, dropped, or still has to send; to a seller the buyer's, too."""
    with _threads(as_json=as_json) as threads:
        rows = threads.notices(order, acting(Role(role), actor_id, lambda: threads.parties(order)))
    show({"notices": rows}, lambda: render.notices(rows), as_json=as_json)
