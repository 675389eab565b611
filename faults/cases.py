"""A case: one fault, at one stage of an order's life, at one moment of that stage's act."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from faults.oracles import Story
from faults.stages import SETTINGS, Setting, Stage

LONGEST_ID = 48
"""Characters of an order's id that leave room for the ids made of it."""


class Moment(StrEnum):
    """When in the struck act it happens."""

    BEFORE_EFFECT = "before_effect"
    AFTER_EFFECT = "after_effect"
    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"


@dataclass(frozen=True)
class Case:
    """`also` names a second fault, of the provider, that strikes the order's next call after the first has struck.

    `number` tells apart cases that are the same but for their chance.
    """

    fault: str
    stage: Stage
    moment: Moment
    seed: int
    number: int = 0
    also: str = ""

    @property
    def name(self) -> str:
        """How a person names it, and how the command line takes it."""
        return f"{self.fault}{'+' if self.also else ''}{self.also}:{self.stage}:{self.moment}"

    @property
    def setting(self) -> Setting:
        return SETTINGS[self.stage]

    @property
    def chance(self) -> random.Random:
        """Its own source of chance, the same every time for the same seed."""
        return random.Random(f"{self.seed}/{self.name}/{self.number}")  # noqa: S311  # To be repeated, not to be secret.

    @property
    def order_id(self) -> str:
        """Short, unlike any other in a run, and readable in the Temporal UI."""
        stage, moment = self.stage.partition("_")[0], "".join(word[0] for word in self.moment.split("_"))
        name = f"{self.fault}-{stage}-{moment}-{self.seed}-{self.number}{'-and' if self.also else ''}".replace("_", "-")
        return name if len(name) <= LONGEST_ID else f"{name[: LONGEST_ID - 9]}-{sha256(name.encode()).hexdigest()[:8]}"

    def story(self) -> Story:
        """What the order is about: one to three lines at odd prices, below the limit that asks for a second person."""
        chance = self.chance
        prices = tuple(chance.choice((99, 333, 1999, 4000, 5005, 12_345)) for _ in range(chance.randint(1, 3)))
        return Story(prices, chance.choice((0, 490, 555)), self.setting.fate)


def case_of(text: str, seed: int, number: int = 0) -> Case:
    """The case that ``FAULT[+FAULT]:STAGE:MOMENT`` names; raises ValueError."""
    parts = text.split(":")
    if len(parts) != 3:
        raise ValueError(f"{text!r} is not FAULT:STAGE:MOMENT")
    for kind, word, what in ((Stage, parts[1], "stage"), (Moment, parts[2], "moment")):
        if word not in set(kind):
            raise ValueError(f"{text!r} names no {what}; those are: {', '.join(kind)}")
    fault, _, also = parts[0].partition("+")
    return Case(fault, Stage(parts[1]), Moment(parts[2]), seed, number, also)
