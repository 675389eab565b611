"""Cases at every status on record, and sheets of them as people edit them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import event, text

from activities.store.database import connect
from activities.store.vault import Vault
from domain.state import Actor
from starter.answers import specialist
from starter.records import Records
from starter.sheets.export import SHEETS, Exporter
from starter.sheets.judge import Judged, Outcome, judge
from starter.sheets.read import Table
from tests.conftest import Database
from tests.domain.claims_world import AT
from tests.sheets.seed import lay_down

ANNA = specialist("anna")
MASTER_KEY = base64.b64encode(bytes(range(32))).decode()
SAFE = Vault(MASTER_KEY)
COUNT = 2 * len(AT)
Edits = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Desk:
    """A specialist with a folder, before cases on record."""

    records: Records
    database: Database
    folder: Path

    def export(self, name: str = "claims", suffix: str = ".xlsx", who: Actor = ANNA, **which: Any) -> Path:
        """A fresh sheet."""
        file = self.folder / f"{name}{suffix}"
        Exporter(self.records, who).write(name, file, **which)
        return file

    def judge(self, file: Path, name: str = "claims", who: Actor = ANNA, marketplace: str = "") -> Judged:
        """What importing it would do."""
        return judge(self.records, SHEETS[name], Table(file, SHEETS[name]), who, marketplace, lambda: None)

    def told(self, file: Path, name: str = "claims", **how: Any) -> dict[str, Outcome]:
        """What importing would do with each row that is worth telling of, by its number."""
        return {outcome.number: outcome for outcome in self.judge(file, name, **how).outcomes}


def edit(file: Path, edits: Edits) -> Path:
    """Change cells as a person does, in a program that is not ours, and save. Rows by case or ticket."""
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    heads = {cell.value: at for at, cell in enumerate(sheet[1], 1)}
    left = dict(edits)
    for number, row in enumerate(sheet.iter_rows(min_row=2), 2):
        for name, value in left.pop(str(row[0].value), {}).items():
            sheet.cell(number, heads[name]).value = value
    assert not left, f"not in the sheet: {left}"
    book.save(file)
    return file


def run(desk: Desk, *statements: str) -> None:
    """Change what is on record, as the owner of the database."""
    owner = connect(desk.database.owner_url)
    with owner.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))
    owner.dispose()


@pytest.fixture(scope="package")
def laid(make_database: Callable[[], Database]) -> Database:
    """Two cases at each status; tests change nothing of them."""
    database = make_database()
    lay_down(database.owner_url, SAFE, COUNT)
    return database


def desk_of(database: Database, folder: Path) -> Iterator[Desk]:
    engine = connect(database.url)
    yield Desk(Records(engine, SAFE), database, folder)
    engine.dispose()


@pytest.fixture
def desk(laid: Database, tmp_path: Path) -> Iterator[Desk]:
    yield from desk_of(laid, tmp_path)


@pytest.fixture
def own_desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """A desk whose cases a test may change."""
    lay_down(database.owner_url, SAFE, COUNT)
    yield from desk_of(database, tmp_path)


@pytest.fixture
def asked(desk: Desk) -> Iterator[list[str]]:
    """The statements that are sent."""
    found: list[str] = []

    def note(_conn: object, _cursor: object, sql: str, *_: object) -> None:
        found.append(sql)

    event.listen(desk.records.engine, "before_cursor_execute", note)
    yield found
    event.remove(desk.records.engine, "before_cursor_execute", note)
