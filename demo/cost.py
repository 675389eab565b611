"""What one happy order costs the engine: ``python -m demo.cost`` prints it as one JSON object.

The order is started and authorised, confirmed, shipped and captured, delivered, received and released, and its claim
window closes. Everything is counted from its history, Actions by the rules that Temporal Cloud bills by.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent

from demo.life import Life, WentWrong
from demo.post import relay
from demo.processes import StackError, sigterm_as_interrupt
from demo.world import World, connections, world
from domain.contract import workflow_id

ORDER = "cost-1"

ACTIONS = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
        EventType.EVENT_TYPE_MARKER_RECORDED,
    }
)
"""Each event of these kinds is one Action; search attributes given at the start belong to the start."""

OF_VIRTUAL_TIME = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
    }
)
"""Left by days that pass in seconds; an order that lives in real time has none of them."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One order's share of the engine. `history_bytes` is the history as the server hands it out."""

    actions: int
    events: int
    workflow_tasks: int
    history_bytes: int


def cost(events: Iterable[HistoryEvent]) -> Cost:
    """Count a history. An activity that was tried again, which a history does not show, costs an Action more."""
    history = History(events=(event for event in events if event.event_type not in OF_VIRTUAL_TIME))
    kinds = Counter(event.event_type for event in history.events)
    return Cost(
        actions=sum(kinds[kind] for kind in ACTIONS),
        events=len(history.events),
        workflow_tasks=kinds[EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED],
        history_bytes=history.ByteSize(),
    )


async def measure(around: World) -> Cost:
    """Live the happy life in a running world, and count it."""
    async with connections(around) as held:
        life = Life(ORDER, around, held, relay(around, held.engine, held.vault), lambda *_: None)
        await life.place(await life.checkout())
        await life.do("the seller confirms", life.client.confirm(ORDER, life.seller))
        await life.ship()
        await life.carried("delivered")
        await life.do("the buyer is content", life.client.receive(ORDER, life.buyer))
        await life.until("close")
        history = await held.temporal.get_workflow_handle(workflow_id(ORDER)).fetch_history()
        return cost(history.events)


def main() -> int:
    """The exit code: 0 when the cost was printed."""
    try:
        with sigterm_as_interrupt(), tempfile.TemporaryDirectory() as directory, world(Path(directory)) as around:
            measured = asyncio.run(measure(around))
    except (StackError, WentWrong) as error:
        print(f"The cost could not be measured: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(json.dumps(asdict(measured)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
