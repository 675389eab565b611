"""The last instant of a window to claim counts, and the next one does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.business_time import add_business_days
from domain.claims.case import Status
from domain.deadlines import deadlines
from tests.domain.claims_world import BUYER, NOTE, SELLER, SPECIALIST, bought, escalated, missing
from tests.domain.telling import LIVES
from tests.domain.world import AT_CONFIRMATION, POLICY, Life, confirmed, delivered, paid, scan, shipped

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


@pytest.mark.parametrize(("reason", "report"), [("changed_mind", None), ("damaged", 14)])
def test_the_windows_of_a_line_in_two_boxes_begin_when_the_last_of_them_arrives(
    reason: str, report: int | None
) -> None:
    life = confirmed(bought(replace(POLICY, claims=replace(POLICY.claims, return_window=14, report=report))))
    for parcel in ("p1", "p2"):
        life.do("ship", SELLER, parcel_id=parcel, carrier="dhl", lines=["a"])
    for parcel in ("p1", "p2"):
        life.now += timedelta(days=1)
        scan(life, parcel, "delivered")
    end = life.now + timedelta(days=14)
    life.do("receive", BUYER, lines=["a"])
    assert refused_after(life, end, reason) == ("claim_window" if report else "return_window")


def test_a_line_in_two_boxes_is_missing_when_the_last_of_them_should_have_come() -> None:
    life = confirmed(bought())
    life.do("ship", SELLER, parcel_id="p1", carrier="dhl", lines=["a"])
    life.now += timedelta(days=1)
    life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["a"])
    late = add_business_days(life.order.buyer_calendar, life.now, life.order.policy.claims.not_received_after)
    life.now = late - A_SECOND
    words = life.refused("open_claim", BUYER, reason="not_received", lines=["a"]).reason
    assert f"a: on its way, claim not_received from {late:%Y-%m-%d} on" in words
    life.now = late
    life.do("open_claim", BUYER, reason="not_received", lines=["a"])


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


def decided_by_time(life: Life) -> list[datetime]:
    """When the open claim is decided for the buyer, if its clock runs."""
    return [clock.at for clock in deadlines(life.order) if clock.step == "claim_times_out"]


@pytest.mark.parametrize(
    ("step", "body", "ends"),
    [("decide_claim", {"verdict": "return_first"}, Status.CLOSED), ("ask_party", {"of": "buyer"}, Status.ESCALATED)],
)
def test_a_buyer_who_must_act_wins_nothing_by_silence_however_old_the_claim_is(
    step: str, body: dict[str, str], ends: Status
) -> None:
    life = escalated()
    (end,) = decided_by_time(life)
    life.now = end - timedelta(days=1)
    life.do(step, SPECIALIST, **body, **NOTE)
    if step == "decide_claim":
        assert decided_by_time(life) == [end], "the seller has not said yet where the goods go"
        life.do("instruct_return", SELLER, address_id="ad-s")
    asked = life.now
    assert not decided_by_time(life)
    lapsed = life.until("claim_lapses" if ends is Status.CLOSED else "claim_unanswered")
    claim = lapsed.after.claims[0]
    assert (claim.status, claim.awarded) == (ends, ())
    assert decided_by_time(life) == ([] if ends is Status.CLOSED else [end + (life.now - asked)])


def test_the_time_that_a_buyer_wants_to_wait_does_not_count_against_those_who_decide() -> None:
    life = missing()
    (end,) = decided_by_time(life)
    life.do("wait_on_claim", BUYER, days=3)
    assert not decided_by_time(life)
    life.until("claim_wakes")
    assert decided_by_time(life) == [end + timedelta(days=3)]


def test_an_appeal_has_the_whole_time_whatever_the_buyer_took_before_it() -> None:
    life = escalated()
    life.do("ask_party", SPECIALIST, of="buyer", **NOTE)
    life.now += timedelta(days=2)
    life.do("answer_claim", BUYER, **NOTE)
    life.do("decide_claim", SPECIALIST, verdict="refund", **NOTE)
    life.do("appeal_claim", SELLER, **NOTE)
    assert decided_by_time(life) == [life.now + timedelta(days=life.order.policy.claims.longest)]


@pytest.mark.parametrize("ended", ["declined by the seller", "never paid"])
def test_who_claims_on_an_order_that_ended_unpaid_is_told_so_and_not_to_cancel(ended: str) -> None:
    life = LIVES[ended]()
    words = life.refused("open_claim", BUYER, reason="damaged", lines=["a"]).reason
    assert words == "the order ended before anything was captured; there is nothing to claim"
    before = paid().refused("open_claim", BUYER, reason="damaged", lines=["a"]).reason
    assert before == "nothing was captured yet; ask to cancel instead"
