"""Lines in several boxes that go wrong in any order: core and reference model live what carriers and desk do."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings, strategies as st

from domain.state import is_over
from tests.model.claim_moves import likely
from tests.model.desk import names
from tests.model.moves import LARGEST, NOTE, Dice, Move, Ring, Say, returns
from tests.model.orders import pair_of_orders
from tests.model.pair import Pair, Tally
from tests.model.tickets import WRONG

EXAMPLES = 1_200
BOXES = {
    1: (("a", "a"), ("a", "a", "a")),
    2: (("ab", "a", "b"), ("a", "ab", "b"), ("ab", "ab"), ("a", "a", "b"), ("ab", "b", "a")),
    3: (("ab", "bc", "ac"), ("ab", "bc"), ("abc", "abc"), ("abc", "a", "bc")),
}
"""Which lines each parcel holds, for orders of so many lines."""

APPROVES = Say("approve", "operator", {"digest": "right"}, person="operator-2")
MOVES = st.lists(st.integers(0, LARGEST - 1), min_size=5, max_size=30)
SEEN: set[str] = set()


def sent(number: int, dice: Dice) -> Pair:
    """Everything is on its way, one box after the other; some of it has arrived, and silence has accepted some."""
    pair = Pair(*pair_of_orders(number), Tally())
    pair.friendly = True
    pair.make(Say("confirm", "seller"), Dice(0))
    lines = list(pair.sale.lines)
    for at, held in enumerate(dice.pick(BOXES[len(lines)]), 1):
        later(pair, 7)
        pair.make(Say("ship", "seller", {"parcel_id": f"p{at}", "carrier": "dhl", "lines": list(held)}), Dice(0))
    for name in list(pair.sale.parcels) if dice.take(2) else ():
        later(pair, 9)
        if dice.take(5):
            pair.make(scan(pair, name, "delivered", strong=True), Dice(0))
    for _ in range(3 * dice.take(2)):
        pair.make(Ring(), Dice(0))
    pair.friendly = False
    return pair


def later(pair: Pair, minutes: int) -> None:
    """Two things seldom happen in the same instant."""
    pair.now += timedelta(minutes=minutes)


def scan(pair: Pair, parcel: str, milestone: str, *, strong: bool = False, hours: int = 0) -> Say:
    at = (pair.now - timedelta(hours=hours)).isoformat()
    body = {"parcel_id": parcel, "milestone": milestone, "at": at, "proof": "strong" if strong else "weak"}
    return Say("parcel_scan", "carrier", body)


def by_ticket(pair: Pair, dice: Dice) -> Move:
    """A person of the desk decides about a ticket, maybe about one line of it."""
    ticket, line = dice.pick(list(names(pair.sale))), dice.pick(list(pair.sale.lines))
    lines = {"lines": [line]} if dice.take(3) == 1 else {}
    match dice.take(4):
        case 0 | 1:
            return Say("resolve_ticket", "specialist", {"ticket_id": ticket, "outcome": "no_change", **NOTE})
        case 2:
            return Say("refund", "specialist", {**NOTE, **lines}, ticket)
        case _:
            return Say("release", "specialist", {**NOTE, **lines}, ticket)


def choice(pair: Pair, dice: Dice) -> Move:
    """A carrier's word of a box, the desk's of a ticket, a box sent anew, a claim, a receipt, or a clock."""
    sale, kind = pair.sale, dice.take(16)
    if sale.approval and kind < 3:
        return APPROVES
    if kind < 7:
        milestone = dice.pick(("lost", "returned", "lost", "returned", "delivered", "in_transit"))
        return scan(pair, dice.pick(list(sale.parcels)), milestone, strong=dice.take(2) == 1, hours=dice.take(3))
    if kind < 11 and sale.tickets:
        return by_ticket(pair, dice)
    if kind == 11:
        body = {"parcel_id": f"p{len(sale.parcels) + 1}", "carrier": "dhl", "lines": [dice.pick(list(sale.lines))]}
        return Say("ship", "seller", body)
    if kind == 12:
        return Say("receive", "buyer", {"lines": [dice.pick(list(sale.lines))]})
    steps: list[Move] = [*(Say(*step) for step in likely(sale)), *returns(sale, pair.now)]
    return dice.pick(steps) if steps and kind == 13 else Ring()


def notice(pair: Pair, before: tuple[tuple[str, str], ...], made: Move) -> None:
    """What the walks must meet."""
    now = [key for key in pair.sale.tickets if key[0] in WRONG]
    kinds = {cause for cause, _ in now}
    if len(now) > 1:
        SEEN.add("two boxes went wrong")
    if kinds == set(WRONG):
        SEEN.add("one is lost and one came back")
    accepted = {line.held for line in pair.sale.live if line.state == "accepted"}
    if len(now) > 1 and any(held.startswith("parcel:") for held in accepted):
        SEEN.add("what was accepted came back beside another")
    if isinstance(made, Say) and made.name in ("refund", "release") and len(before) > 1 and not now:
        SEEN.add("one decision ends several tickets")
    if isinstance(made, Say) and made.name == "resolve_ticket" and len(before) > len(now) > 0:
        SEEN.add("one is left as it is, the next one waits")


@settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(st.integers(0, 11), st.integers(0, LARGEST - 1), MOVES)
def walk(number: int, start: int, moves: list[int]) -> None:
    """Some boxes, and what becomes of them."""
    pair = sent(number, Dice(start))
    for at, each in enumerate(moves):
        if is_over(pair.order):
            break
        later(pair, (1, 7, 61)[at % 3])
        dice, before = Dice(each), tuple(key for key in pair.sale.tickets if key[0] in WRONG)
        made = choice(pair, dice)
        pair.make(made, dice)
        notice(pair, before, made)
    pair.end()


def test_whatever_becomes_of_several_boxes_of_a_line_the_core_and_the_model_agree() -> None:
    walk()
    assert {
        "two boxes went wrong",
        "one is lost and one came back",
        "what was accepted came back beside another",
        "one decision ends several tickets",
        "one is left as it is, the next one waits",
    } == SEEN
