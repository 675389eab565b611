"""What is wrong between an order's row and its workflow, over all combinations (W2, W4, W10)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.comparing.reconcile import FindingKind
from domain.comparing.sweep import FAILING, STOPPED_BY_HAND, UNJUDGED, Row, Rule, Run, RunState, is_early, judge, mends

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE = Rule()
LONG_AGO, JUST_NOW = NOW - timedelta(days=1), NOW - timedelta(minutes=1)
AHEAD = NOW + timedelta(days=1)
STOPPED = [state for state in RunState if state is not RunState.RUNNING]


def kind(row: Row | None, run: Run) -> FindingKind | None:
    found = judge("o-1", row, run, NOW, RULE)
    return None if found is None else found.kind


def row(status: str, due: datetime | None = AHEAD, claimed: datetime = LONG_AGO) -> Row:
    return Row(status, due, claimed, 3, 1)


def test_an_open_order_that_runs_and_whose_clock_is_ahead_is_well_however_its_run_stands() -> None:
    for busy, failures, since in itertools.product((False, True), (0, FAILING - 1), (LONG_AGO, JUST_NOW)):
        assert kind(row("open"), Run(RunState.RUNNING, since, busy, failures)) is None


@pytest.mark.parametrize("state", STOPPED)
def test_an_open_order_without_a_running_workflow_is_found_once_that_is_no_passing_moment(state: RunState) -> None:
    assert kind(row("open"), Run(state, LONG_AGO)) is FindingKind.ORDER_NOT_RUNNING
    assert kind(row("open"), Run(state, JUST_NOW)) is None, "a restart may be on its way"
    assert kind(row("open"), Run(state, NOW - RULE.grace)) is FindingKind.ORDER_NOT_RUNNING


@pytest.mark.parametrize("state", STOPPED)
def test_only_what_nobody_stopped_on_purpose_is_restarted_unless_the_setting_says_so(state: RunState) -> None:
    run = Run(state, LONG_AGO)
    found = judge("o-1", row("open"), run, NOW, RULE)
    assert found is not None
    assert found.other == state.value
    assert mends(found, run, RULE) is (state not in STOPPED_BY_HAND)
    assert mends(found, run, Rule(restarts_stopped=True))


def test_nothing_but_an_open_order_without_a_run_is_ever_restarted() -> None:
    willing = Rule(restarts_stopped=True)
    statuses = [None, *(row(status, LONG_AGO) for status in ("admitting", "open", "over", "refused"))]
    for each, state, busy in itertools.product(statuses, RunState, (False, True)):
        run = Run(state, LONG_AGO, busy)
        found = judge("o-1", each, run, NOW, willing)
        if found is not None and mends(found, run, willing):
            assert each is not None
            assert (each.status, state is RunState.RUNNING) == ("open", False)


@pytest.mark.parametrize("state", STOPPED)
def test_an_order_that_no_workflow_admits_is_found_when_it_has_waited(state: RunState) -> None:
    assert kind(row("admitting"), Run(state, LONG_AGO)) is FindingKind.ORDER_NOT_ADMITTED
    assert kind(row("admitting"), Run(RunState.GONE)) is FindingKind.ORDER_NOT_ADMITTED
    assert kind(row("admitting", claimed=JUST_NOW), Run(RunState.GONE)) is None, "its start is on its way"
    assert kind(row("admitting"), Run(RunState.RUNNING, LONG_AGO)) is None


def test_an_order_that_is_over_has_no_workflow_that_rests() -> None:
    assert kind(row("over"), Run(RunState.RUNNING, LONG_AGO)) is FindingKind.ENDED_ORDER_RUNS
    assert kind(row("over"), Run(RunState.RUNNING, LONG_AGO, busy=True)) is None, "it is just ending"
    assert [kind(row("over"), Run(state, LONG_AGO)) for state in STOPPED] == [None] * len(STOPPED)


@pytest.mark.parametrize("state", STOPPED)
def test_an_order_that_is_over_is_found_when_one_of_its_runs_kept_something(state: RunState) -> None:
    run = Run(state, LONG_AGO, unjudged=True)
    found = judge("o-1", row("over"), run, NOW, RULE)
    assert found is not None
    went_on = state is RunState.COMPLETED
    assert (found.kind, found.other) == (FindingKind.ORDER_NOT_RUNNING, UNJUDGED if went_on else state.value)
    assert mends(found, run, RULE) is not (went_on or state in STOPPED_BY_HAND)
    assert mends(found, run, Rule(restarts_stopped=True))
    assert kind(row("over"), replace(run, since=JUST_NOW)) is None, "a restart may be on its way"
    assert kind(row("over"), replace(run, unjudged=None)) is None, "nobody knows"


def test_an_order_that_went_on_without_what_an_older_run_kept_is_found_once_it_rests() -> None:
    run = Run(RunState.RUNNING, LONG_AGO, unjudged=True)
    found = judge("o-1", row("open"), run, NOW, RULE)
    assert found is not None
    assert (found.kind, found.other, mends(found, run, RULE)) == (FindingKind.ORDER_NOT_RUNNING, UNJUDGED, False)
    assert kind(row("open"), replace(run, busy=True)) is None


def test_whether_a_run_kept_something_is_told_once_it_rests_or_has_ended_for_a_while() -> None:
    running, over = Run(RunState.RUNNING, JUST_NOW), Run(RunState.TERMINATED, LONG_AGO)
    early = [replace(running, busy=True), replace(over, since=JUST_NOW), replace(over, unjudged=None)]
    assert all(is_early(run, NOW, RULE) for run in early)
    failing = replace(running, busy=True, failures=FAILING)
    assert not any(is_early(run, NOW, RULE) for run in (running, over, failing, Run(RunState.GONE)))


@pytest.mark.parametrize("none", [None, row("refused")])
def test_a_workflow_without_an_order_is_found_once_it_rests(none: Row | None) -> None:
    assert kind(none, Run(RunState.RUNNING, LONG_AGO)) is FindingKind.RUN_WITHOUT_ORDER
    assert kind(none, Run(RunState.RUNNING, JUST_NOW)) is None, "its admission is on its way"
    assert kind(none, Run(RunState.RUNNING, LONG_AGO, busy=True)) is None
    assert [kind(none, Run(state, LONG_AGO)) for state in STOPPED] == [None] * len(STOPPED)


def test_a_clock_that_passed_without_anything_happening_is_an_alarm() -> None:
    late = row("open", NOW - RULE.lateness - timedelta(seconds=1))
    assert kind(late, Run(RunState.RUNNING, LONG_AGO)) is FindingKind.CLOCK_STOPPED
    assert kind(row("open", NOW - RULE.lateness), Run(RunState.RUNNING, LONG_AGO)) is None
    assert kind(late, Run(RunState.RUNNING, LONG_AGO, busy=True)) is None, "its step is being taken"
    assert kind(late, Run(RunState.RUNNING, LONG_AGO, busy=True, failures=FAILING - 1)) is None


@pytest.mark.parametrize("status", [None, "admitting", "open", "over", "refused"])
@pytest.mark.parametrize("due", [AHEAD, LONG_AGO])
def test_a_workflow_whose_task_fails_again_and_again_is_found_whatever_its_row_says(
    status: str | None, due: datetime
) -> None:
    failing = Run(RunState.RUNNING, LONG_AGO, busy=True, failures=FAILING)
    its = None if status is None else row(status, due)
    assert kind(its, failing) is FindingKind.TASK_FAILS
    assert kind(its, replace(failing, since=NOW - RULE.grace)) is FindingKind.TASK_FAILS
    assert kind(its, replace(failing, since=JUST_NOW)) is None, "its worker may be on its way"
    assert kind(its, replace(failing, failures=FAILING - 1)) is None, "an accident"
    more = judge("o-1", its, replace(failing, failures=FAILING + 9), NOW, RULE)
    assert more == judge("o-1", its, failing, NOW, RULE), (
        "what a person has explained is not found anew by each failure"
    )
    assert more is not None
    assert not mends(more, failing, Rule(restarts_stopped=True)), "a new run would meet the same code"
