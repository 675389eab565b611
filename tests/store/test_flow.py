"""A seller's figures and the flow of a marketplace, of lives of which no two took equally long."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, insert

from activities.store import orders, steps
from activities.store.desk import flow
from activities.store.desk.case_tables import claims
from activities.store.desk.flow import Figures, Reason, Resolution, Share, Span, StepTime
from domain import wire
from tests.store.rows import NOW, checkout, hours, step

SINCE, UNTIL = NOW - timedelta(days=1), NOW + timedelta(days=60)
PAID = hours(1)
"""Orders are placed at `NOW`; a seller is measured from here."""

LIVES = (
    (10, 1010, 12, 700, "damaged"),
    (20, 420, 30, 300, "damaged"),
    (30, 730, 3, 1000, "damaged"),
    (40, 240, 21, 100, "not_received"),
    (50, 550, 6, 900, "damaged"),
    (60, 960, 27, 400, "not_received"),
    (70, 170, 9, 600, "not_received"),
    (80, 680, 24, 200, "damaged"),
    (90, 390, 15, 800, "not_received"),
    (100, 900, 18, 500, "not_received"),
)
"""Minutes from payment until the seller confirmed, and shipped; from the claim until his answer, and its end; why."""

Move = tuple[int, str, str, str]


def lived(conn: Connection, order_id: str, *moves: Move, seller: str = "s-1", marketplace: str = "demo") -> None:
    """An order that took steps: minutes from payment, the step, who took it, and the stage that it led to."""
    document = checkout(order_id, seller={"person_id": seller}, marketplace=marketplace)
    orders.claim(conn, order_id, "hash", document, None)
    before, placed = "", (-60, "place", "storefront", "placed")
    for seq, (at, name, role, after) in enumerate((placed, *moves), 1):
        when = PAID + timedelta(minutes=at)
        paid = {"payment": {"paid_at": wire.instant_text(PAID)}}
        stages = {"before_stage": before, "after_stage": after, "stage": after}
        steps.record(conn, step(seq, order_id, at=when, step=name, role=role, snapshot=paid, **stages))
        before = after


def claimed(
    conn: Connection, order_id: str, reason: str, answered: int, ended: int, seller: str = "s-1", place: str = "demo"
) -> None:
    """A claim that the seller answered, and that ended, so many minutes after it was made."""
    opened = hours(100)
    row = {
        "order_id": order_id, "claim_id": "c1", "number": f"{order_id}-c1", "marketplace": place, "buyer": "b-1",
        "seller": seller, "reason": reason, "wish": "refund", "lines": ["l1"], "carriers": [], "status": "resolved",
        "opened_at": opened, "since": opened, "answered_at": opened + timedelta(minutes=answered),
        "ended_at": opened + timedelta(minutes=ended), "amount_minor": 4000, "awarded_minor": 0, "currency": "EUR",
    }  # fmt: skip
    conn.execute(insert(claims).values(row))


def confirm(at: int) -> Move:
    return at, "confirm", "seller", "confirmed"


def many(conn: Connection) -> None:
    """Ten orders that went their way and were claimed, six that ended before, and one of another shop elsewhere."""
    for number, (confirmed, shipped, answered, ended, reason) in enumerate(LIVES):
        lived(conn, f"o-{number}", confirm(confirmed), (shipped, "ship", "seller", "shipped"))
        claimed(conn, f"o-{number}", reason, answered, ended)
    lived(conn, "declined", (15, "decline", "seller", "cancelled"))
    lived(conn, "cancelled", confirm(55), (75, "cancel", "seller", "cancelled"))
    lived(conn, "called off", (5, "cancel", "buyer", "cancelled"))
    lived(conn, "stopped", (25, "cancel", "specialist", "cancelled"))
    lived(conn, "silent", (3000, "confirm_lapses", "clock", "cancelled"))
    lived(conn, "as silent", (4000, "confirm_lapses", "clock", "cancelled"))
    lived(conn, "never sent", confirm(56), (9000, "ship_lapses", "clock", "cancelled"))
    elsewhere = "s-2", "other"
    lived(conn, "elsewhere", confirm(1), (2, "ship", "seller", "shipped"), seller="s-2", marketplace="other")
    claimed(conn, "elsewhere", "damaged", 1, 1, *elsewhere)


def test_a_sellers_figures_tell_the_median_and_what_nine_of_ten_took_and_what_was_cancelled_or_lapsed(
    conn: Connection,
) -> None:
    many(conn)
    assert flow.figures(conn, "s-1", SINCE, UNTIL) == Figures(
        "s-1",
        SINCE,
        UNTIL,
        confirm=Span(12, 55, 90),
        ship=Span(10, 550, 960),
        response=Span(10, 15, 27),
        unanswered=Share(0, 10),
        claimed=Share(10, 17),
        for_buyer=Share(0, 0),
        cancelled=Share(2, 17),
        lapsed=Share(3, 17),
    )


def test_how_long_orders_stood_and_claims_took_is_told_by_median_and_nine_of_ten(conn: Connection) -> None:
    many(conn)
    assert flow.resolutions(conn, SINCE, UNTIL, "demo") == (
        Resolution("", 10, 500, 900),
        Resolution("damaged", 5, 700, 1000),
        Resolution("not_received", 5, 500, 800),
    )
    times = {(row.stage, row.step): row for row in flow.step_times(conn, SINCE, UNTIL, "demo")}
    assert times["placed", "confirm"] == StepTime("placed", "confirm", 12, 115, 150)
    assert times["confirmed", "ship"] == StepTime("confirmed", "ship", 10, 500, 900)
    assert times["placed", "confirm_lapses"] == StepTime("placed", "confirm_lapses", 2, 3060, 4060)
    assert flow.claim_reasons(conn, SINCE, UNTIL, "demo") == (
        Reason("damaged", 5, 5, 0),
        Reason("not_received", 5, 5, 0),
    )
