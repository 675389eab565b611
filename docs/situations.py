"""Orders in every situation that the process knows, lived through the domain itself, for the generated pages to ask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from domain.books import Entry, bookings, entries
from domain.business_time import Calendar
from domain.checkout import Checkout, CheckoutLine, Party, place
from domain.deadlines import deadlines
from domain.decide import Command, Decision, decide, tick
from domain.fold import apply_all
from domain.funds import Done, No, Result, Unclear, settle
from domain.money import Money, Verb, total
from domain.state import Actor, MoneyOp, Order, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from domain.policy import Policy

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_EVERY_DAY = Calendar("every day", "UTC", date(2026, 11, 1), "1" * 800, ((datetime(2026, 10, 1, tzinfo=UTC), 0),))
_LONG_HOLD = timedelta(days=60)
_SHORT_HOLD = timedelta(days=5)
_NOTE = "note-1"


@dataclass(frozen=True)
class Situation:
    """An order as it may stand. A `plain` one has nothing special about it: no request, ticket, pause or doubt."""

    order: Order
    now: datetime
    plain: bool = False


class Life:
    """One order, driven by commands at one instant; the provider does what it is asked unless told otherwise.

    `booked` is what the steps left in the ledger: verb and entries of each transaction.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        price: str = "60.00",
        shipping: str = "0.00",
        hold: timedelta = _LONG_HOLD,
        answers: Mapping[Verb, Result] = MappingProxyType({}),
    ) -> None:
        prices = [Money.of(price, "EUR"), Money.of("40.00", "EUR")]
        lines = tuple(CheckoutLine(f"line-{i}", "an item", price) for i, price in enumerate(prices, 1))
        seller = Party("seller-1", account="account-1")
        sent = Money.of(shipping, "EUR")
        priced = total([*prices, sent], "EUR")
        checkout = Checkout("order-1", "market", Party("buyer-1"), seller, "address-1", lines, priced, sent)
        self.order = place(checkout, policy, _EVERY_DAY, _EVERY_DAY, _EVERY_DAY, NOON)
        self.now = NOON
        self.booked: list[tuple[str, tuple[Entry, ...]]] = []
        self._hold = hold
        self._answers = answers

    def say(self, role: Role, name: str, **body: Any) -> Life:
        """Send a command that the process must take."""
        ids = {Role.BUYER: self.order.buyer, Role.SELLER: self.order.seller}
        actor = Actor(role, ids.get(role, f"{role}-1"))
        self._take(decide(self.order, Command(name, f"c-{self.order.seq}", actor, body), self.now), name)
        return self

    def ring(self, step: str) -> Life:
        """Let the clock of that step ring."""
        clock = next(clock for clock in deadlines(self.order) if clock.step == step)
        self.now = max(self.now, clock.at)
        self._take(tick(self.order, clock, self.now), step)
        return self

    def pay(self) -> Life:
        return self.say(Role.BUYER, "pay", payment_method="method-1", customer="customer-1")

    def confirm(self) -> Life:
        return self.pay().say(Role.SELLER, "confirm")

    def ship(self, *lines: str) -> Life:
        return self.confirm().say(
            Role.SELLER, "ship", parcel_id="parcel-1", carrier="carrier", lines=list(lines or ("line-1", "line-2"))
        )

    def scan(self, milestone: str, proof: str = "weak") -> Life:
        at = self.now.isoformat()
        return self.say(Role.CARRIER, "parcel_scan", parcel_id="parcel-1", milestone=milestone, at=at, proof=proof)

    def _take(self, judged: object, name: str) -> None:
        if not isinstance(judged, Decision):
            raise TypeError(f"{name} is not possible in this situation: {judged}")
        self.order, op = judged.after, judged.op
        happened = judged.events
        if op is not None:
            result = self._answers.get(op.verb) or self._done(op)
            self._book(op.verb, entries(self.order, op, result))
            settled = settle(self.order, op, result, self.now)
            happened = (*happened, *settled)
            self.order = apply_all(self.order, settled)
        for booking in bookings(judged.after, happened):
            self._book(booking.verb, booking.entries)

    def _book(self, verb: str, booked: tuple[Entry, ...]) -> None:
        if booked:
            self.booked.append((verb, booked))

    def _done(self, op: MoneyOp) -> Result:
        """A first hold can be renewed; whether it is, is policy."""
        return Done(f"{op.verb}-1", op.amount, self.now + self._hold, op.verb is Verb.AUTHORISE)


def situations(policy: Policy) -> tuple[Situation, ...]:
    """Situations in which every clock of the process runs, plain ones first; the same for equal policies."""
    plain = [Situation(life.order, life.now, plain=True) for life in _plain(policy)]
    lives = (*_special(policy), *_in_doubt(policy), *_claims(policy))
    special = [Situation(life.order, life.now) for life in lives]
    return (*plain, *special)


def late_situations(policy: Policy) -> tuple[Situation, ...]:
    """Situations with a ticket open, because somebody stayed silent."""
    late = (
        Life(policy).pay().ring("confirm_overdue"),
        Life(policy).confirm().ring("ship_overdue"),
        Life(policy).ship("line-1").ring("ship_overdue"),
        Life(policy, price="900.00").ship().scan("delivered").ring("receipt_overdue"),
    )
    return tuple(Situation(life.order, life.now) for life in late)


def _plain(policy: Policy) -> Iterator[Life]:
    """One order in each stage, from checkout to every end."""
    yield Life(policy)
    yield Life(policy).pay()
    yield Life(policy).confirm()
    yield Life(policy).ship("line-1")
    yield Life(policy).ship()
    yield Life(policy).ship().scan("delivered")
    yield _received(policy)
    yield _received(policy).ring("close")
    yield Life(policy).ring("expire_unpaid")
    yield Life(policy).pay().say(Role.BUYER, "cancel", reason="changed_mind")
    yield Life(policy).ship().ring("escrow_ends")


