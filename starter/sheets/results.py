"""What became of a sheet: the same rows with a result beside them, and a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType

from starter.render import table, text
from starter.sheets.cells import Raw
from starter.sheets.judge import GOOD, Judged, Outcome, State
from starter.sheets.read import Table
from starter.sheets.rows import KEY_COLUMN, Column, Sheet
from starter.sheets.write import write

SHOWN = 40
"""Rows that the terminal shows; the file has them all."""

ADDED = (Column("result", str, 18), Column("explanation", str, 60))


def result_file(file: Path) -> Path:
    """Where the result of a sheet is written: beside it."""
    return file.with_name(f"{file.stem}.result{file.suffix}")


def write_results(sheet: Sheet, source: Table, judged: Judged, file: Path) -> None:
    """Write the sheet's own rows again, each with its result. Raises Invalid when the file cannot be written."""
    known = {column.name: column for column in (*sheet.columns, KEY_COLUMN)}
    kept = [at for at, head in enumerate(source.heads) if head not in {column.name for column in ADDED}]
    columns = [known.get(source.heads[at].casefold(), Column(source.heads[at], str)) for at in kept]
    found = {outcome.row: outcome for outcome in judged.outcomes}
    write(file, sheet.name, (*columns, *ADDED), _rows(source, kept, found))


def _rows(source: Table, kept: Sequence[int], found: dict[int, Outcome]) -> Iterator[list[Raw]]:
    for number, cells in source.plain():
        outcome = found.get(number)
        state, why = (outcome.state, outcome.why) if outcome else (State.UNCHANGED, "")
        yield [*(cells[at] if at < len(cells) else None for at in kept), state.value, why]


def told(judged: Judged, remarks: Iterable[str], *, preview: bool) -> RenderableType:
    """The rows that ask for something, those in trouble first, and how many there are of each kind."""
    ordered = sorted(judged.outcomes, key=lambda outcome: (outcome.state in GOOD, outcome.row))
    parts: list[RenderableType] = [text(remark, "bold") for remark in remarks]
    if ordered:
        parts.append(
            table(
                ("row", "case", "result", "what"),
                ((str(o.row), o.number, o.state.value, o.why) for o in ordered[:SHOWN]),
            )
        )
    if len(ordered) > SHOWN:
        parts.append(text(f"... and {len(ordered) - SHOWN} rows more."))
    counted = ", ".join(f"{count} {state}" for state, count in judged.counts.items()) or "no rows"
    parts.append(text(f"{counted}." + (" Nothing was changed." if preview else ""), "bold"))
    return Group(*parts)
