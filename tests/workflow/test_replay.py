"""Histories of whole lives replay on the code as it is now: what runs in production goes on after a deploy (W5)."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

import workflows.loop
from domain.process import STEPS
from tests.histories.record import SHORT_HISTORY, marks, steps
from workflows.front import FrontDoor
from workflows.loop import OrderWorkflow

HISTORIES = sorted((Path(__file__).parent.parent / "histories").glob("*.json"))

TEACHING = """
The history {name} does not replay any more: orders that run in production would jam at the next deploy.
Either the change was not meant: the loop, an activity's name, a timer or an upsert moved; put it back. Or it was: guard
it with workflow.patched(...) so that running orders keep the old way, or pin them to their process version. Only before
the first production deploy may the histories be recorded anew: python -m tests.histories.record
"""

NOT_RECORDED: dict[str, str] = {}
"""Steps of the table that no recorded history takes, each with the reason."""


def read(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(f"order-{path.stem}", path.read_text())


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_life_replays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = read(path)
    if history.events[-1].HasField("workflow_execution_continued_as_new_event_attributes"):
        monkeypatch.setattr(workflows.loop, "LONG_HISTORY", SHORT_HISTORY)
    failure = await replayed(history)
    if failure is not None:
        pytest.fail(f"{TEACHING.format(name=path.name)}\n{failure}")


@pytest.mark.parametrize("moved", ["perform", "admit"])
async def test_a_history_that_other_code_wrote_does_not_replay(moved: str) -> None:
    text = HISTORIES[0].read_text().replace(f'"{moved}"', '"another"')
    assert await replayed(WorkflowHistory.from_json("order-x", text)) is not None


async def replayed(history: WorkflowHistory) -> Exception | None:
    """What is wrong with a history on the code as it is now."""
    # Outside the sandbox, so that a test can shorten the longest history; what is replayed is the same code.
    runner = UnsandboxedWorkflowRunner()
    replayer = Replayer(workflows=[OrderWorkflow], interceptors=[FrontDoor()], workflow_runner=runner)
    return (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure


def test_the_recorded_lives_take_every_step_that_an_order_can_take() -> None:
    taken = steps(set().union(*(marks(read(path)) for path in HISTORIES)))
    assert {step.name for step in STEPS} - taken == set(NOT_RECORDED)


def test_the_recorded_lives_go_past_every_branch_of_the_loop() -> None:
    gone_past = set().union(*(marks(read(path)) for path in HISTORIES))
    assert gone_past >= {
        "refused not_your_order",  # a signal that is refused
        "refused bad_signature",  # a command of the desk that its activity refuses
        "refused message_unknown",  # a message whose text nobody has stored
        "refused invalid",  # one that cannot be read
        "step spare_after_outage by clock",
        "step confirm by signal",
        "step confirm by update",
        "workflow_execution_continued_as_new",
        "workflow_execution_failed",
        "activity_task_failed",
        "timer_canceled",
    }
