"""The commands of an order's files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from activities.store.desk.attachments import Attachment
from domain.state import Actor, Role
from starter.files.shelf import Shelf
from starter.files.writing import STDOUT, whole
from starter.reader import Reader
from starter.render import table, text, when
from starter.terminal import EPILOG, As, Id, Json, Viewer, acting, on_record, show

files = typer.Typer(help="Pictures and documents of an order: evidence of claims, attachments of messages.")
Order = Annotated[str, typer.Argument(help="The order's id.")]


def add_to(app: typer.Typer) -> None:
    """The group ``aftersale files``."""
    for name, command in (("add", add), ("list", list_files), ("get", get)):
        files.command(name, epilog=EPILOG)(command)
    app.add_typer(files, name="files", no_args_is_help=True)


def add(
    order: Order,
    file: Annotated[Path, typer.Argument(help="A JPEG, PNG or WebP picture, a PDF, or plain text in UTF-8.")],
    role: As,
    actor_id: Id = "",
    name: Annotated[str, typer.Option("--name", help="How it is shown; by default the file's own name.")] = "",
    internal: Annotated[bool, typer.Option("--internal", help="For the desk alone.")] = False,
    as_json: Json = False,
) -> None:
    """Store a file of an order and print its id, which claims and messages then name.

    The content decides what it is. Pictures are stored without place, camera and comments, documents without programs.
    """
    with _shelf(order, role, actor_id, as_json=as_json) as (shelf, by):
        stored = shelf.store(order, by, file, name, internal=internal)
    show(_plain(stored), lambda: text(stored.attachment_id), as_json=as_json)


def list_files(order: Order, role: As, actor_id: Id = "", as_json: Json = False) -> None:
    """The order's files, oldest first, as far as a role may read them."""
    with _shelf(order, role, actor_id, as_json=as_json) as (shelf, by):
        found = shelf.listed(order, by)
    show({"files": [_plain(file) for file in found]}, lambda: _table(found), as_json=as_json)


def get(
    order: Order,
    attachment: Annotated[str, typer.Argument(help="The file's id.")],
    out: Annotated[Path, typer.Option("--out", help="Where to; - is standard output.")],
    role: As,
    actor_id: Id = "",
    as_json: Json = False,
) -> None:
    """Write a file of an order as it is stored. Its own name is only shown: the file goes where --out says."""
    with _shelf(order, role, actor_id, as_json=as_json) as (shelf, by):
        found = shelf.get(order, by, attachment)
        with whole(out) as target:
            target.write(found.content)
    if out != STDOUT:
        about = _plain(found.about) | {"file": str(out)}
        show(about, lambda: text(f"{found.about.name} ({found.about.kind}) written to {out}"), as_json=as_json)


@contextmanager
def _shelf(order: str, role: Viewer, actor_id: str, *, as_json: bool) -> Iterator[tuple[Shelf, Actor]]:
    with on_record(as_json=as_json) as records:
        yield Shelf(records), acting(Role(role), actor_id, lambda: Reader(records).parties(order))


def _plain(file: Attachment) -> dict[str, Any]:
    """A file as JSON."""
    return {
        "attachment_id": file.attachment_id,
        "name": file.name,
        "kind": file.kind,
        "size": file.size,
        "at": file.at,
        "by": file.author.role,
        "by_id": file.author.id,
        "visibility": file.visibility,
    }


def _table(found: tuple[Attachment, ...]) -> RenderableType:
    if not found:
        return text("There are no files.")
    rows = (
        (file.attachment_id, file.name, file.kind, f"{file.size:,}", when(file.at), file.author.role, file.visibility)
        for file in found
    )
    return table(("file", "name", "kind", "bytes", "stored", "by", "for"), rows)
