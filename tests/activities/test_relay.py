from __future__ import annotations

import base64
import quopri
import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, select

from activities.mail import EmlMailer, Mailer, NotSent, SmtpMailer
from activities.relay import Delivered, Patience
from activities.store import outbox, personal
from activities.store.personal import Person
from activities.store.tables import parcels
from activities.store.vault import Vault
from domain.errors import Unknown
from domain.money import Verb
from domain.parcels.tracking import NotTrackable
from domain.state import Role
from tests.activities.told_orders import BUYER, DESK, SELLER, Desk, Told
from tests.domain.world import RENEWS, START, done, done_with_mandate, scan, unclear
from tests.serving import refused
from tests.smtp_fixture import PostOffice

CANARY = "JJD0142CANARY7781"


def test_a_smooth_life_is_told_once_and_in_order(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    for steps in (("confirm",), ("arrive",), ("receive",)):
        desk.deliver(life.now)
        life.steps(*steps)
    assert desk.deliver(life.now).sent > 0
    assert desk.deliver(life.now + timedelta(days=30)) == Delivered()
    assert post_office.arrived == [
        (BUYER, "paid.buyer"),
        (SELLER, "paid.seller"),
        (BUYER, "confirm.buyer"),
        (SELLER, "secured.seller"),
        (BUYER, "ship.buyer"),
        (BUYER, "parcel_scan.buyer"),
        (SELLER, "released.seller"),
    ]


def test_after_an_outage_of_two_days_everything_is_sent_once_and_in_order(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe).steps("confirm", "arrive")
    with post_office.closed():
        now = desk.hourly(life.now, 48)
        assert desk.deliver(now).sent == 0
    now += timedelta(hours=1)
    desk.deliver(now)
    assert post_office.arrived == [
        (BUYER, "paid.buyer"),
        (SELLER, "paid.seller"),
        (BUYER, "confirm.buyer"),
        (SELLER, "secured.seller"),
        (BUYER, "ship.buyer"),
        (BUYER, "parcel_scan.buyer"),
        (BUYER, "remind_receipt.buyer"),
    ]
    assert desk.tickets() == []
    assert desk.deliver(now + timedelta(hours=2)) == Delivered()


def test_what_is_no_longer_true_is_dropped(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe).steps("confirm")
    desk.deliver(life.now)
    post_office.raw.clear()
    life.do("request_cancel", Role.BUYER, reason="changed_mind")
    life.do("refuse_cancel", Role.SELLER)
    life.keep()
    assert desk.deliver(life.now).dropped == 1
    assert post_office.arrived == [(BUYER, "refuse_cancel.buyer")]


def test_a_notice_is_dropped_when_its_time_is_over(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    desk.deliver(life.now)
    assert desk.deliver(life.now + timedelta(days=2)) == Delivered(dropped=1)
    assert (SELLER, "remind_confirm.seller") not in post_office.arrived


def test_a_reminder_is_sent_in_time_and_never_again(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    desk.deliver(life.now)
    assert desk.deliver(life.now + timedelta(hours=23)) == Delivered()
    assert desk.deliver(life.now + timedelta(hours=24)) == Delivered(sent=1)
    life.do("extend", Role.SPECIALIST, clock="confirm", until="2026-11-27T09:00:00Z", note_id="n1")
    life.keep()
    desk.deliver(life.now + timedelta(days=3))
    assert Counter(post_office.arrived)[(SELLER, "remind_confirm.seller")] == 1


def test_progress_cancels_a_reminder(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    life.steps("confirm")
    desk.deliver(life.now + timedelta(hours=30))
    assert (SELLER, "remind_confirm.seller") not in post_office.arrived


def test_a_reminder_that_a_pause_took_back_comes_after_it(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe, answer=done_with_mandate, policy=RENEWS)
    life.do("pause", Role.OPERATOR, until="2026-11-26T09:00:00Z", note_id="n1")
    life.keep()
    desk.deliver(life.now + timedelta(days=2))
    assert (SELLER, "remind_confirm.seller") not in post_office.arrived
    life.until("pause_ends")
    life.keep()
    desk.deliver(life.now + timedelta(hours=25))
    assert Counter(post_office.arrived)[(SELLER, "remind_confirm.seller")] == 1


def test_two_relays_at_once_send_each_mail_once(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    for number in range(6):
        Told(engine, safe, f"o-{number}").steps("confirm")
    first, second = Desk(engine, safe, post_office), Desk(engine, safe, post_office)
    together = threading.Barrier(2, timeout=10)
    delivered: list[Delivered] = []

    def work(desk: Desk) -> None:
        together.wait()
        delivered.append(desk.deliver(START))
        delivered.append(desk.deliver(START))

    threads = [threading.Thread(target=work, args=(desk,)) for desk in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    first.deliver(START)
    ids = Counter(str(mail["Message-ID"]) for mail in post_office.mails)
    assert len(ids) == 18
    assert set(ids.values()) == {1}
    for number in range(6):
        mine = [
            mail for mail in post_office.mails if mail["X-Aftersale-Order"] == f"o-{number}" and mail["To"] == BUYER
        ]
        assert [str(mail["X-Aftersale-Notice"]) for mail in mine] == ["paid.buyer", "confirm.buyer"]


def test_the_loop_delivers_until_it_is_stopped(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, stop = Desk(engine, safe, post_office), threading.Event()
    Told(engine, safe)
    looks: list[datetime] = []

    def clock() -> datetime:
        looks.append(START)
        if len(looks) == 3:
            stop.set()
        return START

    desk.relay.run(stop, clock, every=0.001)
    assert len(looks) == 3
    assert len(post_office.arrived) == 2


def test_the_loop_outlives_a_database_that_is_away(
    engine: Engine, safe: Vault, post_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    from activities.store.database import connect

    with refused() as nowhere:
        away = connect(f"postgresql://aftersale_app@{nowhere.removeprefix('http://')}/none")
        desk, stop = Desk(away, safe, post_office), threading.Event()
        looks: list[datetime] = []

        def clock() -> datetime:
            looks.append(START)
            if len(looks) == 2:
                stop.set()
            return START

        desk.relay.run(stop, clock, every=0.001)
        assert len(looks) == 2


def forms(number: str) -> list[bytes]:
    """A number as it may be hidden in bytes."""
    plain = number.encode()
    return [plain, plain.lower(), base64.b64encode(plain)[:16], plain.hex().encode(), quote(number).encode()]


def test_a_tracking_number_reaches_only_buyer_and_seller(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe).steps("confirm").number("p1", CANARY)
    life.ship(tracking_number=CANARY)
    life.keep()
    scan(life, "p1", "lost")
    life.until("ticket_overdue")
    life.keep()
    desk.deliver(life.now)
    shown = [mail for mail in post_office.mails if any(form in unfolded(mail) for form in forms(CANARY))]
    assert sorted((str(mail["To"]), str(mail["X-Aftersale-Notice"])) for mail in shown) == [
        (BUYER, "ship.buyer"),
        (SELLER, "secured.seller"),
    ]
    assert any(mail["To"] == DESK for mail in post_office.mails)
    assert desk.carrier.followed == [("dhl", CANARY)]
    assert CANARY not in repr(desk.rows("cause", "context", "error"))


def unfolded(mail: EmailMessage) -> bytes:
    """The bytes of a mail, with and without the encoding of its body."""
    raw = mail.as_bytes()
    return raw + quopri.decodestring(raw)


def test_a_stranger_without_address_fails_with_one_ticket_and_blocks_nobody(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    with engine.begin() as conn:
        personal.put_person(conn, safe, "o-1", Person("buyer-1", "Bea", ""))
    life.steps("confirm")
    assert desk.deliver(life.now) == Delivered(sent=3, failed=2)  # The storefront's rows and the seller's mail leave.
    assert post_office.arrived == [(SELLER, "paid.seller")]
    assert desk.tickets() == [("notice_failed", "buyer")]


@pytest.mark.parametrize("address", ["no address", "bea@buyer.test\nBcc: x@y.test", "@", "bea@"])
def test_an_impossible_address_is_never_tried(
    engine: Engine, safe: Vault, post_office: PostOffice, address: str
) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    with engine.begin() as conn:
        personal.put_person(conn, safe, "o-1", Person("buyer-1", "Bea", address))
    desk.deliver(life.now)
    assert post_office.arrived == [(SELLER, "paid.seller")]
    assert ("bad_address",) in desk.rows("error")


def test_a_mailbox_that_is_gone_becomes_a_ticket(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    post_office.refusals[BUYER] = "550 5.1.1 no such mailbox"
    assert desk.deliver(life.now).failed == 1
    assert ("smtp_550",) in desk.rows("error")
    assert desk.tickets() == [("notice_failed", "buyer")]


def test_a_full_mailbox_is_tried_again_later(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    post_office.refusals[BUYER] = "452 4.2.2 mailbox full"
    assert desk.deliver(life.now).retried == 1
    assert desk.deliver(life.now).retried == 0
    post_office.refusals.clear()
    assert desk.deliver(life.now + timedelta(minutes=1)).sent == 1


def test_patience_ends_with_a_ticket(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office, patience=Patience(attempts=3)), Told(engine, safe)
    post_office.refusals[SELLER] = "451 4.3.0 try later"
    desk.hourly(life.now, 5)
    assert (SELLER, "paid.seller") not in post_office.arrived
    assert desk.tickets() == [("notice_failed", "seller")]


def test_patience_lasts_for_days() -> None:
    patience = Patience()
    assert sum((patience.wait(n) for n in range(1, patience.attempts)), timedelta()) > timedelta(days=5)


class Forgetful:
    """Hands mails over and then dies, as often as it is told to."""

    def __init__(self, mailer: Mailer, deaths: int) -> None:
        self._mailer, self._deaths = mailer, deaths

    def send(self, message: EmailMessage) -> None:
        self._mailer.send(message)
        if self._deaths:
            self._deaths -= 1
            raise NotSent("crash")


def test_a_repeat_after_a_crash_has_the_same_message_id(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    mailer = Forgetful(SmtpMailer(post_office.host, post_office.port), 1)
    desk, life = Desk(engine, safe, post_office, mailer=mailer), Told(engine, safe)
    desk.hourly(life.now, 2)
    mine = [str(mail["Message-ID"]) for mail in post_office.mails if mail["X-Aftersale-Notice"] == "paid.buyer"]
    assert len(mine) == 2
    assert len(set(mine)) == 1


def test_mails_as_files_are_written_once(engine: Engine, safe: Vault, post_office: PostOffice, tmp_path: Path) -> None:
    mailer = EmlMailer(tmp_path / "mails")
    desk, life = Desk(engine, safe, post_office, mailer=mailer), Told(engine, safe)
    desk.deliver(life.now)
    files = sorted(path.name for path in (tmp_path / "mails").iterdir())
    assert [name.rpartition("-")[0] for name in files] == [
        "2026-11-23T090000-o-1-paid.buyer",
        "2026-11-23T090000-o-1-paid.seller",
    ]


def test_a_carrier_follows_a_parcel_under_its_tracker(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe).number("p1", CANARY).steps("confirm", "ship")
    desk.carrier.trouble = Unknown("the carrier service did not answer")
    assert desk.deliver(life.now).retried == 1
    assert desk.deliver(life.now + timedelta(minutes=1)).sent == 1
    with engine.begin() as conn:
        assert conn.scalar(select(parcels.c.tracker_id)) == "trk_1"


def test_a_parcel_that_cannot_be_followed_travels_untracked(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe).number("p1", CANARY).steps("confirm", "ship")
    desk.carrier.trouble = NotTrackable("no such carrier")
    assert desk.deliver(life.now).dropped == 1
    assert desk.tickets() == []


def test_a_row_that_nobody_can_read_does_not_stop_the_others(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    odd = outbox.Notice("o-1", 1, "odd", "seller", "seller-1", "mail", "parcel_scan", {}, START)
    with engine.begin() as conn:
        outbox.queue(conn, [odd])
        outbox.queue(conn, [replace(odd, cause="odder", recipient_id="buyer-1", template="no_such_template")])
    told = desk.deliver(life.now)
    assert (told.retried, told.failed) == (1, 1)
    assert desk.tickets() == [("notice_failed", "seller")]
    assert post_office.arrived == [(BUYER, "paid.buyer"), (SELLER, "paid.seller")]


def test_the_buyer_learns_the_number_when_the_money_is_secured(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe, answer=unclear(Verb.CAPTURE)).steps("confirm")
    desk.deliver(life.now)
    post_office.raw.clear()
    life.steps("ship")
    desk.deliver(life.now)
    assert post_office.arrived == [(SELLER, "capture_pending.seller")]
    life.answer = done
    life.until("settle")
    life.keep()
    post_office.raw.clear()
    desk.deliver(life.now)
    assert post_office.arrived == [(SELLER, "secured.seller"), (BUYER, "ship.buyer")]
