"""``aftersale claims``: find claims, read one, say how it was handled, see what recurs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from temporalio.client import Client

from domain.claims.case import Status
from domain.contract import RECURRING
from domain.errors import Invalid
from domain.money import Money
from domain.state import Role
from starter import settings
from starter.cases import render
from starter.cases.desk import PAGE, Cases, check_desk
from starter.reader import Reader
from starter.render import text
from starter.runs import Runs
from starter.terminal import EPILOG, As, Id, Json, Viewer, acting, on_record, seconds, show

Name = Annotated[str, typer.Argument(help="The claim's number, or its order's id.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")]
Which = Annotated[str, typer.Option("--claim", help="Which one of the order's, e.g. c1; not needed where one is open.")]


def add_to(group: typer.Typer) -> None:
    """The commands, into the group of claims."""
    group.command("list", epilog=EPILOG)(list_claims)
    group.command("show", epilog=EPILOG)(show_claim)
    group.command(epilog=EPILOG)(feedback)
    group.command(epilog=EPILOG)(recurring)


@contextmanager
def _cases(*, as_json: bool) -> Iterator[Cases]:
    with on_record(as_json=as_json) as records:
        yield Cases(records)


def list_claims(
    status: Annotated[Status | None, typer.Option("--status", help="Only those that stand there.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Whose of the desk; '' for nobody's.")] = None,
    seller: Annotated[str | None, typer.Option("--seller", help="A seller's id; for the desk.")] = None,
    buyer: Annotated[str | None, typer.Option("--buyer", help="A buyer's id; for the desk.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Due before now.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    role: As = Viewer.OPERATOR,
    actor_id: Id = "",
    limit: Limit = PAGE,
    as_json: Json = False,
) -> None:
    """Claims that fit all that is given, what is due first on top; a buyer or seller finds the own ones."""

    def nobody() -> tuple[str, str]:
        raise Invalid("--id", f"must say which {role} it is")

    with _cases(as_json=as_json) as cases:
        rows = cases.listed(
            acting(Role(role), actor_id, nobody),
            status=status,
            owner=owner,
            seller=seller,
            buyer=buyer,
            overdue=overdue,
            everything=everything,
            limit=limit,
        )
    show({"claims": rows}, lambda: render.lines(rows), as_json=as_json)


def add_terms(app: typer.Typer) -> None:
    """The command that needs no claim."""
    app.command(epilog=EPILOG, rich_help_panel="Claims")(terms)


def terms(
    marketplace: Annotated[str, typer.Option("--marketplace", help="The name of its policy.")],
    seller: Annotated[str, typer.Option("--seller", help="The seller's id.")] = "",
    category: Annotated[str, typer.Option("--category", help="As the lines of a checkout name it.")] = "",
    price: Annotated[str, typer.Option("--price", help="Of one line, such as '20.00 EUR'.")] = "",
    as_json: Json = False,
) -> None:
    """What a buyer may count on when something is wrong with goods, before they are bought: to show at checkout."""
    digits, _, currency = price.partition(" ")
    with on_record(as_json=as_json) as records:
        try:
            amount = Money.of(digits, currency, "price") if price else None
            found = Reader(records).terms(marketplace, seller=seller, category=category, price=amount)
        except Invalid as error:
            raise Invalid(f"--{error.field}", error.rule) from None
    show(found, lambda: text("\n".join((f"By {found.policy}:", *found.told))), as_json=as_json)


def show_claim(name: Name, role: As, actor_id: Id = "", claim: Which = "", as_json: Json = False) -> None:
    """A claim: its story, who acts next and until when, the money, what was told at checkout, what is open to you."""
    with _cases(as_json=as_json) as cases:
        view = cases.show(name, acting(Role(role), actor_id, lambda: cases.parties(name)), claim=claim)
    show(view, lambda: render.case(view), as_json=as_json)


def feedback(
    name: Name,
    score: Annotated[int, typer.Option("--score", help="From 1, bad, to 5, good.")],
    role: As,
    text: Annotated[str, typer.Option("--text", help="Why; stored encrypted, for the desk to read.")] = "",
    actor_id: Id = "",
    claim: Which = "",
    as_json: Json = False,
) -> None:
    """Say how your claim was handled, once it has ended; up to the end of the window the last word counts."""
    with _cases(as_json=as_json) as cases:
        by = acting(Role(role), actor_id, lambda: cases.parties(name))
        view = cases.say(name, by, score, text, claim=claim)
    show(view, lambda: render.case(view), as_json=as_json)


LONGEST = 600.0
"""Seconds that looking for recurring issues may take unless told otherwise."""


def recurring(
    now: Annotated[bool, typer.Option("--now", help="Look now, and wait; else only tell what was found.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Those whose ticket has ended, too.")] = False,
    within: Annotated[
        float, typer.Option("--within", help="Seconds to wait for the look.", callback=seconds)
    ] = LONGEST,
    role: As = Viewer.OPERATOR,
    actor_id: Id = "",
    limit: Limit = PAGE,
    as_json: Json = False,
) -> None:
    """Sellers, products, carriers and reasons with too many claims in the policy's window, each with its one ticket.

    Nobody of the desk finds an issue with a claim of their own.
    """
    with _cases(as_json=as_json) as cases:
        reader = acting(Role(role), actor_id, lambda: ("", ""))
        check_desk(reader, "recurring issues")
        if now:
            asyncio.run(_look(within))
        rows = cases.recurring(reader, everything=everything, limit=limit)
    show({"recurring": rows}, lambda: render.recurring(rows), as_json=as_json)


async def _look(within: float) -> None:
    await Runs(await Client.connect(**settings.temporal(), lazy=True)).housekeep(RECURRING, within)
