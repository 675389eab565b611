"""Findings on record: one row and one ticket for each disagreement, for as long as it lasts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text, update
from sqlalchemy.exc import IntegrityError

from activities.store import findings
from activities.store.findings import Area, Busy, RunRow
from activities.store.tables import orders, tickets
from domain import wire
from domain.comparing.reconcile import Finding, FindingKind
from tests.domain.world import new_order
from tests.store.rows import NOW, ORDER, admit, euro, hours

WRONG = Finding(FindingKind.WRONG_AMOUNT, "o-1:capture:3", ORDER, "capture", 3, "ch_1", euro(4990), euro(4900))
STRANGE = Finding(FindingKind.NOT_IN_LEDGER, "refund:re_1:0", "", ref="re_1", theirs=euro(-100))


def of(conn: Connection, ticket_id: str) -> Any:
    return conn.execute(select(tickets).where(tickets.c.ticket_id == ticket_id)).one()


def only(conn: Connection) -> findings.FindingRow:
    [row] = findings.listed(conn, only_open=False)
    return row


@pytest.fixture
def known(conn: Connection) -> Connection:
    """An order whose snapshot is one of the real ones."""
    admit(conn)
    snapshot = wire.to_plain(replace(new_order(), order_id=ORDER))
    conn.execute(update(orders).where(orders.c.order_id == ORDER).values(snapshot=snapshot))
    return conn


def test_a_finding_is_told_once_however_many_runs_see_it(known: Connection) -> None:
    assert findings.report(known, "run-1", Area.MONEY, WRONG, NOW)
    assert not findings.report(known, "run-2", Area.MONEY, WRONG, hours(24))
    row = only(known)
    assert (row.first_run, row.last_run, row.first_seen, row.last_seen) == ("run-1", "run-2", NOW, hours(24))
    assert (row.ours, row.theirs, row.ref, row.status) == (euro(4990), euro(4900), "ch_1", "open")
    ticket = of(known, row.ticket_id)
    assert (ticket.order_id, ticket.cause, ticket.subject) == (ORDER, "reconciliation", "wrong_amount ch_1")
    assert ticket.due > NOW
    assert known.execute(select(tickets)).all() == [ticket]


def test_a_finding_about_an_order_whose_calendars_have_run_out_has_a_ticket_and_stops_no_run(known: Connection) -> None:
    long_after = hours(24 * 365 * 3)
    assert findings.report(known, "run-1", Area.MONEY, WRONG, long_after)
    assert of(known, only(known).ticket_id).due > long_after


def test_a_finding_that_concerns_no_order_has_a_ticket_all_the_same(known: Connection) -> None:
    stranger = replace(STRANGE, order_id="o-of-nobody", subject="refund:re_2:0", ref="re_2")
    for each in (STRANGE, stranger):
        assert findings.report(known, "run-1", Area.MONEY, each, NOW)
    rows = findings.listed(known)
    assert [of(known, row.ticket_id).order_id for row in rows] == [None, None]
    assert [row.order_id for row in rows] == ["", "o-of-nobody"]


def test_only_a_ticket_of_reconciliation_may_be_without_an_order(known: Connection) -> None:
    findings.report(known, "run-1", Area.MONEY, STRANGE, NOW)
    with pytest.raises(IntegrityError, match="tickets_of_an_order"):
        known.execute(update(tickets).values(cause="money_failed"))


def test_what_a_run_does_not_see_any_more_is_healed_and_comes_back_as_new(known: Connection) -> None:
    findings.report(known, "run-1", Area.MONEY, WRONG, NOW)
    first = only(known)
    assert findings.heal(known, "run-1", Area.MONEY, NOW) == 0, "this run has seen it"
    assert findings.heal(known, "run-2", Area.RUNS, hours(1)) == 0, "the sweep does not look at money"
    assert findings.heal(known, "run-2", Area.MONEY, hours(24)) == 1
    healed = only(known)
    assert (healed.status, healed.resolved_by, healed.resolved_at) == ("resolved", "healed", hours(24))
    assert (of(known, first.ticket_id).status, of(known, first.ticket_id).outcome) == ("resolved", "act")
    assert findings.report(known, "run-3", Area.MONEY, WRONG, hours(48))
    again = only(known)
    assert (again.status, again.first_seen, again.finding_id) == ("open", hours(48), first.finding_id)
    assert again.ticket_id != first.ticket_id
    assert of(known, again.ticket_id).status == "open"


def test_what_a_person_has_explained_stays_explained_while_nothing_changes(known: Connection) -> None:
    findings.report(known, "run-1", Area.MONEY, WRONG, NOW)
    row = only(known)
    assert findings.accept(known, row.finding_id, "resolve_finding", hours(1))
    assert not findings.accept(known, row.finding_id, "resolve_finding", hours(2)), "once"
    assert (of(known, row.ticket_id).status, of(known, row.ticket_id).outcome) == ("resolved", "no_change")
    assert not findings.report(known, "run-2", Area.MONEY, WRONG, hours(24))
    assert only(known).resolved_by == "resolve_finding"
    assert findings.report(known, "run-3", Area.MONEY, replace(WRONG, theirs=euro(4800)), hours(48))
    assert (only(known).status, findings.count_open(known)) == ("open", 1)


def test_a_finding_ends_with_its_ticket_and_only_with_its_own(known: Connection) -> None:
    findings.report(known, "run-1", Area.MONEY, WRONG, NOW)
    ticket_id = only(known).ticket_id
    assert not findings.accept_ticket(known, "o-2", ticket_id, "resolve_ticket", NOW)
    assert not findings.accept_ticket(known, ORDER, "another", "resolve_ticket", NOW)
    assert findings.accept_ticket(known, ORDER, ticket_id, "resolve_ticket", NOW)
    assert (only(known).status, of(known, ticket_id).status) == ("resolved", "resolved")


def test_what_the_sweep_has_mended_needs_no_ticket(known: Connection) -> None:
    lost = Finding(FindingKind.ORDER_NOT_RUNNING, ORDER, ORDER, other="gone")
    findings.report(known, "run-1", Area.RUNS, lost, NOW, resolved_by=findings.MENDED)
    assert (only(known).status, only(known).ticket_id) == ("resolved", "")
    assert findings.mended_since(known, lost, hours(-24))
    assert not findings.mended_since(known, lost, hours(1))
    assert findings.report(known, "run-2", Area.RUNS, lost, hours(2))
    assert of(known, only(known).ticket_id).status == "open"


def test_a_run_that_goes_on_after_a_crash_has_the_window_that_it_began_with(conn: Connection) -> None:
    run = RunRow("run-1", Area.MONEY, hours(-72), hours(-6), NOW, None, {})
    assert findings.begin(conn, run) == run
    assert findings.begin(conn, replace(run, since=NOW, until=NOW, started_at=hours(1))) == run
    assert findings.last(conn, Area.MONEY) == run
    assert findings.last(conn, Area.MONEY, finished=True) is None
    findings.finish(conn, "run-1", hours(1), {"read": 7})
    assert findings.last(conn, Area.MONEY, finished=True) == replace(run, finished_at=hours(1), counts={"read": 7})
    assert findings.last(conn, Area.RUNS) is None


def test_of_two_runs_over_one_area_the_second_is_refused(engine: Engine) -> None:
    with findings.alone(engine, Area.MONEY):
        with findings.alone(engine, Area.RUNS):
            pass
        with pytest.raises(Busy, match="under way"), findings.alone(engine, Area.MONEY):
            pass
    with findings.alone(engine, Area.MONEY):
        pass


def test_findings_are_listed_by_order_kind_and_whether_they_are_open(known: Connection) -> None:
    for each in (WRONG, STRANGE):
        findings.report(known, "run-1", Area.MONEY, each, NOW)
    findings.accept(known, findings.listed(known, order_id=ORDER)[0].finding_id, "resolve_finding", NOW)
    assert [row.kind for row in findings.listed(known)] == ["not_in_ledger"]
    assert [row.kind for row in findings.listed(known, only_open=False, order_id=ORDER)] == ["wrong_amount"]
    assert len(findings.listed(known, only_open=False)) == 2
    assert [row.kind for row in findings.listed(known, kind="not_in_ledger")] == ["not_in_ledger"]
    assert len(findings.listed(known, only_open=False, limit=1)) == 1


def test_nobody_deletes_what_was_found(engine: Engine) -> None:
    for table in ("findings", "reconciliations"):
        with engine.connect() as conn, pytest.raises(Exception, match="permission denied"):
            conn.execute(text(f"DELETE FROM {table}"))  # noqa: S608
