from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console, RenderableType

from activities.store.ledger import OrderMoney
from activities.store.screens import OrderRow, OrderScreen, RefusedMessage, Story, StoryStep, TicketRow
from domain import wire
from domain.deadlines import deadlines
from domain.events import Event, MoneyRefused, to_plain
from domain.funds import AT_ONCE
from domain.money import Money, Verb
from domain.progress import verdict
from domain.state import Actor, Order, Role
from domain.summary import summary
from starter import render
from starter.answers import plain, progress_of
from starter.trouble import why
from starter.views import OrderView, may_see, order_view
from tests.domain.lives import dispute, refund_failed
from tests.domain.world import (
    ACTORS,
    AT_CONFIRMATION,
    START,
    Life,
    confirmed,
    delivered,
    done,
    new_order,
    no,
    paid,
    scan,
    shipped,
    unclear,
)

ZERO = Money.zero("EUR")


def step(
    seq: int, name: str, role: str, actor_id: str = "somebody", happened: tuple[Event, ...] = (), **body: str
) -> StoryStep:
    at, plain = START + timedelta(minutes=seq), tuple(map(to_plain, happened))
    return StoryStep(seq, 1, at, at, name, role, actor_id, "update", "", "", "placed", "placed", body, (), plain)


def screen_of(order: Order | None, *steps: StoryStep, refusals: tuple[RefusedMessage, ...] = ()) -> OrderScreen:
    row = OrderRow(
        "o-1", "c-1", "test", "open" if order else "admitting", "", "", None, False, "", "buyer-1", "seller-1",
        Money.of("55.00", "EUR"), START, START, 1, 1,
    )  # fmt: skip
    snapshot = wire.to_plain(order) if order else None
    money = OrderMoney(
        Money.of("55.00", "EUR"), ZERO, ZERO, Money.of("4.00", "EUR"), Money.of("51.00", "EUR"), ZERO, ZERO, ZERO
    )
    checkout = {"lines": [{"line_id": "a", "known_differences": "the red is darker"}]}
    return OrderScreen(row, money, checkout, snapshot, Story(steps, refusals), ())


def seen(life: Life, role: Role, *steps: StoryStep, numbers: dict[str, str] | None = None) -> OrderView:
    return order_view(screen_of(life.order, *steps), ACTORS[role], life.now, numbers or {}, {"n1": "a private reason"})


def text_of(rendered: RenderableType, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(rendered)
    return out.getvalue()


def test_an_order_tells_where_it_is_who_acts_next_until_when_and_what_otherwise() -> None:
    view = seen(paid(), Role.BUYER)
    assert (view.stage, view.waiting_on) == ("placed", "seller")
    assert view.next == "The seller should confirm or decline the order; otherwise a specialist follows up."
    assert view.due_text == "Wed 25 Nov 2026 09:00 +00:00"
    assert view.expect == "Usually within one to two business days"
    assert view.lines[0].known_differences == "the red is darker"
    assert view.can == ("change_address", "cancel", "message")
    text = text_of(render.order(view))
    for words in (
        "Order o-1, placed, waiting on seller",
        "Until Wed 25 Nov",
        "a: known differences: the red",
        "cancel",
    ):
        assert words in text


def test_what_is_open_for_lines_that_are_named_is_shown_so() -> None:
    assert "Open to you now: ship (with lines that are named)" in text_of(render.order(seen(shipped(), Role.SELLER)))


def test_the_story_tells_what_the_carrier_said_of_which_parcel() -> None:
    scan = step(3, "parcel_scan", Role.CARRIER, parcel_id="p1", milestone="out_for_delivery")
    assert seen(shipped(), Role.BUYER, scan).story[0].text == "The carrier reported on parcel p1: out for delivery."


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("Declined", "The buyer's bank declined the payment."),
        ("AuthenticationRequired", "The buyer's bank wants the buyer to confirm the payment."),
        ("MethodUnusable", "What was named to pay with does not exist, or cannot be used."),
        ("ProviderError", "The payment could not be made with what was named for it."),
    ],
)
def test_a_payment_that_was_refused_is_told_to_everybody_until_another_is_offered(code: str, words: str) -> None:
    life = Life(new_order(payment=None), no(code, Verb.AUTHORISE))
    life.do("pay", Role.BUYER, payment_intent="pi_1")
    refusal = MoneyRefused(life.asked[0], code, life.now)
    asked = step(2, "settle", Role.CLOCK, happened=(refusal,))
    for role in (Role.BUYER, Role.SELLER, Role.SPECIALIST):
        view = seen(life, role, asked)
        assert view.next == f"{words} The buyer should pay; otherwise the order expires and the items go back on sale."
        told = [(happening.step, happening.who, happening.text) for happening in view.story]
        assert told[-1] == ("payment_refused", "provider", words)
        assert words in verdict(life.order, 1, ACTORS[role], life.now)["next"]
    [open_] = why(screen_of(life.order)).open
    assert (open_.what, open_.mends) == (f"{words} ({code})", "pay")
    life.answer = done
    life.do("pay", Role.BUYER, payment_intent="pi_2")
    assert not why(screen_of(life.order)).open
    assert words not in seen(life, Role.BUYER).next


