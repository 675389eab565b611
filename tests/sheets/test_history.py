"""A sheet goes on being edited and imported: what it asks for stands, or it is not said to be done."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from domain.claims.case import Status
from domain.state import Actor
from starter.answers import specialist
from starter.sheets.judge import Outcome, State
from tests.sheets.conftest import ANNA, Desk, edit, run

CASE, ORDER = "o-000006-c1", "o-000006"
BEN = specialist("ben")
LEADS = {"ask_party": Status.BUYER_ASKED, "escalate_upstream": Status.ESCALATED_UPSTREAM}
numbers = count(1000)


class Day:
    """One sheet of a day, and what the order takes of it."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.file = desk, desk.export()
        self.taken: set[str] = set()

    def judged(self, who: Actor = ANNA, **cells: Any) -> Outcome | None:
        """What becomes of the case's row with these cells; None where it asks for nothing."""
        return self.desk.told(edit(self.file, {CASE: cells}), who=who).get(CASE)

    def imported(self, who: Actor = ANNA, **cells: Any) -> str:
        """What became of it, carried out."""
        found = self.judged(who, **cells)
        if found is None:
            return "unchanged"
        for action in found.actions if found.state is State.READY else ():
            if action.command_id not in self.taken:
                self.takes(action.name, action.command_id, who.id)
            if action.name == "assign_claim":
                self.stands("owner", action.arguments["owner"])
            if action.name in LEADS:
                self.stands("status", LEADS[action.name])
        return f"{found.state}: {found.why}"

    def takes(self, step: str, command_id: str, by: str) -> None:
        self.taken.add(command_id)
        run(
            self.desk,
            f"INSERT INTO steps SELECT '{ORDER}', {next(numbers)}, 1, now(), now(), '{step}', 'specialist', '{by}', "
            f"""'update', '{command_id}', '', '', '', '{{"claim_id": "c1"}}', '[]', '[]', 'd'""",
        )

    def stands(self, column: str, value: str) -> None:
        run(self.desk, f"UPDATE claims SET {column} = '{value}' WHERE number = '{CASE}'")  # noqa: S608


@pytest.fixture
def day(own_desk: Desk) -> Day:
    return Day(own_desk)


def test_a_case_goes_from_one_to_another_and_back_as_the_sheet_says_each_time(day: Day) -> None:
    for owner in ("anna", "omar", "anna", "omar", "anna"):
        assert day.imported(assignee=owner) == f"ready: assign to {owner}"
        assert day.imported(assignee=owner) == f"done already: assign to {owner}"


def test_a_cell_that_is_put_back_is_an_edit_of_who_put_it_there(day: Day) -> None:
    assert day.imported(assignee="anna") == "ready: assign to anna"
    copy = edit(day.file, {CASE: {"assignee": None}}).rename(day.file.with_name("ben.xlsx"))
    assert CASE not in day.desk.told(copy, who=BEN), "Ben has left the case alone in his sheet of the same morning"
    day.file = copy
    assert day.imported(assignee=None, note="Not mine.") == "ready: assign to nobody; note for the desk"
    assert day.imported() == "done already: note for the desk"
    assert day.imported(assignee="anna") == "ready: assign to anna; note for the desk"
    assert day.imported(assignee=None) == "ready: assign to nobody; note for the desk"


def test_the_same_import_twice_at_once_asks_for_it_under_one_id(day: Day) -> None:
    for owner in ("anna", "omar"):
        day.imported(assignee=owner)
    first, second = day.judged(assignee="anna"), day.judged(assignee="anna")
    assert first is not None
    assert second is not None
    assert [a.command_id for a in first.actions] == [a.command_id for a in second.actions]


def test_what_another_did_since_is_not_overwritten_and_not_said_to_be_as_the_row_asks(day: Day) -> None:
    assert day.imported(assignee="anna") == "ready: assign to anna"
    day.takes("assign_claim", "by hand", "ben")
    day.stands("owner", "ben")
    changed = "changed meanwhile: assignee is now 'ben'; log has changed; export anew and look again"
    assert day.imported(assignee="anna") == changed
    assert day.imported(assignee="omar") == changed
    assert day.imported(assignee=None) == changed


def test_a_sheet_of_the_same_morning_does_not_overwrite_what_a_colleague_did_from_his(day: Day) -> None:
    assert day.imported(BEN, assignee="ben") == "ready: assign to ben"
    assert day.imported(BEN, assignee="ben") == "done already: assign to ben"
    assert day.imported(ANNA, assignee="ben") == "done already: assign to ben", "it is so, whoever brings it in"
    assert day.imported(ANNA, assignee="anna").startswith("changed meanwhile: assignee is now 'ben'")


def test_what_a_row_led_a_case_to_and_away_from_is_asked_for_again(day: Day) -> None:
    asks: dict[str, Any] = {"ask": "buyer", "status": "Escalated to platform"}
    passes: dict[str, Any] = {"ask": None, "status": "Escalated upstream"}
    assert day.imported(note="Which colour?", **asks) == "ready: ask the buyer"
    assert day.imported(note="Which colour?", **asks) == "done already: ask the buyer"
    assert day.imported(note="To the shop.", **passes) == "ready: pass on to the shop upstream"
    for _ in range(2):
        assert day.imported(note="Which colour?", **asks) == "ready: ask the buyer"
        assert day.imported(note="Which colour?", **asks) == "done already: ask the buyer"
        assert day.imported(note="To the shop.", **passes) == "ready: pass on to the shop upstream"


def test_a_question_that_was_answered_is_said_to_be_an_old_one(day: Day) -> None:
    assert day.imported(ask="buyer", note="Which colour?") == "ready: ask the buyer"
    assert day.imported() == "done already: ask the buyer"
    day.takes("answer_claim", "theirs", "buyer-000006")
    day.stands("status", Status.ESCALATED)
    again = "done already: ask the buyer (asked before; to ask once more, export anew)"
    assert day.imported() == again
