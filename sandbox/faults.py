"""Misbehaviour on request: which fault strikes which call, how often or until when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sandbox.store import Record, Store, new_id


class FaultKind(StrEnum):
    """What can go wrong with a call, or because of it."""

    EFFECT_THEN_CUT = "effect_then_cut"  # the effect stands, the connection is cut before the answer
    EFFECT_THEN_ERROR = "effect_then_error"  # the effect stands, a 500 is answered and kept under the key
    TIMEOUT = "timeout"  # no effect, the connection is cut
    SLOW = "slow"  # effect and answer, both after hang_seconds
    UNAVAILABLE = "unavailable"  # no effect, 503
    CONFLICT = "conflict"  # no effect, 409
    RATE_LIMITED = "rate_limited"  # no effect, 429 with Retry-After
    STORED_ERROR = "stored_error"  # no effect, 500 kept under the key
    NONSENSE = "nonsense"  # no effect, 200 with the web page of some box in between
    LIE = "lie"  # no effect, answered as if it were done; no honest provider does that
    DECLINED = "declined"  # no effect, the bank says no: 402
    BALANCE_INSUFFICIENT = "balance_insufficient"  # no effect, 400
    ACCOUNT_CLOSED = "account_closed"  # no effect, a transfer or its reversal finds the seller's account closed
    HOLD_EXPIRED = "hold_expired"  # the order's holds lapse before the call
    PENDING = "pending"  # a refund that stays pending
    REFUND_FAILS = "refund_fails"  # a refund that is given, and fails delay_seconds later on the order's clock
    DISPUTE = "dispute"  # the call is done, and the order's charge disputed delay_seconds later on the order's clock


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that strikes now.

    `hang_seconds` is how long the caller waits before it is cut or answered, `delay_seconds` the time on the order's
    clock until what follows from it.
    """

    kind: FaultKind
    hang_seconds: float = 0.0
    retry_after: int = 1
    delay_seconds: float = 0.0


class Faults:
    """The planned faults. Each matches an order ("" for all) and an operation ("" for all), oldest plan first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def plan(
        self,
        kind: FaultKind,
        *,
        order_id: str = "",
        operation: str = "",
        times: int | None = None,
        until: datetime | None = None,
        hang_seconds: float = 0.0,
        retry_after: int = 1,
        delay_seconds: float = 0.0,
    ) -> str:
        """Plan a fault for the next `times` matching calls, before `until` on the order's clock; answers its id.

        Without `times` and `until` it strikes once, with `until` alone every time.
        """
        if times is None and until is None:
            times = 1
        plan = {
            "fault": kind.value,
            "order_id": order_id,
            "operation": operation,
            "times": times,
            "until": until.isoformat() if until else None,
            "hang_seconds": hang_seconds,
            "retry_after": retry_after,
            "delay_seconds": delay_seconds,
        }
        return self._store.put(Record("fault", new_id("fault"), plan)).id

    def take(self, order_id: str, operations: Collection[str], now: datetime) -> Fault | None:
        """The fault that strikes a call of an order, used up by this call; None when the call is spared."""
        for record in self._store.all("fault"):
            plan = record.data
            if plan["until"] is not None and now >= datetime.fromisoformat(plan["until"]):
                continue
            if plan["order_id"] in ("", order_id) and (not plan["operation"] or plan["operation"] in operations):
                self._use(record)
                return Fault(FaultKind(plan["fault"]), plan["hang_seconds"], plan["retry_after"], plan["delay_seconds"])
        return None

    def clear(self, order_id: str | None = None) -> None:
        """Drop all plans, or those of one order."""
        for record in self._store.all("fault"):
            if order_id is None or record.data["order_id"] == order_id:
                self._store.remove(record)

    def _use(self, record: Record) -> None:
        if record.data["times"] is None:
            return
        record.data["times"] -= 1
        if record.data["times"] <= 0:
            self._store.remove(record)
        else:
            self._store.put(record)
