from __future__ import annotations

import json
import subprocess
import sys

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from demo.cost import Cost, cost

ACTIONS = 18
"""Start, 6 activities, 3 updates, 1 signal, 5 upserts, 2 timers. One more must be worth it to every order."""


def test_the_happy_life_costs_what_it_did(pytestconfig: pytest.Config) -> None:
    command = [sys.executable, "-m", "demo.cost"]
    done = subprocess.run(command, cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert set(measured) == {"actions", "events", "workflow_tasks", "history_bytes"}
    assert measured["actions"] == ACTIONS
    # How messages and tasks meet differs a little from run to run, and with the load of the machine.
    assert 70 <= measured["events"] <= 82
    assert 11 <= measured["workflow_tasks"] <= 16
    assert 20_000 <= measured["history_bytes"] <= 60_000


def test_actions_are_counted_as_they_are_billed() -> None:
    kinds = [
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_TIMER_FIRED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    ]
    counted = cost(HistoryEvent(event_id=number, event_type=kind) for number, kind in enumerate(kinds, 1))
    assert counted == Cost(actions=6, events=14, workflow_tasks=1, history_bytes=counted.history_bytes)
    assert counted.history_bytes > 0
