"""Checkouts that nobody should admit: refused by field and rule, nothing started, nothing charged."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, select
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.cashier import PAYMENT_RULES
from activities.store import marketplaces, orders, personal, tables
from activities.store.database import connect
from domain import wire
from domain.checkout import Checkout
from domain.contract import WORKFLOW, workflow_id
from domain.errors import Conflict, Invalid
from domain.policy import Policy
from starter import entrance
from starter.client import AftersaleClient
from starter.records import Records
from tests.conftest import Database
from tests.life import Json
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.starter.test_client_live import bare, known

Wrong = Callable[[Marketplace, Json], Json]


def in_atlantis(market: Marketplace, document: Json) -> Json:
    return document | {"marketplace": "atlantis"}


def sold_from_nowhere(market: Marketplace, document: Json) -> Json:
    return document | {"seller": document["seller"] | {"place": {"country": "XX"}}}


def bought_in_no_state(market: Marketplace, document: Json) -> Json:
    return document | {"buyer": document["buyer"] | {"place": {"country": "DE", "subdivision": "ZZ"}}}


def on_no_clock(market: Marketplace, document: Json) -> Json:
    return document | {"seller": document["seller"] | {"place": {"zone": "Europe/Nowhere"}}}


def with_a_field_too_many(market: Marketplace, document: Json) -> Json:
    return document | {"coupon": "SPRING"}


def in_half_cents(market: Marketplace, document: Json) -> Json:
    return document | {"total": "64.905 EUR"}


def for_nothing(market: Marketplace, document: Json) -> Json:
    return document | {"lines": [document["lines"][0] | {"price": "0.00 EUR"}, document["lines"][1]]}


def added_up_wrongly(market: Marketplace, document: Json) -> Json:
    return document | {"total": "64.91 EUR"}


TURNED_AWAY: list[tuple[Wrong, str, str]] = [
    (in_atlantis, "marketplace", "'atlantis' is not known; known here: brisk, collectors, standard"),
    (sold_from_nowhere, "seller.place.country", "'XX' has no public calendar; write an ISO 3166-1 code such as 'DE'"),
    (bought_in_no_state, "buyer.place.subdivision", "'ZZ' is no subdivision of DE with days of its own; write one of"),
    (on_no_clock, "seller.place.zone", "'Europe/Nowhere' is not an IANA time zone; write for example "),
    (with_a_field_too_many, "coupon", "is not known here"),
    (in_half_cents, "total", "'64.905' is not an amount in EUR; write 2 decimal places"),
    (for_nothing, "lines[0].price", "must be above zero"),
    (added_up_wrongly, "total", "is not the sum of lines and shipping"),
]


@pytest.mark.parametrize(("wrong", "field", "rule"), TURNED_AWAY)
async def test_what_can_be_known_to_be_wrong_is_refused_before_anything_is_started(
    client: AftersaleClient, aftersale: Aftersale, market: Marketplace, wrong: Wrong, field: str, rule: str
) -> None:
    good = market.preauthorised(bare(market.checkout()))
    document = wrong(market, good)
    before = market.sandbox.book(good["order_id"])
    with pytest.raises(Invalid) as refused:
        await client.place(document)
    assert refused.value.field == field
    assert rule in refused.value.rule
    told = await aftersale("place", "-", stdin=json.dumps(document))
    assert (told.code, told.err.startswith("Bad input: ")) == (2, True)
    assert f"{field}: " in told.err
    assert rule in told.err
    as_json = await aftersale("place", "-", "--json", stdin=json.dumps(document))
    assert (as_json.code, as_json.json["error"]["field"]) == (2, field)
    assert await nothing_of(market, good)
    assert market.sandbox.book(good["order_id"]) == before

    await client.place(good)
    known(market, good)


async def test_the_payment_of_another_order_is_refused_before_anything_is_started(
    client: AftersaleClient, aftersale: Aftersale, market: Marketplace
) -> None:
    first = await market.order()
    paid = first.document["payment"]
    before = first.effects()
    document = market.checkout() | {"payment": paid}
    with pytest.raises(Invalid) as refused:
        await client.place(document)
    assert str(refused.value) == f"payment.payment_intent: {paid['payment_intent']} is used by another order"
    told = await aftersale("place", "-", stdin=json.dumps(document))
    assert (told.code, str(refused.value) in told.err) == (2, True)
    assert await nothing_of(market, document)
    assert first.effects() == before


async def test_a_hold_that_was_made_for_another_order_pays_for_none(
    client: AftersaleClient, market: Marketplace
) -> None:
    elsewhere, document = market.checkout(), market.checkout()
    with pytest.raises(Invalid, match=r"^payment\.payment_intent: "):
        await client.place(document | {"payment": market.preauthorised(elsewhere)["payment"]})
    assert [entry["kind"] for entry in market.sandbox.book(document["order_id"])] == []


async def test_a_repeated_id_with_other_contents_changes_and_starts_nothing(
    client: AftersaleClient, aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    described = await life.handle.describe()
    other = life.document | {"checkout_id": "another"}
    with pytest.raises(Conflict, match=f"order {life.order_id} exists with other contents"):
        await client.place(other)
    told = await aftersale("place", "-", stdin=json.dumps(other))
    assert (told.code, f"order {life.order_id} exists with other contents" in told.err) == (2, True)
    again = await life.handle.describe()
    assert (again.run_id, again.history_length) == (described.run_id, described.history_length)


async def test_a_repeated_id_with_another_address_or_other_people_is_refused_and_with_the_same_is_the_same_order(
    client: AftersaleClient, aftersale: Aftersale, market: Marketplace
) -> None:
    document = market.preauthorised(bare(market.checkout()))
    first = await client.place(document)
    known(market, document)
    moved = document | {"address": {"lines": ["Canary Berta", "Elsewhere 1", "Berlin"]}}
    renamed = document | {"people": document["people"] | {"buyer": {"name": "Bo", "email": "bo@mail.example"}}}
    for other in (moved, renamed, {name: value for name, value in renamed.items() if name != "address"}):
        with pytest.raises(Conflict, match=f"order {document['order_id']} exists with other people or another address"):
            await client.place(other | {"address_id": f"{document['order_id']}-address"})
    told = await aftersale("place", "-", stdin=json.dumps(moved))
    assert (told.code, "exists with other people or another address" in told.err) == (2, True)
    assert (await client.place(document)).seq == first.seq
    with market.engine.begin() as conn:
        stored = personal.get_address(conn, market.vault, document["order_id"], f"{document['order_id']}-address")
    assert stored is not None
    assert stored.lines == tuple(document["address"]["lines"])


async def test_a_person_may_change_between_two_orders_and_each_order_keeps_the_person_it_was_placed_with(
    client: AftersaleClient, market: Marketplace
) -> None:
    first = market.preauthorised(bare(market.checkout()))
    second = market.preauthorised(bare(market.checkout()) | {"buyer": first["buyer"]})
    second["people"] = first["people"] | {"buyer": {"name": "Canary Berta-New", "email": "new@mail.example"}}
    for document in (first, second, first, second):
        assert (await client.place(document)).stage == "placed"
    for document in (first, second):
        known(market, document)
    with market.engine.begin() as conn:
        told = [
            personal.get_person(conn, market.vault, document["order_id"], first["buyer"]["person_id"])
            for document in (first, second)
        ]
    assert [person and person.email for person in told] == ["canary.berta@mail.example", "new@mail.example"]


async def test_people_and_address_of_a_checkout_that_was_turned_away_are_not_kept_and_those_of_others_are(
    client: AftersaleClient, market: Marketplace
) -> None:
    good = market.preauthorised(bare(market.checkout()))
    await client.place(good)
    known(market, good)
    bad = bare(market.checkout()) | {"seller": good["seller"], "payment": {"payment_intent": "pi_foreign"}}
    with pytest.raises(Invalid):
        await client.place(bad)
    with market.engine.begin() as conn:
        assert kept(conn, market, bad) == [None, None, None]
        assert None not in kept(conn, market, good)
    await client.place(bad | {"payment": market.preauthorised(bad)["payment"]})
    known(market, bad)
    with market.engine.begin() as conn:
        assert None not in kept(conn, market, bad)


def kept(conn: Connection, market: Marketplace, document: Json) -> list[object]:
    """What is stored of an order's people and its address; None for each that is not."""
    order_id = document["order_id"]
    people = [
        personal.get_person(conn, market.vault, order_id, document[role]["person_id"]) for role in ("buyer", "seller")
    ]
    return [*people, personal.get_address(conn, market.vault, order_id, f"{order_id}-address")]


