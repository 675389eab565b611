"""Goods on their way back, which the long walks seldom meet: core and reference model live what becomes of them."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings, strategies as st

from domain.state import is_over
from tests.model.claim_moves import likely
from tests.model.flow import APPROVED, PLATFORM, REJECTED, RETURNED, TO_RETURN, Claim
from tests.model.moves import LARGEST, NOTE, Dice, Move, Ring, Say, returns
from tests.model.orders import pair_of_orders
from tests.model.pair import Pair, Tally

EXAMPLES = 2_500
ORDERS = (0, 4, 8)
"""Those of `pair_of_orders` with a policy that wants all goods back, and of several prices."""

STEPS = frozenset(
    {
        "open_claim", "grant_claim", "send_return", "receive_return", "inspect_return", "escalate_claim", "ask_party",
        "decide_claim", "appeal_claim", "withdraw_claim",
    }
)  # fmt: skip
"""What leads to returns, and past them."""

APPROVES = Say("approve", "operator", {"digest": "right"}, person="operator-2")
ON_APPEAL_SENT = (
    Ring(),
    Say("decide_claim", "specialist", {"verdict": "release", **NOTE}, "", "specialist-2"),
    Say("appeal_claim", "buyer", NOTE),
    Say("decide_claim", "specialist", {"verdict": "return_first", **NOTE}, "", "specialist-3"),
    Say("send_return", "buyer", {"parcel_id": "r2", "carrier": "dhl"}),
)
AGAIN: dict[int, tuple[Say | Ring, ...]] = {
    1: (
        Ring(),
        Say("decide_claim", "specialist", {"verdict": "return_first", **NOTE}, "", "specialist-2"),
        Say("send_return", "buyer", {"parcel_id": "r2", "carrier": "dhl"}),
    ),
    2: (
        Say("decide_claim", "specialist", {"verdict": "release", **NOTE}, "", "specialist-2"),
        Ring(),
        Say("open_claim", "specialist", {"reason": "wrong_item", "lines": ["a"]}),
        Say("grant_claim", "seller"),
    ),
    3: ON_APPEAL_SENT,
    4: (*ON_APPEAL_SENT, Say("receive_return", "seller"), Say("inspect_return", "seller", {"finding": "used"})),
}
"""The return is late and another is sent; or the claim is rejected, and a newer one asks for the goods; or the buyer
appeals, and is to send others first, which the seller finds used."""

MOVES = st.lists(st.integers(0, LARGEST - 1), min_size=5, max_size=25)
SEEN: set[str] = set()
ON_APPEAL: set[str] = set()
"""What became of a deduction from goods that were asked for on appeal."""


def returning(number: int) -> Pair:
    """The goods of a claim about all lines, or about one, are on their way back, and what came of that before."""
    number, at = divmod(number, len(ORDERS))
    pair = Pair(*pair_of_orders(ORDERS[at]), Tally())
    pair.friendly = True
    arrived = {"parcel_id": "p1", "milestone": "delivered", "at": pair.now.isoformat(), "proof": "strong"}
    lines = {"lines": ["a"]} if number % 2 else {}
    for said in (
        Say("confirm", "seller"),
        Say("ship", "seller", {"parcel_id": "p1", "carrier": "dhl"}),
        Say("parcel_scan", "carrier", arrived),
        Say("open_claim", "buyer", {"reason": "not_as_described", **lines}),
        Say("grant_claim", "seller"),
        Say("send_return", "buyer", {"parcel_id": "r1", "carrier": "dhl"}),
    ):
        pair.make(said, Dice(0))
    for made in AGAIN.get(number // 2, ()):
        pair.make(made, Dice(0))
        if pair.sale.approval:
            pair.make(APPROVES, Dice(0))
    pair.friendly = False
    return pair


def choice(pair: Pair, dice: Dice) -> Move:
    """A carrier's word of a return, a step of a claim, a second operator's, or a clock."""
    sale, kind = pair.sale, dice.take(4)
    scans: list[Move] = [*returns(sale, pair.now)]
    if kind == 0 and scans:
        return dice.pick(scans)
    if sale.approval and kind == 1:
        return APPROVES
    steps: list[Move] = [Say(*step) for step in likely(sale) if step[0] in STEPS]
    return dice.pick(steps) if steps and kind < 3 else Ring()


Told = tuple[str, bool, bool, bool, bool, bool]


def told(pair: Pair) -> dict[str, Told]:
    """Of each claim its status, whether it was decided, has goods, lost them, waits for the money of a refund, and was
    appealed against."""

    def of(claim: Claim) -> Told:
        pays = any((claim.ruling or {}).values())
        return claim.status, claim.ruling is not None, claim.came_back, claim.failed, pays, claim.appealed

    return {name: of(claim) for name, claim in pair.sale.claims.items()}


def notice(pair: Pair, before: dict[str, Told]) -> None:
    """What the walks must meet."""
    for name, (status, ruled, has, failed, pays, appealed) in before.items():
        claim = pair.sale.claims[name]
        came, anew = claim.came_back and not has, claim.status == PLATFORM and ruled
        if came and status == TO_RETURN and claim.status == RETURNED and claim.parcel:
            SEEN.add("one that had failed comes when it is asked for again")
        if came and len(claim.parcels) > 1 and not claim.parcels[claim.parcel]:
            SEEN.add("the first of two comes")
        if anew and claim.failed and not failed and pays:
            SEEN.add("a refund is decided anew")
        if anew and appealed:
            ON_APPEAL.add("is appealed against")
        if ruled and appealed and claim.settled:
            ON_APPEAL.add("stands")
        others = [each for other, each in pair.sale.claims.items() if other != name]
        newly = any(each.came_back and not before[each.name][2] for each in others if each.name in before)
        if newly and status in (APPROVED, REJECTED) and anew:
            SEEN.add("a newer claim is decided anew")
        if newly and status == TO_RETURN and claim.status == PLATFORM:
            SEEN.add("a newer claim asks no more")


@settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(st.integers(0, 6 * len(ORDERS) - 1), MOVES)
def walk(number: int, moves: list[int]) -> None:
    """One return, and what everybody does about it."""
    pair = returning(number)
    for each in moves:
        if is_over(pair.order):
            break
        dice, before, approval = Dice(each), told(pair), pair.sale.approval
        made = choice(pair, dice)
        pair.make(made, dice)
        notice(pair, before)
        same = [status for status, *_ in before.values()] == [claim.status for claim in pair.sale.claims.values()]
        if approval and not pair.sale.approval and same and isinstance(made, Say) and made.name == "parcel_scan":
            SEEN.add("an approval ends")
    pair.end()


@settings(max_examples=300, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(6 * len(ORDERS), 10 * len(ORDERS) - 1), MOVES)
def walk_on_appeal(number: int, moves: list[int]) -> None:
    """As `walk`, where goods were asked for on appeal."""
    walk.hypothesis.inner_test(number, moves)  # type: ignore[attr-defined]  # Hypothesis keeps the plain function there.


def test_whatever_becomes_of_a_return_the_core_and_the_model_agree() -> None:
    walk()
    assert {
        "one that had failed comes when it is asked for again",
        "the first of two comes",
        "a refund is decided anew",
        "a newer claim is decided anew",
        "a newer claim asks no more",
        "an approval ends",
    } == SEEN


def test_whatever_becomes_of_goods_that_were_asked_for_on_appeal_the_core_and_the_model_agree() -> None:
    ON_APPEAL.clear()
    walk_on_appeal()
    assert {"is appealed against", "stands"} == ON_APPEAL
