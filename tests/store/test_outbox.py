from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, text

from activities.store import outbox
from activities.store.outbox import Notice, Waiting
from tests.store.rows import NOW, ORDER, hours, notice


def due(conn: Connection, hour: float = 0, order_id: str | None = None) -> list[Waiting]:
    revocable = outbox.take_revocable(conn, hours(hour), order_id)
    return [*outbox.take(conn, hours(hour), 10, order_id), *([revocable] if revocable else [])]


def causes(conn: Connection, hour: float = 0, order_id: str | None = None) -> list[str]:
    return [row.cause for row in due(conn, hour, order_id)]


def take_one(conn: Connection, cause: str) -> int:
    return next(row.id for row in due(conn, 1000) if row.cause == cause)


def test_a_notice_is_queued_once_per_recipient_cause_and_channel(conn: Connection) -> None:
    outbox.queue(conn, [])
    outbox.queue(conn, [notice(), notice(recipient_role="seller", recipient_id="s-1"), notice(channel="storefront")])
    outbox.queue(conn, [notice(template="other"), notice(order_id="o-2")])
    assert conn.execute(text("SELECT count(*) FROM outbox WHERE template = 'confirm'")).scalar() == 4


def test_what_is_taken_is_what_was_queued(conn: Connection) -> None:
    outbox.queue(conn, [notice(valid_until=hours(5), channel="carrier")])
    (row,) = outbox.take(conn, NOW, 10)
    assert row == Waiting(
        ORDER, 2, "confirm", "buyer", "b-1", "carrier", "confirm", {"lines": ["l1"]}, NOW, hours(5), row.id, 0, False
    )


def test_notices_leave_when_due_and_only_once(conn: Connection) -> None:
    outbox.queue(conn, [notice(due_at=hours(2))])
    assert causes(conn, 1) == []
    assert causes(conn, 2) == ["confirm"]
    outbox.sent(conn, [take_one(conn, "confirm")], hours(2))
    assert causes(conn, 3) == []
    outbox.queue(conn, [notice()])
    assert causes(conn, 3) == []


def test_a_recipient_hears_of_an_order_in_order(conn: Connection) -> None:
    outbox.queue(conn, [notice("confirm"), notice("ship"), notice("ship", recipient_role="seller", recipient_id="s-1")])
    outbox.queue(conn, [notice("ship", order_id="o-2")])
    assert causes(conn) == ["confirm", "ship", "ship"]
    assert causes(conn, order_id=ORDER) == ["confirm", "ship"]
    outbox.retry_later(conn, take_one(conn, "confirm"), hours(1), "SMTPServerDisconnected")
    assert causes(conn, order_id=ORDER) == ["ship"]
    (waiting, _) = outbox.take(conn, hours(1), 10, ORDER)
    assert (waiting.cause, waiting.attempts) == ("confirm", 1)
    outbox.sent(conn, [waiting.id], hours(1))
    assert causes(conn, 1, ORDER) == ["ship", "ship"]


@pytest.mark.parametrize("end", ["sent", "drop", "fail"])
def test_a_notice_that_has_ended_holds_nothing_up(conn: Connection, end: str) -> None:
    outbox.queue(conn, [notice("confirm"), notice("ship")])
    first = take_one(conn, "confirm")
    ends = {"sent": ([first], NOW), "drop": (first, NOW), "fail": (first, NOW, "no such mailbox")}
    getattr(outbox, end)(conn, *ends[end])
    assert causes(conn) == ["ship"]
    outbox.drop(conn, first, hours(9))
    column = {"sent": "sent_at", "drop": "dropped_at", "fail": "failed_at"}[end]
    assert conn.execute(text(f"SELECT {column} FROM outbox WHERE id = :id"), {"id": first}).scalar() == NOW  # noqa: S608


def test_a_notice_that_is_not_due_yet_holds_nothing_up(conn: Connection) -> None:
    outbox.queue(conn, [notice("later", due_at=hours(5)), notice("now")])
    assert causes(conn) == ["now"]


def test_two_relays_share_the_work_and_keep_the_order(engine: Engine) -> None:
    with engine.begin() as conn:
        outbox.queue(conn, [notice("confirm"), notice("ship"), notice("confirm", order_id="o-2")])
    with engine.begin() as first, engine.begin() as second:
        (mine,) = outbox.take(first, NOW, 1)
        assert [row.order_id for row in outbox.take(second, NOW, 10)] == ["o-2"]
        outbox.sent(first, [mine.id], NOW)
    with engine.begin() as conn:
        assert [(row.cause, row.order_id) for row in outbox.take(conn, NOW, 10)] == [
            ("ship", ORDER),
            ("confirm", "o-2"),
        ]


