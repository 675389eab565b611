"""That the crossings stand at every await there is in the workflow."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.common import SearchAttributeKey

from tests.crossing.crossing import Crossroads, Pair, Point
from tests.crossing.pairs import ASK_CANCEL, SHIP_ALL, confirmed

OF_THE_ORDER = ("alarm.py", "front.py", "loop.py", "panel.py", "steps.py")
AWAITS = {
    "steps.py _call": "an activity is under way",
    "loop.py _until_done": "a step cannot be recorded",
    "loop.py _next": "nothing can be done now",
}
"""Where the workflow waits while somebody may come."""
STANDS_AT = {
    "something else": "steps.py _call",
    "held": "steps.py _call",
    "to be tried again": "steps.py _call",
    "given up": "loop.py _until_done",
    "in doubt": "loop.py _next",
    "all has come": "loop.py _next",
}
"""What the points of a crossing are called, and at which await they stand."""
BESIDE = {
    "alarm.py arm": "the timer behind _next",
    "loop.py update": "a sender who waits for the answer, as both commands do at every point",
    "loop.py run": "the order is over, everybody is being answered",
    "loop.py _turn_away": "the order was turned away, everybody is being answered",
}
REASON = SearchAttributeKey.for_keyword("AttentionReason")
PAIR = Pair(SHIP_ALL, ASK_CANCEL, confirmed, 0, {})


def waits(file: Path) -> Iterator[str]:
    """The functions of a module that ask the workflow's own engine for something to wait for."""
    for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                "asyncio.sleep",
                "workflow.sleep",
                "workflow.wait",
                "workflow.wait_condition",
                "workflow.execute_activity",
                "workflow.execute_local_activity",
                "workflow.execute_child_workflow",
                "workflow.start_activity",
            }:
                yield f"{file.name} {function.name}"


def test_the_workflow_waits_nowhere_but_where_crossings_stand(pytestconfig: pytest.Config) -> None:
    room = pytestconfig.rootpath / "workflows"
    found = {place for name in OF_THE_ORDER for place in waits(room / name)}
    assert found == {*AWAITS, *BESIDE}, "let commands cross at an await that is new"
    others = {file.name for file in room.glob("*.py")} - {*OF_THE_ORDER, "__init__.py", "housekeeping.py"}
    assert not others, "say whether this is a part of the order's workflow"


async def test_each_point_stands_at_its_await(crossroads: Crossroads) -> None:
    points = await crossroads.learn(PAIR)
    should = {point.name: place for point in points for kind, place in STANDS_AT.items() if point.name.startswith(kind)}
    assert list(should) == [point.name for point in points], "say where a new kind of point stands"
    places = await asyncio.gather(*(place_at(crossroads, point) for point in points))
    assert dict(zip(should, places, strict=True)) == should
    assert {*should.values()} == {*AWAITS}


async def place_at(crossroads: Crossroads, point: Point) -> str:
    """Where the server and the operators see the workflow stand."""
    life, _ = await crossroads.bring(PAIR, point)
    described = await life.handle.describe()
    reason = described.typed_search_attributes.get(REASON) or ""
    crossroads.courses[life.order_id].release()
    await life.rest()
    if described.raw_description.pending_activities:
        return "steps.py _call"
    return "loop.py _until_done" if "cannot be recorded" in reason else "loop.py _next"