def _received(policy: Policy) -> Life:
    return Life(policy).ship().scan("delivered").say(Role.BUYER, "receive")


def _special(policy: Policy) -> Iterator[Life]:
    """Requests, pauses, a lost parcel, strong proof, dear goods, paid shipping, and a hold that runs out."""
    reauthorise = replace(policy, hold=replace(policy.hold, way_out="reauthorise"))
    until = (NOON + timedelta(days=20)).isoformat()
    yield from (
        life.say(Role.OPERATOR, "pause", until=until, note_id=_NOTE) for life in _plain(policy) if deadlines(life.order)
    )
    yield Life(policy).pay().say(Role.PROVIDER, "pause", until=until, note_id=_NOTE, review=True, about="prv_1")
    yield Life(policy, hold=_SHORT_HOLD).pay()
    yield Life(policy, hold=_SHORT_HOLD).confirm()
    yield Life(reauthorise).confirm()
    yield Life(reauthorise, answers={Verb.REAUTHORISE: No("AuthenticationRequired")}).confirm().ring("renew_hold")
    for life in (Life(policy).confirm(), Life(policy).ship("line-1")):
        yield life.say(Role.BUYER, "request_cancel", reason="too_slow")
        yield life.say(Role.SELLER, "ask_time", days=1)
    yield Life(policy).ship().scan("lost")
    yield Life(policy).ship().scan("lost").ring("ticket_overdue")
    yield Life(policy).ship().scan("delivered", "strong")
    yield Life(policy).ship().scan("delivered", "strong").ring("accept_on_strong_proof").scan("returned")
    yield Life(policy, price="900.00").ship().scan("delivered")
    yield Life(policy, shipping="5.00").ship("line-1")
    yield Life(policy, shipping="5.00").ship()
    yield Life(policy, shipping="5.00").ship().scan("delivered")
    yield Life(policy, shipping="5.00").ship().scan("delivered").say(Role.BUYER, "receive")


def _claims(policy: Policy) -> Iterator[Life]:
    """A claim at each status."""
    buyer, seller, desk = Role.BUYER, Role.SELLER, Role.SPECIALIST

    def claimed(reason: str = "not_as_described") -> Life:
        return Life(policy).ship().scan("delivered").say(buyer, "open_claim", reason=reason, lines=["line-1"])

    yield claimed()
    yield claimed().say(seller, "answer_claim", note_id=_NOTE)
    yield claimed().say(seller, "offer_refund", amount="10.00 EUR")
    yield claimed().say(seller, "offer_refund", amount="10.00 EUR").say(buyer, "offer_refund", amount="20.00 EUR")
    yield claimed("not_received")
    yield claimed("not_received").say(buyer, "wait_on_claim", days=3)
    yield claimed().say(seller, "escalate_upstream")
    yield claimed().ring("claim_unanswered")
    for side in ("buyer", "seller"):
        yield claimed().ring("claim_unanswered").say(desk, "ask_party", of=side, note_id=_NOTE)
    for verdict in ("refund", "release"):
        yield claimed().ring("claim_unanswered").say(desk, "decide_claim", verdict=verdict, note_id=_NOTE)
    returning: tuple[tuple[Role, str, dict[str, str]], ...] = (
        (seller, "instruct_return", {"address_id": "address-2"}),
        (buyer, "send_return", {"parcel_id": "return-1", "carrier": "carrier"}),
        (seller, "receive_return", {}),
    )
    for length in range(len(returning) + 1):
        life = claimed().say(desk, "decide_claim", verdict="return_first", note_id=_NOTE)
        for role, name, body in returning[:length]:
            life.say(role, name, **body)
        yield life


def _in_doubt(policy: Policy) -> Iterator[Life]:
    """Money that was refused, is unclear, waits for a new account to settle, or for a second operator."""
    unclear: Mapping[Verb, Result] = {Verb.CAPTURE: Unclear("timeout")}
    yield Life(policy, answers=unclear).ship()
    doubtful = Life(policy, answers=unclear).ship()
    for _ in range(8):
        doubtful.ring("settle")
    yield doubtful
    yield Life(policy, answers={Verb.CAPTURE: No("AuthorisationExpired")}).ship()
    fact = {"dispute": "dispute-1", "fee": "15.00 EUR", "reason": "not_received"}
    for words in ((), ("lose_dispute",)):
        disputed = Life(policy).ship().say(Role.PROVIDER, "open_dispute", amount="30.00 EUR", **fact)
        for word in words:
            disputed.say(Role.PROVIDER, word, dispute="dispute-1").ring("settle")
        yield disputed
    given = Life(policy).ship().say(Role.SPECIALIST, "refund", note_id=_NOTE, lines=["line-1"])
    yield given.ring("settle")
    refused = Life(policy, answers={Verb.RELEASE: No("AccountRestricted")})
    yield refused.ship().scan("delivered").say(Role.BUYER, "receive")
    moved = Life(policy).ship().scan("delivered").say(Role.STOREFRONT, "payout_account", account="account-2")
    yield moved.say(Role.BUYER, "receive")
    for life in (Life(policy, price="900.00").ship(), Life(policy, price="900.00").ship().scan("delivered")):
        yield life.say(Role.SPECIALIST, "refund", note_id=_NOTE)


def of_role(order: Order, role: Role) -> Actor:
    """Someone of that role who has a part in the order."""
    ids = {Role.BUYER: order.buyer, Role.SELLER: order.seller}
    return Actor(role, ids.get(role, f"{role}-2"))
