"""Fifty copies of each command about money at once: one effect, one answer each, and books that balance."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.store import personal
from domain.contract import workflow_id
from domain.money import Money
from domain.process import STEPS
from domain.state import Actor, Role
from starter.client import AftersaleClient
from starter.records import Records
from tests.life import BUYER, COMMAND_KEY, OPERATOR, SELLER, SPECIALIST, Json, Life, refusal
from tests.marketplace import Marketplace
from tests.stories import claims

PROVIDER = Actor(Role.PROVIDER, "stripe")
COPIES = 50
FEE = "15.00 EUR"

Body = Callable[[Life], Mapping[str, Any]]


async def placed(market: Marketplace) -> Life:
    return await market.order()


async def unpaid(market: Marketplace) -> Life:
    return await market.order(market.checkout())


async def cancel_asked(market: Marketplace) -> Life:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.send("request_cancel", BUYER, reason="too_slow")
    return life


async def delivered(market: Marketplace) -> Life:
    life = await market.order()
    await life.delivered()
    return life


async def confirmed(market: Marketplace) -> Life:
    life = await market.order()
    await life.send("confirm", SELLER)
    return life


async def refund_refused(market: Marketplace) -> Life:
    """A refund that the provider has refused once, and would not again."""
    life = await delivered(market)
    market.sandbox.fault("balance_insufficient", order_id=life.order_id, operation="refund")
    await life.desk("refund")
    assert life.state().stuck
    return life


async def large_refund_asked(market: Marketplace) -> Life:
    life = await market.order(prices=("900.00",))
    await life.delivered()
    await life.desk("refund", OPERATOR)
    return life


async def taken_back(market: Marketplace) -> Life:
    """The bank has taken the money back, and nobody has told the order."""
    life = await delivered(market)
    market.sandbox.dispute(life.state().payment.hold, reason="product_not_received")
    return life


async def disputed(market: Marketplace) -> Life:
    life = await taken_back(market)
    await life.update("open_dispute", life.signed("open_dispute", PROVIDER, dispute_of(life), "dispute-1"))
    return life


async def lost(market: Marketplace) -> Life:
    life = await disputed(market)
    market.sandbox.close_dispute(id_of(life, "dispute"), "lost")
    return life


async def won(market: Marketplace) -> Life:
    life = await disputed(market)
    market.sandbox.close_dispute(id_of(life, "dispute"), "won", fee_returned=1500)
    return life


async def refund_failed(market: Marketplace) -> Life:
    life = await delivered(market)
    await life.desk("refund", lines=["L1"])
    market.sandbox.settle_refund(id_of(life, "refund"), "failed")
    return life


async def cheap_claimed(market: Marketplace) -> Life:
    """A claim about goods that need not come back."""
    return await claims.claimed(market, "wrong_item", "19.00", "20.00")


async def offered(market: Marketplace) -> Life:
    life = await claims.claimed(market)
    await life.send("offer_refund", SELLER, amount="10.00 EUR")
    return life


async def countered(market: Marketplace) -> Life:
    life = await offered(market)
    await life.send("offer_refund", BUYER, amount="15.00 EUR")
    return life


async def returned(market: Marketplace) -> Life:
    life = await claims.claimed(market)
    await life.send("grant_claim", SELLER)
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    await life.send("receive_return", SELLER)
    return life


async def appealed(market: Marketplace) -> Life:
    """A claim is to be decided for the second time, and what is decided is carried out at once."""
    life = await claims.escalated(market)
    await claims.decide(life, "release", by="specialist-2")
    await life.send("appeal_claim", BUYER, evidence=[claims.proof(life, BUYER)])
    return life


def id_of(life: Life, kind: str) -> str:
    """The provider's object of the order's last effect of a kind."""
    return [str(effect["object"]) for effect in life.book() if effect["kind"] == kind][-1]


def dispute_of(life: Life) -> Json:
    effect = next(effect for effect in life.book() if effect["kind"] == "dispute")
    amount = str(Money(effect["amount"], "EUR"))
    return {"dispute": effect["object"], "amount": amount, "fee": FEE, "reason": "not_received"}


@dataclass(frozen=True)
class Press:
    """A command, who sends it with what, in which condition of an order, and the effects that it has there.

    One that may be taken `again` changes nothing then.
    """

    name: str
    who: Role | Actor
    there: Callable[[Marketplace], Awaitable[Life]]
    body: Body
    effects: tuple[str, ...] = ()
    again: bool = False

    @property
    def role(self) -> Role:
        return self.who.role if isinstance(self.who, Actor) else self.who

    @property
    def title(self) -> str:
        return f"{self.name} by {self.role}"

    @property
    def signed(self) -> bool:
        return isinstance(self.who, Actor) or self.who in (SPECIALIST, OPERATOR)


def unsigned(life: Life, name: str, role: Role | Actor, body: Mapping[str, Any], command_id: str = "") -> Json:
    """What a party sends, who signs nothing."""
    return life.message(role, body, command_id)


def another_hold(life: Life) -> Json:
    """The buyer's card is held for the order, by whomever."""
    return {"payment_intent": life.market.sandbox.preauthorise(life.order_id, 6490, "eur")["payment_intent"]}


def parcel(life: Life) -> Json:
    """The seller has stored the number of one parcel, and presses the button."""
    with life.market.engine.begin() as conn:
        personal.put_parcel(conn, life.market.vault, life.order_id, "p1", "DHL", f"JD{uuid4().int % 10**18:018d}")
    return {"parcel_id": "p1", "carrier": "DHL"}


def noted_by(role: Role, **body: str) -> Callable[[Life], Json]:
    """The reason of whoever acts for the desk in that role, and what else the message has."""
    return lambda life: {"note_id": life.words(role, "A reason.", f"{role}-{life.order_id}"), **body}


