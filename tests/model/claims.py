"""What the parties and the platform may do about claims in the reference model (docs/claims.md, docs/rules.md)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.model.cases import (
    all_went_back,
    approve,
    at_stake,
    carry_out,
    enter,
    escalate,
    held,
    in_full,
    let_go,
    undecide,
    went_back,
)
from tests.model.flow import (
    APPROVED,
    BUYER_ASKED,
    FOR_BUYER,
    FOR_SELLER,
    LONGER,
    MAY,
    PLATFORM,
    REJECTED,
    RESOLVED,
    RETURNED,
    RETURNING,
    SELLER_ASKED,
    SIDES,
    TO_RETURN,
    UPSTREAM,
    Claim,
)
from tests.model.news import cents, lay
from tests.model.people import Act, Body, give
from tests.model.sale import SENT, Sale, Slice, need

WHOLE = 10_000
MOST_FILES = 20

OnClaim = Callable[[Sale, Claim, Body, str, datetime], None]


def open_claim(sale: Sale, body: Body, role: str, now: datetime) -> None:
    """It holds its lines; an order that has closed is open again."""
    need(sale.captured, "nothing was captured")
    terms = sale.terms.claims.of(body["reason"])
    late = sale.first_closed is not None and now > sale.first_closed + timedelta(days=terms.late)
    need(role != "buyer" or not late, "too late")
    named = body.get("lines") or []
    need(all(name in sale.lines for name in named), "a line is unknown")
    fitting = [line for line in sale.lines.values() if _claimable(sale, line, body["reason"], now)]
    fresh = [line for line in fitting if _again(sale, line, body["reason"], now)]
    lines = [line for line in sale.lines.values() if line.name in named] or fresh or fitting
    need(lines and all(line in fitting for line in lines), "no claim can be about it")
    need(role != "buyer" or all(line in fresh for line in lines), "settled, claimed for too often, or too late")
    need(all(_in_time(sale, line, body["reason"], now) for line in lines), "the time to return it is over")
    name = f"c{len(sale.claims) + 1}"
    claim = Claim(name, tuple(line.name for line in lines), body["reason"], now, now)
    for other in sale.claims.values():
        if other.decided and other.reason == claim.reason and set(other.lines) & set(claim.lines):
            claim.judges |= other.judges
    sale.closed, sale.claims[name] = None, claim
    for line in lines:
        line.held = claim.holder
    enter(sale, claim, claim.status, now)


def _claimable(sale: Sale, line: Slice, reason: str, now: datetime) -> bool:
    """One claim per line, about what has arrived; before delivery only that it has not, once it is late or stalled."""
    claimed = any(line.name in claim.lines for claim in sale.open_claims)
    if line.state not in SENT or line.held or claimed:
        return False
    return line.state != "shipped" or (reason == "not_received" and _missing(sale, line, now))


def _again(sale: Sale, line: Slice, reason: str, now: datetime) -> bool:
    """Whether a buyer may claim for the line: what was settled stays so; nobody claims without end, or too late."""
    terms = sale.terms.claims.of(reason)
    report = None if reason == "changed_mind" or line.state == "shipped" else terms.report
    if report is not None and now > _came(sale, line) + timedelta(days=report):
        return False
    before = [claim for claim in sale.claims.values() if line.name in claim.lines]
    decided = any(claim.decided and claim.reason == reason for claim in before)
    return not decided and len(before) < terms.most


def _missing(sale: Sale, line: Slice, now: datetime) -> bool:
    parcels = sale.parcels_of(line.name)
    stalled = any(("parcel_stalled", parcel.name) in sale.tickets for parcel in parcels)
    return stalled or now >= sale.buyer_days.after(
        max(p.sent for p in parcels), sale.terms.claims.of("not_received").missing
    )


def _in_time(sale: Sale, line: Slice, reason: str, now: datetime) -> bool:
    """One may change one's mind for some days after the goods have come."""
    until = _came(sale, line) + timedelta(days=sale.terms.claims.of(reason).return_window)
    return reason != "changed_mind" or now <= until


def _came(sale: Sale, line: Slice) -> datetime:
    came = [parcel.moved for parcel in sale.parcels_of(line.name) if parcel.milestone == "delivered"]
    return max(came, default=line.since)


