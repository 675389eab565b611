"""What people wrote, as it is shown: its words stay apart, and it does nothing to what stands around it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, strategies as st

from activities.notices import Reader
from domain.checkout import BIDI
from domain.state import Role
from domain.words.written import says_something, shown
from starter.pack.case import as_text
from starter.render import text as on_a_terminal
from starter.sheets.cells import clean
from tests.activities.told_orders import LETTERS
from tests.domain.telling import Telling

FAMILY, PERSIAN = "👨\u200d👩\u200d👧", "می\u200cخواهم"
WRITTEN = {
    "hard spaces": ("Cassé\u00a0: 2\u202f500 €", "Cassé : 2 500 €"),
    "tabs and wide spaces": ("now\tand\u3000then", "now and then"),
    "joiners": (f"{FAMILY} {PERSIAN}", f"{FAMILY} {PERSIAN}"),
    "hyphens that may be": ("so\u00adft \u200bhy\u2060phen\ufeff", "soft hyphen"),
    "marks of direction": ("\u05d0\u200e1\u200f", "\u05d01"),
    "what a screen obeys": ("a\x1b[31mb\x07\u202ec\u2066d", "a\ufffd[31mb\ufffd\ufffdc\ufffdd"),
}
"""What was typed, and what everybody is shown of it."""


def in_a_mail(words: str) -> str:
    life = Telling()
    life.do("message", Role.BUYER, message_id="m-1")
    facts = life.notice("message", Role.SELLER).context
    told = LETTERS.render("message", facts, Reader(Role.SELLER, "Sam"), life.order, text=words).text
    (line,) = [line for line in told.splitlines() if line.startswith("> ")]
    return line.removeprefix("> ")


ROOMS: dict[str, Callable[[str], str]] = {
    "a terminal": lambda words: on_a_terminal(words).plain,
    "a sheet": clean,
    "a mail": in_a_mail,
    "a pack": lambda words: b"".join(as_text("notes.txt", "", [words]).chunks).decode().removesuffix("\n"),
}


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(("written", "expected"), WRITTEN.values(), ids=WRITTEN)
def test_what_a_person_wrote_reads_the_same_wherever_it_is_shown(room: str, written: str, expected: str) -> None:
    assert ROOMS[room](written) == expected


def test_a_line_of_a_pack_begins_no_other() -> None:
    (line,) = as_text("notes.txt", "", ["said\r\n2026-11-24 09:30 UTC  seller  I did it\u2028\x85"]).chunks
    assert line.decode() == "said  2026-11-24 09:30 UTC  seller  I did it  \n"


@given(st.text(st.one_of(st.characters(), st.sampled_from([*BIDI, "\u200c", "\u200d", "\u00a0", "\u200b", "\n"]))))
@example("a\nb")
@example("\udc00\ue000\u0378")
def test_no_text_does_anything_to_what_stands_around_it(text: str) -> None:
    seen = shown(text)
    assert all(c.isprintable() or c in "\n\u200c\u200d" for c in seen)
    assert shown(seen) == seen
    assert seen.split() == [each for word in text.split() if (each := shown(word))], "words stay apart"
    if text.isprintable():
        assert seen == text


@pytest.mark.parametrize("text", ["", " \n\t", "\u00a0\u200b", "\u200d", "\u2800", "\u3164", "\ufe0f", "\x07"])
def test_a_text_of_which_nothing_is_seen_says_nothing(text: str) -> None:
    assert not says_something(text)
    assert not says_something(shown(text))


@pytest.mark.parametrize("text", ["x", " \u00a0.", "\u200bא", "🫠", "\ue000", "👍\ufe0f"])
def test_one_character_that_is_seen_says_something(text: str) -> None:
    assert says_something(text)
