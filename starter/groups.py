"""Groups of commands that several rooms add to."""

from __future__ import annotations

import typer

from starter.sheets import commands as sheets

claims = typer.Typer(help="Claims as sheets to work in.", no_args_is_help=True)
tickets = typer.Typer(help="The queue of open tickets, and tickets as sheets to work in.")
orders = typer.Typer(help="Orders as sheets.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """All groups."""
    sheets.add_to(claims, tickets, orders)
    for name, group in (("claims", claims), ("tickets", tickets), ("orders", orders)):
        app.add_typer(group, name=name)
