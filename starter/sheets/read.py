"""Reading a sheet that came back: its headers, and its rows one by one. Nothing in it is believed, run or fetched."""

from __future__ import annotations

import codecs
import csv
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice, product
from pathlib import Path
from typing import Any

from domain.errors import Invalid
from starter.books.sheets import restored
from starter.sheets import gate
from starter.sheets.cells import Raw, clean
from starter.sheets.rows import KEY, Sheet
from starter.sheets.write import CHOICES, CSV, HOW, MISSING, kind_of

LARGEST_CSV = 100 * gate.MIB
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NONE = frozenset[str]()
SHOWN = 5
"""Headers that are told of where they are not those of a sheet."""

HIGHEST = 10
"""Rows in which the headers are looked for: a title may stand above them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: its number there, counted as spreadsheets do, its cells by header, and which are formulas.

    `percents` are those whose number is shown as so many of a hundred.
    """

    number: int
    cells: dict[str, Raw] = field(repr=False)
    formulas: frozenset[str] = frozenset()
    percents: frozenset[str] = frozenset()


class Table:
    """A file that can be read several times. `heads` are its headers as they stand; `remarks` what the user is told."""

    def __init__(self, path: Path, sheet: Sheet) -> None:
        """Raises Invalid for a file that is no sheet of this kind, naming what is missing."""
        self.path = path
        self.remarks: tuple[str, ...] = ()
        self._grid: _Grid = _CsvGrid(path) if kind_of(path) == CSV else _XlsxGrid(path, sheet)
        self.remarks = self._grid.remarks
        known = {column.name for column in sheet.columns} | {KEY}
        self.heads = [clean(str(head)) for head in self._grid.head]
        self._places: dict[str, int] = {}
        for at, head in enumerate(self.heads):
            name = head.casefold()
            if name in known:
                if name in self._places:
                    raise Invalid(str(path), f"has two columns named '{name}'")
                self._places[name] = at
        needed = [sheet.columns[0].name, *(column.name for column in sheet.editable), KEY]
        missing = [name for name in needed if name not in self._places]
        if missing:
            read = ", ".join(repr(head) for head in self.heads[:SHOWN] if head) or "nothing"
            raise Invalid(
                str(path), f"lacks columns of a sheet of {sheet.name}: {', '.join(missing)}; read as headers: {read}"
            )

    @property
    def count(self) -> int:
        """How many rows there are at most."""
        return self._grid.count

    def rows(self) -> Iterator[Row]:
        """The rows that are not empty."""
        for number, cells in self._grid.rows():
            found = {name: cells[at] if at < len(cells) else None for name, at in self._places.items()}
            if any(value not in (None, "") for value in found.values()):
                formulas, percents = (
                    self._among(number, cells) for cells in (self._grid.formulas, self._grid.percents)
                )
                yield Row(number, found, formulas, percents)

    def _among(self, number: int, cells: frozenset[tuple[int, int]]) -> frozenset[str]:
        """The headers of the row's cells that are among these."""
        return frozenset(n for n, at in self._places.items() if (number - 1, at) in cells) if cells else _NONE

    def plain(self) -> Iterator[tuple[int, Sequence[Raw]]]:
        """Every row as it stands, with its number, for a copy."""
        yield from self._grid.rows()


class _Grid(ABC):
    """Cells in rows behind a head."""

    head: Sequence[Raw]
    count: int
    formulas: frozenset[tuple[int, int]] = frozenset()
    percents: frozenset[tuple[int, int]] = frozenset()
    remarks: tuple[str, ...] = ()

    @abstractmethod
    def rows(self) -> Iterator[tuple[int, Sequence[Raw]]]:
        """Each row with its number."""


def _has_key(rows: Iterable[Sequence[Raw]]) -> bool:
    return any(clean(str(cell)).casefold() == KEY for row in rows for cell in row)


def _head(rows: Iterable[tuple[int, Sequence[Raw]]]) -> tuple[int, Sequence[Raw]]:
    """How many rows the head ends behind, and the head: the one with the key, else the first."""
    above = [row for _, row in islice(rows, HIGHEST)]
    return next(
        ((at, row) for at, row in enumerate(above, 1) if _has_key([row])),
        (1, above[0] if above else []),
    )


_SEP = re.compile(r"\"?sep=([,;\t])\"?\r?\n")


