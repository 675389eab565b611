"""``python -m faults``: every fault at every stage; with ``--case`` one of them, with ``--hours`` chance for hours."""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
from pathlib import Path

from demo.processes import StackError, sigterm_as_interrupt
from faults import coverage
from faults.arena import arena
from faults.cases import Case
from faults.conduct import Played, conduct
from faults.long import SEED, NothingToPlay, long
from faults.matrix import cells, known_case

VAR = Path(__file__).resolve().parent.parent / "var" / "faults"


def main() -> int:
    """The exit code: 0 when nothing was wrong, 1 when something was, 2 for arguments that name nothing to play, 130
    when it was interrupted.
    """
    parser = _parser()
    given = parser.parse_args()
    directory = given.directory or VAR
    if given.number is not None and not given.case:
        parser.error("argument --number: only allowed with argument --case")
    if given.table:
        print(coverage.table())
        return 0
    wanted = [] if given.hours else _wanted(parser, given)
    try:
        with sigterm_as_interrupt():
            if given.hours:
                good = long(directory, given.hours, given.seed, lambda text: print(text, flush=True))
            else:
                good = _play(directory / "stack", wanted, tabulated=not given.case)
    except NothingToPlay as error:
        print(f"Nothing was played: {error}", file=sys.stderr)
        return 2
    except StackError as error:
        print(f"The stack did not start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        becomes = "the same command goes on where it was" if given.hours else "nothing that was started runs any more"
        print(f"Stopped; {becomes}.", file=sys.stderr)
        return 130
    return 0 if good else 1


def _wanted(parser: argparse.ArgumentParser, given: argparse.Namespace) -> list[Case]:
    """The cases that the arguments name; ends the program when they name none."""
    seed = SEED if given.seed is None else given.seed
    try:
        wanted = [known_case(text, seed, given.number or 0) for text in given.case] or [
            case for case in cells(seed) if given.only in case.name
        ]
    except ValueError as error:
        parser.error(str(error))
    if not wanted:
        parser.error(f"argument --only: no case's name contains {given.only!r}; --table has the faults and stages")
    return wanted


def _play(directory: Path, wanted: list[Case], *, tabulated: bool) -> bool:
    """Whether nothing was wrong. Raises StackError."""
    print(f"seed {wanted[0].seed}: {len(wanted)} cases", flush=True)
    began = time.monotonic()
    with arena(directory) as parts:
        played, balanced = asyncio.run(conduct(parts, wanted, _tell))
    bad = [each for each in played if not each.good]
    if tabulated:
        print(coverage.table(played))
    print(f"{len(played)} played, {len(bad)} bad, ledger balanced: {balanced}, {time.monotonic() - began:.0f} s")
    return balanced and not bad


def _tell(played: Played) -> None:
    print(f"{'ok ' if played.good else 'BAD'} {played.seconds:5.1f} s  {played.case.name}  hits {played.hits}")
    if not played.good:
        for finding in played.findings:
            print(f"      {finding.harm}: {finding.what}")
        if played.trouble:
            print(f"      {played.trouble}")
        print(f"      {' | '.join(played.acts)}")
    sys.stdout.flush()


def _hours(text: str) -> float:
    """So many hours; argparse makes one line of the error."""
    hours = float(text)
    if not 0 < hours < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours above 0")
    return hours


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m faults", description="Breaks the parts under living orders.")
    begins = f"what chance begins with (default: {SEED}, or what the long run that goes on has)"
    parser.add_argument("--seed", type=int, metavar="N", help=begins)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--case", action="append", default=[], metavar="FAULT:STAGE:MOMENT", help="play only this")
    which.add_argument("--only", default="", metavar="TEXT", help="play the cases whose names contain this")
    which.add_argument("--table", action="store_true", help="print what is played where, and play nothing")
    which.add_argument("--hours", type=_hours, default=0, help="draw cases at random until so many hours were played")
    parser.add_argument("--number", type=int, metavar="N", help="with --case: which of its repetitions (default: 0)")
    parser.add_argument("--directory", type=Path, metavar="DIR", help="where data and logs go (default: var/faults)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
