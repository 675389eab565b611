"""What the actors may try next with an order: likely commands, unlikely ones, clocks, silence. One number per move.

A number is read digit by digit, each digit in a base that fits the choice; 0 always means the first choice, so that a
failing path shrinks towards its plainest form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tests.model import money
from tests.model.claim_moves import euros, likely, nonsense
from tests.model.clocks import roots
from tests.model.desk import ALL, CLOCKS, names
from tests.model.people import WAY
from tests.model.sale import Sale, over, stage

T = TypeVar("T")

LARGEST = 2**40
NOTE = {"note_id": "n-1"}
REASONS = ("out_of_stock", "too_slow", "other")
ROLES = ("buyer", "seller", "specialist", "operator", "platform", "storefront", "carrier", "provider")
PAUSES = (timedelta(minutes=1), timedelta(hours=5), timedelta(days=1), timedelta(days=3), timedelta(days=11))
TOO_LATE = (timedelta(minutes=15), timedelta(minutes=16), timedelta(days=2), timedelta(hours=3))


class Dice:
    """Choices read from one number."""

    def __init__(self, number: int) -> None:
        self.left = number

    def take(self, sides: int) -> int:
        self.left, rest = divmod(self.left, sides)
        return rest

    def pick(self, choices: tuple[T, ...] | list[T]) -> T:
        return choices[self.take(len(choices))]


@dataclass(frozen=True)
class Say:
    """A command: its name, who sends it, its body in the words of the wire, the ticket it acts on."""

    name: str
    role: str
    body: dict[str, Any] = field(default_factory=dict)
    ticket: str = ""
    person: str = ""

    @property
    def who(self) -> tuple[str, str]:
        return self.role, self.person or f"{self.role}-1"

    def __str__(self) -> str:
        who = f"{self.role} {self.person}".strip()
        return f"{who}: {self.name} {self.body or ''}".strip() + (f" for {self.ticket}" if self.ticket else "")


@dataclass(frozen=True)
class Ring:
    """The earliest clock rings, so much later than it should."""

    late: timedelta = timedelta(0)

    def __str__(self) -> str:
        return f"the clock rings{f' {self.late} late' if self.late else ''}"


@dataclass(frozen=True)
class Wait:
    """Time goes by and nobody acts; clocks that ring meanwhile are still to be taken."""

    span: timedelta

    def __str__(self) -> str:
        return f"{self.span} go by"


Move = Say | Ring | Wait | None


def move(sale: Sale, dice: Dice, now: datetime) -> Move:
    """The next move; None is none at all."""
    kind = dice.take(32)
    if kind == 0:
        return None
    if over(sale) and 23 < kind <= 25:
        return Wait(dice.pick(PAUSES))
    if over(sale):
        return dice.pick(late(sale, now)) if kind > 27 else anything(sale, dice, now) if kind == 1 else None
    about = [Say(*step) for step in likely(sale)] if kind > 23 else []
    if about:
        return dice.pick(about)
    if kind <= 8 or kind > 23:
        ahead: list[Move] = [*forward(sale, now)] or [Ring()]
        return dice.pick(ahead)
    if kind <= 11:
        return dice.pick(aside(sale, now))
    if kind == 12:
        return anything(sale, dice, now)
    if kind <= 15:
        return dice.pick([*told(sale, now), *returns(sale, now)])
    if kind <= 21:
        return Ring()
    return Ring(dice.pick(TOO_LATE)) if kind == 22 else Wait(dice.pick(PAUSES))


def forward(sale: Sale, now: datetime) -> list[Say]:
    """What brings the order on its way."""
    states, found = sale.states(), []
    if not sale.secured or sale.buyer_asked:
        found += [
            Say("pay", "buyer", {"payment_intent": f"pi_new{sale.heard}"}),
            Say("pay", "buyer", {"payment_method": "pm_1", "customer": "cus_1"}),
        ]
    if "pending" in states:
        found += [Say("confirm", "seller"), Say("confirm", "seller", {"lines": [sale.live[-1].name]})]
    ready = [line.name for line in sale.live if line.state == "confirmed"]
    if ready:
        parcel = {"parcel_id": f"p{len(sale.parcels) + 1}", "carrier": "dhl"}
        found += [Say("ship", "seller", {**parcel, "lines": ready[:1]}), Say("ship", "seller", parcel)]
    sent = [line.name for line in sale.live if line.state in ("shipped", "delivered")]
    if sent:
        found += [*_scans(sale, now), Say("receive", "buyer"), Say("receive", "buyer", {"lines": sent[:1]})]
    return found


def aside(sale: Sale, now: datetime) -> list[Say]:
    """What the parties do otherwise, and the desk to mend it."""
    found, states = _desk(sale, now), sale.states()
    if "pending" in states:
        found += [
            Say("cancel", "buyer", {"reason": "changed_mind", "lines": [sale.live[0].name]}),
            Say("decline", "seller", {"reason": "out_of_stock"}),
        ]
    if not sale.secured:
        found += [Say("more_time_to_pay", "buyer", {"days": 3}), Say("cancel", "buyer", {"reason": "changed_mind"})]
    if "confirmed" in states:
        last = [line.name for line in sale.live if line.state == "confirmed"][-1:]
        found += [
            Say("request_cancel", "buyer", {"reason": "too_slow", "lines": last}),
            Say("cancel", "seller", {"reason": "damaged", "lines": last}),
            Say("ask_time", "seller", {"days": 2}),
        ]
    found += [Say("message", writer, {"message_id": "m-1"}) for writer in ("buyer", "seller")]
    if sale.cancel_asked:
        found += 3 * [Say("grant_cancel", "seller"), Say("refuse_cancel", "seller")]
    if sale.time_asked:
        found += [Say("grant_time", "buyer"), Say("refuse_time", "buyer")]
    return [*found, Say("wait_longer", "buyer", {"days": 4})] if states & {"confirmed", "shipped"} else found


def _scans(sale: Sale, now: datetime) -> list[Say]:
    found: list[Say] = []
    for parcel in list(sale.parcels.values())[-2:]:
        for milestone in ("in_transit", "delivered", "delivered", "lost", "returned"):
            proof = "strong" if len(found) % 3 == 1 else "weak"
            at = now - timedelta(days=2) if len(found) % 5 == 2 else now
            body = {"parcel_id": parcel.name, "milestone": milestone, "at": at.isoformat(), "proof": proof}
            found.append(Say("parcel_scan", "carrier", body))
    return [*found, *returns(sale, now)]


def returns(sale: Sale, now: datetime) -> list[Say]:
    """What becomes of goods on their way back, also when their claim is decided, or over."""
    claims = sale.claims.values()
    travels = [name for claim in claims for name, came in claim.parcels.items() if claim.empty or not came]
    ends = ({"milestone": milestone, "at": now.isoformat(), "proof": "weak"} for milestone in ("delivered", "returned"))
    bodies = [{"parcel_id": parcel, **end} for end in ends for parcel in travels]
    return [Say("parcel_scan", "carrier", body) for body in bodies]


def _desk(sale: Sale, now: datetime) -> list[Say]:
    found = [
        Say("payout_account", "storefront", {"account": "acct_2"}),
        Say("pause", "operator", {"until": (now + timedelta(days=2)).isoformat(), **NOTE}),
    ]
    later = (now + timedelta(days=3)).isoformat()
    running = dict.fromkeys(root.partition(":")[0] for root in roots(sale))
    found += [Say("extend", "operator", {"clock": clock, "until": later, **NOTE}) for clock in running]
    if sale.captured:
        found += [
            Say("refund", "specialist", {**NOTE, "lines": [line.name for line in sale.live][:1]}),
            Say("release", "specialist", NOTE),
            Say("refund", "operator", NOTE),
            Say("refund_shipping", "specialist", NOTE),
        ]
    if sale.pauses:
        found += [Say("resume", "operator", NOTE)] * 3
    if sale.approval:
        found += [Say("approve", "operator", {"digest": "right"}, person="operator-2")] * 3
    if sale.stuck or (sale.op and sale.op.retry):
        found += [Say("retry", "operator", NOTE)] * 2
    for ticket in names(sale):
        until = (now + timedelta(days=3)).isoformat()
        found += [
            Say("resolve_ticket", "specialist", {"ticket_id": ticket, "outcome": "no_change", **NOTE}),
            Say("resolve_ticket", "specialist", {"ticket_id": ticket, "outcome": "extend", "until": until, **NOTE}),
            Say("refund", "specialist", NOTE, ticket),
            Say("release", "operator", NOTE, ticket),
        ]
    return found


def _reviews(sale: Sale, now: datetime) -> list[Say]:
    """The provider looks at the payment, and has done so."""
    until = (now + timedelta(days=29)).isoformat()
    begun = {"until": until, **NOTE, "review": True, "about": f"prv_{len(sale.pauses) % 2}"}
    ended = [
        Say("resume", "provider", {**NOTE, "about": name.partition(":")[2]})
        for name, pause in sale.pauses.items()
        if pause.by == "provider"
    ]
    return [Say("pause", "provider", begun), *ended, *ended]


def late(sale: Sale, now: datetime) -> list[Say]:
    """What an order hears that is over."""
    return [*told(sale, now), *(Say(*step) for step in likely(sale))]


def told(sale: Sale, now: datetime) -> list[Say]:
    """What the payment provider tells by itself."""
    late = f"pi_late{sale.heard}"
    taken = {"payment_intent": late, "charge": f"ch_late{sale.heard}", "amount": "5.55 EUR"}
    held = {"amount": "7.77 EUR"} if sale.heard % 2 else {}
    found = [Say("payment_found", "provider", {"payment_intent": late, **held})]
    if sale.hold and not sale.captured:
        found.append(Say("hold_lost", "provider", {"hold": sale.hold.ref}))
        found.append(Say("payment_found", "provider", {**taken, "payment_intent": sale.hold.ref}))
    if sale.captured or stage(sale) == "expired":
        found.append(Say("payment_found", "provider", taken))
    found += [Say("refund_failed", "provider", {"refund": ref}) for ref in sale.refunds]
    found += _disputes(sale)
    found += _reviews(sale, now)
    if any(due[0] == "release" for due in money.due(sale)):
        found.append(Say("account_restricted", "provider", {"account": sale.account}))
    if sale.stuck:
        found.append(Say("account_active", "provider", {"account": sale.account}))
    return found


def _disputes(sale: Sale) -> list[Say]:
    """New disputes about all, half, a cent, or more than all of a payment, and what the bank decides about others."""
    found = []
    fault = ("not_received", "fraudulent")
    for charge, came in (("", sale.sums.C), *list(sale.uncalled.items())[-1:]):
        there = came - sum(d.amount for d in sale.disputes.values() if d.state != "won" and d.charge == charge)
        amounts = (there, (there + 1) // 2, 1, there + 3) if there > 0 else (came,) if came else ()
        if len(sale.disputes) < 3:
            for n, amount in enumerate(amounts):
                fact = {
                    "dispute": f"dp_{len(sale.disputes)}",
                    "amount": euros(amount),
                    "fee": "15.00 EUR",
                    "reason": fault[n % 2],
                }
                found.append(Say("open_dispute", "provider", {**fact, "charge": charge} if charge else fact))
    for name in sale.disputes:
        found += [
            Say("win_dispute", "provider", {"dispute": name, "fee": "15.00 EUR"}),
            Say("win_dispute", "provider", {"dispute": name, "fee": "0.00 EUR"}),
            Say("lose_dispute", "provider", {"dispute": name}),
            Say("lose_dispute", "provider", {"dispute": name}),
        ]
    return found


def anything(sale: Sale, dice: Dice, now: datetime) -> Say:
    """Any command by anybody about anything; most are refused, and must be."""
    name = dice.pick(list(ALL))
    role = dice.pick(ROLES) if dice.take(3) == 0 else dice.pick(ALL[name][0])
    person = dice.pick(("", "", "", "seller-1", "buyer-1", "operator-2"))
    ticket = dice.pick(["", "", *names(sale), "t-0"]) if dice.take(4) == 0 else ""
    return Say(name, role, _body(sale, name, dice, now), ticket, person)


def _body(sale: Sale, name: str, dice: Dice, now: datetime) -> dict[str, Any]:
    some = dice.pick([[], *([line] for line in sale.lines), list(sale.lines), ["z"]])
    lines = {"lines": some} if some else {}
    days = {"days": dice.pick((1, 2, 5, 7, 10, 0, -1, 11))}
    until = {
        "until": (
            now + dice.pick((timedelta(days=3), timedelta(hours=1), timedelta(0), timedelta(days=40)))
        ).isoformat()
    }
    parcel = dice.pick([*sale.parcels, f"p{len(sale.parcels) + 1}"])
    ticket = {"ticket_id": dice.pick([*names(sale), "t-0"])}
    at = (now + dice.pick((timedelta(0), -timedelta(days=2), timedelta(days=2)))).isoformat()
    bodies: dict[str, dict[str, Any]] = {
        "pay": dice.pick(
            ({"payment_intent": f"pi_9{sale.heard}"}, {"payment_method": "pm_1", "customer": "cus_1"}, {})
        ),
        "payout_account": {"account": dice.pick(("acct_3", ""))},
        **_news(sale, dice),
        **nonsense(sale, (dice.take(60), dice.take(60), dice.take(60)), lines, days["days"]),
        "confirm": lines,
        "decline": {"reason": "other"},
        "ship": {"parcel_id": parcel, "carrier": "dhl", **lines},
        "change_address": {"address_id": "address-2"},
        "parcel_scan": {
            "parcel_id": parcel,
            "milestone": dice.pick(list(WAY)[1:]),
            "at": at,
            "proof": dice.pick(("weak", "strong")),
        },
        "receive": lines,
        "cancel": {"reason": "other", **lines},
        "request_cancel": {"reason": "too_slow", **lines},
        "release": {**NOTE, **lines},
        "refund": {**NOTE, **lines},
        "extend": {"clock": dice.pick(CLOCKS), **until, **NOTE},
        "pause": {**until, **NOTE, "review": dice.take(2) == 1, "about": dice.pick(("", "prv_0"))},
        "resume": {**NOTE, "about": dice.pick(("", "prv_0"))},
        "message": {"message_id": f"m-{sale.heard}", "internal": dice.pick((False, True))},
        "approve": {"digest": dice.pick(("right", "wrong"))},
        "assign_ticket": {**ticket, "owner": "ann"},
        "resolve_ticket": {**ticket, "outcome": dice.pick(("no_change", "extend", "act")), **until, **NOTE},
    }
    if name in ("more_time_to_pay", "ask_time", "wait_longer"):
        return days
    return bodies.get(name, NOTE if name in ("retry", "note", "refund_shipping") else {})


def _news(sale: Sale, dice: Dice) -> dict[str, dict[str, Any]]:
    """What the provider would hardly tell."""
    dispute = dice.pick(("dp_9", *sale.disputes))
    amount = euros(dice.pick((1, sale.sums.C, sale.sums.C + 1, 0)))
    return {
        "payment_found": dice.pick(
            (
                {"payment_intent": sale.hold.ref if sale.hold else f"pi_8{sale.heard}"},
                {"payment_intent": "pi_9", "charge": f"ch_9{sale.heard}", "amount": amount},
            )
        ),
        "hold_lost": {"hold": "hold-0"},
        "refund_failed": {"refund": dice.pick(("re_9", *sale.refunds))},
        "open_dispute": {
            "dispute": dispute,
            "amount": amount,
            "fee": "1.00 EUR",
            "reason": "duplicate",
            "charge": dice.pick(("", "ch_8", sale.own_charge, *sale.uncalled)),
        },
        "win_dispute": {"dispute": dispute, "fee": euros(dice.pick((0, 1500, 1501)))},
        "lose_dispute": {"dispute": dispute},
        "account_restricted": {"account": dice.pick(("acct_9", sale.account))},
        "account_active": {"account": dice.pick(("acct_9", sale.account))},
    }
