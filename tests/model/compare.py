"""Where core and reference model must agree, and the invariants that speak of one order (docs/invariants.md)."""

from __future__ import annotations

from collections.abc import Iterator

from domain.deadlines import deadlines
from domain.purse import Part
from domain.state import Order, is_over, stage as core_stage
from tests.domain.world import Ledger
from tests.model import clocks
from tests.model.flow import FOR_BUYER, FOR_SELLER
from tests.model.sale import Sale, over, stage

Facts = dict[str, object]
OWED = 100_000_00
"""What the seller owes for another order before this one begins."""

TALK = (FOR_SELLER, FOR_BUYER)
"""The statuses at which an offer can be accepted."""

NOT_COMPARED = ("extend_calendars", "settle")


def differences(order: Order, sale: Sale) -> Iterator[str]:
    """Each fact that core and model tell differently."""
    core, model = _core(order), _model(sale)
    if core != model:
        yield from (f"{name}: core {told}, model {model[name]}" for name, told in core.items() if told != model[name])
    yield from _clocks(order, sale)


def _core(order: Order) -> Facts:
    payment, op = order.payment, order.op
    return {
        "lines": [(li.line_id, li.state, li.since, li.held, li.funds) for li in order.lines],
        "shipping": order.shipping_funds,
        "stage": core_stage(order),
        "hold": payment.hold if payment.captured is None else "",
        "old holds": sorted(payment.superseded),
        "captured": payment.captured.minor if payment.captured else 0,
        "offer": payment.offer is not None,
        "operation": op and (op.verb, op.amount.minor, op.slices, op.retry_at),
        "stuck": sorted((s.verb, s.slices, s.subject, s.retry_at) for s in order.stuck),
        "parcels": [(p.parcel_id, p.milestone or "", p.withdrawn) for p in order.parcels],
        "tickets": sorted((t.cause, t.subject, t.due, t.escalations) for t in order.tickets),
        "requests": (
            order.cancel_request and order.cancel_request.lines,
            order.time_request and order.time_request.days,
        ),
        "paused": sorted(pause.until for pause in order.pauses),
        "approval": order.approval and order.approval.name,
        "disputes": [(d.dispute_id, d.status) for d in order.disputes],
        "claims": [
            (c.claim_id, c.lines, c.reason, c.status, c.since, c.opened_at, c.appealed, set(c.judges))
            for c in order.claims
        ],
        "offers": [c.offer and (c.offer.by, c.offer.amount.minor) for c in order.claims if c.status in TALK],
        "rulings": [c.ruling and _cents(c.ruling.parts) for c in order.claims],
        "awarded": [_cents(c.awarded) for c in order.claims],
        "granted": _cents(order.due_back),
        "strays": [(stray.ref, stray.amount.minor) for stray in order.strays],
        "debt": (order.debt.amount.minor, order.debt.since) if order.debt else (0, None),
        "written off": order.written_off.minor if order.written_off else 0,
        "over": is_over(order),
    }


def _cents(parts: tuple[Part, ...]) -> dict[str, int]:
    return {part.piece: part.amount.minor for part in parts}


def _model(sale: Sale) -> Facts:
    op = sale.op
    return {
        "lines": [(li.name, li.state, li.since, li.held, li.where) for li in sale.lines.values()],
        "shipping": sale.shipping.where,
        "stage": stage(sale),
        "hold": sale.hold.ref if sale.hold and not sale.captured else "",
        "old holds": sorted(sale.old_holds),
        "captured": sale.sums.C,
        "offer": sale.offer is not None,
        "operation": op and (op.verb, op.amount, op.names, op.retry),
        "stuck": sorted((s.verb, s.names, s.subject, s.retry) for s in sale.stuck),
        "parcels": [(p.name, p.milestone, p.withdrawn) for p in sale.parcels.values()],
        "tickets": sorted((cause, about, t.due, t.escalations) for (cause, about), t in sale.tickets.items()),
        "requests": (sale.cancel_asked, sale.time_asked),
        "paused": sorted(pause.until for pause in sale.pauses.values()),
        "approval": sale.approval and sale.approval.name,
        "disputes": [(name, d.state) for name, d in sale.disputes.items()],
        "claims": [
            (c.name, c.lines, c.reason, c.status, c.since, c.opened, c.appealed, c.judges) for c in sale.claims.values()
        ],
        "offers": [c.offer for c in sale.claims.values() if c.status in TALK],
        "rulings": [c.ruling for c in sale.claims.values()],
        "awarded": [c.awarded for c in sale.claims.values()],
        "granted": sale.due_back,
        "strays": sale.strays,
        "debt": (sale.sums.Q, sale.owed_since),
        "written off": sale.written_off,
        "over": over(sale),
    }


