from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.mutants.catalogue import Mutant, catalogue, mutated, problems
from tests.mutants.page import PAGE, render

ONE = Mutant(
    "a_bug", ("P1",), "domain/a.py", "x = a + b\n", "x = a - b\n", ("tests/test_a.py::test_that_something_holds",)
)


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
