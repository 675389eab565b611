"""Who acts next, in the verdict, on the screens and in mails: it is a party who can indeed do something."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from activities.notices import next_sentence
from domain.funds import No, Result
from domain.money import Verb
from domain.progress import verdict
from domain.state import MoneyOp, Order, Role
from domain.summary import summary
from domain.words.english import ENGLISH
from tests.domain.world import ACTORS, RENEWS, Life, confirmed, done_with_mandate, new_order, no, shipped, text_of

PAY_AGAIN = "The buyer should pay again; otherwise the hold ends and unsent lines are cancelled."


def bank_wants_the_buyer(order: Order, op: MoneyOp, now: datetime) -> Result:
    """No new hold without the buyer; every other operation is done."""
    return No("AuthenticationRequired") if op.verb is Verb.REAUTHORISE else done_with_mandate(order, op, now)


def told(life: Life, role: Role) -> dict[str, Any]:
    return verdict(life.order, 1, ACTORS[role], life.now)


def test_while_the_bank_wants_the_buyer_for_a_new_hold_the_buyer_is_waited_for_and_not_the_seller() -> None:
    life = Life(new_order(RENEWS), bank_wants_the_buyer)
    life.do("confirm", Role.SELLER)
    # The seller's ticket would ring before the hold ends, but nothing can be shipped.
    until = life.now + timedelta(days=6, hours=1)
    life.do("extend", Role.SPECIALIST, clock="ship", until=text_of(until), note_id="n-1")
    life.until("renew_hold")
    life.settle_money()
    assert life.refused("ship", Role.SELLER, parcel_id="p1", carrier="dhl").code == "hold_is_good"
    for role in (Role.BUYER, Role.SELLER):
        answer = told(life, role)
        assert (answer["waiting_on"], answer["next"]) == ("buyer", PAY_AGAIN)
        assert answer["due"] == "2026-11-30T08:45:00Z", "until the hold ends"
    assert next_sentence(life.order, Role.BUYER, ENGLISH).startswith("Please pay again by Mon 30 Nov 2026 08:45")
    assert next_sentence(life.order, Role.SELLER, ENGLISH).startswith("The buyer has until Mon 30 Nov 2026 08:45")


def test_after_a_capture_was_declined_the_buyer_is_waited_for_although_the_desk_has_a_ticket() -> None:
    life = shipped(answer=no("Declined", Verb.CAPTURE))
    life.settle_money()
    assert [ticket.subject for ticket in life.order.tickets] == ["capture"]
    answer = told(life, Role.BUYER)
    assert (answer["waiting_on"], answer["next"], answer["due"]) == ("buyer", PAY_AGAIN, "2026-11-24T09:00:00Z")
    assert "pay" in answer["possible"]
    assert summary(life.order).attention, "the specialist's ticket is told beside it"


def test_who_is_asked_to_cancel_or_to_wait_is_told_to_answer_until_when_and_what_silence_does() -> None:
    life = confirmed()
    life.do("request_cancel", Role.BUYER, reason="changed_mind")
    cancelling = told(life, Role.SELLER)
    assert (cancelling["waiting_on"], cancelling["due"]) == ("seller", "2026-11-24T09:00:00Z")
    assert cancelling["next"] == (
        "The seller should grant or refuse the buyer's wish to cancel; otherwise the request to cancel is granted."
    )
    assert next_sentence(life.order, Role.SELLER, ENGLISH).startswith("Please grant or refuse the buyer's wish to ca")
    life.do("refuse_cancel", Role.SELLER)
    life.do("ask_time", Role.SELLER, days=2)
    waiting = told(life, Role.BUYER)
    assert (waiting["waiting_on"], waiting["due"]) == ("buyer", "2026-11-24T09:00:00Z")
    assert waiting["next"] == (
        "The buyer should grant or refuse the time that the seller asks for; "
        "otherwise the request for more time lapses."
    )
    assert next_sentence(life.order, Role.BUYER, ENGLISH).startswith("Please grant or refuse the time that the seller")
    life.do("grant_time", Role.BUYER)
    assert told(life, Role.SELLER)["next"].startswith("The seller should ship and give the tracking number; otherwise ")