async def test_one_wrong_order_of_a_checkout_starts_none_of_them_and_is_named_by_its_place(
    client: AftersaleClient, aftersale: Aftersale, market: Marketplace
) -> None:
    good, bad = market.preauthorised(market.checkout()), in_atlantis(market, market.preauthorised(market.checkout()))
    whole = {"checkout_id": f"c-{good['order_id']}", "orders": [good, bad]}
    with pytest.raises(Invalid, match=r"^orders\[1\]\.marketplace: 'atlantis' is not known"):
        await client.place_checkout(whole)
    both = market.checkout() | {"payment": good["payment"]}
    twice = whole | {"orders": [good, both]}
    with pytest.raises(Invalid, match=r"^orders\[[01]\]\.payment\.payment_intent: .* is used by another order"):
        await client.place_checkout(twice)
    told = await aftersale("place", "-", stdin=json.dumps(whole))
    assert (told.code, "orders[1].marketplace: 'atlantis'" in told.err) == (2, True)
    for document in (good, bad, both):
        assert await nothing_of(market, document)


async def test_an_order_that_stands_is_given_back_also_when_its_calendar_would_not_be_taken_any_more(
    client: AftersaleClient, market: Marketplace
) -> None:
    document = market.preauthorised(market.checkout())
    placed = await client.place(document)
    life = known(market, document)
    beyond_all_holidays = Records(market.engine, market.vault, lambda: datetime(2200, 1, 1, tzinfo=UTC))
    later = AftersaleClient(market.client, beyond_all_holidays)
    assert (await later.place(document)).stage == placed.stage == "placed"
    with pytest.raises(Invalid, match=r"^seller\.place\.country: the holidays of DE are known to the end of"):
        await later.place(market.preauthorised(market.checkout()))
    assert await life.is_running()


