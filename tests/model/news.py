"""What the payment provider tells by itself, in the reference model: it only tells what has already happened."""

from __future__ import annotations

from datetime import datetime

from tests.model.chargebacks import Dispute
from tests.model.money import capture_due, due, free, in_part, lose_hold, stick, try_again
from tests.model.people import Act, Body
from tests.model.sale import SUSPENSE, Sale, need
from tests.model.tickets import judge_anew, open_ticket


def cents(text: str) -> int:
    """The minor units of an amount as it is written on the wire."""
    return int(text.partition(" ")[0].replace(".", ""))


def _reopen(sale: Sale) -> None:
    sale.closed = None


def payment_found(sale: Sale, body: Body, role: str, now: datetime) -> None:
    """Taken by an order that waits to be paid, else given back."""
    intent = body["payment_intent"]
    sale.heard += 1
    if body.get("charge"):
        need(body["charge"] not in sale.charges, "known")
        need(cents(body["amount"]) > 0, "nothing was taken")
        _reopen(sale)
        sale.charges.add(body["charge"])
        sale.strays.append((body["charge"], cents(body["amount"])))
        sale.uncalled[body["charge"]] = cents(body["amount"])
        sale.sums.V += cents(body["amount"])
        sale.sums.U += cents(body["amount"])
        if _stands_on(sale, intent) and not _will_tell(sale, intent):
            lose_hold(sale, now)
        return
    need(intent not in [sale.hold.ref if sale.hold else "", *sale.old_holds, *sale.gone_holds], "known")
    need(not (sale.offer == intent and sale.offer_is_intent), "known")
    unpaid = sale.hold is None or sale.buyer_asked is not None
    if sale.live and not sale.captured and unpaid and sale.offer is None:
        sale.offer, sale.offer_is_intent = intent, True
    else:
        _reopen(sale)
        sale.old_holds[intent] = cents(body["amount"]) if body.get("amount") else sale.priced


