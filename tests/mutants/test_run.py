"""What counts as a bug that was found: tests that come to no end with it, but do so without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mutants import run
from tests.mutants.catalogue import Mutant
from tests.mutants.run import Ran

ONE = Mutant("a_bug", ("P1",), "a.py", "x = 1\n", "x = 2\n", ("test_a.py::test_that_x_is_one",))
ENDLESS, GREEN, RED = Ran(-1, (), ""), Ran(0, (), "1 passed"), Ran(1, ("test_a.py::test_that_x_is_one",), "1 failed")
SLOW = "BROKEN: too slow here, also without the bug; no end within 300 s"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A tree with one line."""
    (tmp_path / "a.py").write_text(ONE.before)
    return tmp_path


def runs(monkeypatch: pytest.MonkeyPatch, spoilt: Ran, *whole: Ran) -> list[tuple[str, float]]:
    """The tests end so with the bug, and so without it each time; gives what was run, and for how long at most."""
    without, seen = iter(whole), list[tuple[str, float]]()

    def tested(root: Path, tests: Iterable[str], patience: float) -> Ran:
        text = (root / ONE.file).read_text()
        seen.append((text, patience))
        assert tuple(tests) == ONE.tests
        return spoilt if text == ONE.after else next(without)

    monkeypatch.setattr(run, "tested", tested)
    return seen


@pytest.mark.parametrize(
    ("whole", "verdict", "found"),
    [(GREEN, "found: no end within 300 s", True), (ENDLESS, SLOW, False), (RED, SLOW, False)],
    ids=["green", "endless", "red"],
)
def test_tests_without_an_end_find_a_bug_only_when_they_pass_without_it_in_the_same_time(
    monkeypatch: pytest.MonkeyPatch, copy: Path, whole: Ran, verdict: str, found: bool
) -> None:
    seen = runs(monkeypatch, ENDLESS, whole)
    ran = run.tried(ONE, copy)
    assert (ran.verdict, ran.found) == (verdict, found)
    assert seen == [(ONE.after, run.PATIENCE), (ONE.before, run.PATIENCE)]


@pytest.mark.parametrize("spoilt", [GREEN, RED])
def test_tests_that_end_are_run_once(monkeypatch: pytest.MonkeyPatch, copy: Path, spoilt: Ran) -> None:
    seen = runs(monkeypatch, spoilt)
    assert run.tried(ONE, copy) is spoilt
    assert seen == [(ONE.after, run.PATIENCE)]


@pytest.mark.parametrize(("whole", "code"), [(GREEN, 0), (ENDLESS, 1)], ids=["green", "endless"])
def test_no_page_is_written_when_the_machine_was_too_slow_for_a_bug(
    monkeypatch: pytest.MonkeyPatch, copy: Path, capsys: pytest.CaptureFixture[str], whole: Ran, code: int
) -> None:
    @contextmanager
    def copied() -> Iterator[Path]:
        yield copy

    runs(monkeypatch, ENDLESS, GREEN, whole)
    page, rows = copy / "mutants.md", copy / "invariants.md"
    rows.write_text("")
    for name, value in {"catalogue": lambda: (ONE,), "problems": lambda _: [], "copied": copied}.items():
        monkeypatch.setattr(run, name, value)
    monkeypatch.setattr(run, "PAGE", page)
    monkeypatch.setattr(run, "INVARIANTS", rows)
    assert run.main(["--jobs", "1"]) == code
    assert page.exists() is (code == 0)
    assert (f"a_bug  {SLOW}" in capsys.readouterr().out) is (code == 1)
