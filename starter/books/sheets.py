"""Sheets for other programs: CSV as RFC 4180 has it, UTF-8, written row by row.

A text that a spreadsheet would take for a formula gets an apostrophe before it, also within a text, where a spreadsheet
that splits lines at semicolons or tabs begins a cell: quotes in the midst of such a cell protect nothing. Amounts are
bare decimal numbers, their currency has a column of its own; times are ISO 8601 in UTC.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from domain import wire
from domain.errors import Invalid
from domain.money import Money
from starter.files.writing import part_of

STDOUT = Path("-")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a text begins that a spreadsheet may run."""

_RUNS = "".join(sorted(set(FORMULA) - {"\r", "\n"}))
_AHEAD = rf"""(?=[ "']*(?:[{re.escape(_RUNS)}]|\Z))"""
_BARE = re.compile(rf"([;\t\r\n]){_AHEAD}")
_ARMLESS = re.compile(rf"([;\t\r\n])'{_AHEAD}")


def write(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> int:
    """Write a sheet, replacing the file when all is written; ``-`` is standard output. Gives the number of rows.

    Raises Invalid when the file cannot be written.
    """
    count = 0
    with _opened(path) as file:
        sheet = csv.writer(file)
        sheet.writerow(columns)
        for row in rows:
            sheet.writerow(map(cell, row))
            count += 1
    return count


def cell(value: object) -> str:
    """A value as a cell; None is empty."""
    if value is None:
        return ""
    if isinstance(value, Money):
        return str(value).partition(" ")[0]
    if isinstance(value, datetime):
        return wire.instant_text(value)
    if isinstance(value, int):
        return str(value)
    shown = disarmed(str(value))
    return f"'{shown}" if shown.lstrip(" ").startswith(FORMULA) else shown


def disarmed(words: str) -> str:
    """A text with an apostrophe wherever a formula, or nothing more, follows a semicolon, tab or line end."""
    return _BARE.sub(r"\1'", words)


def restored(words: str) -> str:
    """What `disarmed` was given."""
    return _ARMLESS.sub(r"\1", words)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """What is written stands under `path` only when it is whole, unless `path` is no plain file but, say, a pipe."""
    if path == STDOUT:
        yield sys.stdout
        return
    part = part_of(path)
    try:
        if path.exists() and not path.is_file():
            part = path
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        if part != path:
            part.replace(path)
    except OSError as error:
        raise Invalid(str(path), f"cannot be written: {error.strerror}") from None
    finally:
        if part != path:
            with suppress(OSError):  # A name that is too long was never written to.
                part.unlink(missing_ok=True)
