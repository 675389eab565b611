"""docs/claims.md against the table of claims."""

from __future__ import annotations

from functools import cache

from docs import claims_page
from domain.claim import CLAIM_STEPS
from domain.claims.case import ENDED, STATUS_WORDS, Status

OPEN = frozenset(Status) - ENDED

page = cache(claims_page.render)


def statuses(cell: str) -> set[Status] | frozenset[Status]:
    """The statuses that a cell names; no name has a comma."""
    by_words = {words: status for status, words in STATUS_WORDS.items()}
    if cell == "every open one":
        return OPEN
    named = {by_words[word] for word in cell.removeprefix("every open one but ").split(", ")}
    return OPEN - named if cell.startswith("every open one but ") else named


def test_the_steps_stand_with_the_statuses_that_they_are_for_and_those_that_they_lead_to() -> None:
    rows = [line.split(" | ") for line in page().split("\n## The steps\n")[1].splitlines() if line.startswith("| ")]
    opening, *others = rows[2:]
    assert opening[2:4] == ["", STATUS_WORDS[Status.RECEIVED]]
    for (name, _, start, end, *_), step in zip(others, CLAIM_STEPS, strict=True):
        assert f"`{step.name}`" in name
        assert statuses(start) == set(step.leads), step.name
        if end == "the same":
            assert all(following == (status,) for status, following in step.leads.items()), step.name
        else:
            assert statuses(end.replace(" or ", ", ")) == set().union(*step.leads.values()), step.name
