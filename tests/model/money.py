"""What money has still to do in the reference model, and what the provider's answers make of it."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.model.chargebacks import dues, emptied, split
from tests.model.flow import Stuck
from tests.model.goods import back_undecided
from tests.model.sale import SENT, SHIPPING, SUSPENSE, Hold, Operation, Payout, Sale, Slice
from tests.model.tickets import open_ticket

ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
GONE = ("AuthorisationExpired", "AlreadyDone")

Due = tuple[str, int, tuple[str, ...], str, datetime]
"""Verb, amount, slices, subject, and from when on."""


def due(sale: Sale) -> list[Due]:
    """Every operation that the order's money calls for; what was refused waits for its next try."""
    found = [*_before_capture(sale), *_refunds(sale), *_releases(sale), *_debts(sale)]
    return [
        (verb, amount, names, ref, max(at, _retry(sale, verb, names, ref))) for verb, amount, names, ref, at in found
    ]


def _retry(sale: Sale, verb: str, names: tuple[str, ...], ref: str) -> datetime:
    """Each payout that cannot be taken back waits by itself."""
    alike = [s for s in sale.stuck if s.verb == verb and s.subject in ("", ref)]
    return max((s.retry for s in alike if not s.names or set(s.names) & set(names)), default=ALWAYS)


def _before_capture(sale: Sale) -> list[Due]:
    """Authorise what is offered; renew, capture or let go what is held."""
    found: list[Due] = []
    if sale.offer is not None and sale.live:
        found.append(("authorise", sale.wanted, (), sale.offer if sale.offer_is_intent else "", ALWAYS))
    elif sale.offer is not None and sale.offer_is_intent:
        # It may be another order's: nothing is let go that was not looked at.
        found.append(("authorise", sale.priced, (), sale.offer, ALWAYS))
    if sale.hold and not sale.captured:
        if not sale.live:
            found.append(("void", sale.hold.amount, (), sale.hold.ref, ALWAYS))
        elif sale.renewing:
            found.append(("reauthorise", sale.wanted, (), sale.hold.ref, ALWAYS))
        if capture_due(sale):
            names = tuple(piece.name for piece in [*sale.live, sale.shipping] if piece.price)
            found.append(("capture", sale.wanted, names, sale.hold.ref, ALWAYS))
    return found + [("void", amount, (), ref, ALWAYS) for ref, amount in sale.old_holds.items()]


def capture_due(sale: Sale) -> bool:
    """Whether the first parcel has left, or the seller has confirmed where that is what captures."""
    states = sale.states()
    confirmed = sale.terms.at_confirmation and "confirmed" in states and "pending" not in states
    return bool(states & set(SENT)) or confirmed


def _refunds(sale: Sale) -> list[Due]:
    """Dead lines give their money back, paid out or not; shipping does when no line is left, or by the desk's word."""
    ours, disputed = ("escrow", "released"), sale.disputed()
    dead = [line for line in sale.lines.values() if not line.live]
    back = [piece for piece in [*dead, *([sale.shipping] if sale.shipping_is_buyers else [])] if piece.where in ours]
    back = [piece for piece in back if piece.name not in disputed]
    strays = [(ref, amount) for ref, amount in sale.strays if ref not in disputed]
    found: list[Due] = [(REFUND, amount, (SUSPENSE,), ref, ALWAYS) for ref, amount in strays[:1]]
    found += [(REFUND, part, (name,), "charge", ALWAYS) for name, part in sale.due_back.items() if name not in disputed]
    if back:
        found.append((REFUND, sum(p.left for p in back), tuple(p.name for p in back), "charge", ALWAYS))
    return found


REFUND, RELEASE = "refund", "release"


def _releases(sale: Sale) -> list[Due]:
    """Accepted lines pay the seller less fees; shipping goes with the last one, and so does what was won back late."""
    ready = [line for line in sale.live if line.state == "accepted" and line.where == "escrow" and not line.held]
    out = [line for line in ready if line.name not in sale.due_back]
    last = bool(sale.live) and all(line in out or line.where == "released" for line in sale.live)
    kept = sale.shipping.where == "escrow" and not sale.shipping_given
    if last and kept and SHIPPING not in sale.disputed():
        out.append(sale.shipping)
    restored = {name: d.won_back for name, d in sale.disputes.items() if d.state == "restored"}
    if not out and not restored:
        return []
    net = sum(piece.left - piece.fee_of(piece.left) for piece in out) + sum(amount for amount, _ in restored.values())
    at = max([sale.account_since + sale.terms.account_settles, *sale.reviews()])
    asked = max([sale.placed, *(piece.since for piece in out if piece is not sale.shipping)])
    return [(RELEASE, net, (*(piece.name for piece in out), *restored), "charge", at if at > asked else ALWAYS)]


