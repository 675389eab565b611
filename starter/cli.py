"""The command line ``aftersale``: place orders, act in anybody's place, read, mend.

Reading needs PostgreSQL alone, so it works while Temporal and every worker are away.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import Invalid
from domain.state import Actor, Role, Stage
from domain.summary import NOBODY
from starter import groups, reconciliation, render, steps
from starter.answers import Progress
from starter.books import commands as books
from starter.client import ADMISSION, AftersaleClient
from starter.files import commands as files
from starter.messages import commands as messages
from starter.pack import commands as pack
from starter.preview import Preview
from starter.reader import PAGE, Reader
from starter.terminal import (
    EPILOG,
    As,
    CommandLine,
    Id,
    Json,
    Viewer,
    acting,
    answering,
    on_record,
    printing,
    seconds,
    show,
)

app = typer.Typer(
    name="aftersale",
    cls=CommandLine,
    help="Everything that happens to a marketplace order after checkout.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # Its tracebacks would show local values, which may be about a person.
)

Order = Annotated[str, typer.Argument(help="The order's id.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")]


@contextmanager
def reading(*, as_json: bool) -> Iterator[Reader]:
    """A reader of what is on record."""
    with on_record(as_json=as_json) as records:
        yield Reader(records)


@app.command(epilog=EPILOG)
def place(
    file: Annotated[Path, typer.Argument(help="A checkout as JSON; - reads standard input.")],
    within: Annotated[
        float, typer.Option("--within", help="Seconds to wait for the admission.", callback=seconds)
    ] = ADMISSION,
    store_only: Annotated[
        bool, typer.Option("--store-only", help="Start nothing; print what another program starts the workflow from.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start an order from its checkout, or all orders of one; the same contents again give the same order.

    `people` and `address` in the document are stored encrypted and never sent to Temporal.
    """
    with answering(as_json=as_json):
        document = _document(file)
        many = isinstance(document, dict) and "orders" in document
        if store_only:
            starts = asyncio.run(_stored(document))
            show({"orders": starts} if many else starts[0], lambda: render.text(""), as_json=True)
            return
        placed = asyncio.run(_placed(document, within))
    value: object = {"orders": placed} if many else placed[0]
    show(value, lambda: render.several([render.progress(each) for each in placed]), as_json=as_json)


async def _stored(document: Any) -> tuple[Mapping[str, Any], ...]:
    async with AftersaleClient.connect() as client:
        return await client.store(document)


async def _placed(document: Any, within: float) -> tuple[Progress, ...]:
    async with AftersaleClient.connect() as client:
        if isinstance(document, dict) and "orders" in document:
            return await client.place_checkout(document, within=within)
        return (await client.place(document, within=within),)


