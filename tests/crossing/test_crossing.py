from __future__ import annotations

from datetime import UTC, datetime
from collections import Counter

import pytest

from domain.money import Money
from domain.state import Actor, Milestone, Role
from tests.crossing.crossing import Act, Crossroads, Ending, Pair, confirmed, delivered, parcel, placed
from tests.life import BUYER, OPERATOR, SELLER, SPECIALIST, Json, Life

PROVIDER = Actor(Role.PROVIDER, "stripe")


def chargeback(life: Life) -> Json:
    """The bank takes back what is left, and the provider tells of it."""
    dispute = life.market.sandbox.dispute(life.state().payment.hold, reason="product_not_received")
    return {"dispute": dispute["id"], "amount": str(Money(dispute["amount"], "EUR")), "fee": "15.00 EUR", "reason": "not_received"}


def lost(life: Life) -> Json:
    return {"parcel_id": "p1", "milestone": Milestone.LOST, "at": datetime.now(UTC)}


CONFIRM = Act("confirm", SELLER, lambda _: {})
CANCEL = Act("cancel", BUYER, lambda _: {"reason": "changed_mind"})
SHIP = Act("ship", SELLER, lambda _: parcel("p1", "L1"))
CALL_OFF = Act("cancel", SPECIALIST, lambda _: {"reason": "suspicion"})
RELEASE = Act("release", SPECIALIST, lambda _: {"note_id": "note-1"})
REFUND = Act("refund", OPERATOR, lambda _: {"note_id": "note-2", "lines": ["L1"]})
DISPUTE = Act("open_dispute", PROVIDER, chargeback)
RECEIVE = Act("receive", BUYER, lambda _: {})
LOST = Act("parcel_scan", Role.CARRIER, lost)

N = frozenset()
PAIRS = [
    Pair(a, b, there, N, 0)
    for x, y, there in [(CONFIRM, CANCEL, placed), (SHIP, CALL_OFF, confirmed), (RELEASE, REFUND, delivered), (REFUND, DISPUTE, delivered), (RECEIVE, LOST, delivered), (RECEIVE, DISPUTE, delivered)]
    for a, b in [(x, y), (y, x)]
]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
async def test_x(crossroads: Crossroads, pair: Pair) -> None:
    import time
    t=time.monotonic()
    points = await crossroads.learn(pair)
    t1=time.monotonic()
    crossed = await crossroads.cross(pair, points)
    print(f"\n== {pair}: {len(points)} points, {t1-t:.1f} {time.monotonic()-t1:.1f}")
    ends = {}
    for c in crossed:
        ends.setdefault(c.ending, []).append(c)
        if c.trouble: print("TROUBLE", c.point, c.trouble)
    for e, cs in ends.items():
        print(len(cs), e, sorted({c.point.name.split(",")[0].split(" ")[0] for c in cs}), cs[0].point.name, "...", cs[-1].point.name)
