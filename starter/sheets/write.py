"""Writing a sheet as XLSX or CSV, row by row. No text becomes a formula in either."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import zip_longest
from math import isfinite
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from domain.currencies import EXPONENTS
from domain.errors import Invalid
from domain.money import Money
from starter.books.sheets import FORMULA, cell
from starter.files.writing import whole
from starter.sheets.cells import text_of
from starter.sheets.rows import KEY, Column, Edit

XLSX, CSV = ".xlsx", ".csv"
HOW = "How to use"
CHOICES = "Choices"
TIME = "yyyy-mm-dd hh:mm"
QUOTED = "quoted"
"""Text that a spreadsheet would run once somebody has edited its cell, or copied it into another."""

MOST_EXACT = 10**15
"""Minor units from which on a spreadsheet's numbers are no longer exact; such an amount is written as text."""

MISSING = "reading and writing XLSX needs more packages: pip install aftersale[sheets]; CSV needs none"
MOST_ROWS = 2**20 - 1
"""Rows that a sheet can hold below its head."""

LONGEST_LIST = 255
"""Characters of a drop-down's choices that stand in the cell's own rule."""

Cells = Sequence[object]


def kind_of(path: Path) -> str:
    """Whether a file is XLSX or CSV, by its name; raises Invalid."""
    suffix = path.suffix.lower()
    if suffix not in (XLSX, CSV):
        raise Invalid(str(path), f"must end in {XLSX} or {CSV}")
    return suffix


def write(
    path: Path,
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Cells],
    owners: Sequence[str] = (),
) -> int:
    """Write a value for each column in each row; gives the number of rows.

    Where the key is among the columns, the sheet can come back: it is hidden, and there are lists to choose from, with
    `owners` as assignees. Raises Invalid when the file cannot be written.
    """
    if str(path) == "-" or kind_of(path) == CSV:
        return _write_csv(path, [column.name for column in columns], rows)
    with _workbook(path) as book:
        return _Sheet(book, title, columns).fill(rows, owners)


def write_table(path: Path, title: str, heads: Sequence[str], rows: Iterable[Cells]) -> int:
    """Write any rows as XLSX, only to be read; times are in UTC. Raises Invalid."""
    with _workbook(path) as book:
        return _Sheet(book, title, [Column(head, str) for head in heads]).fill(rows, ())


def _write_csv(path: Path, heads: Sequence[str], rows: Iterable[Cells]) -> int:
    """UTF-8 with the mark that tells spreadsheets so."""
    count = 0
    with whole(path) as file:
        text = TextIOWrapper(file, "utf-8-sig", newline="")
        sheet = csv.writer(text)
        sheet.writerow(map(cell, heads))
        for row in rows:
            sheet.writerow([text_of(value) if isinstance(value, datetime) else cell(value) for value in row])
            count += 1
        text.detach()  # Flushed, and the file stays its owner's to close.
    return count


