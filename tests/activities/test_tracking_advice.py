from __future__ import annotations

import string

import pytest
from hypothesis import given, strategies as st
from tracking_numbers import DEFINITIONS

from activities.tracking_advice import _COURIERS, Advice, advice, normalise

UPS = "1Z5R89390357567127"
USPS = "9400111202555842332669"
FEDEX = "986578788855"
POST = "RB123456785GB"


def test_a_number_is_compared_in_upper_case_and_without_separators() -> None:
    assert normalise(" 1z-5r8 939.03\t57567127\n") == "1Z5R8939" + "0357567127"


@pytest.mark.parametrize(
    ("carrier", "number"),
    [
        ("UPS", UPS),
        ("ups", UPS.lower()),
        ("USPS", USPS),
        ("U.S.P.S.", " ".join(USPS)),
        ("FedEx", FEDEX),
        ("PostNL", POST),
    ],
)
def test_a_right_number_is_known_and_its_check_digit_holds(carrier: str, number: str) -> None:
    found = advice(carrier, number)
    assert (found.format_known, found.check_digit_ok) == (True, True)


@pytest.mark.parametrize(
    ("carrier", "number"), [("UPS", UPS[:-1] + "8"), ("USPS", USPS[:-1] + "1"), ("Royal Mail", "RB123456784GB")]
)
def test_a_mistyped_number_is_told_and_not_refused(carrier: str, number: str) -> None:
    found = advice(carrier, number)
    assert (found.format_known, found.check_digit_ok) == (True, False)
    assert "label" in found.sentence


def test_a_number_of_another_carrier_names_that_carrier() -> None:
    found = advice("FedEx", UPS)
    assert not found.format_known
    assert "UPS" in found.sentence


def test_a_format_without_a_check_digit_says_so() -> None:
    assert advice("Amazon Logistics", "tba502887274000").check_digit_ok is None
    assert advice("Amazon Logistics", "tba502887274000").format_known


def test_an_unknown_carrier_is_taken_without_judgement() -> None:
    assert advice("Pony Express", "PX-1860") == Advice(
        False, None, "We cannot check numbers of this carrier: please compare it with the label."
    )


def test_every_courier_that_the_package_knows_has_a_name_here() -> None:
    assert {each.courier.code for each in DEFINITIONS} - {"s10"} == set(_COURIERS.values())


@given(
    st.sampled_from(["UPS", "USPS", "FedEx", "DHL", "CDL", "nobody", ""]),
    st.text(max_size=80) | st.text(string.ascii_uppercase + string.digits, min_size=8, max_size=34),
)
def test_advice_never_raises_and_never_repeats_the_number(carrier: str, number: str) -> None:
    found = advice(carrier, number)
    assert found.sentence
    if len(normalise(number)) >= 8:
        assert normalise(number) not in found.sentence.upper()
