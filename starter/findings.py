"""What the books' comparison and the sweep have found: what each kind of finding means, and how a person ends one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from activities.store import findings, personal
from activities.store.findings import Area, FindingRow, RunRow
from activities.store.personal import Note
from domain.comparing.reconcile import FindingKind
from domain.errors import Invalid, Refused
from domain.state import DESK, Actor
from starter.records import Records, check_reason
from starter.sending import id_from, new_id

MEANS: Mapping[FindingKind, str] = {
    FindingKind.NOT_IN_LEDGER: "the provider moved money that our ledger does not know",
    FindingKind.NOT_AT_PROVIDER: "our ledger has money moved that the provider does not show",
    FindingKind.DOUBLED_AT_PROVIDER: "the provider moved the same money twice",
    FindingKind.DOUBLED_IN_LEDGER: "our ledger has one movement of the provider twice",
    FindingKind.WRONG_AMOUNT: "both have the movement, with different amounts",
    FindingKind.WRONG_CURRENCY: "both have the movement, in different currencies",
    FindingKind.WRONG_ORDER: "the provider's object names another order than ours",
    FindingKind.HOLD_WITHOUT_ORDER: "the provider holds a buyer's money for no open order",
    FindingKind.ORDER_WITHOUT_HOLD: "an open order counts on a hold that does not stand",
    FindingKind.ORDER_NOT_RUNNING: "an open order has no running workflow, or an ended run kept what came to an order",
    FindingKind.ORDER_NOT_ADMITTED: "an order was placed, and no workflow of it has admitted it",
    FindingKind.RUN_WITHOUT_ORDER: "a workflow runs of which we have no order",
    FindingKind.ENDED_ORDER_RUNS: "an order that is over has a workflow that does not end",
    FindingKind.CLOCK_STOPPED: "an open order's clock has passed, and nothing happens",
    FindingKind.TASK_FAILS: "a workflow runs whose task fails again and again",
}

MENDERS: Mapping[FindingKind, tuple[str, ...]] = {
    FindingKind.NOT_IN_LEDGER: ("retry", "restart", "resolve-finding"),
    FindingKind.NOT_AT_PROVIDER: ("resolve-finding",),
    FindingKind.DOUBLED_AT_PROVIDER: ("resolve-finding",),
    FindingKind.DOUBLED_IN_LEDGER: ("resolve-finding",),
    FindingKind.WRONG_AMOUNT: ("resolve-finding",),
    FindingKind.WRONG_CURRENCY: ("resolve-finding",),
    FindingKind.WRONG_ORDER: ("resolve-finding",),
    FindingKind.HOLD_WITHOUT_ORDER: ("resolve-finding",),
    FindingKind.ORDER_WITHOUT_HOLD: ("cancel", "resolve-finding"),
    FindingKind.ORDER_NOT_RUNNING: ("restart",),
    FindingKind.ORDER_NOT_ADMITTED: ("place",),
    FindingKind.RUN_WITHOUT_ORDER: ("place", "resolve-finding"),
    FindingKind.ENDED_ORDER_RUNS: ("restart",),
    FindingKind.CLOCK_STOPPED: ("note", "restart"),
    FindingKind.TASK_FAILS: ("restart", "resolve-finding"),
}
"""Which commands of ``aftersale`` mend a finding of each kind, the mildest first; docs/operators.md tells when."""


LARGEST_ID = 2**63 - 1
"""The largest id that the database gives."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The last run over each area, and the findings that are open; `open` counts those that are not shown too."""

    runs: tuple[RunRow, ...]
    open: int
    findings: tuple[FindingRow, ...]


class FindingsReader:
    """Reads what the runs have left in PostgreSQL, and lets a person end a finding. Blocking."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def reconciled(self, limit: int) -> Reconciled:
        """How the last comparison went, with up to `limit` open findings."""
        with self._records.begin() as conn:
            runs = tuple(run for area in Area if (run := findings.last(conn, area)) is not None)
            return Reconciled(runs, findings.count_open(conn), findings.listed(conn, limit=limit))

    def findings(self, *, only_open: bool, order_id: str, kind: str, limit: int) -> tuple[FindingRow, ...]:
        """Findings that fit all that is given, the oldest first."""
        with self._records.begin() as conn:
            return findings.listed(conn, only_open=only_open, order_id=order_id, kind=kind, limit=limit)

    def resolve(self, finding_id: int, by: Actor, reason: str) -> FindingRow:
        """End a finding and its ticket; the reason is kept. It stays ended while nothing about it changes.

        Raises Refused when no open finding has that id, or `by` is not of the desk, Invalid for what is no id.
        """
        if not 1 <= finding_id <= LARGEST_ID:
            raise Invalid("FINDING", f"is not the id of a finding, which is a number from 1 to {LARGEST_ID}")
        if by.role not in DESK:
            raise Refused(
                "role_not_allowed", f"a {by.role} may not resolve findings; that is for: specialist, operator"
            )
        check_reason(reason)
        with self._records.begin() as conn:
            now = self._records.clock()
            if not findings.accept(conn, finding_id, "resolve_finding", now):
                raise Refused("finding_not_open", f"no open finding has the id {finding_id}")
            found = findings.get(conn, finding_id)
            if found is None:
                raise LookupError(finding_id)
            about = found.order_id or f"finding-{finding_id}"
            note_id = id_from(about, "resolve_finding", new_id())
            note = Note(note_id, about, by, now, reason, found.ticket_id)
            personal.put_note(conn, self._records.vault, note)
        return found
