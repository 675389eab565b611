"""Files from outside: what could grow, run or fetch is refused before anything of it is read."""

from __future__ import annotations

import os
import random
import re
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import Invalid
from starter.sheets import gate
from starter.sheets.read import LARGEST_CSV, Table
from starter.sheets.rows import CLAIMS, KEY
from starter.sheets.write import write

SHEET = "xl/worksheets/sheet1.xml"
Parts = dict[str, bytes]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.xlsx"
    columns = CLAIMS.shown(desk=True)
    write(file, "claims", columns, [["x"] * len(columns)] * 3)
    return file


def parts_of(file: Path) -> Parts:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(file: Path, change: Callable[[Parts], None]) -> Path:
    parts = parts_of(file)
    change(parts)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file


def put(name: str, content: bytes) -> Callable[[Parts], None]:
    return lambda parts: parts.update({name: content})


def within(name: str, old: bytes, new: bytes) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        assert old in parts[name]
        parts[name] = parts[name].replace(old, new, 1)

    return change


RELATIONS = "xl/_rels/workbook.xml.rels"
LINK = b'<Relationship Id="rx" Type="x" Target="file:///etc/passwd" TargetMode="External"/></Relationships>'
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>\n<worksheet'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<worksheet'


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (put("xl/vbaProject.bin", b"x"), "holds macros"),
        (put("xl/macrosheets/sheet1.xml", b"<x/>"), "holds macros"),
        (put("xl/externalLinks/externalLink1.xml", b"<x/>"), "refers to other files"),
        (put("xl/embeddings/oleObject1.bin", b"x"), "holds other files"),
        (put("xl/activeX/activeX1.bin", b"x"), "holds programs"),
        (put("xl/connections.xml", b"<x/>"), "fetches data"),
        (put("XL/WORKBOOK.XML", b"<x/>"), "two parts of one name"),
        (put("xl/media/a.png", b"\0" * 30 * gate.MIB), "more than 150 times its size"),
        (within(RELATIONS, b"</Relationships>", LINK), "refers to other files"),
        (within(SHEET, b"<worksheet", LAUGHS), "declares a document type"),
        (within(SHEET, b"<worksheet", OUTSIDE), "declares a document type"),
        (within(SHEET, b'r="A2"', b'r="XFD2"'), "more than 100000 rows or 200 columns"),
        (within(SHEET, b'r="A2"', b'r="A1048576"'), "more than 100000 rows or 200 columns"),
        (within(SHEET, b'r="A2"', b'r="@2"'), "a cell has no place"),
        (within(SHEET, b"</sheetData>", b""), "is not XML"),
        (lambda parts: parts.pop("xl/workbook.xml"), "holds no workbook"),
        (lambda parts: parts.update({f"xl/x{n}.xml": b"<x/>" for n in range(600)}), "has more than 500 parts"),
    ],
)
def test_what_no_plain_sheet_has_is_refused(good: Path, change: Callable[[Parts], None], why: str) -> None:
    Table(good, CLAIMS)
    with pytest.raises(Invalid, match=why):
        Table(changed(good, change), CLAIMS)


def test_a_sheet_that_hides_under_another_name_keeps_to_the_bounds_as_well(good: Path) -> None:
    def moved(parts: Parts) -> None:
        parts["xl/other.xml"] = parts.pop(SHEET).replace(b'r="A2"', b'r="XFD1000000"', 1)
        parts[RELATIONS] = parts[RELATIONS].replace(b"worksheets/sheet1.xml", b"other.xml")

    with pytest.raises(Invalid, match="more than 100000 rows"):
        Table(changed(good, moved), CLAIMS)


NAMED = {
    "sheet1.XML": "worksheets/sheet1.XML",
    "sheet1": "worksheets/sheet1",
    "sheet1.foo": "worksheets/sheet1.foo",
    "sheet1.xml": "Worksheets/Sheet1.xml",
    "Sheet1.Xml": "/xl/WORKSHEETS/sheet1.xml",
}
"""Names of a sheet's part, each with a target by which it is found."""


def renamed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Parts], None]:
    def moved(parts: Parts) -> None:
        parts[f"xl/worksheets/{name}"] = change(parts.pop(SHEET))
        parts[RELATIONS] = parts[RELATIONS].replace(b"worksheets/sheet1.xml", NAMED[name].encode())

    return moved


