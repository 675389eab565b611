from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from activities.mail import SmtpMailer
from activities.relay import Relay
from activities.store import personal
from activities.storefront import RowsOnly
from domain.parcels.parcel import Milestone, Proof
from tests.activities.told_orders import ADDRESSES, LETTERS, FakeCarrier
from tests.life import BUYER, SELLER
from tests.marketplace import Marketplace
from tests.smtp_fixture import PostOffice


async def test_a_mail_server_that_is_away_for_days_holds_no_money_up_and_then_each_reads_his_own_language(
    market: Marketplace, post_office: PostOffice
) -> None:
    document = market.checkout()
    buyer, seller = (str(document[role]["person_id"]) for role in ("buyer", "seller"))
    with market.engine.begin() as conn:
        berta = personal.Person(buyer, "Berta", "berta@mail.example", "de-DE")
        personal.put_person(conn, market.vault, document["order_id"], berta)
    mailer = SmtpMailer(post_office.host, post_office.port, timeout=5)
    relay = Relay(market.engine, market.vault, LETTERS, mailer, RowsOnly(), FakeCarrier(), ADDRESSES)

    async def deliver(now: datetime) -> None:
        await asyncio.to_thread(relay.deliver, now, str(document["order_id"]))

    with post_office.closed():
        life = await market.order(market.preauthorised(document))
        await deliver(await life.now())
        await life.send("confirm", SELLER)
        await life.ship(number="JD014600003SE")
        await deliver(await life.now())
        await life.scan(Milestone.DELIVERED, proof=Proof.STRONG)
        await life.send("receive", BUYER)
        assert life.money() == {"captured": "64.90 EUR", "released": "60.10 EUR", "fees": "4.80 EUR"}
        now = await life.now()
        for hours in range(48):
            await deliver(now + timedelta(hours=hours))
    assert post_office.mails == []
    await deliver(now + timedelta(hours=49))
    await deliver(now + timedelta(hours=51))
    subjects: dict[str, list[str]] = {"berta@mail.example": [], f"{seller}@mail.example": []}
    for mail in post_office.mails:
        subjects[str(mail["To"])].append(str(mail["Subject"]))
    assert subjects == {
        "berta@mail.example": [
            f"Vielen Dank für Ihre schnelle Zahlung: Bestellung {life.order_id}",
            f"Der Verkäufer hat Bestellung {life.order_id} bestätigt",
            f"Ihr Paket ist unterwegs: Bestellung {life.order_id}",
            f"Bestellung {life.order_id}: Ihr Paket ist angekommen",
        ],
        f"{seller}@mail.example": [
            f"New order {life.order_id}: please confirm",
            f"Order {life.order_id}: the money is secured",
            f"Order {life.order_id}: 60.10 EUR are on their way to you",
        ],
    }