def _clocks(order: Order, sale: Sale) -> Iterator[str]:
    running = deadlines(order)
    mine = clocks.clocks(sale)
    if not running and not over(sale):
        yield "an open order has no clock (W2)"
    core = sorted((c.step, c.at) for c in running if c.step not in NOT_COMPARED)
    model = sorted((step, at) for at, step, _ in mine if step not in NOT_COMPARED)
    if core != model:
        only = [f"core {step} {at}" for step, at in core if (step, at) not in model]
        other = [f"model {step} {at}" for step, at in model if (step, at) not in core]
        yield f"clocks: {only + other or 'one twice'}"
    settles = [max(c.at, sale.placed) for c in running if c.step == "settle"]
    if settles != [max(at, sale.placed) for at, step, _ in mine if step == "settle"]:
        yield f"money is taken up at {settles}, model: {[c for c in mine if c[1] == 'settle']}"


def accounts(sale: Sale) -> dict[str, int]:
    """The balances that the model expects of the order's accounts, credit positive, those of zero left out."""
    sums = sale.sums
    expected = {f"escrow:o-1:{piece.name}": piece.left for piece in sale.slices if piece.where == "escrow"}
    for name, dispute in sale.disputes.items():
        if dispute.state == "restored":
            expected[f"escrow:o-1:{name}"] = sum(dispute.won_back)
    expected |= {
        "clearing": OWED - (sums.C + sums.V - sums.F - sums.G - sums.S + sums.N + sums.X - sums.D),
        "suspense:o-1": sums.U,
        "disputed:o-1": -sums.P,
        "receivable:seller-1:o-1": -sums.Q,
        "receivable:seller-1:o-9": sums.N - OWED,
        "platform:fees": sums.K,
        "platform:losses and dispute fees": -sums.L,
    }
    return {account: balance for account, balance in expected.items() if balance}


def booked(ledger: Ledger) -> dict[str, int]:
    """The ledger's balances, with the two accounts of the platform's expenses as one."""
    found: dict[str, int] = {}
    for (account, _), balance in ledger.balances.items():
        name = (
            "platform:losses and dispute fees" if account in ("platform:losses", "platform:dispute_fees") else account
        )
        found[name] = found.get(name, 0) + balance
    return {account: balance for account, balance in found.items() if balance}


def broken(sale: Sale, ledger: Ledger) -> Iterator[str]:
    """Each invariant about money that does not hold."""
    core, model = booked(ledger), accounts(sale)
    if core != model:
        differ = {name: (core.get(name, 0), model.get(name, 0)) for name in {*core, *model}}
        yield f"balances (core, model): { ({name: pair for name, pair in differ.items() if pair[0] != pair[1]}) }"
    if sum(ledger.balances.values()):
        yield "the accounts do not sum to zero (L2)"
    s = sale.sums
    escrow = sum(piece.left for piece in sale.in_escrow()) + sum(
        sum(d.won_back) for d in sale.disputes.values() if d.state == "restored"
    )
    if escrow + s.U + s.S - s.X + s.F + s.G + s.K + s.D != s.C + s.V + s.L + s.Q + s.P:
        yield f"money is not conserved (P4): {s}, escrow {escrow}"
    if s.C > s.A:
        yield f"captured {s.C} of {s.A} (P1)"
    if min(escrow, s.Q, s.K, s.L, s.P, s.U) < 0:
        yield f"a sum is below zero (L5): {s}"
    if over(sale) and (escrow or s.P or s.U or s.Q or sale.op):
        yield f"an end with money open (P5): {s}, escrow {escrow}"
