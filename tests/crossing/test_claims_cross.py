"""A claim and the release of what it is about cross: whichever was applied first counts, and nobody is paid twice."""

from __future__ import annotations

import pytest

from tests.crossing.crossing import TAKEN, Crossroads, Ending, Pair, assert_legal
from tests.crossing.pairs import CAPTURED, CLAIM_ONE, RECEIVE, RELEASE, delivered, lines

ALL_PAID = Ending(TAKEN, TAKEN, f"{CAPTURED}, transfer 60.10", lines("accepted released"))

CLAIM_AND_RELEASE = (
    Pair(RECEIVE, CLAIM_ONE, delivered, 13, {
        "what was being paid out is paid out, and the claim goes the claw-back way": ALL_PAID,
    }),
    Pair(CLAIM_ONE, RECEIVE, delivered, 8, {
        "the line that is claimed for is not accepted, the other one is": Ending(
            TAKEN, TAKEN, f"{CAPTURED}, transfer 18.40", lines("delivered escrow", "accepted released")
        ),
    }),
    Pair(RELEASE, CLAIM_ONE, delivered, 19, {
        "the claim was there before the payout, so its line is not paid out with the other": Ending(
            TAKEN, TAKEN, f"{CAPTURED}, transfer 18.40", lines("accepted escrow", "accepted released")
        ),
        "what was being paid out is paid out, and the claim goes the claw-back way": ALL_PAID,
    }),
    Pair(CLAIM_ONE, RELEASE, delivered, 8, {
        "who names no line means none that is claimed for, and the other one is released": Ending(
            TAKEN, TAKEN, f"{CAPTURED}, transfer 18.40", lines("delivered escrow", "accepted released")
        ),
    }),
)  # fmt: skip


@pytest.mark.parametrize("pair", CLAIM_AND_RELEASE, ids=str)
async def test_a_claim_and_a_release_cross_at_every_await(crossroads: Crossroads, pair: Pair) -> None:
    await assert_legal(crossroads, pair)
