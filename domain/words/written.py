"""What people wrote, as it is shown among other words: on a terminal, in a sheet, a mail or an evidence pack."""

from __future__ import annotations

from unicodedata import category

from domain.checkout import BIDI

_JOINERS = frozenset("\u200c\u200d")
"""They say how the letters beside them are written, and make one picture of several."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"})
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\N{REPLACEMENT CHARACTER}")
"""Letters and signs that nobody sees, and the one that stands for what is not shown."""


def shown(text: str) -> str:
    """A text that does nothing to what stands around it: it cannot colour, move, turn round or hide another.

    Line feeds stay. Any other whitespace is a space, so that no two words become one; joiners stay. What a screen would
    obey, or cannot show, stands as U+FFFD; all else that nobody sees is left out.
    """
    if all(map(str.isprintable, text.split("\n"))):
        return text
    return "".join(c if c.isprintable() or c == "\n" else _instead(c) for c in text)


def _instead(character: str) -> str:
    if character.isspace():
        return " "
    if character in _JOINERS:
        return character
    return "" if category(character) == "Cf" and character not in BIDI else "\N{REPLACEMENT CHARACTER}"


def in_a_line(text: str) -> str:
    """A text as it is shown where lines mean something: none of its own begins another, so that it forges no record."""
    return " ".join(shown(text).split())


def quoted(text: str) -> list[str]:
    """The lines of a text as they are shown between records: each behind a mark, so that none is taken for a record."""
    return [f"> {shown(line)}".rstrip() for line in text.splitlines()]


def says_something(text: str) -> bool:
    """Whether somebody who is shown a text sees any of it."""
    return any(category(c) not in _UNSEEN and c not in _BLANK for c in text)