def hold_lost(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(_stands_on(sale, body["hold"]), "not our hold")
    need(not _will_tell(sale, body["hold"]), "our own operation on this hold will tell")
    lose_hold(sale, now)


def _stands_on(sale: Sale, hold: str) -> bool:
    return sale.hold is not None and not sale.captured and hold == sale.hold.ref


def _will_tell(sale: Sale, hold: str) -> bool:
    """Whether something of ours that is under way, or due, shows what became of this hold."""
    op = sale.op
    moved = op is not None and op.verb in ("reauthorise", "capture", "void") and op.subject == hold
    return moved or bool(capture_due(sale))


def refund_failed(sale: Sale, body: Body, role: str, now: datetime) -> None:
    """The money is back and is refunded anew (P13), but for what the buyer has from his bank (P6)."""
    need(body["refund"] in sale.refunds, "no such refund")
    parts = sale.refunds.pop(body["refund"])
    charge = next((name.partition(":")[2] for name in parts if name.startswith(SUSPENSE)), sale.own_charge)
    amount = sum(parts.values())
    rest = _make_good(sale, charge, amount)
    if rest < amount:
        sale.gave(charge, rest - amount)
        parts = {f"{SUSPENSE}:{charge}": rest}
    if not rest:
        return
    _reopen(sale)
    for name, amount in parts.items():
        if name.startswith(SUSPENSE):
            sale.strays.append((name.partition(":")[2], amount))
            sale.sums.U += amount
            sale.gave(name.partition(":")[2], -amount)
        else:
            sale.piece(name).where = "escrow"
            sale.sums.F -= amount
    cover_all(sale)
    names = tuple(name.partition(":")[0] for name in parts)
    stick(sale, "refund", names, sale.desk_days.after(now, sale.terms.retry_refused))
    open_ticket(sale, "money_failed", "refund", now)


def charged_back(sale: Sale, charge: str) -> int:
    """What of a payment the buyer's bank has taken back."""
    taken = [d for d in sale.disputes.values() if d.holds or d.state == "borne"]
    return sum(d.amount for d in taken if (d.charge or sale.own_charge) == charge)


def given_back(sale: Sale, charge: str) -> int:
    """What of a payment the buyer has again: by refunds that stand, and from his bank."""
    own = charge == sale.own_charge
    moved = [(name.partition(":"), part) for parts in sale.refunds.values() for name, part in parts.items()]
    refunds = [part for (name, _, of), part in moved if (of == charge if name == SUSPENSE else own)]
    return sum(refunds) + charged_back(sale, charge)


def _make_good(sale: Sale, charge: str, amount: int) -> int:
    """What came back of a payment that the bank has taken back at the platform's cost is the platform's; the rest."""
    for dispute in sale.disputes.values():
        if dispute.state == "borne" and (dispute.charge or sale.own_charge) == charge:
            part = min(amount, dispute.amount - sum(dispute.won_back) - dispute.stray_back)
            dispute.stray += part
            sale.sums.L -= part
            amount -= part
    return amount


def open_dispute(sale: Sale, body: Body, role: str, now: datetime) -> None:
    """Laid over the slices that still have money, by what is left of each; they stand still until it is decided."""
    name, amount, fee = body["dispute"], cents(body["amount"]), cents(body["fee"])
    charge = "" if body.get("charge", "") == sale.own_charge else body.get("charge", "")
    need(name not in sale.disputes, "known")
    need(amount > 0 and (sale.uncalled.get(charge, 0) if charge else sale.sums.C), "nothing came in")
    need(fee >= 0, "a negative fee")
    _reopen(sale)
    reason = body.get("reason", "other")
    own = charge or sale.own_charge
    leaving = sum(_leaving(sale, own).values())
    if charged_back(sale, own) + leaving + amount > (sale.uncalled[charge] if charge else sale.sums.C):
        sale.overdrawn.add(own)
    sale.disputes[name] = Dispute(amount, fee, reason in sale.terms.at_fault, now, charge=charge)
    parts = cover(sale, sale.disputes[name], amount)
    sale.sums.D += amount + fee
    sale.sums.P += amount
    sale.sums.L += fee
    for line in sale.lines.values():
        if line.name in parts and not line.held:
            line.held = f"dispute:{name}"
    open_ticket(sale, "dispute", name, now)


def cover(sale: Sale, dispute: Dispute, amount: int) -> dict[str, int]:
    """Lay so much of a dispute over what is free; what is being refunded comes last, it may be gone soon."""
    charge = dispute.charge or sale.own_charge
    lefts = {p.name: p.left for p in sale.slices if p.where in ("escrow", "released") and not dispute.charge}
    if sale.suspended(charge):
        lefts[SUSPENSE] = sale.suspended(charge)
    rivals = [d for d in sale.disputes.values() if d.holds and d.charge == dispute.charge]
    held = {name: sum(d.parts.get(name, 0) for d in rivals) for name in lefts}
    free_of = {name: max(left - held[name], 0) for name, left in lefts.items()}
    going = {name: min(free_of.get(name, 0), part) for name, part in _leaving(sale, charge).items()}
    stays = lay(amount, {name: left - going.get(name, 0) for name, left in free_of.items()})
    goes = lay(amount - sum(stays.values()), going)
    for name, part in [*stays.items(), *goes.items()]:
        dispute.parts[name] = dispute.parts.get(name, 0) + part
    return dispute.parts


def _leaving(sale: Sale, charge: str) -> dict[str, int]:
    """What of each slice of a charge is on its way back to the buyer."""
    op = sale.op
    if op is None or op.verb != "refund":
        return {}
    if op.names == (SUSPENSE,):
        return {SUSPENSE: op.amount} if op.subject == charge else {}
    if in_part(sale, op):
        return {op.names[0]: op.amount}
    return {name: sale.piece(name).left for name in op.names}


def cover_all(sale: Sale) -> None:
    """What has come back or is free again is held by the disputes that are not covered yet: nothing is paid twice."""
    undecided = [dispute for dispute in sale.disputes.values() if dispute.holds]
    for dispute in undecided:
        dispute.parts = {name: min(part, _there(sale, dispute, name)) for name, part in dispute.parts.items()}
        dispute.parts = {name: part for name, part in dispute.parts.items() if part}
    for dispute in undecided:
        cover(sale, dispute, dispute.amount - sum(dispute.parts.values()))


def _there(sale: Sale, dispute: Dispute, name: str) -> int:
    """What is left with us of what a dispute holds: a refund may have been under way when it came."""
    if name == SUSPENSE:
        return sale.suspended(dispute.charge or sale.own_charge)
    piece = sale.piece(name)
    return piece.left if piece.where in ("escrow", "released") else 0


def lay(amount: int, over: dict[str, int]) -> dict[str, int]:
    """An amount in parts by weight: each gets its whole cents, the largest remainders one more, the first first."""
    whole = sum(over.values())
    amount = min(amount, whole)
    if not amount:
        return {}
    exact = {name: divmod(amount * weight, whole) for name, weight in over.items()}
    missing = amount - sum(cents for cents, _ in exact.values())
    one_more = sorted(over, key=lambda name: -exact[name][1])[:missing]
    parts = {name: exact[name][0] + (name in one_more) for name in over}
    return {name: part for name, part in parts.items() if part}


def win_dispute(sale: Sale, body: Body, role: str, now: datetime) -> None:
    """The slices are free again; what was borne meanwhile is paid to the seller, and the platform has its part back."""
    dispute, fee = sale.disputes.get(body["dispute"]), cents(body["fee"])
    need(dispute is not None and dispute.state in ("open", "lost", "borne"), "nothing to win")
    assert dispute is not None
    need(0 <= fee <= dispute.fee, "more than the fee")
    _reopen(sale)
    sale.sums.D -= dispute.amount + fee
    if dispute.state != "borne":
        sale.sums.P -= dispute.amount
        sale.sums.L -= fee
    else:
        sale.sums.L -= dispute.amount - sum(dispute.won_back) - dispute.stray_back
        dispute.state = "won"
        rest = _make_good(sale, dispute.charge or sale.own_charge, dispute.stray_back)
        if rest:
            sale.strays.append((dispute.charge or sale.own_charge, rest))
            sale.sums.U += rest
        if dispute.fee_owed:
            dispute.fee_back = fee
        else:
            sale.sums.L -= fee
        dispute.recovered = min(sale.written_off, dispute.won_back[0])
        sale.written_off -= dispute.recovered
        sale.sums.L -= dispute.recovered
    judge_anew(sale, dispute, now)
    dispute.state = "restored" if sum(dispute.won_back) else "won"
    cover_all(sale)
    free(sale, f"dispute:{body['dispute']}")


def lose_dispute(sale: Sale, body: Body, role: str, now: datetime) -> None:
    dispute = sale.disputes.get(body["dispute"])
    need(dispute is not None and dispute.state == "open", "not open")
    assert dispute is not None
    judge_anew(sale, dispute, now)
    dispute.state = "lost"


def account_restricted(sale: Sale, body: Body, role: str, now: datetime) -> None:
    """A release that waits would be refused: it is not tried before a while, and a specialist knows."""
    waiting = [names for verb, _, names, _, _ in due(sale) if verb == "release"]
    need(waiting and sale.op is None and not _waits(sale), "nothing waits for the account")
    need(body["account"] == sale.account, "another account")
    stick(sale, "release", waiting[0], sale.desk_days.after(now, sale.terms.retry_refused))
    open_ticket(sale, "money_failed", "release", now)


def account_active(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(_waits(sale) and body["account"] == sale.account, "nothing waits for that account")
    try_again(sale, now)


def _waits(sale: Sale) -> bool:
    return any(stuck.verb in ("release", "reverse_release") for stuck in sale.stuck)


NEWS: dict[str, tuple[tuple[str, ...], Act]] = {
    act.__name__: (("provider",), act)
    for act in (
        payment_found, hold_lost, refund_failed, open_dispute, win_dispute, lose_dispute, account_restricted,
        account_active,
    )
}  # fmt: skip
"""Only the provider tells these, and an order that is over hears them too (W3)."""
