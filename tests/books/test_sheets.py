from __future__ import annotations

import csv
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.errors import Invalid
from domain.money import Money
from starter.books import sheets


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r", "\n=", "  =", "＝", "＋", "－", "＠"])
def test_a_text_that_a_spreadsheet_would_run_is_made_harmless(begin: str, tmp_path: Path) -> None:
    hostile = f'{begin}HYPERLINK("http://evil.example","click")'
    file = tmp_path / "sheet.csv"
    sheets.write(file, ("order", "note"), [(hostile, "plain")])
    with file.open(encoding="utf-8", newline="") as opened:
        [_, [order, note]] = csv.reader(opened)
    assert (order, note) == (f"'{sheets.disarmed(hostile)}", "plain")


def test_cells_are_plain_numbers_times_and_texts_and_quotes_cannot_break_out(tmp_path: Path) -> None:
    file = tmp_path / "sheet.csv"
    row = (None, Money(-5_00, "EUR"), Money(-5, "JPY"), datetime(2026, 11, 24, 9, tzinfo=UTC), 7, 'a "b", c\r\n=d')
    assert sheets.write(file, ("a", "b", "c", "d", "e", "f"), [row]) == 1
    assert file.read_bytes() == b'a,b,c,d,e,f\r\n,-5.00,-5,2026-11-24T09:00:00Z,7,"a ""b"", c\r\n\'=d"\r\n'


@pytest.mark.parametrize("place", ["none/sheet.csv", "."])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(Invalid, match="cannot be written") as caught:
        sheets.write(tmp_path / place, ("a",), [])
    assert caught.value.field == str(tmp_path / place)


def test_a_sheet_that_is_cut_off_leaves_the_last_whole_one(tmp_path: Path) -> None:
    file = tmp_path / "sheet.csv"
    sheets.write(file, ("a",), [("whole",)])

    def rows() -> Iterator[tuple[object, ...]]:
        yield ("half",)
        raise RuntimeError("the database is gone")

    with pytest.raises(RuntimeError):
        sheets.write(file, ("a",), rows())
    assert file.read_text() == "a\nwhole\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    sheets.write(pipe, ("a",), [("b",)])
    reader.join()
    assert read == ["a\nb\n"]
    assert pipe.is_fifo()
