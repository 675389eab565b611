"""Rows against workflows: what is wrong with an order of which one has to do with the other (W2, W4, W10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.comparing.reconcile import Finding, FindingKind

HALF_RESTARTED = "its restart is not complete"
"""What the finding of an order says from when the sweep restarts it until everything is handed to its new run."""


UNJUDGED = "not all that came to it is judged"
"""What the finding of an order says that went on, though a run of it that ended before had kept something."""


class RunState(StrEnum):
    """How the latest workflow of an order stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    TERMINATED = "terminated"
    CANCELLED = "cancelled"
    GONE = "gone"  # Temporal knows of none


STOPPED_BY_HAND = frozenset({RunState.TERMINATED, RunState.CANCELLED})
"""Somebody pressed a button, perhaps on purpose: docs/decisions/0010."""

FAILING = 3
"""So many failures in a row of a workflow's task are no accident any more."""


@dataclass(frozen=True, slots=True)
class Row:
    """What PostgreSQL tells of an order. `due_at` is its next clock, `claimed_at` when its id was taken.

    `half_restarted`: the sweep began to restart it, and perhaps what an older run kept is not handed over.
    """

    status: str
    due_at: datetime | None
    claimed_at: datetime
    seq: int
    epoch: int
    half_restarted: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """What Temporal tells of the order's latest workflow.

    `since` is when it started, or ended if it has. `busy`: a task or an activity is under way; `failures` of that task
    in a row. `unjudged`: a run of the order kept what is not on record; None when Temporal could not tell.
    """

    state: RunState
    since: datetime | None = None
    busy: bool = False
    failures: int = 0
    unjudged: bool | None = False


@dataclass(frozen=True, slots=True)
class Rule:
    """When the sweep takes something for wrong, and what it mends by itself.

    `grace`: younger things may be on their way. `lateness`: how long a clock may have passed. `restarts_stopped`: also
    an order that somebody terminated or cancelled in the UI is restarted. `again`: an order that needs a second restart
    within this time needs a person.
    """

    grace: timedelta = timedelta(minutes=10)
    lateness: timedelta = timedelta(hours=1)
    restarts_stopped: bool = False
    again: timedelta = timedelta(days=1)


def judge(order_id: str, row: Row | None, run: Run, now: datetime, rule: Rule) -> Finding | None:
    """What is wrong between the order's row, None for none, and its workflow; None when nothing is, or not yet."""
    settled = run.since is None or run.since <= now - rule.grace
    running = run.state is RunState.RUNNING
    if row is not None and row.half_restarted and (rule.restarts_stopped or run.state not in STOPPED_BY_HAND):
        return Finding(FindingKind.ORDER_NOT_RUNNING, order_id, order_id, other=HALF_RESTARTED)
    if running and settled and run.failures >= FAILING:
        return Finding(FindingKind.TASK_FAILS, order_id, order_id, other=_state(run))
    at_rest = running and not run.busy
    match row.status if row else "":
        case "open" if running:
            overdue = row is not None and row.due_at is not None and row.due_at < now - rule.lateness
            kind = FindingKind.ORDER_NOT_RUNNING if at_rest and run.unjudged else None
            kind = FindingKind.CLOCK_STOPPED if overdue and at_rest else kind
        case "open":
            kind = FindingKind.ORDER_NOT_RUNNING if settled else None
        case "admitting":
            waited = row is not None and row.claimed_at <= now - rule.grace
            kind = FindingKind.ORDER_NOT_ADMITTED if waited and settled and not running else None
        case "over" if running:
            kind = FindingKind.ENDED_ORDER_RUNS if at_rest else None
        case "over":
            kind = FindingKind.ORDER_NOT_RUNNING if settled and run.unjudged else None
        case _:
            kind = FindingKind.RUN_WITHOUT_ORDER if at_rest and settled else None
    return None if kind is None else Finding(kind, order_id, order_id, other=_state(run))


def mends(finding: Finding, run: Run, rule: Rule) -> bool:
    """Whether a restart from the last recorded step is clearly right."""
    by_hand = run.state in STOPPED_BY_HAND or finding.other == UNJUDGED
    return finding.kind is FindingKind.ORDER_NOT_RUNNING and (rule.restarts_stopped or not by_hand)


def is_early(run: Run, now: datetime, rule: Rule) -> bool:
    """Whether it cannot be told yet if a run of the order kept something."""
    if run.state is RunState.RUNNING:
        return run.unjudged is None or (run.busy and run.failures < FAILING)
    return run.unjudged is None or (run.since is not None and run.since > now - rule.grace)


def _state(run: Run) -> str:
    went_on = run.state in (RunState.RUNNING, RunState.COMPLETED)
    return UNJUDGED if run.unjudged and went_on else run.state.value
