"""Those who decide where captured money goes cross: the desk with itself, the desk and the buyer with the bank."""

from __future__ import annotations

import pytest

from tests.crossing.crossing import TAKEN, Crossroads, Ending, Pair, assert_legal
from tests.crossing.pairs import CAPTURED, CHARGEBACK, RECEIVE, REFUND_ONE, RELEASE, delivered, lines

REFUNDED_ONE = Ending(
    TAKEN, TAKEN, f"{CAPTURED}, refund 40.00, transfer 23.30", lines("refunded refunded", "accepted released")
)
BANK_FIRST = f"{CAPTURED}, dispute 64.90"

RELEASE_AND_REFUND = (
    Pair(RELEASE, REFUND_ONE, delivered, 19, {
        "nothing was paid out yet, so one line goes back and the other is paid out": REFUNDED_ONE,
        "all was paid out, so the seller gives one line's net back": Ending(
            TAKEN,
            TAKEN,
            f"{CAPTURED}, transfer 60.10, refund 40.00, transfer_reversal 36.80",
            lines("refunded refunded", "accepted released"),
        ),
        "the release is in doubt, its opposite waits": Ending(
            TAKEN, "not_under_way", f"{CAPTURED}, transfer 60.10", lines("accepted released")
        ),
    }),
    Pair(REFUND_ONE, RELEASE, delivered, 22, {
        "what is refunded is not released, the other line is": REFUNDED_ONE,
    }),
)  # fmt: skip

REFUND_AND_CHARGEBACK = (
    Pair(REFUND_ONE, CHARGEBACK, delivered, 22, {
        "the bank was first, so no refund is begun": Ending(
            TAKEN, TAKEN, BANK_FIRST, lines("refunded escrow", "delivered escrow")
        ),
        "the bank was first, which the provider says": Ending(
            TAKEN, TAKEN, BANK_FIRST, lines("refunded escrow", "delivered escrow", stuck="refund stuck: AmountInvalid")
        ),
        "the refund is in doubt, was never made and is not sent again": Ending(
            TAKEN, TAKEN, BANK_FIRST, lines("refunded escrow", "delivered escrow", stuck="refund stuck: Disputed")
        ),
        "the bank takes what the refund has left": Ending(
            TAKEN, TAKEN, f"{CAPTURED}, refund 40.00, dispute 24.90", lines("refunded refunded", "delivered escrow")
        ),
    }),
    Pair(CHARGEBACK, REFUND_ONE, delivered, 8, {
        "disputed lines are the bank's to decide": Ending(
            TAKEN, "undisputed", BANK_FIRST, lines("delivered escrow")
        ),
    }),
)  # fmt: skip

RECEIVE_AND_CHARGEBACK = (
    Pair(RECEIVE, CHARGEBACK, delivered, 13, {
        "the bank was first, which the provider says": Ending(
            TAKEN, TAKEN, BANK_FIRST, lines("accepted escrow", stuck="release stuck: AmountInvalid")
        ),
        "the payout is in doubt, was never made and is not sent again": Ending(
            TAKEN, TAKEN, BANK_FIRST, lines("accepted escrow", stuck="release stuck: Disputed")
        ),
        "paid out before the bank came": Ending(
            TAKEN, TAKEN, f"{CAPTURED}, transfer 60.10, dispute 64.90", lines("accepted released")
        ),
    }),
    Pair(CHARGEBACK, RECEIVE, delivered, 8, {
        "the buyer cannot accept held lines": Ending(TAKEN, "no_line_fits", BANK_FIRST, lines("delivered escrow")),
    }),
)  # fmt: skip


@pytest.mark.parametrize("pair", RELEASE_AND_REFUND, ids=str)
async def test_release_and_refund_cross_at_every_await(crossroads: Crossroads, pair: Pair) -> None:
    await assert_legal(crossroads, pair)


@pytest.mark.parametrize("pair", REFUND_AND_CHARGEBACK, ids=str)
async def test_refund_and_chargeback_cross_at_every_await(crossroads: Crossroads, pair: Pair) -> None:
    await assert_legal(crossroads, pair)


@pytest.mark.parametrize("pair", RECEIVE_AND_CHARGEBACK, ids=str)
async def test_receive_and_chargeback_cross_at_every_await(crossroads: Crossroads, pair: Pair) -> None:
    await assert_legal(crossroads, pair)
