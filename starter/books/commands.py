"""The commands that read the books. None of them moves money."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from domain import wire
from domain.state import Role
from starter.books import render, sheets, statement as statements
from starter.books.reader import MOST, BooksReader, Written
from starter.reader import Reader
from starter.render import text
from starter.terminal import EPILOG, As, Id, Json, Viewer, acting, on_record, show

PANEL = "The books"

From = Annotated[str, typer.Option("--from", help="The first day, e.g. 2026-11-01.")]
To = Annotated[str, typer.Option("--to", help="The last day, itself included.")]
Zone = Annotated[str, typer.Option("--zone", help="Where the days begin and end, e.g. Europe/Berlin.")]
At = Annotated[str, typer.Option("--at", help="Up to this time, e.g. 2026-11-24T16:00:00Z; everything unless given.")]

export = typer.Typer(help="Write the books as files for other programs.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """The commands, in a group of their own."""
    for command in (money, statement, balance):
        app.command(rich_help_panel=PANEL, epilog=EPILOG)(command)
    export.command("ledger", epilog=EPILOG)(export_ledger)
    app.add_typer(export, name="export", rich_help_panel=PANEL)


@contextmanager
def _books(*, as_json: bool) -> Iterator[BooksReader]:
    with on_record(as_json=as_json) as records:
        yield BooksReader(records)


def money(
    order: Annotated[str, typer.Argument(help="The order's id.")],
    role: As = Viewer.OPERATOR,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """An order's money: every booking and operation, what is in escrow, and the sums, as far as a role may see them."""
    with on_record(as_json=as_json) as records:
        actor = acting(Role(role), actor_id, lambda: Reader(records).parties(order))
        view = BooksReader(records).money(order, actor)
    show(view, lambda: render.money(view), as_json=as_json)


def statement(
    seller: Annotated[str, typer.Argument(help="The seller's id.")],
    since: From,
    until: To,
    zone: Zone = "UTC",
    file: Annotated[Path | None, typer.Option("--csv", help="Write it to this file; - is standard output.")] = None,
    role: As = Viewer.OPERATOR,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """A seller's statement: opening balance, releases, reversals, debts and what pays them, closing balance."""
    with _books(as_json=as_json) as books:
        actor = acting(Role(role), actor_id, lambda: ("", seller))
        over = statements.period(since, until, zone)
        if file is None:
            found = books.statement(seller, over, actor)
            show(found, lambda: render.statement(found), as_json=as_json)
        else:
            _tell(books.statement_sheet(seller, over, actor, file), file, as_json=as_json)


def balance(
    account: Annotated[
        str, typer.Argument(help="An account, or how names begin up to a colon, e.g. escrow:o-1; all unless given.")
    ] = "",
    at: At = "",
    currency: Annotated[str, typer.Option("--currency", help="Only this currency, e.g. EUR.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="How many accounts at most.")] = MOST,
    as_json: Json = False,
) -> None:
    """What stands, or stood, on an account or on several; without a name the trial balance of the whole ledger.

    What we owe stands above zero; what we own, such as the provider's balance for us, below.
    """
    with _books(as_json=as_json) as books:
        moment = wire.instant(at, "--at") if at else None
        if account:
            found = books.balances(account, at=moment, currency=currency, limit=limit)
            show(found, lambda: render.balances(found), as_json=as_json)
        else:
            trial = books.trial_balance(moment, currency)
            show(trial, lambda: render.trial(trial), as_json=as_json)


def export_ledger(
    file: Annotated[Path, typer.Argument(help="Where to, CSV or .xlsx; - is standard output.")],
    since: From = "",
    until: To = "",
    zone: Zone = "UTC",
    as_json: Json = False,
) -> None:
    """Every entry of the ledger, oldest first: all of it, or of a period. docs/money.md tells the columns."""
    with _books(as_json=as_json) as books:
        begin, end = statements.open_period(since, until, zone)
        _tell(books.export_ledger(file, begin, end), file, as_json=as_json)


def _tell(written: Written, file: Path, *, as_json: bool) -> None:
    """Say what was written, unless the file itself went where this would go."""
    if file != sheets.STDOUT:
        show(written, lambda: text(f"{written.rows} rows written to {written.file}"), as_json=as_json)
