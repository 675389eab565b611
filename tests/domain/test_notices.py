from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.money import Verb
from domain.notices import Channel, recipient, reminders, stands
from domain.state import LineState, Offer, Role
from tests.domain.telling import LIVES, Telling, dear, unpaid
from tests.domain.world import POLICY, RENEWS, done, done_with_mandate, new_order, no, scan, unclear

KNOWN_FACTS = {
    *("command", "code", "reason", "refused", "message_id", "note_id", "by", "attachments"),
    *("step", "stage", "lines", "parcel_id", "milestone", "days", "request", "until", "amount", "slices", "ticket_id"),
    *("claim_id", "status", "offer", "awarded", "verdict", "part", "ended_at"),
    *("cause", "subject", "relist", "dispute", "why", "owed", "netted", *LineState),
}
BUYER, SELLER, SPECIALIST = "buyer", "seller", "specialist"


def test_a_smooth_life_tells_each_party_what_matters() -> None:
    life = LIVES["happy"]()
    assert life.mails() == [
        (BUYER, "paid"),
        (SELLER, "paid"),
        (BUYER, "confirm"),
        (SELLER, "secured"),
        (BUYER, "ship"),
        (BUYER, "parcel_scan"),
        (SELLER, "released"),
    ]


@pytest.mark.parametrize("name", LIVES)
def test_a_cause_is_told_once_per_recipient_and_channel(name: str) -> None:
    told = [(s.notice.cause, s.notice.to, s.notice.channel) for s in LIVES[name]().said]
    once = [key for key in told if not key[0].startswith(("remind:", "shipped:", "capture_pending:"))]
    assert len(once) == len(set(once))


@pytest.mark.parametrize("name", LIVES)
def test_one_step_is_one_mail_per_party(name: str) -> None:
    mails = [
        (s.seq, s.notice.to)
        for s in LIVES[name]().said
        if s.notice.channel is Channel.MAIL and s.notice.to is not Role.SPECIALIST and ":" in s.notice.cause
        and not s.notice.cause.startswith(("remind:", "shipped:", "feedback:"))
    ]  # fmt: skip
    assert len(mails) == len(set(mails))


@pytest.mark.parametrize("name", LIVES)
def test_a_notice_carries_nothing_but_ids_amounts_times_and_words_of_ours(name: str) -> None:
    for said in LIVES[name]().said:
        assert set(said.notice.context) <= KNOWN_FACTS
        assert "address" not in str(said.notice.context).replace("change_address", "")


def test_a_declined_card_is_told_to_the_buyer_in_place_of_the_thanks() -> None:
    life = Telling(new_order(payment=Offer(payment_method="pm_1", customer="cus_1")), no("Declined", Verb.AUTHORISE))
    assert life.mails() == [(SELLER, "place"), (BUYER, "payment_declined")]


def test_an_unpaid_order_is_thanked_for_and_then_for_its_payment() -> None:
    life = unpaid()
    assert life.mails() == [(BUYER, "place"), (SELLER, "place")]
    life.do("pay", Role.BUYER, payment_intent="pi_1")
    assert life.last() == [(BUYER, "paid"), (SELLER, "paid")]


def test_a_renewed_hold_is_nobody_s_news() -> None:
    life = Telling(new_order(RENEWS), done_with_mandate).confirm()
    life.until("renew_hold")
    assert life.last() == []


def test_a_refused_capture_stops_the_seller_and_asks_the_buyer_and_shows_no_parcel() -> None:
    life = Telling(answer=no("AuthorisationExpired", Verb.CAPTURE)).confirm()
    life.ship()
    assert sorted(life.last()) == [(BUYER, "hold_lost"), (SELLER, "capture_refused"), (SPECIALIST, "ticket_opened")]


def test_an_unknown_capture_makes_the_seller_wait_once_and_tells_the_buyer_nothing() -> None:
    life = Telling(answer=unclear(Verb.CAPTURE)).confirm()
    life.ship()
    assert life.last() == [(SELLER, "capture_pending")]
    life.until("settle")
    pending = [s.notice.cause for s in life.said if s.notice.template == "capture_pending"]
    assert len(set(pending)) == 1
    life.answer = done
    life.until("settle")
    assert life.last() == [(SELLER, "secured"), (BUYER, "ship")]


