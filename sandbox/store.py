"""Everything the sandbox knows: records in memory, and in an SQLite file as well when a path is given."""

from __future__ import annotations

import copy
import json
import secrets
import sqlite3
from bisect import bisect_left, insort
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]
"""A JSON object."""


@dataclass(slots=True)
class Record:
    """One object: `data` for the world, `private` for the sandbox alone, `order_id` for whose clock it has."""

    kind: str
    id: str
    data: Json
    order_id: str = ""
    private: Json = field(default_factory=dict)


def new_id(prefix: str) -> str:
    """An id in the manner of the providers, such as ``pi_5c1f...``; never the same twice, also over restarts."""
    return f"{prefix}_{secrets.token_hex(12)}"


class Store:
    """Records by kind and id, in the order of their making. With a `path` they outlive the process from `commit` on."""

    def __init__(self, path: Path | None = None) -> None:
        self._records: dict[str, dict[str, Record]] = {}
        self._of_order: dict[tuple[str, str], list[Record]] = {}
        self._by_age: dict[str, list[tuple[int, int, Record]]] = {}
        self._number = 0
        self._file: sqlite3.Connection | None = None
        if path is not None:
            self._open(path)

    def get(self, kind: str, id_: str) -> Record | None:
        """The record, or None."""
        return self._records.get(kind, {}).get(id_)

    def find(self, id_: str) -> Record | None:
        """The record of this id, whatever its kind, or None."""
        return next((records[id_] for records in self._records.values() if id_ in records), None)

    def all(self, kind: str) -> list[Record]:
        """Every record of a kind, oldest first."""
        return list(self._records.get(kind, {}).values())

    def count(self, kind: str) -> int:
        """How many records of a kind there are."""
        return len(self._records.get(kind, {}))

    def of_order(self, kind: str, order_id: str) -> list[Record]:
        """Every record of a kind that belongs to an order, oldest first."""
        return list(self._of_order.get((kind, order_id), ()))

    def newest(self, kind: str, since: int = 0, until: int | None = None) -> Iterator[Record]:
        """The records of a kind whose ``created`` lies in [since, until), newest first, in seconds since 1970."""
        rows = self._by_age.get(kind, [])
        first = bisect_left(rows, (since, 0))
        for place in range(len(rows) if until is None else bisect_left(rows, (until, 0)), first, -1):
            yield rows[place - 1][2]

    def put(self, record: Record) -> Record:
        """Add a record, or write down that it changed; answers it. A record never changes its order or its age."""
        known = self.get(record.kind, record.id)
        if known is not record:
            if known is not None:
                self._leave(known)
            self._enter(record)
        if self._file is not None:
            self._file.execute(
                "INSERT INTO record (kind, id, order_id, data, private) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (kind, id) DO UPDATE SET data = excluded.data, private = excluded.private",
                (record.kind, record.id, record.order_id, json.dumps(record.data), json.dumps(record.private)),
            )
        return record

    def remove(self, record: Record) -> None:
        """Forget a record."""
        if self.get(record.kind, record.id) is record:
            self._leave(record)
        if self._file is not None:
            self._file.execute("DELETE FROM record WHERE kind = ? AND id = ?", (record.kind, record.id))

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever the block changes is as if it had never been, once the block ends."""
        self.commit()
        before = copy.deepcopy((self._records, self._of_order, self._by_age))
        try:
            yield
        finally:
            self._records, self._of_order, self._by_age = before
            if self._file is not None:
                self._file.rollback()

    def commit(self) -> None:
        """Make everything put so far outlive the process."""
        if self._file is not None:
            self._file.commit()

    def close(self) -> None:
        """Commit and let the file go."""
        if self._file is not None:
            self._file.commit()
            self._file.close()
            self._file = None

    def _open(self, path: Path) -> None:
        self._file = sqlite3.connect(path, check_same_thread=False)
        # A killed process loses nothing without it; only a machine that loses power could, which no test here plays.
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS record (place INTEGER PRIMARY KEY, kind TEXT, id TEXT, order_id TEXT, "
            "data TEXT, private TEXT, UNIQUE (kind, id))"
        )
        rows = self._file.execute("SELECT kind, id, order_id, data, private FROM record ORDER BY place").fetchall()
        for kind, id_, order_id, data, private in rows:
            self._enter(Record(kind, id_, json.loads(data), order_id, json.loads(private)))

    def _enter(self, record: Record) -> None:
        self._records.setdefault(record.kind, {})[record.id] = record
        self._of_order.setdefault((record.kind, record.order_id), []).append(record)
        if "created" in record.data:
            self._number += 1
            insort(self._by_age.setdefault(record.kind, []), (record.data["created"], self._number, record))

    def _leave(self, record: Record) -> None:
        del self._records[record.kind][record.id]
        self._of_order[record.kind, record.order_id].remove(record)
        if "created" in record.data:
            rows = self._by_age[record.kind]
            rows[:] = [row for row in rows if row[2] is not record]
