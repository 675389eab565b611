"""Record histories for the replay test: ``python -m tests.histories.record`` plays all stories and keeps a few lives.

``--add PATH ...`` plays only those stories and keeps what they reach beside the histories that are there.

The fewest lives are kept that together go past every step, every way in, every refusal and every kind of event that the
stories reach. Run it when the process or the loop has changed on purpose before anything runs in production; afterwards
a recorded history is never recorded anew, it is what production may hold.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle, WorkflowHistory

RECORDER = "history-recorder"
"""The name of the plugin that the stories' fixture hands each order to."""

HERE = Path(__file__).parent
STORIES = ("tests/stories", "tests/workflow/test_delivery.py", "tests/workflow/test_malformed.py")

LARGEST = 300_000
"""Characters of JSON."""

SHORT_HISTORY = 25
"""Events after which the order of one story goes on in a new run, so that this is recorded as well."""


def marks(history: WorkflowHistory) -> set[str]:
    """What a history goes past: steps with their source, refusals, and kinds of events."""
    found = set()
    for event in history.events:
        found.add(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower())
        scheduled = event.activity_task_scheduled_event_attributes
        if not event.HasField("activity_task_scheduled_event_attributes"):
            continue
        for payload in scheduled.input.payloads:
            found |= _marks_of(scheduled.activity_type.name, json.loads(payload.data))
    return found


def _marks_of(activity: str, argument: dict[str, Any]) -> set[str]:
    if activity == "perform":
        return {f"step {argument['step']} by {argument['source']}", f"command {argument['name']}"}
    return {f"refused {argument['code']}"} if activity == "note_refusal" else {"step place by start"}


def steps(found: set[str]) -> set[str]:
    """The names of the steps among marks; an approval is recorded as the step that it carries out."""
    return {mark.split(" ")[1] for mark in found if mark.startswith(("step ", "command "))}


@dataclass
class Recorder:
    """A plugin of pytest that the stories' fixture hands each order to."""

    kept: dict[str, WorkflowHistory] = field(default_factory=dict)

    async def keep(self, story: str, client: Client, handle: WorkflowHandle[Any, Any]) -> None:
        """Keep every run of the order that is not too large to be kept."""
        name = re.sub(r"\W+", "_", story).strip("_").removeprefix("test_")
        run_id: str | None = None
        while run_id != "":
            history = await client.get_workflow_handle(handle.id, run_id=run_id).fetch_history()
            if len(history.to_json()) < LARGEST:
                number = sum(known.startswith(f"{name}-") for known in self.kept)
                self.kept[f"{name}-{number + 1}"] = history
            run_id = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id

    def fewest(self) -> dict[str, WorkflowHistory]:
        """A small choice that reaches all that the whole reaches: at each turn what adds most for its size."""
        reach = {name: marks(history) for name, history in self.kept.items()}
        open_marks = set().union(*reach.values())
        size = {name: len(history.to_json()) for name, history in self.kept.items()}
        chosen: dict[str, WorkflowHistory] = {}
        while open_marks:
            name = max(reach, key=lambda each: (len(reach[each] & open_marks) / (40_000 + size[each]), each))
            chosen[name] = self.kept[name]
            open_marks -= reach[name]
        return chosen


_OF_THIS_MACHINE = ("stackTrace", "identity")
"""Fields of an event that tell where it was recorded; replaying looks at neither."""


_WORKER = re.compile(r"^[0-9]+@[^-]+")
"""How a worker names itself, and the queue of its own: process id and host."""


def _anywhere(value: Any) -> Any:
    """A history without the paths and names of the machine that recorded it."""
    if isinstance(value, dict):
        return {name: _anywhere(item) for name, item in value.items() if name not in _OF_THIS_MACHINE}
    if isinstance(value, list):
        return [_anywhere(item) for item in value]
    return _WORKER.sub("worker", value) if isinstance(value, str) else value


def main() -> int:
    """Exit code 0 when all stories passed and their histories were written."""
    recorder = Recorder()

    class Plugin:
        def pytest_configure(self, config: pytest.Config) -> None:
            config.pluginmanager.register(recorder, RECORDER)

    more = sys.argv[2:] if sys.argv[1:2] == ["--add"] else []
    outcome = pytest.main(["-q", *(more or [*STORIES, *sys.argv[1:]])], plugins=[Plugin()])
    if outcome != 0:
        return int(outcome)
    for former in [] if more else HERE.glob("*.json"):
        former.unlink()
    for name, history in recorder.fewest().items():
        (HERE / f"{name}.json").write_text(json.dumps(_anywhere(json.loads(history.to_json())), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
