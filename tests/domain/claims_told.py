"""Lives of claims, for what is told of them."""

from __future__ import annotations

from domain.state import Role
from tests.domain.teller import Telling


def claimed(reason: str = "damaged") -> Telling:
    """A claim has just been made."""
    life = Telling().confirm().arrive()
    life.do("open_claim", Role.BUYER, reason=reason, lines=["a"])
    return life


def in_silence() -> Telling:
    """The seller stays silent, the platform decides, nobody appeals."""
    life = claimed()
    life.until("claim_unanswered")
    life.do("decide_claim", Role.SPECIALIST, verdict="refund", note_id="n1")
    life.until("decision_stands")
    life.settle_money()
    return life


def talked_over() -> Telling:
    """The sides find each other."""
    life = claimed()
    life.do("answer_claim", Role.SELLER, note_id="n1")
    life.do("answer_claim", Role.BUYER, note_id="n1")
    life.do("offer_refund", Role.SELLER, amount="10.00 EUR")
    life.do("decline_offer", Role.BUYER)
    life.do("offer_refund", Role.SELLER, amount="12.00 EUR")
    life.do("accept_offer", Role.BUYER)
    life.settle_money()
    return life


def lapses() -> Telling:
    """The buyer does not go on."""
    life = claimed()
    life.do("answer_claim", Role.SELLER, note_id="n1")
    life.until("claim_lapses")
    return life
