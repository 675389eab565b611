"""Three books that must tell the same of an order: the ledger, the provider's own book, and what the story demands.

Each is read apart from the others, and each finding says what it means for the money.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from activities.store import ledger
from activities.store.tables import operations, orders, tickets
from domain.deadlines import deadlines
from domain.money import INTERNAL
from domain.state import Order, is_over
from domain.wire import from_plain

COMMISSION_PERCENT = 8
OURS = {
    "authorise": ("authorise", "reauthorise"),
    "capture": ("capture",),
    "void": ("void",),
    "refund": ("refund",),
    "transfer": ("release",),
    "transfer_reversal": ("reverse_release",),
}
"""The provider's word for an effect that a key of ours can cause, and our words for the operation behind it."""

Effect = Mapping[str, Any]


class Harm(StrEnum):
    """What a finding means for the money, or for the order."""

    LOST = "lost"  # it moved, and our books do not know
    MADE = "made"  # our books say that it moved, and it did not
    DOUBLED = "doubled"  # it moved more than once
    WRONG = "wrong"  # it moved, and not as the story demands
    STUCK = "stuck"  # the order did not end and has neither ticket nor clock


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be."""

    harm: Harm
    what: str


class Fate(StrEnum):
    """How a story ends for the goods."""

    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    PART_REFUNDED = "part_refunded"  # a claim about the first line gave half of its price back
    LINE_REFUNDED = "line_refunded"  # a claim about the first line gave all of its price back


@dataclass(frozen=True)
class Amounts:
    """Where an order's money is, in minor units of its one currency; `lost` is what the platform bears."""

    captured: int = 0
    released: int = 0
    refunded: int = 0
    fees: int = 0
    escrow: int = 0
    lost: int = 0