def test_an_order_that_was_refused_its_payment_and_expired_asks_for_nothing_more() -> None:
    life = Life(answer=no("Declined", Verb.AUTHORISE))
    life.until("expire_unpaid")
    assert not why(screen_of(life.order)).open


@pytest.mark.parametrize(("verb", "words"), [(Verb.REAUTHORISE, "not be renewed"), (Verb.CAPTURE, "not be charged")])
def test_a_hold_that_was_not_renewed_or_charged_is_told_and_a_refund_that_was_refused_to_nobody(
    verb: Verb, words: str
) -> None:
    op = Life().asked[0]
    refused = [MoneyRefused(replace(op, verb=which), "Declined", START) for which in (verb, Verb.REFUND)]
    [happening] = seen(paid(), Role.SELLER, step(3, "settle", Role.CLOCK, happened=tuple(refused))).story
    assert words in happening.text


def test_lines_that_came_together_have_one_clock_to_be_told_of() -> None:
    order = delivered().order
    clocks = why(screen_of(order)).clocks
    assert [clock.step for clock in deadlines(order)].count("accept_on_weak_proof") == 2
    assert [clock.step for clock in clocks].count("accept_on_weak_proof") == 1


def test_a_ticket_is_told_with_the_mildest_command_that_mends_it() -> None:
    life = paid()
    life.until("confirm_overdue")
    [open_] = why(screen_of(life.order)).open
    [ticket] = life.order.tickets
    assert open_.mends == "extend, cancel or confirm"
    assert open_.command == (
        f"aftersale extend {life.order.order_id} --clock confirm --resolves {ticket.ticket_id} "
        "--until TIME --reason '...'"
    )


def test_what_a_lost_parcel_pays_is_told_to_seller_and_desk_and_not_to_the_buyer() -> None:
    life = confirmed()
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="DHL", insured="20.00 EUR")
    scan(life, "p1", "lost")
    sentence = "Parcel p1 is lost: by its terms DHL pays 20.00 EUR."
    for role in (Role.BUYER, Role.SELLER, Role.SPECIALIST):
        view = seen(life, role)
        told = (view.parcels[0].carrier_pays, sentence in text_of(render.order(view)))
        assert told == (("", False) if role is Role.BUYER else ("20.00 EUR", True))
    [open_] = why(screen_of(life.order)).open
    assert open_.what.startswith("parcel_lost (p1, the carrier pays 20.00 EUR), nobody has taken it")
    assert "parcel_lost (p1, the carrier pays 20.00 EUR) since 2026-11-23" in summary(life.order).reason


def test_each_role_sees_its_own_money() -> None:
    life = shipped()
    assert set(seen(life, Role.BUYER).money) == {"total", "held", "charged", "refunded"}
    assert "fees" in seen(life, Role.SELLER).money
    assert set(seen(life, Role.OPERATOR).money) >= {"captured", "released", "fees", "escrow"}


def test_parties_read_neither_notes_nor_names_nor_each_others_refused_messages() -> None:
    steps = (step(1, "place", "storefront"), step(2, "note", "operator", "op-1", note_id="n1"),
             step(3, "extend", "operator", "op-1", note_id="n1"))  # fmt: skip
    refused = RefusedMessage(START, "ship", "c", "seller", "seller-1", "paid", "the order is not paid yet", "signal")
    screen = screen_of(paid().order, *steps, refusals=(refused,))
    for role, names in (
        (Role.BUYER, ["place", "extend"]),
        (Role.SELLER, ["place", "extend", "ship"]),
        (Role.OPERATOR, ["place", "note", "extend", "ship"]),
    ):
        view = order_view(screen, ACTORS[role], START, {}, {"n1": "a private reason"})
        assert sorted(entry.step for entry in view.story) == sorted(names)
        text = text_of(render.order(view))
        desk = role is Role.OPERATOR
        assert ("a private reason" in text, "op-1" in text) == (desk, desk)


