"""The small part of the search language that is about metadata, a few members, and when an object was made."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from sandbox.payments.wire import malformed
from sandbox.store import Json

CLAUSE = re.compile(r"""(?:metadata\["(?P<name>[^"]+)"\]|(?P<member>status|currency|customer)):"(?P<value>[^"]*)"\Z""")
SPAN = re.compile(r"created(?P<bound>[<>]=?)(?P<second>\d+)\Z")
COMPARED: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matching(query: str) -> Callable[[Json], bool]:
    """Whether every clause of ``metadata['a']:'b' AND status:'c' AND created>=1`` holds for an object."""
    wanted = [_clause(clause.strip()) for clause in query.replace("'", '"').split(" AND ")]
    return lambda data: all(holds(data) for holds in wanted)


def _clause(clause: str) -> Callable[[Json], bool]:
    if found := SPAN.match(clause):
        compared, second = COMPARED[found["bound"]], int(found["second"])
        return lambda data: compared(data["created"], second)
    if found := CLAUSE.match(clause):
        name, member, value = found["name"], found["member"], found["value"]
        return lambda data: bool((data["metadata"].get(name) if name else data[member]) == value)
    raise malformed(f"We were unable to parse your search query: {clause}", param="query")