@contextmanager
def _workbook(path: Path) -> Iterator[Any]:
    try:
        import xlsxwriter  # noqa: PLC0415  # an extra, which CSV does without
    except ImportError:
        raise Invalid(str(path), MISSING) from None
    with whole(path) as file:
        book = xlsxwriter.Workbook(
            file,
            {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
        )
        yield book
        book.close()


class _Sheet:
    """One sheet of a workbook, with what spreadsheets offer to people."""

    def __init__(self, book: Any, title: str, columns: Sequence[Column]) -> None:
        self._book, self._title, self._columns = book, title, columns
        self._keyed = any(column.name == KEY for column in columns)
        self._made: dict[tuple[str, bool], Any] = {}

    def fill(self, rows: Iterable[Cells], owners: Sequence[str]) -> int:
        sheet = self._book.add_worksheet(self._title)
        for at, column in enumerate(self._columns):
            sheet.set_column(at, at, column.width, None, {"hidden": column.name == KEY})
        sheet.freeze_panes(1, 1)
        for at, column in enumerate(self._columns):
            sheet.write_string(0, at, column.name, self._format("head", self._editable(column)))
        writers = [self._writer(sheet, self._editable(column)) for column in self._columns]
        count = 0
        for count, row in enumerate(rows, 1):  # counted beyond the loop
            if count > MOST_ROWS:
                raise Invalid(self._title, f"has more than the {MOST_ROWS} rows that a sheet holds; write CSV instead")
            for at, (put, value) in enumerate(zip(writers, row, strict=True)):
                if value is not None and value != "":
                    put(count, at, value)
        sheet.autofilter(0, 0, max(count, 1), len(self._columns) - 1)
        if self._keyed:
            self._choices(sheet, max(count, 1), owners)
            self._how()
        return count

    def _editable(self, column: Column) -> bool:
        return self._keyed and column.edit is not Edit.NEVER

    def _writer(self, sheet: Any, editable: bool) -> Callable[[int, int, Any], None]:
        plain, time, quoted = (self._format(kind, editable) for kind in ("", TIME, QUOTED))

        def put(row: int, at: int, value: Any) -> None:
            if isinstance(value, str):
                sheet.write_string(row, at, value, quoted if value.startswith(FORMULA) else plain)
            elif isinstance(value, datetime):
                naive = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
                sheet.write_datetime(row, at, naive, time)
            elif isinstance(value, Money):
                if abs(value.minor) >= MOST_EXACT:
                    sheet.write_string(row, at, text_of(value), plain)
                else:
                    digits = EXPONENTS[value.currency]
                    number = "#,##0" + ("." + "0" * digits if digits else "")
                    sheet.write_number(row, at, float(text_of(value)), self._format(number, editable))
            elif isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
                sheet.write_number(row, at, value, plain)
            else:
                sheet.write_string(row, at, str(value), plain)

        return put

    def _format(self, number: str, editable: bool) -> Any:
        made = self._made.get((number, editable))
        if made is None:
            about: dict[str, Any] = {"valign": "top"}
            if number == "head":
                about |= {"bold": True, "bottom": 1}
            elif number == QUOTED:
                about["quote_prefix"] = True
            elif number:
                about["num_format"] = number
            if editable:
                about["bg_color"] = "#FFF7DC"
            made = self._made[number, editable] = self._book.add_format(about)
        return made

    def _choices(self, sheet: Any, last: int, owners: Sequence[str]) -> None:
        """Drop-downs; longer lists stand in a hidden sheet, where nothing limits them."""
        lists = [(at, column.choices) for at, column in enumerate(self._columns) if column.choices]
        lists += [(at, tuple(owners)) for at, c in enumerate(self._columns) if c.name == "assignee" and owners]
        long = [(at, each) for at, each in lists if len(",".join(each)) > LONGEST_LIST or any("," in c for c in each)]
        ranges = self._hidden_lists(long)
        for at, choices in lists:
            strict = self._columns[at].name != "assignee"  # Somebody new may be named.
            rule = {"validate": "list", "source": ranges.get(at, list(choices))}
            sheet.data_validation(1, at, last, at, rule | {"error_type": "stop" if strict else "information"})

    def _hidden_lists(self, lists: Sequence[tuple[int, Sequence[str]]]) -> dict[int, str]:
        """Write each list under its own letter, row by row as constant memory wants it; gives their ranges."""
        if not lists:
            return {}
        hidden = self._book.add_worksheet(CHOICES)
        hidden.hide()
        for row, across in enumerate(zip_longest(*(choices for _, choices in lists))):
            for place, choice in enumerate(across):
                if choice is not None:
                    hidden.write_string(row, place, choice)
        letters = ascii_uppercase[: len(lists)]
        return {
            at: f"={CHOICES}!${letter}$1:${letter}${len(choices)}"
            for letter, (at, choices) in zip(letters, lists, strict=True)
        }

    def _how(self) -> None:
        sheet = self._book.add_worksheet(HOW)
        sheet.set_column(0, 0, 16)
        sheet.set_column(1, 1, 120)
        lines = [
            ("", f"Edit the coloured columns only, save, then: aftersale {self._title} import FILE --preview"),
            ("", "Each edited row is judged by its own. What has changed meanwhile is reported and not overwritten."),
            ("", "Rows may be sorted, filtered and left out, and columns of your own added; keep the headers."),
            *((column.name, column.about) for column in self._columns if column.edit is not Edit.NEVER),
        ]
        for row, (name, about) in enumerate(lines):
            sheet.write_string(row, 0, name)
            sheet.write_string(row, 1, about)
