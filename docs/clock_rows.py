"""The rows of the table of clocks: which numbers of the policy each depends on is found by trying.

Every number is changed a little, alone, and the clocks of every situation are asked again: a clock that then rings at
another time, or not at all, depends on that number. So this page cannot disagree with the code.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from docs.situations import situations
from domain.deadlines import deadlines
from domain.money import Money
from domain.policy import Policy, sections
from domain.policy.units import kind_of
from domain.process import STEPS
from domain.state import Role
from domain.words import OTHERWISE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.deadlines import Clock

_DEFAULT = Policy(name="standard")
_LIMITS = "second_operator.limits"
"""Left alone: it changes what a command does, and so every clock after it."""


class _Key(NamedTuple):
    """A clock without the line, parcel or ticket it is about."""

    tier: str
    step: str


_Times = dict[tuple[_Key, int], tuple[datetime, datetime | None]]


def clock_rows() -> Iterator[tuple[str, ...]]:
    """Clock, step, who can act before, the numbers it depends on, its reminder, and what happens otherwise."""
    clocks: dict[_Key, list[Clock]] = {}
    for situation in situations(_DEFAULT):
        for clock in deadlines(situation.order):
            clocks.setdefault(_key(clock), []).append(clock)
    rings, reminds = _dependencies()
    steps = [step.name for step in STEPS]
    for key, seen in sorted(clocks.items(), key=lambda item: steps.index(item[0].step)):
        who = [role for role in Role if any(clock.who is role for clock in seen)]
        yield (
            f"`{key.tier}`{' †' if seen[0].party else ''}",
            f"`{key.step}`",
            ", ".join("nobody" if role is Role.CLOCK else role for role in who),
            "<br/>".join(rings.get(key, ())),
            "<br/>".join(reminds.get(key, ())),
            OTHERWISE[key.step],
        )


def _key(clock: Clock) -> _Key:
    return _Key(re.sub(r":[^.]+", "", clock.tier), clock.step)


def _dependencies() -> tuple[dict[_Key, list[str]], dict[_Key, list[str]]]:
    """For each clock the numbers that move its time, and those that move its reminder."""
    before = _times(_DEFAULT)
    rings: dict[_Key, list[str]] = {}
    reminds: dict[_Key, list[str]] = {}
    for words, others in _numbers():
        moved = [_times(other) for other in others]
        for (key, situation), (at, remind_at) in before.items():
            after = [times.get((key, situation)) for times in moved]
            if any(times is None or times[0] != at for times in after):
                _note(rings, key, words)
            elif any(times is not None and times[1] != remind_at for times in after):
                _note(reminds, key, words)
    return rings, reminds


def _note(found: dict[_Key, list[str]], key: _Key, words: str) -> None:
    known = found.setdefault(key, [])
    if words not in known:
        known.append(words)


def _times(policy: Policy) -> _Times:
    """When each clock of each situation rings and reminds."""
    return {
        (_key(clock), i): (clock.at, clock.remind_at)
        for i, situation in enumerate(situations(policy))
        for clock in deadlines(situation.order)
    }


def _numbers() -> Iterator[tuple[str, list[Policy]]]:
    """Each number of the policy in words, and policies that differ from the default in it alone."""
    for name, kind in sections().items():
        section: Any = getattr(_DEFAULT, name)
        for number in fields(kind):
            value = getattr(section, number.name)
            path = f"{name}.{number.name}"
            others = [replace(section, **{number.name: other}) for other in _others(value)]
            if others and path != _LIMITS:
                words = f"`{path}` {kind_of(number).show(value)}"
                yield words, [replace(_DEFAULT, **{name: other}) for other in others]


def _others(value: object) -> tuple[object, ...]:
    """Values a little beside the default one; nothing for words, which are no numbers."""
    if isinstance(value, timedelta):
        return (value + timedelta(minutes=1),)
    if isinstance(value, int):
        return (value + 1,)
    if isinstance(value, tuple) and value and isinstance(value[0], Money):
        return ((), tuple(Money(amount.minor * 1000, amount.currency) for amount in value))
    return ()