def test_a_second_parcel_is_told_at_once() -> None:
    life = Telling().confirm()
    life.ship("p1", lines=["a"])
    life.ship("p2", lines=["b"])
    assert life.last() == [(SELLER, "secured"), (BUYER, "ship")]
    assert life.notice("ship", Role.BUYER).context["parcel_id"] == "p2"
    assert life.last(Channel.CARRIER) == [("carrier", "register_tracker")]


def test_lines_that_were_not_confirmed_are_named_to_the_buyer() -> None:
    life = LIVES["half confirmed"]()
    facts = life.notice("confirm", Role.BUYER).context
    assert (facts["confirmed"], facts["cancelled"]) == (["a"], ["b"])


def test_scans_on_the_way_are_not_mailed() -> None:
    life = Telling().confirm()
    life.ship()
    for milestone in ("accepted", "in_transit", "out_for_delivery"):
        scan(life, "p1", milestone)
        assert life.last() == []
    scan(life, "p1", "delivered")
    assert life.last() == [(BUYER, "parcel_scan")]


@pytest.mark.parametrize(
    ("name", "relist"),
    [
        ("never paid", "yes"),
        ("cancelled by the buyer", "yes"),
        ("confirm silence", "yes"),
        ("hold lapses", "yes"),
        ("declined by the seller", "ask_seller"),
        ("ship silence", "ask_seller"),
    ],
)
def test_every_end_without_sale_frees_the_stock_that_was_reserved(name: str, relist: str) -> None:
    events = [s.notice for s in LIVES[name]().said if s.notice.channel is Channel.STOREFRONT]
    assert events[0].template == "stock.reserved"
    freed = [event for event in events if event.template == "stock.released"]
    assert [event.context["lines"] for event in freed] == [["a", "b"]]
    assert freed[0].context["relist"] == relist


def test_goods_that_were_sent_are_never_freed() -> None:
    life = LIVES["decided"]()
    assert "refunded" in str(life.states)
    assert not [s for s in life.said if s.notice.template == "stock.released"]


def test_a_ticket_is_mailed_to_the_desk_when_it_opens_and_when_it_is_overdue() -> None:
    life = LIVES["overdue ticket"]()
    assert (SPECIALIST, "ticket_opened") in life.mails()
    assert (SPECIALIST, "ticket_escalated") in life.last()


def test_each_clock_with_a_reminder_has_one() -> None:
    assert [(n.to, n.template) for n in reminders(unpaid().order)] == [(Role.BUYER, "remind_pay")]
    life = Telling()
    assert [(n.to, n.template) for n in reminders(life.order)] == [(Role.SELLER, "remind_confirm")]
    life.confirm()
    assert [(n.to, n.template) for n in reminders(life.order)] == [(Role.SELLER, "remind_ship")]


def test_lines_that_arrived_together_are_asked_after_in_one_mail() -> None:
    life = Telling(dear()).confirm().arrive()
    (notice,) = reminders(life.order)
    assert notice.context["lines"] == ["a", "b"]
    life.do("receive", Role.BUYER, lines=["a"])
    (later,) = reminders(life.order)
    assert (later.cause, later.context["lines"]) == (notice.cause, ["b"])


def test_a_reminder_is_never_for_what_was_asked_a_moment_ago() -> None:
    life = Telling(new_order(RENEWS), done_with_mandate)
    life.wait(days=2, hours=12)
    life.confirm()
    assert reminders(life.order) == ()


def test_moving_a_clock_moves_its_reminder_and_keeps_its_cause() -> None:
    life = unpaid()
    (before,) = reminders(life.order)
    life.do("more_time_to_pay", Role.BUYER, days=3)
    (after,) = reminders(life.order)
    assert after.cause == before.cause
    assert after.valid_until == (before.valid_until or life.now) + timedelta(days=3)


