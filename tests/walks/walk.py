"""A page that walks through the product: its commands are run as they stand, and its outputs compared.

A page is Markdown. In a block marked ``console`` a line after ``$`` is a command, what follows is what it prints; mails
that are due leave after each. A comment ``<!-- play: ... -->`` is what happens between the commands, without a command
line of its own. What differs from run to run (generated ids, keys) is compared in a general form, and times by how far
they are from each other (`tests.walks.times`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

BLOCK = re.compile(r"^```console\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
PLAY = re.compile(r"^<!-- play: (?P<what>.+?) -->$", re.MULTILINE)

BEGAN = re.compile(r"^<!-- written: (?P<at>\S+) -->$", re.MULTILINE)

NUMBERS = r"003404341610940425\d\d"
"""The tracking numbers of the pages, which are compared as they stand; ids made of digits alone are not told apart."""

GENERAL = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d( UTC| [+-]\d\d:\d\d)?"), "TIME"),
    (re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ \w+ \d{4} \d\d:\d\d [+-]\d\d:\d\d"), "TIME"),
    (re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w+ \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DAY"),
    (re.compile(r"\b(ch|pi|re|tr)_[0-9a-f]+"), "ID"),
    (re.compile(rf"\b(?!{NUMBERS}\b)[0-9a-f]{{12,64}}\b"), "ID"),
    (re.compile(r"\b(capture|release|refund)([ :])\d+"), r"\1\2N"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"[─━]+"), "─"),
)


@dataclass(frozen=True)
class Scene:
    """One thing that happens: something played, or a command with what the page says that it prints."""

    command: tuple[str, ...] = ()
    shown: str = ""
    play: tuple[str, ...] = ()
    at: tuple[int, int] = (0, 0)


def scenes(page: str) -> tuple[Scene, ...]:
    """What happens in a page, in its order. `at` is where a command's output stands in the text."""
    found = [(match.start(), Scene(play=tuple(shlex.split(match["what"])))) for match in PLAY.finditer(page)]
    for match in BLOCK.finditer(page):
        found += _commands(page, match.start("body"), match["body"])
    return tuple(scene for _, scene in sorted(found, key=lambda item: item[0]))


def _commands(page: str, start: int, body: str) -> Iterator[tuple[int, Scene]]:
    starts = [m.start() for m in re.finditer(r"^\$ ", body, re.MULTILINE)]
    for begin, end in zip(starts, [*starts[1:], len(body)], strict=True):
        line, _, shown = body[begin:end].partition("\n")
        told = start + begin + len(line) + 1
        yield start + begin, Scene(tuple(shlex.split(line[2:])), shown, (), (told, start + end))


def general(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, word in GENERAL:
        text = pattern.sub(word, text)
    return "\n".join(line.strip() for line in text.strip().splitlines())


def with_outputs(page: str, outputs: dict[tuple[int, int], str]) -> str:
    """The page with these outputs in the places of its own."""
    for (start, end), output in sorted(outputs.items(), reverse=True):
        tail = "\n" if page[end : end + 3] != "```" else ""
        page = page[:start] + output.rstrip() + "\n" + tail + page[end:]
    return page


def began(page: str) -> datetime:
    """When a page's outputs were written."""
    found = BEGAN.search(page)
    assert found, "the page does not say when it was written: WALKS=write"
    return datetime.fromisoformat(found["at"])


def with_beginning(page: str, at: datetime) -> str:
    """The page with this as the time at which its outputs were written."""
    return f"{BEGAN.sub('', page).rstrip()}\n\n<!-- written: {at.astimezone(UTC):%Y-%m-%dT%H:%M}Z -->\n"


def pages(root: Path) -> tuple[Path, ...]:
    """All pages that are walked."""
    return tuple(sorted((root / "docs" / "walks").glob("*.md")))
