"""Orders, calendars, answers of the provider, and a driver that lives an order's life without engine or database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from domain import wire
from domain.accounts import Bound, row_of
from domain.books import Entry, Side, bookings, entries
from domain.business_time import Calendar
from domain.checkout import Checkout, CheckoutLine, Party, place
from domain.deadlines import Clock, deadlines
from domain.decide import Command, Decision, Refusal, Repeat, decide, tick
from domain.events import CalendarsAsked, CalendarsExtended, Event, MoneyAsked, Taken
from domain.fold import apply_all
from domain.funds import Done, No, Result, Unclear, plan, settle
from domain.money import Money, Verb, total
from domain.policy import Policy
from domain.state import Actor, MoneyOp, Offer, Order, Role, Stage, is_over, stage

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # A Monday.
FIRST_DAY = date(2026, 11, 2)
HOLD_LIVES = timedelta(days=7)
POLICY = Policy(name="test", display_name="Test")
RENEWS = replace(POLICY, hold=replace(POLICY.hold, way_out="reauthorise"))
AT_CONFIRMATION = replace(POLICY, capture=replace(POLICY.capture, trigger="confirmation"))

ACTORS: Mapping[Role, Actor] = {
    Role.BUYER: Actor(Role.BUYER, "buyer-1"),
    Role.SELLER: Actor(Role.SELLER, "seller-1"),
    **{role: Actor(role, f"{role}-1") for role in Role if role not in (Role.BUYER, Role.SELLER)},
}
SECOND_OPERATOR = Actor(Role.OPERATOR, "operator-2")

Answer = Callable[[Order, MoneyOp, datetime], Result]


def weeks(count: int = 90, name: str = "weekdays") -> Calendar:
    """A calendar of plain working weeks in UTC."""
    return Calendar(name, "UTC", FIRST_DAY, "1111100" * count, ((datetime(2026, 10, 1, tzinfo=UTC), 0),))


WEEKS = weeks()


def new_order(
    policy: Policy = POLICY,
    prices: tuple[str, ...] = ("30.00", "20.00"),
    shipping: str = "5.00",
    currency: str = "EUR",
    payment: Offer | None = Offer("pi_1"),  # noqa: B008  # frozen
    account: str = "acct_1",
) -> Order:
    """An order as it is placed: lines ``a``, ``b``, ... of those prices; its payment is not yet authorised."""
    sold = [Money.of(price, currency) for price in prices]
    delivery = Money.of(shipping, currency)
    document = Checkout(
        order_id="o-1",
        marketplace="test",
        buyer=Party("buyer-1"),
        seller=Party("seller-1", account=account),
        address_id="address-1",
        lines=tuple(CheckoutLine(chr(97 + i), f"thing {i}", price) for i, price in enumerate(sold)),
        total=total([*sold, delivery], currency),
        shipping=delivery,
        payment=payment,
    )
    return place(document, policy, WEEKS, WEEKS, WEEKS, START)


def done(order: Order, op: MoneyOp, now: datetime) -> Done:
    """The provider did it; a hold lives seven days and cannot be renewed."""
    limit = now + HOLD_LIVES if op.verb in (Verb.AUTHORISE, Verb.REAUTHORISE) else None
    return Done(f"{op.verb}-{op.seq}", op.amount, limit)


def done_with_mandate(order: Order, op: MoneyOp, now: datetime) -> Done:
    """As `done`, and the buyer has agreed to new holds."""
    return replace(done(order, op, now), renewable=op.verb in (Verb.AUTHORISE, Verb.REAUTHORISE))


def no(code: str, verb: Verb, otherwise: Answer = done) -> Answer:
    """The provider refuses one kind of operation and does every other."""

    def answer(order: Order, op: MoneyOp, now: datetime) -> Result:
        return No(code) if op.verb is verb else otherwise(order, op, now)

    return answer


def unclear(verb: Verb) -> Answer:
    """The provider's answer to one kind of operation is lost; every other is done."""

    def answer(order: Order, op: MoneyOp, now: datetime) -> Result:
        return Unclear("timeout") if op.verb is verb else done(order, op, now)

    return answer


def settled(order: Order, op: MoneyOp, result: Result, now: datetime) -> Order:
    """The order after the result of the operation under way."""
    return apply_all(order, settle(order, op, result, now))


