"""The small part of the search language that is about metadata."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.payments.wire import malformed
from sandbox.store import Json

CLAUSE = re.compile(r"""(?:metadata\["(?P<name>[^"]+)"\]|(?P<member>status|currency|customer)):"(?P<value>[^"]*)"\Z""")


def matching(query: str) -> Callable[[Json], bool]:
    """Whether every clause of ``metadata['a']:'b' AND status:'c'`` holds for an object."""
    wanted: list[tuple[str, str, str]] = []
    for clause in query.replace("'", '"').split(" AND "):
        found = CLAUSE.match(clause.strip())
        if found is None:
            raise malformed(f"We were unable to parse your search query: {clause}", param="query")
        wanted.append((found["name"] or "", found["member"] or "", found["value"]))

    def matches(data: Json) -> bool:
        return all((data["metadata"].get(name) if name else data[member]) == value for name, member, value in wanted)

    return matches
