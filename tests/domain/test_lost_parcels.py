"""What a carrier owes for a parcel that it lost (T11): the terms, and how they are kept with the order."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.money import Money
from domain.policy import Policy
from domain.policy.carriage import LostParcel, Term
from domain.policy.file import check, load
from domain.state import Cause, Role
from tests.domain.lives import NOTE
from tests.domain.world import POLICY, Life, confirmed, moving_parts_round_trip, new_order, scan

FILE = """
name = "careful"
[lost_parcel.included]
DHL = { "*" = { EUR = "25.00" }, Kleinpaket = { EUR = "0.00" }, Sperrgut = { CHF = "25.00" } }
"*" = { "*" = { EUR = "1.00" }, Express = { EUR = "7.00" } }
[lost_parcel.insurable]
DHL = { "*" = { EUR = "40.00" }, Kleinpaket = { EUR = "0.00" } }
"""
TERMS = load(FILE, "careful.toml").lost_parcel


def euros(amount: str) -> Money:
    return Money.of(amount, "EUR")


@pytest.mark.parametrize(
    ("carrier", "service", "insured", "cover"),
    [
        ("DHL", "", None, "25.00"),  # no service level of its own: what the carrier includes everywhere
        ("dhl", "klein paket", None, "0.00"),  # capitals and spaces are no other name
        ("DHL", "Sperrgut", None, "0.00"),  # named, but in another currency
        ("DHL", "", "10.00", "25.00"),  # insured for less than is included
        ("DHL", "", "30.00", "30.00"),  # insured for more
        ("DHL", "", "99.00", "40.00"),  # for more than this carrier insures
        ("DHL", "Kleinpaket", "99.00", "0.00"),  # at a level that cannot be insured
        ("DHL", "Sperrgut", "99.00", "40.00"),  # insured as any level of this carrier
        ("GLS", "", None, "1.00"),  # any other carrier
        ("GLS", "express", None, "7.00"),  # any other carrier's level
        ("GLS", "", "99.00", "99.00"),  # insured at a carrier without a limit that is known
    ],
)
def test_a_carriers_cover_is_the_larger_of_included_and_insured(
    carrier: str, service: str, insured: str | None, cover: str
) -> None:
    sum_ = None if insured is None else euros(insured)
    assert TERMS.cover(carrier, service, sum_, "EUR") == euros(cover)


def test_without_terms_a_carrier_covers_what_was_insured_and_nothing_else() -> None:
    assert LostParcel().cover("DHL", "", None, "EUR") == euros("0.00")
    assert LostParcel().cover("DHL", "", euros("5.00"), "EUR") == euros("5.00")


def test_terms_are_written_pinned_and_read_back_as_they_were() -> None:
    policy = load(FILE, "careful.toml")
    assert Policy.from_plain(json.loads(json.dumps(policy.to_plain()))) == policy
    odd = Term('Post "Express"', "Brief 20.00, groß", (euros("1.00"),))
    for terms in (policy.lost_parcel, LostParcel(included=(odd,))):
        check(replace(policy, lost_parcel=terms))


def lost(*, service: str = "", insured: str | None = None, lines: tuple[str, ...] = ("a", "b")) -> Life:
    """Two lines, of 30.00 and 20.00 EUR, confirmed under these terms; parcel ``p1`` with `lines` is lost."""
    life = confirmed(new_order(replace(POLICY, lost_parcel=TERMS)))
    about = {"service": service} | ({} if insured is None else {"insured": insured})
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="DHL", lines=list(lines), **about)
    life.now += timedelta(days=1)
    scan(life, "p1", "lost")
    return life


def owed(life: Life, parcel_id: str = "p1") -> tuple[tuple[str, ...], str] | None:
    parcel = life.order.parcel(parcel_id)
    assert parcel is not None
    return None if parcel.loss is None else (parcel.loss.lines, str(parcel.loss.pays))


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (lost(), (("a", "b"), "25.00 EUR")),  # covered for less than it was worth
        (lost(lines=("b",)), (("b",), "20.00 EUR")),  # never more than the price
        (lost(insured="45.00 EUR"), (("a", "b"), "40.00 EUR")),
        (lost(insured="35.00 EUR", lines=("a",)), (("a",), "30.00 EUR")),
        (lost(service="Kleinpaket", insured="45.00 EUR"), (("a", "b"), "0.00 EUR")),
    ],
)
def test_a_lost_parcel_pays_its_cover_and_never_more_than_its_lines_were_sold_for(
    life: Life, expected: tuple[tuple[str, ...], str]
) -> None:
    assert owed(life) == expected
    assert moving_parts_round_trip(life.order)


def test_other_terms_later_change_nothing_of_what_was_reckoned() -> None:
    life = lost()
    other = replace(life.order.policy, version="2", lost_parcel=LostParcel())
    life.do("adopt_policy", Role.OPERATOR, policy=other.to_plain(), **NOTE)
    assert life.order.policy.lost_parcel == LostParcel()
    assert owed(life) == (("a", "b"), "25.00 EUR")


def test_what_the_carrier_owes_stands_whatever_is_decided_about_the_buyer() -> None:
    life = lost()
    life.do("refund", Role.SPECIALIST, life.order.tickets[0].ticket_id, **NOTE)
    life.settle_money()
    assert life.states == ("refunded", "refunded")
    assert owed(life) == (("a", "b"), "25.00 EUR")


@pytest.mark.parametrize("found", ["delivered", "returned", "in_transit", "out_for_delivery"])
def test_for_a_parcel_that_turns_up_nothing_is_owed(found: str) -> None:
    life = lost()
    life.now += timedelta(days=1)
    scan(life, "p1", found)
    assert owed(life) is None


def test_lines_that_the_buyer_accepted_are_not_lost_and_those_refunded_before_are() -> None:
    life = confirmed(new_order(replace(POLICY, lost_parcel=TERMS)))
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="DHL")
    life.do("receive", Role.BUYER, lines=["a"])
    life.settle_money()
    life.do("refund", Role.SPECIALIST, lines=["b"], **NOTE)
    scan(life, "p1", "lost")
    assert owed(life) == (("b",), "20.00 EUR")
    assert not life.order.tickets


def test_a_line_that_is_missing_from_two_lost_parcels_is_owed_for_once() -> None:
    life = confirmed(new_order(replace(POLICY, lost_parcel=TERMS)))
    life.do("ship", Role.SELLER, parcel_id="p1", carrier="DHL", lines=["a"])
    life.do("ship", Role.SELLER, parcel_id="p2", carrier="DHL", lines=["a", "b"])
    scan(life, "p1", "lost")
    scan(life, "p2", "lost")
    assert (owed(life), owed(life, "p2")) == ((("a",), "25.00 EUR"), (("b",), "20.00 EUR"))


def test_of_a_line_in_two_parcels_the_one_that_has_arrived_is_not_looked_for() -> None:
    life = confirmed(new_order(prices=("30.00",)))
    for parcel_id in ("p1", "p2"):
        life.do("ship", Role.SELLER, parcel_id=parcel_id, carrier="dhl", lines=["a"])
    life.now += timedelta(days=1)
    scan(life, "p1", "delivered")
    assert life.states == ("shipped",)
    life.wait(days=20)
    assert [(ticket.cause, ticket.subject) for ticket in life.order.tickets] == [(Cause.PARCEL_STALLED, "p2")]
    scan(life, "p1", "lost")
    assert [(ticket.cause, ticket.subject) for ticket in life.order.tickets][-1] == (Cause.PARCEL_LOST, "p1")
