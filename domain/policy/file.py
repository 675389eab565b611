"""Policy files: TOML in, a checked `Policy` out, or an error that names file, line and rule."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import Field, dataclass, fields
from datetime import timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from domain.errors import Invalid
from domain.policy import Policy, head, sections
from domain.policy.exceptions import Exceptional, Exceptions
from domain.policy.units import BasisPoints, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")

LONGEST_WINDOW = 30
"""Business days; with weekends and holidays well within the days that pinned calendars always reach ahead."""

SHORTEST_HORIZON = 90
"""Days; pinned calendars are extended `CALENDAR_MARGIN` before their end, and not again for a while."""


LONGEST_HORIZON = 3650
"""Days; an order pins them all."""


class PolicyError(Invalid):
    """A policy file breaks a rule: `source` names the file, `line` counts from 1, `field` is the key ("ship.end")."""

    def __init__(self, source: str, line: int, field: str, rule: str) -> None:
        super().__init__(field, rule)
        self.source = source
        self.line = line

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.field}: {self.rule}"


def load(text: str, source: str) -> Policy:
    """Read and check a policy file; `source` is its name for people. Raises PolicyError.

    Only `name` must be given; every other number has its default. Durations are written with their unit.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _AT_LINE.search(str(error))
        line = int(match[1]) if match else len(text.splitlines())
        raise PolicyError(source, line, "file", f"is not TOML: {error}") from None
    except (ValueError, RecursionError):
        too_much = "has a number too long, or values nested too deep, to be a policy"
        raise PolicyError(source, 1, "file", too_much) from None
    try:
        policy = _read(document)
    except Invalid as error:
        raise PolicyError(source, line_of(text, error.field), error.field, error.rule) from None
    for rule in _broken(policy, document):
        field = next((field for field in rule.fields if _written(document, field)), rule.fields[0])
        raise PolicyError(source, line_of(text, field), field, rule.text)
    return policy


def text_of(data: bytes, source: str) -> str:
    """The text of a policy file. Raises PolicyError for one that is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError(source, line, "file", "is not UTF-8 text; save it as UTF-8") from None


@lru_cache(maxsize=64)
def longest_window(policy: Policy) -> int:
    """The most business days that any one number of the policy counts."""
    return max(days for _, days in _windows(policy))


def _windows(policy: Policy) -> Iterator[tuple[str, int]]:
    for name, kind in sections().items():
        for number in fields(kind):
            value = getattr(getattr(policy, name), number.name)
            if kind_of(number).unit == "business days":
                yield f"{name}.{number.name}", value
            if isinstance(kind_of(number), Exceptions):
                yield from _windows_of(f"{name}.{number.name}", kind, value)


def _windows_of(name: str, section: type[Any], exceptions: tuple[Exceptional, ...]) -> Iterator[tuple[str, int]]:
    days = {number.name for number in fields(section) if kind_of(number).unit == "business days"}
    for at, exception in enumerate(exceptions):
        yield from ((f"{name}[{at}].{key}", value) for key, value in exception.numbers if key in days)


def check(policy: Policy) -> None:
    """Raises Invalid for a policy, given whole rather than read from a file, that no file could say."""
    lines = [f"{number.name} = {_shown(number, getattr(policy, number.name))}" for number in head()]
    for name, kind in sections().items():
        section = getattr(policy, name)
        lines.append(f"[{name}]")
        lines.extend(f"{number.name} = {_shown(number, getattr(section, number.name))}" for number in fields(kind))
    if load("\n".join(lines), policy.name) != policy:
        raise Invalid("policy", "has values that a policy file reads differently")


def _shown(number: Field[Any], value: Any) -> str:
    """A number as a policy file writes it; raises Invalid for a value that is not of its kind."""
    try:
        shown = kind_of(number).show(value)
    except (AttributeError, TypeError, ValueError) as error:
        raise Invalid(f"policy.{number.name}", f"{value!r} is not {kind_of(number).unit}: {error}") from None
    bare = shown[:1] in ('"', "[", "{") or isinstance(kind_of(number), BasisPoints)
    return shown if bare else json.dumps(shown)


def worst_case_days(business_days: int) -> int:
    """The most calendar days that so many business days take from any start, with weekends of two days.

    Public holidays can add to it: the limit that counts while an order runs is the provider's own.
    """
    return business_days + 2 * (business_days // 5 + 1)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule that a policy breaks, and the keys that could be changed to keep it."""

    text: str
    fields: tuple[str, ...]


