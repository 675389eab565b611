"""The process in people's words, one file per language; templates/ has a folder for each besides.

English is what the desk, the command line and the documents read, and what a reader gets whose language is not here.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.words.english import CLAIM_DUTY, CLAIM_WAITS, DUTY, ENGLISH, HAPPENED, OTHERWISE
from domain.words.german import GERMAN
from domain.words.tongue import Words

__all__ = ["CLAIM_DUTY", "CLAIM_WAITS", "DUTY", "HAPPENED", "LANGUAGES", "OTHERWISE", "Words", "in_language"]

LANGUAGES: Mapping[str, Words] = {"en": ENGLISH, "de": GERMAN}
"""By ISO 639 code, as the folders of templates/ are named."""


def in_language(code: str) -> Words:
    """The words of a language, or the English ones."""
    return LANGUAGES.get(code, ENGLISH)
