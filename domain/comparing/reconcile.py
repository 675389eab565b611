"""The provider's book against ours: two streams of plain records in, everything on which they disagree out.

Both streams ascend by `ref`, the provider's name of what moved, so that any number of records is matched in the memory
that one ref takes. An amount is what it did to our balance at the provider: above zero came in, below went out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Protocol, TypeVar

from domain.money import Money


class FindingKind(StrEnum):
    """On what our records and the world disagree."""

    NOT_IN_LEDGER = "not_in_ledger"
    NOT_AT_PROVIDER = "not_at_provider"
    DOUBLED_AT_PROVIDER = "doubled_at_provider"
    DOUBLED_IN_LEDGER = "doubled_in_ledger"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    WRONG_ORDER = "wrong_order"
    HOLD_WITHOUT_ORDER = "hold_without_order"
    ORDER_WITHOUT_HOLD = "order_without_hold"
    ORDER_NOT_RUNNING = "order_not_running"
    ORDER_NOT_ADMITTED = "order_not_admitted"
    RUN_WITHOUT_ORDER = "run_without_order"
    ENDED_ORDER_RUNS = "ended_order_runs"
    CLOCK_STOPPED = "clock_stopped"
    TASK_FAILS = "task_fails"


HOLD = "hold"
"""The kind of a provider's record that only holds money; nothing of it is booked."""

KINDS: Mapping[str, str] = {
    "capture": "charge",
    "suspense": "charge",
    "refund": "refund",
    "refund_failed": "refund_failure",
    "release": "transfer",
    "reverse_release": "transfer_reversal",
    "dispute": "dispute",
    "dispute_won": "dispute_reversal",
    "authorise": HOLD,
}
"""What each verb of ours is in the provider's book. A verb that is not here should not move our balance there."""

INWARD: Mapping[str, bool] = {
    "charge": True,
    "refund": False,
    "refund_failure": True,
    "transfer": False,
    "transfer_reversal": True,
    "dispute": False,
    "dispute_reversal": True,
}
"""Whether a movement of each kind brings money into our balance at the provider. Other kinds are no order's."""

WITH_FEE = frozenset({"dispute", "dispute_reversal"})
"""Movements whose fee is booked with them; the fees of the others are settled between platform and provider."""


@dataclass(frozen=True, slots=True)
class Booked:
    """A transaction of the ledger that moves our balance at the provider, its corrections counted in; or a hold.

    `ref` is the provider's object; where none is known, a name of our own that no provider uses. `amount` None: it may
    or may not stand at the provider, whatever its amount.
    """

    ref: str
    order_id: str
    verb: str
    seq: int
    amount: Money | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A record of the provider's book. `order_id` is the order that it names, "" for none.

    `pending`: the operation that it belongs to is not resolved yet; `refused`: it was resolved as not done.
    `done_as` is the object that our records have for its key, "" when they have none. `is_fee`: it is the fee alone, in
    another currency than the money that was moved. `at` is when it was made, but of a hold only which side of `until`
    it is on: the provider does not tell, and each run says another time.
    """

    ref: str
    kind: str
    order_id: str
    amount: Money
    at: datetime
    pending: bool = False
    done_as: str = ""
    refused: bool = False
    is_fee: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement. `subject` tells it from every other of its kind, and is the same in every run that sees it.

    `verb` and `seq` name our transaction ("" and 0 for none), `ref` the provider's object, `other` what the order, the
    object or the state is on the other side.
    """

    kind: FindingKind
    subject: str
    order_id: str
    verb: str = ""
    seq: int = 0
    ref: str = ""
    ours: Money | None = None
    theirs: Money | None = None
    other: str = ""


def effect(kind: str, amount: Money, fee: Money) -> Money:
    """What a movement of a kind in `INWARD` did to our balance; neither `amount` nor `fee` has a sign."""
    whole = amount + fee if kind in WITH_FEE else amount
    return whole if INWARD[kind] else -whole


def effects(kind: str, amount: Money, fee: Money) -> tuple[Money, ...]:
    """The same by currency; a fee in another currency than the amount stands alone."""
    if fee.currency == amount.currency:
        return (effect(kind, amount, fee),)
    moved = effect(kind, amount, Money.zero(amount.currency))
    alone = effect(kind, fee, Money.zero(fee.currency)) if kind in WITH_FEE and fee else None
    return (moved,) if alone is None else (moved, alone)


def reconcile(ours: Iterable[Booked], theirs: Iterable[Listed], until: datetime) -> Iterator[Finding]:
    """Everything on which the two books disagree; see `judgements`."""
    for _, findings in judgements(ours, theirs, until):
        yield from findings


def judgements(
    ours: Iterable[Booked], theirs: Iterable[Listed], until: datetime
) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """Each ref of either book once, ascending, with what the books disagree on about it.

    What is of `until` or later is matched, but not missed yet. Raises ValueError when a stream does not ascend, which
    would make everything look lost.
    """
    for ref, booked, listed in _together(ours, theirs):
        found: list[Finding] = []
        if not booked and _came_to_nothing(listed):
            yield ref, ()
            continue
        for kind in sorted({_kind(b) for b in booked} | {m.kind for m in listed}):
            left, right = [b for b in booked if _kind(b) == kind], [m for m in listed if m.kind == kind]
            found += _judged(kind, left, right, until)
        yield ref, tuple(found)