def _read(document: Mapping[str, Any]) -> Policy:
    top = {number.name: number for number in head()}
    _known(document, [*top, *sections()], "")
    if "name" not in document:
        raise Invalid("name", 'is missing; name the policy as its file, for example name = "standard"')
    parts = {name: _read_section(name, kind, document.get(name, {})) for name, kind in sections().items()}
    values = {name: kind_of(number).parse(name, document[name]) for name, number in top.items() if name in document}
    values.setdefault("display_name", values["name"])
    return Policy(**values, **parts)


def _read_section(name: str, kind: type[Any], written: object) -> Any:
    if not isinstance(written, dict):
        raise Invalid(name, f"must be a section; write [{name}] on a line of its own")
    numbers: dict[str, Field[Any]] = {number.name: number for number in fields(kind)}
    _known(written, numbers, f"{name}.")
    return kind(**{key: kind_of(numbers[key]).parse(f"{name}.{key}", value) for key, value in written.items()})


def _known(written: Iterable[str], known: Iterable[str], prefix: str) -> None:
    names = list(known)
    for key in written:
        if key not in names:
            close = get_close_matches(key, names, n=1)
            hint = f"did you mean {prefix}{close[0]}?" if close else f"known here: {', '.join(names)}"
            raise Invalid(f"{prefix}{key}", f"is not a key of a policy; {hint}")


def _broken(policy: Policy, document: Mapping[str, Any]) -> Iterator[_Rule]:
    """Every rule between numbers that the policy breaks."""
    yield from (
        _Rule(f"must be earlier than {later}", (earlier, later))
        for earlier, later in _EARLIER
        if _value(policy, earlier) >= _value(policy, later)
    )
    yield from (
        _Rule(f"must not be later than {later}", (earlier, later))
        for earlier, later in _NOT_LATER
        if _value(policy, earlier) > _value(policy, later)
    )
    yield from _fits_hold(policy, document)
    for check in _CHECKS:
        yield from check(policy)


_EARLIER = (
    ("payment.remind", "payment.expire"),
    ("confirm.remind", "confirm.ticket"),
    ("ship.remind", "ship.ticket"),
    ("receipt.remind", "receipt.decide"),
    ("escrow.margin", "escrow.longest"),
)
_NOT_LATER = (
    ("confirm.ticket", "confirm.end"),
    ("ship.ticket", "ship.end"),
    ("confirm.end", "ship.end"),
    ("money.first_retry", "money.longest_retry"),
    ("money.lands_within", "money.unknown_ticket"),
)


def _fits_hold(policy: Policy, document: Mapping[str, Any]) -> Iterator[_Rule]:
    """The window before capture must fit the hold, or the file itself says what happens when it does not.

    The default way out stands for the default windows alone: who changes them must decide.
    """
    early = policy.capture.trigger == "confirmation" or policy.hold.way_out == "capture_at_confirmation"
    window, end = ("confirm.end", policy.confirm.end) if early else ("ship.end", policy.ship.end)
    room = timedelta(days=policy.hold.expected) - policy.hold.margin
    changed = (window, "hold.expected", "hold.margin")
    if room <= timedelta(0):
        yield _Rule("must be shorter than hold.expected, or no seller has any time", ("hold.margin", "hold.expected"))
        return
    if timedelta(days=worst_case_days(end)) <= room:
        return
    chosen = _written(document, "hold.way_out") or not any(_written(document, field) for field in changed)
    if not chosen or policy.hold.way_out == "capture_at_confirmation":
        yield _Rule(
            f"does not fit the hold: {window} = {end} business days can take {worst_case_days(end)} days, "
            f"hold.expected less hold.margin leaves {room.total_seconds() / 86400:g}; shorten the window "
            "or name hold.way_out ('reauthorise', 'cancel')",
            changed,
        )


