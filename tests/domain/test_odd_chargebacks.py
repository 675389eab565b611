"""A bank takes an amount that no provider pays: what escrow and seller bear of it can be paid, the platform the rest.

Three-decimal currencies move in tens, the ariary whole; what a bank takes of them may lie between two steps.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import example, given, settings, strategies as st

from activities.providers.stripe_money import to_wire
from domain.currencies import STEPS
from domain.funds import No, Result, Unclear
from domain.money import INTERNAL, Money, Verb, total
from domain.purse import Bearer, DisputeStatus, Part
from domain.state import MoneyOp, Order, Role
from tests.domain.world import POLICY, Life, delivered, done, new_order, round_trips

PROVIDER, BUYER, SELLER, SPECIALIST = Role.PROVIDER, Role.BUYER, Role.SELLER, Role.SPECIALIST
NOTE = {"note_id": "n-1"}
LIMITS = tuple(Money(10**6, currency) for currency in ("KWD", "MGA", "JPY"))
FREE = replace(POLICY, second_operator=replace(POLICY.second_operator, limits=LIMITS))
"""A policy by which no second operator is asked."""


def strict(order: Order, op: MoneyOp, now: datetime) -> Result:
    """The provider does what can be paid; asked for anything else, it would refuse for ever."""
    if op.verb not in INTERNAL:
        to_wire(op.amount)
    return done(order, op, now)


def dinars(*prices: str) -> Order:
    return new_order(FREE, prices or ("30.000", "20.000"), shipping="5.000", currency="KWD")


def sold(*prices: str, accepted: bool = False) -> Life:
    """Delivered and, if `accepted`, paid out: 30.000, 20.000 and 5.000 dinars, or other lines."""
    life = delivered(dinars(*prices), answer=strict)
    if accepted:
        life.do("receive", BUYER)
        life.settle_money()
    return life


def charged_back(life: Life, amount: str, fee: str = "0.000 KWD", reason: str = "not_received") -> Life:
    life.do("open_dispute", PROVIDER, dispute="dp_1", amount=amount, fee=fee, reason=reason)
    life.do("lose_dispute", PROVIDER, dispute="dp_1")
    life.settle_money()
    return life


def borne(life: Life, by: Bearer) -> str:
    (dispute,) = life.order.disputes
    return str(total([share.amount for share in dispute.shares if share.by is by], life.order.currency))


def sums(life: Life, verb: Verb) -> str:
    return str(life.moved.get(verb, Money.zero(life.order.currency)))


def test_escrow_bears_of_an_odd_chargeback_what_can_be_paid_and_its_rest_is_paid_out() -> None:
    life = charged_back(sold(), "12.345 KWD")
    assert (borne(life, Bearer.ESCROW), borne(life, Bearer.PLATFORM)) == ("12.340 KWD", "0.005 KWD")
    assert life.ledger.balance("platform:losses") == -5
    life.do("receive", BUYER)
    life.wait(days=60)
    assert (life.over, life.ledger.balance("escrow:")) == (True, 0)
    assert sums(life, Verb.RELEASE) == "39.560 KWD"


def test_what_a_seller_owes_of_an_odd_chargeback_is_taken_back_at_once() -> None:
    life = charged_back(sold(accepted=True), "12.345 KWD")
    assert (borne(life, Bearer.SELLER), borne(life, Bearer.PLATFORM)) == ("12.340 KWD", "0.005 KWD")
    assert (life.order.debt, sums(life, Verb.REVERSE_RELEASE)) == (None, "11.440 KWD")
    assert life.ledger.balance("platform:losses") == -5


@pytest.mark.parametrize(
    ("amount", "escrow", "platform"),
    [
        ("55.000 KWD", "55.000 KWD", "0.000 KWD"),
        ("55.009 KWD", "55.000 KWD", "0.009 KWD"),
        ("54.999 KWD", "54.990 KWD", "0.009 KWD"),
        ("0.010 KWD", "0.010 KWD", "0.000 KWD"),
        ("0.009 KWD", "0.000 KWD", "0.009 KWD"),
    ],
)
def test_a_chargeback_takes_all_that_is_left_and_less_than_a_step_is_the_platforms(
    amount: str, escrow: str, platform: str
) -> None:
    life = charged_back(sold(), amount, reason="other")
    assert (borne(life, Bearer.ESCROW), borne(life, Bearer.PLATFORM)) == (escrow, platform)
    life.wait(days=120)
    assert (life.over, life.ledger.balance("escrow:")) == (True, 0)


def test_of_three_equal_lines_and_shipping_each_bears_what_can_be_paid_and_together_all_but_less_than_a_step() -> None:
    life = sold("10.000", "10.000", "10.000")
    life.do("open_dispute", PROVIDER, dispute="dp_1", amount="0.049 KWD", fee="0.000 KWD", reason="other")
    (dispute,) = life.order.disputes
    assert [(part.piece, str(part.amount)) for part in dispute.parts] == [
        ("a", "0.010 KWD"), ("b", "0.010 KWD"), ("c", "0.010 KWD"), ("shipping", "0.010 KWD")
    ]  # fmt: skip


def test_a_dispute_that_was_laid_over_odd_parts_before_is_borne_in_what_can_be_paid() -> None:
    life = sold()
    life.do("open_dispute", PROVIDER, dispute="dp_1", amount="12.345 KWD", fee="0.000 KWD", reason="other")
    parts = tuple(Part(piece, Money(minor, "KWD")) for piece, minor in (("a", 6734), ("b", 4489), ("shipping", 1122)))
    life.order = replace(life.order, disputes=(replace(life.order.disputes[0], parts=parts),))
    life.do("lose_dispute", PROVIDER, dispute="dp_1")
    life.settle_money()
    assert (borne(life, Bearer.ESCROW), borne(life, Bearer.PLATFORM)) == ("12.330 KWD", "0.015 KWD")


@pytest.mark.parametrize(
    ("fee", "owed", "back", "sellers", "platforms"),
    [
        ("1.234 KWD", 1230, "0.000 KWD", 0, -4),
        ("1.234 KWD", 1230, "1.234 KWD", 1230, 0),
        ("1.234 KWD", 1230, "0.615 KWD", 620, -9),
        ("1.234 KWD", 1230, "0.003 KWD", 0, -1),
        ("1.230 KWD", 1230, "0.615 KWD", 620, -5),
        ("0.009 KWD", 0, "0.009 KWD", 0, 0),
    ],
)
def test_the_seller_owes_and_gets_back_of_an_odd_fee_what_can_be_paid_and_the_platform_bears_the_rest(
    fee: str, owed: int, back: str, sellers: int, platforms: int
) -> None:
    life = charged_back(sold(), "55.000 KWD", fee)
    assert life.order.debt is None if not owed else life.order.debt and life.order.debt.amount.minor == owed
    life.do("win_dispute", PROVIDER, dispute="dp_1", fee=back)
    assert life.order.disputes[0].restorable == Money(55_000 + sellers, "KWD")
    assert life.ledger.balance("platform:dispute_fees") == platforms
    life.wait(days=90)
    assert (life.over, life.ledger.balance("escrow:")) == (True, 0)


def test_a_refund_that_fails_makes_up_for_an_odd_loss_in_what_can_be_paid() -> None:
    life = sold()
    life.do("refund", SPECIALIST, lines=["a", "b"], **NOTE)
    life.settle_money()
    charged_back(life, "12.345 KWD", reason="other")
    assert life.ledger.balance("platform:losses") == -12_345
    refund = next(move.ref for move in life.order.moves if move.verb is Verb.REFUND)
    life.do("refund_failed", PROVIDER, refund=refund)
    assert (life.ledger.balance("platform:losses"), life.ledger.balance("suspense:")) == (-5, 42_660)
    life.wait(days=30)
    assert (life.over, life.ledger.balance("suspense:")) == (True, 0)


class Strict:
    """The provider who does what can be paid, refuses or loses what chance has it, and nets what a seller owes."""

    def __init__(self, currency: str) -> None:
        self.chance, self.step = 0, STEPS.get(currency, 1)
        self.odd: list[MoneyOp] = []

    def __call__(self, order: Order, op: MoneyOp, now: datetime) -> Result:
        if op.verb not in INTERNAL and op.amount.minor % self.step:
            self.odd.append(op)
        if op.verb is Verb.REVERSE_RELEASE and self.chance % 3 == 1:
            return No("InsufficientFunds")
        if op.verb in (Verb.REFUND, Verb.RELEASE) and self.chance % 5 == 2:
            return Unclear("timeout")
        did = done(order, op, now)
        if op.verb is Verb.RELEASE and order.debt and self.chance % 2:
            part = min(order.debt.amount, op.amount)
            did = replace(did, amount=op.amount - part, netted=((order.order_id, part),))
        return did


TURNS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2**16)), min_size=1, max_size=16)


def act(life: Life, turn: int, chance: int, step: int) -> None:
    """Somebody does what may be refused: the bank in any amount, desk and buyer by line."""
    order, currency = life.order, life.order.currency
    if turn <= 1:
        amount = Money(chance % (60 * step) + 1, currency)
        fee = Money(chance % (7 * step), currency)
        reason = "not_received" if chance % 2 else "other"
        body = {"dispute": f"dp_{len(order.disputes)}", "amount": str(amount), "fee": str(fee), "reason": reason}
        life.ask("open_dispute", PROVIDER, **body)
    elif turn <= 4 and order.disputes:
        dispute = order.disputes[chance % len(order.disputes)]
        fee = Money(chance % (dispute.fee.minor + 1), currency)
        about = {"dispute": dispute.dispute_id}
        body = {**about, "fee": str(fee)} if turn == 2 else about
        life.ask("win_dispute" if turn == 2 else "lose_dispute", PROVIDER, **body)
    elif turn == 5:
        life.ask("receive", BUYER, lines=["abc"[chance % 3]])
    elif turn == 6:
        life.ask("refund", SPECIALIST, lines=["abc"[chance % 3]], note_id=f"n-{life.count}")
    elif turn == 7:
        for move in [move for move in order.moves if move.verb is Verb.REFUND][:1]:
            life.ask("refund_failed", PROVIDER, refund=move.ref)
    elif turn == 8:
        life.wait(days=chance % 40)
    else:
        life.settle_money()


@settings(max_examples=200, derandomize=True, print_blob=True)
@given(st.sampled_from(["KWD", "MGA", "JPY"]), TURNS)
@example("KWD", [(0, 2**15 + 5), (3, 0), (9, 0), (5, 0), (5, 1), (5, 2)])
def test_whatever_banks_take_all_that_is_asked_of_the_provider_can_be_paid_and_the_order_ends(
    currency: str, turns: list[tuple[int, int]]
) -> None:
    step = STEPS.get(currency, 1)
    prices = tuple(str(Money(n * step, currency)).split()[0] for n in (30, 20, 7))
    fate = Strict(currency)
    order = new_order(FREE, prices, shipping=str(Money(5 * step, currency)).split()[0], currency=currency)
    life = delivered(order, answer=fate)
    for turn, chance in turns:
        fate.chance = chance
        act(life, turn, chance, step)
    fate.chance = 0
    life.silence(400)
    assert not fate.odd
    assert (life.over, life.ledger.balance("escrow:"), life.ledger.balance("suspense:")) == (True, 0, 0)
    assert not life.order.debt
    lost = [d for d in life.order.disputes if d.status is DisputeStatus.BORNE]
    assert all(share.amount.minor % step == 0 for d in lost for share in d.shares if share.by is not Bearer.PLATFORM)
    assert round_trips(life.order)
