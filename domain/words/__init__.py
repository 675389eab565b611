"""The process in people's words, one file per language; templates/ has a folder for each besides.

English is what the desk, the command line and the documents read, and what a reader gets whose language is not here.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.words.english import (
    CLAIM_DUTY,
    CLAIM_WAITS,
    DUTY,
    ENGLISH,
    HAPPENED,
    NOT_CAPTURED,
    NOT_PAID,
    NOT_PAID_OTHERWISE,
    NOT_RENEWED,
    OTHERWISE,
)
from domain.words.german import GERMAN
from domain.words.tongue import Words

__all__ = [
    "CLAIM_DUTY", "CLAIM_WAITS", "DUTY", "HAPPENED", "LANGUAGES", "NOT_CAPTURED", "NOT_RENEWED", "OTHERWISE", "Words",
    "in_language", "not_paid",
]  # fmt: skip

LANGUAGES: Mapping[str, Words] = {"en": ENGLISH, "de": GERMAN}
"""By ISO 639 code, as the folders of templates/ are named."""


def in_language(code: str) -> Words:
    """The words of a language, or the English ones."""
    return LANGUAGES.get(code, ENGLISH)


def not_paid(code: str) -> str:
    """Why an offer to pay was not taken, by the code of its refusal."""
    return NOT_PAID.get(code, NOT_PAID_OTHERWISE)
