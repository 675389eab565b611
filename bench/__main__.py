"""``python -m bench``: every measurement, or those named, as one JSON document; progress goes to standard error."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping

from bench import books, lives, postings, sheets
from bench.figures import Json
from bench.machine import described
from demo.processes import StackError, sigterm_as_interrupt


def main() -> int:
    """The exit code: 0 when everything asked for was measured."""
    given = _parser().parse_args()
    measurements: Mapping[str, Callable[[], Json]] = {
        "postings": lambda: postings.measure(postings.Plan(given.rounds, given.bookings)),
        "lives": lambda: lives.measure(lives.Plan(given.rounds, given.lives, in_flight=given.in_flight)),
        "reconciliation": lambda: books.measure(tuple(given.movements)),
        "sheets": lambda: sheets.measure(given.rounds, given.cases),
    }
    chosen = given.only or list(measurements)
    document: Json = {"machine": described(), "options": vars(given)}
    try:
        with sigterm_as_interrupt():
            for name in chosen:
                document[name] = measurements[name]()
    except StackError as error:
        print(f"The stack did not start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(json.dumps(document, indent=2))
    return 0


def _parser() -> argparse.ArgumentParser:
    lives_plan, postings_plan = lives.Plan(), postings.Plan()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=["postings", "lives", "reconciliation", "sheets"])
    parser.add_argument("--rounds", type=int, default=lives_plan.rounds, help="of postings, lives and sheets")
    parser.add_argument("--bookings", type=int, default=postings_plan.bookings, help="of each side in each round")
    parser.add_argument("--lives", type=int, default=lives_plan.lives, help="of each kind in each round")
    parser.add_argument("--in-flight", type=int, default=lives_plan.in_flight, help="lives at the same time")
    parser.add_argument("--movements", type=int, nargs="+", default=[20_000, 100_000], help="of each reconciliation")
    parser.add_argument("--cases", type=int, default=20_000, help="in each sheet")
    return parser


if __name__ == "__main__":
    sys.exit(main())
