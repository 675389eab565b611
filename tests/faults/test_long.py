"""A long run of the fault harness tells its seed, and never takes an earlier run's good end for its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from faults.long import Done, NothingToPlay, long


class Enough(Exception):
    """The first words are out."""


def first_words(directory: Path, hours: float, seed: int | None) -> str:
    """What a run says before it starts anything."""

    def tell(text: str) -> None:
        raise Enough(text)

    with pytest.raises(Enough) as said:
        long(directory, hours, seed, tell)
    return str(said.value)


def begun(directory: Path, **was: float) -> Path:
    state = directory / "long.state.json"
    state.write_text(json.dumps(asdict(Done(31, rounds=85)) | was))
    return state


def test_a_run_says_which_seed_it_has_before_anything_else(tmp_path: Path) -> None:
    assert first_words(tmp_path, 2, 7) == "seed 7"
    assert first_words(tmp_path, 2, None) == "seed 20261"


@pytest.mark.parametrize("seed", [None, 31])
def test_a_run_that_was_stopped_goes_on_with_its_own_seed(tmp_path: Path, seed: int | None) -> None:
    begun(tmp_path, seconds=3600.0)
    assert first_words(tmp_path, 2, seed) == "seed 31, going on after 85 rounds in 1.00 h"


@pytest.mark.parametrize(
    ("hours", "seed", "why"), [(2, 7, "has seed 31, not 7"), (1, None, "has ended after 85 rounds")]
)
def test_what_was_played_before_is_not_told_as_played_now(
    tmp_path: Path, hours: float, seed: int | None, why: str
) -> None:
    state = begun(tmp_path, seconds=3600.0)
    with pytest.raises(NothingToPlay, match=f"{why}.*remove {re.escape(str(state))}"):
        long(tmp_path, hours, seed, print)


def test_the_command_says_so_in_one_line_and_fails(tmp_path: Path) -> None:
    begun(tmp_path, seconds=7300.0)
    command = [sys.executable, "-m", "faults", "--hours", "2", "--directory", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert run.stderr.startswith("Nothing was played: the run that was begun has ended after 85 rounds")
