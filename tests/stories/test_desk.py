"""Specialists and operators: pausing, large sums, restarts, resets, policies."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from activities.policies import read_policy
from demo.temporal import reset
from domain import wire
from domain.contract import Envelope
from domain.errors import Refused, StaleEpoch
from domain.parcels.parcel import Milestone
from domain.signing import sign
from domain.state import Actor, Cause, Stage
from tests.life import BUYER, COMMAND_KEY, OPERATOR, SELLER, SPECIALIST
from tests.marketplace import Marketplace

OTHER_OPERATOR = Actor(OPERATOR, "operator-2")


async def test_a_pause_stops_the_parties_clocks_and_resume_gives_them_what_they_had_left(market: Marketplace) -> None:
    life = await market.order()
    before = life.clock("confirm_overdue").at
    await life.desk("pause", OPERATOR, until=await life.now() + timedelta(days=20), review=True)
    await life.pass_time(timedelta(days=10))
    assert life.state().tickets == ()
    await life.desk("resume", OPERATOR)
    assert life.clock("confirm_overdue").at > max(before, await life.now())
    await life.until("confirm_overdue")
    assert life.ticket(Cause.CONFIRM_OVERDUE).owner == ""


async def test_a_forgotten_pause_ends_by_itself(market: Marketplace) -> None:
    life = await market.order()
    await life.desk("pause", OPERATOR, until=await life.now() + timedelta(days=3))
    await life.until("pause_ends")
    assert life.state().paused is None
    assert life.clock("confirm_overdue").party


async def test_a_large_refund_needs_a_second_operator(market: Marketplace) -> None:
    life = await market.order(prices=("900.00",))
    await life.delivered()
    await life.desk("refund", OPERATOR)
    approval = life.state().approval
    assert approval is not None
    assert "refunded" not in life.money()
    with pytest.raises(Refused) as refused:
        await life.desk("approve", OPERATOR, note_id=None, digest=approval.digest)
    assert refused.value.code == "own_command"
    with pytest.raises(Refused) as refused:
        await life.desk("approve", OTHER_OPERATOR, note_id=None, digest="another")
    assert refused.value.code == "digest_differs"
    await life.desk("approve", OTHER_OPERATOR, note_id=None, digest=approval.digest)
    assert await life.result() == Stage.REFUNDED
    assert life.money()["refunded"] == "904.90 EUR"


async def test_an_approval_that_nobody_gives_lapses(market: Marketplace) -> None:
    life = await market.order(prices=("900.00",))
    await life.delivered()
    await life.desk("release", OPERATOR)
    await life.until("approval_lapses")
    assert life.state().approval is None
    assert "released" not in life.money()


async def test_a_command_of_the_desk_without_a_good_signature_moves_nothing(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered()
    body = {"note_id": "note-1"}
    good = life.signed("refund", SPECIALIST, body)
    for message in (life.message(SPECIALIST, body), {**good, "signature": "0" * 64}, {**good, "command_id": "other"}):
        with pytest.raises(Refused) as refused:
            await life.update("refund", message)
        assert refused.value.code == "bad_signature"
    envelope = wire.from_plain(Envelope, good | {"signature": ""})
    for_another_order = sign(COMMAND_KEY, "o-2", "refund", envelope)
    with pytest.raises(Refused):
        await life.update("refund", {**good, "signature": for_another_order})
    await life.handle.signal("refund", life.message(SPECIALIST, body))
    await life.rest()
    assert life.refusals() == ["bad_signature"]
    assert life.effects() == ["authorise", "capture"]


async def test_nobody_of_the_desk_decides_their_own_case(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered()
    with pytest.raises(Refused) as refused:
        await life.desk("release", Actor(SPECIALIST, life.actor(SELLER).id))
    assert refused.value.code == "not_your_order"


async def test_an_order_adopts_another_policy_on_purpose(market: Marketplace) -> None:
    life = await market.order()
    before = life.clock("confirm_overdue").at
    policy = read_policy(market.policies, "collectors")
    slower = wire.to_plain(policy) | {
        "confirm": {"remind": 3, "ticket": 6, "end": 9},
        "ship": {"ticket": 20, "end": 25},
    }
    await life.desk("adopt_policy", OPERATOR, policy=slower)
    assert life.clock("confirm_overdue").at > before
    assert life.state().lines[0].fee.minor == 320, "fees stay as they were at checkout"


async def test_a_deadline_that_passed_while_we_were_down_punishes_nobody_and_counts_once(market: Marketplace) -> None:
    life = await market.order()
    no_grace = wire.to_plain(life.state().policy) | {"outage": {"grace": 0}}
    await life.desk("adopt_policy", OPERATOR, policy=no_grace)
    first = await life.until("confirm_overdue")
    assert life.steps()[-1] == "spare_after_outage"
    assert life.state().tickets == ()
    assert life.clock("confirm_overdue").at - first.at >= timedelta(days=1)
    await life.until("confirm_overdue")
    assert life.ticket(Cause.CONFIRM_OVERDUE).owner == ""


async def test_notes_extensions_and_the_story_stand_on_record(market: Marketplace) -> None:
    life = await market.order()
    await life.desk("note")
    until = await life.now() + timedelta(days=9)
    await life.desk("extend", clock="confirm", until=until)
    assert life.clock("confirm_overdue").at == until
    with pytest.raises(Refused) as refused:
        await life.desk("extend", clock="ship", until=until)
    assert refused.value.code == "clock_not_running"
    await life.send("confirm", SELLER, command_id="confirm-1")
    story = life.screen().story.steps
    assert [(step.step, step.role, step.actor_id, step.source) for step in story] == [
        ("place", "storefront", "storefront", "start"),
        ("note", "specialist", "specialist-1", "update"),
        ("extend", "specialist", "specialist-1", "update"),
        ("confirm", "seller", life.state().seller, "update"),
    ]
    assert [(step.before_stage, step.after_stage) for step in story] == [
        ("", "placed"),
        ("placed", "placed"),
        ("placed", "placed"),
        ("placed", "confirmed"),
    ]
    assert story[3].command_id == "confirm-1"


async def test_a_terminated_order_goes_on_from_its_last_step_and_the_older_run_writes_nothing(
    market: Marketplace,
) -> None:
    life = await market.order()
    await life.send("confirm", SELLER, command_id="confirm-1")
    before = life.state()
    await life.handle.terminate("by mistake")
    await life.restart()
    assert life.state().epoch == before.epoch + 1
    assert (await life.send("confirm", SELLER, command_id="confirm-1"))["seq"] == before.seq
    await life.ship()
    await life.scan(Milestone.DELIVERED)
    await life.send("receive", BUYER)
    assert life.money()["released"] == "60.10 EUR"
    assert life.steps() == ["place", "confirm", "ship", "parcel_scan", "receive"]


async def test_an_operators_reset_doubles_nothing(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship()
    await life.scan(Milestone.DELIVERED)
    await reset(market.client, life.handle.id, lambda tasks: tasks[0], "a test")
    await life.rest()
    assert not await life.is_running()
    await life.restart()
    assert life.steps() == ["place", "confirm", "ship", "parcel_scan"]
    assert life.effects() == ["authorise", "capture"]
    await life.send("receive", BUYER)
    assert life.money()["released"] == "60.10 EUR"


async def test_a_reset_into_the_middle_is_stopped_by_its_stale_steps_and_a_restart_goes_on(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship()
    await reset(market.client, life.handle.id, lambda tasks: tasks[2], "a test")
    with pytest.raises(WorkflowFailureError) as failed:
        await life.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == StaleEpoch.__name__
    assert life.steps() == ["place", "confirm", "ship"]
    await life.restart()
    await life.scan(Milestone.DELIVERED)
    await life.send("receive", BUYER)
    assert life.effects() == ["authorise", "capture", "transfer"]


async def test_an_order_that_is_over_can_be_opened_again_and_is_still_over(market: Marketplace) -> None:
    life = await market.order()
    await life.send("cancel", BUYER, reason="changed_mind")
    assert await life.result() == Stage.CANCELLED
    await life.restart()
    assert await life.result() == Stage.CANCELLED
    assert life.steps() == ["place", "cancel"]


async def test_a_refused_order_may_be_started_again_with_right_contents(market: Marketplace) -> None:
    document = market.preauthorised(market.checkout())
    wrong = await market.start(document | {"total": "99.00 EUR"})
    with pytest.raises(WorkflowFailureError) as failed:
        await wrong.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.message == "total: 99.00 EUR is not the sum of lines and shipping, 64.90 EUR"
    life = await market.order(document)
    assert life.stage() is Stage.PLACED


async def test_a_pre_authorisation_pays_for_one_order_only(market: Marketplace) -> None:
    first, second = market.checkout(), market.checkout()
    paid = market.preauthorised(first)
    await market.order(paid)
    thief = await market.start(second | {"payment": paid["payment"]})
    with pytest.raises(WorkflowFailureError) as failed:
        await thief.result()
    assert "payment.payment_intent" in str(failed.value.cause)


async def test_calendars_are_extended_by_a_recorded_step_before_they_run_short(market: Marketplace) -> None:
    life = await market.order(policy="brisk")
    last = life.state().desk_calendar.last
    await life.delivered()
    await life.send("receive", BUYER)
    await life.until("extend_calendars")
    assert life.steps()[-1] == "extend_calendars"
    assert life.state().desk_calendar.last > last
    await life.until("close")
    assert await life.result() == Stage.CLOSED
