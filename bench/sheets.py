"""Sheets of so many cases: written and judged, beside the libraries alone writing and reading the same cells, by turns.

Ours reads PostgreSQL, opens names and texts, writes the sheet; then looks through the file, reads it and judges every
row against the record, as ``aftersale claims import --preview`` does. Bare is XlsxWriter with the cells in a list, and
python-calamine reading them into one; openpyxl reads the same file as well, being what most programs use.
"""

from __future__ import annotations

import base64
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter
from python_calamine import load_workbook

from activities.store.database import connect
from activities.store.vault import Vault
from bench.figures import Json, compared, medians, say
from bench.machine import memory, peak_memory
from demo.postgres import postgres
from starter.answers import specialist
from starter.records import Records
from starter.sheets.export import Exporter
from starter.sheets.judge import judge
from starter.sheets.read import Table
from starter.sheets.rows import CLAIMS
from tests.sheets.seed import lay_down

DATABASE = "sheets"
OURS, BARE, OPENPYXL = "ours", "bare", "openpyxl"
BY = specialist("anna")
MIB = 2**20


def measure(rounds: int, cases: int) -> Json:
    """Seconds and CPU of this process for each way, round by round; and one sheet in which every row is edited."""
    safe = Vault(base64.b64encode(bytes(range(32))).decode())
    with tempfile.TemporaryDirectory(prefix="bench-") as name, postgres(Path(name) / "postgres") as server:
        server.create_database(DATABASE)
        server.migrate(DATABASE)
        lay_down(server.owner_url(DATABASE), safe, cases)
        engine = connect(server.application_url(DATABASE))
        try:
            return _measured(Records(engine, safe), Path(name), rounds, cases)
        finally:
            engine.dispose()


def _measured(records: Records, folder: Path, rounds: int, cases: int) -> Json:
    ours, bare = folder / "ours.xlsx", folder / "bare.xlsx"
    before = memory()
    _write(records, ours)
    _judge(records, ours)
    grown = round((peak_memory() - before) / MIB, 1)
    cells = load_workbook(str(ours)).get_sheet_by_index(0).to_python()
    found = []
    for number in range(rounds):
        ways: Sequence[tuple[str, str, Callable[[], object]]] = (
            (OURS, "export", lambda: _write(records, ours)),
            (BARE, "export", lambda: _write_bare(bare, cells)),
            (OURS, "import", lambda: _judge(records, ours)),
            (BARE, "import", lambda: load_workbook(str(ours)).get_sheet_by_index(0).to_python()),
            (OPENPYXL, "import", lambda: _read_openpyxl(ours)),
        )
        figures: Json = {OURS: {}, BARE: {}, OPENPYXL: {}}
        for side, what, way in ways if number % 2 == 0 else ways[::-1]:
            figures[side] |= _timed(what, way)
        found.append(figures)
        say(f"sheets of {cases} cases, round {number + 1} of {rounds}: {figures}")
    names = {f"{what}_{kind}": False for what in ("export", "import") for kind in ("seconds", "cpu_seconds")}
    reading = {name: more for name, more in names.items() if name.startswith("import")}
    ratio = compared(found, OURS, BARE, names)
    ratio |= {f"{name}_openpyxl": value for name, value in compared(found, OURS, OPENPYXL, reading).items()}
    return {
        "cases": cases,
        "cells": sum(map(len, cells)),
        "memory_growth_mib": grown,
        "rounds": found,
        "median": {side: medians([each[side] for each in found]) for side in (OURS, BARE, OPENPYXL)},
        "ratio": ratio,
        "edited": _edited(records, folder / "edited.xlsx", cells),
    }


def _timed(what: str, way: Callable[[], object]) -> Json:
    began, worked = time.perf_counter(), time.process_time()
    way()
    seconds, spent = time.perf_counter() - began, time.process_time() - worked
    return {f"{what}_seconds": round(seconds, 3), f"{what}_cpu_seconds": round(spent, 3)}


def _write(records: Records, file: Path) -> None:
    Exporter(records, BY).write(CLAIMS.name, file)


def _judge(records: Records, file: Path) -> dict[str, int]:
    return dict(judge(records, CLAIMS, Table(file, CLAIMS), BY, "", lambda: None).counts)


def _write_bare(file: Path, cells: Sequence[Sequence[Any]]) -> None:
    """The same cells as the library writes them with the least ado."""
    with xlsxwriter.Workbook(str(file), {"constant_memory": True}) as book:
        sheet, when = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for row, values in enumerate(cells):
            for column, value in enumerate(values):
                if isinstance(value, date):
                    sheet.write_datetime(row, column, value, when)
                elif isinstance(value, float | int):
                    sheet.write_number(row, column, value)
                elif value:
                    sheet.write_string(row, column, value)


def _read_openpyxl(file: Path) -> int:
    book = openpyxl.load_workbook(file, read_only=True)
    return sum(len(row) for row in book.worksheets[0].iter_rows(values_only=True))


def _edited(records: Records, file: Path, cells: Sequence[Sequence[Any]]) -> Json:
    """Every row asks for a person and a note: each order is read and asked what it would say."""
    head = [str(name) for name in cells[0]]
    assignee, note = head.index("assignee"), head.index("note")
    changed = [head]
    for row in cells[1:]:
        values = list(row)
        values[assignee], values[note] = "ben", "Seen today."
        changed.append(values)
    _write_bare(file, changed)
    counts: dict[str, int] = {}
    taken = _timed("preview", lambda: counts.update(_judge(records, file)))
    return {"rows": len(cells) - 1, "counts": counts, **taken}
