"""The command ``aftersale pack``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domain.state import Role
from starter.files.writing import STDOUT
from starter.pack.packer import Packer
from starter.reader import Reader
from starter.render import text
from starter.terminal import EPILOG, As, Id, Json, Viewer, acting, on_record, show


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command(epilog=EPILOG)(pack)


def pack(
    order: Annotated[str, typer.Argument(help="The order's id.")],
    out: Annotated[Path, typer.Option("--out", help="The ZIP file to write; - is standard output.")],
    internal: Annotated[bool, typer.Option("--internal", help="With what only the desk may read.")] = False,
    role: As = Viewer.SPECIALIST,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """All that is known of an order in one ZIP, for a chargeback or an arbiter: story, messages, claims, money, files.

    Tracking numbers stand in it; that they were looked at, by whom and when, is recorded.
    """
    with on_record(as_json=as_json) as records:
        actor = acting(Role(role), actor_id, lambda: Reader(records).parties(order))
        made = Packer(records).write(order, actor, out, internal=internal)
    if out != STDOUT:
        show(made, lambda: text(f"{len(made.entries) + 1} files packed into {made.file}"), as_json=as_json)