def answer(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    """It is the other's turn, or the platform's, when that had asked."""
    _said(body)
    if claim.status in (SELLER_ASKED, BUYER_ASKED):
        escalate(sale, claim, now)
        return
    claim.offer = None
    _to_other(sale, claim, now)


def _said(body: Body) -> None:
    need(body.get("note_id") or body.get("evidence"), "says nothing")


def _to_other(sale: Sale, claim: Claim, now: datetime) -> None:
    enter(sale, claim, FOR_SELLER if claim.status == FOR_BUYER else FOR_BUYER, now)


def nothing(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    """Only on record."""


def withdraw(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    need(not went_back(sale, claim), "the seller has the goods")
    let_go(sale, claim, now)
    enter(sale, claim, RESOLVED, now)


def wait(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    """The claim sleeps for the days that the buyer gives, all waits together within one allowance."""
    need(claim.reason == "not_received", "nothing to wait for")
    give(sale, "wait", body["days"], sale.terms.wait_most)
    claim.offer = None
    enter(sale, claim, LONGER, now, now + timedelta(days=body["days"]))


def grant(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    """The money goes back, where policy wants it and the goods are dear after these."""
    terms, came = sale.terms.claims.of(claim.reason), all(line.state != "shipped" for line in held(sale, claim))
    claim.offer = None
    wanted = came and not all_went_back(sale, claim)
    if wanted and claim.reason in terms.come_back and at_stake(sale, claim) >= terms.cheap:
        enter(sale, claim, TO_RETURN, now)
    else:
        approve(sale, claim, in_full(sale, claim), now)


def offer(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    """A part of what the claim is about; it takes the place of the last offer."""
    amount = _part(sale, claim, cents(body["amount"]))
    claim.offer = SIDES[role], amount
    _to_other(sale, claim, now)


def _part(sale: Sale, claim: Claim, amount: int) -> int:
    need(0 < amount < at_stake(sale, claim), "a part is neither nothing nor all")
    return amount


def accept(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    amount = min(_offered(claim, role), at_stake(sale, claim))
    approve(sale, claim, lay(amount, in_full(sale, claim)), now)


def decline(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    _offered(claim, role)
    claim.offer = None
    _to_other(sale, claim, now)


def _offered(claim: Claim, role: str) -> int:
    """What the other side has offered."""
    need(claim.offer is not None and claim.offer[0] != SIDES[role], "the other side offers nothing")
    assert claim.offer is not None
    return claim.offer[1]


def instruct(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    """The buyer learns where the goods go, and has the whole time from then on, also when he learns it anew."""
    need(body.get("address_id") or body.get("label"), "nothing is said")
    told, stood, claim.told_where = claim.told_where, claim.stood, True
    tier = f"claim:{claim.name}.end"
    given = sale.timers[tier]
    enter(sale, claim, TO_RETURN, now)
    claim.stood = claim.stood if told else stood  # Until now it was the seller's turn.
    if told and given > sale.timers[tier]:
        sale.shift(tier, given)


def send_return(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    known = [*sale.parcels, *(name for other in sale.claims.values() for name in other.parcels)]
    need(body["parcel_id"] not in known, "the parcel is known")
    need(not all_went_back(sale, claim), "the seller has the goods")
    claim.parcels[body["parcel_id"]], claim.failed = None, False
    enter(sale, claim, RETURNING, now)


def receive_return(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    """Also when the platform decides meanwhile, whose case it stays."""
    if claim.status in (TO_RETURN, RETURNING):
        enter(sale, claim, RETURNED, now)
    else:
        need(claim.parcel and not claim.came_back, "nothing is on its way back")
    if claim.parcel:
        claim.parcels[claim.parcel] = now
    claim.came_back = True


def inspect(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    """All goes back but for what wear and handling cost; that can be appealed against, also when it is on appeal that
    the goods came back. Refunds in percent go down."""
    claim.empty, claim.looked = body["finding"] == "missing", now
    if claim.empty:
        escalate(sale, claim, now)
        return
    terms, less = sale.terms.claims.of(claim.reason), 0
    less += terms.handling_points if claim.reason in terms.handling else 0
    less += terms.used_points if body["finding"] == "used" else 0
    if less:
        back = at_stake(sale, claim) * (WHOLE - less) // WHOLE
        _wait_for_appeal(sale, claim, lay(back, in_full(sale, claim)), ("buyer",), APPROVED, now)
    else:
        approve(sale, claim, in_full(sale, claim), now)


def _wait_for_appeal(
    sale: Sale, claim: Claim, parts: dict[str, int], against: tuple[str, ...], status: str, now: datetime
) -> None:
    """It is carried out when none of those that it goes against appeals."""
    claim.ruling, claim.against = parts, against
    enter(sale, claim, status, now)


def pass_on(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    escalate(sale, claim, now)


def upstream(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    need(role != "seller" or not claim.asked_upstream, "the shop was asked before")
    need(not went_back(sale, claim), "the goods have begun to go back")
    claim.asked_upstream = True
    enter(sale, claim, UPSTREAM, now)


def answer_upstream(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    enter(sale, claim, FOR_SELLER, now)


def ask(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    ticket = sale.tickets.get(("claim", claim.name))
    enter(sale, claim, {"buyer": BUYER_ASKED, "seller": SELLER_ASKED}[body["of"]], now)
    claim.stopped = (ticket.due, ticket.escalations) if ticket else None


def decide(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    """Nobody decides twice about one claim, and on appeal it is for good; `judge` is who decides."""
    verdict, whole = body["verdict"], in_full(sale, claim)
    people = {body["judge"], *body.get("second", ())}
    need(not people & claim.judges, "whoever has decided does not decide again")
    need((verdict == "part_refund") == bool(body.get("amount")), "an amount goes with a part")
    if verdict == "return_first":
        need(not all_went_back(sale, claim) and claim.status != TO_RETURN, "it was asked for already")
        need(all(line.state != "shipped" for line in held(sale, claim)), "what never came cannot be returned")
    amount = _part(sale, claim, cents(body["amount"])) if verdict == "part_refund" else 0
    claim.offer = None
    if verdict == "return_first":
        enter(sale, claim, TO_RETURN, now)
        return
    claim.judges |= people
    parts = {"refund": whole, "part_refund": lay(amount, whole), "release": {}}[verdict]
    if claim.appealed:
        carry_out(sale, claim, parts, now)
        return
    against = {"refund": ("seller",), "part_refund": ("buyer", "seller"), "release": ("buyer",)}[verdict]
    _wait_for_appeal(sale, claim, parts, against, REJECTED if verdict == "release" else APPROVED, now)


def appeal(sale: Sale, claim: Claim, body: Body, role: str, now: datetime) -> None:
    need(claim.ruling is not None, "nothing to appeal against")
    need(SIDES[role] in claim.against, "it goes against the other side")
    _said(body)
    undecide(sale, claim, now)


_DOES: dict[str, OnClaim] = {
    "answer_claim": answer, "add_evidence": nothing, "assign_claim": nothing, "withdraw_claim": withdraw,
    "wait_on_claim": wait, "grant_claim": grant, "offer_refund": offer, "accept_offer": accept,
    "decline_offer": decline, "instruct_return": instruct, "send_return": send_return,
    "receive_return": receive_return, "inspect_return": inspect,
    "escalate_claim": pass_on, "escalate_upstream": upstream, "answer_upstream": answer_upstream, "ask_party": ask,
    "decide_claim": decide, "appeal_claim": appeal,
}  # fmt: skip


def _taken(name: str) -> Act:
    """The command finds its claim and is judged by where that stands."""

    def act(sale: Sale, body: Body, role: str, now: datetime) -> None:
        statuses = MAY[name][SIDES[role]]
        claim = _meant(sale, body.get("claim_id", ""), statuses)
        need(claim.status in statuses, f"not for a claim that is {claim.status}")
        need(len(body.get("evidence", ())) <= MOST_FILES, "too many files")
        _DOES[name](sale, claim, body, role, now)

    return act


def _meant(sale: Sale, name: str, statuses: tuple[str, ...]) -> Claim:
    """The claim that is named, or the only one for which the step is."""
    need(not name or name in sale.claims, "no such claim")
    fitting = [sale.claims[name]] if name else [claim for claim in sale.open_claims if claim.status in statuses]
    need(len(fitting) == 1, "which claim is meant?")
    return fitting[0]


CLAIMS: dict[str, tuple[tuple[str, ...], Act]] = {
    "open_claim": (("buyer", "specialist", "operator"), open_claim),
    **{
        name: (tuple(role for role, side in SIDES.items() if side in sides), _taken(name))
        for name, sides in MAY.items()
    },
}
"""Who may send what about claims, and what it does."""

__all__ = ["CLAIMS", "PLATFORM"]
