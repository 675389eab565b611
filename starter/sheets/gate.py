"""What an XLSX file must be before anything of it is read: small, plain, without programs, formulas told apart.

An XLSX file is a ZIP of XML from outside. Everything that could grow, run or fetch is refused here; the library that
reads values is handed a new file of the parts that have passed, so that it cannot find any other.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from domain.errors import Invalid

MIB = 2**20
LARGEST_FILE = 48 * MIB
LARGEST_UNPACKED = 400 * MIB
MOST_ENTRIES = 500
STEEPEST = 150
"""How many times larger than packed one entry of more than a MiB may be; sheets are some 10 to 40 times larger."""

MOST_ROWS = 100_000
MOST_COLUMNS = 200
MOST_CELLS = 8_000_000
SPLIT = "split its rows over several files"
TOO_FAR = f"has more than {MOST_ROWS} rows or {MOST_COLUMNS} columns; {SPLIT}, without what stands far outside of them"

FORBIDDEN: Mapping[str, str] = {
    "vbaproject": "holds macros",
    "macrosheets": "holds macros",
    "externallinks": "refers to other files",
    "embeddings": "holds other files",
    "activex": "holds programs",
    "ctrlprops": "holds programs",
    "connections": "fetches data from elsewhere",
    "querytables": "fetches data from elsewhere",
    "customui": "changes the program that opens it",
}
"""Parts of a path that are refused, without regard to capitals, and why."""

_OLD = b"\xd0\xcf\x11\xe0"
_PACKAGE, _WORKBOOK, _RELATIONS = "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_STYLES = "xl/styles.xml"
_FIRST = frozenset({_PACKAGE, _RELATIONS, _WORKBOOK, _STYLES})
_XML = (".xml", ".rels")
_ODD = re.compile(r"[^ -~]|[\\&]")
"""What stands in no name of a part that a spreadsheet writes, and is not read by all programs as the same name."""

_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")


@dataclass(frozen=True, slots=True)
class Passed:
    """What the gate saw: for each sheet by its name, in which cells (row, column from 0) formulas or errors stand.

    `percents` are the cells in which a number is shown as so many of a hundred, `hours` those in which a time is shown
    with its hours. `content` is an XLSX file of the parts that were looked through, and of no others.
    """

    formulas: Mapping[str, frozenset[tuple[int, int]]]
    percents: Mapping[str, frozenset[tuple[int, int]]]
    hours: Mapping[str, frozenset[tuple[int, int]]]
    content: io.BytesIO = field(repr=False)


def check(path: Path) -> Passed:
    """Look at the whole file, a piece at a time. Raises Invalid, naming the file and the rule."""
    name = str(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Invalid(name, f"is larger than {LARGEST_FILE // MIB} MiB; {SPLIT}")
        with path.open("rb") as file:
            if file.read(4) == _OLD:
                raise Invalid(name, "is protected by a password or of an old kind; save it as a plain .xlsx")
        with zipfile.ZipFile(path) as archive:
            _entries(name, archive)
            return _Scan(name, archive).whole()
    except OSError as error:
        raise Invalid(name, f"cannot be read: {error.strerror}") from None
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        zlib.error,
    ):
        raise Invalid(name, "is not an XLSX file, or is damaged") from None


def _entries(name: str, archive: zipfile.ZipFile) -> None:
    """The table of contents, before anything is unpacked."""
    found = archive.infolist()
    if len(found) > MOST_ENTRIES:
        raise Invalid(name, f"has more than {MOST_ENTRIES} parts; save its rows alone as a plain .xlsx")
    if sum(entry.file_size for entry in found) > LARGEST_UNPACKED:
        raise Invalid(name, f"unpacks to more than {LARGEST_UNPACKED // MIB} MiB; {SPLIT}")
    if len({entry.filename.casefold() for entry in found}) != len(found):
        raise Invalid(name, "has two parts of one name")
    for entry in found:
        if _ODD.search(entry.filename):
            raise Invalid(name, "is damaged: the name of a part holds a mark that none does")
        if entry.file_size > MIB and entry.file_size > STEEPEST * max(entry.compress_size, 1):
            raise Invalid(name, f"has a part that unpacks to more than {STEEPEST} times its size")
        if entry.flag_bits & 1:
            raise Invalid(name, "is protected by a password; save it without")
        for part, why in FORBIDDEN.items():
            if part in entry.filename.casefold():
                raise Invalid(name, f"{why}; save it as a plain .xlsx without")


class _Scan:
    """Reads every part once: what is XML must be plain XML, and sheets must keep to their bounds."""

    def __init__(self, name: str, archive: zipfile.ZipFile) -> None:
        self._name, self._archive = name, archive
        # Names are compared without regard to capitals, as the library that reads values does.
        self._parts = {part.lower(): part for part in archive.namelist() if not part.endswith("/")}
        self._sheets: list[tuple[str, str]] = []  # Name in the workbook, and the id of the relation.
        self._targets: dict[str, str] = {}
        self._content = io.BytesIO()

    def whole(self) -> Passed:
        if not {_PACKAGE, _WORKBOOK, _RELATIONS} <= self._parts.keys():
            raise Invalid(self._name, "is not an XLSX file: it holds no workbook")
        grids: dict[str, _Grid] = {}
        styles = _Styles()
        with zipfile.ZipFile(self._content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
            for part, start in (
                (_PACKAGE, self._package), (_RELATIONS, self._relation), (_WORKBOOK, self._sheet),
                (_STYLES, styles.start),
            ):  # fmt: skip
                if part in self._parts:
                    self._read(part, start, copy)
            sheets = self._by_name()
            for part in sorted(self._parts.keys() - _FIRST):
                if part.endswith(_XML) or part in sheets.values():
                    grids[part] = _Grid(self._name, styles)  # Any part may turn out to be a sheet.
                    self._read(part, grids[part].start, copy)
                else:
                    self._unpack(part)
        self._content.seek(0)
        return Passed(
            {sheet: frozenset(grids[part].formulas) for sheet, part in sheets.items()},
            {sheet: frozenset(grids[part].percents) for sheet, part in sheets.items()},
            {sheet: frozenset(grids[part].hours) for sheet, part in sheets.items()},
            self._content,
        )

    def _by_name(self) -> dict[str, str]:
        """The part of each sheet, found as the library finds it: absolute, or from the workbook's folder."""
        found: dict[str, str] = {}
        for sheet, relation in self._sheets:
            target = self._targets.get(relation, "").lower()
            part = target[1:] if target.startswith("/") else f"xl/{target}"
            if part not in self._parts or part in _FIRST:
                raise Invalid(self._name, "is damaged: the workbook names a sheet that the file does not hold")
            if sheet in found:
                raise Invalid(self._name, "has two sheets of one name")
            found[sheet] = part
        return found

    def _read(self, part: str, start: Callable[[str, dict[str, str]], None], copy: zipfile.ZipFile) -> None:
        """Parse a part, and hand it on as it was parsed."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = start
        try:
            with self._archive.open(self._parts[part]) as file, copy.open(part, "w") as passed:
                while piece := file.read(1 << 16):
                    if b"\0" in piece:  # UTF-16, which the library that reads values would take for other marks.
                        raise Invalid(self._name, f"is damaged: {part} is not XML in UTF-8")
                    parser.Parse(piece)
                    passed.write(piece)
            parser.Parse(b"", True)
        except expat.ExpatError:
            raise Invalid(self._name, f"is damaged: {part} is not XML") from None

    def _unpack(self, part: str) -> None:
        """Find damage in what is not handed on, such as a picture."""
        with self._archive.open(self._parts[part]) as file:
            while file.read(1 << 16):
                pass

    def _doctype(self, *_: object) -> None:
        raise Invalid(self._name, "declares a document type, which no spreadsheet does")

    def _package(self, tag: str, about: dict[str, str]) -> None:
        is_book = _local(tag) == "Relationship" and about.get("Type", "").endswith("/relationships/officeDocument")
        if is_book and about.get("Target", "").lower().removeprefix("/") != _WORKBOOK:
            raise Invalid(self._name, "is not an XLSX file: its workbook is not where one stands")

    def _sheet(self, tag: str, about: dict[str, str]) -> None:
        if _local(tag) == "sheet":
            relations = [value for key, value in about.items() if _local(key) == "id"]
            if len(relations) != 1:
                raise Invalid(self._name, "is damaged: a sheet names no part, or several")
            self._sheets.append((about.get("name", ""), relations[0]))

    def _relation(self, tag: str, about: dict[str, str]) -> None:
        if _local(tag) == "Relationship":
            if about.get("TargetMode") == "External":
                raise Invalid(self._name, "refers to other files; save it without links to them")
            if about.get("Id", "") in self._targets:
                raise Invalid(self._name, "is damaged: two relations have one id")
            self._targets[about.get("Id", "")] = about.get("Target", "")


def _local(tag: str) -> str:
    """A name without its namespace, which the library that reads values does not look at either."""
    return tag.rpartition(" ")[2]


class _Styles:
    """Which of a workbook's formats show a number as so many of a hundred, 0.5 as 50%, and which a time with hours."""

    _LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h)[^\]]*\]')
    """What stands in a number's format as it is, or is a colour, a country or a condition."""

    def __init__(self) -> None:
        self.percents: set[str] = set()  # By their places among the formats of cells, as cells name them.
        self.hours: set[str] = set()
        self._codes = {  # Those that every spreadsheet knows without saying so.
            "9": "0%", "10": "0.00%", "18": "h:mm AM/PM", "19": "h:mm:ss AM/PM", "20": "h:mm", "21": "h:mm:ss",
            "22": "m/d/yy h:mm", "46": "[h]:mm:ss",
        }  # fmt: skip
        self._within = ""
        self._count = 0

    def start(self, tag: str, about: dict[str, str]) -> None:
        local = _local(tag)
        if local == "numFmt":
            self._codes[about.get("numFmtId", "")] = about.get("formatCode", "")
        elif local == "xf" and self._within == "cellXfs":
            code = self._LITERAL.sub("", self._codes.get(about.get("numFmtId", ""), "").lower())
            for mark, formats in (("%", self.percents), ("h", self.hours)):
                if mark in code:
                    formats.add(str(self._count))
            self._count += 1
        elif local in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
            self._within = local


