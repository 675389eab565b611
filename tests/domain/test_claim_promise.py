"""What a buyer may count on is told before any claim, and is what a claim then goes by."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from domain.business_time import local_text
from domain.claims.case import ClaimReason, Status
from domain.claims.promise import Terms, in_words, terms_of, terms_of_line
from domain.money import Money
from domain.policy import Policy
from domain.policy.file import load
from domain.state import LineState
from tests.domain.claims_world import BUYER, NOTE, SELLER, SPECIALIST, bought
from tests.domain.test_claim_exceptions import order
from tests.domain.test_claim_reasons import A_SECOND, POLICY, arrived
from tests.domain.world import delivered, paid

STANDARD = Policy(name="x")
NOT_RECEIVED = "from 5 business days after sending until 60 days after the order's end; nothing comes back."
LAST = "Later than 60 days after the order's end only a specialist opens a claim."
BACK = "the goods come back first, from 20.00 EUR on"
USED = "What comes back used loses 30 % of the refund."


def by_reason(terms: tuple[Terms, ...]) -> dict[ClaimReason, Terms]:
    """Each by its reason; all have one."""
    assert [each.reason for each in terms] == list(ClaimReason)
    return {each.reason: each for each in terms}


def told(policy: Policy, price: str, seller: str = "", category: str = "") -> tuple[str, ...]:
    """The sentences for goods."""
    amount = Money.parse(price) if price else None
    [found] = in_words({"": terms_of(policy.claims, seller, category, amount)}, str)
    return found.sentences


@pytest.mark.parametrize(
    ("price", "back", "fee"),
    [
        ("", BACK, "; the buyer bears 5 % for the handling"),
        ("20.01 EUR", BACK, "; the buyer bears 5 % for the handling (1.01 EUR)"),
        ("90.00 USD", "the goods come back first", "; the buyer bears 5 % for the handling (4.50 USD)"),
        ("19.99 EUR", "nothing comes back, being below 20.00 EUR", ""),
    ],
)
def test_the_terms_of_goods_name_windows_what_comes_back_and_who_bears_how_much(
    price: str, back: str, fee: str
) -> None:
    assert told(STANDARD, price) == (
        f"Not received: {NOT_RECEIVED}",
        f"Not as described, wrong item: until 60 days after the order's end; {back}{'; no fee' if fee else ''}.",
        "Damaged, incomplete: until 60 days after the order's end; nothing comes back.",
        f"Changed mind: until 14 days after arrival; {back}{fee}.",
        *([USED] if fee else []),
        LAST,
    )


def test_what_is_other_for_a_reason_a_category_or_a_seller_is_told_of_these_alone() -> None:
    assert "Damaged, incomplete: until 7 days after arrival; nothing comes back." in told(POLICY, "")
    books = told(POLICY, "", category="books")
    assert "Damaged: until 21 days after arrival; nothing comes back." in books
    assert "Incomplete: until 7 days after arrival; nothing comes back." in books
    told_first = f"Not as described: until 3 days after arrival; {BACK}; no fee."
    assert told_first in told(POLICY, "", "seller-2")


def test_goods_that_nobody_takes_back_say_so() -> None:
    policy = load('name = "x"\n[claims]\nreturn_window = "0 days"\n', "x.toml")
    assert told(policy, "")[3].startswith("Changed mind: not taken back; ")


def test_lines_that_differ_in_the_fee_alone_are_told_of_once_and_others_apart() -> None:
    placed = bought(STANDARD, ("400.00", "30.00", "5.00"))
    first, second = in_words({line.line_id: terms_of_line(placed, line) for line in placed.lines}, str)
    assert (first.lines, second.lines) == (("a", "b"), ("c",))
    assert first.sentences[3].endswith("; the buyer bears 5 % for the handling (a 20.00 EUR, b 1.50 EUR).")
    assert second.sentences[3].endswith("; nothing comes back, being below 20.00 EUR.")


def test_an_orders_line_tells_the_last_instant_once_it_has_arrived_and_a_claim_is_taken_until_then() -> None:
    before = by_reason(terms_of_line(waiting := paid(order("books", policy=POLICY)).order, waiting.lines[0]))
    assert {each.until for each in before.values()} == {None}
    life = arrived(order("books", policy=POLICY))
    line = life.order.lines[0]
    terms = by_reason(terms_of_line(life.order, line))
    for reason, days in ((ClaimReason.DAMAGED, 21), (ClaimReason.INCOMPLETE, 7), (ClaimReason.CHANGED_MIND, 14)):
        until = terms[reason].until
        assert until == life.order.parcels[0].moved_at + timedelta(days=days)  # type: ignore[operator]
        life.now = until + A_SECOND
        assert life.refused("open_claim", BUYER, reason=reason, lines=["a"]).code in ("claim_window", "return_window")
    assert terms[ClaimReason.NOT_AS_DESCRIBED].until is None
    damage = local_text(life.order.buyer_calendar, terms[ClaimReason.DAMAGED].until)  # type: ignore[arg-type]
    [found] = in_words({"a": tuple(terms.values())}, partial(local_text, life.order.buyer_calendar))
    assert f"Damaged: until {damage}; nothing comes back." in found.sentences
    life.now = terms[ClaimReason.DAMAGED].until or life.now
    life.do("open_claim", BUYER, reason="damaged", lines=["a"])


def test_once_an_order_has_closed_all_ends_are_instants() -> None:
    life = arrived(order("", policy=STANDARD))
    life.wait(days=60)
    assert life.order.first_closed_at is not None
    late = life.order.first_closed_at + timedelta(days=60)
    terms = by_reason(terms_of_line(life.order, life.order.lines[0]))
    assert terms[ClaimReason.DAMAGED].until == late
    assert (terms[ClaimReason.CHANGED_MIND].until or late) < late
    [found] = in_words({"a": tuple(terms.values())}, str)
    assert not any("only a specialist" in sentence for sentence in found.sentences)


@pytest.mark.parametrize("reason", [ClaimReason.CHANGED_MIND, ClaimReason.NOT_AS_DESCRIBED, ClaimReason.DAMAGED])
@pytest.mark.parametrize("price", ["400.00", "5.00", "33.33"])
def test_a_claim_that_is_granted_goes_as_its_terms_had_told(reason: ClaimReason, price: str) -> None:
    life = delivered(bought(STANDARD, (price, "20.00")))
    terms = by_reason(terms_of_line(life.order, life.order.lines[0]))[reason]
    life.do("open_claim", BUYER, reason=reason, lines=["a"])
    life.do("grant_claim", SELLER)
    assert (life.order.claims[0].status is Status.RETURN_REQUESTED) is terms.comes_back
    if terms.comes_back:
        life.do("send_return", BUYER, parcel_id="r1", carrier="DHL")
        life.do("receive_return", SELLER)
        life.do("inspect_return", SELLER, finding="as_sent")
        life.wait(days=10)
    life.settle_money()
    refunded = [move.amount for move in life.order.moves if move.verb == "refund"]
    assert refunded == [life.order.lines[0].price - (terms.fee or Money.zero("EUR"))]


def test_a_line_whose_money_went_back_has_no_terms() -> None:
    life = delivered(bought(STANDARD))
    life.do("refund", SPECIALIST, lines=["a"], **NOTE)
    life.settle_money()
    assert life.order.lines[0].state is LineState.REFUNDED
    assert [bool(terms_of_line(life.order, line)) for line in life.order.lines] == [False, True]


def test_the_fee_is_of_what_is_left_of_the_lines_price() -> None:
    life = delivered(bought(STANDARD))
    life.do("open_claim", BUYER, reason="damaged", lines=["a"])
    life.do("offer_refund", SELLER, amount="100.00 EUR")
    life.do("accept_offer", BUYER)
    life.settle_money()
    fee = by_reason(terms_of_line(life.order, life.order.lines[0]))[ClaimReason.CHANGED_MIND].fee
    assert fee == Money.parse("15.00 EUR")
