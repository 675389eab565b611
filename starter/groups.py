"""The groups of the command line to which several concerns bring their commands: ``aftersale claims list``, ..."""

from __future__ import annotations

import typer

from starter.cases import commands as cases

CLAIMS = typer.Typer(help="Claims: find them, read one, say how it was handled.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Each group with the commands that belong to it."""
    cases.add_to(CLAIMS)
    app.add_typer(CLAIMS, name="claims", rich_help_panel="Claims")
