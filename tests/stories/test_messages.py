"""People who write to each other about an order: buyer, seller and the desk, and what each of them may read."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy
from sqlalchemy import select

from activities.mail import SmtpMailer
from activities.relay import Relay
from activities.store import vault
from activities.store.columns import metadata
from activities.store.desk.message_tables import message_reads, messages
from activities.store.tables import looks
from activities.storefront import RowsOnly
from domain.errors import Conflict, Invalid, Refused
from domain.state import Actor, Role
from starter.answers import NotFound
from starter.client import AftersaleClient
from starter.reader import Reader
from starter.records import Records
from tests.activities.told_orders import ADDRESSES, LETTERS, FakeCarrier
from tests.life import BUYER, COMMAND_KEY, OPERATOR, SELLER, SPECIALIST, Life
from tests.marketplace import Marketplace
from tests.smtp_fixture import PostOffice, post_office

__all__ = ["post_office"]

HELLO, ANSWER = "Is the lamp still boxed?", "It is, and goes out tomorrow."
STRANGER = Actor(BUYER, "stranger")


@pytest.fixture
def client(market: Marketplace) -> AftersaleClient:
    return AftersaleClient(market.client, Records(market.engine, market.vault), COMMAND_KEY)


async def said(client: AftersaleClient, life: Life, role: Role, text: str, **how: object) -> None:
    await client.message(life.order_id, life.actor(role), text=text, **how)  # type: ignore[arg-type]  # by keyword
    await life.rest()


async def texts(client: AftersaleClient, life: Life, role: Role) -> list[tuple[str, str, bool]]:
    """Who, what, and whether it is new to the reader, line by line."""
    view = await client.thread(life.order_id, life.actor(role))
    return [(line.who, line.text, line.unread) for line in view.lines]


def relay(market: Marketplace, office: PostOffice) -> Relay:
    mailer = SmtpMailer(office.host, office.port, timeout=5)
    return Relay(market.engine, market.vault, LETTERS, mailer, RowsOnly(), FakeCarrier(), ADDRESSES)


async def test_buyer_and_seller_write_to_each_other_and_each_is_mailed_what_the_other_wrote(
    market: Marketplace, client: AftersaleClient, post_office: PostOffice
) -> None:
    life = await market.order()
    await said(client, life, BUYER, HELLO)
    await said(client, life, SELLER, ANSWER, signal=True)
    assert await texts(client, life, SELLER) == [("buyer", HELLO, True), ("seller", ANSWER, False)]
    assert await texts(client, life, BUYER) == [("buyer", HELLO, False), ("seller", ANSWER, True)]
    relay(market, post_office).deliver(await life.now(), life.order_id)
    mails = {
        str(mail["To"]): mail.get_content() for mail in post_office.mails if "message" in mail["X-Aftersale-Notice"]
    }
    assert {to.partition("-")[0]: f"> {HELLO}" in text.splitlines() for to, text in mails.items()} == {
        "buyer": False,
        "seller": True,
    }
    assert f"> {ANSWER}" in mails[f"{life.actor(BUYER).id}@mail.example"].splitlines()
    assert "Please confirm or decline the order" in mails[f"{life.actor(SELLER).id}@mail.example"]


async def test_what_was_read_is_marked_for_its_reader_alone(market: Marketplace, client: AftersaleClient) -> None:
    life = await market.order()
    buyer, seller = life.actor(BUYER), life.actor(SELLER)
    for text in (HELLO, "And the shade?"):
        await said(client, life, BUYER, text)
    (waits,) = (await client.inbox(seller)).rows
    assert (waits.order_id, waits.unread, waits.stage, waits.waiting_on) == (life.order_id, 2, "placed", "seller")
    assert [row.unread for row in (await client.inbox(buyer)).rows] == [0]
    first, second = (await client.thread(life.order_id, seller)).lines
    await client.mark_read(life.order_id, seller, up_to=first.seq)
    assert [row.unread for row in (await client.inbox(seller)).rows] == [1]
    await client.mark_read(life.order_id, seller, up_to=second.seq + 1000)
    await client.mark_read(life.order_id, seller, up_to=0)
    assert [row.unread for row in (await client.inbox(seller)).rows] == [0]
    await said(client, life, BUYER, "Hello?")
    assert [row.unread for row in (await client.inbox(seller)).rows] == [1], "what comes later is not read in advance"
    assert [line.unread for line in (await client.thread(life.order_id, seller)).lines] == [False, False, True]


async def test_a_specialist_reads_and_writes_in_the_thread_and_notes_stay_with_the_desk(
    market: Marketplace, client: AftersaleClient
) -> None:
    life = await market.order()
    await said(client, life, BUYER, HELLO)
    await said(client, life, SPECIALIST, "We ask the seller.")
    await said(client, life, OPERATOR, "He was late twice before.", internal=True)
    for role in (BUYER, SELLER):
        assert [text for _, text, _ in await texts(client, life, role)] == [HELLO, "We ask the seller."]
        view = Reader(Records(market.engine, market.vault)).show(life.order_id, life.actor(role))
        assert [entry.step for entry in view.story] == ["place", "message", "message"]
        assert {line.author_id for line in (await client.thread(life.order_id, life.actor(role))).lines} <= {
            "",
            life.actor(role).id,
        }
    desk = (await client.thread(life.order_id, life.actor(SPECIALIST))).lines
    assert [(line.who, line.internal, line.unread) for line in desk] == [
        ("buyer", False, True),
        ("specialist", False, False),
        ("operator", True, True),
    ]
    assert desk[2].author_id == "operator-1"
    assert life.told(BUYER).count("message") == 1
    assert life.told(SELLER).count("message") == 2
    assert [row.unread for row in (await client.inbox(life.actor(BUYER))).rows] == [1]
    # The desk's people follow the orders of other tests as well.
    for role in (OPERATOR, SPECIALIST):
        followed = (await client.inbox(life.actor(role))).rows
        assert [row.unread for row in followed if row.order_id == life.order_id] == [2]
    assert (await client.inbox(Actor(SPECIALIST, f"new-{uuid4()}"))).rows == ()


async def test_a_specialist_follows_a_thread_from_the_first_reading_on(
    market: Marketplace, client: AftersaleClient
) -> None:
    life, reader = await market.order(), Actor(SPECIALIST, f"anna-{uuid4()}")
    await said(client, life, BUYER, HELLO)
    up_to = (await client.thread(life.order_id, reader)).up_to
    await client.mark_read(life.order_id, reader, up_to=up_to)
    assert [row.unread for row in (await client.inbox(reader)).rows] == [0]
    await said(client, life, SELLER, ANSWER)
    await said(client, life, OPERATOR, "Settled, it seems.", internal=True)
    assert [row.unread for row in (await client.inbox(reader)).rows] == [2]


async def test_a_message_takes_effect_once_however_often_it_is_sent(
    market: Marketplace, client: AftersaleClient
) -> None:
    life = await market.order()
    for _ in range(2):
        await said(client, life, BUYER, HELLO, command_id="once")
    await said(client, life, BUYER, HELLO, command_id="once", signal=True)
    with pytest.raises(Conflict):
        await said(client, life, BUYER, "Something else.", command_id="once")
    assert await texts(client, life, SELLER) == [("buyer", HELLO, True)]
    assert life.told(SELLER).count("message") == 1


async def test_a_text_whose_command_was_refused_is_read_by_nobody(market: Marketplace, client: AftersaleClient) -> None:
    life = await market.order()
    with pytest.raises(Refused) as refused:
        await said(client, life, BUYER, HELLO, internal=True)
    assert refused.value.code == "internal_not_allowed"
    with pytest.raises(Invalid):
        await said(client, life, BUYER, "x" * 5001)
    for nothing in ("  \n ", "\u00a0\u200b", "\u2800"):
        with pytest.raises(Invalid, match="one at least is to be seen"):
            await said(client, life, BUYER, nothing)
    for role in (BUYER, SELLER, SPECIALIST):
        assert await texts(client, life, role) == []
    await life.send("cancel", BUYER, reason="other")
    await life.result()
    with pytest.raises(Refused) as over:
        await said(client, life, BUYER, HELLO)
    assert over.value.code == "order_over"
    assert await texts(client, life, SELLER) == []


async def test_nobody_writes_to_or_reads_of_somebody_elses_order(market: Marketplace, client: AftersaleClient) -> None:
    life = await market.order()
    insider = Actor(SPECIALIST, life.actor(SELLER).id)
    for stranger in (STRANGER, Actor(SELLER, life.actor(BUYER).id), insider):
        with pytest.raises(Refused if stranger is insider else NotFound):
            await client.message(life.order_id, stranger, text=HELLO)
        for asked in (
            client.thread(life.order_id, stranger),
            client.mark_read(life.order_id, stranger, up_to=1),
            client.notices(life.order_id, stranger),
        ):
            with pytest.raises(NotFound):
                await asked
    with market.engine.begin() as conn:
        assert conn.execute(select(messages).where(messages.c.order_id == life.order_id)).all() == []
    with pytest.raises(NotFound):
        await client.thread("o-nowhere", STRANGER)


async def test_an_id_without_a_text_of_its_author_says_nothing_and_the_order_goes_on(
    market: Marketplace, client: AftersaleClient
) -> None:
    life = await market.order()
    with market.engine.begin() as conn:
        conn.execute(
            sqlalchemy.insert(messages).values(
                order_id=life.order_id,
                message_id="of-the-buyer",
                author_role="buyer",
                author_id=life.actor(BUYER).id,
                at=await life.now(),
                sealed=b"x",
            )
        )
    for message_id in ("never-stored", "of-the-buyer"):
        with pytest.raises(Refused) as refused:
            await life.send("message", SELLER, message_id=message_id)
        assert refused.value.code == "message_unknown"
    await life.signal("message", SELLER, message_id="never-stored")
    assert life.refusals() == ["message_unknown"]
    assert life.steps() == ["place"]
    await life.send("confirm", SELLER)
    await said(client, life, SELLER, ANSWER)
    assert await texts(client, life, BUYER) == [("seller", ANSWER, True)]


async def test_a_seller_who_wrote_is_not_reminded_and_the_clock_goes_on(
    market: Marketplace, client: AftersaleClient
) -> None:
    life = await market.order()
    assert [row["template"] for row in life.reminders()] == ["remind_confirm"]
    await said(client, life, BUYER, HELLO)
    assert [row["template"] for row in life.reminders()] == ["remind_confirm"], "the buyer's question spares nobody"
    await said(client, life, SELLER, ANSWER)
    assert life.reminders() == []
    clock = life.clock("confirm_overdue")
    await life.desk("extend", clock="confirm", until=clock.at + timedelta(days=1))
    assert life.reminders() == []
    await life.until("confirm_overdue")
    assert "remind_confirm" not in [row["template"] for row in life.notices() if not row["dropped_at"]]


async def test_shipping_writes_the_parcel_into_the_thread_and_its_number_for_the_three_parties_alone(
    market: Marketplace, client: AftersaleClient
) -> None:
    life, number = await market.order(), f"CANARY{uuid4().hex[:14].upper()}"
    await life.send("confirm", SELLER)
    await life.ship("p1", number)
    for role in (BUYER, SELLER):
        (line,) = (await client.thread(life.order_id, life.actor(role))).lines
        assert (line.kind, line.text, line.tracking_number) == ("shipped", "A parcel was sent with DHL.", number)
        assert line.unread is (role is BUYER)
    with market.engine.begin() as conn:
        assert conn.execute(select(looks).where(looks.c.order_id == life.order_id)).all() == []
    (line,) = (await client.thread(life.order_id, Actor(SPECIALIST, "anna"))).lines
    assert line.tracking_number == number
    with market.engine.begin() as conn:
        seen = conn.execute(select(looks.c.parcel_id, looks.c.actor_id).where(looks.c.order_id == life.order_id)).all()
        stored = conn.execute(select(messages).where(messages.c.order_id == life.order_id)).one()
    assert [tuple(row) for row in seen] == [("p1", "anna")]
    assert number not in str(stored)
    with pytest.raises(NotFound):
        await client.thread(life.order_id, STRANGER)


async def test_a_parcel_whose_payment_failed_is_told_as_taken_back_and_its_number_to_nobody(
    market: Marketplace, client: AftersaleClient
) -> None:
    life = await market.order(market.preauthorised(market.checkout(), card="pm_card_captureDeclined"))
    await life.send("confirm", SELLER)
    await life.ship("p1", "JD014600006281230701")
    for role in (BUYER, SELLER, SPECIALIST):
        (line,) = (await client.thread(life.order_id, life.actor(role))).lines
        assert "taken back" in line.text
        assert line.tracking_number == ""


async def test_a_parcel_whose_payment_is_in_doubt_has_no_number_yet(
    market: Marketplace, client: AftersaleClient
) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    until = await life.now() + timedelta(hours=2)
    market.sandbox.fault("unavailable", order_id=life.order_id, operation="capture", until=until)
    await life.ship("p1", "JD014600006281230701")
    (line,) = (await client.thread(life.order_id, life.actor(BUYER))).lines
    assert line.text == "A parcel with DHL waits until its payment is secured."
    assert line.tracking_number == ""
    await life.pass_time(timedelta(hours=4))
    (line,) = (await client.thread(life.order_id, life.actor(BUYER))).lines
    assert line.tracking_number == "JD014600006281230701"


async def test_texts_are_nowhere_in_plain_and_go_with_their_order(market: Marketplace, client: AftersaleClient) -> None:
    life, canary = await market.order(), f"Canary words {uuid4().hex}"
    await said(client, life, BUYER, canary)
    assert canary not in str(await life.handle.fetch_history())
    with market.engine.begin() as conn:
        for table in (*metadata.tables, "messages"):
            rows = conn.execute(sqlalchemy.text(f'SELECT t::text FROM "{table}" t')).scalars().all()  # noqa: S608
            assert not any(canary in row or canary.encode().hex() in row for row in rows), table
        vault.erase(conn, vault.order(life.order_id))
        for each in (messages, message_reads):
            assert conn.execute(select(each).where(each.c.order_id == life.order_id)).all() == []
    assert await texts(client, life, SELLER) == []


async def test_the_seller_sees_which_notes_the_system_has_sent_already(
    market: Marketplace, client: AftersaleClient, post_office: PostOffice
) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    relay(market, post_office).deliver(await life.now(), life.order_id)
    await said(client, life, BUYER, HELLO)
    seen = [(n.what, n.to, n.status) for n in await client.notices(life.order_id, life.actor(SELLER))]
    assert seen == [
        ("paid", "buyer", "sent"),
        ("paid", "seller", "sent"),
        ("remind_confirm", "seller", "dropped"),
        ("confirm", "buyer", "sent"),
        ("remind_ship", "seller", "waiting"),
        ("message", "seller", "waiting"),
    ]
    own = await client.notices(life.order_id, life.actor(BUYER))
    assert {notice.to for notice in own} == {"buyer"}
    assert "mail.example" not in str(seen) + str(own)
    desk = await client.notices(life.order_id, life.actor(SPECIALIST))
    assert {notice.channel for notice in desk} == {"mail", "storefront"}


async def test_a_message_names_files_that_are_stored(market: Marketplace, client: AftersaleClient) -> None:
    life = await market.order()
    buyer = life.actor(BUYER)
    with pytest.raises(Refused) as unknown:
        await client.message(life.order_id, buyer, text="See the picture.", attachments=["file-nowhere"])
    assert unknown.value.code == "file_unknown"
    file = await client.store_file(life.order_id, buyer, source=b"A sketch of the shelf.", name="sketch.txt")
    await client.message(life.order_id, buyer, text="See the sketch.", attachments=[file])
    thread = await client.thread(life.order_id, life.actor(SELLER))
    assert [line.attachments for line in thread.lines] == [(file,)]
