"""Core and reference model side by side: the same moves, the same answers of the provider, compared at every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.books import Entry, Side, entries
from domain.deadlines import Clock, deadlines
from domain.decide import Command, Decision, Refusal, Repeat, decide, tick
from domain.funds import Done, No, Result, Short, Unclear
from domain.money import INTERNAL, Money, Verb
from domain.state import Actor, MoneyOp, Order, Role, is_over
from tests.domain.world import START, Ledger, settled, started, with_calendars
from tests.model import clocks, desk, money
from tests.model.cases import overtake
from tests.model.chargebacks import count_dues
from tests.model.compare import OWED, broken, differences
from tests.model.moves import Dice, Move, Ring, Say, Wait, move
from tests.model.news import given_back
from tests.model.sale import Operation, Refused, Sale
from tests.model.tickets import prune

ENDLESS = 400
"""So many clocks of silence, and an order has no end."""

CODES = {
    "authorise": ("Declined",),
    "reauthorise": ("AuthenticationRequired",),
    "capture": ("AuthorisationExpired",),
    "void": ("AuthorisationExpired", "AlreadyDone", "Unauthorised"),
    "release": ("AccountRestricted",),
    "refund": ("InsufficientFunds",),
    "reverse_release": ("InsufficientFunds",),
}
LIMITS = (timedelta(days=7), timedelta(days=5), timedelta(days=30), timedelta(hours=20))
OTHERS = "o-9"
"""An order of the same seller for which he owes."""


@dataclass
class Tally:
    """What a whole run of walks has seen: moves, steps that were taken, lives, and how often each step and answer."""

    moves: int = 0
    steps: int = 0
    lives: int = 0
    seen: Counter[str] = field(default_factory=Counter)


class Pair:
    """One order lived by both. Each step counts in `tally`; raises AssertionError with the path where they differ."""

    def __init__(self, order: Order, sale: Sale, tally: Tally) -> None:
        self.sale, self.tally, self.now = sale, tally, START
        self.path: list[str] = []
        self.ledger = Ledger()
        owed = Money(OWED, order.currency)
        self.ledger.post(
            (Entry(f"receivable:seller-1:{OTHERS}", Side.DEBIT, owed), Entry("clearing", Side.CREDIT, owed))
        )
        self.capture_due: datetime | None = None
        self.friendly = False
        self.voided: set[str] = set()
        self.order, op = started(order)
        self._begin(op, Dice(0))
        self._check()

    def walk(self, numbers: Iterable[int]) -> None:
        """Make the moves that the numbers say, then let everyone fall silent and the provider do as it is asked."""
        for number in numbers:
            dice = Dice(number)
            self.make(move(self.sale, dice, self.now), dice)
        self.end()

    def end(self) -> None:
        """Everyone falls silent, the provider does as asked, and the order must end (W1) with no money open (P5)."""
        self.friendly = True
        if not self.sale.account and not is_over(self.order):
            self.make(Say("payout_account", "storefront", {"account": "acct_9"}), Dice(0))
        for _ in range(ENDLESS):
            if is_over(self.order):
                break
            self.make(Ring(), Dice(0))
        self._say(is_over(self.order), "no end in sight (W1)")
        self.tally.lives += 1

    def make(self, made: Move, dice: Dice) -> None:
        """One move on both sides, and the comparison after it."""
        if made is None:
            return
        self.path.append(f"{self.now:%m-%d %H:%M} {made}")
        self.tally.moves += 1
        match made:
            case Wait(span):
                self.now += span
                return
            case Ring(late):
                self._ring(late, dice)
            case Say():
                self._tell(made, dice)
        self._check()

    def _tell(self, said: Say, dice: Dice) -> None:
        command = self._command(said)
        answer = decide(self.order, command, self.now)
        try:
            desk.command(self.sale, said.name, said.who, said.body, said.ticket, self.now)
        except Refused as why:
            self._say(isinstance(answer, Refusal), f"core takes what the model refuses: {why}")
            self.path.pop()
            return
        reason = answer.reason if isinstance(answer, Refusal) else ""
        self._say(isinstance(answer, Decision), f"core refuses what the model takes: {reason}")
        assert isinstance(answer, Decision)
        self._take(answer, dice)
        self._say(isinstance(decide(self.order, command, self.now), Repeat), "the same command has two effects (W6)")

    def _command(self, said: Say) -> Command:
        role, person = said.who
        tickets = {f"{t.cause}:{t.subject}": t.ticket_id for t in self.order.tickets}
        body = dict(said.body)
        if "ticket_id" in body:
            body["ticket_id"] = tickets.get(body["ticket_id"], "t-0")
        if body.get("digest") == "right":
            body["digest"] = self.order.approval.digest if self.order.approval else "none"
        ticket = tickets.get(said.ticket, said.ticket)
        return Command(said.name, f"c-{self.tally.moves}", Actor(Role(role), person), body, ticket)

    def _ring(self, late: timedelta, dice: Dice) -> None:
        if is_over(self.order):
            return
        clock = deadlines(self.order)[0]
        self.now = max(self.now, clock.at + late)
        answer = tick(self.order, clock, self.now)
        if isinstance(answer, Refusal):
            self._say(False, f"the step of a clock is refused: {clock} {answer}")
        assert isinstance(answer, Decision)
        self.path[-1] += f": {answer.step} {clock.subject}".rstrip()
        if clock.step != "extend_calendars":
            step = clocks.ring(self.sale, self._mine(clock), self.now)
            overtake(self.sale, self.now)
            prune(self.sale)
            self._say(step == answer.step, f"model takes {step}")
        self._take(answer, dice)

    def _mine(self, clock: Clock) -> clocks.Clock:
        """The model's clock for a clock of the core."""
        found = [c for c in clocks.clocks(self.sale) if (c[1], max(c[0], START)) == (clock.step, max(clock.at, START))]
        if len(found) == 1:
            return found[0]
        ticket = self.order.ticket(clock.subject)
        about = f"ticket:{ticket.cause}:{ticket.subject}" if ticket else f":{clock.subject}"
        return next(c for c in found if about in c[2])

    def _take(self, decision: Decision, dice: Dice) -> None:
        self.tally.steps += 1
        self.tally.seen[decision.step] += 1
        self.ledger.book(self.order, decision.events)
        self.order = with_calendars(decision.after, decision.events)
        self._begin(decision.op, dice)

    def _begin(self, op: MoneyOp | None, dice: Dice) -> None:
        if op is None:
            return
        if self.sale.op is None:
            asked = Operation(op.seq, op.verb, op.amount.minor, op.slices, op.subject, op.asked_at)
            self._watch(asked)
            wrong = money.begin(self.sale, asked, self.now)
            self._say(not wrong, wrong)
        self._say(self.sale.op is not None and self.sale.op.number == op.seq, "another operation begins (P9)")
        result = self._answer(op, dice)
        self.path.append(f"      {op.verb} {op.amount} {' '.join(op.slices)}: {_told(result)}")
        self.tally.steps += 1
        self.tally.seen[f"{op.verb} {type(result).__name__}"] += 1
        before = self.order
        self.order = settled(before, op, result, self.now)
        self.ledger.post(entries(before, op, result))
        self._settle(result)
        overtake(self.sale, self.now)
        prune(self.sale)

    def _watch(self, op: Operation) -> None:
        """What no operation may do, whatever the state is."""
        sale, sums, hold = self.sale, self.sale.sums, self.sale.hold
        match op.verb:
            case "capture":
                self._say(not sale.captured, "captured twice (P1)")
                due = self.capture_due or self.now
                good = hold is not None and (due <= hold.opened or due < hold.limit - sale.terms.margin)
                self._say(good, "captured on a hold that ran out before that was decided (P2)")
            case "void":
                self._say(op.subject not in self.voided, "voided twice (P8)")
                self._say(not (sale.captured and hold and op.subject == hold.ref), "voided what was captured (P8)")
            case "release" | "refund":
                reviewed = op.verb == "release" and any(until > self.now for until in sale.reviews())
                self._say(not reviewed, "paid out while the payment is under review (C11)")
                moved = {op.subject} if op.names == ("suspense",) else {*op.names}
                self._say(not moved & sale.disputed(), f"{op.verb} of what is disputed (P7)")
                if op.verb == "refund":
                    charge = op.subject if op.names == ("suspense",) else sale.own_charge
                    came = sums.C if charge == sale.own_charge else sale.uncalled[charge]
                    enough = given_back(sale, charge) + op.amount <= came
                    # A bank that takes back more than all of a payment gives the buyer more than we can prevent.
                    self._say(enough or charge in sale.overdrawn, "more goes back than came in (P6)")
            case _:
                pass

    def _settle(self, result: Result) -> None:
        sale, op = self.sale, self.sale.op
        assert op is not None
        match result:
            case Done(ref, _, limit, renewable, netted):
                if op.verb == "void":
                    self.voided.add(op.subject)
                parts = dict(netted)
                own, others = (parts[name].minor if name in parts else 0 for name in ("o-1", OTHERS))
                money.done(sale, ref, limit, renewable, (own, others), self.now)
            case No(code, stands):
                money.refused(sale, code, self.now, stands.minor if stands else 0)
            case Unclear():
                money.unclear(sale, self.now)
            case Short(owed):
                paid = sale.sums.Q - owed.minor
                amount = Money(paid, self.order.currency)
                account = "receivable:seller-1:o-1"
                self.ledger.post((Entry("clearing", Side.DEBIT, amount), Entry(account, Side.CREDIT, amount)))
                money.paid_elsewhere(sale, paid, self.now)

    def _answer(self, op: MoneyOp, dice: Dice) -> Result:
        says = 0 if self.friendly else dice.take(8)
        if op.verb is Verb.RELEASE and not self.sale.account:
            return No("AccountRestricted")
        if op.verb in (Verb.REVERSE_RELEASE, Verb.WRITE_OFF) and says == 7:
            return Short(Money(dice.take(2) * self.sale.sums.Q // 2, op.amount.currency))
        if op.verb is Verb.WRITE_OFF and says == 6:
            return Unclear("SetAside")
        if op.verb in INTERNAL:
            return Done(f"{op.verb}-{op.seq}", op.amount)
        if says >= 6:
            return Unclear("timeout")
        if says == 5:
            wrong = op.is_check and dice.take(2)
            return No("AmountDiffers", op.amount + op.amount) if wrong else No(dice.pick(CODES[op.verb]))
        if op.verb is Verb.RELEASE:
            return self._released(op, dice)
        holds = op.verb in (Verb.AUTHORISE, Verb.REAUTHORISE)
        limit = self.now + (LIMITS[0] if self.friendly else dice.pick(LIMITS)) if holds else None
        return Done(f"{op.verb}-{op.seq}", op.amount, limit, holds and dice.take(2) == 1)

    def _released(self, op: MoneyOp, dice: Dice) -> Done:
        """A release pays what the seller owes first: for this order, and, now and then, for another."""
        own = min(self.sale.sums.Q, op.amount.minor)
        others = 0 if self.friendly else (op.amount.minor - own) * (0, 0, 0, 1, 2)[dice.take(5)] // 2
        parts = tuple(
            (name, Money(part, op.amount.currency)) for name, part in (("o-1", own), (OTHERS, others)) if part
        )
        return Done(f"{op.verb}-{op.seq}", op.amount - Money(own + others, op.amount.currency), netted=parts)

    def _check(self) -> None:
        count_dues(self.sale)
        waits = money.capture_due(self.sale) and not self.sale.captured
        self.capture_due = (self.capture_due or self.now) if waits else None
        for wrong in [*differences(self.order, self.sale), *broken(self.sale, self.ledger)]:
            self._say(False, wrong)

    def _say(self, holds: bool, wrong: str) -> None:
        assert holds, "\n".join([wrong, *self.path])


def _told(result: Result) -> str:
    match result:
        case No(code):
            return f"no, {code}"
        case Unclear():
            return "no answer"
        case Short(owed):
            return f"{owed} is still owed"
        case Done():
            return "done" + "".join(f", {amount} of it for {order}" for order, amount in result.netted)