def test_a_message_is_mailed_to_the_other_side_and_one_of_the_desk_to_both_and_a_note_of_it_to_nobody() -> None:
    life = Telling().confirm()
    life.do("message", Role.BUYER, message_id="m-1")
    assert life.last() == [(SELLER, "message")]
    life.do("message", Role.SELLER, message_id="m-2", attachments=["f-1"])
    assert life.last() == [(BUYER, "message")]
    assert life.notice("message", Role.BUYER).cause == "message:m-2"
    assert life.notice("message", Role.BUYER).context["attachments"] == 1
    life.do("message", Role.SPECIALIST, message_id="m-3")
    assert life.last() == [(BUYER, "message"), (SELLER, "message")]
    life.do("message", Role.SPECIALIST, message_id="m-4", internal=True)
    assert life.last() == []


@pytest.mark.parametrize(
    ("writer", "left"), [(Role.SELLER, []), (Role.BUYER, ["remind_ship"]), (Role.SPECIALIST, ["remind_ship"])]
)
def test_a_party_who_writes_is_not_reminded_and_nobody_else_spares_him(writer: Role, left: list[str]) -> None:
    life = Telling().confirm()
    assert [n.template for n in reminders(life.order)] == ["remind_ship"]
    life.do("message", writer, message_id="m-1")
    assert [n.template for n in reminders(life.order)] == left


def test_a_reminder_that_was_answered_does_not_come_back_when_its_clock_moves_or_stands() -> None:
    life = Telling(new_order(RENEWS), done_with_mandate).confirm()
    life.do("message", Role.SELLER, message_id="m-1")
    life.do("extend", Role.SPECIALIST, clock="ship", until="2026-12-04T09:00:00Z", note_id="n1")
    life.do("ask_time", Role.SELLER, days=2)
    life.do("grant_time", Role.BUYER)
    life.do("wait_longer", Role.BUYER, days=2)
    life.do("pause", Role.OPERATOR, until="2026-11-26T09:00:00Z", note_id="n2")
    life.until("pause_ends")
    assert reminders(life.order) == ()


def test_a_message_spares_the_reminders_of_the_clocks_that_run_and_of_no_later_one() -> None:
    life = Telling()
    life.do("message", Role.SELLER, message_id="m-1")
    assert reminders(life.order) == ()
    life.confirm()
    assert [n.template for n in reminders(life.order)] == ["remind_ship"]


def test_a_message_during_a_pause_spares_the_reminder_too() -> None:
    life = Telling().confirm()
    life.do("pause", Role.OPERATOR, until="2026-11-25T09:00:00Z", note_id="n1")
    life.do("message", Role.SELLER, message_id="m-1")
    life.until("pause_ends")
    assert reminders(life.order) == ()


def test_a_policy_may_remind_those_who_have_written_all_the_same() -> None:
    stern = replace(POLICY, messages=replace(POLICY.messages, reply_stops_reminder="no"))
    life = Telling(new_order(stern)).confirm()
    life.do("message", Role.SELLER, message_id="m-1")
    assert [n.template for n in reminders(life.order)] == ["remind_ship"]


def test_notices_go_to_the_people_of_the_order() -> None:
    order = Telling().order
    assert [recipient(order, role) for role in (Role.BUYER, Role.SELLER, Role.SPECIALIST)] == [
        "buyer-1", "seller-1", "specialist",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "template", "to"),
    [
        ("desk", "request_cancel", Role.SELLER),
        ("desk", "ask_time", Role.BUYER),
        ("desk", "pause", Role.BUYER),
        ("paid again", "hold_lost", Role.BUYER),
        ("captured late", "capture_pending", Role.SELLER),
        ("confirm silence", "confirm_overdue", Role.SELLER),
        ("late refund", "ticket_opened", Role.SPECIALIST),
        ("declined card", "payment_declined", Role.BUYER),
    ],
)
def test_a_notice_stands_when_it_is_made_and_falls_when_the_order_has_moved_on(
    name: str, template: str, to: Role
) -> None:
    life = LIVES[name]()
    said = next(s for s in life.said if s.notice.template == template and s.notice.to is to)
    assert stands(template, said.notice.context, said.order)
    assert not stands(template, said.notice.context, life.order)


@pytest.mark.parametrize("name", LIVES)
def test_every_notice_stands_at_the_moment_it_is_made(name: str) -> None:
    for said in LIVES[name]().said:
        assert stands(said.notice.template, said.notice.context, said.order), said.notice
