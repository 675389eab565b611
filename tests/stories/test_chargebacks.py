"""The buyer's bank takes money back: what it holds, who bears it, and how what a seller owes is paid."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.payments_desk import PaymentsDesk
from activities.providers.port import News, NewsKind
from activities.store import ledger
from domain.money import Money, Verb
from domain.parcels.parcel import Proof
from domain.state import Cause, LineState, Stage
from sandbox.payments.disputes import FEE
from tests.life import BUYER, COMMAND_KEY, OPERATOR, SELLER, SPECIALIST, Json, Life
from tests.marketplace import Marketplace

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OWES_ALL = "75.10 EUR"
"""The seller's net of both lines and shipping, and the bank's fee."""


async def told(market: Marketplace, life: Life, dispute: str) -> None:
    """The provider's webhook about a dispute has come, and the order has done what follows."""
    desk = PaymentsDesk(
        market.engine, market.client, market.payments, "stripe", COMMAND_KEY, task_queue=market.task_queue
    )
    assert await desk.look(News(f"evt_{dispute}", NewsKind.DISPUTE, dispute, await life.now()))
    await life.rest()


async def disputed(market: Marketplace, life: Life, **about: object) -> str:
    """The buyer's bank takes back what is left of the payment, or an amount."""
    dispute = str(market.sandbox.dispute(life.state().payment.hold, reason="product_not_received", **about)["id"])  # type: ignore[arg-type]
    await told(market, life, dispute)
    return dispute


async def decided(market: Marketplace, life: Life, dispute: str, status: str, fee_returned: int = 0) -> None:
    market.sandbox.close_dispute(dispute, status, fee_returned=fee_returned)
    await told(market, life, dispute)


async def paid_out(market: Marketplace, document: Json | None = None) -> Life:
    life = await market.order(document)
    await life.delivered(Proof.STRONG)
    await life.send("receive", BUYER)
    return life


