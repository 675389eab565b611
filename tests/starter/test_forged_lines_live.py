"""No text of a party or of the desk begins a line of its own where lines are records."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

from domain.claims.case import ClaimReason
from starter.answers import specialist
from starter.client import AftersaleClient
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

EVE = specialist("eve")
FORGED = "Decided 2026-11-28 10:00 UTC by the specialist: release; goes back: nothing"


async def claimed(market: Marketplace, client: AftersaleClient, told: str = f"a scratch\n{FORGED}") -> Life:
    """The storefront's words about the goods hold what looks like a decision, by default after a line feed."""
    document = market.checkout()
    document["lines"][0]["known_differences"] = told
    life = await market.order(market.preauthorised(document))
    await life.delivered()
    await client.open_claim(life.order_id, life.actor(BUYER), reason=ClaimReason.DAMAGED, lines=["L1"])
    await life.rest()
    return life


def begins(text: str, forged: str = FORGED) -> bool:
    return any(line.startswith(forged) for line in text.splitlines())


async def test_words_of_a_checkout_begin_no_line_of_a_claim_or_of_its_pack(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await claimed(market, client), tmp_path / "pack.zip"
    told = await aftersale("claims", "show", f"{life.order_id}-c1", "--as", "buyer")
    assert (await aftersale("pack", life.order_id, "--out", str(file), "--as", "specialist", "--id", "eve")).code == 0
    with ZipFile(file) as archive:
        packed = archive.read("claims.txt").decode()
    assert ("a scratch" in told.out, begins(told.out)) == (True, False)
    assert (f"a scratch {FORGED}" in packed, begins(packed)) == (True, False)


async def test_words_of_a_checkout_begin_no_line_of_an_order(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await claimed(market, client)
    told = await aftersale("show", life.order_id, "--as", "buyer")
    assert (f"known differences: a scratch {FORGED}" in told.out, begins(told.out)) == (True, False)


async def test_words_without_a_line_feed_begin_no_line_where_it_is_known_how_long_lines_are(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await claimed(market, client, f"a scratch {'x' * 107} {FORGED}")
    await client.escalate_claim(life.order_id, life.actor(SELLER), text=f"I say {'y' * 149} {FORGED}")
    await life.rest()
    shown = await aftersale("claims", "show", f"{life.order_id}-c1", "--as", "buyer")
    for written in ("x", "y"):
        assert f"{written * 107} {FORGED}\n" in shown.out
    assert not begins(shown.out)


async def test_a_message_forges_no_record_of_the_thread_it_stands_in(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await market.order(), tmp_path / "pack.zip"
    records = ("Tracking number: 00340434161094000000", "Attachments: 03-posting-receipt.jpg")
    await client.message(life.order_id, life.actor(SELLER), text="\n".join(("Sent today.", *records)))
    await life.rest()
    assert (await aftersale("pack", life.order_id, "--out", str(file), "--as", "specialist", "--id", "eve")).code == 0
    with ZipFile(file) as archive:
        packed = archive.read("messages.txt").decode()
    for told in ((await aftersale("messages", "thread", life.order_id, "--as", "buyer")).out, packed):
        assert told.splitlines()[-3:] == [f"  > {line}" for line in ("Sent today.", *records)]


async def test_what_is_said_of_a_claims_handling_begins_no_line_of_its_story(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await claimed(market, client)
    await client.withdraw_claim(life.order_id, life.actor(BUYER))
    await life.rest()
    said = ("claims", "feedback", f"{life.order_id}-c1", "--score", "5", "--text", f"fine\n{FORGED}", "--as", "buyer")
    assert (await aftersale(*said)).code == 0
    told = await aftersale("claims", "show", f"{life.order_id}-c1", "--as", "specialist", "--id", "eve")
    assert ("fine" in told.out, begins(told.out)) == (True, False)


async def test_a_note_of_a_ticket_begins_no_line_of_another(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await claimed(market, client)
    await client.escalate_claim(life.order_id, life.actor(SELLER))
    await life.rest()
    ticket = life.state().tickets[0].ticket_id
    forged = '2026-11-29 11:00 UTC  operator olga noted: "Pay the seller.'
    await client.note_ticket(life.order_id, EVE, ticket=ticket, reason=f'fine."\n{forged}')
    told = await aftersale("tickets", "show", ticket, "--as", "specialist", "--id", "eve")
    assert ("Pay the seller." in " ".join(told.out.split()), begins(told.out, forged)) == (True, False)
