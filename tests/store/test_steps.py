from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from activities.store import orders, screens, steps
from activities.store.orders import Standing
from activities.store.steps import Recorded, RefusalRow, recorded
from domain.errors import Conflict, StaleEpoch
from tests.store.rows import NOW, ORDER, admit, at_once, checkout, hours, step


def test_a_step_is_written_down_with_the_orders_new_row(conn: Connection) -> None:
    admit(conn)
    later = step(2, at=hours(3), stage="shipped", waiting_on="buyer", attention=True, reason="stalled", due_at=hours(9))
    steps.record(conn, later)
    assert recorded(conn, ORDER, 2) == Recorded(1, "digest 2", [{"event": "Taken", "seq": 2}])
    assert recorded(conn, ORDER, 3) is None
    (row,) = screens.list_orders(conn)
    assert (row.stage, row.waiting_on, row.due_at, row.attention, row.reason) == (
        "shipped", "buyer", hours(9), True, "stalled",
    )  # fmt: skip
    assert (row.seq, row.placed_at, row.updated_at) == (2, NOW, hours(3))
    assert orders.snapshot(conn, ORDER) == {"order_id": ORDER, "seq": 2}


def test_an_order_that_is_over_may_be_opened_again_by_a_step(conn: Connection) -> None:
    admit(conn)
    steps.record(conn, step(2, over=True, due_at=None))
    assert orders.status(conn, ORDER) == Standing("over", 2, 1)
    steps.record(conn, step(3))
    assert orders.status(conn, ORDER) == Standing("open", 3, 1)


@pytest.mark.parametrize("changes", [{"seq": 3}, {"seq": 1}, {"epoch": 2}, {"epoch": 0}, {"order_id": "unknown"}])
def test_a_run_that_does_not_stand_where_the_order_stands_writes_nothing(
    conn: Connection, changes: dict[str, object]
) -> None:
    admit(conn)
    with pytest.raises(StaleEpoch):
        steps.record(conn, step(**{"seq": 2, **changes}))  # type: ignore[arg-type]  # Changes are fields of the row.
    assert orders.status(conn, ORDER) == Standing("open", 1, 1)
    assert len(screens.story(conn, ORDER).steps) == 1


def test_a_refused_order_takes_no_step(conn: Connection) -> None:
    orders.claim(conn, ORDER, "hash", checkout(), None)
    orders.refuse(conn, ORDER, "total", "is wrong")
    with pytest.raises(StaleEpoch):
        steps.record(conn, step(1))


def test_of_two_runs_at_once_one_takes_the_step(engine: Engine) -> None:
    with engine.begin() as conn:
        admit(conn)
    works = [partial(steps.record, row=step(2, command_id=name)) for name in ("c-a", "c-b")]
    assert sorted(type(result).__name__ for result in at_once(engine, *works)) == ["NoneType", "StaleEpoch"]
    with engine.begin() as conn:
        assert len(screens.story(conn, ORDER).steps) == 2


def test_a_command_takes_one_step(engine: Engine) -> None:
    with engine.begin() as conn:
        admit(conn)
        steps.record(conn, step(2, command_id="c-same"))
        admit(conn, "o-2")
        steps.record(conn, step(2, "o-2", command_id="c-same"))
    with pytest.raises(Conflict, match="c-same took a step of order o-1 before"), engine.begin() as conn:
        steps.record(conn, step(3, command_id="c-same"))


def test_clocks_have_no_command_id_to_repeat(conn: Connection) -> None:
    admit(conn)
    for seq in (2, 3):
        steps.record(conn, step(seq, command_id="", source="clock"))


def test_an_open_order_without_a_clock_is_not_written(engine: Engine) -> None:
    with engine.begin() as conn:
        admit(conn)
    with pytest.raises(IntegrityError, match="orders_"), engine.begin() as conn:
        steps.record(conn, step(2, due_at=None))


