"""The list of seeded bugs, read from the TOML files beside, and what is wrong with the list itself."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Mutant:
    """One bug: in `file`, `before` becomes `after`, which breaks the rows `breaks` of docs/invariants.md.

    `tests` are pytest node ids; at least one of them must fail.
    """

    name: str
    breaks: tuple[str, ...]
    file: str
    before: str
    after: str
    tests: tuple[str, ...]

    @property
    def changed(self) -> tuple[str, str]:
        """The line that changes, as it is and as the bug has it; "" for a line that is gone."""
        lines = list(difflib.ndiff(self.before.splitlines(), self.after.splitlines()))
        gone, come = ([line[2:].strip() for line in lines if line.startswith(sign)] for sign in "-+")
        return " ".join(gone), " ".join(come)


def catalogue(folder: Path = HERE) -> tuple[Mutant, ...]:
    """All seeded bugs, file by file."""
    return tuple(mutant for file in sorted(folder.glob("*.toml")) for mutant in _read(file))


def _read(file: Path) -> Iterator[Mutant]:
    for entry in tomllib.loads(file.read_text(encoding="utf-8"))["mutant"]:
        breaks, tests = (tuple(entry.pop(name)) for name in ("breaks", "tests"))
        yield Mutant(**entry, breaks=breaks, tests=tests)


def problems(mutants: Sequence[Mutant], root: Path = ROOT) -> list[str]:
    """One sentence for each entry that does not fit the tree any more."""
    names = Counter(mutant.name for mutant in mutants)
    twice = [f"{name}: stands in the list {count} times" for name, count in names.items() if count > 1]
    return [*twice, *(f"{mutant.name}: {what}" for mutant in mutants for what in _problems(mutant, root))]


def _problems(mutant: Mutant, root: Path) -> Iterator[str]:
    file = root / mutant.file
    found = file.read_text(encoding="utf-8").count(mutant.before) if file.is_file() else 0
    if found != 1:
        yield f"`before` is found {found} times in {mutant.file}, not once; change the entry along with the code"
    diff = list(difflib.ndiff(mutant.before.splitlines(), mutant.after.splitlines()))
    signs = Counter(line[0] for line in diff)
    if mutant.before == mutant.after or max(signs["-"], signs["+"]) > 1:
        yield "is not a change of one line"
    if not mutant.tests:
        yield "names no test"
    for test in mutant.tests:
        path, _, function = test.partition("::")
        text = (root / path).read_text(encoding="utf-8") if (root / path).is_file() else ""
        if not re.search(rf"def {re.escape(function.partition('[')[0])}\(", text):
            yield f"there is no test {test}"


def mutated(mutant: Mutant, root: Path) -> str:
    """The text of the mutant's file with the bug in it; raises ValueError when the entry does not fit."""
    text = (root / mutant.file).read_text(encoding="utf-8")
    if text.count(mutant.before) != 1:
        raise ValueError(f"{mutant.name} does not fit {mutant.file}")
    return text.replace(mutant.before, mutant.after)