def _debts(sale: Sale) -> list[Due]:
    """A lost dispute is borne; what the seller owes is taken back from his account, else it is a loss in the end."""
    found: list[Due] = [
        ("bear", d.amount, tuple(d.parts), name, ALWAYS) for name, d in sale.disputes.items() if d.state == "lost"
    ]
    if sale.owed_since is not None:
        open_payouts = [payout for payout in sale.payouts if payout.amount > payout.back]
        for payout in open_payouts:
            amount = min(sale.sums.Q, payout.amount - payout.back)
            found.append(("reverse_release", amount, (), payout.ref, ALWAYS))
        found.append(("write_off", sale.sums.Q, (), "", sale.owed_since + sale.terms.write_off))
    return found


def begin(sale: Sale, op: Operation, now: datetime) -> str:
    """Take up an operation that is due; why not, or ""."""
    if sale.op is not None:
        return f"{op.verb} begins while {sale.op.verb} is under way"
    for verb, amount, names, subject, at in due(sale):
        same = (verb, amount, set(names)) == (op.verb, op.amount, set(op.names)) and subject in (op.subject, "charge")
        if same and at <= now:
            sale.op = op
            return ""
    return f"{op.verb} of {op.amount} for {op.names} {op.subject} is not due, but {due(sale)}"


def unclear(sale: Sale, now: datetime) -> None:
    """The answer was lost: ask again after one minute, then twice as long each time, an hour at most."""
    op = sale.op
    assert op is not None
    op.retry = now + min(sale.terms.first_retry * 2**op.attempts, sale.terms.longest_retry)
    op.attempts += 1


def done(sale: Sale, ref: str, limit: datetime | None, renewable: bool, netted: tuple[int, int], now: datetime) -> None:
    """It was done. `netted` is what of a release paid this order's debt, and other orders'."""
    op, sale.op = sale.op, None
    assert op is not None
    match op.verb:
        case "authorise" | "reauthorise":
            hold = Hold(ref, op.amount, limit or now, renewable, now)
            # A renewal that is born too old would be renewed again at once, and again.
            hold.renewable &= sale.hold is None or now < hold.limit - sale.terms.margin
            _held(sale, hold, now)
        case "capture":
            sale.captured, sale.captured_at, sale.sums.C = True, now, op.amount
            sale.charges.add(ref)
            sale.own_charge = ref
            for name in op.names:
                sale.piece(name).where = "escrow"
        case "void":
            _let_go(sale, op.subject)
        case "release":
            _released(sale, op, ref, netted, now)
        case "refund":
            _refunded(sale, op, ref, now)
        case "reverse_release":
            next(payout for payout in sale.payouts if payout.ref == op.subject).back += op.amount
            sale.sums.X += op.amount
            sale.owe(-op.amount, now)
        case "bear":
            _bear(sale, op.subject, now)
        case "write_off":
            sale.written_off += op.amount
            sale.sums.L += op.amount
            sale.owe(-op.amount, now)
            unstick(sale, Operation(op.number, "reverse_release", 0, (), "", now))
    unstick(sale, op)


def _released(sale: Sale, op: Operation, ref: str, netted: tuple[int, int], now: datetime) -> None:
    for name in op.names:
        if name in sale.disputes:
            sale.disputes[name].state = "won"
            sale.sums.K += sale.disputes[name].won_back[1]
        else:
            piece = sale.piece(name)
            piece.where = "released"
            sale.sums.K += piece.fee_of(piece.left)
    own, others = netted
    sale.sums.S += op.amount
    sale.sums.N += others
    sale.payouts.append(Payout(ref, op.amount - own - others))
    if own:
        sale.sums.X += own
        sale.owe(-own, now)
        unstick(sale, Operation(op.number, "reverse_release", 0, (), "", now))