@pytest.mark.parametrize("name", NAMED)
def test_a_sheet_is_looked_through_whatever_its_part_is_called(good: Path, name: str) -> None:
    changed(good, renamed(name, lambda xml: re.sub(b'<c r="E2".*?</c>', b'<c r="E2"><f>1+1</f><v>2</v></c>', xml)))
    assert next(row.formulas for row in Table(good, CLAIMS).rows()) == {"assignee"}


@pytest.mark.parametrize("name", NAMED)
def test_a_sheet_keeps_to_the_bounds_whatever_its_part_is_called(good: Path, name: str) -> None:
    far = b'<row r="60000"><c r="BZZ60000"><v>1</v></c></row></sheetData>'
    changed(good, renamed(name, lambda xml: xml.replace(b"</sheetData>", far)))
    with pytest.raises(Invalid, match="more than 100000 rows or 200 columns"):
        Table(good, CLAIMS)


def decoy(parts: Parts) -> None:
    """A second part without the formula that the sheet has."""
    parts["xl/worksheets/plain.xml"] = parts[SHEET]
    parts[SHEET] = re.sub(b'<c r="E2".*?</c>', b'<c r="E2"><f>1+1</f><v>2</v></c>', parts[SHEET])


def looks_elsewhere(name: str, old: bytes, new: bytes) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        decoy(parts)
        within(name, old, new)(parts)

    return change


