"""The commands of the command line that compare our books and rows with the world: reconcile, findings, resolve."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from temporalio.client import Client

from activities.store.findings import FindingRow, RunRow
from domain.comparing.reconcile import FindingKind
from domain.contract import RECONCILIATION, SWEEP
from domain.state import Role
from starter import render, settings
from starter.findings import MEANS, MENDERS, FindingsReader, Reconciled
from starter.reader import PAGE
from starter.records import Records
from starter.runs import Runs
from starter.terminal import EPILOG, As, Exit, Id, Json, Viewer, acting, answering, seconds, show

LONGEST = 3600.0
"""Seconds that a comparison may take unless told otherwise."""

Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many findings at most.")]
NAMES = {"money": "the books", "runs": "rows and workflows"}


def add_to(app: typer.Typer) -> None:
    """Every command of this module."""
    app.command(epilog=EPILOG)(reconcile)
    app.command("findings", epilog=EPILOG)(list_findings)
    app.command(epilog=EPILOG)(resolve_finding)


@contextmanager
def _reading(*, as_json: bool) -> Iterator[FindingsReader]:
    with answering(as_json=as_json):
        records = Records.of(settings.load())
        try:
            yield FindingsReader(records)
        finally:
            records.close()


def reconcile(
    now: Annotated[bool, typer.Option("--now", help="Compare now, and wait; else only tell of the last time.")] = False,
    within: Annotated[
        float, typer.Option("--within", help="Seconds to wait for a comparison.", callback=seconds)
    ] = LONGEST,
    limit: Limit = PAGE,
    as_json: Json = False,
) -> None:
    """The provider's book against our ledger, and rows against workflows: the last runs, and what is open."""
    with _reading(as_json=as_json) as reader:
        if now:
            asyncio.run(_compare(within))
        answer = reader.reconciled(limit)
    show(answer, lambda: _reconciled(answer), as_json=as_json)
    if answer.open:
        raise typer.Exit(Exit.FINDINGS)


async def _compare(within: float) -> None:
    runs = Runs(await Client.connect(**settings.temporal(), lazy=True))
    for name in (RECONCILIATION, SWEEP):
        await runs.housekeep(name, within)


def list_findings(
    order: Annotated[str, typer.Option("--order", help="Of this order alone.")] = "",
    kind: Annotated[FindingKind | None, typer.Option("--kind", help="Of this kind alone.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Those that were resolved too.")] = False,
    limit: Limit = PAGE,
    as_json: Json = False,
) -> None:
    """What our records and the world disagree on, the oldest first."""
    with _reading(as_json=as_json) as reader:
        rows = reader.findings(only_open=not all_, order_id=order, kind=kind.value if kind else "", limit=limit)
    show({"findings": rows}, lambda: _findings(rows), as_json=as_json)


def resolve_finding(
    finding: Annotated[int, typer.Argument(help="The finding's id.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    role: As = Viewer.OPERATOR,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """End a finding that was explained or mended elsewhere, and its ticket; it comes back only when it changes."""
    with _reading(as_json=as_json) as reader:
        found = reader.resolve(finding, acting(Role(role), actor_id, lambda: ("", "")), reason)
    show(found, lambda: _findings((found,)), as_json=as_json)


def _reconciled(answer: Reconciled) -> RenderableType:
    verdict = f"{answer.open} findings are open." if answer.open else "No finding is open."
    parts: list[RenderableType] = [render.text(_run(run)) for run in answer.runs]
    parts.append(render.text(verdict if answer.runs else f"Nothing was compared yet. {verdict}", "bold"))
    return Group(*parts, _findings(answer.findings)) if answer.findings else Group(*parts)


def _run(run: RunRow) -> str:
    about = f"{NAMES[run.area].capitalize()}, {render.when(run.started_at)}: "
    if run.finished_at is None:
        return f"{about}not finished; it goes on by itself, or failed: see the workflow in the Temporal UI"
    return about + ", ".join(f"{count} {render.words(name)}" for name, count in run.counts.items())


def _findings(rows: tuple[FindingRow, ...]) -> RenderableType:
    return render.table(
        ("finding", "what", "order", "provider's object", "ours", "theirs", "other", "since", "mended by"),
        (
            (
                str(row.finding_id),
                MEANS[FindingKind(row.kind)] + (f" ({row.verb} {row.seq})" if row.verb else ""),
                row.order_id or "none",
                row.ref,
                str(row.ours or ""),
                str(row.theirs or ""),
                row.other,
                render.when(row.first_seen),
                row.resolved_by or ", ".join(MENDERS[FindingKind(row.kind)]),
            )
            for row in rows
        ),
    )
