"""Names of files: for display, and for an archive. None is ever a path to anything."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 120
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_PLAIN = re.compile(r"[^A-Za-z0-9_-]+")
_PLAIN_LENGTH = 60


def display_name(name: str) -> str:
    """The last part of a path, without what is not seen or turns the direction of reading; ``file`` when none is left.

    A long name keeps its ending.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name.encode(errors="replace").decode()))[-1]
    seen = "".join(" " if c.isspace() else c for c in last if c.isspace() or unicodedata.category(c) not in _UNSEEN)
    tidy = " ".join(seen.split()).strip(". ")
    if len(tidy) > LONGEST:
        stem, dot, ending = tidy.rpartition(".")
        keeps = bool(stem) and len(ending) <= 10
        tidy = f"{stem[: LONGEST - len(ending) - 1].rstrip()}{dot}{ending}" if keeps else tidy[:LONGEST].rstrip()
    return tidy or "file"


def archive_name(number: int, who: str, name: str, suffix: str) -> str:
    """A name that every system can unpack: ``003-buyer-front-of-lamp.jpg``. Its ending tells what the file is."""
    stem = display_name(name).rpartition(".")[0] or display_name(name)
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    tidy = _PLAIN.sub("-", plain).strip("-")[:_PLAIN_LENGTH].rstrip("-")
    return f"{number:03}-{who}-{tidy or 'file'}{suffix}"