async def test_a_dispute_holds_the_money_and_a_won_one_lets_it_go_on(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered(Proof.STRONG)
    dispute = await disputed(market, life)
    assert {line.held for line in life.state().lines} == {f"dispute:{dispute}"}
    assert life.ticket(Cause.DISPUTE).subject == dispute
    assert "open_dispute" in life.told(SELLER)
    assert life.money()["disputed"] == "79.90 EUR"
    await life.pass_time(20 * DAY)
    assert "transfer" not in life.effects(), "nothing moves while the bank decides (P7)"
    await decided(market, life, dispute, "won", FEE)
    assert not life.state().tickets
    await life.pass_time(20 * DAY)
    assert life.money() == {"captured": "64.90 EUR", "released": "60.10 EUR", "fees": "4.80 EUR"}


async def test_a_lost_dispute_is_borne_by_the_escrow_and_nobody_is_paid_twice(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered(Proof.STRONG)
    await decided(market, life, await disputed(market, life), "lost")
    assert life.stage() is Stage.REFUNDED
    assert life.effects() == ["authorise", "capture", "dispute", "dispute_lost"]
    assert life.money() == {"captured": "64.90 EUR", "disputed": "79.90 EUR", "owed": "15.00 EUR"}
    await life.pass_time(61 * DAY)
    assert life.money() == {"captured": "64.90 EUR", "disputed": "79.90 EUR", "lost": "15.00 EUR"}
    assert not await life.is_running()


async def test_a_lost_dispute_after_the_payout_is_taken_back_from_the_seller(market: Marketplace) -> None:
    life = await paid_out(market)
    await decided(market, life, await disputed(market, life), "lost")
    assert life.effects()[-1] == "transfer_reversal"
    assert [line.state for line in life.state().lines] == [LineState.REFUNDED] * 2
    money = life.money()
    assert (money["owed"], money["disputed"]) == ("15.00 EUR", "79.90 EUR"), "the transfer had no room for the fee"
    assert "fees" not in money, "the platform gives its commission back"
    assert {"owed", "reversed"} <= set(life.told(SELLER))


async def test_a_payout_that_cannot_be_taken_back_keeps_no_other_from_it(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered(Proof.STRONG)
    for line in ("L1", "L2"):
        await life.send("receive", BUYER, lines=[line])
    market.sandbox.fault("balance_insufficient", order_id=life.order_id, operation="reverse_release", times=1)
    await decided(market, life, await disputed(market, life), "lost")
    first, second = (move for move in life.state().moves if move.verb is Verb.RELEASE)
    assert (str(first.left), str(second.left)) == ("36.80 EUR", "0.00 EUR")
    assert life.ticket(Cause.MONEY_FAILED).subject == "reverse_release"
    await life.pass_time(8 * DAY)
    assert [not move.left for move in life.state().moves if move.verb is Verb.RELEASE] == [True, True]
    assert not life.state().tickets


async def test_a_bank_that_takes_more_than_was_paid_leaves_no_slice_to_be_paid_out(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered(Proof.STRONG)
    dispute = await disputed(market, life, amount=6501)
    await life.pass_time(20 * DAY)
    assert "transfer" not in life.effects()
    await decided(market, life, dispute, "lost")
    await life.pass_time(61 * DAY)
    assert life.money() == {"captured": "64.90 EUR", "disputed": "80.01 EUR", "lost": "15.11 EUR"}
    assert not await life.is_running()


async def owing(market: Marketplace) -> Life:
    """A paid out order whose chargeback is lost, and whose seller's account has nothing to give back for months."""
    life = await paid_out(market)
    now = await life.now()
    market.sandbox.move_clock(life.order_id, now)
    market.sandbox.fault(
        "balance_insufficient", order_id=life.order_id, operation="reverse_release", until=now + 90 * DAY
    )
    await decided(market, life, await disputed(market, life), "lost")
    return life


async def test_what_a_seller_cannot_give_back_is_kept_from_the_next_sale(market: Marketplace) -> None:
    first = await owing(market)
    assert first.ticket(Cause.MONEY_FAILED).subject == "reverse_release"
    assert first.money()["owed"] == OWES_ALL
    document = market.checkout(prices=("200.00", "20.00"), account="acct_seller")
    document["seller"] = first.document["seller"]
    second = await paid_out(market, market.preauthorised(document))
    assert second.effects() == ["authorise", "capture", "transfer"]
    transferred = second.book()[-1]["amount"]
    assert Money(transferred, "EUR") == Money.of("207.30", "EUR") - Money.of("75.10", "EUR")
    assert "owed" not in first.money(), "paid by the other order's release"
    await first.until("settle")
    assert first.state().debt is None
    assert not await first.is_running() or first.stage() is Stage.REFUNDED


async def set_aside(market: Marketplace, after: timedelta) -> tuple[Life, Life]:
    """A seller has owed for the first order that long, and the second's release, which would pay it, is in doubt."""
    first = await owing(market)
    await first.pass_time(after)
    document = market.checkout(prices=("200.00", "20.00"))
    document["seller"] = first.document["seller"]
    second = await market.order(market.preauthorised(document))
    await second.delivered(Proof.STRONG)
    now = await second.now()
    market.sandbox.move_clock(second.order_id, now)
    market.sandbox.fault("unavailable", order_id=second.order_id, operation="release", until=now + 3 * HOUR)
    await second.send("receive", BUYER)
    return first, second


async def test_a_debt_is_not_paid_by_a_release_that_is_refused_in_the_end(market: Marketplace) -> None:
    first, second = await set_aside(market, DAY)
    await first.desk("retry", OPERATOR)
    assert first.money()["owed"] == OWES_ALL
    assert await first.is_running()
    market.sandbox.fault("account_closed", order_id=second.order_id, operation="release", times=1)
    await second.pass_time(5 * HOUR)
    await second.desk("refund")
    assert "transfer" not in second.effects()
    await first.pass_time(62 * DAY)
    assert not await first.is_running()
    money = first.money()
    assert (money["lost"], "owed" in money) == (OWES_ALL, False)


async def test_what_is_set_aside_for_a_debt_is_not_written_off_and_pays_it_when_the_release_is_made(
    market: Marketplace,
) -> None:
    first, second = await set_aside(market, 60 * DAY - HOUR)
    await first.pass_time(3 * HOUR)
    assert first.money()["owed"] == OWES_ALL
    await second.pass_time(5 * HOUR)
    await first.desk("retry", OPERATOR)
    assert not await first.is_running()
    money = first.money()
    assert ("lost" in money, "owed" in money) == (False, False)


async def test_a_debt_that_is_never_paid_is_the_platforms_loss_after_two_months(market: Marketplace) -> None:
    life = await paid_out(market)
    now = await life.now()
    market.sandbox.move_clock(life.order_id, now)
    market.sandbox.fault(
        "balance_insufficient", order_id=life.order_id, operation="reverse_release", until=now + 90 * DAY
    )
    await decided(market, life, await disputed(market, life), "lost")
    await life.pass_time(62 * DAY)
    assert not await life.is_running()
    money = life.money()
    assert (money["lost"], "owed" in money) == (OWES_ALL, False)
    with market.engine.begin() as conn:
        account = f"receivable:{life.document['seller']['person_id']}:{life.order_id}"
        assert ledger.balance(conn, account, "EUR") == Money.zero("EUR")


async def test_a_dispute_about_a_closed_order_opens_it_again_until_the_bank_has_decided(market: Marketplace) -> None:
    life = await paid_out(market)
    await life.until("close")
    assert (life.stage(), await life.is_running()) == (Stage.CLOSED, False)
    dispute = await disputed(market, life)
    assert (life.stage(), await life.is_running()) == (Stage.COMPLETED, True)
    await decided(market, life, dispute, "won", FEE)
    await life.until("close")
    assert (life.stage(), await life.is_running()) == (Stage.CLOSED, False)
    assert life.money() == {"captured": "64.90 EUR", "released": "60.10 EUR", "fees": "4.80 EUR"}


async def test_a_dispute_that_is_never_answered_counts_as_lost_and_a_later_win_still_pays_the_seller(
    market: Marketplace,
) -> None:
    life = await market.order()
    await life.delivered(Proof.STRONG)
    dispute = await disputed(market, life)
    await life.until("dispute_lapses")
    assert life.stage() is Stage.REFUNDED
    await decided(market, life, dispute, "won", FEE)
    money = life.money()
    assert (money["released"], money["fees"]) == ("75.10 EUR", "4.80 EUR"), "the fee that he owed came back, too"
    assert life.book()[-1]["amount"] == 60_10, "it paid what he owed"
    assert not {"disputed", "owed"} & set(money)


async def test_a_disputed_part_is_taken_from_every_slice_and_the_rest_flows_on(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered(Proof.STRONG)
    await decided(market, life, await disputed(market, life, amount=649), "lost")
    await life.send("receive", BUYER)
    money = life.money()
    assert (money["released"], money["fees"]) == ("54.09 EUR", "4.32 EUR"), "a tenth less of everything"
    assert life.effects()[-1] == "transfer"


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_chargeback_of_odd_fils_strands_nothing_with_a_provider_who_moves_only_tens(
    market: Marketplace, accepted: bool
) -> None:
    life = await market.order(currency="KWD", prices=("30.000", "20.000"), shipping="5.000")
    await life.delivered(Proof.STRONG)
    if accepted:
        await life.send("receive", BUYER)
    await decided(market, life, await disputed(market, life, amount=12_345, fee=0), "lost")
    if not accepted:
        await life.send("receive", BUYER)
    assert life.money() == {
        "captured": "55.000 KWD",
        "disputed": "12.345 KWD",
        "released": "39.560 KWD",
        "fees": "3.100 KWD",
        "lost": "0.005 KWD",
    }
    assert life.effects()[-1] == ("transfer_reversal" if accepted else "transfer")


async def test_a_line_that_was_paid_out_can_be_refunded_and_the_seller_owes_it(market: Marketplace) -> None:
    life = await paid_out(market)
    await life.desk("refund", SPECIALIST, lines=["L2"])
    assert life.effects() == ["authorise", "capture", "transfer", "refund", "transfer_reversal"]
    assert life.money() == {
        "captured": "64.90 EUR",
        "released": "41.70 EUR",
        "refunded": "20.00 EUR",
        "fees": "3.20 EUR",
    }
    assert life.told(SELLER)[-2:] == ["owed", "reversed"]