async def test_what_only_the_provider_knows_is_left_to_the_admission_and_no_order_comes_of_it(
    aftersale: Aftersale, market: Marketplace
) -> None:
    document = market.checkout() | {"payment": {"payment_intent": "pi_foreign"}}
    told = await aftersale("place", "-", stdin=json.dumps(document))
    rule = f"payment.payment_intent: {PAYMENT_RULES['NoSuchAuthorisation']}"
    assert (told.code, rule in told.err) == (2, True), told.err
    handle = market.client.get_workflow_handle(workflow_id(document["order_id"]))
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.message == rule
    assert market.sandbox.book(document["order_id"]) == []
    with market.engine.begin() as conn:
        standing = orders.status(conn, document["order_id"])
        assert standing is not None
        assert (standing.status, standing.seq) == ("refused", 0)
        for table in (tables.steps, tables.operations, tables.ledger_transactions, tables.outbox, tables.tickets):
            assert conn.execute(select(table).where(table.c.order_id == document["order_id"])).all() == []


@pytest.mark.parametrize(("wrong", "field", "rule"), TURNED_AWAY)
async def test_what_comes_past_the_client_is_judged_by_the_admission(
    market: Marketplace, wrong: Wrong, field: str, rule: str
) -> None:
    document = market.preauthorised(market.checkout())
    before = market.sandbox.book(document["order_id"])
    life = await market.start(wrong(market, document))
    with pytest.raises(WorkflowFailureError) as failed:
        await life.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.message.startswith(f"{field}: ")
    assert rule in failed.value.cause.message
    assert (await life.handle.describe()).status is WorkflowExecutionStatus.FAILED
    assert market.sandbox.book(document["order_id"]) == before


def test_as_long_as_no_worker_has_published_anything_the_admission_is_the_judge(
    database: Database, market: Marketplace
) -> None:
    engine = connect(database.url)
    checkout = wire.from_plain(Checkout, market.checkout(policy="atlantis"))
    with engine.begin() as conn:
        entrance.check(conn, checkout, datetime.now(UTC))
        marketplaces.publish(conn, [Policy(name="standard")])
        with pytest.raises(Invalid, match=r"^marketplace: 'atlantis' is not known; known here: standard$"):
            entrance.check(conn, checkout, datetime.now(UTC))
    engine.dispose()


async def nothing_of(market: Marketplace, document: Json) -> bool:
    """Whether neither Temporal nor PostgreSQL knows of the order; nor of its people, unless they were known before."""
    with pytest.raises(RPCError) as unknown:
        await market.client.get_workflow_handle(workflow_id(document["order_id"])).describe()
    with market.engine.begin() as conn:
        standing = orders.status(conn, document["order_id"])
        stored = "people" in document and any(kept(conn, market, document)[:1])
    return (unknown.value.status, standing, stored) == (RPCStatusCode.NOT_FOUND, None, False)


async def test_a_key_that_stands_twice_in_a_checkout_is_refused_by_its_name(
    aftersale: Aftersale, market: Marketplace
) -> None:
    document = json.dumps(market.checkout())
    for twice in (f'{{"order_id": "o-other", {document[1:]}', document.replace('"title"', '"title": "Gold", "title"')):
        key = "order_id" if "o-other" in twice else "title"
        told = await aftersale("place", "-", stdin=twice)
        assert (told.code, f"has the key '{key}' twice in one object" in told.err) == (2, True), told.err


async def test_a_workflow_of_another_orders_id_admits_nothing_and_names_both(market: Marketplace) -> None:
    document = market.preauthorised(market.checkout())
    before = market.sandbox.book(document["order_id"])
    handle = await market.client.start_workflow(
        WORKFLOW, document, id=workflow_id("o-elsewhere"), task_queue=market.task_queue
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    rule = f"order_id: is {document['order_id']!r}, and the workflow's id is 'order-o-elsewhere'"
    assert rule in str(failed.value.cause)
    assert market.sandbox.book(document["order_id"]) == before
    with market.engine.begin() as conn:
        assert orders.status(conn, document["order_id"]) is None
    await market.order(document)