def test_a_payout_account_is_nothing_to_the_buyer() -> None:
    account = step(2, "payout_account", "storefront")
    assert seen(paid(), Role.BUYER, account).story == ()
    assert [entry.step for entry in seen(paid(), Role.SELLER, account).story] == ["payout_account"]


def test_a_suspicion_about_a_tracking_number_is_the_desks_alone() -> None:
    life = shipped()
    flagged = wire.to_plain(life.order)
    flagged["tickets"] = [
        {"ticket_id": "t", "cause": "number_reused", "subject": "p1", "opened_at": wire.instant_text(life.now),
         "due": wire.instant_text(life.now)}
    ]  # fmt: skip
    screen = screen_of(wire.from_plain(Order, flagged))
    sentence = "A specialist is looking into this order."
    assert sentence not in order_view(screen, ACTORS[Role.SELLER], life.now, {}, {}).requests
    assert sentence in order_view(screen, ACTORS[Role.SPECIALIST], life.now, {}, {}).requests


def test_only_the_orders_own_parties_and_a_desk_without_a_part_in_it_may_see_it() -> None:
    for role, actor_id, allowed in (
        (Role.BUYER, "b", True), (Role.BUYER, "s", False), (Role.SELLER, "s", True), (Role.SELLER, "b", False),
        (Role.SPECIALIST, "x", True), (Role.SPECIALIST, "s", False), (Role.OPERATOR, "b", False),
        (Role.CARRIER, "x", False), (Role.STOREFRONT, "x", False), (Role.CLOCK, "x", False),
    ):  # fmt: skip
        assert may_see(Actor(role, actor_id), "b", "s") is allowed, (role, actor_id)


def test_an_order_that_nobody_admitted_yet_says_so() -> None:
    screen = screen_of(None)
    view = order_view(screen, ACTORS[Role.BUYER], START, {}, {})
    assert (view.stage, view.can, view.lines) == ("admitting", (), ())
    assert "waits to be admitted" in view.next
    assert why(screen).open[0].mends == "a running worker"


def test_every_view_has_the_same_json_keys_whatever_is_empty() -> None:
    views = [plain(seen(life, Role.BUYER)) for life in (paid(), shipped(), delivered())]
    views.append(plain(order_view(screen_of(None), ACTORS[Role.BUYER], START, {}, {})))
    assert len({tuple(view) for view in views}) == 1
    assert views[1]["parcels"][0].keys() == {
        "parcel_id", "carrier", "service", "insured", "lines", "milestone", "moved_at", "tracking_number",
        "carrier_pays",
    }  # fmt: skip


def test_the_client_reads_progress_from_the_record_as_the_order_answers_itself() -> None:
    for life in (paid(), confirmed(), shipped(), delivered(), confirmed(new_order(AT_CONFIRMATION))):
        actor = ACTORS[Role.SELLER]
        own = plain(progress_of(life.order, actor, life.now))
        own.pop("command_id")
        own.pop("advice")
        assert own == verdict(life.order, life.order.seq, actor, life.now)


def test_an_unpaid_order_says_what_is_to_be_paid_now() -> None:
    life = Life(new_order(payment=None))
    life.do("cancel", Role.BUYER, reason="changed_mind", lines=["a"])
    for role in (Role.BUYER, Role.SPECIALIST):
        shown = seen(life, role).money
        assert (shown["total"], shown["to pay"]) == (Money.of("55.00", "EUR"), Money.of("25.00", "EUR"))
    life.do("pay", Role.BUYER, payment_intent="pi_1")
    assert "to pay" not in seen(life, Role.BUYER).money
    life.do("cancel", Role.BUYER, reason="changed_mind")
    assert "to pay" not in seen(life, Role.BUYER).money


