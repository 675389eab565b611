"""The small part of the search language that is about metadata."""

from __future__ import annotations

import re

from sandbox.payments.wire import malformed
from sandbox.store import Record

CLAUSE = re.compile(r"""(?:metadata\["(?P<name>[^"]+)"\]|(?P<member>status|currency|customer)):"(?P<value>[^"]*)"\Z""")


def matching(records: list[Record], query: str) -> list[Record]:
    """The records for which every clause of ``metadata['a']:'b' AND status:'c'`` holds."""
    for clause in query.replace("'", '"').split(" AND "):
        found = CLAUSE.match(clause.strip())
        if found is None:
            raise malformed(f"We were unable to parse your search query: {clause}", param="query")
        name, member, value = found["name"], found["member"], found["value"]
        records = [
            record
            for record in records
            if (record.data["metadata"].get(name) if name else record.data[member]) == value
        ]
    return records