def _refunded(sale: Sale, op: Operation, ref: str, now: datetime) -> None:
    """What was in escrow goes back; what had been paid out the seller owes, less the fee, which returns."""
    if op.names == (SUSPENSE,):
        sale.strays.remove((op.subject, op.amount))
        sale.sums.U -= op.amount
        sale.gave(op.subject, op.amount)
        sale.refunds[ref] = {f"{SUSPENSE}:{op.subject}": op.amount}
        return
    if in_part(sale, op):
        _part_refunded(sale, op, ref, now)
        return
    sale.refunds[ref] = {name: sale.piece(name).left for name in op.names}
    sale.sums.F += op.amount
    for name in op.names:
        piece = sale.piece(name)
        if piece.where == "released":
            net, fee = piece.part(piece.left)
            sale.sums.K -= fee
            sale.owe(net, now)
        piece.where = "refunded"


def in_part(sale: Sale, op: Operation) -> bool:
    """Whether a refund takes a part of a line whose rest goes its way."""
    return op.verb == REFUND and op.names[0] in sale.lines and sale.lines[op.names[0]].live


def _part_refunded(sale: Sale, op: Operation, ref: str, now: datetime) -> None:
    """What is left goes its way; should the part come back, it is no line's any more, and is sent again."""
    line = sale.lines[op.names[0]]
    net, fee = line.part(op.amount)
    if line.where == "released":
        sale.sums.K -= fee
        sale.owe(net, now)
    line.taken += op.amount
    sale.sums.F += op.amount
    sale.refunds[ref] = {f"{SUSPENSE}:{sale.own_charge}": op.amount}
    _counts_as_refund([sale.granted], line.name, op.amount)
    if not line.left:
        line.state = line.where = "refunded"


def _bear(sale: Sale, name: str, now: datetime) -> None:
    """Escrow bears what is still there, the seller what was paid out, the platform what nobody else does."""
    dispute = sale.disputes[name]
    dispute.state, rest = "borne", dispute.amount
    sale.sums.P -= dispute.amount
    due, stray, at_stake = dues(sale), 0, False
    for piece_name, part in dispute.parts.items():
        if piece_name == SUSPENSE:
            stray = _unsuspend(sale, dispute.charge or sale.own_charge, part)
            continue
        piece = sale.piece(piece_name)
        amount = min(part, piece.left) if piece.where in ("escrow", "released") else 0
        if not amount:
            continue
        net, fee = piece.part(amount)
        undecided = back_undecided(sale, piece)
        at_stake |= undecided
        theirs = [("", amount)] if undecided and amount == piece.left else due.get(piece_name, [])
        dispute.taken += split(piece, amount, theirs)
        if piece.where == "released":
            sale.owe(net, now)
            sale.sums.K -= fee
        piece.taken += amount
        rulings = [claim.ruling for claim in sale.claims.values() if claim.ruling]
        _counts_as_refund([sale.granted, *rulings], piece.name, amount)
        rest -= amount
        if not piece.left:
            piece.where = "refunded"
            emptied(sale, dispute, piece_name)
            if piece.live and piece is not sale.shipping:
                piece.state, piece.since = "refunded", now
    sale.sums.L += rest - stray
    dispute.stray += stray
    dispute.fee_owed = dispute.at_fault and (at_stake or sum(dispute.won_back) > 0)
    if dispute.fee_owed:
        sale.owe(dispute.fee, now)
        sale.sums.L -= dispute.fee
    free(sale, f"dispute:{name}")


def _counts_as_refund(promises: list[dict[str, int]], name: str, amount: int) -> None:
    """What the buyer has of a line, by us or by the bank, is no longer to be given because of a claim."""
    for promised in promises:
        if name in promised:
            promised[name] = max(promised[name] - amount, 0)
            if not promised[name]:
                del promised[name]


def _unsuspend(sale: Sale, charge: str, part: int) -> int:
    """The bank has given the buyer so much of a stray payment, as far as it is still there; how much that was."""
    taken = 0
    for at, (ref, amount) in enumerate(list(sale.strays)):
        if ref == charge:
            gone = min(amount, part - taken)
            sale.strays[at], taken = (ref, amount - gone), taken + gone
    sale.strays = [(ref, amount) for ref, amount in sale.strays if amount]
    sale.sums.U -= taken
    return taken


def free(sale: Sale, holder: str) -> None:
    """Lines that something held may move, unless an undecided dispute is about them."""
    for line in sale.lines.values():
        if line.held == holder:
            line.held = sale.disputed_by(line.name)


