"""The platform's balance is in dollars and an order in euros: the provider's rows, and its fees, are in dollars."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.store import ledger
from domain.accounts import DISPUTE_FEES
from domain.money import Money
from domain.parcels.parcel import Proof
from sandbox.payments import balance
from tests.marketplace import Marketplace
from tests.receiver import Receiver, hold_of
from tests.reconcile.conftest import Reconcile, open_findings


@pytest.fixture
def in_dollars(monkeypatch: pytest.MonkeyPatch) -> None:
    enter = balance.enter

    def entered(call: Any, source: Any, category: str, amount: int, **about: Any) -> Any:
        row = enter(call, source, category, amount, **about)
        row.data |= {"currency": "usd", "amount": round(amount * 1.1), "exchange_rate": 1.1}
        row.data["net"] = row.data["amount"] - row.data["fee"]
        call.world.store.put(row)
        return row

    monkeypatch.setattr(balance, "enter", entered)


@pytest.mark.usefixtures("in_dollars")
@pytest.mark.parametrize(("end", "fee_back"), [("won", 500), ("lost", 0)])
async def test_a_disputes_fee_in_another_currency_is_in_both_books_and_no_part_of_the_orders_money(
    market: Marketplace, receiver: Receiver, reconcile: Reconcile, end: str, fee_back: int
) -> None:
    life = await market.order()
    await life.delivered(Proof.STRONG)
    dispute = str(market.sandbox.dispute(hold_of(life), reason="product_not_received")["id"])
    await receiver.tell(dispute)
    assert life.money()["disputed"] == "64.90 EUR"
    with market.engine.begin() as conn:
        before = ledger.balance(conn, DISPUTE_FEES, "USD")
    market.sandbox.close_dispute(dispute, end, fee_returned=fee_back)
    await receiver.tell(dispute)
    with market.engine.begin() as conn:
        assert ledger.balance(conn, DISPUTE_FEES, "USD") - before == Money(fee_back, "USD")
    await life.pass_time(timedelta(days=1))
    await reconcile(market.engine, market.payments, now=await life.now() + timedelta(minutes=1))
    assert open_findings(market.engine, life.order_id) == []
    market.lives.clear()  # What is checked of each life at its end adds the fee in the order's own currency.
