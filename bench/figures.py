"""Figures of rounds put together: medians of each, and ratios that are taken round by round before their median."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

Json = dict[str, Any]


def say(text: str) -> None:
    """Tell whoever waits; the figures themselves are the only thing on standard output."""
    print(text, file=sys.stderr, flush=True)


def medians(rounds: Sequence[Json]) -> Json:
    """The median of each figure over the rounds."""
    return {name: round(median(each[name] for each in rounds), 2) for name in rounds[0]}


def compared(rounds: Sequence[Json], ours: str, other: str, more_is_better: Mapping[str, bool]) -> Json:
    """How well `ours` does beside `other`, 1.0 being as well: the median, the lowest and the highest of the rounds."""
    ratios = {}
    for name, more in more_is_better.items():
        pairs = [(each[ours][name], each[other][name]) for each in rounds]
        shares = [round((a / b if more else b / a), 3) for a, b in pairs]
        ratios[name] = {"median": round(median(shares), 3), "lowest": min(shares), "highest": max(shares)}
    return ratios
