"""Until when a ticket is put off: what a cell shows, as XLSX and as CSV, and what the preview says of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from starter.sheets.judge import Outcome
from tests.sheets.conftest import Desk

MIDNIGHT = datetime(2026, 12, 4)  # noqa: DTZ001  # A cell knows no zones.
STARTS, ENDS = "2026-12-04 00:00", "2026-12-04 23:59"


def put_off(desk: Desk, until: Any, shown_as: str) -> Outcome:
    """What becomes of a ticket that is put off until then, in a cell of that format; it may be that this is refused."""
    book = openpyxl.load_workbook(file := desk.export("tickets"))
    sheet = book.worksheets[0]
    heads = [cell.value for cell in sheet[1]]
    row = next(row for row in sheet.iter_rows() if str(row[0].value).startswith("o-000006-claim-"))
    edits = {"resolve": "extend", "note": "They are away.", "until": until}
    for name, value in edits.items():
        row[heads.index(name)].value = value
    row[heads.index("until")].number_format = shown_as
    book.save(file)
    (outcome,) = desk.judge(file, "tickets").outcomes
    return outcome


@pytest.mark.parametrize(
    ("until", "shown_as", "expected"),
    [
        (MIDNIGHT, "yyyy-mm-dd hh:mm", STARTS), (MIDNIGHT, "m/d/yy h:mm", STARTS),
        (MIDNIGHT, "DD.MM.YYYY HH:MM", STARTS), (MIDNIGHT, "[$-407]d/m/yy h:mm AM/PM;@", STARTS),
        ("2026-12-04 00:00", "@", STARTS),
        (MIDNIGHT, "yyyy-mm-dd", ENDS), (MIDNIGHT, "mm-dd-yy", ENDS), (MIDNIGHT, '[$-h409]d"th" \\h mmm', ENDS),
        (date(2026, 12, 4), "d/m/yyyy", ENDS), ("2026-12-04", "@", ENDS), ("4.12.2026", "General", ENDS),
        (MIDNIGHT.replace(minute=1), "yyyy-mm-dd", "2026-12-04 00:01"),
    ],
)  # fmt: skip
def test_a_time_counts_as_its_cell_shows_it_and_is_told_in_full(
    desk: Desk, until: Any, shown_as: str, expected: str
) -> None:
    outcome = put_off(desk, until, shown_as)
    assert outcome.why.startswith(f"resolve: extend until {expected}"), outcome
