"""The pages that name the test behind each row: every named test exists, and what is claimed is shown."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CLAIMED = {
    "capabilities.md": """
        C1 C2 C3 C4 C5 C6 C7 C9 C10 C11 C12 S1 S2 S3 S5 T1 T2 T5 T6 T7 T9 T10 T11 D1 D2 D3 D4 D5 D6 D7 D8 D9 D10
        X1 X2 X3 R14 M1 M2 M4 M5 M6 M7 K1 K2 B1 B2 B3 P1 P2 P3 P4 A1 A2 A7 O1 O2 O3 O5 O6 O10
    """,
    "invariants.md": """
        L1 L2 L3 L4 L5 L6 L7 L8 L9 P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 P11 P12 P13
        W1 W2 W3 W4 W5 W6 W7 W8 W9 W11 W12 W13 W14 W15 A1 A5 A6 T1 R1 R2 R3
    """,
}
"""The rows that are done; a row never leaves this list."""

ROW = re.compile(r"\| (?P<row>[A-Z]\d+) \| [^|]+ \| (?P<shown>[^|]+) \|( [^|]+ \|)?")
TEST = re.compile(r"`(tests/[^`]+)`")
NOT_YET = "not yet"


def rows(page: Path) -> dict[str, str]:
    """What stands under `shown by`, by row; a row that is there twice is a mistake of the page."""
    found = [(match["row"], match["shown"]) for match in map(ROW.fullmatch, page.read_text().splitlines()) if match]
    assert len(dict(found)) == len(found), "a row stands in the page twice"
    return dict(found)


def all_tests(root: Path) -> Iterator[str]:
    """Every test of the project as pytest names it, without its parameters."""
    for file in sorted((root / "tests").rglob("test_*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield f"{file.relative_to(root)}::{node.name}"


def faults(shown: dict[str, str], claimed: set[str], known: set[str]) -> Iterator[str]:
    """What is wrong with a page, in words."""
    for row in sorted(claimed - shown.keys()):
        yield f"{row} is claimed and not on the page"
    for row, how in shown.items():
        named = TEST.findall(how)
        if row in claimed and not named:
            yield f"{row} is claimed and names no test"
        elif not named and how != NOT_YET:
            yield f"{row} names no test and does not say '{NOT_YET}'"
        yield from (f"{row} names {test}, which does not exist" for test in named if test not in known)


@pytest.mark.parametrize("page", CLAIMED)
def test_every_claimed_row_names_tests_that_exist(page: str, pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    found = list(faults(rows(root / "docs" / page), set(CLAIMED[page].split()), set(all_tests(root))))
    assert not found, "\n" + "\n".join(found)


def test_a_row_without_a_test_and_a_test_that_is_gone_are_found() -> None:
    shown = {"C1": "`tests/a.py::test_here`", "C2": "`tests/a.py::test_gone`", "C3": NOT_YET, "C4": "soon"}
    assert list(faults(shown, {"C1", "C3", "C5"}, {"tests/a.py::test_here"})) == [
        "C5 is claimed and not on the page",
        "C2 names tests/a.py::test_gone, which does not exist",
        "C3 is claimed and names no test",
        "C4 names no test and does not say 'not yet'",
    ]
