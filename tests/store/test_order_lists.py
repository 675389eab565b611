"""Lists of orders and tickets at a hundred thousand orders: each filter reads about a page, in an index's order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from activities.store import screens, steps
from activities.store.desk import tickets
from domain.events import TicketOpened
from domain.state import Cause, Ticket
from tests.store.rows import NOW, ORDER, admit, hours, step
from tests.store.test_claims_lists import asked
from tests.store.test_messages import plan

MANY = 100_000
FILL = (
    # One order in ten is open, and deadlines of hundreds end at the same midnight.
    """
    INSERT INTO orders (
        order_id, checkout_id, marketplace, content_hash, status, stage, waiting_on, attention, due_at, buyer, seller,
        total_minor, currency, seq, snapshot, checkout, updated_at, placed_at
    )
    SELECT 'o-' || n, 'c', 'demo', 'h', CASE WHEN n % 10 = 0 THEN 'open' ELSE 'over' END,
        CASE WHEN n % 10 = 0 THEN 'placed' ELSE 'closed' END, CASE WHEN n % 10 = 0 THEN 'seller' ELSE '' END,
        n % 100 = 0, CASE WHEN n % 10 = 0 THEN cast(:now AS timestamptz) + n / 5000 * interval '1 day' END,
        'b-' || n % 50, 's-' || n % 50, 100, 'EUR', 3, '{}', '{}', now(), now()
    FROM generate_series(1, :many) n
    """,
    """
    INSERT INTO steps (
        order_id, seq, epoch, at, step, role, actor_id, source, command_id, ticket_id, before_stage, after_stage, body,
        events, outcome, digest
    )
    SELECT 'o-' || n, 1, 1, now(), 'place', 'storefront', '', 'start', '', '', '', 'placed', '{}', '[]', '[]', 'd'
    FROM generate_series(1, :many) n
    """,
    """
    INSERT INTO tickets (
        ticket_id, order_id, cause, subject, opened_at, due, owner, status, outcome, resolved_by, resolved_at
    )
    SELECT 'o-' || n || '-ship_overdue-3', 'o-' || n,
        CASE WHEN n % 100 = 50 THEN 'money_unknown' WHEN n % 200 = 0 THEN 'ship_overdue' ELSE 'claim' END, '',
        now(), cast(:now AS timestamptz) + n / 5000 * interval '1 day',
        CASE WHEN n % 3 = 0 THEN '' ELSE 'anna-' || n % 3 END, CASE WHEN n % 10 = 0 THEN 'open' ELSE 'resolved' END,
        CASE WHEN n % 10 = 0 THEN '' ELSE 'act' END, CASE WHEN n % 10 = 0 THEN '' ELSE 'ship' END,
        CASE WHEN n % 10 = 0 THEN NULL ELSE now() END
    FROM generate_series(1, :many) n
    """,
    "ANALYZE orders, tickets, steps, refusals, ledger_entries, ledger_transactions, bounces",
)
EMPTY = {"bounces", "ledger_entries", "ledger_transactions", "refusals"}
"""Tables that this test leaves empty; their plans say nothing."""

LISTS: list[dict[str, Any]] = [
    {},
    {"stage": "closed"},
    {"stage": "placed"},
    {"stage": "delivered"},
    {"attention": True},
    {"attention": False},
    {"waiting_on": "seller"},
    {"waiting_on": "buyer"},
    {"overdue_at": NOW + timedelta(days=3)},
    {"overdue_at": NOW - timedelta(days=3)},
    {"seller": "s-10"},
    {"seller": "s-11"},
    {"buyer": "b-10"},
]
QUEUES: list[dict[str, Any]] = [
    {},
    {"owner": "anna-1"},
    {"owner": ""},
    {"owner": "omar"},
    {"cause": "ship_overdue"},
    {"cause": "claim"},
    {"cause": "parcel_lost"},
    {"overdue_at": NOW + timedelta(days=3)},
]


def read(conn: Connection, work: Callable[[], Any]) -> int:
    """The most rows that a node of one of a work's queries reads, those that it throws away as well."""
    most = 0.0
    for sql, parameters in asked(conn, work):
        _, nodes = plan(conn, sql, parameters)
        done = [node for node in nodes if node["Actual Loops"]]
        scanned = {node["Relation Name"] for node in done if node["Node Type"] == "Seq Scan"}
        assert scanned <= EMPTY, (sql, parameters)
        most = max([most, *(_rows(node) for node in done)])
    return int(most)


def _rows(node: dict[str, Any]) -> float:
    return (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]  # type: ignore[no-any-return]


def test_at_a_hundred_thousand_orders_lists_and_screens_of_orders_and_tickets_read_a_page(owner: Engine) -> None:
    with owner.begin() as conn:
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in FILL:
            values = {name: value for name, value in (("many", MANY), ("now", NOW)) if f":{name}" in statement}
            conn.execute(text(statement), values)
    costs: dict[str, int] = {}
    with owner.begin() as conn:
        for listed, filters in ((screens.list_orders, LISTS), (screens.ticket_queue, QUEUES)):
            for wanted in filters:
                page: Any = listed(conn, **wanted)
                later = [{}, *([{"after": page[-1].cursor}, {"after": (NOW + timedelta(days=15), "")}] if page else [])]
                for after in later:
                    costs[f"{listed.__name__} {wanted} {after}"] = read(conn, partial(listed, conn, **wanted, **after))
        costs["order"] = read(conn, partial(screens.order_screen, conn, "o-20"))
        costs["ticket"] = read(conn, partial(screens.ticket, conn, "o-20-ship_overdue-3"))
    assert len(costs) > len(LISTS) + len(QUEUES)
    assert {name: cost for name, cost in costs.items() if cost > 120} == {}


@pytest.mark.parametrize("size", [1, 40])
def test_an_order_a_list_and_the_queue_cost_the_same_queries_however_much_is_in_them(
    conn: Connection, size: int
) -> None:
    admit(conn)
    for n in range(size):
        admit(conn, f"o-9{n}", attention=True)
        ticket = Ticket(f"{ORDER}-claim-{n}", Cause.CLAIM, f"c{n}", NOW, hours(n))
        tickets.sync(conn, ORDER, [TicketOpened(ticket)], NOW)
    for n in range(2, 2 + size):
        steps.record(conn, step(n))
    works: list[Callable[[], Any]] = [
        partial(screens.order_screen, conn, ORDER),
        partial(screens.list_orders, conn),
        partial(screens.list_orders, conn, overdue_at=NOW),
        partial(screens.ticket_queue, conn),
        partial(screens.ticket, conn, f"{ORDER}-claim-0"),
    ]
    assert [len(asked(conn, work)) for work in works] == [2, 1, 1, 1, 1]
    screen = screens.order_screen(conn, ORDER)
    assert screen is not None
    assert (len(screen.story.steps), len(screen.tickets)) == (1 + size, size)
    assert len(screens.list_orders(conn)) == 1 + size
