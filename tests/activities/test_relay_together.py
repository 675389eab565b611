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
from activities.store.tables import outbox
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


def test_a_database_that_stumbles_makes_nothing_leave_again(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    stumbles = iter([False, True])

    def break_off() -> None:
        if next(stumbles, False):
            with engine.begin() as conn:
                others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                conn.execute(text(f"{others} AND datname = current_database() AND state = 'idle in transaction'"))

    for number in range(2):
        Told(engine, safe, f"o-{number}")
    desk = Desk(engine, safe, post_office, mailer=Watched(post_office, break_off))
    with pytest.raises(SQLAlchemyError):
        desk.deliver(START)
    desk.deliver(START)
    ids = Counter(str(mail["Message-ID"]) for mail in post_office.mails)
    assert (len(ids), set(ids.values())) == (4, {1})