def test_a_step_that_is_not_written_leaves_the_order_where_it_was(engine: Engine) -> None:
    with engine.begin() as conn:
        admit(conn)
    with pytest.raises(IntegrityError, match="steps_source_check"), engine.begin() as conn:
        steps.record(conn, step(2, source="rumour"))
    with engine.begin() as conn:
        assert orders.status(conn, ORDER) == Standing("open", 1, 1)


def test_what_postgresql_cannot_store_does_not_stop_a_step(conn: Connection) -> None:
    admit(conn)
    steps.record(
        conn, step(2, body={"reason": "a\0b \ud800 c", "days": float("nan"), "k\0": ["\\u0000", "😀", 1, None]})
    )
    (_, taken) = screens.story(conn, ORDER).steps
    assert taken.body == {"reason": "a\ufffdb \ufffd c", "days": "nan", "k\ufffd": ["\\u0000", "😀", 1, None]}


@pytest.mark.parametrize(("text", "stored"), [("a\0b", "a\ufffdb"), ("\udc00", "\ufffd"), ("\\u0000", "\\u0000")])
def test_one_text_that_postgresql_cannot_store_is_enough(conn: Connection, text: str, stored: str) -> None:
    admit(conn)
    steps.record(conn, step(2, body={"reason": text}))
    assert screens.story(conn, ORDER).steps[1].body == {"reason": stored}


def test_any_refused_message_can_be_kept(conn: Connection) -> None:
    drop = "'; DROP TABLE orders"
    row = RefusalRow(ORDER, NOW, "con\0firm", "\ud800", "", "x" * 9000, "unreadable", drop, "signal", "")
    steps.refused(conn, row)
    (kept,) = screens.story(conn, ORDER).refusals
    assert (kept.name, kept.command_id, len(kept.actor_id)) == ("con\ufffdfirm", "\ufffd", steps.LONGEST_TEXT)
    assert kept.at == NOW


def test_a_step_is_dated_by_the_order_and_by_the_wall_clock(conn: Connection) -> None:
    admit(conn)
    (taken,) = screens.story(conn, ORDER).steps
    assert taken.at == NOW
    now = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
    assert abs((now - taken.recorded_at).total_seconds()) < 60


def test_a_step_that_was_begun_is_handed_to_the_next_run_and_ends_with_its_record(engine: Engine) -> None:
    with engine.begin() as conn:
        admit(conn)
        steps.begin(conn, ORDER, 2, 1, {"step": "ship", "events": [{"event": "x"}]})
        steps.begin(conn, ORDER, 2, 1, {"step": "ship", "events": [{"event": "x"}]})
    with engine.begin() as conn:
        assert orders.next_epoch(conn, ORDER)[1]["under_way"] == {"step": "ship", "events": [{"event": "x"}]}
        assert "under_way" not in (orders.snapshot(conn, ORDER) or {})
        steps.record(conn, step(2, epoch=2, events=[{"event": "x"}]))
        assert "under_way" not in orders.next_epoch(conn, ORDER)[1]


@pytest.mark.parametrize(("seq", "epoch"), [(1, 1), (3, 1), (2, 0), (2, 2)])
def test_a_run_of_another_epoch_or_sequence_begins_nothing(engine: Engine, seq: int, epoch: int) -> None:
    with engine.begin() as conn:
        admit(conn)
    with engine.begin() as conn, pytest.raises(StaleEpoch):
        steps.begin(conn, ORDER, seq, epoch, {"events": []})


def test_no_other_step_takes_the_place_of_one_that_was_begun(engine: Engine) -> None:
    with engine.begin() as conn:
        admit(conn)
        steps.begin(conn, ORDER, 2, 1, {"events": [{"event": "x"}]})
    with engine.begin() as conn, pytest.raises(StaleEpoch):
        steps.begin(conn, ORDER, 2, 1, {"events": [{"event": "y"}]})
    with engine.begin() as conn, pytest.raises(StaleEpoch):
        steps.record(conn, step(2, events=[{"event": "y"}]))
