"""Advice to a seller about a tracking number, before it is sent. Advice never blocks: the number is taken as it is.

The formats and check digits of some couriers, and of international post (S10), come from `tracking_numbers`. Its
patterns want a number without separators in upper case, which `normalise` makes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tracking_numbers import DEFINITIONS

if TYPE_CHECKING:
    from tracking_numbers.definition import TrackingNumberDefinition

# Names that carriers go by, as letters only, and the courier's code in `tracking_numbers`.
_COURIERS: Final = {
    "amazon": "amazon",
    "amazonlogistics": "amazon",
    "cdl": "cdl",
    "cdllastmile": "cdl",
    "dhl": "dhl",
    "dhlexpress": "dhl",
    "fedex": "fedex",
    "ontrac": "ontrac",
    "ups": "ups",
    "unitedstatespostalservice": "usps",
    "usps": "usps",
}
_POST: Final = "s10"  # Any country's post may bear such a number.
_LONGEST: Final = 60  # characters; longer ones are of no known format, and matching them would cost time
_SEPARATORS: Final = re.compile(r"[\s\-.]+")


@dataclass(frozen=True, slots=True)
class Advice:
    """What can be said of a number; the sentence is for the seller and does not repeat the number.

    `format_known` says that the number has a format of that carrier; `check_digit_ok` is None when there is none.
    """

    format_known: bool
    check_digit_ok: bool | None
    sentence: str


def normalise(number: str) -> str:
    """The number as it is stored and compared: upper case, without spaces, dots and hyphens."""
    return _SEPARATORS.sub("", number).upper()


def advice(carrier: str, number: str) -> Advice:
    """What the seller should know about this number of this carrier. Never raises."""
    plain = normalise(number)
    courier = _COURIERS.get(re.sub(r"[^a-z]", "", carrier.lower()), "")
    known = _matching(plain)
    checks = [_check_digit(each, plain) for each in known if each.courier.code in {courier, _POST}]
    if True in checks:
        return Advice(True, True, "The number has this carrier's format and its check digit is right.")
    if False in checks:
        return Advice(True, False, "The check digit is wrong: please compare the number with the label once more.")
    if checks:
        return Advice(True, None, "The number has this carrier's format.")
    others = sorted({each.courier.name for each in known if _check_digit(each, plain)})
    return Advice(False, None, _nothing_known(plain, courier, others))


def _nothing_known(number: str, courier: str, others: list[str]) -> str:
    """The sentence for a number without a known format of its carrier; `others` are the couriers it would suit."""
    if not number:
        return "The tracking number is empty."
    if not courier:
        return "We cannot check numbers of this carrier: please compare it with the label."
    if others:
        return f"{' or '.join(others)} has numbers of this form too: please compare number and carrier with the label."
    return "We know no such format of this carrier: please compare the number with the label."


def _matching(number: str) -> list[TrackingNumberDefinition]:
    """The known formats that the number has; one courier's pattern asks for lower case."""
    if len(number) > _LONGEST:
        return []
    spellings = (number, number.lower())
    return [each for each in DEFINITIONS if any(each.number_regex.fullmatch(spelling) for spelling in spellings)]


def _check_digit(definition: TrackingNumberDefinition, number: str) -> bool | None:
    """Whether the check digit is right, None when the format has none."""
    found = definition.test(number)
    if definition.checksum_validator is None or found is None:
        return None
    return all(name != "checksum" for name, _ in found.validation_errors)
