"""What carriers' terms pay for a lost parcel, by carrier and service level.

The terms decide what a carrier is claimed for, and nothing about the buyer's refund
(docs/decisions/0008-what-a-lost-parcel-pays.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import Invalid
from domain.money import Money
from domain.policy.units import Amounts, declared

EVERY = "*"
"""Stands for every carrier, or every service level, that has no row of its own."""

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_AMOUNTS = Amounts()
_EXAMPLE = 'write for example DHL = {"*" = {EUR = "500.00"}}'


@dataclass(frozen=True, slots=True)
class Term:
    """The amounts, one for each currency, that hold for one carrier's service level."""

    carrier: str
    service: str
    amounts: tuple[Money, ...]


class Terms:
    """Amounts by carrier and service level, written as tables in each other: ``{DHL = {"*" = {EUR = "500.00"}}}``.

    Names count without regard to capitals and spaces; `EVERY` stands for all that are not named.
    """

    unit = "amount per carrier, service level and currency"

    def parse(self, name: str, written: object) -> tuple[Term, ...]:
        """See `Kind.parse`."""
        found = []
        for carrier, services in _named(name, written).items():
            for service, amounts in _named(f"{name}.{carrier}", services).items():
                found.append(Term(carrier, service, _AMOUNTS.parse(f"{name}.{carrier}.{service}", amounts)))
        return tuple(sorted(found, key=lambda term: (term.carrier, term.service)))

    def show(self, value: tuple[Term, ...]) -> str:
        """See `Kind.show`."""
        carriers = dict.fromkeys(term.carrier for term in value)
        rows = (
            f"{_quoted(carrier)} = "
            + _table(f"{_quoted(t.service)} = {_AMOUNTS.show(t.amounts)}" for t in value if t.carrier == carrier)
            for carrier in carriers
        )
        return _table(rows)

    def to_plain(self, value: tuple[Term, ...]) -> dict[str, dict[str, list[str]]]:
        """See `Kind.to_plain`."""
        plain: dict[str, dict[str, list[str]]] = {}
        for term in value:
            plain.setdefault(term.carrier, {})[term.service] = _AMOUNTS.to_plain(term.amounts)
        return plain

    def from_plain(self, plain: Mapping[str, Mapping[str, list[str]]]) -> tuple[Term, ...]:
        """See `Kind.from_plain`."""
        return tuple(
            Term(carrier, service, _AMOUNTS.from_plain(amounts))
            for carrier, services in sorted(plain.items())
            for service, amounts in sorted(services.items())
        )


@dataclass(frozen=True, slots=True)
class LostParcel:
    """What a carrier's terms pay for a parcel that it lost, by carrier and service level; "*" is every other."""

    included: tuple[Term, ...] = declared(
        Terms(), (), "Covered without more insurance; a carrier whose terms are not listed is not claimed on a guess."
    )
    insurable: tuple[Term, ...] = declared(
        Terms(), (), "The most that the sender's insurance counts for; where nothing is listed it counts in full."
    )

    def cover(self, carrier: str, service: str, insured: Money | None, currency: str) -> Money:
        """The most that a carrier pays in `currency`: what is included or, when that is more, what was insured."""
        included = _amount(self.included, carrier, service, currency) or Money.zero(currency)
        if insured is None:
            return included
        most = _amount(self.insurable, carrier, service, currency)
        return max(included, insured if most is None else min(insured, most))


def _amount(terms: tuple[Term, ...], carrier: str, service: str, currency: str) -> Money | None:
    """What the nearest row says of a currency: this service level, its carrier, then any carrier; None for nothing."""
    rows = {(_folded(term.carrier), _folded(term.service)): term.amounts for term in terms}
    mine, level = _folded(carrier), _folded(service)
    for key in ((mine, level), (mine, EVERY), (EVERY, level), (EVERY, EVERY)):
        if key in rows:
            return next((amount for amount in rows[key] if amount.currency == currency), None)
    return None


def _folded(name: str) -> str:
    return "".join(name.casefold().split())


def _named(path: str, written: object) -> Mapping[str, Any]:
    """A table by carrier or service level; raises Invalid for names that nobody could tell apart."""
    if not isinstance(written, Mapping):
        raise Invalid(path, f"{written!r} is not a table of carriers and their service levels; {_EXAMPLE}")
    known: dict[str, str] = {}
    for name in written:
        if not _NAME.fullmatch(name) or not _folded(name):
            raise Invalid(f"{path}.{name}", f"{name!r} is no name: 1 to 64 characters on one line; {_EXAMPLE}")
        if _folded(name) in known:
            raise Invalid(f"{path}.{name}", f"{name!r} is the same name as {known[_folded(name)]!r}; keep one of them")
        known[_folded(name)] = name
    return written


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _table(rows: Any) -> str:
    return "{" + ", ".join(rows) + "}"
