"""The oracle of the story, on books that tell the same of each other and not what the story demands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from domain.state import Order, Role
from faults.oracles import Amounts, Fate, Finding, Harm, Sight, Story, after_chargeback, expected, judge
from tests.domain.world import delivered

STORY = Story((4000, 2000), 490)
GIVEN_BACK = Story(STORY.prices, STORY.shipping, Fate.REFUNDED)
ALL, NET, FEES, FEE = 6490, 6010, 480, 1500
CAPTURE, TRANSFER = ("capture", ALL), ("transfer", NET)
DISPUTE = ("dispute", ALL)


def over() -> Order:
    life = delivered()
    life.do("receive", Role.BUYER)
    life.silence()
    return life.order


def sight(amounts: Amounts, *moved: tuple[str, int], disputed: int = 0) -> Sight:
    """An order that is over, its ledger's amounts, and what moved at the provider, each with an operation of ours."""
    verbs = {"transfer": "release", "transfer_reversal": "reverse_release"}
    effects = [effect(kind, amount) for kind, amount in moved]
    rows: list[Any] = [
        SimpleNamespace(key=e["key"], state="done", verb=verbs.get(e["kind"], e["kind"]), done_minor=e["amount"])
        for e in effects
        if e["key"]
    ]
    return Sight(over(), "over", amounts, rows, 0, effects, running=False, disputed=disputed)


def effect(kind: str, amount: int) -> dict[str, Any]:
    own = kind in ("capture", "transfer", "refund", "transfer_reversal")
    charged = {"fee": FEE} if kind.startswith("dispute") else {}
    return {"kind": kind, "key": f"o-1:{kind}" if own else "", "object": f"{kind}-1", "amount": amount, **charged}


def wrong(amounts: Amounts, wanted: Amounts, how: str) -> tuple[Finding, ...]:
    return (Finding(Harm.WRONG, f"a story that is {how} must end with {wanted}, and ended with {amounts}"),)


CHARGED_BACK = Amounts(captured=ALL, lost=FEE)


@pytest.mark.parametrize(
    "moved", [(CAPTURE, DISPUTE), (CAPTURE, TRANSFER, DISPUTE, ("transfer_reversal", NET))], ids=["escrow", "seller"]
)
def test_a_lost_dispute_leaves_the_seller_nothing_and_the_platform_the_banks_fee(moved: Any) -> None:
    assert judge(sight(CHARGED_BACK, *moved, disputed=ALL + FEE), STORY, disputed=True) == ()


def test_a_seller_who_keeps_what_the_bank_took_back_is_found() -> None:
    kept = Amounts(captured=ALL, released=NET, fees=FEES)
    found = judge(sight(kept, CAPTURE, TRANSFER, DISPUTE, disputed=ALL + FEE), STORY, disputed=True)
    assert found == wrong(kept, CHARGED_BACK, "fulfilled and charged back")


def test_a_buyer_who_has_it_from_the_bank_and_from_us_is_found() -> None:
    twice = Amounts(captured=ALL, refunded=ALL, lost=FEE)
    found = judge(sight(twice, CAPTURE, ("refund", ALL), DISPUTE, disputed=ALL + FEE), STORY, disputed=True)
    assert found == wrong(twice, CHARGED_BACK, "fulfilled and charged back")


def test_a_seller_who_keeps_it_and_a_buyer_who_has_it_twice_are_found() -> None:
    both = Amounts(captured=ALL, released=NET, refunded=ALL, fees=FEES)
    moved = (CAPTURE, TRANSFER, ("refund", ALL), DISPUTE)
    found = judge(sight(both, *moved, disputed=ALL + FEE), STORY, disputed=True)
    assert found == wrong(both, CHARGED_BACK, "fulfilled and charged back")


def test_a_commission_on_what_was_taken_back_is_found() -> None:
    kept = Amounts(captured=ALL, fees=FEES, lost=FEE)
    moved = (CAPTURE, TRANSFER, DISPUTE, ("transfer_reversal", NET))
    assert judge(sight(kept, *moved, disputed=ALL + FEE), STORY, disputed=True)


def test_what_was_given_back_before_the_bank_took_it_is_the_platforms_loss() -> None:
    moved = (CAPTURE, ("refund", ALL), DISPUTE)
    lost = Amounts(captured=ALL, refunded=ALL, lost=ALL + FEE)
    assert judge(sight(lost, *moved, disputed=ALL + FEE), GIVEN_BACK, disputed=True) == ()
    nobodys = Amounts(captured=ALL, refunded=ALL, lost=FEE)
    assert judge(sight(nobodys, *moved, disputed=ALL + FEE), GIVEN_BACK, disputed=True)


def test_a_dispute_that_was_won_leaves_the_story_as_it_is() -> None:
    ended = Amounts(captured=ALL, released=NET, fees=FEES)
    assert expected(STORY) == ended
    moved = (CAPTURE, TRANSFER, DISPUTE, ("dispute_won", ALL))
    assert judge(sight(ended, *moved), STORY) == ()
    assert judge(sight(Amounts(captured=ALL, released=NET, fees=FEES, lost=FEE), *moved), STORY)


def test_no_story_tells_who_bears_a_part() -> None:
    with pytest.raises(ValueError, match="100 of 6490"):
        after_chargeback(STORY, 100, FEE)


def test_half_of_a_price_that_goes_back_takes_its_commission_along() -> None:
    # Half of 40.00 went back: 1.60 stay of the 3.20, and the whole 1.60 on the other line.
    ended = Amounts(captured=ALL, released=4170, refunded=2000, fees=320)
    assert expected(Story(STORY.prices, STORY.shipping, Fate.PART_REFUNDED)) == ended
    assert expected(Story((333,), 0, Fate.PART_REFUNDED)) == Amounts(captured=333, released=153, refunded=166, fees=14)


def test_a_line_that_goes_back_takes_the_shipping_along_only_when_it_is_the_last() -> None:
    alone = Story((4000,), 490, Fate.LINE_REFUNDED)
    ended = Amounts(captured=ALL, released=2330, refunded=4000, fees=160)
    assert expected(Story(STORY.prices, STORY.shipping, Fate.LINE_REFUNDED)) == ended
    assert expected(alone) == Amounts(captured=4490, refunded=4490)


def test_a_part_that_was_paid_twice_is_found() -> None:
    part = Story(STORY.prices, STORY.shipping, Fate.PART_REFUNDED)
    twice = Amounts(captured=ALL, released=2330, refunded=4000, fees=160)
    assert judge(sight(twice, CAPTURE, ("refund", 4000), ("transfer", 2330)), part) == wrong(
        twice, expected(part), "part_refunded"
    )
