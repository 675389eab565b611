"""Judging a sheet that came back: row by row, what would happen, or why nothing will. Nothing is changed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from activities.store.desk import apart, sheets
from activities.store.desk.apart import Apart
from activities.store.desk.sheets import Since, Wanted
from domain import wire
from domain.decide import Refusal, Repeat, decide
from domain.errors import Invalid, Refused
from domain.state import Actor, Order
from starter.records import Records
from starter.sheets.actions import Action, Edits, ids_of, of_claim, of_ticket
from starter.sheets.cells import Value, same, text_of, typed
from starter.sheets.export import TOLD, values_of
from starter.sheets.read import Row, Table
from starter.sheets.rows import CLAIMS, KEY, Edit, Key, Sheet, key_of, stood_as
from starter.work.apart import Asked, check

PLANS: Mapping[str, Callable[[Key, Any, Edits], tuple[Action, ...]]] = {"claims": of_claim, "tickets": of_ticket}
EMPTY = "-"


class State(StrEnum):
    """What becomes of a row."""

    UNCHANGED = "unchanged"
    READY = "ready"
    ALREADY = "done already"
    DONE = "done"
    INVALID = "invalid"
    NOT_EDITABLE = "not editable"
    CHANGED = "changed meanwhile"
    UNKNOWN = "unknown case"
    REFUSED = "refused"
    FAILED = "failed"


GOOD = frozenset({State.UNCHANGED, State.READY, State.ALREADY, State.DONE})


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row and what becomes of it. `why` is a sentence for the person who edited it.

    `source` is what stands in the row, when there are actions in it that may have to be judged again.
    """

    row: int
    number: str
    state: State
    why: str = ""
    actions: tuple[Action, ...] = field(default=(), repr=False)
    source: Row | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Judged:
    """All rows of a file: those with an outcome worth telling, and how many there are of each kind."""

    outcomes: tuple[Outcome, ...]
    counts: Mapping[str, int]


@dataclass(slots=True)
class _Edited:
    """A row that asks for something; `stale` says what of its case is no longer as the sheet has it."""

    source: Row
    key: Key
    number: str
    cause: str
    actions: tuple[Action, ...]
    stale: str

    def ends(self, state: State, why: str) -> Outcome:
        """What becomes of it."""
        return Outcome(self.source.number, self.number, state, why, self.actions, self.source)


def judge(
    records: Records, sheet: Sheet, table: Table, by: Actor, marketplace: str, tick: Callable[[], None]
) -> Judged:
    """Judge every row as its order stands on record; `tick` is called for each. As many statements for any rows."""
    found = _as_it_stands(records, sheet, table.rows, by, marketplace, tick)
    counts = Counter(outcome.state.value for outcome in found)
    told = tuple(outcome for outcome in found if outcome.state is not State.UNCHANGED)
    return Judged(told, {state.value: counts[state.value] for state in State if counts[state.value]})


def judge_again(records: Records, sheet: Sheet, rows: Sequence[Row], by: Actor, marketplace: str) -> list[Outcome]:
    """Judge the rows of one order once more, which somebody may have come before since; by their numbers."""
    return _as_it_stands(records, sheet, lambda: rows, by, marketplace, lambda: None)


def _as_it_stands(
    records: Records,
    sheet: Sheet,
    rows: Callable[[], Iterable[Row]],
    by: Actor,
    marketplace: str,
    tick: Callable[[], None],
) -> list[Outcome]:
    with records.begin() as conn:
        sheets.begin(conn)
        judging = _Judging(records, sheet, by, marketplace, conn)
        return sorted(judging.whole(rows, tick), key=lambda outcome: outcome.row)


