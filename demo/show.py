"""What the demo tells on the terminal: a live table while lives are played, lines when nobody watches, the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from demo.temporal import STUCK

if TYPE_CHECKING:
    from demo.play import Played
    from demo.world import World

_PAGE = 140
"""Characters on a line where no terminal says how many there are."""

COLUMNS = ("stage", "captured", "released", "refunded", "fees", "escrow", "tickets")


class Show:
    """Tells on `console` what happens."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = _PAGE
        self._now: dict[str, tuple[str, str, str]] = {}
        self._live: Live | None = None

    def started(self, around: World) -> None:
        """The stack is up."""
        self._console.print(
            f"Temporal, PostgreSQL, a payment provider, a carrier, their webhook receiver and a worker are up.\n"
            f"The Temporal UI while this runs: {around.stack.temporal.ui_url}\n",
            soft_wrap=True,
        )

    def note(self, text: str) -> None:
        """Say one thing."""
        self._console.print(text, soft_wrap=True, markup=False)

    def try_out(self, ui_url: str, commands: Sequence[str]) -> None:
        """Where to look and what to try while the stack stays."""
        stuck = f"{ui_url}/namespaces/default/workflows?query={quote(STUCK)}"
        self.note(f"\nOrders that need a person, in the Temporal UI:\n  {stuck}\n\nTry, in another terminal:")
        for command in commands:
            self.note(f"  {command}")
        self.note("\nCtrl-C ends it all; the orders are there again the next time.")

    @contextmanager
    def live(self, names: Sequence[str]) -> Iterator[None]:
        """While lives are played; a table that changes in place on a terminal, else a line for each happening."""
        self._now = dict.fromkeys(names, ("", "", ""))
        if not self._console.is_terminal:
            yield
            return
        with Live(self._table(), console=self._console, refresh_per_second=8) as self._live:
            yield
        self._live = None

    def say(self, name: str, at: datetime, what: str) -> None:
        """Something happened in a life, at the order's own time."""
        self._tell(name, f"{at:%a %d %b %H:%M}", what)

    def over(self, name: str, trouble: str) -> None:
        """A life has ended, as it must unless there was `trouble`."""
        self._tell(name, self._now[name][0], f"WENT WRONG: {trouble}" if trouble else "ended as it must", over=True)

    def ended(self, played: Sequence[Played], *, balanced: bool, seconds: float, file: Path, directory: Path) -> None:
        """How all lives ended, and where to look next."""
        table = Table(title="How they ended", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
        table.add_column("order", no_wrap=True)
        table.add_column("life", overflow="fold")
        for name in COLUMNS:
            table.add_column(name, justify="left" if name == "stage" else "right", no_wrap=True)
        for each in played:
            values = ["?"] * len(COLUMNS) if each.ending is None else [_cell(each.ending, name) for name in COLUMNS]
            table.add_row(each.story.order_id, each.story.name, *values, style="red" if each.trouble else "")
        self._console.print()
        self._console.print(table)
        for each in played:
            if each.trouble:
                self._console.print(Text(f"{each.story.order_id}: {each.trouble}", "red"))
        mails = len(list((directory / "mails").glob("*.eml")))
        self._console.print(
            f"\nThe ledger is {'balanced' if balanced else 'NOT BALANCED'}. {len(played)} lives in {seconds:.0f} s.\n\n"
            f"Where to look next:\n"
            f"  {shown(file)}  the same as data\n"
            f"  {shown(directory / 'mails')}  the {mails} mails that were sent\n"
            f"  {shown(directory / 'log')}  what each process logged\n"
            f"  make up  keeps such a stack running, with orders to look at and to act on\n"
            f"  domain/process.py  the whole process as one table; README.md has a reading path",
            soft_wrap=True,
        )

    def _tell(self, name: str, at: str, what: str, *, over: bool = False) -> None:
        mark = "" if not over else "x" if what.startswith("WENT") else "ok"
        self._now[name] = (at, what, mark)
        if self._live is not None:
            self._live.update(self._table())
        else:
            self._console.print(Text(f"{name} | {at} | {what}"), soft_wrap=True)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column("life", no_wrap=True)
        table.add_column("its day", no_wrap=True, style="dim")
        table.add_column("what happens", no_wrap=True, overflow="ellipsis")
        styles = {"ok": "green", "x": "red", "": ""}
        for name, (at, what, mark) in self._now.items():
            table.add_row(name, at, Text(what, styles[mark]))
        return table


def _cell(ending: object, name: str) -> str:
    """An amount without its currency, which is the same everywhere and stands in the file."""
    return str(getattr(ending, name)).removesuffix(" EUR")


def shown(path: Path) -> str:
    """A path as short as a person would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
