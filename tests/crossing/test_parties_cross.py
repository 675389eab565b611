"""Buyer, seller and carrier cross: confirm and cancel, ship and cancel, receive and a hold of the lines."""

from __future__ import annotations

import pytest

from tests.crossing.crossing import OVER, TAKEN, Crossroads, Ending, Pair, assert_legal
from tests.crossing.pairs import (
    ASK_CANCEL,
    CALL_OFF,
    CANCEL,
    CAPTURED,
    CONFIRM,
    HELD,
    LOST,
    RECEIVE,
    SHIP_ALL,
    SHIP_ONE,
    VOIDED,
    confirmed,
    delivered,
    lines,
    placed,
)

CONFIRM_AND_CANCEL = (
    Pair(CONFIRM, CANCEL, placed, 14, {
        "confirmed lines are cancelled by request only": Ending(TAKEN, "no_line_fits", HELD, lines("confirmed none")),
    }, at_admission=True),
    Pair(CANCEL, CONFIRM, placed, 19, {
        "the order is over": Ending(TAKEN, OVER, VOIDED, lines("cancelled none")),
        "the void is in doubt, the cancellation stands": Ending(
            TAKEN, "no_line_fits", VOIDED, lines("cancelled none")
        ),
    }, at_admission=True),
)  # fmt: skip

SHIP_AND_CANCEL = (
    Pair(SHIP_ONE, CALL_OFF, confirmed, 13, {
        "the other line is cancelled, and refunded out of the capture": Ending(
            TAKEN, TAKEN, f"{CAPTURED}, refund 20.00", lines("shipped escrow", "cancelled refunded")
        ),
        "the capture is in doubt, its opposite waits": Ending(
            TAKEN, "capture_settled", CAPTURED, lines("shipped escrow", "confirmed escrow")
        ),
    }),
    Pair(CALL_OFF, SHIP_ONE, confirmed, 19, {
        "the order is over": Ending(TAKEN, OVER, VOIDED, lines("cancelled none")),
        "the hold is not let go yet, the cancellation stands": Ending(
            TAKEN, "line_state", VOIDED, lines("cancelled none")
        ),
    }),
    Pair(SHIP_ALL, ASK_CANCEL, confirmed, 13, {
        "what is shipped is not cancelled": Ending(TAKEN, "requestable", CAPTURED, lines("shipped escrow")),
    }),
    Pair(ASK_CANCEL, SHIP_ALL, confirmed, 8, {
        "shipping lapses the request": Ending(TAKEN, TAKEN, CAPTURED, lines("shipped escrow")),
    }),
)  # fmt: skip

RECEIVE_AND_HOLD = (
    Pair(RECEIVE, LOST, delivered, 13, {
        "accepted lines are not held any more": Ending(
            TAKEN, TAKEN, f"{CAPTURED}, transfer 60.10", lines("accepted released")
        ),
    }),
    Pair(LOST, RECEIVE, delivered, 8, {
        "the buyer cannot accept held lines": Ending(TAKEN, "no_line_fits", CAPTURED, lines("delivered escrow")),
    }),
)  # fmt: skip


@pytest.mark.parametrize("pair", CONFIRM_AND_CANCEL, ids=str)
async def test_confirm_and_cancel_cross_at_every_await(crossroads: Crossroads, pair: Pair) -> None:
    await assert_legal(crossroads, pair)


@pytest.mark.parametrize("pair", SHIP_AND_CANCEL, ids=str)
async def test_ship_and_cancel_cross_at_every_await(crossroads: Crossroads, pair: Pair) -> None:
    await assert_legal(crossroads, pair)


@pytest.mark.parametrize("pair", RECEIVE_AND_HOLD, ids=str)
async def test_receive_and_a_hold_cross_at_every_await(crossroads: Crossroads, pair: Pair) -> None:
    await assert_legal(crossroads, pair)
