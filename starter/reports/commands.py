"""``aftersale figures`` and ``aftersale reports``: how a seller works, and how orders, tickets and claims flow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from activities.store import books
from activities.store.desk import flow
from activities.store.desk.flow import Figures
from domain.state import DESK, Role
from starter.answers import NotFound
from starter.render import table, text, when, words
from starter.reports.flow import Report, report, write
from starter.reports.period import From, To, period
from starter.reports.words import lasting, share, span
from starter.terminal import EPILOG, As, Id, Json, Viewer, acting, on_record, show

PANEL = "Reports"


def add_to(app: typer.Typer) -> None:
    """The commands of this module."""
    app.command(epilog=EPILOG, rich_help_panel=PANEL)(figures)
    app.command(epilog=EPILOG, rich_help_panel=PANEL)(reports)


def figures(
    seller: Annotated[str, typer.Argument(help="The seller's id.")],
    first: From = "",
    end: To = "",
    role: As = Viewer.OPERATOR,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """How a seller works: time to confirm, to ship and to answer claims, claims, cancellations. Times in minutes."""
    with on_record(as_json=as_json) as records:
        by = acting(Role(role), actor_id, lambda: ("", seller))
        if by.role not in DESK and (by.role, by.id) != (Role.SELLER, seller):
            raise NotFound(seller, "seller", "no order names one")
        since, until = period(first, end, records.clock())
        with records.begin() as conn:
            if not books.knows_seller(conn, seller):
                raise NotFound(seller, "seller", "no order names one")
            found = flow.figures(conn, seller, since, until)
    show(found, lambda: _figures(found), as_json=as_json)


def reports(
    out: Annotated[Path | None, typer.Option("--out", help="A folder for the charts (SVG) and tables (CSV).")] = None,
    first: From = "",
    end: To = "",
    marketplace: Annotated[str, typer.Option("--marketplace", help="Of this one alone.")] = "",
    as_json: Json = False,
) -> None:
    """How orders, tickets and claims flow: time per step, tickets per day, claims by reason, time to resolution."""
    with on_record(as_json=as_json) as records:
        found = report(records, *period(first, end, records.clock()), marketplace)
        files = write(found, out) if out is not None else ()
    value = {"report": found, "files": [str(file) for file in files]}
    show(value, lambda: _report(found, files), as_json=as_json)


def _figures(found: Figures) -> RenderableType:
    told = (
        ("confirms", span(found.confirm)),
        ("ships", span(found.ship)),
        ("answers claims", span(found.response)),
        ("left claims unanswered", share(found.unanswered)),
        ("orders with a claim", share(found.claimed)),
        ("decided for the buyer", share(found.for_buyer)),
        ("cancelled by the seller", share(found.cancelled)),
        ("ended by silence", share(found.lapsed)),
    )
    head = text(f"Seller {found.seller}, orders placed from {when(found.since)} to {when(found.until)}", "bold")
    return Group(head, table(("what", "how"), told))


def _report(found: Report, files: tuple[Path, ...]) -> RenderableType:
    parts: list[RenderableType] = [text(f"From {when(found.since)} to {when(found.until)}", "bold")]
    parts.append(
        table(
            ("stage", "left by", "times", "median", "90 % within"),
            (
                (words(t.stage), words(t.step), str(t.count), lasting(t.median), lasting(t.slow))
                for t in found.step_times
            ),
        )
    )
    parts.append(
        table(
            ("day", "tickets opened", "resolved"),
            ((d.day, str(d.opened), str(d.resolved)) for d in found.tickets_per_day),
        )
    )
    parts.append(
        table(
            ("reason", "claims", "ended", "for the buyer"),
            ((words(r.reason), str(r.claims), str(r.ended), str(r.for_buyer)) for r in found.claims_by_reason),
        )
    )
    parts.append(
        table(
            ("claims about", "ended", "median", "90 % within"),
            (
                (words(r.reason) or "all", str(r.count), lasting(r.median), lasting(r.slow))
                for r in found.time_to_resolution
            ),
        )
    )
    return Group(*parts, *(text(f"Written: {file}") for file in files))
