from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowExecutionStatus

from activities.store import orders, personal
from domain import wire
from domain.confirm import Reason
from domain.contract import workflow_id
from domain.errors import Conflict, Invalid, Refused
from domain.parcels.parcel import Milestone, Proof
from domain.state import Actor, Outcome, Role, Stage
from starter.answers import CheckoutIncomplete, NotFound, NotJudgedYet, buyer, operator, seller, specialist
from starter.client import AftersaleClient
from starter.reader import Reader
from starter.records import Records
from tests.life import Json, Life
from tests.marketplace import Marketplace

CANARY = "CANARY7740012345678"
PHOTO = b"\x89PNG\r\n\x1a\n"
"""The beginning of a picture."""


def bare(document: Json) -> Json:
    """A storefront's document that carries its people and address, none of them stored yet."""
    order_id = document["order_id"]
    document = {name: value for name, value in document.items() if name != "address_id"}
    document["buyer"] = {"person_id": f"b-{order_id}"}
    return document | {
        "people": {
            "buyer": {"name": "Canary Berta", "email": "canary.berta@mail.example", "language": "de"},
            "seller": {"name": "Canary Samuel", "email": "canary.samuel@mail.example"},
        },
        "address": {"lines": ["Canary Berta", "Canary Street 7", "10115 Berlin"]},
    }


async def placed(client: AftersaleClient, market: Marketplace, **about: Any) -> Life:
    """An order placed through the client and known to the marketplace's checks."""
    document = market.preauthorised(market.checkout(**about))
    await client.place(document)
    return known(market, document)


def known(market: Marketplace, document: Json) -> Life:
    life = Life(market, document, market.client.get_workflow_handle(workflow_id(document["order_id"])))
    market.lives.append(life)
    return life


async def history(life: Life) -> str:
    return str(await life.handle.fetch_history())


async def test_a_checkout_is_placed_with_its_people_stored_and_none_of_them_in_temporal(
    client: AftersaleClient, market: Marketplace
) -> None:
    document = market.preauthorised(bare(market.checkout()))
    progress = await client.place(document)
    life = known(market, document)
    assert (progress.stage, progress.payment, progress.waiting_on) == ("placed", "authorised", "seller")
    assert progress.lines == {"L1": "pending", "L2": "pending"}
    assert progress.due is not None
    with market.engine.begin() as conn:
        person = personal.get_person(conn, market.vault, life.order_id, document["buyer"]["person_id"])
        address = personal.get_address(conn, market.vault, life.order_id, f"{life.order_id}-address")
    assert person is not None
    assert (person.name, person.language) == ("Canary Berta", "de")
    assert address is not None
    assert address.lines[1] == "Canary Street 7"
    assert "canary" not in (await history(life)).lower()


async def test_placing_twice_gives_one_order_and_other_contents_are_a_conflict(
    client: AftersaleClient, market: Marketplace
) -> None:
    document = market.preauthorised(market.checkout())
    first, second = await asyncio.gather(client.place(document), client.place(document))
    known(market, document)
    assert first == second
    assert [effect["kind"] for effect in market.sandbox.book(document["order_id"])].count("authorise") == 1
    with pytest.raises(Conflict, match="other contents"):
        await client.place(document | {"marketplace": "collectors"})


async def test_a_finished_order_placed_again_answers_with_itself(client: AftersaleClient, market: Marketplace) -> None:
    life = await placed(client, market)
    await client.decline(life.order_id, seller(life.actor(Role.SELLER).id), reason=Reason.OUT_OF_STOCK)
    assert await life.result() == "cancelled"
    again = await client.place(life.document)
    assert again.stage == "cancelled"
    assert not await life.is_running()


async def test_a_refused_admission_names_field_and_rule_and_may_be_tried_again(
    client: AftersaleClient, market: Marketplace
) -> None:
    document = market.checkout()
    foreign = document | {"payment": {"payment_intent": "pi_nobody"}}
    with pytest.raises(Invalid) as refused:
        await client.place(foreign)
    assert refused.value.field == "payment.payment_intent"
    progress = await client.place(market.preauthorised(document))
    known(market, document)
    assert progress.stage == "placed"


