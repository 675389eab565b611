"""Who hears of a step of a claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from activities.notices import Letters, Reader
from domain.decide import Command, Decision, Repeat, decide
from domain.notices import Channel, Notice, notices, stands
from domain.state import Actor, Role
from domain.words.german import HAPPENED
from tests.domain.claims_world import (
    BUYER,
    NOTE,
    OTHER_JUDGE,
    SELLER,
    SPECIALIST,
    countered,
    received,
    return_asked,
    return_sent,
    upstream,
)
from tests.domain.world import ACTORS, Life, delivered, scan

LETTERS = Letters(Path(__file__).parents[2] / "templates")
EVIDENCE = {"en": "Evidence was added to the claim.", "de": HAPPENED["add_evidence"]}
PLATFORM = Actor(Role.PLATFORM, "platform-1")
THIRD_JUDGE = Actor(Role.SPECIALIST, "specialist-3")


def told(life: Life, taken: Decision) -> list[tuple[Role, str]]:
    """The mails of a step, by recipient."""
    found = notices(taken.step, taken.tells, life.order.seq, taken.events, life.order, life.now)
    return sorted((notice.to, notice.template) for notice in found if notice.channel is Channel.MAIL)


IN_THE_SELLERS_PLACE: Mapping[str, tuple[Callable[[], Life], dict[str, Any]]] = {
    "answer_claim": (received, {"note_id": "n-1"}),
    "offer_refund": (received, {"amount": "10.00 EUR"}),
    "decline_offer": (countered, {}),
    "instruct_return": (return_asked, {"address_id": "address-2"}),
    "receive_return": (return_asked, {}),
    "answer_upstream": (upstream, {}),
}


@pytest.mark.parametrize("name", IN_THE_SELLERS_PLACE)
def test_a_seller_hears_what_was_done_in_his_place_and_not_what_he_did_himself(name: str) -> None:
    lead, body = IN_THE_SELLERS_PLACE[name]
    own, others = lead(), lead()
    assert told(own, own.do(name, SELLER, **body)) == [(BUYER, "claim")]
    assert told(others, others.do(name, PLATFORM, **body)) == [(BUYER, "claim"), (SELLER, "claim")]


def test_an_answer_of_the_shop_that_the_desk_brings_starts_the_sellers_clock_and_tells_both_sides() -> None:
    life = upstream()
    assert told(life, life.do("answer_upstream", SPECIALIST)) == [(BUYER, "claim"), (SELLER, "claim")]


def test_the_arrival_of_a_return_is_told_also_while_the_platform_decides() -> None:
    life = return_sent()
    life.do("escalate_claim", BUYER)
    taken = life.do("receive_return", SELLER)
    [mail] = notices(taken.step, taken.tells, life.order.seq, taken.events, life.order, life.now)
    letter = LETTERS.render("claim", mail.context, Reader(mail.to), life.order)
    assert "The returned items have arrived." in letter.text


@pytest.mark.parametrize(
    ("who", "hear"),
    [(BUYER, [SELLER]), (SELLER, [BUYER]), (PLATFORM, [BUYER, SELLER]), (SPECIALIST, [BUYER, SELLER])],
)
def test_the_other_side_hears_of_new_evidence_once_in_its_own_language(who: Role | Actor, hear: list[Role]) -> None:
    life = received()
    taken = life.do("add_evidence", who, evidence=["e-1"], note_id="n-7")
    assert told(life, taken) == [(to, "claim") for to in hear]
    mails = notices(taken.step, taken.tells, life.order.seq, taken.events, life.order, life.now)
    assert {mail.context["note_id"] for mail in mails} == {"n-7"}
    for mail, (language, said) in product(mails, EVIDENCE.items()):
        assert said in LETTERS.render("claim", mail.context, Reader(mail.to, language=language), life.order).text
    command = Command("add_evidence", "again", ACTORS[who] if isinstance(who, Role) else who, {"evidence": ["e-2"]})
    first = decide(life.order, command, life.now)
    assert isinstance(first, Decision)
    assert isinstance(decide(first.after, command, life.now), Repeat)
    later = notices(first.step, first.tells, first.after.seq, first.events, first.after, life.now)
    assert not {mail.cause for mail in later} & {mail.cause for mail in mails}


def mails(life: Life, taken: Decision) -> set[tuple[Role, str, str]]:
    """The mails about claims: to whom, about which, and where it stands."""
    found = notices(taken.step, taken.tells, life.order.seq, taken.events, life.order, life.now)
    letters = (notice for notice in found if notice.template == "claim")
    return {(notice.to, str(notice.context["claim_id"]), str(notice.context["status"])) for notice in letters}


def test_a_return_that_its_carrier_delivers_is_told_to_both_sides() -> None:
    life = return_sent()
    taken = scan(life, "r1", "delivered")
    assert mails(life, taken) == {(to, "c1", "return_received") for to in (BUYER, SELLER)}


def test_a_parcel_that_comes_back_is_told_for_each_claim_that_it_brings_to_the_platform() -> None:
    life = delivered()
    for line in ("a", "b"):
        life.do("open_claim", BUYER, reason="changed_mind", lines=[line])
    for claim in life.order.claims:
        life.do("grant_claim", SELLER, claim_id=claim.claim_id)
    life.now += timedelta(hours=3)
    taken = scan(life, "p1", "returned")
    both = [claim.claim_id for claim in life.order.claims]
    assert mails(life, taken) == {(to, name, "escalated_to_platform") for to in (BUYER, SELLER) for name in both}


def requests(life: Life, taken: Decision) -> tuple[Notice, ...]:
    """The mails that ask how the claim was handled."""
    found = notices(taken.step, taken.tells, life.order.seq, taken.events, life.order, life.now)
    return tuple(notice for notice in found if notice.template == "feedback")


def ended_while_goods_travel() -> tuple[Life, tuple[Notice, ...]]:
    """A claim that was rejected for good, and with what its sides are asked about it."""
    life = return_sent()
    life.do("escalate_claim", BUYER)
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    life.do("appeal_claim", BUYER, **NOTE)
    return life, requests(life, life.do("decide_claim", OTHER_JUDGE, verdict="release", **NOTE))


def standing(life: Life, asked: tuple[Notice, ...]) -> list[bool]:
    """Whether the mails would leave now."""
    return [stands(notice.template, notice.context, life.order) for notice in asked]


def test_nobody_is_asked_about_a_claim_that_goes_on_and_both_sides_are_about_each_end_by_itself() -> None:
    life, first = ended_while_goods_travel()
    assert standing(life, first) == [True, True]
    life.now += timedelta(hours=5)
    scan(life, "r1", "delivered")
    assert standing(life, first) == [False, False], "it goes on"
    life.now += timedelta(hours=5)
    second = requests(life, life.do("decide_claim", THIRD_JUDGE, verdict="release", **NOTE))
    assert [(notice.to, notice.due - life.now) for notice in second] == [
        (BUYER, timedelta(days=1)), (SELLER, timedelta(days=1)),
    ]  # fmt: skip
    assert (standing(life, first), standing(life, second)) == ([False, False], [True, True])
    assert not {notice.cause for notice in first} & {notice.cause for notice in second}


def test_a_request_of_an_older_version_does_not_say_about_which_end_it_is_and_stands_while_the_claim_is_ended() -> None:
    life, _ = ended_while_goods_travel()
    assert stands("feedback", {"claim_id": "c1"}, life.order)
    scan(life, "r1", "delivered")
    assert not stands("feedback", {"claim_id": "c1"}, life.order)
