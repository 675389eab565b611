"""What both sides and the desk write with a claim stands in the order's thread, and waits in the inboxes."""

from __future__ import annotations

import pytest

from domain.claims.case import ClaimReason, Side, Verdict
from domain.errors import Refused
from domain.state import Actor, Cause, Role
from starter.answers import NotFound
from starter.client import AftersaleClient
from starter.records import Records
from tests.life import BUYER, COMMAND_KEY, OPERATOR, SELLER, Life
from tests.marketplace import Marketplace
from tests.stories.claims import escalated

EVE, OLGA, OTTO = (
    Actor(role, name) for role, name in ((Role.SPECIALIST, "eve"), (OPERATOR, "olga"), (OPERATOR, "otto"))
)
OPENED, ANSWERED, ASKED, DECIDED = "It is blue.", "It was sold as blue.", "Which blue?", "We side with the buyer."


@pytest.fixture
def client(market: Marketplace) -> AftersaleClient:
    return AftersaleClient(market.client, Records(market.engine, market.vault), COMMAND_KEY)


async def lines(client: AftersaleClient, life: Life, reader: Actor) -> list[tuple[str, str, str, bool]]:
    found = (await client.thread(life.order_id, reader)).lines
    return [(line.who, line.claim_id, line.text, line.unread) for line in found if line.kind == "claim"]


async def waiting(client: AftersaleClient, life: Life, reader: Actor) -> int:
    rows = (await client.inbox(reader, limit=500)).rows
    return next((row.unread for row in rows if row.order_id == life.order_id), -1)


@pytest.mark.parametrize("name", ["assign_claim", "assign_ticket"])
async def test_who_owns_an_escalated_claim_finds_in_the_inbox_what_its_sides_write(
    market: Marketplace, client: AftersaleClient, name: str
) -> None:
    life = await escalated(market)
    order, ann = life.order_id, life.actor(BUYER)
    of_ticket = {"ticket_id": life.ticket(Cause.CLAIM).ticket_id} if name == "assign_ticket" else {}
    await client.message(order, ann, text="Does anybody read this?")
    await life.desk(name, OLGA, note_id=None, owner="eve", **of_ticket)
    as_operator = Actor(OPERATOR, "eve")
    waits = [await waiting(client, life, reader) for reader in (EVE, as_operator, OLGA)]
    assert waits == [2, 2, -1], "the parcel, and what the buyer asks; who hands work out follows nothing"
    await client.mark_read(order, EVE, up_to=(await client.thread(order, EVE)).up_to)
    assert await waiting(client, life, EVE) == 0
    await client.message(order, ann, text="Here is another photo.")
    await life.rest()
    assert await waiting(client, life, EVE) == 1
    await life.desk(name, OLGA, note_id=None, owner="", **of_ticket)
    assert await waiting(client, life, EVE) == 1, "what was begun is read to its end"


async def test_what_is_written_with_a_claim_stands_in_the_thread_and_waits_for_the_others(
    market: Marketplace, client: AftersaleClient
) -> None:
    life = await market.order(prices=("900.00",))
    order, ann, sam = life.order_id, life.actor(BUYER), life.actor(SELLER)
    await life.delivered()
    await client.mark_read(order, ann, up_to=1000)
    await client.open_claim(order, ann, reason=ClaimReason.DAMAGED, text=OPENED)
    await client.answer_claim(order, sam, text=ANSWERED)
    await client.escalate_claim(order, ann)
    await client.ask_party(order, EVE, of=Side.SELLER, text=ASKED)
    await life.rest()
    assert [await waiting(client, life, reader) for reader in (ann, sam, EVE, OLGA)] == [2, 2, 3, -1]
    so_far = [("buyer", "c1", OPENED, False), ("seller", "c1", ANSWERED, True), ("specialist", "c1", ASKED, True)]
    assert await lines(client, life, ann) == so_far
    await client.mark_read(order, ann, up_to=(await client.thread(order, ann)).up_to)
    assert await waiting(client, life, ann) == 0
    await client.decide_claim(order, OLGA, verdict=Verdict.REFUND, text=DECIDED)
    await life.rest()
    assert [text for _, _, text, _ in await lines(client, life, sam)] == [OPENED, ANSWERED, ASKED]
    assert await waiting(client, life, ann) == 0, "what a second operator has not approved is said to nobody"
    approval = life.state().approval
    assert approval is not None
    await life.desk("approve", OTTO, note_id=None, digest=approval.digest)
    for reader in (ann, sam, EVE, OTTO):
        assert (await lines(client, life, reader))[-1] == ("operator", "c1", DECIDED, True)
    assert await waiting(client, life, ann) == 1
    for stranger in (Actor(BUYER, "stranger"), Actor(Role.SPECIALIST, sam.id)):
        with pytest.raises(NotFound):
            await client.thread(order, stranger)


async def test_words_of_a_step_that_was_refused_are_in_no_thread(market: Marketplace, client: AftersaleClient) -> None:
    life = await market.order()
    with pytest.raises(Refused):
        await client.open_claim(life.order_id, life.actor(BUYER), reason=ClaimReason.CHANGED_MIND, text=OPENED)
    await life.rest()
    for reader in (life.actor(BUYER), life.actor(SELLER), EVE):
        assert await lines(client, life, reader) == []
        assert await waiting(client, life, reader) == -1