async def test_one_checkout_places_an_order_for_each_seller_and_tells_which_do_not_stand(
    client: AftersaleClient, market: Marketplace
) -> None:
    good, bad = market.preauthorised(market.checkout()), market.checkout() | {"payment": {"payment_intent": "pi_none"}}
    whole = {"checkout_id": f"c-{good['order_id']}", "orders": [good, bad]}
    with pytest.raises(CheckoutIncomplete) as incomplete:
        await client.place_checkout(whole)
    assert [progress.order_id for progress in incomplete.value.placed] == [good["order_id"]]
    assert list(incomplete.value.failed) == [bad["order_id"]]
    mended = {**whole, "orders": [good, market.preauthorised(bad)]}
    both = await client.place_checkout(mended)
    for document in (good, bad):
        known(market, document)
    assert [progress.stage for progress in both] == ["placed", "placed"]
    with market.engine.begin() as conn:
        screen = (
            conn.execute(
                text("SELECT DISTINCT checkout_id FROM orders WHERE order_id = ANY(:ids)"),
                {"ids": [good["order_id"], bad["order_id"]]},
            )
            .scalars()
            .all()
        )
    assert screen == [whole["checkout_id"]]


async def test_a_shipment_is_followed_until_it_is_secured_and_its_number_stays_out_of_temporal(
    client: AftersaleClient, market: Marketplace, reader: Reader
) -> None:
    life = await placed(client, market)
    by = seller(life.actor(Role.SELLER).id)
    await client.confirm(life.order_id, by)
    shipped = await client.ship(life.order_id, by, carrier="DHL", tracking_number=CANARY, photo=PHOTO, wait=20)
    assert shipped.payment == "secured"
    await life.rest()
    assert CANARY not in await history(life)
    [parcel] = life.state().parcels
    with market.engine.begin() as conn:
        stored = personal.get_parcel(conn, market.vault, life.order_id, parcel.parcel_id)
    assert stored is not None
    assert (stored.number, stored.photo) == (CANARY, PHOTO)
    assert reader.show(life.order_id, by).parcels[0].tracking_number == CANARY