BOOK, PACKAGE = "xl/workbook.xml", "_rels/.rels"
PLAIN = (
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    b'Target="worksheets/plain.xml"/></Relationships>'
)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (looks_elsewhere(RELATIONS, b"</Relationships>", b'<Relationship Id="&#114;Id1" ' + PLAIN), "have one id"),
        (looks_elsewhere(BOOK, b'r:id="rId1"', b'r:id="rId1" id="rId2"'), "names no part, or several"),
        (looks_elsewhere(BOOK, b"</sheets>", b'<sheet name="claims" sheetId="9" r:id="rId2"/></sheets>'), "one name"),
        (looks_elsewhere(BOOK, b'r:id="rId1"', b'r:id="rId99"'), "a sheet that the file does not hold"),
        (within(RELATIONS, b"worksheets/sheet1.xml", b"worksheets/none.xml"), "a sheet that the file does not hold"),
        (within(RELATIONS, b"worksheets/sheet1.xml", b"../xl/worksheets/sheet1.xml"), "the file does not hold"),
        (within(PACKAGE, b"xl/workbook.xml", b"yl/workbook.xml"), "its workbook is not where one stands"),
        (put("xl/worksheets\\sheet1.xml", b"<x/>"), "the name of a part"),
        (put("xl/worksheets/&#115;heet1.xml", b"<x/>"), "the name of a part"),
        (lambda parts: parts.pop(PACKAGE), "holds no workbook"),
        (lambda parts: parts.update({SHEET: parts[SHEET].decode().encode("utf-16")}), "is not XML in UTF-8"),
    ],
)
def test_a_file_that_two_programs_would_read_as_two_is_refused(
    good: Path, change: Callable[[Parts], None], why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        Table(changed(good, change), CLAIMS)


def test_what_was_not_looked_through_is_not_handed_on(good: Path) -> None:
    changed(good, put("xl/media/a.png", b"x"))
    with zipfile.ZipFile(gate.check(good).content) as passed:
        assert set(passed.namelist()) == {name.lower() for name in parts_of(good)} - {"xl/media/a.png"}


def test_a_bomb_is_refused_at_once_and_without_its_memory(good: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts_of(good).items():
            archive.writestr(name, content)
        for number in range(50):
            archive.writestr(f"xl/x{number}.xml", b"<x>" + b" " * 20 * gate.MIB + b"</x>")
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(Invalid, match="unpacks to more than 400 MiB"):
        Table(bomb, CLAIMS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.process_time() - began < 2
    assert peak < 4 * gate.MIB


def test_a_bomb_of_small_parts_is_refused_for_what_they_come_to_together(good: Path) -> None:
    """No part is large enough for the rule about how steep one is, and they are not too many."""
    with zipfile.ZipFile(good, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(gate.LARGEST_UNPACKED // gate.MIB - 1):
            archive.writestr(f"xl/media/{number}.png", bytes(gate.MIB))
    gate.check(good)
    with zipfile.ZipFile(good, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/media/last.png", bytes(gate.MIB))
    with pytest.raises(Invalid, match="unpacks to more than 400 MiB"):
        gate.check(good)


def test_a_file_of_more_than_the_largest_size_is_refused_and_one_of_it_is_read(good: Path) -> None:
    content = good.read_bytes()
    for more in (0, 1):
        with good.open("wb") as file:  # What stands before a ZIP is skipped by all that read one; here it is a hole.
            file.seek(gate.LARGEST_FILE - len(content) + more)
            file.write(content)
        if not more:
            Table(good, CLAIMS)
    with pytest.raises(Invalid, match="is larger than 48 MiB"):
        Table(good, CLAIMS)


@pytest.mark.parametrize(("right", "passes"), [("CB", True), ("CC", False)])
def test_a_sheet_has_no_more_cells_than_the_most_from_corner_to_corner(good: Path, right: str, passes: bool) -> None:
    """Neither corner is too far down or too far to the right; of the cells between them none has to be there."""
    last = gate.MOST_ROWS
    corners = f'<row r="4"><c r="{right}4"/></row><row r="{last}"><c r="A{last}"/></row></sheetData>'
    changed(good, within(SHEET, b"</sheetData>", corners.encode()))
    if passes:
        gate.check(good)
        return
    with pytest.raises(Invalid, match="has more than 8000000 cells"):
        gate.check(good)


def test_csv_of_more_than_the_most_rows_or_the_largest_size_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "good.csv"
    write(file, "claims", CLAIMS.shown(desk=True), [])
    with file.open("a", newline="") as grown:
        grown.write("\n" * (gate.MOST_ROWS - len(file.read_text().splitlines())))
    assert list(Table(file, CLAIMS).rows()) == []
    with file.open("a", newline="") as grown:
        grown.write("\n")
    with pytest.raises(Invalid, match="has more than 100000 rows"):
        list(Table(file, CLAIMS).rows())
    os.truncate(file, LARGEST_CSV + 1)
    with pytest.raises(Invalid, match="is larger than 100 MiB"):
        Table(file, CLAIMS)


def test_a_part_that_lies_about_its_size_is_refused_before_anything_is_read(good: Path) -> None:
    big = b"<x>" + bytes(random.Random(7).choices(b"abcdef", k=3 * gate.MIB)) + b"</x>"  # noqa: S311
    changed(good, put("xl/x.xml", big))
    raw = good.read_bytes()
    good.write_bytes(raw.replace(struct.pack("<I", len(big)), struct.pack("<I", 100)))
    with pytest.raises(Invalid, match=r"not an XLSX file, or is damaged|is not XML"):
        Table(good, CLAIMS)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"not a zip", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600]
)
def test_what_is_no_sheet_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.xlsx"
    file.write_bytes(content)
    with pytest.raises(Invalid, match=r"is not an XLSX file|protected by a password or of an old kind"):
        Table(file, CLAIMS)
    with pytest.raises(Invalid, match="must end in"):
        Table(file.rename(tmp_path / "x.xlsm"), CLAIMS)
    with pytest.raises(Invalid, match="cannot be read"):
        Table(tmp_path / "none.xlsx", CLAIMS)


def test_whatever_bytes_a_file_has_it_is_read_or_refused(good: Path) -> None:
    content, chance = good.read_bytes(), random.Random(4)  # noqa: S311  # the same files in every run
    for _ in range(150):
        spoilt = bytearray(content)
        for _ in range(chance.randint(1, 12)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        good.write_bytes(spoilt[: chance.choice([len(spoilt), chance.randrange(len(spoilt))])])
        try:
            list(Table(good, CLAIMS).rows())
        except Invalid:
            continue


def test_a_prefix_and_cells_without_places_hide_no_formula(tmp_path: Path, good: Path) -> None:
    rows = "".join(f"<x:c t='inlineStr'><x:is><x:t>{c.name}</x:t></x:is></x:c>" for c in CLAIMS.shown(desk=True))
    filled = "<x:c><x:f>1+1</x:f><x:v>2</x:v></x:c>" * len(CLAIMS.shown(desk=True))
    xml = (
        "<x:worksheet xmlns:x='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><x:sheetData>"
        f"<x:row>{rows}</x:row><x:row>{filled}</x:row></x:sheetData></x:worksheet>"
    )
    table = Table(changed(good, put(SHEET, xml.encode())), CLAIMS)
    (row,) = table.rows()
    assert {"note", "decision", KEY} <= row.formulas
