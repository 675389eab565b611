"""The commands that cross, in which condition of an order, and how its ending is told."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.money import Money
from domain.parcels.parcel import Milestone
from domain.state import Actor, Role
from tests.crossing.crossing import Act, Crossroads
from tests.life import BUYER, OPERATOR, SELLER, SPECIALIST, Json, Life

PROVIDER = Actor(Role.PROVIDER, "stripe")
HELD = "authorise 64.90"
CAPTURED, VOIDED = f"{HELD}, capture 64.90", f"{HELD}, void 64.90"


def lines(first: str, second: str = "", stuck: str = "") -> str:
    """Both lines of an order, each with the state of its money; the second is like the first unless told."""
    told = f"L1 {first}, L2 {second or first}"
    return f"{told}, {stuck}" if stuck else told


async def placed(roads: Crossroads) -> Life:
    return await roads.placed()


async def confirmed(roads: Crossroads) -> Life:
    life = await roads.placed()
    await _do(life, CONFIRM)
    await life.rest()
    return life


async def delivered(roads: Crossroads) -> Life:
    """All in one parcel, captured, in escrow."""
    life = await roads.placed()
    for act in (CONFIRM, SHIP_ALL, scan(Milestone.DELIVERED)):
        await _do(life, act)
    await life.rest()
    return life


async def _do(life: Life, act: Act) -> None:
    await life.handle.execute_update(act.name, act.message(life))


def scan(milestone: Milestone) -> Act:
    return Act(
        "parcel_scan",
        Role.CARRIER,
        lambda _: {"parcel_id": "p1", "milestone": milestone, "at": datetime.now(UTC)},
    )


def ship(*lines: str) -> Act:
    return Act("ship", SELLER, lambda _: {"parcel_id": "p1", "carrier": "DHL", "lines": list(lines)})


def charge_back(life: Life) -> Json:
    """The bank takes back what is left of the payment, and the provider tells of it."""
    dispute = life.market.sandbox.dispute(life.state().payment.hold, reason="product_not_received")
    amount, fee = str(Money(dispute["amount"], "EUR")), "15.00 EUR"
    return {"dispute": dispute["id"], "amount": amount, "fee": fee, "reason": "not_received"}


def _reason(life: Life, role: Role) -> str:
    """The reason of whoever acts for the desk in that role, the same each time."""
    return life.words(role, "A reason.", f"{role}-{life.order_id}")


CONFIRM = Act("confirm", SELLER, lambda _: {})
CANCEL = Act("cancel", BUYER, lambda _: {"reason": "changed_mind"})
SHIP_ALL, SHIP_ONE = ship(), ship("L1")
CALL_OFF = Act("cancel", SPECIALIST, lambda _: {"reason": "suspicion"})
RELEASE = Act("release", SPECIALIST, lambda life: {"note_id": _reason(life, SPECIALIST)})
REFUND_ONE = Act("refund", OPERATOR, lambda life: {"note_id": _reason(life, OPERATOR), "lines": ["L1"]})
CHARGEBACK = Act("open_dispute", PROVIDER, charge_back)
ASK_CANCEL = Act("request_cancel", BUYER, lambda _: {"reason": "too_slow"})
RECEIVE = Act("receive", BUYER, lambda _: {})
CLAIM_ONE = Act("open_claim", BUYER, lambda _: {"reason": "damaged", "lines": ["L1"]})
LOST = scan(Milestone.LOST)