async def test_a_shipment_whose_capture_fails_says_do_not_hand_the_parcel_over(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await placed(client, market)
    by = seller(life.actor(Role.SELLER).id)
    await client.confirm(life.order_id, by)
    market.sandbox.move_clock(life.order_id, datetime.now(UTC) + timedelta(days=90))  # The bank has let the hold go.
    shipped = await client.ship(life.order_id, by, carrier="DHL", tracking_number="N1", wait=20)
    assert shipped.payment == "failed"


async def test_a_shipment_whose_capture_is_unknown_stays_pending(client: AftersaleClient, market: Marketplace) -> None:
    life = await placed(client, market)
    by = seller(life.actor(Role.SELLER).id)
    await client.confirm(life.order_id, by)
    market.sandbox.fault("unavailable", order_id=life.order_id, operation="capture", times=50)
    shipped = await client.ship(life.order_id, by, carrier="DHL", tracking_number="N1", wait=1)
    assert shipped.payment == "pending"
    market.sandbox.clear_faults(life.order_id)
    await client.retry(life.order_id, operator("o-1"), reason="the provider is back")
    await life.rest()
    assert life.state().payment.captured is not None


async def test_a_command_id_takes_effect_once_whichever_way_it_is_sent(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await placed(client, market)
    by = seller(life.actor(Role.SELLER).id)
    first = await client.confirm(life.order_id, by, command_id="c-1")
    again = await client.confirm(life.order_id, by, command_id="c-1")
    handed = await client.confirm(life.order_id, by, command_id="c-1", signal=True)
    await life.rest()
    assert (first.seq, again.seq, handed.accepted) == (2, 2, False)
    assert life.steps() == ["place", "confirm"]
    with pytest.raises(Refused) as refused:
        await client.decline(life.order_id, by, reason=Reason.OTHER, command_id="c-1")
    assert refused.value.code == "command_id_reused"


async def test_a_shipment_repeated_under_its_command_id_is_one_parcel(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await placed(client, market)
    by = seller(life.actor(Role.SELLER).id)
    await client.confirm(life.order_id, by)
    for _ in range(2):
        await client.ship(life.order_id, by, carrier="DHL", tracking_number="N-77", command_id="ship-1", wait=20)
    assert len(life.state().parcels) == 1


async def test_a_refusal_tells_code_reason_and_what_is_possible(client: AftersaleClient, market: Marketplace) -> None:
    life = await placed(client, market)
    with pytest.raises(Refused) as refused:
        await client.receive(life.order_id, buyer(life.actor(Role.BUYER).id))
    assert refused.value.code == "no_line_fits"
    assert "cancel" in refused.value.possible
    with pytest.raises(Invalid, match="days"):
        await client.send(life.order_id, "more_time_to_pay", buyer(life.actor(Role.BUYER).id), {"days": "three"})


async def test_a_refused_command_is_judged_anew_under_the_same_id(client: AftersaleClient, market: Marketplace) -> None:
    life = await placed(client, market)
    by = seller(life.actor(Role.SELLER).id)
    with pytest.raises(Refused):
        await client.ship(life.order_id, by, carrier="DHL", tracking_number="N1", parcel_id="p1", command_id="s-1")
    await client.confirm(life.order_id, by)
    shipped = await client.ship(
        life.order_id, by, carrier="DHL", tracking_number="N1", parcel_id="p1", command_id="s-1", wait=20
    )
    assert shipped.payment == "secured"


async def test_the_desk_signs_and_stores_its_reason_and_a_wrong_key_is_refused(
    client: AftersaleClient, market: Marketplace, records: Records, reader: Reader
) -> None:
    life = await placed(client, market)
    until = datetime.now(UTC) + timedelta(days=9)
    by = operator("op-1")
    await client.extend(life.order_id, by, clock="confirm", until=until, reason="the seller is canary ill")
    story = reader.show(life.order_id, by).story
    assert [(h.step, h.note) for h in story][-1] == ("extend", "the seller is canary ill")
    assert "canary" not in await history(life)
    forger = AftersaleClient(market.client, records, b"another key")
    with pytest.raises(Refused) as refused:
        await forger.note(life.order_id, by, reason="let me in")
    assert refused.value.code == "bad_signature"


async def test_pauses_notes_and_tickets_go_through_the_typed_methods(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await placed(client, market)
    by = operator("op-1")
    paused = await client.pause(
        life.order_id, by, until=datetime.now(UTC) + timedelta(days=2), reason="checking the payment", review=True
    )
    assert "resume" in paused.possible
    await client.resume(life.order_id, by, reason="checked")
    await client.note(life.order_id, specialist("sp-1"), reason="called the seller")
    await life.until("confirm_overdue")
    [ticket] = life.state().tickets
    await client.assign_ticket(life.order_id, by, ticket=ticket.ticket_id, owner="sp-1")
    await client.resolve_ticket(
        life.order_id, specialist("sp-1"), ticket=ticket.ticket_id, outcome=Outcome.NO_CHANGE, reason="will confirm"
    )
    assert life.state().tickets == ()
    assert life.steps()[1:4] == ["pause", "resume", "note"]


async def test_the_buyer_changes_the_address_without_showing_it_to_temporal(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await placed(client, market)
    await client.change_address(
        life.order_id, buyer(life.actor(Role.BUYER).id), address_lines=["B. Buyer", "Canary Lane 9", "Berlin"]
    )
    await life.rest()
    with market.engine.begin() as conn:
        address = personal.get_address(conn, market.vault, life.order_id, life.state().address_id)
    assert address is not None
    assert address.lines[1] == "Canary Lane 9"
    assert "Canary" not in await history(life)


async def test_a_restart_goes_on_from_the_snapshot_after_a_terminate(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await placed(client, market)
    by = seller(life.actor(Role.SELLER).id)
    await client.confirm(life.order_id, by)
    await life.rest()
    await life.handle.terminate("an operator's mistake")
    with pytest.raises(NotJudgedYet, match="aftersale restart"):
        await client.ship(life.order_id, by, carrier="DHL", tracking_number="N1")
    again = await client.confirm(life.order_id, by, command_id=life.state().seen[0].command_id)
    assert again.accepted, "a command taken before is answered from the record"
    await client.restart(life.order_id, operator("op-1"), reason="terminated by mistake")
    await life.rest()
    assert life.state().epoch == 2
    assert life.steps()[-1] == "note"
    shipped = await client.ship(life.order_id, by, carrier="DHL", tracking_number="N1", wait=20)
    assert shipped.payment == "secured"
    described = await life.handle.describe()
    names = {key.name for key in (pair.key for pair in described.typed_search_attributes)}
    assert {"Buyer", "Seller", "Marketplace", "Stage"} <= names


async def test_a_closed_order_refuses_and_an_unknown_one_is_not_found(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await placed(client, market)
    by = seller(life.actor(Role.SELLER).id)
    await client.decline(life.order_id, by, reason=Reason.OUT_OF_STOCK)
    await life.result()
    with pytest.raises(Refused) as refused:
        await client.confirm(life.order_id, by)
    assert refused.value.code == "order_over"
    with pytest.raises(NotFound):
        await client.confirm("o-unknown", by)
    with pytest.raises(NotFound):
        await client.note("o-unknown", operator("op-1"), reason="nothing")


async def test_a_policy_is_previewed_and_then_adopted(client: AftersaleClient, market: Marketplace) -> None:
    life = await placed(client, market)
    by = operator("op-1")
    wanted = wire.from_plain(type(life.state().policy), life.state().policy.to_plain())
    wanted = type(wanted).from_plain(
        wanted.to_plain() | {"confirm": {"remind": 2, "ticket": 3, "end": 5}, "version": "2"}
    )
    shown = await client.preview_policy(life.order_id, by, policy=wanted)
    assert {change.tier for change in shown.changes} >= {"confirm.ticket", "confirm.end"}
    assert all(change.before != change.after for change in shown.changes)
    assert life.state().policy.version != "2", "a preview changes nothing"
    await client.adopt_policy(life.order_id, by, policy=wanted, reason="longer windows")
    assert life.state().policy.version == "2"
    after = {clock.tier: clock.after for clock in shown.changes}
    assert life.clock("confirm_overdue").at == after["confirm.ticket"]


async def test_a_whole_life_through_the_client(client: AftersaleClient, market: Marketplace) -> None:
    life = await placed(client, market)
    buys, sells = buyer(life.actor(Role.BUYER).id), seller(life.actor(Role.SELLER).id)
    await client.confirm(life.order_id, sells)
    await client.ship(life.order_id, sells, carrier="DHL", tracking_number="N1", parcel_id="p1", wait=20)
    await client.parcel_scan(
        life.order_id,
        Actor(Role.CARRIER, "easypost"),
        parcel_id="p1",
        milestone=Milestone.DELIVERED,
        at=datetime.now(UTC),
        proof=Proof.STRONG,
    )
    received = await client.receive(life.order_id, buys)
    assert received.stage == Stage.COMPLETED
    await life.rest()
    assert life.money()["captured"] == "64.90 EUR"


async def test_without_a_worker_a_command_is_not_judged_yet_and_reading_goes_on(
    client: AftersaleClient, market: Marketplace, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starter.runs.TASK_QUEUE", "nobody-works-here")
    document = market.preauthorised(market.checkout())
    with pytest.raises(NotJudgedYet) as started:
        await client.place(document, within=0.5)
    assert started.value.delivered
    by = seller(document["seller"]["person_id"])
    with pytest.raises(NotJudgedYet) as waiting:
        await client.confirm(document["order_id"], by, command_id="c-1", within=0.5)
    assert (waiting.value.delivered, waiting.value.command_id) == (False, "c-1")
    view = reader.show(document["order_id"], by)
    assert (view.stage, view.waiting_on) == ("admitting", "platform")
    handle = market.client.get_workflow_handle(workflow_id(document["order_id"]))
    described = await handle.describe()
    assert described.status is WorkflowExecutionStatus.RUNNING
    assert described.search_attributes["WaitingOn"] == ["platform"]
    await handle.terminate()
    with market.engine.begin() as conn:
        orders.refuse(conn, document["order_id"], "test", "over")
