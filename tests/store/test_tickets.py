from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from activities.store import screens
from activities.store.desk import tickets
from activities.store.screens import TicketRow
from domain.events import Event, LinesHeld, TicketAssigned, TicketEscalated, TicketOpened, TicketResolved
from domain.state import Cause, Outcome, Ticket
from tests.store.rows import NOW, ORDER, admit, hours

TICKET = Ticket("o-1-ship_overdue-4", Cause.SHIP_OVERDUE, "", NOW, hours(8))


@pytest.fixture
def opened(conn: Connection) -> Connection:
    admit(conn)
    tickets.sync(conn, ORDER, [LinesHeld(("l1",), ""), TicketOpened(TICKET)], NOW)
    return conn


def row(**changes: object) -> TicketRow:
    plain = TicketRow(
        TICKET.ticket_id, ORDER, "ship_overdue", "", NOW, hours(8), "", 0, "open", "", "", None
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]  # Changes are fields of the row.


def test_an_opened_ticket_is_in_the_queue(opened: Connection) -> None:
    assert screens.ticket_queue(opened) == (row(),)


def test_assigning_and_escalating_change_the_row(opened: Connection) -> None:
    tickets.sync(opened, ORDER, [TicketAssigned(TICKET.ticket_id, "ann")], NOW)
    tickets.sync(opened, ORDER, [TicketEscalated(TICKET.ticket_id, hours(30))], hours(8))
    assert screens.ticket_queue(opened) == (row(owner="ann", due=hours(30), escalations=1),)


def test_a_resolved_ticket_leaves_the_queue_and_stays_with_the_order(opened: Connection) -> None:
    events: list[Event] = [
        TicketResolved(TICKET.ticket_id, Outcome.ACT, "ship"),
        TicketAssigned(TICKET.ticket_id, "too late"),
    ]
    tickets.sync(opened, ORDER, events, hours(5))
    assert screens.ticket_queue(opened) == ()
    screen = screens.order_screen(opened, ORDER)
    assert screen is not None
    assert screen.tickets == (row(status="resolved", outcome="act", resolved_by="ship", resolved_at=hours(5)),)


def test_a_ticket_opened_and_resolved_by_one_step_is_resolved(conn: Connection) -> None:
    admit(conn)
    tickets.sync(conn, ORDER, [TicketOpened(TICKET), TicketResolved(TICKET.ticket_id, Outcome.NO_CHANGE, "x")], NOW)
    assert screens.ticket_queue(conn) == ()


def waiting_on_the_provider(conn: Connection, count: int) -> list[str]:
    """So many orders whose money is in doubt, opened one after the other."""
    ids = []
    for n in range(count):
        order_id = f"o-away-{n}"
        admit(conn, order_id)
        ticket = Ticket(f"{order_id}-money_unknown-4", Cause.MONEY_UNKNOWN, "4", hours(n), hours(8 - n))
        tickets.sync(conn, order_id, [TicketOpened(ticket)], hours(n))
        ids.append(ticket.ticket_id)
    return ids


def test_of_many_orders_that_wait_on_one_provider_the_oldest_ticket_stands_for_all(opened: Connection) -> None:
    ids = waiting_on_the_provider(opened, 3)
    assert [r.ticket_id for r in screens.ticket_queue(opened)] == [TICKET.ticket_id, ids[0]]
    assert tickets.shared(opened) == {"money_unknown": 3}
    assert [tickets.leads(opened, ticket_id) for ticket_id in (*ids, TICKET.ticket_id)] == [True, False, False, True]
    assert [r.ticket_id for r in screens.ticket_queue(opened, cause="money_unknown")] == ids[::-1]


def test_when_the_oldest_ends_the_next_stands_for_the_rest(opened: Connection) -> None:
    ids = waiting_on_the_provider(opened, 2)
    tickets.sync(opened, "o-away-0", [TicketResolved(ids[0], Outcome.ACT, "settle")], hours(9))
    assert tickets.leads(opened, ids[1])
    assert ids[1] in [r.ticket_id for r in screens.ticket_queue(opened)]


def test_a_ticket_is_opened_once(opened: Connection) -> None:
    with pytest.raises(IntegrityError, match="tickets_pkey"), opened.begin_nested():
        tickets.sync(opened, ORDER, [TicketOpened(TICKET)], NOW)


def test_the_queue_is_sorted_by_due_time_filtered_and_paged(opened: Connection) -> None:
    more = [
        TicketOpened(Ticket("t-b", Cause.PARCEL_LOST, "p1", NOW, hours(2), "ann")),
        TicketOpened(Ticket("t-a", Cause.PARCEL_LOST, "p2", NOW, hours(2), "bob")),
        TicketOpened(Ticket("t-c", Cause.CLAIM, "c1", NOW, hours(9), "ann")),
    ]
    tickets.sync(opened, ORDER, more, NOW)

    def names(**filters: object) -> list[str]:
        return [each.ticket_id for each in screens.ticket_queue(opened, **filters)]  # type: ignore[arg-type]

    assert names() == ["t-a", "t-b", TICKET.ticket_id, "t-c"]
    assert names(owner="ann") == ["t-b", "t-c"]
    assert names(owner="") == [TICKET.ticket_id]
    assert names(cause="parcel_lost", overdue_at=hours(3)) == ["t-a", "t-b"]
    first = screens.ticket_queue(opened, limit=1)
    assert names(limit=2, after=first[-1].cursor) == ["t-b", TICKET.ticket_id]