def _fits_escrow(policy: Policy) -> Iterator[_Rule]:
    silent = worst_case_days(policy.receipt.decide) + policy.receipt.weak_release
    room = policy.escrow.longest - policy.escrow.margin
    if silent > room:
        yield _Rule(
            f"a silent buyer can take {silent} days, but escrow.longest less escrow.margin leaves {room}",
            ("receipt.weak_release", "receipt.decide", "escrow.longest", "escrow.margin"),
        )


def _is_renewed(policy: Policy) -> Iterator[_Rule]:
    if policy.calendar.horizon < SHORTEST_HORIZON:
        yield _Rule(
            f"must be at least {SHORTEST_HORIZON} days: calendars are extended long before they end",
            ("calendar.horizon",),
        )
    if policy.calendar.horizon > LONGEST_HORIZON:
        yield _Rule(
            f"must be at most {LONGEST_HORIZON} days: nobody knows the holidays of later years", ("calendar.horizon",)
        )


def _fits_horizon(policy: Policy) -> Iterator[_Rule]:
    needed = (
        policy.payment.expire + policy.payment.more_time
        + worst_case_days(policy.ship.end + policy.ship.more_time)
        + policy.escrow.longest + policy.aftersale.window + policy.pause.longest
    )  # fmt: skip
    if policy.calendar.horizon < needed:
        yield _Rule(
            f"calendar.horizon = {policy.calendar.horizon} days is too short for the windows of this policy, "
            f"which can take {needed} days together",
            (
                "calendar.horizon", "escrow.longest", "aftersale.window", "pause.longest", "ship.end", "ship.more_time",
                "payment.expire", "payment.more_time",
            ),
        )  # fmt: skip


def _fees_below_all(policy: Policy) -> Iterator[_Rule]:
    if policy.fees.commission_basis_points + policy.fees.payment_basis_points > 10_000:
        yield _Rule(
            "commission and payment fee together exceed 100 % (10000 basis points)",
            ("fees.commission_basis_points", "fees.payment_basis_points"),
        )


def _within_calendars(policy: Policy) -> Iterator[_Rule]:
    """Pinned calendars are extended `CALENDAR_MARGIN` days before their end, so no window may be longer than that."""
    for field, days in _windows(policy):
        if days > LONGEST_WINDOW:
            yield _Rule(f"must not be more than {LONGEST_WINDOW} business days", (field,))


def _days_off_agree(policy: Policy) -> Iterator[_Rule]:
    both = set(policy.calendar.extra_days_off) & set(policy.calendar.removed_days_off)
    if both:
        yield _Rule(f"{min(both)} is also in extra_days_off; keep one of the two", ("calendar.removed_days_off",))


_CHECKS: tuple[Callable[[Policy], Iterator[_Rule]], ...] = (
    _fits_escrow,
    _is_renewed,
    _fits_horizon,
    _fees_below_all,
    _within_calendars,
    _days_off_agree,
)


def _value(policy: Policy, field: str) -> Any:
    section, key = field.split(".")
    return getattr(getattr(policy, section), key)


def _written(document: Mapping[str, Any], field: str) -> bool:
    """Whether a file says something about `field`, a path of keys with dots, such as ``claims.exceptions[0].cheap``."""
    here: Any = document
    for key in re.findall(r"[^.\[\]]+", field):
        if isinstance(here, list) and key.isdigit() and int(key) < len(here):
            here = here[int(key)]
        elif isinstance(here, dict) and key in here:
            here = here[key]
        else:
            return False
    return True


def line_of(text: str, field: str) -> int:
    """The line, from 1, of the statement that writes `field`, or else the section round it; 1 when nothing does.

    A statement begins after the longest shorter beginning of the file that is whole TOML, so that every way to write a
    key or a value is found without a second parser.
    """
    # As TOML counts them: a comment may hold other ends of lines, and no beginning of a file may end between \r and \n.
    lines = text.replace("\r\n", "\n").split("\n")
    begin = 1
    for end in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if _written(document, field):
            return begin
        begin = end + 1
    parent = field.rpartition(".")[0]
    return line_of(text, parent) if parent else 1
