"""When a line arrived: at the time that the carrier tells, as far as that can be."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.deadlines import deadlines
from domain.state import Role
from domain.wire import instant
from tests.domain.world import START, Life, confirmed, shipped, text_of


def delivered_at(life: Life, parcel_id: str, at: datetime) -> None:
    told = {"parcel_id": parcel_id, "milestone": "delivered", "at": text_of(at), "proof": "strong"}
    life.do("parcel_scan", Role.CARRIER, **told)


def arrived(life: Life) -> list[datetime]:
    return [line.since for line in life.order.lines]


def test_a_delivery_that_is_told_with_a_date_long_ago_was_not_before_the_parcel_was_sent() -> None:
    life = shipped()
    life.now += timedelta(days=2)
    delivered_at(life, "p1", instant("1970-01-01T00:00:00Z"))
    assert arrived(life) == [START, START]
    assert {clock.step for clock in deadlines(life.order) if clock.party} == {"accept_on_strong_proof"}
    assert life.silence()[-1] == "close"


def test_a_line_in_several_boxes_arrives_with_its_last_also_when_that_is_told_first() -> None:
    life = confirmed()
    for parcel, lines in (("p1", ["a"]), ("p2", ["a", "b"])):
        life.do("ship", Role.SELLER, parcel_id=parcel, carrier="dhl", lines=lines)
    first, last = START + timedelta(days=1), START + timedelta(days=4)
    life.now = last
    delivered_at(life, "p2", last)
    assert life.states == ("shipped", "delivered")
    life.now += timedelta(days=1)
    delivered_at(life, "p1", first)
    assert arrived(life) == [last, last]


def test_a_box_arrives_not_before_it_was_seen_on_its_way() -> None:
    life = shipped()
    life.now += timedelta(days=3)
    seen = life.now
    life.do("parcel_scan", Role.CARRIER, parcel_id="p1", milestone="in_transit", at=text_of(seen))
    delivered_at(life, "p1", START + timedelta(days=1))
    assert arrived(life) == [seen, seen]


def test_of_two_lines_that_one_scan_delivers_each_arrives_with_its_own_last_box() -> None:
    life = confirmed()
    for parcel, lines in (("p1", ["a", "b"]), ("p2", ["a"])):
        life.do("ship", Role.SELLER, parcel_id=parcel, carrier="dhl", lines=lines)
    first, last = START + timedelta(days=1), START + timedelta(days=4)
    life.now = last
    delivered_at(life, "p2", last)
    delivered_at(life, "p1", first)
    assert arrived(life) == [last, first]
