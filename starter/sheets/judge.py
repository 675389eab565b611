"""Judging a sheet that came back: row by row, what would happen, or why nothing will. Nothing is changed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import Connection

from activities.store.desk import apart, sheets
from activities.store.desk.apart import Apart
from activities.store.desk.sheets import Since, Wanted
from domain import wire
from domain.claims.case import STATUS_WORDS, Status
from domain.decide import Refusal, Repeat, decide
from domain.errors import Invalid, Refused
from domain.state import Actor, Order
from starter.entrance import check_marketplace
from starter.records import Records
from starter.sheets.actions import Action, Edits, Spent, of_claim, of_ticket
from starter.sheets.cells import Value, same, text_of, typed
from starter.sheets.export import TOLD, values_of
from starter.sheets.history import ASKS, Plan, Told, as_done, done_apart, has_assigned, own_steps
from starter.sheets.read import Row, Table
from starter.sheets.rows import CLAIMS, KEY, TICKETS, Edit, Key, Sheet, key_of, stood_as
from starter.work.apart import Asked, check

PLANS: Mapping[str, Callable[[Key, Any, Edits, Spent], tuple[Action, ...]]] = {
    CLAIMS.name: of_claim,
    TICKETS.name: of_ticket,
}
ASSIGNEE = "assignee"
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
    """A row that asks for something; `stale` says what of its case is no longer as the sheet has it.

    `plan` makes its actions, `back` those of the row as one that puts its assignee back: the cell says what it said
    when the sheet was written, and the case is somebody else's by now. None where that is not so.
    """

    source: Row
    key: Key
    number: str
    cause: str
    plan: Plan
    back: Plan | None
    stale: str
    status: Value
    assigned: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """The ids of what it would write."""
        return tuple(note for action in self.plan({}) if (note := getattr(action.body, "note_id", "")))

    def ends(self, state: State, why: str, actions: tuple[Action, ...] = ()) -> Outcome:
        """What becomes of it."""
        return Outcome(self.source.number, self.number, state, why, actions, self.source)


def judge(
    records: Records, sheet: Sheet, table: Table, by: Actor, marketplace: str, tick: Callable[[], None]
) -> Judged:
    """Judge every row as its order stands on record; `tick` is called for each. As many statements for any rows.

    Raises Invalid for an unknown marketplace.
    """
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
        check_marketplace(conn, marketplace)
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
        assigned = self._at(now, ASSIGNEE) == stood_as(typed(row.cells[ASSIGNEE]))
        may_be_back = moved and not assigned and ASSIGNEE not in edits
        if not edits and not may_be_back:
            return Outcome(row.number, number, State.UNCHANGED)
        if (key.order_id, key.name) in twice:
            return Outcome(row.number, number, State.INVALID, "the case stands in this sheet twice; keep one row")
        plan = partial(PLANS[self._sheet.name], key, record, edits)
        back = partial(PLANS[self._sheet.name], key, record, {ASSIGNEE: row.cells[ASSIGNEE], **edits})
        try:
            plan({})
        except Invalid as error:
            return Outcome(row.number, number, State.INVALID, str(error))
        cause = getattr(record, "cause", "")
        by_name = {column.name: value for column, value in zip(self._sheet.columns, values, strict=True)}
        stale = self._stale(now, key, by_name, changed) if moved else ""
        return _Edited(row, key, number, cause, plan, back if may_be_back else None, stale, by_name["status"], assigned)

    def _at(self, key: Key, column: str) -> str:
        """The mark of how a column stands, or stood, in a row of that key."""
        return key.stood[[each.name for each in self._stands].index(column)]

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
        noted = apart.noted(self._conn, [n for row in edited if row.key.name in tickets for n in row.notes])
        first = {order_id: min(row.key.seq for row in found) for order_id, found in rows.items()}
        for order_id, since in sheets.since(self._conn, first):
            order = wire.from_plain(Order, since.snapshot)
            found = rows.pop(order_id)
            keys = [row.key for row in found]
            for row in found:
                outcome, order = self._judged(row, order, since, keys, tickets.get(row.key.name), noted)
                yield outcome
        for found in rows.values():
            yield from (row.ends(State.UNKNOWN, "there is no such case here") for row in found)

    def _judged(
        self,
        row: _Edited,
        order: Order,
        since: Since,
        keys: Sequence[Key],
        ticket: Apart | None,
        noted: Collection[str],
    ) -> tuple[Outcome, Order]:
        """What becomes of the row, and the order after it. `keys`: the rows of this sheet that are about the order."""
        if ticket is not None:
            told = done_apart(row.plan({}), noted, assigned=row.assigned)
        else:
            plan = row.back if row.back and has_assigned(since, row.key, self._by.id) else row.plan
            told = as_done(plan, row.key, since, self._by.id, assigned=row.assigned)
        if not told.actions:
            return row.ends(State.UNCHANGED, ""), order
        said, ends = _said(told.actions), partial(row.ends, actions=told.actions)
        if len(told.done) == len(told.actions):
            lapsed = any(_has_lapsed(action, order, since) for action in told.done)
            state, words = (
                (State.CHANGED, f": {LAPSED}")
                if lapsed
                else (State.ALREADY, _waiting(order, told.done) + _answered(row, told))
            )
            return ends(state, said + words), order
        own = own_steps(since, keys, self._by.id)
        if row.stale and (not own or len(own) != len(since.steps)):
            return ends(State.CHANGED, f"{row.stale}; export anew and look again"), order
        return self._asked(row, order, told, ticket)

    def _asked(self, row: _Edited, order: Order, told: Told, ticket: Apart | None) -> tuple[Outcome, Order]:
        """What the order would say to what is not done yet, and the order after it."""
        ends = partial(row.ends, actions=told.actions)
        now, waits, after = self._records.now_of(order), "", order
        for action in told.actions:
            if action in told.done:
                continue
            if ticket is not None and isinstance(action.body, Asked):
                why = _why_not(ticket, order, self._by, action.body, now)
                if why:
                    return ends(State.REFUSED, f"{action.words}: {why}"), order
                continue
            answer = decide(after, action.command(self._by), now)
            if isinstance(answer, Refusal):
                return ends(State.REFUSED, f"{action.words}: {answer.reason}"), order
            if not isinstance(answer, Repeat):
                after, waits = answer.after, " (a second operator approves)" if answer.step == ASKS else waits
        return ends(State.READY, _said(told.actions) + waits), after


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
    steps = [(step.name, step.command_id) for step in since.steps]
    asked = (ASKS, action.command_id)
    if asked not in steps:
        return False
    after = (name for name, _ in steps[steps.index(asked) + 1 :])
    ended = next((step for step in after if step in (action.name, ASKS)), "")
    return ended == ASKS or (not ended and order.approval is None)


def _waiting(order: Order, done: Sequence[Action]) -> str:
    waits = order.approval is not None and order.approval.name in {action.name for action in done}
    return " (a second operator approves)" if waits else ""


def _answered(row: _Edited, told: Told) -> str:
    """Whoever asks once more in the same words is told that these are taken for the old question."""
    asked = any(action.name == "ask_party" for action in told.done)
    return "" if not asked or row.status in WAITING else " (asked before; to ask once more, export anew)"


WAITING = frozenset(STATUS_WORDS[status] for status in (Status.BUYER_ASKED, Status.SELLER_ASKED))
LAPSED = "no second operator agreed to it; export anew and decide again"
GONE_ON = "the case has gone on since the export"


def _told(name: str, value: Value) -> str:
    words = text_of(value)
    return f"{name} has changed" if len(words) > 60 or "\n" in words else f"{name} is now '{words}'"


def _said(actions: Sequence[Action]) -> str:
    return "; ".join(action.words for action in actions)
