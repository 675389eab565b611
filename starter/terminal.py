"""What all commands of the command line share: exit codes, errors, JSON, who acts."""

from __future__ import annotations

import getpass
import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from typer.core import TyperGroup

from domain.errors import AftersaleError, Conflict, Invalid, Refused
from domain.state import DESK, PARTIES, Actor, Role
from starter import render, settings
from starter.answers import CheckoutIncomplete, NotFound, NotJudgedYet, Unreachable, plain
from starter.records import Records


class Exit(IntEnum):
    """How the command line ends."""

    OK = 0
    BAD_INPUT = 2
    REFUSED = 3
    NOT_FOUND = 4
    NOT_JUDGED = 5
    FINDINGS = 6
    UNWRITTEN = 7


CLOSED_PIPE = 128 + 13
"""What a shell says of a program that a closed pipe has ended. Nobody is left to be told anything."""


class Viewer(StrEnum):
    """Who reads orders."""

    BUYER = "buyer"
    SELLER = "seller"
    SPECIALIST = "specialist"
    OPERATOR = "operator"


EPILOG = (
    "Exit codes: 0 ok; 2 bad input; 3 refused, with the reason and what is possible; 4 not found; "
    "5 not judged yet, or a server is unreachable (safe to repeat with the same --command-id); 6 findings are open; "
    "7 a sheet's result is in no file, what was done is printed."
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, also for errors.")]
As = Annotated[Viewer, typer.Option("--as", help="In whose place.")]
Id = Annotated[str, typer.Option("--id", help="Who that is; by default the order's own party, or your login name.")]


def seconds(value: float) -> float:
    """What an option that says how long to wait may be."""
    if not 0 <= value < math.inf:
        raise typer.BadParameter("must be a number of seconds, 0 or more")
    return value


def code_of(error: AftersaleError) -> Exit:
    """The exit code of an error."""
    if isinstance(error, CheckoutIncomplete):
        return max(code_of(each) for each in error.failed.values())
    if isinstance(error, Refused):
        return Exit.REFUSED
    if isinstance(error, NotFound):
        return Exit.NOT_FOUND
    if isinstance(error, (NotJudgedYet, Unreachable)):
        return Exit.NOT_JUDGED
    return Exit.BAD_INPUT


def explained(error: AftersaleError) -> dict[str, Any]:
    """An error as JSON: its kind, its message, and what belongs to its kind."""
    about: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, Invalid):
        about |= {"field": error.field, "rule": error.rule}
    if isinstance(error, Refused):
        about |= {"code": error.code, "possible": list(error.possible)}
    if isinstance(error, NotJudgedYet):
        about |= {"delivered": error.delivered, "command_id": error.command_id}
    if isinstance(error, CheckoutIncomplete):
        about |= {"placed": plain(error.placed), "failed": {k: explained(each) for k, each in error.failed.items()}}
    return about


class CommandLine(TyperGroup):
    """All commands. Who asks for JSON is told in JSON, too, that a command was typed wrongly."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **how: Any) -> Any:
        """Run what was typed, and exit."""
        typed = sys.argv[1:] if args is None else list(args)
        as_json = "--json" in typed
        try:
            code = super().main(args, *rest, **{**how, "standalone_mode": not as_json})
        except typer.TyperException as error:
            _tell(_misused(error), as_json=as_json)
            code = Exit.BAD_INPUT
        except UnicodeEncodeError:
            _tell(_no_text(typed), as_json=as_json)
            code = Exit.BAD_INPUT
        sys.exit(code)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what is wrong with a value is told in our words, wherever it is found."""
        try:
            return super().invoke(ctx)
        except typer.TyperException as error:
            error.message = settings.plainly(error.message)
            raise


def _misused(error: typer.TyperException) -> Invalid:
    """What is wrong with a command line, by the option's name as it is typed."""
    param, rule = getattr(error, "param", None), str(getattr(error, "message", error))
    names = [name for name in getattr(param, "opts", ()) if name.startswith("--")] or [getattr(param, "name", None)]
    return Invalid(getattr(error, "option_name", None) or names[0] or "command", rule or "is missing")


def _no_text(typed: Sequence[str]) -> Invalid:
    """What holds bytes that are no text, by the name of its option. A file may be called like that; nothing else."""
    name = "input"
    for before, word in zip(("", *typed), typed, strict=False):
        option, _, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if any("\ud800" <= character <= "\udfff" for character in value):
            name = option or (before if before.startswith("--") else "argument")
            break
    return Invalid(name, "holds bytes that are no text")


def _tell(error: AftersaleError, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"error": explained(error)}, ensure_ascii=False))
        return
    typer.echo(f"{_title(error)}: {error}", err=True)
    if isinstance(error, Refused) and error.possible:
        typer.echo(f"Possible now: {', '.join(map(render.dashed, error.possible))}", err=True)


class Unwritten(Exception):
    """Standard output takes no more. No OSError: of those, libraries and commands have opinions of their own."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror)
        self.nobody_reads = isinstance(error, BrokenPipeError)


class _Output(io.FileIO):
    """Standard output; that it cannot be written is told apart from what befalls any other file, or a connection."""

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError as error:
            raise Unwritten(error) from None


@contextmanager
def printing() -> Iterator[None]:
    """What is printed in the block gets to standard output, or the process exits: quietly when nobody reads on.

    Else it says why in one line, as for any other file. What a command has done meanwhile is done.
    """
    given = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # None of its own: `>&-`.
    raw = _Output(given.fileno(), "wb", closefd=False)
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), given.encoding, given.errors, line_buffering=given.isatty())
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except Unwritten as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), raw.fileno())  # For what is left, which Python writes at the end.
        if error.nobody_reads:
            sys.exit(CLOSED_PIPE)
        why = f"cannot be written: {error}; what the command has done is done"
        _tell(Invalid("standard output", why), as_json=False)
        sys.exit(Exit.BAD_INPUT)


@contextmanager
def answering(*, as_json: bool) -> Iterator[None]:
    """Errors in words on stderr, or as JSON on stdout, and their exit code."""
    try:
        yield
    except AftersaleError as error:
        _tell(error, as_json=as_json)
        raise typer.Exit(code_of(error)) from None


@contextmanager
def on_record(*, as_json: bool) -> Iterator[Records]:
    """The records that the environment's settings name; errors in the block are told as `answering` tells them."""
    with answering(as_json=as_json):
        records = Records.of(settings.load())
        try:
            yield records
        finally:
            records.close()


def _title(error: AftersaleError) -> str:
    if isinstance(error, Conflict):
        return "Conflict"
    titles = {Exit.REFUSED: "Refused", Exit.NOT_FOUND: "Not found", Exit.NOT_JUDGED: "Not judged yet"}
    if isinstance(error, Unreachable):
        return "Unreachable"
    return titles.get(code_of(error), "Bad input")


def show(value: object, rendered: Callable[[], RenderableType], *, as_json: bool) -> None:
    """Print an answer, as JSON or for people."""
    if as_json:
        typer.echo(json.dumps(plain(value), ensure_ascii=False))
    else:
        render.put(rendered())


def acting(role: Role, given: str, party: Callable[[], tuple[str, str]]) -> Actor:
    """Who acts: the id given, else the order's own party, else the person logged in here. `party`: buyer, seller."""
    if given:
        return Actor(role, given)
    if role in PARTIES:
        buyer, seller = party()
        return Actor(role, buyer if role is Role.BUYER else seller)
    return Actor(role, _login() if role in DESK else role.value)


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # A container may run as a user without a name.
        raise Invalid("--id", "is needed: this process has no login name") from None
