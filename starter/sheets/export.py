"""Writing claims, tickets and orders as sheets, as far as a reader may see them. Blocking; needs PostgreSQL alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from activities.store.desk import sheets
from activities.store.desk.sheets import Wanted
from domain.errors import Invalid, Refused
from domain.process import STEPS
from domain.state import DESK, PARTIES, Actor, Role
from starter.entrance import check_marketplace
from starter.records import Records
from starter.sheets.cells import Value
from starter.sheets.rows import CLAIMS, ORDERS, TICKETS, Column, Edit, Sheet, key_of
from starter.sheets.write import write
from starter.views import NOT_FOR, TOLD as TOLD_TO_PARTIES

TOLD: Mapping[Role, Sequence[str]] = {
    **{role: tuple(sorted(TOLD_TO_PARTIES - NOT_FOR.get(role, frozenset()))) for role in PARTIES},
    **{role: tuple(dict.fromkeys(step.name for step in STEPS)) for role in DESK},
}
"""The steps that stand in the log for each reader."""

READ: Mapping[str, Callable[[Connection, Any, Wanted], Iterator[Any]]] = {
    "claims": sheets.cases,
    "tickets": sheets.tickets,
    "orders": sheets.orders,
}
SHEETS: Mapping[str, Sheet] = {sheet.name: sheet for sheet in (CLAIMS, TICKETS, ORDERS)}


@dataclass(frozen=True, slots=True)
class Exported:
    """A sheet that was written."""

    file: str
    rows: int


def values_of(columns: Sequence[Column], record: Any) -> list[Value]:
    """A record in the cells of its row, without the key."""
    return [column.value(record) for column in columns]


class Exporter:
    """Writes sheets for one reader."""

    def __init__(self, records: Records, reader: Actor) -> None:
        self._records, self._reader = records, reader

    def write(
        self,
        name: str,
        file: Path,
        *,
        only_open: bool = False,
        owner: str | None = None,
        marketplace: str = "",
        tick: Callable[[], None] = lambda: None,
    ) -> Exported:
        """Write the rows of a kind that the reader may see; `tick` is called for each.

        Raises Invalid when the file cannot be written, or there is no such marketplace, Refused for a party that asks
        for tickets.
        """
        role, desk = self._reader.role, self._reader.role in DESK
        if name == TICKETS.name and not desk:
            raise Refused("role_not_allowed", f"a {role} may not see tickets; that is for: specialist, operator")
        if not self._reader.id:
            raise Invalid("--id", "is needed: whose sheet it is")
        sheet = SHEETS[name]
        wanted = Wanted(self._reader, TOLD[role], only_open=only_open, marketplace=marketplace, owner=owner)
        with self._records.begin() as conn:
            sheets.begin(conn)
            check_marketplace(conn, marketplace)
            owners = sheets.owners(conn) if desk and any(c.edit is Edit.STANDS for c in sheet.columns) else ()
            found = READ[name](conn, self._records.vault, wanted)
            rows = (_row(sheet, record, desk=desk, tick=tick) for record in found)
            return Exported(str(file), write(file, name, sheet.shown(desk=desk), rows, owners))


def _row(sheet: Sheet, record: Any, *, desk: bool, tick: Callable[[], None]) -> list[Value]:
    tick()
    values = values_of(sheet.columns, record)
    if not desk:
        shown = sheet.shown(desk=False)
        return [value for column, value in zip(sheet.columns, values, strict=True) if column in shown]
    return [*values, str(key_of(sheet, record, values))] if sheet.editable else values