def unstick(sale: Sale, op: Operation) -> None:
    """What was done is not stuck any more, whichever way the money went."""
    moved = set(op.names)
    if op.verb == "bear":
        moved = {name for name in op.names if name != SUSPENSE and not sale.piece(name).left}
        moved |= set() if sale.strays else {SUSPENSE}
    kept = []
    for stuck in sale.stuck:
        names = tuple(name for name in stuck.names if name not in moved)
        other = op.subject and stuck.subject not in ("", op.subject) and sale.owed_since is not None
        if names or (not stuck.names and (stuck.verb != op.verb or other)):
            kept.append(Stuck(stuck.verb, names, stuck.retry, stuck.subject))
    sale.stuck = kept


def _held(sale: Sale, hold: Hold, now: datetime) -> None:
    if sale.hold is not None:
        sale.old_holds[sale.hold.ref] = sale.hold.amount
    sale.old_holds.pop(hold.ref, None)
    again = sale.lost is not None or sale.paid is None
    sale.hold, sale.offer, sale.renewing, sale.buyer_asked, sale.lost = hold, None, False, None, None
    sale.sums.A = hold.amount
    if again:
        sale.paid = now
        for root, (ticket, end) in (("confirm", sale.terms.confirm), ("ship", sale.terms.ship)):
            sale.start(f"{root}.ticket", now, sale.seller_days.after(now, ticket))
            sale.start(f"{root}.end", now, sale.seller_days.after(now, end))


def _let_go(sale: Sale, ref: str) -> None:
    sale.gone_holds.add(ref)
    if sale.hold and sale.hold.ref == ref:
        sale.hold = None
    else:
        del sale.old_holds[ref]


def paid_elsewhere(sale: Sale, amount: int, now: datetime) -> None:
    """The seller's releases for other orders have paid so much of what he owes."""
    op, sale.op = sale.op, None
    assert op is not None
    sale.sums.X += amount
    sale.owe(-amount, now)
    unstick(sale, Operation(op.number, "reverse_release", 0, (), "", now))


def refused(sale: Sale, code: str, now: datetime, stands: int = 0) -> None:
    """The provider definitely did not do it. A hold of another amount that `stands` for this order is let go."""
    op, sale.op = sale.op, None
    assert op is not None
    match op.verb:
        case "authorise":
            sale.offer = None
            known = [sale.hold.ref if sale.hold else "", *sale.old_holds]
            if stands and op.subject not in known:
                sale.old_holds[op.subject] = stands
        case "reauthorise":
            sale.renewing, sale.buyer_asked = False, now
        case "void" if code in GONE:
            _let_go(sale, op.subject)
            unstick(sale, op)
        case "capture":
            _take_back(sale, now)
            open_ticket(sale, "money_failed", op.verb, now)
        case _:
            days = sale.terms.retry_reverse if op.verb == "reverse_release" else sale.terms.retry_refused
            payout = op.subject if op.verb == "reverse_release" else ""
            stick(sale, op.verb, op.names, sale.desk_days.after(now, days), payout)
            open_ticket(sale, "money_failed", op.verb, now)


def stick(sale: Sale, verb: str, names: tuple[str, ...], retry: datetime, payout: str = "") -> None:
    """A definite no: no new try before `retry`; a payout that cannot be taken back stops no other."""
    stays = [s for s in sale.stuck if (s.verb, s.subject) != (verb, payout) or not set(s.names) <= set(names)]
    sale.stuck = [*stays, Stuck(verb, names, retry, payout)]


def try_again(sale: Sale, now: datetime) -> None:
    """Whatever waits for another try has it at once."""
    for stuck in sale.stuck:
        stuck.retry = min(stuck.retry, now)
    if sale.op and sale.op.retry:
        sale.op.retry = min(sale.op.retry, now)


def _take_back(sale: Sale, now: datetime) -> None:
    """A capture that failed takes the shipment back, and the buyer is asked to pay anew."""
    for line in sale.live:
        if line.state in SENT:
            for parcel in sale.parcels_of(line.name):
                parcel.withdrawn = True
            line.state, line.since, line.held = "confirmed", now, ""
    lose_hold(sale, now)


def lose_hold(sale: Sale, now: datetime) -> None:
    """The hold is worth nothing any more; what may be left of it is let go."""
    assert sale.hold is not None
    sale.old_holds[sale.hold.ref] = sale.hold.amount
    sale.hold, sale.renewing, sale.buyer_asked, sale.lost = None, False, None, now


__all__ = ["SUSPENSE", "Slice", "begin", "done", "due", "free", "refused", "unclear"]
