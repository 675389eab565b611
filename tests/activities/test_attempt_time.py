"""When an attempt begins, by the server's clock alone: a worker's own may be a day off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.perform import present
from domain.contract import Ask, Envelope
from domain.state import SYSTEM
from tests.domain.world import START, new_order


def test_the_time_that_an_attempt_waited_is_told_by_the_server_alone() -> None:
    ask = Ask("settle", 2, 1, START, "clock", "settle", Envelope("c-1", SYSTEM), "placed", (), new_order(), (), START)
    asked = datetime(2031, 5, 6, 7, 0, tzinfo=UTC)
    attempt = ActivityEnvironment()
    attempt.info = replace(attempt.info, scheduled_time=asked, started_time=asked + timedelta(minutes=3))
    assert attempt.run(present, ask) == START + timedelta(minutes=3)
