"""What a row of a sheet has done to its case already, and whether that still stands. Nothing is read or changed here.

A sheet goes on being edited and imported, so that a row may ask for what it asked for before and has taken back since:
anna, omar, anna. The id of the first command is spent then, and what it asks for does not stand; it is asked for under
an id of its own, which is the same for everybody who imports that sheet at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from activities.store.desk.sheets import Since
from starter.sheets.actions import Action, ids_of
from starter.sheets.rows import Key

ASKS = "ask_second_operator"
ASSIGNS = frozenset({"assign_claim", "assign_ticket"})
MOVES = frozenset({"decide_claim", "ask_party", "escalate_upstream", "answer_upstream", ASKS})
"""Steps that lead a claim on; each takes the place of the last one of the same row."""

Plan = Callable[[Mapping[str, str]], tuple[Action, ...]]
"""The actions of a row; those whose ids are given get other ones, made with what is given for them."""


@dataclass(frozen=True, slots=True)
class Told:
    """Actions of a row as they are to be sent, and those of them that are done."""

    actions: tuple[Action, ...]
    done: tuple[Action, ...]


def own_steps(since: Since, keys: Sequence[Key], by: str) -> tuple[tuple[str, str], ...]:
    """Name and command id of each step that these rows led to, brought in by that person."""
    ours = tuple(ids_of(key) for key in keys)
    return tuple((s.name, s.command_id) for s in since.steps if s.command_id.startswith(ours) and s.actor_id == by)


def has_assigned(since: Since, key: Key, by: str) -> bool:
    """Whether that person has assigned the row's case by this row."""
    return any(name in ASSIGNS for name, _ in own_steps(since, [key], by))


def as_done(plan: Plan, key: Key, since: Since, by: str, *, assigned: bool) -> Told:
    """What of a row is done. `assigned`: its case belongs to whom the row says."""
    taken, mine = {step.command_id for step in since.steps}, own_steps(since, [key], by)
    spent, done = dict[str, str](), set[str]()
    for action in plan({}):
        before = action.command_id
        if before not in taken:
            continue
        kind = next((kind for kind in (ASSIGNS, MOVES) if action.name in kind), frozenset[str]())
        chain = [command_id for name, command_id in mine if name in kind]
        if action.name in ASSIGNS and assigned:
            done.add(before)
        elif action.name in ASSIGNS:
            spent[before] = chain[-1] if chain else before
        elif not chain or chain[-1] in _ids(plan, action, chain):
            done.add(before)
        else:
            spent[before] = chain[-1]
    again = plan(spent)
    return Told(again, tuple(b for a, b in zip(plan({}), again, strict=True) if a.command_id in done))


def done_apart(actions: tuple[Action, ...], noted: Collection[str], *, assigned: bool) -> Told:
    """What is done of a row about a ticket that no order's state knows: no step tells of it, but the notes do."""
    done = (a for a in actions if (assigned if a.name in ASSIGNS else getattr(a.body, "note_id", "") in noted))
    return Told(actions, tuple(done))


def _ids(plan: Plan, action: Action, chain: Sequence[str]) -> set[str]:
    """The ids by which the row may have asked for it the last time."""
    before = action.command_id
    salted = (a for a in plan({before: chain[-2]}) if a.name == action.name) if len(chain) > 1 else ()
    return {before, *(a.command_id for a in salted)}