class _XlsxGrid(_Grid):
    def __init__(self, path: Path, sheet: Sheet) -> None:
        try:
            from python_calamine import CalamineError, load_workbook  # noqa: PLC0415  # an extra
        except ImportError:
            raise Invalid(str(path), MISSING) from None
        passed = gate.check(path)
        try:
            book = load_workbook(passed.content)
            names = [name for name in book.sheet_names if name not in (HOW, CHOICES)]
            if not names:
                raise Invalid(str(path), "has no sheet with rows")
            if not set(names) <= passed.formulas.keys():
                raise Invalid(str(path), "is damaged: a sheet is not the one that was looked through")
            names.sort(key=lambda name: name != sheet.name)  # A sheet may have been renamed, and stand behind others.
            found = ((name, book.get_sheet_by_name(name)) for name in names)
            keyed = ((name, each) for name, each in found if _has_key(islice(each.iter_rows(), HIGHEST)))
            name, each = next(keyed, None) or (names[0], book.get_sheet_by_name(names[0]))
            self._sheet: Any = each
        except CalamineError:
            raise Invalid(str(path), "is not an XLSX file, or is damaged") from None
        start = self._sheet.start or (0, 0)
        self._above, self._left = start
        self.formulas, self.percents = passed.formulas[name], passed.percents[name]
        self._hours = passed.hours[name]
        self._skip, self.head = _head(self._all())
        self.count = max(self._sheet.height - 1, 0)

    def _all(self) -> Iterator[tuple[int, Sequence[Raw]]]:
        before: list[Raw] = [None] * self._left
        for number, found in enumerate(self._sheet.iter_rows(), self._above + 1):
            row: list[Raw] = before + found if before else found
            for at, value in enumerate(row):
                # The library gives midnight as a day, also where the cell shows its hours.
                if type(value) is date and (number - 1, at) in self._hours:
                    row[at] = datetime.combine(value, time())
            yield number, row

    def rows(self) -> Iterator[tuple[int, Sequence[Raw]]]:
        yield from islice(self._all(), self._skip, None)


def _separator(lines: Sequence[str]) -> str:
    """The one with which the key column stands among the most columns; a title above may have its words in it, too."""
    heads = [(line, mark) for line, mark in product(lines, ",;\t") if KEY in _cells(line, mark)]
    return max(heads or [(lines[0], mark) for mark in ",;\t"], key=lambda head: head[0].count(head[1]))[1]


def _cells(line: str, mark: str) -> list[str]:
    return [cell.strip(' "\r').casefold() for cell in line.split(mark)]


class _CsvGrid(_Grid):
    """Text with separators, as spreadsheets write it where they stand: comma, semicolon or tab."""

    def __init__(self, path: Path) -> None:
        try:
            if path.stat().st_size > LARGEST_CSV:
                raise Invalid(str(path), f"is larger than {LARGEST_CSV // gate.MIB} MiB; {gate.SPLIT}")
            content = path.read_bytes()
        except OSError as error:
            raise Invalid(str(path), f"cannot be read: {error.strerror}") from None
        self._path = path
        self._text = self._decoded(content)
        if "\0" in self._text:
            raise Invalid(str(path), "is not a text file")
        named = _SEP.match(self._text)  # A line of the program's own, which it does not show as a row.
        self._text = self._text[named.end() :] if named else self._text
        lines = self._text.split("\n", HIGHEST)[:HIGHEST]
        self._separator = named[1] if named else _separator(lines)
        self._skip, self.head = _head(self._all())
        self.count = self._text.count("\n")

    def _decoded(self, content: bytes) -> str:
        for mark, name in MARKS:
            if content.startswith(mark):
                return self._as(content, name)
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            self.remarks = ("The file is not UTF-8; it was read as Windows-1252. 'CSV UTF-8' is the safer choice.",)
            return self._as(content, "cp1252")

    def _as(self, content: bytes, encoding: str) -> str:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            raise Invalid(str(self._path), "is not text in UTF-8; save it as 'CSV UTF-8'") from None

    def _all(self) -> Iterator[tuple[int, Sequence[Raw]]]:
        read = csv.reader(io.StringIO(self._text, newline=""), delimiter=self._separator)
        try:
            for number, row in enumerate(read, 1):
                if number > gate.MOST_ROWS or len(row) > gate.MOST_COLUMNS:
                    raise Invalid(str(self._path), gate.TOO_FAR)
                yield number, [restored(cell) for cell in row]
        except csv.Error:
            raise Invalid(str(self._path), "is not CSV: a cell is too long, or not closed") from None

    def rows(self) -> Iterator[tuple[int, Sequence[Raw]]]:
        yield from islice(self._all(), self._skip, None)
