"""``python -m tests.mutants.run``: put each seeded bug into a copy of the tree and see its tests fail.

Prints which test found which bug; the exit code is 1 when one survives, 2 when the list does not fit the tree or the
tests fail without any bug. A run of the whole list writes docs/mutants.md and the last column of docs/invariants.md.
Else the working tree is left alone.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.catalogue import ROOT, Mutant, catalogue, mutated, problems
from tests.mutants.page import INVARIANTS, PAGE, render, with_bugs

LEFT_OUT = (".git", ".venv", "var", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")
PATIENCE = 300.0  # seconds for the tests of one mutant
LONG_PATIENCE = 1800.0  # seconds for all tests without any bug
AT_SETUP = re.compile(r"^_+ ERROR at setup of ", re.MULTILINE)
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """How a selection of tests ended: pytest's exit code, -1 for none in time; the tests that failed; its output.

    `slow` says of such that came to no end that they come to none, or fail, without the bug, too.
    """

    code: int
    failed: tuple[str, ...]
    out: str
    slow: bool = False

    @property
    def verdict(self) -> str:
        """What it says of a mutant."""
        match self.code:
            case 1 if not self.found:
                return "BROKEN: a test could not begin; run it again"
            case 0:
                return "SURVIVED"
            case 1:
                return f"found by {self.failed[0] if self.failed else 'a test'}"
            case -1 if self.slow:
                return f"BROKEN: too slow here, also without the bug; no end within {PATIENCE:.0f} s"
            case -1:
                return f"found: no end within {PATIENCE:.0f} s"
            case _:
                return f"BROKEN: pytest ended with {self.code}, no test failed"

    @property
    def found(self) -> bool:
        return (self.code == -1 and not self.slow) or (self.code == 1 and not AT_SETUP.search(self.out))


@contextmanager
def copied(root: Path = ROOT) -> Iterator[Path]:
    """A copy of the tree without what is not its source."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        yield copy


def tested(root: Path, tests: Iterable[str], patience: float) -> Ran:
    """Run tests of the tree at `root` until one fails, for `patience` seconds."""
    # Compiled files are known by size and second, so a mutant could run as the one before it.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-n0", "-x", "-q", "-p", "no:cacheprovider", *dict.fromkeys(tests)]
    with subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            out, _ = running.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGINT)  # So that the servers of its session end, too.
            try:
                out, _ = running.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                running.kill()
                out, _ = running.communicate()
            return Ran(-1, (), out)
    return Ran(running.returncode, tuple(FAILED.findall(out)), out)


def tried(mutant: Mutant, copy: Path) -> Ran:
    """Run the mutant's tests in a copy of the tree that has its bug; the copy is whole again afterwards.

    Tests that come to no end are run once more without the bug: a busy machine finds nothing.
    """
    file = copy / mutant.file
    whole, bug = file.read_text(encoding="utf-8"), mutated(mutant, copy)
    file.write_text(bug, encoding="utf-8")
    try:
        ran = tested(copy, mutant.tests, PATIENCE)
    finally:
        file.write_text(whole, encoding="utf-8")
    ended = ran.code != -1 or tested(copy, mutant.tests, PATIENCE).code == 0
    return ran if ended else replace(ran, slow=True)


def run(mutants: Sequence[Mutant], jobs: int) -> dict[str, Ran]:
    """Try all of them, `jobs` at a time, each in a copy of its own, and tell each verdict."""
    free: SimpleQueue[Path] = SimpleQueue()
    widest = max((len(mutant.name) for mutant in mutants), default=0)

    def attempt(mutant: Mutant) -> tuple[str, Ran]:
        copy = free.get()
        ran = tried(mutant, copy)
        free.put(copy)
        _say(f"{mutant.name:{widest}}  {ran.verdict}")
        return mutant.name, ran

    with ThreadPoolExecutor(jobs) as pool, _copies(jobs) as copies:
        for copy in copies:
            free.put(copy)
        return dict(pool.map(attempt, mutants))


@contextmanager
def _copies(count: int) -> Iterator[tuple[Path, ...]]:
    if count == 0:
        yield ()
        return
    with copied() as one, _copies(count - 1) as others:
        yield (one, *others)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.run", description=__doc__)
    parser.add_argument("--only", default="", help="only the mutants whose name or file holds this text")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--verbose", action="store_true", help="print what pytest said of those that were not found")
    asked = parser.parse_args(arguments)
    everything = catalogue()
    mutants = [mutant for mutant in everything if asked.only in mutant.name or asked.only in mutant.file]
    wrong = problems(everything)
    if wrong or not mutants:
        _say("\n".join(wrong) or f"no mutant is called {asked.only}")
        return 2
    with copied() as copy:
        clean = tested(copy, (test for mutant in mutants for test in mutant.tests), LONG_PATIENCE)
    if clean.code != 0:
        _say(f"{clean.out}\nthe tests fail without any bug; mend them first")
        return 2
    found = run(mutants, asked.jobs)
    alive = [name for name, ran in found.items() if not ran.found]
    if asked.verbose:
        _say("\n".join(found[name].out for name in alive))
    _say(f"{len(mutants) - len(alive)} of {len(mutants)} found" + (f"; not found: {', '.join(alive)}" if alive else ""))
    if not alive and len(mutants) == len(everything):
        PAGE.write_text(render(everything), encoding="utf-8")
        told = with_bugs(INVARIANTS.read_text(encoding="utf-8"), everything)
        INVARIANTS.write_text(told, encoding="utf-8")
    return 1 if alive else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
