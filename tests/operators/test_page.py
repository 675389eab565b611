"""docs/operators.md against the code: its table, its commands, its pictures, its query links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from demo.temporal import SEARCH_ATTRIBUTES, STUCK
from domain.comparing.reconcile import FindingKind
from domain.summary import MENDERS
from starter import findings
from starter.cli import app

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "operators.md").read_text()
COMMANDS = cli.commands if isinstance(cli := get_command(app), TyperGroup) else {}
QUERIES = {
    question: unquote(query)
    for question, query in re.findall(r"^\| ([^|]+) \| `\?query=([^`]+)` \|$", PAGE, re.MULTILINE)
}
"""Each question of the page, and the query that answers it."""
OF_NO_ORDER = frozenset({"list", "reconcile", "recurring", "resolve-finding"})
BUILT_IN = frozenset({"TemporalReportedProblems", "ExecutionStatus"})


def test_every_command_that_mends_a_ticket_exists() -> None:
    named = {command for commands in MENDERS.values() for command in commands}
    assert named <= COMMANDS.keys()


def test_the_page_tells_of_every_cause_and_finding_the_commands_that_the_code_names() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE)
    told = {cause: tuple(re.findall(r"`([a-z-]+)`", commands)) for cause, commands in rows}
    causes = {cause.value: commands for cause, commands in MENDERS.items()}
    kinds = {kind.value: commands for kind, commands in findings.MENDERS.items()}
    assert told == causes | kinds


def test_every_kind_of_finding_is_explained_and_every_command_that_mends_it_exists() -> None:
    assert findings.MEANS.keys() == findings.MENDERS.keys() == set(FindingKind)
    assert {command for commands in findings.MENDERS.values() for command in commands} <= COMMANDS.keys()


@pytest.mark.parametrize("line", re.findall(r"^(aftersale .+)$", PAGE, re.MULTILINE))
def test_every_command_line_of_the_page_is_one_that_the_program_takes(line: str) -> None:
    assert_runs(line)


def assert_runs(line: str) -> None:
    """The program takes the line, and it is about an order where it must be."""
    _, name, *arguments = shlex.split(line)
    command = COMMANDS[name]
    if isinstance(command, TyperGroup):
        name, *arguments = arguments
        command = command.commands[name]
    with command.make_context(name, arguments) as context:
        about = next(filter(None, map(context.params.get, ("order", "ticket", "name"))), None)
        assert about.startswith("o-") if about else name in OF_NO_ORDER


def test_the_page_names_the_commands_that_take_a_reason_in_ones_own_words() -> None:
    [named] = re.findall(r"takes the order's id\. (.*) take a `--reason` in your own words", PAGE, re.DOTALL)
    mending = {*re.findall(r"`([a-z-]+)`", named), *(name for names in MENDERS.values() for name in names), "approve"}
    takes = {name for name in mending for option in COMMANDS[name].params if "--reason" in option.opts}
    assert {*re.findall(r"`([a-z-]+)`", named), "cancel"} == takes


def test_every_command_named_in_the_text_exists() -> None:
    named = set(re.findall(r"`aftersale ([a-z-]+)", PAGE))
    assert named
    assert named <= COMMANDS.keys()


def test_the_pictures_of_the_page_are_there_and_none_is_left_over() -> None:
    shown = set(re.findall(r"\]\(images/([^)]+)\)", PAGE))
    assert shown == {file.name for file in (DOCS / "images").glob("*.png")}


def test_the_query_links_ask_for_attributes_that_the_server_knows() -> None:
    assert QUERIES
    assert {
        re.split(r"[ =]", query.lstrip("("))[0] for query in QUERIES.values()
    } <= SEARCH_ATTRIBUTES.keys() | BUILT_IN


def test_the_page_and_the_demo_list_the_stuck_orders_by_one_query() -> None:
    assert QUERIES["which orders need a person?"] == STUCK
