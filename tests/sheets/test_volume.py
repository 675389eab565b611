"""Twenty thousand cases: few statements, bounded memory, seconds of work."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from starter.sheets.judge import State
from starter.sheets.results import SHOWN, told
from tests.conftest import Database
from tests.sheets.conftest import SAFE, Desk, desk_of
from tests.sheets.seed import lay_down

MANY = 20_000
WRONG = 10_000
MIB = 2**20
CPU_SECONDS = 40
"""Several times what it takes, for machines that are slower than ours."""


@pytest.fixture(scope="module")
def crowd(make_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    database = make_database()
    lay_down(database.owner_url, SAFE, MANY)
    yield from desk_of(database, tmp_path_factory.mktemp("many"))


def worked(work: Callable[[], object]) -> float:
    """Seconds of CPU."""
    began = time.process_time()
    work()
    return time.process_time() - began


def test_many_cases_go_out_and_come_back_in_seconds_and_in_six_statements(crowd: Desk) -> None:
    asked: list[str] = []
    event.listen(crowd.records.engine, "before_cursor_execute", lambda _c, _cursor, sql, *_: asked.append(sql))
    file = crowd.folder / "claims.xlsx"
    assert worked(crowd.export) < CPU_SECONDS
    counts: dict[str, int] = {}
    assert worked(lambda: counts.update(crowd.judge(file).counts)) < CPU_SECONDS
    assert counts == {"unchanged": MANY}
    assert len(asked) == 3 + 3


def test_writing_them_takes_no_more_memory_than_a_batch(crowd: Desk) -> None:
    peaks = []
    some: tuple[dict[str, Any], ...] = ({"owner": "nobody"}, {})
    for which in some:
        tracemalloc.start()
        crowd.export(suffix=".csv", **which)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 40 * MIB


def test_ten_thousand_wrong_rows_are_each_told_and_shown_in_short(crowd: Desk) -> None:
    lines = crowd.export(suffix=".csv").read_text(encoding="utf-8-sig").split("\r\n")
    edited = [line.replace(",,,,,UTC", ",burn it,,,why,UTC") for line in lines[: WRONG * 3]]
    file: Path = crowd.folder / "wrong.csv"
    file.write_text("\r\n".join(edited), encoding="utf-8")
    judged = None

    def run() -> None:
        nonlocal judged
        judged = crowd.judge(file)

    assert worked(run) < CPU_SECONDS
    assert judged is not None
    wrong = [outcome for outcome in judged.outcomes if outcome.state is State.INVALID]
    assert len(wrong) == judged.counts["invalid"] > WRONG / 2
    assert {outcome.why.partition(":")[0] for outcome in wrong} == {"decision"}
    parts = told(judged, (), preview=True)
    assert len(str(vars(parts))) < SHOWN * 1_000
