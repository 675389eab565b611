"""How a claim was handled, said by both sides after its end and read by the desk."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.store.tables import outbox
from domain.claims.case import ClaimReason
from domain.errors import Invalid, Refused
from domain.state import Role
from starter.answers import buyer, operator, specialist
from starter.cases.desk import Cases
from starter.client import AftersaleClient
from starter.records import Records
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

EVE = specialist("eve")


async def withdrawn(client: AftersaleClient, market: Marketplace) -> Life:
    """A claim that has ended: the buyer is content."""
    life = await market.order()
    await life.delivered()
    await client.open_claim(life.order_id, life.actor(BUYER), reason=ClaimReason.DAMAGED, lines=["L1"])
    await life.rest()
    await client.withdraw_claim(life.order_id, life.actor(BUYER))
    await life.rest()
    return life


async def test_both_sides_say_how_a_claim_was_handled_and_the_desk_reads_it(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await withdrawn(client, market)
    number = f"{life.order_id}-c1"
    said = ("claims", "feedback", number)
    first = await aftersale(*said, "--score", "2", "--text", "Slow.", "--as", "buyer")
    assert first.code == 0, first.err
    again = await aftersale(*said, "--score", "4", "--text", "Slow, but [bold]right.", "--as", "buyer", "--json")
    assert [(f["role"], f["score"]) for f in again.json["feedback"]] == [("buyer", 4)]
    assert (await aftersale(*said, "--score", "1", "--as", "seller")).code == 0
    told = {role: await aftersale("claims", "show", number, "--as", role) for role in ("buyer", "seller", "operator")}
    mine, theirs = 'The buyer gave the handling 4 of 5: "Slow, but [bold]right."', "The seller gave the handling 1 of 5"
    assert [(mine in ran.out, theirs in ran.out) for ran in told.values()] == [
        (True, False), (False, True), (True, True),
    ]  # fmt: skip
    assert f"aftersale claims feedback {number} --as seller" in told["seller"].out
    assert "Slow." not in str(told)


async def test_feedback_is_for_the_sides_of_a_claim_that_has_ended_and_up_to_the_window(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace, records: Records
) -> None:
    life = await market.order()
    await life.delivered()
    await client.open_claim(life.order_id, life.actor(BUYER), reason=ClaimReason.DAMAGED, lines=["L1"])
    await life.rest()
    number, cases = f"{life.order_id}-c1", Cases(records)
    early = await aftersale("claims", "feedback", number, "--score", "5", "--as", "buyer")
    assert (early.code, "is 'Received'" in early.err) == (3, True)
    await client.withdraw_claim(life.order_id, life.actor(BUYER))
    await life.rest()
    for score in (0, 6):
        with pytest.raises(Invalid, match="from 1 to 5"):
            cases.say(number, life.actor(BUYER), score, "")
    with pytest.raises(Invalid, match="longer than 2000"):
        cases.say(number, life.actor(BUYER), 5, "x" * 2001)
    for reader in (EVE, operator("olga")):
        with pytest.raises(Refused, match="that is for: buyer, seller"):
            cases.say(number, reader, 5, "")
    assert (await aftersale("claims", "feedback", number, "--score", "5", "--as", "buyer", "--id", "b-else")).code == 4
    ended = cases.show(number, life.actor(SELLER))
    assert ended.ended_at is not None
    assert ended.feedback_until == ended.ended_at + timedelta(days=14)
    assert cases.show(number, EVE).feedback_until is None
    afterwards = ended.ended_at + timedelta(days=15)
    late = Cases(Records(records.engine, records.vault, lambda: afterwards))
    with pytest.raises(Refused, match="ended more than 14 days ago"):
        late.say(number, life.actor(SELLER), 5, "")
    assert late.show(number, life.actor(SELLER)).feedback_until is None


async def test_both_sides_are_asked_by_mail_a_day_later_unless_they_have_said_it(
    client: AftersaleClient, market: Marketplace, records: Records
) -> None:
    life = await withdrawn(client, market)
    asked = [row for row in life.notices() if row["template"] == "feedback"]
    assert {row["recipient_role"]: row["recipient_id"] for row in asked} == {
        "buyer": life.actor(BUYER).id, "seller": life.actor(SELLER).id,
    }  # fmt: skip
    ended = life.state().claims[0].since
    assert {row["due_at"] for row in asked} == {ended + timedelta(days=1)}
    assert {row["valid_until"] for row in asked} == {ended + timedelta(days=14)}
    Cases(records).say(life.order_id, life.actor(BUYER), 5, "")
    with market.engine.begin() as conn:
        dropped = {
            row.recipient_role: row.dropped_at
            for row in conn.execute(outbox.select())
            if row.id in {a["id"] for a in asked}
        }
    assert (dropped[Role.BUYER] is None, dropped[Role.SELLER] is None) == (False, True)


async def test_words_are_sealed_and_go_with_the_order(
    client: AftersaleClient, market: Marketplace, records: Records
) -> None:
    life = await withdrawn(client, market)
    Cases(records).say(life.order_id, life.actor(BUYER), 5, "CANARY words")
    with market.engine.begin() as conn:
        rows = conn.exec_driver_sql("SELECT sealed FROM feedback WHERE order_id = %s", (life.order_id,)).all()
    assert len(rows) == 1
    assert b"CANARY" not in bytes(rows[0].sealed)
    assert buyer("x").role is Role.BUYER
