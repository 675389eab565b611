"""The commands that write sheets and read them back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.errors import Invalid, Refused
from domain.state import DESK, Actor, Role
from starter.client import AftersaleClient
from starter.files.writing import check_writable
from starter.render import text
from starter.sheets.apply import carry_out
from starter.sheets.export import SHEETS, Exporter
from starter.sheets.judge import GOOD, Judged, Outcome, State, judge, judge_again
from starter.sheets.read import Row, Table
from starter.sheets.results import result_file, told, write_results
from starter.sheets.rows import Sheet
from starter.sheets.write import kind_of
from starter.terminal import EPILOG, As, Exit, Id, Json, Viewer, acting, answering, on_record, show

File = Annotated[Path, typer.Argument(help="The sheet, .xlsx or .csv.")]
Open = Annotated[bool, typer.Option("--open", help="Only those that have not ended.")]
Owner = Annotated[str | None, typer.Option("--owner", help="Only this person's; '' for nobody's.")]
Marketplace = Annotated[str, typer.Option("--marketplace", help="Only of this marketplace.")]
Preview = Annotated[bool, typer.Option("--preview/--apply", help="Only tell what would happen, or carry it out.")]
Yes = Annotated[bool, typer.Option("--yes", help="Carry it out without asking first.")]
Tick = Callable[[], None]


def add_to(claims: typer.Typer, tickets: typer.Typer, orders: typer.Typer) -> None:
    """The commands, in their groups."""
    claims.command("export", epilog=EPILOG)(export_claims)
    claims.command("import", epilog=EPILOG)(import_claims)
    tickets.command("export", epilog=EPILOG)(export_tickets)
    tickets.command("import", epilog=EPILOG)(import_tickets)
    orders.command("export", epilog=EPILOG)(export_orders)


def export_claims(
    file: File,
    only_open: Open = False,
    owner: Owner = None,
    marketplace: Marketplace = "",
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """Claims as a sheet, one row each, what is due first on top; buyers and sellers get their own, without mails."""
    _export("claims", file, (only_open, owner, marketplace), Role(role), actor_id, as_json=as_json)


def export_tickets(
    file: File,
    only_open: Open = False,
    owner: Owner = None,
    marketplace: Marketplace = "",
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """Tickets of orders as a sheet, one row each, what is due first on top."""
    _export("tickets", file, (only_open, owner, marketplace), Role(role), actor_id, as_json=as_json)


def export_orders(
    file: File,
    only_open: Open = False,
    marketplace: Marketplace = "",
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """Orders as a sheet, one row each, what is due first on top; buyers and sellers get their own, without mails."""
    _export("orders", file, (only_open, None, marketplace), Role(role), actor_id, as_json=as_json)


def import_claims(
    file: File,
    preview: Preview = True,
    yes: Yes = False,
    marketplace: Marketplace = "",
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """Judge an edited sheet of claims row by row, and with --apply carry out what it asks for.

    The result of each row is written beside the sheet. Importing a sheet twice does everything once.
    """
    _import("claims", file, marketplace, Role(role), actor_id, preview=preview, yes=yes, as_json=as_json)


def import_tickets(
    file: File,
    preview: Preview = True,
    yes: Yes = False,
    marketplace: Marketplace = "",
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """Judge an edited sheet of tickets row by row, and with --apply carry out what it asks for."""
    _import("tickets", file, marketplace, Role(role), actor_id, preview=preview, yes=yes, as_json=as_json)


def _export(
    name: str, file: Path, which: tuple[bool, str | None, str], role: Role, actor_id: str, *, as_json: bool
) -> None:
    only_open, owner, marketplace = which
    with on_record(as_json=as_json) as records:
        kind_of(file)
        reader = acting(role, actor_id, lambda: ("", ""))
        with _bar("Writing", None) as tick:
            made = Exporter(records, reader).write(
                name, file, only_open=only_open, owner=owner, marketplace=marketplace, tick=tick
            )
    show(made, lambda: text(f"{made.rows} rows written to {made.file}"), as_json=as_json)


def _import(
    name: str, file: Path, marketplace: str, role: Role, actor_id: str, *, preview: bool, yes: bool, as_json: bool
) -> None:
    sheet = SHEETS[name]
    with on_record(as_json=as_json) as records:
        by = acting(role, actor_id, lambda: ("", ""))
        if by.role not in DESK:
            raise Refused("role_not_allowed", f"a {by.role} may not import; that is for: specialist, operator")
        if not preview and as_json and not yes:
            raise Invalid("--yes", "is needed with --apply and --json, which cannot ask")
        source = Table(file, sheet)
        with _bar("Judging", source.count) as tick:
            judged = judge(records, sheet, source, by, marketplace, tick)
    remarks = source.remarks
    ready = judged.counts.get(State.READY, 0)
    if not preview and ready:
        with answering(as_json=as_json):
            check_writable(result_file(file))
        if not yes:
            show(judged, lambda: told(judged, remarks, preview=True), as_json=False)
            typer.confirm(f"Carry out {ready} rows?", abort=True, err=True)
        judged = _applied(sheet, judged, by, marketplace, as_json=as_json)
    unwritten = _unwritten(sheet, source, judged, result_file(file))
    remarks = (*remarks, *([unwritten] if unwritten else []))
    answer = {
        "file": "" if unwritten else str(result_file(file)),
        "applied": not preview,
        "counts": judged.counts,
        "remarks": remarks,
        "rows": [{"row": o.row, "case": o.number, "result": o.state.value, "why": o.why} for o in judged.outcomes],
    }
    show(answer, lambda: told(judged, remarks, preview=preview), as_json=as_json)
    if unwritten:
        raise typer.Exit(Exit.UNWRITTEN)
    if any(outcome.state not in GOOD for outcome in judged.outcomes):
        raise typer.Exit(Exit.REFUSED)


def _unwritten(sheet: Sheet, source: Table, judged: Judged, file: Path) -> str:
    """Write the result, and say why it is in no file; "" when it is. What was carried out is told in either case."""
    try:
        write_results(sheet, source, judged, file)
    except Invalid as error:
        return f"The result is in no file: {error}."
    except Exception as error:  # noqa: BLE001  # Whatever a cell does to the writer, what was done must be told.
        return f"The result is in no file: {file}: {type(error).__name__}."
    return ""


def _applied(sheet: Sheet, judged: Judged, by: Actor, marketplace: str, *, as_json: bool) -> Judged:
    with on_record(as_json=as_json) as records, _bar("Carrying out", judged.counts[State.READY]) as tick:

        def again(rows: Sequence[Row]) -> list[Outcome]:
            return judge_again(records, sheet, rows, by, marketplace)

        async def sent() -> Judged:
            async with AftersaleClient.connect() as client:
                return await carry_out(client, judged, again, by, tick)

        return asyncio.run(sent())


@contextmanager
def _bar(what: str, count: int | None) -> Iterator[Tick]:
    """A progress bar while the block runs, if anybody is there to see it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=count)
        yield lambda: progress.advance(task)
