"""The seller says how goods go back; whoever was told nothing does not lose by silence."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from activities.mail import EmlMailer
from activities.relay import Relay
from activities.storefront import RowsOnly
from domain.claims.case import Status
from domain.errors import Refused
from domain.state import Actor, Cause, Role
from starter.files.shelf import Shelf
from starter.records import Records
from tests.activities.told_orders import ADDRESSES, LETTERS, FakeCarrier
from tests.files import made
from tests.life import BUYER, SELLER, SPECIALIST, Life
from tests.marketplace import Marketplace
from tests.stories.claims import DAY, case, claimed, proof, row, status


async def granted(market: Marketplace) -> Life:
    """The goods are to come back before the money does."""
    life = await claimed(market)
    await life.send("grant_claim", SELLER)
    assert status(life) is Status.RETURN_REQUESTED
    return life


def label(life: Life, by: Role | Actor, content: bytes = b"", *, internal: bool = False) -> str:
    """A stored picture, or what else is given."""
    shelf = Shelf(Records(life.market.engine, life.market.vault))
    actor = by if isinstance(by, Actor) else life.actor(by)
    return shelf.store(life.order_id, actor, content or made.png(), "label", internal=internal).attachment_id


async def test_a_seller_who_never_says_where_to_leaves_it_to_the_platform(market: Marketplace) -> None:
    life = await granted(market)
    reminded = [each["recipient_role"] for each in life.reminders() if each["template"] == "remind_claim"]
    assert (row(life).waiting_on, reminded) == ("seller", ["seller"])
    await life.until("instruction_missing")
    assert (status(life), life.ticket(Cause.CLAIM).subject) == (Status.ESCALATED, "c1")
    assert life.money().get("refunded") is None, "nobody has won by it"


async def test_goods_are_sent_within_the_time_that_begins_when_the_buyer_was_told_where_to(market: Marketplace) -> None:
    life = await granted(market)
    untold = life.clock("instruction_missing").at
    await life.pass_time(7 * DAY)
    life.address("shop", SELLER)
    await life.send("instruct_return", SELLER, address_id="shop")
    assert (await life.now() - case(life).since < DAY / 24, row(life).waiting_on) == (True, "buyer")
    assert life.clock("claim_lapses").at > untold + 5 * DAY
    await life.pass_time(7 * DAY)
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    await life.send("receive_return", SELLER)
    await life.send("inspect_return", SELLER, finding="as_sent")
    assert life.money()["refunded"] == "40.00 EUR"


async def test_another_instruction_takes_the_place_of_the_first_until_the_goods_are_sent(
    market: Marketplace, tmp_path: Path
) -> None:
    life = await granted(market)
    life.address("shop", SELLER)
    await life.send("instruct_return", SELLER, address_id="shop")
    first = life.clock("claim_lapses").at
    assert "2 Other Street" in await last_mail(life, tmp_path / "first")
    await life.pass_time(DAY)
    file = label(life, SELLER)
    await life.send("instruct_return", SELLER, label=file)
    assert (case(life).return_to, case(life).return_label) == ("", file)
    assert life.clock("claim_lapses").at > first
    told = await last_mail(life, tmp_path / "second")
    assert (file in told, "2 Other Street" in told) == (True, False)
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    with pytest.raises(Refused) as late:
        await life.send("instruct_return", SELLER, address_id="shop")
    assert late.value.code == "claim_status"
    assert "Other Street" not in str(await life.handle.fetch_history()), "only ids are in the workflow"


def read(room: Path) -> list[EmailMessage]:
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in room.glob("*.eml")]


async def last_mail(life: Life, into: Path) -> str:
    """The newest mail to the buyer about the claim."""
    relay = Relay(life.market.engine, life.market.vault, LETTERS, EmlMailer(into), RowsOnly(), FakeCarrier(), ADDRESSES)
    await asyncio.to_thread(relay.deliver, await life.now(), life.order_id)
    mails = await asyncio.to_thread(read, into)
    [told] = [mail for mail in mails if mail["X-Aftersale-Notice"] == "claim.buyer" and "It was said" in str(mail)]
    return str(told.get_content())


async def test_goods_go_back_to_no_address_and_with_no_label_of_the_buyers(market: Marketplace) -> None:
    life, other = await granted(market), await granted(market)
    platform = Actor(Role.PLATFORM, "platform-1")
    life.address("home", BUYER)
    other.address("elsewhere", SELLER)
    for address in ("home", "elsewhere", "nowhere", life.state().address_id):
        for who in (SELLER, platform):
            await refused(life, who, "address_unknown", address_id=address)
    wrong = (
        "f-nowhere", label(life, BUYER), proof(life, SELLER), label(other, SELLER),
        label(life, SPECIALIST, internal=True),
    )  # fmt: skip
    for file in wrong:
        await refused(life, SELLER, "label_unknown", label=file)
    assert not case(life).instructed
    await life.send("instruct_return", platform, label=label(life, platform))
    assert case(life).instructed


async def refused(life: Life, who: Role | Actor, code: str, **body: str) -> None:
    with pytest.raises(Refused) as error:
        await life.send("instruct_return", who, **body)
    assert error.value.code == code


async def test_only_the_seller_and_who_stands_in_his_place_say_where_goods_go(market: Marketplace) -> None:
    life = await granted(market)
    life.address("home", BUYER)
    for who, code in ((BUYER, "role_not_allowed"), (Role.CARRIER, "role_not_allowed")):
        await refused(life, who, code, address_id="home")
    await refused(life, Actor(SELLER, "another-seller"), "not_found", address_id="home")
