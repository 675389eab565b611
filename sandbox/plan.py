"""Misbehaviour by chance that can be repeated: a seed decides which calls are struck, and by what.

The draw for a call depends on the seed, the order, the operation and how many calls of that operation the order has
made, and on nothing else: the same seed strikes the same calls whatever else happens at the same time.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sandbox.faults import Fault, FaultKind
from sandbox.store import Json, Record, Store

MONEY = frozenset({"authorise", "reauthorise", "capture", "void", "release", "reverse_release", "refund"})
ANY = MONEY | {"read"}
SUITS: Mapping[FaultKind, frozenset[str]] = {
    FaultKind.EFFECT_THEN_CUT: MONEY,
    FaultKind.EFFECT_THEN_ERROR: MONEY,
    FaultKind.TIMEOUT: ANY,
    FaultKind.SLOW: ANY,
    FaultKind.UNAVAILABLE: ANY,
    FaultKind.CONFLICT: ANY,
    FaultKind.RATE_LIMITED: ANY,
    FaultKind.STORED_ERROR: MONEY,
    FaultKind.NONSENSE: ANY,
    FaultKind.LIE: MONEY,
    FaultKind.DECLINED: frozenset({"authorise", "reauthorise", "capture"}),
    FaultKind.BALANCE_INSUFFICIENT: frozenset({"release", "reverse_release", "refund"}),
    FaultKind.ACCOUNT_CLOSED: frozenset({"release", "reverse_release"}),
    FaultKind.HOLD_EXPIRED: frozenset({"reauthorise", "capture", "void"}),
    FaultKind.PENDING: frozenset({"refund"}),
    FaultKind.REFUND_FAILS: frozenset({"refund"}),
    FaultKind.DISPUTE: frozenset({"capture", "release", "refund"}),
}
"""Which operations a fault can strike by chance."""
FAULTS = tuple(kind for kind in FaultKind if kind not in (FaultKind.LIE, FaultKind.SLOW))
"""What strikes when a plan names nothing: everything that a real provider does, at once."""


class Plan:
    """The plan in force, if any, and what has struck so far by plan or by lever."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def adopt(
        self,
        seed: int,
        rate: float,
        *,
        faults: Sequence[FaultKind] = FAULTS,
        operations: Sequence[str] = (),
        order_prefix: str = "",
        outage_seconds: float = 0.0,
        delay_seconds: float = 259_200.0,
    ) -> None:
        """Strike a share `rate` of the calls of the orders whose ids begin with `order_prefix`, counted from now.

        An outage lasts `outage_seconds` on the order's clock, 0 for one call; what comes later comes after
        `delay_seconds`.
        """
        self.drop()
        data = {
            "seed": seed,
            "rate": rate,
            "faults": [kind.value for kind in faults],
            "operations": list(operations),
            "order_prefix": order_prefix,
            "outage_seconds": outage_seconds,
            "delay_seconds": delay_seconds,
        }
        self._store.put(Record("plan", "plan", data))

    def drop(self) -> None:
        """Strike no more."""
        for kind in ("plan", "calls", "outage"):
            for record in self._store.all(kind):
                self._store.remove(record)

    def draw(self, order_id: str, operation: str, now: datetime) -> Fault | None:
        """The fault that strikes the next call of an operation of an order, None when it is spared."""
        plan = self._store.get("plan", "plan")
        if plan is None or not order_id or not order_id.startswith(plan.data["order_prefix"]):
            return None
        number = self._count(order_id, operation)
        outage = self._store.get("outage", order_id)
        if outage is not None and now < datetime.fromisoformat(outage.data["until"]):
            return Fault(FaultKind.UNAVAILABLE)
        data = plan.data
        chance = random.Random(f"{data['seed']}/{order_id}/{operation}/{number}")  # noqa: S311  (no secret)
        kinds = [kind for kind in map(FaultKind, data["faults"]) if operation in SUITS[kind]]
        if (data["operations"] and operation not in data["operations"]) or chance.random() >= data["rate"] or not kinds:
            return None
        kind = chance.choice(kinds)
        if kind is FaultKind.UNAVAILABLE and data["outage_seconds"]:
            until = now + timedelta(seconds=data["outage_seconds"])
            self._store.put(Record("outage", order_id, {"until": until.isoformat()}, order_id))
        return Fault(kind, delay_seconds=data["delay_seconds"])

    def note(self, fault: Fault, order_id: str, operation: str, key: str, now: datetime) -> None:
        """Write down that a fault struck."""
        number = self._store.count("struck") + 1
        struck = {
            "number": number,
            "at": now.isoformat(),
            "fault": fault.kind.value,
            "order_id": order_id,
            "operation": operation,
            "key": key,
        }
        self._store.put(Record("struck", str(number), struck, order_id))

    def struck(self, order_id: str | None = None) -> list[Json]:
        """All that struck, or what struck one order, oldest first."""
        records = self._store.all("struck") if order_id is None else self._store.of_order("struck", order_id)
        return [record.data for record in records]

    def _count(self, order_id: str, operation: str) -> int:
        calls = self._store.get("calls", order_id) or Record("calls", order_id, {}, order_id)
        calls.data[operation] = calls.data.get(operation, 0) + 1
        return int(self._store.put(calls).data[operation])
