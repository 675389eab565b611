"""A chart shows what its table says: the values of the chart, and the bars as they stand in the file."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from activities.store.desk.flow import Day, Reason, Resolution, StepTime
from starter.reports.flow import Report, charts, write

REPORT = Report(
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 12, 1, tzinfo=UTC),
    "",
    (StepTime("placed", "confirm", 7, 90, 600), StepTime("in_transit", "parcel_scan", 5, 2880, 4320)),
    (Day("2026-11-01", 3, 1), Day("2026-11-02", 0, 4), Day("2026-11-03", 5, 2)),
    (Reason("not_received", 9, 6, 2), Reason("damaged", 4, 3, 1)),
    (Resolution("", 9, 1440, 7200), Resolution("damaged", 3, 720, 2160)),
)
SHOWN = {
    "step_times": ("hours", {"median": ("median", 60), "90 % within": ("slow", 60)}),
    "tickets_per_day": ("tickets", {"opened": ("opened", 1), "resolved": ("resolved", 1)}),
    "claims_by_reason": ("claims", {"made": ("claims", 1), "ended": ("ended", 1)}),
    "time_to_resolution": ("hours", {"median": ("median", 60), "90 % within": ("slow", 60)}),
}
"""For each chart its unit, and for each series the column of the table with how much of it is one unit."""

LABELS = {
    "step_times": ["placed: confirm", "in transit: parcel scan"],
    "tickets_per_day": ["2026-11-01", "2026-11-02", "2026-11-03"],
    "claims_by_reason": ["not received", "damaged"],
    "time_to_resolution": ["all", "damaged"],
}
SVG = "{http://www.w3.org/2000/svg}"


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def bars(file: Path, *, lying: bool) -> list[tuple[str, float]]:
    """Colour and length of each bar of a chart, in the order of the file."""
    found = []
    for path in ET.parse(file).iter(f"{SVG}path"):  # noqa: S314  # Our own.
        if "clip-path" in path.attrib and (colour := re.search(r"fill: (#\w+)", path.get("style", ""))):
            numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", path.get("d", ""))]
            along = numbers[0::2] if lying else numbers[1::2]
            found.append((colour[1], max(along) - min(along)))
    return found


def words(file: Path) -> list[str]:
    return [str(text.text) for text in ET.parse(file).iter(f"{SVG}text")]  # noqa: S314  # Our own.


@pytest.mark.parametrize("name", SHOWN)
def test_a_charts_values_are_those_of_its_table_in_the_unit_that_it_names(name: str, tmp_path: Path) -> None:
    write(REPORT, tmp_path)
    chart, (unit, series) = dict(charts(REPORT))[name], SHOWN[name]
    assert (chart.unit, list(chart.labels)) == (unit, LABELS[name])
    expected = [
        (title, [int(row[column]) / per for row in table(tmp_path, name)]) for title, (column, per) in series.items()
    ]
    assert [(title, list(values)) for title, values in chart.series] == expected


@pytest.mark.parametrize("name", SHOWN)
def test_the_bars_in_a_charts_file_are_as_long_as_its_table_says(name: str, tmp_path: Path) -> None:
    write(REPORT, tmp_path)
    file, rows = tmp_path / f"{name}.svg", table(tmp_path, name)
    values = [int(row[column]) for column, _ in SHOWN[name][1].values() for row in rows]
    drawn = bars(file, lying=name == "step_times")
    longest = max(length for _, length in drawn)
    assert [length / longest for _, length in drawn] == pytest.approx([v / max(values) for v in values], abs=1e-3)
    colours = [colour for colour, _ in drawn]
    assert (len(set(colours[: len(rows)])), len(set(colours))) == (1, 2), "each series has a colour of its own"
    told = words(file)
    assert within(LABELS[name], told)
    assert within(list(SHOWN[name][1]), told), "the legend has the series in the order of their bars"
    assert SHOWN[name][0] in told


def within(some: Sequence[str], many: Sequence[str]) -> bool:
    """Whether `some` stand in `many`, in this order."""
    left = iter(many)
    return all(word in left for word in some)
