"""What every command has in common, whoever sends it."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from typing import TypedDict

from activities.files.accept import begins_as_picture
from domain import wire
from domain.checkout import is_line, not_a_line
from domain.errors import Invalid
from domain.state import Actor
from starter.answers import Progress
from starter.records import Records

WITHIN = 10.0
"""Seconds that a command waits for its verdict unless told otherwise."""


class How(TypedDict, total=False):
    """How a command is sent, all by keyword, all optional.

    `command_id` makes it repeatable: the same id takes effect once; a new one is made when it is not given. `signal`
    hands it over without waiting: a refusal then stands in the order's story. `within` is how many seconds to wait for
    the verdict. `ticket_id` names the ticket that the step resolves, for the desk.
    """

    command_id: str
    signal: bool
    within: float
    ticket_id: str


class Commands(ABC):
    """The ground on which the typed commands stand."""

    _records: Records

    @abstractmethod
    async def send(
        self,
        order_id: str,
        name: str,
        by: Actor,
        body: object,
        *,
        command_id: str = "",
        signal: bool = False,
        within: float = WITHIN,
        ticket_id: str = "",
    ) -> Progress:
        """Send any command by its name in the process table; the typed methods are this with their body's fields.

        Raises Invalid, Refused, NotFound, NotJudgedYet, Unreachable.
        """


def new_id() -> str:
    """A fresh command id."""
    return uuid.uuid4().hex


def named(how: How) -> str:
    """The command id that `how` gives, or a new one put there."""
    how["command_id"] = how.get("command_id") or new_id()
    return how["command_id"]


LONGEST_NUMBER = 64
"""Characters of a tracking number."""


def check_number(tracking_number: str) -> None:
    """Raises Invalid for what cannot be a tracking number; whether it looks right is advice, not a gate."""
    if not is_line(tracking_number.strip(), LONGEST_NUMBER):
        raise Invalid("tracking_number", not_a_line(LONGEST_NUMBER))


def check_photo(photo: bytes) -> None:
    """Raises Invalid for what says of itself that it is no picture; nothing at all is fine."""
    if photo and not begins_as_picture(photo):
        raise Invalid("photo", "is no picture of a kind that is taken: JPEG, PNG or WebP")


def id_from(*parts: str) -> str:
    """An id that repeats with its parts, so that a repeated command names what it stored the first time."""
    return wire.digest(list(parts))
