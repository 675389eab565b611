"""``python -m demo``: whole lives of orders; ``python -m demo up``: the same stack, kept, with orders to act on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from demo.play import play
from demo.processes import StackError, sigterm_as_interrupt
from demo.show import Show
from demo.up import STATES, up

VAR = Path(__file__).resolve().parent.parent / "var"


def main() -> int:
    """The exit code: 0 when all went as it should, 1 when it did not, 130 when the lives were interrupted."""
    given = _parser().parse_args()
    keeps = given.command == "up"
    directory = given.directory or VAR / ("up" if keeps else "demo")
    try:
        with sigterm_as_interrupt():
            if keeps:
                up(directory, Show(), orders=given.orders, temporal_port=given.temporal_port, ui_port=given.ui_port)
                return 0
            return 0 if play(directory, Show()) else 1
    except StackError as error:
        print(f"The stack did not start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEnded; nothing that was started runs any more.", file=sys.stderr)
        return 0 if keeps else 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="Plays whole order lives on an embedded stack; days take seconds."
    )
    parser.add_argument(
        "--directory", type=Path, metavar="DIR", help="where data, mails and logs go (default: in var/)"
    )
    commands = parser.add_subparsers(dest="command", metavar="")
    kept = commands.add_parser("up", help="keep the stack running, with orders in different states, until Ctrl-C")
    kept.add_argument(
        "--orders", type=_count, default=None, metavar="N",
        help=f"how many new orders to place (default: {len(STATES)} the first time, none after)",
    )  # fmt: skip
    kept.add_argument("--ui-port", type=int, metavar="PORT", help="the Temporal UI's port (default: a free one)")
    kept.add_argument("--temporal-port", type=int, metavar="PORT", help="Temporal's own port (default: a free one)")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 200:
        raise argparse.ArgumentTypeError("give a number from 0 to 200")
    return number


if __name__ == "__main__":
    sys.exit(main())
