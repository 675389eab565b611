"""Rows of the outbox that leave together share a transaction, for as long as nobody has to wait for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from activities.mail import SmtpMailer
from activities.relay import Patience
from activities.store.tables import outbox, parcels
from activities.store.vault import Vault
from tests.activities.told_orders import Desk, Told
from tests.domain.world import START
from tests.smtp_fixture import PostOffice


class Watched:
    """Hands mails over, and does something of its own after each."""

    def __init__(self, post_office: PostOffice, then: Callable[[], None]) -> None:
        self._inner = SmtpMailer(post_office.host, post_office.port)
        self._then = then

    def send(self, message: EmailMessage) -> None:
        self._inner.send(message)
        self._then()


@pytest.mark.parametrize(("shared", "recorded"), [(timedelta(0), [0, 1, 3, 4]), (timedelta(hours=1), [0, 0, 0, 0])])
def test_rows_share_a_transaction_until_its_time_is_over(
    engine: Engine, safe: Vault, post_office: PostOffice, shared: timedelta, recorded: list[int]
) -> None:
    found: list[int] = []

    def look() -> None:
        with engine.begin() as conn:
            sent = select(func.count()).select_from(outbox).where(outbox.c.sent_at.is_not(None))
            found.append(conn.scalar(sent) or 0)

    for number in range(2):
        Told(engine, safe, f"o-{number}")
    desk = Desk(engine, safe, post_office, mailer=Watched(post_office, look), patience=Patience(shared=shared))
    assert desk.deliver(START).sent == 6
    assert found == recorded


def cut(engine: Engine) -> None:
    """The database is taken from whoever waits in a transaction."""
    with engine.begin() as conn:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        conn.execute(text(f"{others} AND datname = current_database() AND state = 'idle in transaction'"))


def test_a_database_that_stumbles_makes_nothing_leave_again(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    stumbles = iter([False, True])

    def break_off() -> None:
        if next(stumbles, False):
            cut(engine)

    for number in range(2):
        Told(engine, safe, f"o-{number}")
    desk = Desk(engine, safe, post_office, mailer=Watched(post_office, break_off))
    with pytest.raises(SQLAlchemyError):
        desk.deliver(START)
    desk.deliver(START)
    ids = Counter(str(mail["Message-ID"]) for mail in post_office.mails)
    assert (len(ids), set(ids.values())) == (4, {1})


def test_a_parcel_is_followed_though_the_database_stumbles_before_its_tracker_is_written_down(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe).number("p1", "00340434161094015902")
    life.steps("confirm", "ship")
    follow, stumbles = desk.carrier.track, iter([True])

    def track(carrier: str, number: str) -> str:
        tracker_id = follow(carrier, number)
        if next(stumbles, False):
            cut(engine)
        return tracker_id

    desk.carrier.track = track  # type: ignore[method-assign]
    with pytest.raises(SQLAlchemyError):
        desk.deliver(life.now)
    desk.deliver(life.now)
    with engine.begin() as conn:
        assert conn.scalars(select(parcels.c.tracker_id)).all() == ["trk_2"], "nobody else ever asks for it again"
    assert len(desk.carrier.followed) == 2
    ids = Counter(str(mail["Message-ID"]) for mail in post_office.mails)
    assert set(ids.values()) == {1}, "what cannot be taken back does not leave twice"
