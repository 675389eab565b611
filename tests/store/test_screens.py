from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, event

from activities.store import ledger, orders, screens, steps
from activities.store.ledger import OrderMoney
from activities.store.screens import Cursor
from activities.store.steps import RefusalRow
from tests.store.rows import NOW, ORDER, admit, capture, checkout, euro, hours, step


def test_the_order_screen_tells_everything_in_two_queries(engine: Engine) -> None:
    with engine.begin() as conn:
        admit(conn)
        steps.record(conn, step(2, ticket_id="t-1"))
        ledger.post(conn, ORDER, "capture", 2, capture(), NOW)
        steps.refused(
            conn, RefusalRow(ORDER, hours(1), "ship", "c-9", "seller", "s-1", "paused", "is paused", "signal", "")
        )
    asked: list[str] = []
    with engine.begin() as conn:
        event.listen(conn, "before_cursor_execute", lambda _c, _cursor, sql, *_: asked.append(sql))
        screen = screens.order_screen(conn, ORDER)
        assert screens.order_screen(conn, "unknown") is None
        assert screens.story(conn, ORDER) == (screen and screen.story)
    assert len(asked) == 2 + 1 + 1
    assert screen is not None
    assert (screen.row.order_id, screen.row.total, screen.row.status) == (ORDER, euro(4990), "open")
    assert screen.money == OrderMoney(euro(4990), euro(0), euro(0), euro(0), euro(4990), *[euro(0)] * 3)
    assert [(s.seq, s.step, s.ticket_id, s.at) for s in screen.story.steps] == [
        (1, "place", "", NOW),
        (2, "confirm", "t-1", NOW),
    ]
    assert [(r.name, r.code, r.at) for r in screen.story.refusals] == [("ship", "paused", hours(1))]
    assert (screen.checkout, screen.snapshot) == (checkout(), {"order_id": ORDER, "seq": 2})
    assert screen.tickets == ()


@pytest.fixture
def several(conn: Connection) -> Connection:
    """Three open orders, one that is over, one that was refused."""
    admit(conn, "o-1", due_at=hours(5))
    admit(conn, "o-2", due_at=hours(2), waiting_on="buyer", attention=True, stage="delivered")
    admit(conn, "o-3", due_at=hours(5))
    admit(conn, "o-4", due_at=None, over=True, stage="closed", waiting_on="")
    orders.claim(conn, "o-5", "hash", checkout("o-5"), None)
    orders.refuse(conn, "o-5", "total", "is wrong")
    return conn


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["o-2", "o-1", "o-3", "o-4"]),
        ({"waiting_on": "seller"}, ["o-1", "o-3"]),
        ({"overdue_at": hours(3)}, ["o-2"]),
        ({"waiting_on": "seller", "overdue_at": hours(5)}, []),
        ({"stage": "closed"}, ["o-4"]),
        ({"attention": True}, ["o-2"]),
        ({"attention": False, "seller": "s-1"}, ["o-1", "o-3", "o-4"]),
        ({"buyer": "b-1", "limit": 2}, ["o-2", "o-1"]),
        ({"buyer": "s-1"}, []),
    ],
)
def test_orders_are_listed_by_what_is_asked_for(
    several: Connection, filters: dict[str, object], found: list[str]
) -> None:
    listed = screens.list_orders(several, **filters)  # type: ignore[arg-type]  # pytest's parameters are objects.
    assert [row.order_id for row in listed] == found


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_follow_each_other_without_gap_or_repeat(several: Connection, limit: int) -> None:
    found: list[str] = []
    after: Cursor | None = None
    while page := screens.list_orders(several, limit=limit, after=after):
        found += [row.order_id for row in page]
        after = page[-1].cursor
    assert found == ["o-2", "o-1", "o-3", "o-4"]
    assert screens.list_orders(several, after=(None, "o-4")) == ()