def _document(file: Path) -> Any:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        return json.loads(text, object_pairs_hook=lambda pairs: _once_each(str(file), pairs))
    except OSError as error:
        raise Invalid(str(file), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Invalid(str(file), "is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise Invalid(str(file), f"is not JSON: {error.msg}, line {error.lineno} column {error.colno}") from None
    except (ValueError, RecursionError):
        raise Invalid(str(file), "has a number too long, or objects nested too deep, to be a checkout") from None


def _once_each(file: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the document. JSON itself lets the last of two equal keys win, silently."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Invalid(file, f"has the key {key[:64]!r} twice in one object")
        found[key] = value
    return found


@app.command("show", epilog=EPILOG)
def show_order(order: Order, role: As, actor_id: Id = "", as_json: Json = False) -> None:
    """An order as buyer, seller or desk see it; a look of the desk at tracking numbers and address is recorded."""
    with reading(as_json=as_json) as screens:
        view = screens.show(order, _viewer(screens, order, role, actor_id))
    show(view, lambda: render.order(view), as_json=as_json)


@app.command(epilog=EPILOG)
def look(
    order: Order,
    parcel: Annotated[str, typer.Argument(help="The parcel's id.")],
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """A parcel's tracking number; a look of the desk is recorded with who looked and when."""
    with reading(as_json=as_json) as screens:
        number = screens.look(order, parcel, _viewer(screens, order, role, actor_id))
    value = {"order_id": order, "parcel_id": parcel, "tracking_number": number}
    show(value, lambda: render.text(number), as_json=as_json)


def _viewer(screens: Reader, order: str, role: Viewer, actor_id: str) -> Actor:
    return acting(Role(role), actor_id, lambda: screens.parties(order))


@app.command(epilog=EPILOG)
def why(order: Order, as_json: Json = False) -> None:
    """Why an order is where it is: what is open, since when, which clock rings next, which command mends it."""
    with reading(as_json=as_json) as screens:
        answer = screens.why(order)
    show(answer, lambda: render.why(answer), as_json=as_json)


@app.command("list", epilog=EPILOG)
def list_orders(
    waiting_on: Annotated[str, typer.Option("--waiting-on", help="buyer, seller, specialist, ... or nobody.")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Due before now, or late already.")] = False,
    stage: Annotated[Stage | None, typer.Option("--stage")] = None,
    attention: Annotated[bool | None, typer.Option("--attention/--no-attention", help="A person should look.")] = None,
    buyer: Annotated[str, typer.Option("--buyer", help="A buyer's id.")] = "",
    seller: Annotated[str, typer.Option("--seller", help="A seller's id.")] = "",
    limit: Limit = PAGE,
    as_json: Json = False,
) -> None:
    """Orders that fit all that is given, what is due first on top."""
    with reading(as_json=as_json) as screens:
        known = (*Role, NOBODY)
        if waiting_on and waiting_on not in known:
            raise Invalid("--waiting-on", f"{waiting_on!r} is not one of {', '.join(known)}")
        rows = screens.orders(
            waiting_on=waiting_on or None,
            overdue=overdue,
            stage=stage.value if stage else None,
            attention=attention,
            buyer=buyer or None,
            seller=seller or None,
            limit=limit,
        )
    show({"orders": rows}, lambda: render.orders(rows), as_json=as_json)


@app.command(epilog=EPILOG)
def restart(
    order: Order,
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    role: As = Viewer.OPERATOR,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """Let a new run take an order over from its last recorded step, after a Terminate or when it is stuck."""

    async def restarted() -> Progress:
        async with AftersaleClient.connect() as client:
            return await client.restart(order, acting(Role(role), actor_id, lambda: ("", "")), reason=reason)

    with answering(as_json=as_json), steps.by_options():
        answer = asyncio.run(restarted())
    show(answer, lambda: render.progress(answer), as_json=as_json)


@app.command("adopt-policy", epilog=EPILOG)
def adopt_policy(
    orders: Annotated[list[str], typer.Argument(help="The orders' ids, one or many.")],
    policy: Annotated[Path, typer.Option("--policy", help="The policy's file.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; not needed for a preview.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only show which clocks would change.")] = False,
    role: As = Viewer.OPERATOR,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """Let orders go on under another policy; --preview shows first which clocks would ring when. Fees stay."""

    async def adopted() -> tuple[list[Preview], list[Progress]]:
        wanted, by = steps.policy(policy), acting(Role(role), actor_id, lambda: ("", ""))
        async with AftersaleClient.connect() as client:
            shown = [await client.preview_policy(order, by, policy=wanted) for order in orders]
            if preview:
                return shown, []
            return shown, [await client.adopt_policy(order, by, policy=wanted, reason=reason) for order in orders]

    with answering(as_json=as_json), steps.by_options():
        shown, done = asyncio.run(adopted())
    show(
        {"previews": shown, "adopted": done},
        lambda: render.several([render.previews(shown), *(render.progress(each) for each in done)]),
        as_json=as_json,
    )


books.add_to(app)
files.add_to(app)
groups.add_to(app)
pack.add_to(app)
messages.add_to(app)
reconciliation.add_to(app)
steps.add_to(app)


def main() -> None:
    """The entry point ``aftersale``."""
    with printing():
        app()


if __name__ == "__main__":
    main()
