"""Claims from the command line, role by role: what each may read of one, and what nobody may."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event

from activities.store import personal
from activities.store.desk.attachments import Visibility
from domain.claims.case import ClaimReason, Side, Verdict
from domain.errors import Refused
from domain.parcels.parcel import Milestone, Proof
from domain.state import Cause, Role
from starter.answers import NotFound, buyer, operator, seller, specialist
from starter.cases.desk import Cases
from starter.client import AftersaleClient
from starter.records import Records
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.stories.test_at_once import dispute_of

EVE, OLGA = specialist("eve"), operator("olga")
SAID = ("The lamp is [bold]blue.", "It was sold as blue.", "Which blue do you mean?", "We side with the buyer.")
INNER = "He does this every week."


async def disputed(client: AftersaleClient, market: Marketplace, number: str = "") -> Life:
    """A lamp whose difference was named at checkout has been delivered."""
    document = market.checkout()
    document["lines"][0] |= {"known_differences": "the blue is darker", "condition": "used", "return_terms": "14 days"}
    life = await market.order(market.preauthorised(document))
    await life.send("confirm", SELLER)
    await life.ship("p1", number)
    await life.scan(Milestone.DELIVERED, "p1", Proof.WEAK)
    return life


async def claimed(client: AftersaleClient, market: Marketplace, number: str = "") -> Life:
    """The same, with a claim that the platform has been asked about."""
    life = await disputed(client, market, number)
    ann, sam, order = life.actor(BUYER), life.actor(SELLER), life.order_id
    photo = await client.store_file(order, ann, source=b"a list of what is wrong", name="list.txt")
    await client.open_claim(
        order, ann, reason=ClaimReason.NOT_AS_DESCRIBED, lines=["L1"], evidence=[photo], text=SAID[0]
    )
    await client.answer_claim(order, sam, text=SAID[1])
    await client.escalate_claim(order, ann)
    hidden = await client.store_file(order, EVE, source=b"for the desk alone", name="inner.txt", internal=True)
    assert hidden != photo
    await client.note(order, EVE, reason=INNER)
    await client.assign_claim(order, EVE, owner="eve-of-the-desk")
    await client.ask_party(order, EVE, of=Side.BUYER, text=SAID[2])
    await life.rest()
    return life


def statuses(view: dict[str, object]) -> list[str]:
    story = view["story"]
    assert isinstance(story, list)
    return [happening["status"] for happening in story]


async def test_a_claim_tells_its_whole_story_to_both_sides_and_the_desk(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await claimed(client, market)
    number = f"{life.order_id}-c1"
    shown = {
        role: await aftersale("claims", "show", number, "--as", role) for role in ("buyer", "seller", "specialist")
    }
    for role, ran in shown.items():
        assert ran.code == 0, ran.err
        for words in (
            f"Claim {number} about order {life.order_id}: Waiting for buyer (asked by the platform)",
            "Not as described", "the buyer would like a refund",
            "The buyer should answer the platform's question about the claim; otherwise the platform steps in.",
            "told at checkout, known differences: the blue is darker", "told at checkout, condition: used",
            "told at checkout, return terms: 14 days",
            "The seller answers within 2 business days, the buyer within 4 business days.",
            "A decision can be appealed against once, within 2 business days.",
            "A granted refund of 20.00 EUR or more needs the items back first.",
            "price 40.00 EUR, at stake 40.00 EUR", "list.txt", *SAID[:3],
        ):  # fmt: skip
            assert words in ran.out, (role, words, ran.out)
    told = (await aftersale("claims", "show", life.order_id, "--as", "seller", "--json")).json
    assert told["waiting_on"] == "buyer"
    assert told["due_text"]
    assert statuses(told) == [
        "Received", "Waiting for buyer", "Escalated to platform", "Waiting for buyer (asked by the platform)",
    ]  # fmt: skip
    assert told["can"] == ["add_evidence"]
    asked = (await aftersale("claims", "show", life.order_id, "--claim", "c1", "--as", "buyer", "--json")).json
    assert set(asked["can"]) == {"answer_claim", "add_evidence", "withdraw_claim"}
    order = await aftersale("show", life.order_id, "--as", "buyer")
    assert f"Claim {number}: Waiting for buyer (asked by the platform) (not as described, L1)" in order.out


async def test_all_who_read_a_claim_are_told_that_the_bank_is_deciding_about_its_line(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await claimed(client, market)
    market.sandbox.dispute(life.state().payment.hold, reason="fraudulent")
    taken = dispute_of(life)
    await life.update("open_dispute", life.signed("open_dispute", Role.PROVIDER, taken))
    for role in ("buyer", "seller", "specialist"):
        shown = await aftersale("claims", "show", life.order_id, "--as", role)
        assert "The buyer's bank is deciding about the money of L1; until it has, that money does not" in shown.out
        assert "The buyer should answer the platform's question" in shown.out
        assert "at stake 40.00 EUR" in shown.out


async def test_each_reads_what_is_for_him_and_a_number_or_an_address_nobody(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    canary = f"CANARY{uuid4().hex[:14].upper()}"
    life = await claimed(client, market, canary)
    sides = {role: life.actor(role).id for role in (BUYER, SELLER)}
    for role in ("buyer", "seller", "specialist", "operator"):
        desk = role in {"specialist", "operator"}
        for form in ((), ("--json",)):
            ran = await aftersale("claims", "show", life.order_id, "--as", role, *form)
            assert canary not in ran.out
            assert "@mail.example" not in ran.out
            assert "Berta" not in ran.out
            assert "Main Street" not in ran.out
            assert (INNER in ran.out, "inner.txt" in ran.out) == (False, False), "nobody claimed it as evidence"
            assert ("eve-of-the-desk" in ran.out) is desk
            assert ("specialist eve" in ran.out or '"eve"' in ran.out) is desk
        who = sides.get(Role(role), "eve")
        listed = await aftersale("claims", "list", "--as", role, "--id", who, "--json", "--limit", "500")
        [line] = [row for row in listed.json["claims"] if row["order_id"] == life.order_id]
        assert line["status"] == "Waiting for buyer (asked by the platform)"
        others = {line["buyer"], line["seller"], line["owner"]} - {""}
        assert others == ({*sides.values(), "eve-of-the-desk"} if desk else set())


async def test_for_a_stranger_there_is_no_such_claim(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await claimed(client, market)
    strangers = (("buyer", "b-else"), ("seller", "s-else"), ("seller", life.actor(BUYER).id))
    for role, who in (*strangers, ("specialist", life.actor(SELLER).id)):
        for there, nowhere in ((f"{life.order_id}-c1", "o-none-c1"), (life.order_id, "o-none")):
            one, other = [
                await aftersale("claims", "show", name, "--as", role, "--id", who) for name in (there, nowhere)
            ]
            assert (one.code, other.code) == (4, 4)
            assert one.err.replace(there, nowhere) == other.err
            said = await aftersale("claims", "feedback", there, "--score", "5", "--as", role, "--id", who)
            assert (said.code, said.err) == (4, one.err)
        listed = await aftersale("claims", "list", "--as", role, "--id", who, "--all", "--limit", "500", "--json")
        assert life.order_id not in listed.out


async def test_claims_are_found_by_what_the_desk_asks_for(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life, other = await claimed(client, market), await claimed(client, market)
    shop, person = life.actor(SELLER).id, life.actor(BUYER).id

    async def found(*asked: str) -> list[str]:
        ran = await aftersale("claims", "list", "--limit", "500", "--json", *asked)
        assert ran.code == 0, ran.err
        return [row["number"] for row in ran.json["claims"]]

    number = f"{life.order_id}-c1"
    assert await found("--seller", shop) == await found("--buyer", person) == [number]
    assert await found("--seller", shop, "--buyer", other.actor(BUYER).id) == []
    assert {number, f"{other.order_id}-c1"} <= set(await found("--owner", "eve-of-the-desk"))
    assert number not in await found("--owner", "")
    assert number in await found("--status", "buyer_asked")
    assert await found("--seller", shop, "--status", "received") == []
    assert await found("--seller", shop, "--overdue") == []
    await client.withdraw_claim(life.order_id, life.actor(BUYER))
    await life.rest()
    assert await found("--seller", shop) == []
    assert await found("--seller", shop, "--all") == await found("--seller", shop, "--status", "resolved") == [number]
    for refused in (("--as", "seller"), ("--as", "seller", "--id", shop, "--buyer", person)):
        assert (await aftersale("claims", "list", *refused)).code == 2
    late = await aftersale("claims", "list", "--as", "seller", "--id", shop, "--all")
    assert (late.code, "Resolved" in late.out) == (0, True)


async def test_of_several_claims_one_must_be_named_unless_one_is_open(
    client: AftersaleClient, market: Marketplace, records: Records
) -> None:
    life = await disputed(client, market)
    ann, cases = life.actor(BUYER), Cases(records)
    with pytest.raises(NotFound, match="there is no claim"):
        cases.show(life.order_id, ann)
    for line in ("L1", "L2"):
        await client.open_claim(life.order_id, ann, reason=ClaimReason.DAMAGED, lines=[line])
    await life.rest()
    with pytest.raises(Refused, match=f"{life.order_id}-c1 .Received., {life.order_id}-c2"):
        cases.show(life.order_id, ann)
    assert cases.show(life.order_id, ann, claim="c2").number == f"{life.order_id}-c2"
    assert cases.show(f"{life.order_id}-c1", EVE).lines[0].line_id == "L1"
    await client.withdraw_claim(life.order_id, ann, claim="c1")
    await life.rest()
    assert cases.show(life.order_id, ann).claim_id == "c2"


async def test_an_escalated_claim_is_why_an_order_waits_and_the_command_that_mends_it_decides_it(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life = await disputed(client, market)
    await client.open_claim(life.order_id, life.actor(BUYER), reason=ClaimReason.DAMAGED, lines=["L2"])
    await client.escalate_claim(life.order_id, life.actor(SELLER))
    await life.rest()
    told = await aftersale("why", life.order_id)
    assert f"claim (c1) {life.order_id}-c1, nobody has taken it" in told.out
    [open_] = (await aftersale("why", life.order_id, "--json")).json["open"]
    assert open_["command"] == (f"aftersale decide-claim {life.order_id} --claim c1 --verdict VERDICT --text '...'")
    shown = (await aftersale("claims", "show", life.order_id, "--as", "specialist", "--id", "eve", "--json")).json
    assert shown["next"] == "A specialist should decide the claim; otherwise the ticket is escalated."
    assert [ticket["ticket_id"] for ticket in shown["tickets"]] == [life.ticket(Cause.CLAIM).ticket_id]
    typed = open_["command"].replace("VERDICT", Verdict.REFUND).replace("'...'", "REASON").split()[1:]
    done = await aftersale(
        *[SAID[3] if part == "REASON" else part for part in typed], "--as", "specialist", "--id", "eve"
    )
    assert done.code == 0, done.err
    await life.rest()
    for role in ("buyer", "seller", "operator"):
        after = (await aftersale("claims", "show", life.order_id, "--as", role, "--json")).json
        assert (after["status"], after["money"]["decided"]) == ("Refund approved", "20.00 EUR")
        assert after["story"][-1]["said"] == SAID[3]
        assert (after["judges"] == ["eve"]) is (role == "operator")
        assert ("appeal_claim" in after["can"]) is (role == "seller")
    await life.until("decision_stands")
    await life.pass_time(timedelta(seconds=5))
    ended = (await aftersale("claims", "show", life.order_id, "--as", "buyer", "--json")).json
    assert (ended["status"], ended["money"]["awarded"]) == ("Resolved", "20.00 EUR")
    assert ended["next"] == "Nothing is left to do."
    assert statuses(ended)[-2:] == ["Refund approved", "Resolved"]


async def test_what_the_desk_does_beside_the_claim_tells_the_parties_no_reason(
    client: AftersaleClient, market: Marketplace, records: Records
) -> None:
    life = await claimed(client, market)
    await client.refund(life.order_id, OLGA, reason="a reason for the desk alone", lines=["L2"])
    await client.answer_claim(life.order_id, life.actor(BUYER), text="This one.")
    await life.pass_time(timedelta(seconds=5))
    cases = Cases(records)
    for reader in (life.actor(BUYER), life.actor(SELLER)):
        assert "a reason for the desk alone" not in str(cases.show(life.order_id, reader))


async def test_a_claim_says_to_whom_mails_bounce_without_the_address(
    client: AftersaleClient, market: Marketplace, aftersale: Aftersale
) -> None:
    life = await claimed(client, market)
    ann = life.actor(BUYER).id
    address, said = f"{ann}@mail.example", "Mail to the buyer bounces."
    assert "bounces" not in (await aftersale("claims", "show", life.order_id, "--as", "specialist")).out
    with market.engine.begin() as conn:
        personal.bounced(conn, market.vault, life.order_id, ann, address, await life.now(), "smtp_550")
    for role, told in (("specialist", said), ("seller", said), ("buyer", "Mail to you bounces: please correct your")):
        shown = await aftersale("claims", "show", life.order_id, "--as", role)
        plain = await aftersale("claims", "show", life.order_id, "--as", role, "--json")
        assert told in shown.out
        assert [each.startswith(told) for each in plain.json["bounces"]] == [True]
        assert address not in shown.out + plain.out


@pytest.mark.parametrize("much", [False, True], ids=["little", "much"])
async def test_a_claim_costs_the_same_queries_however_much_was_written(
    client: AftersaleClient, market: Marketplace, records: Records, much: bool
) -> None:
    life = await claimed(client, market)
    if much:
        for n in range(6):
            file = await client.store_file(life.order_id, life.actor(SELLER), source=f"proof {n}".encode())
            await client.add_evidence(life.order_id, life.actor(SELLER), evidence=[file], text=f"more {n}")
        await life.rest()
    asked: list[str] = []

    def note(_c: object, _cursor: object, sql: str, *_: object) -> None:
        asked.append(sql)

    event.listen(records.engine, "before_cursor_execute", note)
    try:
        view = Cases(records).show(life.order_id, EVE)
        shown = len(asked)
        Cases(records).listed(EVE, limit=500)
    finally:
        event.remove(records.engine, "before_cursor_execute", note)
    assert (shown, len(asked) - shown) == (6, 1)
    assert len(view.files) == (7 if much else 1)
    assert Visibility.DESK not in [file.kind for file in view.files]


async def test_nobody_else_has_claims(records: Records, aftersale: Aftersale) -> None:
    with pytest.raises(NotFound):
        Cases(records).show("o-none", buyer("b-1"))
    with pytest.raises(NotFound):
        Cases(records).parties("o-none")
    assert Cases(records).listed(seller("s-none")) == ()
    assert (await aftersale("claims", "show", "o-none", "--as", "buyer")).code == 4
