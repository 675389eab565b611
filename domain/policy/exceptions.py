"""Where a marketplace's numbers are others than its own usual ones: for some sellers, for some categories of goods."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from domain.errors import Invalid
from domain.policy.units import kind_of

WHOM = ("sellers", "categories")


@dataclass(frozen=True, slots=True)
class Exceptional:
    """Other `numbers`, by their keys, for these sellers and these categories; none of either means all of them."""

    sellers: tuple[str, ...]
    categories: tuple[str, ...]
    numbers: tuple[tuple[str, Any], ...]

    def holds(self, seller: str, category: str) -> bool:
        """Whether it is about that seller's goods of that category, "" for none."""
        return (not self.sellers or seller in self.sellers) and (not self.categories or category in self.categories)


class Exceptions:
    """Exceptions of a section, a class of numbers, written as ``[[section.exceptions]]`` with the section's keys."""

    unit = "exceptions"

    def __init__(self) -> None:
        self._section: type[Any] | None = None

    def of(self, section: type[Any]) -> None:
        """Names the section whose numbers these are exceptions to, once it is declared."""
        self._section = section

    def _numbers(self) -> Mapping[str, Field[Any]]:
        own = fields(self._section) if self._section is not None else ()
        return {number.name: number for number in own if not isinstance(kind_of(number), Exceptions)}

    def parse(self, name: str, written: object) -> tuple[Exceptional, ...]:
        if not isinstance(written, list) or not all(isinstance(each, dict) for each in written):
            raise Invalid(name, f"must be tables; begin each with [[{name}]] on a line of its own")
        return tuple(self._one(f"{name}[{at}]", each) for at, each in enumerate(written))

    def _one(self, name: str, written: Mapping[str, object]) -> Exceptional:
        known = self._numbers()
        for key in written:
            if key not in (*WHOM, *known):
                raise Invalid(f"{name}.{key}", f"is not known here; known: {', '.join((*WHOM, *known))}")
        if not any(whom in written for whom in WHOM):
            raise Invalid(name, "names neither sellers nor categories; what holds for all stands in the section itself")
        sellers, categories = (_names(f"{name}.{whom}", written[whom]) if whom in written else () for whom in WHOM)
        numbers = ((key, kind_of(known[key]).parse(f"{name}.{key}", written[key])) for key in known if key in written)
        return Exceptional(sellers, categories, tuple(numbers))

    def show(self, value: tuple[Exceptional, ...]) -> str:
        return "[" + ", ".join(self._shown(each) for each in value) + "]"

    def _shown(self, value: Exceptional) -> str:
        known = self._numbers()
        pairs = [(whom, json.dumps(getattr(value, whom))) for whom in WHOM if getattr(value, whom)]
        for key, number in value.numbers:
            shown = kind_of(known[key]).show(number)
            pairs.append((key, shown if shown[:1] in ('"', "[", "{") or shown.isdigit() else json.dumps(shown)))
        return "{" + ", ".join(f"{key} = {text}" for key, text in pairs) + "}"

    def to_plain(self, value: tuple[Exceptional, ...]) -> list[dict[str, Any]]:
        known = self._numbers()
        return [
            {whom: list(getattr(each, whom)) for whom in WHOM if getattr(each, whom)}
            | {key: kind_of(known[key]).to_plain(number) for key, number in each.numbers}
            for each in value
        ]

    def from_plain(self, plain: list[dict[str, Any]]) -> tuple[Exceptional, ...]:
        known = self._numbers()
        return tuple(
            Exceptional(
                tuple(each.get("sellers", ())),
                tuple(each.get("categories", ())),
                tuple((key, kind_of(known[key]).from_plain(value)) for key, value in each.items() if key in known),
            )
            for each in plain
        )


def exceptional(exceptions: Collection[Exceptional], seller: str, category: str) -> dict[str, Any]:
    """The numbers that are others for a seller's goods of a category; of two exceptions the later one counts."""
    return {key: value for each in exceptions if each.holds(seller, category) for key, value in each.numbers}


def _names(name: str, written: object) -> tuple[str, ...]:
    if not isinstance(written, list) or not written or not all(isinstance(each, str) and each for each in written):
        raise Invalid(name, 'must be a list of names; write for example ["books"]')
    return tuple(written)
