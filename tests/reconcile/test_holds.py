"""The provider's open holds against the orders that should have them: strays, missing ones, former ones (R2)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from activities.reconcile import Patience
from activities.store.tables import tickets
from domain.state import Stage
from tests.life import Life
from tests.marketplace import Marketplace
from tests.receiver import Receiver, hold_of
from tests.reconcile.conftest import Reconcile, open_findings

A_MINUTE = timedelta(minutes=1)


def found(life: Life) -> dict[str, str]:
    """What is found of an order, by the hold that it is about."""
    return {row.ref: str(row.kind) for row in open_findings(life.market.engine, life.order_id)}


def ticket_statuses(life: Life) -> list[tuple[str, str]]:
    """Cause and status of every ticket that the comparison of the books has opened about an order."""
    mine = tickets.c.order_id == life.order_id, tickets.c.cause == "reconciliation"
    with life.market.engine.begin() as conn:
        return [(row.cause, row.status) for row in conn.execute(select(tickets).where(*mine))]


async def test_a_hold_without_an_order_and_an_order_without_its_hold_are_found_ticketed_and_healed(
    market: Marketplace, receiver: Receiver, reconcile: Reconcile
) -> None:
    stray, bare = await market.order(), await market.order()
    now = max(await stray.now(), await bare.now()) + A_MINUTE
    await reconcile(market.engine, market.payments, now=now)
    assert (found(stray), found(bare)) == ({}, {})
    strange = str(market.sandbox.preauthorise(stray.order_id, 64_90, "eur")["payment_intent"])
    lost = hold_of(bare)
    market.sandbox.end_hold(lost)
    first = await reconcile(market.engine, market.payments, now=now)
    assert (found(stray), found(bare)) == ({strange: "hold_without_order"}, {lost: "order_without_hold"})
    assert ticket_statuses(stray) == ticket_statuses(bare) == [("reconciliation", "open")]
    assert first["holds"] >= 2

    await reconcile(market.engine, market.payments, now=now)
    assert ticket_statuses(stray) == ticket_statuses(bare) == [("reconciliation", "open")], "once, however often seen"

    market.payments.void(hold=strange, key="by-hand")
    await receiver.tell(lost)
    last = await reconcile(market.engine, market.payments, now=now)
    assert (found(stray), found(bare), last["healed"] >= 2) == ({}, {}, True)
    assert ticket_statuses(stray) == ticket_statuses(bare) == [("reconciliation", "resolved")]


async def test_an_order_whose_hold_ended_just_now_is_not_reported_before_the_news_had_its_time(
    market: Marketplace, reconcile: Reconcile
) -> None:
    life = await market.order()
    await life.pass_time(timedelta(hours=7))
    lost = hold_of(life)
    market.sandbox.end_hold(lost)
    now = await life.now() + A_MINUTE
    await reconcile(market.engine, market.payments, Patience(), now)
    assert found(life) == {}
    await reconcile(market.engine, market.payments, now=now)
    assert found(life) == {lost: "order_without_hold"}


async def test_a_former_hold_that_cannot_be_let_go_yet_is_no_stray(market: Marketplace, reconcile: Reconcile) -> None:
    life = await market.order(market.preauthorised(market.checkout(), hold=timedelta(hours=30)))
    market.sandbox.fault("declined", order_id=life.order_id, operation="void")
    former = hold_of(life)
    await life.until("renew_hold")
    assert (life.state().payment.superseded, life.state().op) == ((former,), None)
    await reconcile(market.engine, market.payments, now=await life.now() + A_MINUTE)
    assert found(life) == {}
    assert life.stage() is Stage.PLACED