class _Judging:
    def __init__(self, records: Records, sheet: Sheet, by: Actor, marketplace: str, conn: Connection) -> None:
        self._records, self._sheet, self._by, self._conn = records, sheet, by, conn
        self._wanted = Wanted(by, TOLD[by.role], marketplace=marketplace)
        self._read = sheets.cases if sheet is CLAIMS else sheets.tickets
        self._stands = [column for column in sheet.columns if column.edit is Edit.STANDS]

    def whole(self, rows: Callable[[], Iterable[Row]], tick: Callable[[], None]) -> Iterator[Outcome]:
        keys = [Key.read(typed(row.cells[KEY])) for row in rows()]
        twice = {key for key, count in Counter((k.order_id, k.name) for k in keys if k).items() if count > 1}
        asked = [(key.order_id, key.name) for key in keys if key]
        edited: list[_Edited] = []
        with closing(self._read(self._conn, self._records.vault, self._wanted, asked)) as records:
            for row, key in zip(rows(), keys, strict=True):
                tick()
                found = self._row(row, key, next(records) if key else None, twice)
                if isinstance(found, _Edited):
                    edited.append(found)
                else:
                    yield found
        yield from self._decided(edited)

    def _row(self, row: Row, key: Key | None, record: Any, twice: set[tuple[str, str]]) -> Outcome | _Edited:
        """A row beside its case as it stands now."""
        number = typed(row.cells[self._sheet.columns[0].name]) or EMPTY
        if key is None or len(key.stood) != len(self._stands):
            return Outcome(row.number, number, State.UNKNOWN, f"the hidden column '{KEY}' was lost or changed")
        if record is None or self._sheet.key(record)[:2] != (key.order_id, key.name):
            return Outcome(row.number, number, State.UNKNOWN, "there is no such case here")
        if self._sheet.number(record) != number:
            why = f"the row is of {self._sheet.number(record)}: its cells were moved apart"
            return Outcome(row.number, number, State.UNKNOWN, why)
        edits = self._edits(row, key)
        values = values_of(self._sheet.columns, record)
        now = key_of(self._sheet, record, values)
        moved = now.seen != key.seen or any(c.name in edits and now.stood[i] != key.stood[i]
                                            for i, c in enumerate(self._stands))  # fmt: skip
        changed = [
            column.name
            for column, value in zip(self._sheet.columns, values, strict=True)
            if column.edit is Edit.NEVER and column.name in row.cells and not same(value, row.cells[column.name])
        ]
        if not moved and changed:
            why = f"{', '.join(changed)}: may not be edited; the row was left alone"
            return Outcome(row.number, number, State.NOT_EDITABLE, why)
        if wrong := self._no_plain_value(row):
            return Outcome(row.number, number, State.INVALID, wrong)
        if not edits:
            return Outcome(row.number, number, State.UNCHANGED)
        if (key.order_id, key.name) in twice:
            return Outcome(row.number, number, State.INVALID, "the case stands in this sheet twice; keep one row")
        try:
            actions = PLANS[self._sheet.name](key, record, edits)
        except Invalid as error:
            return Outcome(row.number, number, State.INVALID, str(error))
        cause = getattr(record, "cause", "")
        by_name = {column.name: value for column, value in zip(self._sheet.columns, values, strict=True)}
        stale = self._stale(now, key, by_name, changed) if moved else ""
        return _Edited(row, key, number, cause, actions, stale)

    def _no_plain_value(self, row: Row) -> str:
        """What is wrong with a cell that shows something else than it holds; empty for nothing."""
        for column in self._sheet.editable:
            if column.name in row.formulas:
                return f"{column.name}: holds a formula or an error; write a plain value"
            raw = row.cells[column.name]
            if column.name in row.percents and isinstance(raw, int | float):
                return (
                    f"{column.name}: is a percentage, {raw * 100:.6g}%, which is no {column.name}; "
                    f"write the {column.name} itself, in a cell that is no percentage"
                )
        return ""

    def _edits(self, row: Row, key: Key) -> dict[str, Any]:
        """The cells that were changed since the export, whatever has happened to the case meanwhile."""
        stood = dict(zip((column.name for column in self._stands), key.stood, strict=True))
        edits = {}
        for column in self._sheet.editable:
            raw = row.cells[column.name]
            words = typed(raw)
            if words if column.edit is Edit.EMPTY else stood_as(words) != stood[column.name]:
                edits[column.name] = raw
        return edits

    def _stale(self, now: Key, key: Key, values: Mapping[str, Value], changed: Sequence[str]) -> str:
        """What is no longer as the sheet says; long texts are named only."""
        stood = [c.name for i, c in enumerate(self._stands) if now.stood[i] != key.stood[i]]
        return "; ".join(map(_told, (*stood, *changed), (values[name] for name in (*stood, *changed)))) or GONE_ON

    def _decided(self, edited: Sequence[_Edited]) -> Iterator[Outcome]:
        """What each order would say, asked for the actions of its rows one after the other, as they would be done."""
        rows: dict[str, list[_Edited]] = {}
        for row in edited:
            rows.setdefault(row.key.order_id, []).append(row)
        named = [row.key.name for row in edited if row.cause in apart.CAUSES]
        tickets = apart.standing(self._conn, named) if named else {}
        first = {order_id: min(row.key.seq for row in found) for order_id, found in rows.items()}
        for order_id, since in sheets.since(self._conn, first):
            order = wire.from_plain(Order, since.snapshot)
            found = rows.pop(order_id)
            ours = tuple(ids_of(row.key) for row in found)
            for row in found:
                outcome, order = self._judged(row, order, since, ours, tickets.get(row.key.name))
                yield outcome
        for found in rows.values():
            yield from (row.ends(State.UNKNOWN, "there is no such case here") for row in found)

    def _judged(
        self, row: _Edited, order: Order, since: Since, ours: tuple[str, ...], ticket: Apart | None
    ) -> tuple[Outcome, Order]:
        """What becomes of the row, and the order after it. `ours`: how the ids begin of what this sheet did to it."""
        taken = {command for _, command in since.steps}
        own = {command for command in taken if command.startswith(ours)}
        others = [step for step, command in since.steps if command not in own]
        done = [a for a in row.actions if a.command_id in taken]
        if len(done) == len(row.actions):
            lapsed = any(_has_lapsed(action, order, since) for action in done)
            state, words = (State.CHANGED, f": {LAPSED}") if lapsed else (State.ALREADY, _waiting(order, done))
            return row.ends(state, _said(row.actions) + words), order
        if row.stale and (others or not own):
            return row.ends(State.CHANGED, f"{row.stale}; export anew and look again"), order
        now, waits, after = self._records.now_of(order), "", order
        for action in row.actions:
            if action in done:
                continue
            if ticket is not None and isinstance(action.body, Asked):
                why = _why_not(ticket, order, self._by, action.body, now)
                if why:
                    return row.ends(State.REFUSED, f"{action.words}: {why}"), order
                continue
            answer = decide(after, action.command(self._by), now)
            if isinstance(answer, Refusal):
                return row.ends(State.REFUSED, f"{action.words}: {answer.reason}"), order
            if not isinstance(answer, Repeat):
                after, waits = answer.after, " (a second operator approves)" if answer.step == ASKS else waits
        return row.ends(State.READY, _said(row.actions) + waits), after


