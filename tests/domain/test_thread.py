from __future__ import annotations

from typing import Any

import pytest

from domain.deadlines import deadlines
from domain.decide import Command, Decision, Refusal, Repeat, decide
from domain.events import MessageSaid, TierPassed
from domain.state import PARTIES, Actor, Role
from domain.tiers import party_tiers
from tests.domain.claims_world import AT
from tests.domain.lives import closed
from tests.domain.world import ACTORS, paid


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER, Role.SPECIALIST, Role.OPERATOR])
def test_everybody_of_the_order_and_the_desk_may_write_and_nothing_else_changes(role: Role) -> None:
    life = paid()
    before = life.order
    decision = life.do("message", role, message_id="m-1", attachments=["f-1"])
    assert MessageSaid("m-1", role, False, ("f-1",)) in decision.events
    assert (decision.after.lines, decision.after.payment, decision.op) == (before.lines, before.payment, None)


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER])
def test_a_party_writes_no_notes_of_the_desk(role: Role) -> None:
    answer = paid().ask("message", role, message_id="m-1", internal=True)
    assert isinstance(answer, Refusal)
    assert answer.code == "internal_not_allowed"
    assert "message" in answer.possible


def test_the_desk_writes_notes() -> None:
    assert isinstance(paid().ask("message", Role.SPECIALIST, message_id="m-1", internal=True), Decision)


@pytest.mark.parametrize(
    ("body", "about"),
    [
        ({}, "message_id"),
        ({"message_id": ""}, "body.message_id"),
        ({"message_id": "shipped:p1"}, "body.message_id"),
        ({"message_id": "m" * 65}, "body.message_id"),
        ({"message_id": "m-1", "text": "hello"}, "text"),
        ({"message_id": "m-1", "attachments": [f"f-{n}" for n in range(11)]}, "more than 10"),
        ({"message_id": "m-1", "attachments": ["f-1", "f-1"]}, "twice"),
        ({"message_id": "m-1", "attachments": ["../f"]}, "body.attachments"),
        ({"message_id": "m-1", "attachments": "f-1"}, "attachments"),
    ],
)
def test_a_malformed_message_is_refused_with_what_is_wrong(body: dict[str, Any], about: str) -> None:
    life = paid()
    answer = decide(life.order, Command("message", "c-1", ACTORS[Role.BUYER], body), life.now)
    assert isinstance(answer, Refusal)
    assert (answer.code, about in answer.reason) == ("invalid", True), answer.reason


def test_a_message_to_somebody_elses_order_is_refused() -> None:
    life = paid()
    for stranger in (Actor(Role.BUYER, "buyer-2"), Actor(Role.SELLER, "buyer-1"), Actor(Role.SPECIALIST, "seller-1")):
        answer = decide(life.order, Command("message", "c-1", stranger, {"message_id": "m-1"}), life.now)
        assert isinstance(answer, Refusal)
        assert answer.code == ("not_found" if stranger.role in PARTIES else "not_your_order")


def test_a_message_counts_once_and_an_order_that_is_over_takes_none() -> None:
    life = paid()
    life.ask("message", Role.BUYER, command_id="once", message_id="m-1")
    assert isinstance(life.ask("message", Role.BUYER, command_id="once", message_id="m-1"), Repeat)
    answer = closed().ask("message", Role.BUYER, message_id="m-1")
    assert isinstance(answer, Refusal)
    assert answer.code == "order_over"


@pytest.mark.parametrize("name", AT)
@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER])
def test_who_writes_while_a_claim_waits_for_them_is_spared_its_reminder_and_nobody_else_is(
    name: str, role: Role
) -> None:
    life = AT[name][1]()
    tier = f"claim:{life.order.claims[-1].claim_id}.remind"
    waits = {clock.tier: clock.who for clock in deadlines(life.order)}.get(tier.replace("remind", "end"))
    reminds = tier in party_tiers(life.order) and waits is role
    decision = life.do("message", role, message_id="m-1")
    assert (TierPassed(tier) in decision.events) is reminds