def remind(cause: str = "ship.remind", hour: float = 24, **changes: object) -> Notice:
    return notice(cause, due_at=hours(hour), recipient_role="seller", recipient_id="s-1", **changes)


def test_reminders_follow_their_clocks(conn: Connection) -> None:
    outbox.set_reminders(conn, ORDER, [remind(), remind("confirm.remind", 12)], NOW)
    outbox.set_reminders(conn, "o-2", [remind(order_id="o-2")], NOW)
    outbox.set_reminders(conn, ORDER, [remind(hour=48)], hours(1))
    assert causes(conn, 47, ORDER) == []
    assert causes(conn, 48, ORDER) == ["ship.remind"]
    outbox.set_reminders(conn, ORDER, [], hours(50))
    assert causes(conn, 99) == ["ship.remind"]
    assert causes(conn, 99, "o-2") == ["ship.remind"]


def test_a_dropped_reminder_may_be_wanted_again_but_a_sent_one_never_repeats(conn: Connection) -> None:
    outbox.set_reminders(conn, ORDER, [remind()], NOW)
    outbox.set_reminders(conn, ORDER, [], NOW)
    outbox.set_reminders(conn, ORDER, [remind(hour=30)], NOW)
    assert causes(conn, 30) == ["ship.remind"]
    outbox.sent(conn, [take_one(conn, "ship.remind")], hours(30))
    outbox.set_reminders(conn, ORDER, [remind(hour=60)], hours(31))
    outbox.set_reminders(conn, ORDER, [], hours(31))
    assert causes(conn, 99) == []
    assert conn.execute(text("SELECT dropped_at, due_at FROM outbox")).one() == (None, hours(30))


def test_a_reminder_waits_for_notices_but_holds_none_up(conn: Connection) -> None:
    outbox.set_reminders(conn, ORDER, [remind(hour=0)], NOW)
    outbox.retry_later(conn, take_one(conn, "ship.remind"), hours(9), "timeout")
    outbox.queue(conn, [remind("shipped", 0)])
    outbox.set_reminders(conn, ORDER, [remind(hour=0), remind("receipt.remind", 0)], NOW)
    assert causes(conn) == ["shipped"]


def test_notices_that_are_no_reminders_stay_when_reminders_change(conn: Connection) -> None:
    outbox.queue(conn, [notice()])
    outbox.set_reminders(conn, ORDER, [], NOW)
    assert causes(conn) == ["confirm"]


def test_what_may_be_taken_back_is_taken_alone_and_lent_to_one_relay(engine: Engine) -> None:
    with engine.begin() as conn:
        outbox.queue(
            conn, [notice("feedback:c1", due_at=hours(-1), template="feedback"), notice("told", order_id="o-2")]
        )
        outbox.set_reminders(conn, ORDER, [remind(hour=0), remind("receipt.remind", 0)], NOW)
    lent: list[str] = []
    while True:
        with engine.begin() as first, engine.begin() as second:
            assert [row.cause for row in outbox.take(first, NOW, 10)] == ["told"]
            row = outbox.take_revocable(first, NOW)
            if row is None:
                break
            other = outbox.take_revocable(second, NOW)
            assert other is None or other.id != row.id
            outbox.lend(first, row.id, hours(1))
            lent.append(row.cause)
    assert lent == ["feedback:c1", "ship.remind", "receipt.remind"]
    with engine.begin() as conn:
        assert causes(conn, 1) == ["told", "feedback:c1"]


def test_what_was_taken_back_while_it_left_has_left_and_what_could_not_leave_stays_taken_back(conn: Connection) -> None:
    outbox.set_reminders(conn, ORDER, [remind(), remind("confirm.remind")], NOW)
    left, stays = take_one(conn, "ship.remind"), take_one(conn, "ship.remind") + 1
    outbox.set_reminders(conn, ORDER, [], hours(24))
    outbox.sent(conn, [left], hours(25))
    outbox.retry_later(conn, stays, hours(25), "timeout")
    rows = conn.execute(text("SELECT cause, sent_at, dropped_at, attempts FROM outbox ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [
        ("ship.remind", hours(25), None, 1),
        ("confirm.remind", None, hours(24), 0),
    ]
    outbox.set_reminders(conn, ORDER, [remind(), remind("confirm.remind")], hours(26))
    assert causes(conn, 99) == ["confirm.remind"]
