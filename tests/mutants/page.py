"""docs/mutants.md, told from the list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.mutants.catalogue import ROOT, Mutant

PAGE = ROOT / "docs" / "mutants.md"

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
