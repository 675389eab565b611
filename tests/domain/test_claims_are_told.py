"""Who hears of a step of a claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from domain.decide import Decision
from domain.notices import Channel, notices
from domain.state import Actor, Role
from tests.domain.claims_world import BUYER, SELLER, SPECIALIST, countered, received, return_asked, upstream
from tests.domain.world import Life

PLATFORM = Actor(Role.PLATFORM, "platform-1")


def told(life: Life, taken: Decision) -> list[tuple[Role, str]]:
    """The mails of a step, by recipient."""
    found = notices(taken.step, taken.tells, life.order.seq, taken.events, life.order, life.now)
    return sorted((notice.to, notice.template) for notice in found if notice.channel is Channel.MAIL)


IN_THE_SELLERS_PLACE: Mapping[str, tuple[Callable[[], Life], dict[str, Any]]] = {
    "answer_claim": (received, {}),
    "offer_refund": (received, {"amount": "10.00 EUR"}),
    "decline_offer": (countered, {}),
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
