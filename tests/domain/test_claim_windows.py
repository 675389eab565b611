"""The last instant of a window to claim counts, and the next one does not."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.domain.claims_world import BUYER, NOTE, SPECIALIST, bought
from tests.domain.world import AT_CONFIRMATION, Life, confirmed, delivered, shipped

A_SECOND = timedelta(seconds=1)


def refused_after(life: Life, end: datetime, reason: str) -> str:
    """Why a claim is refused a second after its window; at the end of the window it is taken."""
    life.now = end + A_SECOND
    code = life.refused("open_claim", BUYER, reason=reason, lines=["a"]).code
    life.now = end
    life.do("open_claim", BUYER, reason=reason, lines=["a"])
    return code


def test_a_buyer_may_claim_up_to_the_last_instant_of_the_time_for_late_claims() -> None:
    life = delivered(bought(), "strong")
    life.silence()
    end = life.now + timedelta(days=life.order.policy.claims.late)
    assert refused_after(life, end, "damaged") == "claim_window"
    life.now = end + A_SECOND
    life.do("open_claim", SPECIALIST, reason="damaged", lines=["b"], **NOTE)


def test_a_buyer_may_change_their_mind_up_to_the_last_instant_of_the_return_window() -> None:
    life = delivered(bought(), "strong")
    end = life.now + timedelta(days=life.order.policy.claims.return_window)
    life.do("receive", BUYER)
    assert refused_after(life, end, "changed_mind") == "return_window"


def test_a_claim_that_no_line_is_open_to_is_refused_with_each_line_and_what_stands_in_its_way() -> None:
    def why(life: Life) -> str:
        return life.refused("open_claim", BUYER, reason="damaged").reason

    assert why(confirmed(bought(AT_CONFIRMATION))).endswith("; a, b: confirmed")
    life = delivered(bought(), "strong")
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    life.do("open_claim", BUYER, reason="damaged", lines=["b"])
    assert why(life).endswith("; a: refunded; b: open claim c1")
    on_its_way = shipped(bought())
    assert "; a, b: on its way, claim not_received from 20" in why(on_its_way)
