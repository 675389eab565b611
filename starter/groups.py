"""The groups of the command line to which several concerns bring their commands: ``aftersale claims list``, ..."""

from __future__ import annotations

import typer

from starter.cases import commands as cases
from starter.reports import commands as reports
from starter.sheets import commands as sheets
from starter.work import commands as work

CLAIMS = typer.Typer(help="Claims: find them, read one, work on many in a sheet.", no_args_is_help=True)

TICKETS = typer.Typer(help="Tickets: the queue, what is due first on top; with a command, one of them, or a sheet.")

ORDERS = typer.Typer(help="Orders as sheets.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Each group with the commands that belong to it."""
    cases.add_to(CLAIMS)
    cases.add_terms(app)
    work.add_to(TICKETS)
    reports.add_to(app)
    sheets.add_to(CLAIMS, TICKETS, ORDERS)
    app.add_typer(CLAIMS, name="claims", rich_help_panel="Claims")
    app.add_typer(TICKETS, name="tickets", invoke_without_command=True)
    app.add_typer(ORDERS, name="orders")
