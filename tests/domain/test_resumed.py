"""A step that had begun when its run was ended is taken up by the next run as it was."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from domain import events, wire
from domain.contract import Ask, Envelope, begun, resumed
from domain.decide import Command, Decision, Repeat, decide
from domain.errors import Invalid
from domain.state import Order, Role
from tests.domain.world import ACTORS, START, confirmed

SHIP = Command("ship", "ship-1", ACTORS[Role.SELLER], {"parcel_id": "p1", "carrier": "DHL", "tracking_number": "JD1"})


def shipping(order: Order) -> Ask:
    """The step of a shipment, whose capture is about to be asked for."""
    decision = decide(order, SHIP, START)
    assert isinstance(decision, Decision)
    assert decision.op is not None
    return Ask(
        decision.step,
        decision.after.seq,
        order.epoch,
        START,
        "update",
        SHIP.name,
        Envelope(SHIP.command_id, SHIP.actor, SHIP.body),
        "confirmed",
        tuple(events.to_plain(event) for event in decision.events),
        decision.after,
        ("buyer",),
    )


def restarted(order: Order, ask: Ask) -> Order:
    """The order as the next run reads it, from JSON, with the step beside it."""
    plain = json.loads(json.dumps(begun(ask, {"parcel_id": "p1"})))
    return wire.from_plain(Order, {**wire.to_plain(order), "epoch": 2, "under_way": plain})


def test_the_next_run_resumes_the_very_step_under_its_own_epoch() -> None:
    order = confirmed().order
    ask = shipping(order)
    again = resumed(restarted(order, ask))
    assert again == replace(
        ask, epoch=2, order=replace(ask.order, epoch=2), envelope=replace(ask.envelope, body={"parcel_id": "p1"})
    )
    assert again.order.op == ask.order.op, "the same operation, so the same key"


def test_the_command_that_asked_for_it_stays_taken() -> None:
    order = confirmed().order
    again = resumed(restarted(order, shipping(order)))
    assert again is not None
    assert decide(again.order, SHIP, START) == Repeat(again.seq)


def test_nothing_is_resumed_when_nothing_had_begun() -> None:
    assert resumed(confirmed().order) is None


@pytest.mark.parametrize("plain", [{}, {"events": "none"}, {"events": [{"event": "Unheard"}]}, {"events": []}])
def test_what_cannot_be_read_is_refused_by_name(plain: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        resumed(replace(confirmed().order, under_way=plain))
