"""What a row of the process table is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.events import Event
from domain.money import Verb
from domain.state import Actor, Line, LineState, Order, Role


@dataclass(frozen=True, slots=True)
class Nothing:
    """The body of a command that needs no more than its name."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The body of a step that a clock takes: which tier rang, and for which line, parcel or ticket."""

    tier: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class LineTick(Tick):
    """A clock that rang for one line."""

    def chosen(self, _: Order) -> tuple[str, ...]:
        """That line."""
        return (self.subject,)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a guard and a transition may look at: the order, who acts on which lines with what message, and when.

    `second` is the operator who has agreed to it, where it takes two.
    """

    order: Order
    actor: Actor
    lines: tuple[Line, ...]
    body: Any
    now: datetime
    second: Actor | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the lines the step is about."""
        return tuple(line.line_id for line in self.lines)


Guard = Callable[[Order, tuple[Line, ...], datetime], str | None]
"""Why the step is not possible now, as a sentence, or None. Its function's name is the refusal's code."""

Does = Callable[[Moment], tuple[Event, ...]]
"""What happens beside the lines' moves. Raises Refused or Invalid for a message that asks for the wrong thing."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the process.

    `by` are the roles that may take it (``clock``: a deadline takes it). `moves` leads each line it is about from one
    state to another; a line in none of these states is not eligible. `money` names the operations of which at most one
    may follow at once. `tells` are those who get its notice.
    """

    name: str
    by: frozenset[Role]
    takes: type
    moves: Mapping[LineState, LineState]
    guards: tuple[Guard, ...]
    does: Does
    money: frozenset[Verb]
    tells: tuple[Role, ...]