def _came_to_nothing(listed: list[Listed]) -> bool:
    """A refund that failed before we had heard that it was made: our book has neither, and is right."""
    went = [(m.order_id, m.amount) for m in listed if m.kind == "refund" and m.refused]
    return bool(went) and went == [(m.order_id, -m.amount) for m in listed if m.kind == "refund_failure"]


def _kind(one: Booked) -> str:
    return KINDS.get(one.verb, one.verb)


class _Named(Protocol):
    @property
    def ref(self) -> str: ...


R = TypeVar("R", bound=_Named)


def _groups(records: Iterable[R]) -> Iterator[tuple[str, list[R]]]:
    last = ""
    for ref, group in groupby(records, key=lambda record: record.ref):
        if ref <= last:
            raise ValueError(f"the records do not ascend: {ref!r} after {last!r}")
        last = ref
        yield ref, list(group)


def _together(ours: Iterable[Booked], theirs: Iterable[Listed]) -> Iterator[tuple[str, list[Booked], list[Listed]]]:
    """The records of both sides by ref, each ref once."""
    left, right = _groups(ours), _groups(theirs)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if a is not None and (b is None or a[0] < b[0]):
            yield a[0], a[1], []
            a = next(left, None)
        elif b is not None and (a is None or b[0] < a[0]):
            yield b[0], [], b[1]
            b = next(right, None)
        elif a is not None and b is not None:
            yield a[0], a[1], b[1]
            a, b = next(left, None), next(right, None)


def _judged(kind: str, booked: list[Booked], listed: list[Listed], until: datetime) -> Iterator[Finding]:
    """All records of one ref and kind: pairs are compared, what is left over is in one book only, or once too often."""
    pairs, single, strange = _paired(booked, listed)
    for one, other in pairs:
        yield from _compared(one, other)
    for one in single:
        if one.amount is not None and one.at < until:
            yield _unmatched(one, kind, doubled=bool(listed))
    for other in strange:
        if not other.pending and other.at < until:
            yield _unbooked(other, doubled=bool(booked) or other.done_as not in ("", other.ref))


def _paired(
    booked: list[Booked], listed: list[Listed]
) -> tuple[list[tuple[Booked, Listed]], list[Booked], list[Listed]]:
    """Pairs, what agrees wholly first, and what is left on either side."""
    pairs: list[tuple[Booked, Listed]] = []
    left = sorted(booked, key=lambda b: (b.at, b.order_id, b.verb, b.seq))
    right = sorted(listed, key=lambda m: m.at)
    for one in tuple(left):
        fitting = next((other for other in right if not any(_compared(one, other))), None)
        if fitting is not None:
            pairs.append((one, fitting))
            left.remove(one)
            right.remove(fitting)
    both = min(len(left), len(right))
    return [*pairs, *zip(left, right, strict=False)], left[both:], right[both:]


def _compared(one: Booked, other: Listed) -> Iterator[Finding]:
    """What two records of one movement disagree on (P12)."""
    if other.order_id not in ("", one.order_id):
        yield _of_pair(FindingKind.WRONG_ORDER, one, other)
    if one.amount is not None and one.amount.currency != other.amount.currency:
        yield _of_pair(FindingKind.WRONG_CURRENCY, one, other)
    elif one.amount not in (None, other.amount):
        yield _of_pair(FindingKind.WRONG_AMOUNT, one, other)


def _of_pair(kind: FindingKind, one: Booked, other: Listed) -> Finding:
    named = other.order_id if kind is FindingKind.WRONG_ORDER else ""
    return Finding(kind, _booking(one), one.order_id, one.verb, one.seq, one.ref, one.amount, other.amount, named)


def _unmatched(one: Booked, kind: str, *, doubled: bool) -> Finding:
    name = FindingKind.ORDER_WITHOUT_HOLD if kind == HOLD else FindingKind.NOT_AT_PROVIDER
    name = FindingKind.DOUBLED_IN_LEDGER if doubled else name
    return Finding(name, _booking(one), one.order_id, one.verb, one.seq, one.ref, ours=one.amount)


def _unbooked(other: Listed, *, doubled: bool) -> Finding:
    name = FindingKind.HOLD_WITHOUT_ORDER if other.kind == HOLD else FindingKind.NOT_IN_LEDGER
    name = FindingKind.DOUBLED_AT_PROVIDER if doubled else name
    twin = "" if other.done_as == other.ref else other.done_as
    return Finding(name, _listing(other), other.order_id, ref=other.ref, theirs=other.amount, other=twin)


def _listing(other: Listed) -> str:
    """What tells a record of the provider from every other, in every run; of a hold no run knows when it was made."""
    if other.kind == HOLD:
        return f"{HOLD}:{other.ref}"
    # One object may come in and go out more than once, a dispute for example; the second tells it from the others.
    return f"{other.kind}:{other.ref}:{int(other.at.timestamp())}" + (":fee" if other.is_fee else "")


def _booking(one: Booked) -> str:
    """What tells a transaction of ours from every other; an order may have several holds that no transaction names."""
    return f"{HOLD}:{one.ref}" if _kind(one) == HOLD else f"{one.order_id}:{one.verb}:{one.seq}"
