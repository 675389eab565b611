"""Tracking numbers in what people wrote."""

from __future__ import annotations

import pytest

from activities.store.desk.sheet_logs import MASKED, mask

NUMBER = "JD014600001234567890"


@pytest.mark.parametrize(
    "between",
    ["_", "/", "\u2011", "\u200b", ") (", " ", "-", ".", "\n"],
    ids=["line", "slash", "hyphen", "nothing to see", "brackets", "space", "dash", "dot", "break"],
)
def test_a_tracking_number_is_masked_whatever_stands_between_its_digits(between: str) -> None:
    written = between.join((NUMBER[:4].lower(), NUMBER[4:12], NUMBER[12:]))
    assert mask(f"It is ({written}), since Monday.", [NUMBER]) == f"It is ({MASKED}), since Monday."


def test_a_tracking_number_that_was_stored_with_signs_is_masked_without_them() -> None:
    assert mask("It is AB/12 34_5.", ["AB_12-345"]) == f"It is {MASKED}."


@pytest.mark.parametrize("other", ["JD01460000123456789", "JD014600001234567891", "JD01460000 and 1234567890"])
def test_another_number_is_left_as_it_is(other: str) -> None:
    assert mask(f"It is {other}.", [NUMBER]) == f"It is {other}."


@pytest.mark.parametrize("short", ["1234", "1-2-3-4"])
def test_a_number_that_may_be_any_word_is_left_as_it_is(short: str) -> None:
    assert mask("In 1234 it was.", [short]) == "In 1234 it was."