@dataclass(frozen=True)
class Story:
    """What an order is about and what shall become of it: prices of its lines and shipping in minor units."""

    prices: tuple[int, ...]
    shipping: int
    fate: Fate = Fate.FULFILLED

    @property
    def award(self) -> int:
        """What a claim about the first line gives back to the buyer."""
        first = self.prices[0]
        return {Fate.PART_REFUNDED: first // 2, Fate.LINE_REFUNDED: first}.get(self.fate, 0)


def expected(story: Story) -> Amounts:
    """What the amounts must be when the story is over, by the rules, and by nothing of ours that computes them."""
    total = sum(story.prices) + story.shipping
    match story.fate:
        case Fate.CANCELLED | Fate.EXPIRED:
            return Amounts()
        case Fate.REFUNDED:
            return Amounts(captured=total, refunded=total)
        case Fate.LINE_REFUNDED if len(story.prices) == 1:
            return Amounts(captured=total, refunded=total)
        case Fate.FULFILLED | Fate.PART_REFUNDED | Fate.LINE_REFUNDED:
            fees = [(price * COMMISSION_PERCENT + 50) // 100 for price in story.prices]
            fees[0] = _share(fees[0], story.prices[0] - story.award, story.prices[0])
            kept, back = sum(fees), story.award
            return Amounts(captured=total, released=total - back - kept, refunded=back, fees=kept)


def _share(fee: int, left: int, price: int) -> int:
    """The commission on what is left of a price; a half is rounded up."""
    return (2 * fee * left + price) // (2 * price)


def after_chargeback(story: Story, taken: int, fee: int) -> Amounts:
    """What the amounts must be when a bank has taken everything back for the buyer, in a story that had its way before.

    The seller has nothing of the sale any more and the platform no commission. The platform bears the bank's fee, since
    the seller of one order has nothing else to pay it with, and what it had given the buyer back already. Raises
    ValueError when less was taken than came in, which no bank here does.
    """
    told = expected(story)
    if taken != told.captured:
        raise ValueError(f"{taken} of {told.captured} were charged back; no story tells who bears a part")
    return Amounts(captured=told.captured, refunded=told.refunded, lost=told.refunded + fee)


@dataclass(frozen=True)
class Sight:
    """All that there is to see of one order: `effects` is the provider's book, `running` whether its workflow runs."""

    order: Order
    status: str
    amounts: Amounts
    operations: Sequence[Any]
    tickets_open: int
    effects: Sequence[Effect]
    running: bool
    disputed: int = 0


def look(conn: Connection, order_id: str, effects: Sequence[Effect], *, running: bool) -> Sight:
    """Read what PostgreSQL knows of an order. Raises KeyError for an unknown one."""
    row = conn.execute(select(orders).where(orders.c.order_id == order_id)).one_or_none()
    if row is None or row.snapshot is None:
        raise KeyError(order_id)
    money = ledger.order_money(conn, order_id)
    work = conn.execute(select(tickets.c.ticket_id).where(tickets.c.order_id == order_id, tickets.c.status == "open"))
    return Sight(
        from_plain(Order, row.snapshot),
        row.status,
        Amounts(
            money.captured.minor,
            money.released.minor,
            money.refunded.minor,
            money.fees.minor,
            money.escrow.minor,
            money.lost.minor,
        ),
        conn.execute(select(operations).where(operations.c.order_id == order_id)).all(),
        len(work.all()),
        effects,
        running,
        money.disputed.minor,
    )


def judge(sight: Sight, story: Story | None, *, disputed: bool = False) -> tuple[Finding, ...]:
    """Every finding about one order; with its `story`, which must be over, also whether it ended as it must.

    A bank that decided a dispute against the seller, `disputed`, takes away what the story would have paid out; how
    much that was stands in the provider's book.
    """
    found = [*_doubled(sight.effects), *_matched(sight), *_sums(sight), *_moving(sight)]
    if story is not None:
        found += _ended(sight, story, disputed=disputed)
    return tuple(found)


def _doubled(effects: Sequence[Effect]) -> Iterator[Finding]:
    """Every key has one effect; every hold is captured or let go once, never both."""
    for (kind, key), times in Counter((e["kind"], e["key"]) for e in effects if e["key"]).items():
        if times > 1:
            yield Finding(Harm.DOUBLED, f"{times} effects {kind} under the key {key}")
    ends = ("capture", "void", "lapse")
    for intent, times in Counter(e["object"] for e in effects if e["kind"] in ends).items():
        if times > 1:
            yield Finding(Harm.DOUBLED, f"the hold {intent} ended {times} times")


def _matched(sight: Sight) -> Iterator[Finding]:
    """Operation by operation, our books and the provider's tell the same."""
    theirs = {e["key"]: e for e in sight.effects if e["key"] and e["kind"] in OURS}
    ours = {row.key: row for row in sight.operations}
    let_go = {e["object"] for e in sight.effects if e["kind"] in ("void", "lapse")}
    for key, effect in theirs.items():
        row = ours.get(key)
        if row is None:
            yield Finding(Harm.LOST, f"{effect['kind']} under {key} is not written down")
        elif row.state == "refused":
            yield Finding(Harm.LOST, f"{effect['kind']} under {key} is written down as refused")
        elif row.state == "pending" and (sight.order.op is None or sight.order.op.seq != row.seq):
            yield Finding(Harm.LOST, f"{effect['kind']} under {key} stands, and the order has forgotten that it asked")
        elif (
            row.state == "done" and row.verb in ("capture", "refund", "release") and row.done_minor != effect["amount"]
        ):
            yield Finding(Harm.WRONG, f"{key} moved {effect['amount']} and is written down as {row.done_minor}")
    for key, row in ours.items():
        happened = key in theirs or (row.verb == "void" and row.subject in let_go)
        if row.state == "done" and row.done_minor and row.verb not in INTERNAL and not happened:
            yield Finding(Harm.MADE, f"{row.verb} under {key} is written down as done, and the provider knows of none")


def _sums(sight: Sight) -> Iterator[Finding]:
    """The ledger's amounts against the provider's sums, but for operations whose outcome is still unknown."""
    unknown = {row.key for row in sight.operations if row.state == "pending"}
    moved: Counter[str] = Counter()
    for effect in sight.effects:
        if effect["key"] not in unknown:
            fee = effect.get("fee", 0) if effect["kind"].startswith("dispute") else 0
            moved[effect["kind"]] += effect["amount"] + fee
    pairs = (
        ("captured", sight.amounts.captured, moved["capture"]),
        ("released", sight.amounts.released, moved["transfer"] - moved["transfer_reversal"]),
        ("refunded", sight.amounts.refunded, moved["refund"] - moved["refund_failed"]),
        ("disputed", sight.disputed, moved["dispute"] - moved["dispute_won"]),
    )
    for name, ours, theirs in pairs:
        if ours != theirs:
            harm = Harm.LOST if ours < theirs else Harm.MADE
            yield Finding(harm, f"{name} is {ours} in the ledger and {theirs} at the provider")
    if sight.amounts.escrow < 0:
        yield Finding(Harm.WRONG, f"escrow is {sight.amounts.escrow}")


def _moving(sight: Sight) -> Iterator[Finding]:
    """An order that has not ended is run by a workflow, and a clock runs or a ticket is open."""
    over = is_over(sight.order)
    if over is not (sight.status == "over"):
        yield Finding(Harm.STUCK, f"the state is {'over' if over else 'open'} and the row says {sight.status}")
    if over and sight.running:
        yield Finding(Harm.STUCK, "the order is over and its workflow still runs")
    if not over and not sight.running:
        yield Finding(Harm.STUCK, "the order is open and no workflow runs it")
    if not over and not deadlines(sight.order) and not sight.tickets_open:
        yield Finding(Harm.STUCK, "the order is open and has neither clock nor ticket")


def _ended(sight: Sight, story: Story, *, disputed: bool) -> Iterator[Finding]:
    if not is_over(sight.order):
        yield Finding(Harm.STUCK, "the story was told to its end and the order is still open")
        return
    wanted, how = expected(story), f"{story.fate}"
    if disputed:
        kept = {"dispute": 1, "dispute_won": -1}
        stands = [(kept[e["kind"]], e) for e in sight.effects if e["kind"] in kept]
        taken = sum(sign * e["amount"] for sign, e in stands)
        wanted = after_chargeback(story, taken, sum(sign * e.get("fee", 0) for sign, e in stands))
        how = f"{story.fate} and charged back"
    if sight.amounts != wanted:
        yield Finding(Harm.WRONG, f"a story that is {how} must end with {wanted}, and ended with {sight.amounts}")
    held = Counter(e["object"] for e in sight.effects if e["kind"] == "authorise")
    ended = {e["object"] for e in sight.effects if e["kind"] in ("capture", "void", "lapse")}
    for intent in held:
        if intent not in ended:
            yield Finding(Harm.LOST, f"the hold {intent} still stands at the buyer's bank after the order's end")
