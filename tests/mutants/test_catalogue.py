from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from tests.mutants.catalogue import Mutant, catalogue, mutated, problems
from tests.mutants.page import INVARIANT, INVARIANTS, NONE, PAGE, bugs_of, render, with_bugs

ONE = Mutant(
    "a_bug", ("P1",), "domain/a.py", "x = a + b\n", "x = a - b\n", ("tests/test_a.py::test_that_something_holds",)
)

SEEDED = """
    L1 L2 L3 L4 L5 L6 L7 L8 L9 P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 P11 P12 P13
    W1 W2 W3 W4 W5 W6 W7 W8 W9 W11 W12 W13 W14 W15 W16 W17 A1 A2 A5 A6 A7 T1 R1 R2 R3 D8 D9 D10 D11 D12 A8 W18 W19
    D13 D14 D15 D16
"""
"""The rows of docs/invariants.md that a seeded bug breaks; a row never leaves this list."""


def tree(root: Path) -> Path:
    for path, text in {
        "domain/a.py": "a = b = 1\nx = a + b\n",
        "tests/test_a.py": "def test_that_something_holds() -> None:\n    pass\n",
    }.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_every_seeded_bug_fits_the_code_and_names_tests_that_exist() -> None:
    assert problems(catalogue()) == []


def test_there_are_at_least_forty_seeded_bugs_and_the_page_lists_them_all() -> None:
    assert len(catalogue()) >= 40
    assert PAGE.read_text(encoding="utf-8") == render(catalogue()), "run `make mutants`"


def test_the_page_of_invariants_names_the_bugs_that_break_each_row() -> None:
    text = INVARIANTS.read_text(encoding="utf-8")
    assert text == with_bugs(text, catalogue()), "run `make mutants`"
    told = bugs_of(text)
    assert {row for mutant in catalogue() for row in mutant.breaks} <= told.keys(), "a bug breaks a row that is no more"
    assert {row for row in SEEDED.split() if told.get(row, NONE) == NONE} == set()


def test_each_row_names_a_test_that_finds_a_bug_which_breaks_it() -> None:
    text = INVARIANTS.read_text(encoding="utf-8")
    named = {row[2]: set(re.findall(r"`(tests/[^`]+)`", row[1])) for row in INVARIANT.finditer(text)}
    finders: dict[str, set[str]] = {}
    for mutant in catalogue():
        for row in mutant.breaks:
            finders.setdefault(row, set()).update(test.partition("[")[0] for test in mutant.tests)
    assert {row for row in SEEDED.split() if not named[row] & finders[row]} == set()


def test_a_row_without_a_bug_says_so_and_one_with_bugs_names_them_all() -> None:
    page = "| row | what | shown by | seeded bug |\n|---|---|---|---|\n| P1 | a | `t` | old |\n| P2 | b | `t` | old |\n"
    told = with_bugs(page, [ONE, replace(ONE, name="another", breaks=("L1", "P1"))])
    assert bugs_of(told) == {"P1": "`a_bug`, `another`", "P2": NONE}
    assert told.splitlines()[:2] == page.splitlines()[:2]
    assert with_bugs(told, [ONE]) != told


def test_an_entry_that_does_not_fit_is_named(tmp_path: Path) -> None:
    root = tree(tmp_path)
    wrong = {
        "gone": replace(ONE, name="gone", before="x = a * b\n"),
        "elsewhere": replace(ONE, name="elsewhere", file="domain/b.py"),
        "twice": replace(ONE, name="twice", before=" = ", after=" == "),
        "nothing": replace(ONE, name="nothing", after=ONE.before),
        "much": replace(ONE, name="much", before="a = b = 1\nx = a + b\n", after="a = 2\nx = 3\n"),
        "untested": replace(ONE, name="untested", tests=()),
        "lost": replace(ONE, name="lost", tests=("tests/test_a.py::test_that_nothing_holds",)),
    }
    assert problems([ONE], root) == []
    assert [problem.partition(": ")[0] for problem in problems([*wrong.values()], root)] == list(wrong)
    assert problems([ONE, ONE], root) == ["a_bug: stands in the list 2 times"]


def test_a_bug_changes_its_line_and_nothing_else(tmp_path: Path) -> None:
    assert mutated(ONE, tree(tmp_path)) == "a = b = 1\nx = a - b\n"
    assert ONE.changed == ("x = a + b", "x = a - b")
