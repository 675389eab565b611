"""A mail that comes back for good: the address is marked, and its mark goes when the address does."""

from __future__ import annotations

from sqlalchemy import Engine, select

from activities.store import personal
from activities.store.desk import messages
from activities.store.desk.message_tables import bounces
from activities.store.personal import Person
from activities.store.vault import Vault
from domain.state import Actor, Role
from tests.activities.told_orders import BUYER, SELLER, Desk, Told
from tests.smtp_fixture import PostOffice


def marked(engine: Engine) -> list[tuple[str, str]]:
    with engine.begin() as conn:
        return [tuple(row) for row in conn.execute(select(bounces.c.person_id, bounces.c.code))]


def test_an_address_that_the_server_does_not_know_is_marked_until_it_changes(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    post_office.refusals[BUYER] = "550 5.1.1 no such user"
    assert desk.deliver(life.now).failed == 1
    assert marked(engine) == [("buyer-1", "smtp_550")]
    with engine.begin() as conn:
        assert "bea" not in str(conn.execute(select(bounces)).all())
        personal.put_person(conn, safe, "o-1", Person("buyer-1", "Bea", "bea@other.test"))
    assert marked(engine) == []


def test_a_mark_goes_when_a_mail_arrives_after_all(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    post_office.refusals[SELLER] = "552 5.2.2 mailbox full"
    desk.deliver(life.now)
    assert marked(engine) == [("seller-1", "smtp_552")]
    post_office.refusals.clear()
    life.steps("confirm", "arrive")
    desk.deliver(life.now)
    assert (SELLER, "secured.seller") in post_office.arrived
    assert marked(engine) == []


def test_an_address_that_is_none_is_marked_and_one_that_only_has_to_wait_is_not(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    with engine.begin() as conn:
        personal.put_person(conn, safe, "o-1", Person("buyer-1", "Bea", "not an address"))
    post_office.refusals[SELLER] = "451 4.7.1 greylisted"
    desk.deliver(life.now)
    assert marked(engine) == [("buyer-1", "bad_address")]


def test_a_message_is_mailed_with_its_text_as_it_stands_and_not_when_it_was_erased(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    desk.deliver(life.now)
    post_office.raw.clear()
    buyer = Actor(Role.BUYER, "buyer-1")
    with engine.begin() as conn:
        messages.put_text(conn, safe, "o-1", "m-1", buyer, life.now, "Is it boxed?\nSubject: free money")
        decided = life.do("message", Role.BUYER, message_id="m-1")
        messages.keep(conn, life.order, life.order.seq, life.now, buyer, decided.events)
        life.do("message", Role.BUYER, message_id="m-2")
    life.keep()
    told = desk.deliver(life.now)
    assert (told.sent, told.dropped) == (1, 1)
    (mail,) = post_office.mails
    assert (str(mail["To"]), str(mail["X-Aftersale-Notice"])) == (SELLER, "message.seller")
    assert "> Is it boxed?\n> Subject: free money\n" in mail.get_content().replace("\r\n", "\n")
    assert str(mail["Subject"]) == "Neue Nachricht zur Bestellung o-1"
    assert desk.deliver(life.now).sent == 0
