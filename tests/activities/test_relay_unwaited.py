"""Nobody waits for what is being sent: a reminder may be taken back or moved while its mail is on the way."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import Connection, Engine, text

from activities.mail import NotSent, SmtpMailer
from activities.notices import outbox_rows
from activities.relay import Delivered, Patience
from activities.store import outbox, personal
from activities.store.vault import Vault
from domain.notices import reminders
from domain.state import Role
from tests.activities.told_orders import SELLER, Desk, Told
from tests.domain.world import START
from tests.smtp_fixture import PostOffice

REMIND = "remind_confirm.seller"
DUE = START + timedelta(hours=25)


class Held:
    """Keeps hold of the first mail of a kind until it is let go, and hands it over then, or does not."""

    def __init__(self, post_office: PostOffice, kind: str) -> None:
        self._inner = SmtpMailer(post_office.host, post_office.port)
        self._kind = kind
        self.held, self.let_go = threading.Event(), threading.Event()
        self.trouble: BaseException | None = None

    def send(self, message: EmailMessage) -> None:
        if message["X-Aftersale-Notice"] == self._kind and not self.held.is_set():
            self.held.set()
            assert self.let_go.wait(30)
            if self.trouble is not None:
                raise self.trouble
        self._inner.send(message)


@contextmanager
def while_sent(desk: Desk, mailer: Held) -> Iterator[list[Delivered]]:
    """In this block a relay sends the mail that is held; afterwards it has gone on, and what it did is in the list."""
    delivered: list[Delivered] = []
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(desk.deliver, DUE)
        try:
            assert mailer.held.wait(30)
            yield delivered
        finally:
            mailer.let_go.set()
        delivered.append(work.result(30))


def set_reminders(conn: Connection, life: Told, *, wanted: bool = True) -> None:
    """What each step of the order does, when it would not wait for anybody."""
    conn.execute(text("SET LOCAL lock_timeout = '300ms'"))
    rows = outbox_rows(life.order, life.order.seq, reminders(life.order)) if wanted else []
    outbox.set_reminders(conn, life.order.order_id, rows, DUE)


def reminded(post_office: PostOffice) -> list[str]:
    return [str(mail["Message-ID"]) for mail in post_office.mails if mail["X-Aftersale-Notice"] == REMIND]


@pytest.mark.parametrize("kind", ["paid.buyer", REMIND])
def test_no_step_waits_for_a_mail_that_is_being_sent(
    engine: Engine, safe: Vault, post_office: PostOffice, kind: str
) -> None:
    lives = [Told(engine, safe, f"o-{number}") for number in range(4)]
    Desk(engine, safe, post_office).deliver(START)
    lives.append(Told(engine, safe, "o-late"))
    mailer = Held(post_office, kind)
    desk = Desk(engine, safe, post_office, mailer=mailer)
    with while_sent(desk, mailer):
        for life in lives:
            with engine.begin() as conn:
                set_reminders(conn, life)
    desk.deliver(DUE)
    assert Counter(post_office.arrived)[(SELLER, REMIND)] == len(lives)
    assert set(Counter(str(mail["Message-ID"]) for mail in post_office.mails).values()) == {1}


def test_a_reminder_that_is_taken_back_while_it_is_sent_has_left_and_is_not_sent_when_wanted_again(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    life, mailer = Told(engine, safe), Held(post_office, REMIND)
    desk = Desk(engine, safe, post_office, mailer=mailer)
    with while_sent(desk, mailer), engine.begin() as conn:
        set_reminders(conn, life, wanted=False)
    with engine.begin() as conn:
        set_reminders(conn, life)
    desk.deliver(DUE + timedelta(hours=2))
    assert len(reminded(post_office)) == 1
    assert [row for row in desk.rows("template", "sent_at", "dropped_at") if row[0] == "remind_confirm"] == [
        ("remind_confirm", DUE, None)
    ]


def test_a_reminder_that_is_taken_back_while_it_cannot_be_sent_stays_so(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    life, mailer = Told(engine, safe), Held(post_office, REMIND)
    mailer.trouble = NotSent("smtp_451")
    desk = Desk(engine, safe, post_office, mailer=mailer)
    with while_sent(desk, mailer), engine.begin() as conn:
        set_reminders(conn, life, wanted=False)
    desk.deliver(DUE + timedelta(hours=2))
    assert reminded(post_office) == []


def test_a_reminder_that_moves_while_it_cannot_be_sent_is_sent_at_its_new_time(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    life, mailer = Told(engine, safe), Held(post_office, REMIND)
    mailer.trouble = NotSent("smtp_451")
    desk = Desk(engine, safe, post_office, mailer=mailer)
    with while_sent(desk, mailer):
        life.do("extend", Role.SPECIALIST, clock="confirm", until="2026-11-27T09:00:00Z", note_id="n1")
        life.keep()
    (moved,) = reminders(life.order)
    assert moved.due > DUE + timedelta(hours=2)
    desk.deliver(moved.due - timedelta(seconds=1))
    assert reminded(post_office) == []
    desk.deliver(moved.due)
    assert len(reminded(post_office)) == 1


def test_what_one_relay_is_sending_no_other_one_sends(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    lives = [Told(engine, safe, f"o-{number}") for number in range(3)]
    mailer = Held(post_office, REMIND)
    first, second = Desk(engine, safe, post_office, mailer=mailer), Desk(engine, safe, post_office)
    with while_sent(first, mailer):
        second.deliver(DUE)
        assert len(set(reminded(post_office))) == len(lives) - 1
    second.deliver(DUE + timedelta(hours=1))
    assert len(set(reminded(post_office))) == len(reminded(post_office)) == len(lives)


class Killed(BaseException):
    """The end of a relay."""


@pytest.mark.parametrize("lent", [timedelta(minutes=15), timedelta(hours=2)])
def test_a_reminder_with_which_a_relay_died_is_sent_later_and_by_another_one(
    engine: Engine, safe: Vault, post_office: PostOffice, lent: timedelta
) -> None:
    Told(engine, safe)
    mailer = Held(post_office, REMIND)
    mailer.trouble = Killed()
    with (
        pytest.raises(Killed),
        while_sent(Desk(engine, safe, post_office, mailer=mailer, patience=Patience(lent=lent)), mailer),
    ):
        pass
    other = Desk(engine, safe, post_office)
    assert other.deliver(DUE + lent - timedelta(seconds=1)) == Delivered()
    assert other.deliver(DUE + lent) == Delivered(sent=1)
    assert len(reminded(post_office)) == 1


def test_what_is_known_of_a_parcel_can_change_while_mails_of_its_shipment_are_sent(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    life = Told(engine, safe).number("p1", "JJD0142CANARY7781").steps("confirm")
    Desk(engine, safe, post_office).hourly(START, 2)
    life.steps("ship")
    mailer = Held(post_office, "secured.seller")
    desk = Desk(engine, safe, post_office, mailer=mailer)
    with while_sent(desk, mailer), engine.begin() as conn:
        assert desk.carrier.followed
        conn.execute(text("SET LOCAL lock_timeout = '300ms'"))
        personal.put_parcel(conn, safe, life.order.order_id, "p1", "ups", "JJD0142CANARY7781")
    with engine.begin() as conn:
        assert personal.parcels_of_tracker(conn, "trk_1") == (("o-1", "p1"),)