def started(order: Order, now: datetime = START) -> tuple[Order, MoneyOp | None]:
    """The order after its first step, and the operation to carry out with it."""
    op = plan(order, now, 1)
    events: tuple[Event, ...] = (Taken(1),) if op is None else (Taken(1), MoneyAsked(op))
    return apply_all(order, events), op


def with_calendars(order: Order, events: tuple[Event, ...]) -> Order:
    """The order after calendars that were asked for have come."""
    if not any(isinstance(event, CalendarsAsked) for event in events):
        return order
    longer = replace(order.desk_calendar, days=order.desk_calendar.days + "1111100" * 60)
    return apply_all(order, [CalendarsExtended(longer, longer, longer)])


def next_clock(order: Order) -> Clock:
    """The clock that rings first."""
    return deadlines(order)[0]


@dataclass
class Ledger:
    """The balance of each account, folded from entries; credit is positive but for the clearing account."""

    balances: dict[tuple[str, str], int] = field(default_factory=dict)

    def post(self, booked: tuple[Entry, ...]) -> None:
        """Fold one balanced booking; raises AssertionError when it is none."""
        if not booked:
            return
        assert len(booked) >= 2
        for currency in {entry.amount.currency for entry in booked}:
            sides = [e.amount.minor * (1 if e.side is Side.CREDIT else -1) for e in booked]
            assert sum(sides) == 0, f"{currency} does not balance: {booked}"
        for entry in booked:
            assert entry.amount.minor > 0, entry
            key = (entry.account, entry.amount.currency)
            signed = entry.amount.minor if entry.side is Side.CREDIT else -entry.amount.minor
            self.balances[key] = self.balances.get(key, 0) + signed
        for (account, _), balance in self.balances.items():
            row = row_of(account)
            assert row is not None, f"{account} is not in the chart"
            assert balance >= 0 or row.bound is not Bound.NOT_BELOW_ZERO, f"{account} stands at {balance}"
            assert balance <= 0 or row.bound is not Bound.NOT_ABOVE_ZERO, f"{account} stands at {balance}"

    def book(self, order: Order, events: Iterable[Event]) -> None:
        """Fold what events book by themselves."""
        for booking in bookings(order, events):
            self.post(booking.entries)

    def balance(self, prefix: str) -> int:
        """The sum of the accounts whose names begin so, in minor units."""
        return sum(balance for (account, _), balance in self.balances.items() if account.startswith(prefix))