class _Grid:
    """Follows the cells of one sheet. A cell that names no place stands behind the one before it."""

    def __init__(self, name: str, styles: _Styles) -> None:
        self._name, self._styles = name, styles
        self._row = self._column = self._bottom = self._right = -1
        self.formulas: set[tuple[int, int]] = set()
        self.percents: set[tuple[int, int]] = set()
        self.hours: set[tuple[int, int]] = set()

    def start(self, tag: str, about: dict[str, str]) -> None:
        local = _local(tag)
        if local == "c":
            self._cell(about.get("r"))
            if about.get("t") == "e":  # What a formula came to, pasted as a value, says as little.
                self.formulas.add((self._row, self._column))
            style = about.get("s")
            if style in self._styles.percents:
                self.percents.add((self._row, self._column))
            if style in self._styles.hours:
                self.hours.add((self._row, self._column))
        elif local == "row":
            number = about.get("r", str(self._row + 2))
            if not (number.isascii() and number.isdigit() and len(number) < 8):
                raise Invalid(self._name, "is damaged: a row has no number")
            self._row, self._column = int(number) - 1, -1
            self._bounds()
        elif local == "f":
            self.formulas.add((self._row, self._column))

    def _cell(self, place: str | None) -> None:
        if place is None:
            self._column += 1
        else:
            match = _CELL.fullmatch(place)
            if match is None:
                raise Invalid(self._name, "is damaged: a cell has no place")
            column = 0
            for letter in match[1]:
                column = column * 26 + ord(letter) - 64
            self._row, self._column = int(match[2]) - 1, column - 1
        self._bounds()

    def _bounds(self) -> None:
        if self._row > self._bottom or self._column > self._right:
            self._bottom, self._right = max(self._bottom, self._row), max(self._right, self._column)
            rows, columns = self._bottom + 1, self._right + 1
            if rows > MOST_ROWS or columns > MOST_COLUMNS:
                raise Invalid(self._name, TOO_FAR)
            if rows * columns > MOST_CELLS:
                raise Invalid(self._name, f"has more than {MOST_CELLS} cells from corner to corner; {SPLIT}")