def test_why_does_not_call_an_order_sound_whose_step_has_begun_and_is_not_recorded() -> None:
    begun = {"step": "settle", "seq": 5, "now": "2026-11-24T09:00:00Z", "events": []}
    answer = why(replace(screen_of(confirmed().order), begun=begun))
    [open_] = answer.open
    assert open_.what.startswith("step 5 (settle) has begun and is not recorded")
    assert (open_.since, open_.mends) == (datetime(2026, 11, 24, 9, tzinfo=UTC), "itself, else restart")
    assert "Nothing" not in text_of(render.why(answer))
    assert "Nothing that is on record is wrong" in text_of(render.why(why(screen_of(confirmed().order))))


def test_why_names_unknown_money_pauses_and_approvals_each_with_the_command_that_mends_it() -> None:
    unknown = shipped(answer=unclear(Verb.CAPTURE))
    [money] = why(screen_of(unknown.order)).open
    assert (money.kind, money.command) == ("money", "aftersale retry o-1 --reason '...'")
    assert "capture of 55.00 EUR: its outcome is unknown" in money.what
    paused = paid()
    until = wire.instant_text(paused.now + timedelta(days=2))
    paused.do("pause", Role.OPERATOR, until=until, note_id="n1")
    assert [item.command for item in why(screen_of(paused.order)).open] == ["aftersale resume o-1 --reason '...'"]
    large = delivered(new_order(prices=("700.00",)))
    large.do("refund", Role.OPERATOR, note_id="n1")
    [approval] = why(screen_of(large.order)).open
    assert approval.command.startswith("aftersale approve o-1 --digest ")
    for life in (unknown, paused, large):
        assert why(screen_of(life.order)).waiting_on == summary(life.order).waiting_on
        assert "mended by" in text_of(render.why(why(screen_of(life.order))))


def test_why_leaves_to_the_bank_what_it_decides_about() -> None:
    for life, by, command in ((refund_failed(), "retry", "retry"), (dispute(refund_failed()), "the bank", "note")):
        [money] = [item for item in why(screen_of(life.order)).open if item.kind == "money"]
        assert (money.mends, money.command) == (by, f"aftersale {command} o-1 --reason '...'")
        assert money.what.endswith(", the bank decides first") is (by == "the bank")


def test_texts_of_people_reach_the_terminal_as_text_alone() -> None:
    order = new_order()
    hostile = wire.to_plain(order)
    hostile["lines"][0]["title"] = "[red]lamp[/red] \x1b[2Jgone"
    view = order_view(screen_of(wire.from_plain(Order, hostile)), ACTORS[Role.BUYER], START, {}, {})
    text = text_of(render.order(view))
    assert "[red]lamp[/red]" in text
    assert "\x1b" not in text


def test_a_tracking_number_is_shown_only_when_it_was_handed_in() -> None:
    assert "JD42" in text_of(render.order(seen(shipped(), Role.SELLER, numbers={"p1": "JD42"})))
    assert seen(shipped(), Role.SELLER).parcels[0].tracking_number == ""


def test_money_that_waits_for_nothing_has_no_date_of_long_ago() -> None:
    life = delivered()
    taken = life.do("release", Role.SPECIALIST, note_id="n-1")
    actor = Actor(Role.SPECIALIST, "sp-1")
    answer = verdict(taken.after, taken.after.seq, actor, life.now)
    assert (answer["next"], answer["due"]) == ("Next: the payment provider is asked.", None)
    assert summary(taken.after).due == AT_ONCE, "the operators' list shows no date either"
    view = order_view(screen_of(taken.after), actor, life.now, {}, {})
    assert (view.due, view.due_text) == (None, "")
    assert next(clock.at_text for clock in why(screen_of(taken.after)).clocks) == "now"


def test_money_that_waited_and_is_due_has_no_date_that_has_passed() -> None:
    life = delivered()
    life.do("payout_account", Role.STOREFRONT, account="acct_2")
    taken = life.do("receive", Role.BUYER)
    waits = verdict(taken.after, taken.after.seq, Actor(Role.BUYER, "buyer-1"), life.now)
    assert waits["due"] == wire.instant_text(life.now + timedelta(hours=72))
    later = verdict(taken.after, taken.after.seq, Actor(Role.BUYER, "buyer-1"), life.now + timedelta(hours=73))
    assert later["due"] is None


def test_a_ticket_of_a_finding_about_no_order_stands_in_the_queue() -> None:
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    row = TicketRow("finding-7", None, "task_fails", "o-nowhere", now, now, "", 0, "open", "", "", None)
    assert "finding-7" in text_of(render.tickets([row], {}))
