"""What the pages of docs/ tell of the list: docs/mutants.md, and the last column of docs/invariants.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tests.mutants.catalogue import ROOT, Mutant

PAGE = ROOT / "docs" / "mutants.md"
INVARIANTS = ROOT / "docs" / "invariants.md"

INVARIANT = re.compile(r"^(\| ([A-Z]\d+) \| .+ \| .+ \|) (.+) \|$", re.MULTILINE)
NONE = "none"

HEAD = """# Seeded bugs

{count} one-line bugs in the code of money, process and access. `make mutants` puts each into a copy of the tree, runs
the tests that are named here and demands that one of them fails; it writes this page when none survived. The list is
`tests/mutants/*.toml`; an entry that does not fit the code any more fails the suite.

| bug | breaks | in | the line | becomes | found by |
|---|---|---|---|---|---|
"""


def render(mutants: Sequence[Mutant]) -> str:
    """The page."""
    rows = [_row(mutant) for mutant in mutants]
    return HEAD.format(count=len(rows)) + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(mutant: Mutant) -> Iterable[str]:
    was, becomes = (f"`` {text} ``".replace("|", "\\|") if text else "(nothing)" for text in mutant.changed)
    found_by = "<br>".join(f"`{test}`" for test in mutant.tests)
    return mutant.name, ", ".join(mutant.breaks), f"`{mutant.file}`", was, becomes, found_by


def with_bugs(text: str, mutants: Sequence[Mutant]) -> str:
    """The page of invariants with the bugs that break each row in the last cell of it."""

    def told(row: re.Match[str]) -> str:
        names = ", ".join(f"`{mutant.name}`" for mutant in mutants if row[2] in mutant.breaks)
        return f"{row[1]} {names or NONE} |"

    return INVARIANT.sub(told, text)


def bugs_of(text: str) -> dict[str, str]:
    """What the page of invariants says under `seeded bug`, by row."""
    return {row[2]: row[3] for row in INVARIANT.finditer(text)}