def _why_not(ticket: Apart, order: Order, by: Actor, asked: Asked, now: datetime) -> str:
    """Why a ticket that no order's state knows is not worked on; "" when it is."""
    try:
        check(ticket, order, by, asked, now)
    except (Refused, Invalid) as error:
        return str(error)
    return ""


def _has_lapsed(action: Action, order: Order, since: Since) -> bool:
    """Whether a second operator was asked, and neither agreed nor is waited for any more.

    One large command waits at a time, so that the next one of its name is it, unless another was asked for first.
    """
    asked = (ASKS, action.command_id)
    if asked not in since.steps:
        return False
    after = (step for step, _ in since.steps[since.steps.index(asked) + 1 :])
    ended = next((step for step in after if step in (action.name, ASKS)), "")
    return ended == ASKS or (not ended and order.approval is None)


def _waiting(order: Order, done: Sequence[Action]) -> str:
    waits = order.approval is not None and order.approval.name in {action.name for action in done}
    return " (a second operator approves)" if waits else ""


LAPSED = "no second operator agreed to it; export anew and decide again"
ASKS = "ask_second_operator"
GONE_ON = "the case has gone on since the export"


def _told(name: str, value: Value) -> str:
    words = text_of(value)
    return f"{name} has changed" if len(words) > 60 or "\n" in words else f"{name} is now '{words}'"


def _said(actions: Sequence[Action]) -> str:
    return "; ".join(action.words for action in actions)
