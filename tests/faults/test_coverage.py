from __future__ import annotations

import pytest

from faults import coverage
from faults.cases import Case, Moment, case_of
from faults.conduct import Played
from faults.matrix import cells, faults, sample
from faults.news_faults import news_faults
from faults.oracles import Finding, Harm
from faults.stages import Stage


def test_every_fault_strikes_at_every_stage_or_says_why_not() -> None:
    for fault in faults().values():
        for stage in Stage:
            assert fault.moments(stage) or fault.why_not(stage), (fault.name, stage)


def test_wherever_news_can_come_it_comes_in_every_bad_manner_as_well() -> None:
    news = news_faults()
    manners = [fault for fault in news if fault.manner]
    assert len(manners) == 5
    for stage in Stage:
        if any(fault.moments(stage) for fault in news if not fault.manner):
            assert all(fault.moments(stage) for fault in manners), stage


def test_the_page_has_the_table_of_the_harness(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert coverage.table() in page, "put what `python -m faults --table` prints into docs/reliability.md"


def test_a_table_of_a_run_tells_how_many_of_each_cell_went_well() -> None:
    good, bad = (
        Played(Case("worker_killed", Stage.RELEASING, moment, 1), 1, findings, "", 0.0)
        for moment, findings in ((Moment.BEFORE_EFFECT, ()), (Moment.AFTER_EFFECT, (Finding(Harm.LOST, "gone"),)))
    )
    row = next(line for line in coverage.table([good, bad]).splitlines() if "`worker_killed`" in line)
    assert [cell.strip() for cell in row.split("|")][2 + list(Stage).index(Stage.RELEASING)] == "1/2"


def test_a_case_is_named_as_the_command_line_takes_it_and_the_same_for_the_same_seed() -> None:
    for case in cells(7):
        assert case_of(case.name, 7) == case
    assert [case.name for case in sample(7)] == [case.name for case in sample(7)]
    assert {case.fault for case in sample(7)} == set(faults())


def test_no_two_orders_of_a_run_have_the_same_id() -> None:
    ids = [case.order_id for case in cells(7)]
    assert len(ids) == len(set(ids))