class Life:
    """An order that is lived step by step: commands, clocks and the provider's answers, with a ledger beside it."""

    def __init__(self, order: Order | None = None, answer: Answer = done) -> None:
        self.now = START
        self.answer = answer
        self.ledger = Ledger()
        self.asked: list[MoneyOp] = []
        self.done: list[Verb] = []
        self.moved: dict[Verb, Money] = {}
        self.told: list[str] = []
        self.count = 0
        first, op = started(order or new_order())
        self.order = first
        self._perform(op)

    @property
    def stage(self) -> Stage:
        return stage(self.order)

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(line.state.value for line in self.order.lines)

    @property
    def over(self) -> bool:
        return is_over(self.order)

    def ask(
        self, name: str, who: Role | Actor, for_ticket: str = "", command_id: str = "", **body: Any
    ) -> Decision | Refusal | Repeat:
        """Send a command, with `body` in plain JSON, and take its consequences."""
        self.count += 1
        actor = ACTORS[who] if isinstance(who, Role) else who
        command = Command(name, command_id or f"command-{self.count}", actor, body, for_ticket)
        decision = decide(self.order, command, self.now)
        if isinstance(decision, Decision):
            self._take(decision)
        return decision

    def do(self, name: str, who: Role | Actor, for_ticket: str = "", /, **body: Any) -> Decision:
        """Send a command that must be taken."""
        decision = self.ask(name, who, for_ticket, **body)
        assert isinstance(decision, Decision), decision
        return decision

    def refused(self, name: str, who: Role | Actor, for_ticket: str = "", /, **body: Any) -> Refusal:
        """Send a command that must be refused; it must change nothing."""
        before = self.order
        refusal = self.ask(name, who, for_ticket, **body)
        assert isinstance(refusal, Refusal), refusal
        assert self.order is before
        return refusal

    def ring(self, late: timedelta = timedelta(0)) -> Decision:
        """Go to the next clock, `late` after its instant, and take its step."""
        clock = next_clock(self.order)
        self.now = max(self.now, clock.at + late)
        decision = tick(self.order, clock, self.now)
        assert isinstance(decision, Decision), (clock, decision)
        self.told.append(decision.step)
        self._take(decision)
        return decision

    def settle_money(self) -> None:
        """Let everything happen that is due at once."""
        while not self.over and next_clock(self.order).at <= self.now:
            self.ring()

    def until(self, step: str, most: int = 60) -> Decision:
        """Stay silent until a clock takes `step`."""
        for _ in range(most):
            decision = self.ring()
            if decision.step == step:
                return decision
        raise AssertionError(f"{step} never came, but {self.told[-most:]}")

    def silence(self, most: int = 120) -> list[str]:
        """Stay silent to the end; the steps that the clocks took."""
        before = len(self.told)
        for _ in range(most):
            if self.over:
                return self.told[before:]
            self.ring()
        raise AssertionError(f"no end in sight after {self.told[-most:]}")

    def wait(self, **span: float) -> None:
        """Let time pass while everyone is silent."""
        goal = self.now + timedelta(**span)
        while not self.over and next_clock(self.order).at <= goal:
            self.ring()
        self.now = goal

    def _take(self, decision: Decision) -> None:
        assert apply_all(self.order, decision.events) == decision.after
        self.ledger.book(self.order, decision.events)
        self.order = with_calendars(decision.after, decision.events)
        self._perform(decision.op)

    def _perform(self, op: MoneyOp | None) -> None:
        if op is None:
            return
        if not any(asked.seq == op.seq for asked in self.asked):
            self.asked.append(op)
        result = self.answer(self.order, op, self.now)
        before, self.order = self.order, settled(self.order, op, result, self.now)
        self.ledger.post(entries(before, op, result))
        if isinstance(result, Done):
            self.done.append(op.verb)
            self.moved[op.verb] = self.moved.get(op.verb, Money.zero(op.amount.currency)) + op.amount
        assert self.ledger.balance("escrow:") == held_in_escrow(self.order).minor


def held_in_escrow(order: Order) -> Money:
    """What the order's slices say is in escrow."""
    pieces = [line.line_id for line in order.lines if line.funds == "escrow"]
    pieces += ["shipping"] if order.shipping_funds == "escrow" else []
    pieces += [dispute.dispute_id for dispute in order.disputes if dispute.status == "restored"]
    return total([order.left(piece) for piece in pieces], order.currency)


def round_trips(order: Order) -> bool:
    """Whether the order's plain form reads back as the same order."""
    return bool(wire.from_plain(Order, wire.to_plain(order)) == order)


def text_of(moment: datetime) -> str:
    """The instant as it comes over the wire."""
    return wire.instant_text(moment)


PINNED = frozenset({"policy", "seller_calendar", "buyer_calendar", "desk_calendar"})


def moving_parts_round_trip(order: Order) -> bool:
    """As `round_trips`, but for the large parts that no step but two changes."""
    parts = ((name, part.read, getattr(order, name)) for name, part in wire._shape(Order).items() if name not in PINNED)
    return all(read(wire.to_plain(value), name) == value for name, read, value in parts)


def paid(order: Order | None = None, answer: Answer = done) -> Life:
    """An order whose hold stands."""
    return Life(order, answer)


def confirmed(order: Order | None = None, answer: Answer = done) -> Life:
    """Every line confirmed."""
    life = paid(order, answer)
    life.do("confirm", Role.SELLER)
    life.settle_money()
    return life


def shipped(order: Order | None = None, answer: Answer = done) -> Life:
    """Every line in parcel ``p1``; captured as far as the provider answers so."""
    life = confirmed(order, answer)
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="dhl")
    return life


def scan(life: Life, parcel_id: str, milestone: str, proof: str = "weak") -> Decision:
    """The carrier's scan, now."""
    at = wire.instant_text(life.now)
    return life.do("parcel_scan", Role.CARRIER, parcel_id=parcel_id, milestone=milestone, at=at, proof=proof)


def delivered(order: Order | None = None, proof: str = "weak", answer: Answer = done) -> Life:
    """Every line delivered."""
    life = shipped(order, answer)
    life.now += timedelta(days=1)
    scan(life, "p1", "delivered", proof)
    return life
