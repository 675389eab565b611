"""The desk gives shipping back while the seller is being paid, and the seller is paid while it does."""

from __future__ import annotations

import pytest

from domain.state import Role
from tests.crossing.crossing import TAKEN, Act, Crossroads, Ending, Pair, assert_legal
from tests.crossing.pairs import CAPTURED, RECEIVE, delivered, lines

GIVE_BACK = Act(
    "refund_shipping", Role.OPERATOR,
    lambda life: {"note_id": life.words(Role.OPERATOR, "A reason.", f"operator-{life.order_id}")},
)  # fmt: skip

SHIPPING_AND_RELEASE = (
    Pair(GIVE_BACK, RECEIVE, delivered, 22, {
        "shipping goes back first, and the seller is paid for the lines alone": Ending(
            TAKEN, TAKEN, f"{CAPTURED}, refund 4.90, transfer 55.20", lines("accepted released")
        ),
    }),
    Pair(RECEIVE, GIVE_BACK, delivered, 13, {
        "all was paid out, so the seller gives the shipping back": Ending(
            TAKEN, TAKEN, f"{CAPTURED}, transfer 60.10, refund 4.90, transfer_reversal 4.90", lines("accepted released")
        ),
        "the release is in doubt, its opposite waits": Ending(
            TAKEN, "shipping_at_rest", f"{CAPTURED}, transfer 60.10", lines("accepted released")
        ),
    }),
)  # fmt: skip


@pytest.mark.parametrize("pair", SHIPPING_AND_RELEASE, ids=str)
async def test_giving_shipping_back_and_a_release_cross_at_every_await(crossroads: Crossroads, pair: Pair) -> None:
    await assert_legal(crossroads, pair)