def nothing(_: Life) -> Json:
    return {}


PRESSES = {
    press.title: press
    for press in (
        Press("pay", BUYER, unpaid, another_hold),
        Press("payment_found", PROVIDER, placed, another_hold, ("void",)),
        Press("confirm", SELLER, placed, nothing),
        Press("decline", SELLER, placed, lambda _: {"reason": "out_of_stock"}, ("void",)),
        Press("cancel", BUYER, placed, lambda _: {"reason": "changed_mind"}, ("void",)),
        Press("grant_cancel", SELLER, cancel_asked, nothing, ("void",)),
        Press("cancel", SPECIALIST, confirmed, lambda _: {"reason": "other"}, ("void",)),
        Press("ship", SELLER, confirmed, parcel, ("capture",)),
        Press("receive", BUYER, delivered, nothing, ("transfer",)),
        Press("release", SPECIALIST, delivered, noted_by(SPECIALIST), ("transfer",)),
        Press("refund", SPECIALIST, delivered, noted_by(SPECIALIST), ("refund",)),
        Press("refund_shipping", OPERATOR, delivered, noted_by(OPERATOR), ("refund",)),
        Press("retry", OPERATOR, refund_refused, noted_by(OPERATOR), ("refund",), again=True),
        Press(
            "approve",
            Actor(OPERATOR, "operator-2"),
            large_refund_asked,
            lambda life: {"digest": getattr(life.state().approval, "digest", "")},
            ("refund",),
        ),
        Press("grant_claim", SELLER, cheap_claimed, nothing, ("refund",)),
        Press("accept_offer", BUYER, offered, nothing, ("refund", "transfer")),
        Press("accept_offer", SELLER, countered, nothing, ("refund", "transfer")),
        Press("inspect_return", SELLER, returned, lambda _: {"finding": "as_sent"}, ("refund",)),
        Press("decide_claim", SPECIALIST, appealed, noted_by(SPECIALIST, verdict="refund"), ("refund",)),
        Press("open_dispute", PROVIDER, taken_back, dispute_of),
        Press("lose_dispute", PROVIDER, lost, lambda life: {"dispute": id_of(life, "dispute")}),
        Press("win_dispute", PROVIDER, won, lambda life: {"dispute": id_of(life, "dispute"), "fee": FEE}),
        Press("refund_failed", PROVIDER, refund_failed, lambda life: {"refund": id_of(life, "refund")}),
    )
}


def test_every_command_of_the_process_table_that_moves_money_is_pressed() -> None:
    pressed = {(press.name, press.role) for press in PRESSES.values()}
    moving = [step for step in STEPS if step.money and Role.CLOCK not in step.by and step.name != "place"]
    missed = [f"{step.name} by {sorted(step.by)}" for step in moving if not {(step.name, r) for r in step.by} & pressed]
    assert not missed, missed


async def answer(life: Life, name: str, message: Json) -> str:
    """What an update says: the step that it was taken as, or why not.

    The server takes ten at a time, and one that it gave up while it was busy is sent again, as a caller would.
    """
    while True:
        try:
            verdict = await life.handle.execute_update(name, message)
        except WorkflowUpdateFailedError as error:
            return refusal(error).code
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return "order_over"
            if error.status is not RPCStatusCode.UNAVAILABLE and "limit" not in str(error):
                raise
        else:
            return f"step {verdict['seq']}"


async def tell(life: Life, name: str, message: Json) -> str:
    """The same as a signal, which nobody answers."""
    try:
        await life.handle.signal(name, message)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return ""


@pytest.mark.parametrize("one_id", [True, False], ids=["one id", "fifty ids"])
@pytest.mark.parametrize("title", PRESSES)
async def test_fifty_copies_of_a_command_have_one_effect(market: Marketplace, title: str, one_id: bool) -> None:
    press = PRESSES[title]
    name, life = press.name, await press.there(market)
    body = press.body(life)
    before, make = len(life.book()), life.signed if press.signed else partial(unsigned, life)
    messages = [make(name, press.who, body, "press-0" if one_id else f"press-{i}") for i in range(COPIES)]
    answers = await asyncio.gather(
        *((tell if i % 3 == 0 else answer)(life, name, message) for i, message in enumerate(messages))
    )
    await life.rest()
    steps = [step for step in life.screen().story.steps if step.command_id.startswith("press-")]
    assert len(steps) == 1 or (press.again and not one_id and steps)
    taken = [text for text in answers if text.startswith("step ")]
    assert set(taken) <= {f"step {step.seq}" for step in steps}, "whoever is told that it was taken is told of a step"
    assert one_id or len(taken) <= len(steps)
    if one_id:
        assert set(answers) - {"", "order_over", *taken} == set(), "nobody is refused"
        assert life.refusals() == []
    await life.pass_time(timedelta(minutes=5))
    assert [effect["kind"] for effect in life.book()[before:]] == list(press.effects)


async def test_fifty_copies_of_a_checkout_are_one_order_that_is_paid_once(market: Marketplace) -> None:
    pays = {"payment_method": "pm_card_visa", "customer": market.customer()}
    document = market.checkout() | {"payment": pays}
    client = AftersaleClient(market.client, Records(market.engine, market.vault), COMMAND_KEY)
    answers = await asyncio.gather(*(client.place(document) for _ in range(COPIES)))
    assert {(progress.order_id, progress.stage) for progress in answers} == {(document["order_id"], "placed")}
    life = Life(market, document, market.client.get_workflow_handle(workflow_id(document["order_id"])))
    market.lives.append(life)
    await life.pass_time(timedelta(minutes=5))
    assert (life.effects(), life.steps()) == (["authorise"], ["place"])
