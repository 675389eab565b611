"""The report of a period: four tables, each with its chart, for the terminal and for files. PostgreSQL only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path

from activities.store.desk import flow
from activities.store.desk.flow import Day, Reason, Resolution, StepTime
from domain.errors import Invalid
from starter.answers import plain
from starter.entrance import check_marketplace
from starter.records import Records
from starter.reports.charts import Chart, svg

_HOUR = 60

MOST_DAYS = 731
"""Two years: each day is a line of a table and a place in a chart, and more than that nobody reads."""


@dataclass(frozen=True, slots=True)
class Report:
    """What happened in [since, until). Durations are in minutes."""

    since: datetime
    until: datetime
    marketplace: str
    step_times: tuple[StepTime, ...]
    tickets_per_day: tuple[Day, ...]
    claims_by_reason: tuple[Reason, ...]
    time_to_resolution: tuple[Resolution, ...]


def report(records: Records, since: datetime, until: datetime, marketplace: str = "") -> Report:
    """The report of a period, of one marketplace or of all, in four queries.

    Raises Invalid for a period that is longer than `MOST_DAYS`, and for an unknown marketplace, with one query more.
    """
    if until - since > timedelta(days=MOST_DAYS):
        raise Invalid("--from", f"is more than {MOST_DAYS} days before --to; ask for one year after the other")
    with records.begin() as conn:
        check_marketplace(conn, marketplace)
        return Report(
            since,
            until,
            marketplace,
            flow.step_times(conn, since, until, marketplace),
            flow.ticket_days(conn, since, until, marketplace),
            flow.claim_reasons(conn, since, until, marketplace),
            flow.resolutions(conn, since, until, marketplace),
        )


def write(found: Report, folder: Path) -> tuple[Path, ...]:
    """Each table as CSV and as a chart, in `folder`, which is made; the same report gives the same bytes.

    Raises Invalid for a folder that cannot be written to, and where the charts cannot be drawn.
    """
    files = dict(_files(found))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise Invalid("--out", f"{folder} cannot be written to: {error.strerror}") from None
    return tuple(folder / name for name in files)


def _files(found: Report) -> Iterator[tuple[str, bytes]]:
    drawn = dict(charts(found))
    for field in fields(Report)[3:]:
        rows = getattr(found, field.name)
        kind = {"step_times": StepTime, "tickets_per_day": Day, "claims_by_reason": Reason}.get(field.name, Resolution)
        yield f"{field.name}.csv", _csv([name.name for name in fields(kind)], rows)
        yield f"{field.name}.svg", svg(drawn[field.name])


def _csv(heads: Sequence[str], rows: Iterable[object]) -> bytes:
    """Codes, days and numbers alone: nothing in it was written by a person, so nothing can be a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows([plain(getattr(row, head)) for head in heads] for row in rows)
    return out.getvalue().encode()


def charts(found: Report) -> Iterator[tuple[str, Chart]]:
    """The chart of each table by the table's name, before it is drawn; durations in hours."""
    times, days = found.step_times, found.tickets_per_day
    yield (
        "step_times",
        Chart(
            "How long orders stood at a stage, by the step that led them on",
            "hours",
            [f"{time.stage}: {time.step}".replace("_", " ") for time in times],
            [("median", _hours(t.median for t in times)), ("90 % within", _hours(t.slow for t in times))],
            lying=True,
        ),
    )
    yield (
        "tickets_per_day",
        Chart(
            "Tickets per day",
            "tickets",
            [day.day for day in days],
            [("opened", [day.opened for day in days]), ("resolved", [day.resolved for day in days])],
        ),
    )
    reasons, ends = found.claims_by_reason, found.time_to_resolution
    yield (
        "claims_by_reason",
        Chart(
            "Claims by reason",
            "claims",
            [reason.reason.replace("_", " ") for reason in reasons],
            [("made", [reason.claims for reason in reasons]), ("ended", [reason.ended for reason in reasons])],
        ),
    )
    yield (
        "time_to_resolution",
        Chart(
            "From a claim to its end",
            "hours",
            [end.reason.replace("_", " ") or "all" for end in ends],
            [("median", _hours(end.median for end in ends)), ("90 % within", _hours(end.slow for end in ends))],
        ),
    )


def _hours(minutes: Iterable[int]) -> list[float]:
    return [count / _HOUR for count in minutes]
