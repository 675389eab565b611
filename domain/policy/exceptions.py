"""Where a marketplace's numbers are others than its own usual ones: for some sellers, categories of goods, reasons."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from domain.errors import Invalid
from domain.policy.units import Words, kind_of

WHOM = ("sellers", "categories")
REASONS = "reasons"


@dataclass(frozen=True, slots=True)
class Exceptional:
    """Other `numbers`, by their keys, for these sellers, categories and reasons; none of either means all of them."""

    sellers: tuple[str, ...]
    categories: tuple[str, ...]
    reasons: tuple[str, ...]
    numbers: tuple[tuple[str, Any], ...]

    def concerns(self, seller: str, category: str) -> bool:
        """Whether it can be about that seller's goods of that category, "" for none, for some reason."""
        return (not self.sellers or seller in self.sellers) and (not self.categories or category in self.categories)

    def holds(self, seller: str, category: str, reason: str) -> bool:
        """Whether it is about those goods for that reason."""
        return self.concerns(seller, category) and (not self.reasons or reason in self.reasons)


class Exceptions:
    """Exceptions of a section, a class of numbers, written as ``[[section.exceptions]]`` with the section's keys.

    `reasons` are those for which numbers may be others, none in a section that knows no reasons; `speaks_of` names the
    numbers that say something for some reasons alone.
    """

    unit = "exceptions"

    def __init__(self, reasons: tuple[str, ...] = (), speaks_of: Mapping[str, Collection[str]] | None = None) -> None:
        self._reasons = Words(*reasons)
        self._speaks_of = speaks_of or {}
        self._whom = (*WHOM, REASONS) if reasons else WHOM
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
            if key not in (*self._whom, *known):
                raise Invalid(f"{name}.{key}", f"is not known here; known: {', '.join((*self._whom, *known))}")
        if not any(whom in written for whom in self._whom):
            none = f"{', '.join(self._whom[:-1])} nor {self._whom[-1]}"
            raise Invalid(name, f"names neither {none}; what holds for all stands in the section itself")
        sellers, categories = (_names(f"{name}.{whom}", written[whom]) if whom in written else () for whom in WHOM)
        reasons = self._some(f"{name}.{REASONS}", written[REASONS]) if REASONS in written else ()
        numbers = [(key, kind_of(known[key]).parse(f"{name}.{key}", written[key])) for key in known if key in written]
        for key, _ in numbers:
            self._check_speaks(f"{name}.{key}", key, reasons)
        return Exceptional(sellers, categories, reasons, tuple(numbers))

    def _some(self, name: str, written: object) -> tuple[str, ...]:
        reasons = self._reasons.parse(name, written)
        if not reasons:
            raise Invalid(name, f"names no reason; name some of these: {', '.join(self._reasons.known)}")
        return reasons

    def _check_speaks(self, name: str, key: str, reasons: Collection[str]) -> None:
        """Raises Invalid for a number that says nothing for any of the reasons."""
        about = self._speaks_of.get(key)
        if not reasons or about is None or not set(about).isdisjoint(reasons):
            return
        rule = f"says nothing about {', '.join(reasons)}; it is about {', '.join(about)}"
        raise Invalid(name, rule if about else "names reasons itself; write it where no reasons are named beside it")

    def show(self, value: tuple[Exceptional, ...]) -> str:
        return "[" + ", ".join(self._shown(each) for each in value) + "]"

    def _shown(self, value: Exceptional) -> str:
        known = self._numbers()
        pairs = [(whom, json.dumps(getattr(value, whom))) for whom in self._whom if getattr(value, whom)]
        for key, number in value.numbers:
            shown = kind_of(known[key]).show(number)
            pairs.append((key, shown if shown[:1] in ('"', "[", "{") or shown.isdigit() else json.dumps(shown)))
        return "{" + ", ".join(f"{key} = {text}" for key, text in pairs) + "}"

    def to_plain(self, value: tuple[Exceptional, ...]) -> list[dict[str, Any]]:
        known = self._numbers()
        return [
            {whom: list(getattr(each, whom)) for whom in self._whom if getattr(each, whom)}
            | {key: kind_of(known[key]).to_plain(number) for key, number in each.numbers}
            for each in value
        ]

    def from_plain(self, plain: list[dict[str, Any]]) -> tuple[Exceptional, ...]:
        known = self._numbers()
        return tuple(
            Exceptional(
                tuple(each.get("sellers", ())),
                tuple(each.get("categories", ())),
                tuple(each.get(REASONS, ())),
                tuple((key, kind_of(known[key]).from_plain(value)) for key, value in each.items() if key in known),
            )
            for each in plain
        )


def exceptional(exceptions: Collection[Exceptional], seller: str, category: str, reason: str) -> dict[str, Any]:
    """The numbers that are others for a seller's goods of a category; of two exceptions the later one counts."""
    return {key: value for each in exceptions if each.holds(seller, category, reason) for key, value in each.numbers}


def _names(name: str, written: object) -> tuple[str, ...]:
    if not isinstance(written, list) or not written or not all(isinstance(each, str) and each for each in written):
        raise Invalid(name, 'must be a list of names; write for example ["books"]')
    return tuple(written)
