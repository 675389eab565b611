"""docs/claims.md against what claims do: no way that a claim goes is left out, and none is drawn that no claim goes."""

from __future__ import annotations

import re
from functools import cache

from docs import claims_page
from domain.claim import CLAIM_STEPS, NAMES
from domain.claims.case import ENDED, STATUS_WORDS, Status
from tests.domain.claim_changes import changes

OPEN = frozenset(Status) - ENDED
NOTE = re.compile(r"note right of resolved\n +from every open status when [^:;]+ lost chargeback [^:;]+\n +end note\n")
"""A colon or a semicolon would end the note's text."""
ARROW = re.compile(r"^    (?P<start>\w+) --> (?P<end>\w+): (?P<labels>.+)$", re.MULTILINE)
OTHERWISE = "no step of a claim"
"""What the page tells in words, and not by the name of a step: news from outside, or the end of an operation."""
Way = tuple[str, str, str]

page = cache(claims_page.render)


def diagram() -> str:
    return page().split("```mermaid\n")[1].split("```")[0]


def drawn() -> set[Way]:
    """From where to where, and by what, as the arrows have it."""
    ways = (
        (way["start"], way["end"], way["labels"].replace("⏱ ", "").split("<br/>")) for way in ARROW.finditer(diagram())
    )
    return {(start, end, label if label in NAMES else OTHERWISE) for start, end, labels in ways for label in labels}


def noted() -> set[Way]:
    """What the note stands for, and the sentence above that explains it."""
    told = NOTE.search(diagram()) and "by a chargeback that the bank decides for the buyer" in page()
    return {(status, Status.RESOLVED, OTHERWISE) for status in OPEN} if told else set()


def gone() -> set[Way]:
    """The same as claims go."""
    return {(each.start, each.end, each.cause if each.cause in NAMES else OTHERWISE) for each in changes()}


def test_every_way_that_a_claim_goes_is_drawn_or_told_by_the_note() -> None:
    assert gone() - drawn() - noted() == set()


def test_every_arrow_and_the_note_is_a_way_that_some_claim_goes() -> None:
    assert (drawn() | noted()) - gone() == set()


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
