from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from domain.errors import AftersaleError, Conflict, Invalid, Refused
from domain.process import ACTIONS, roles_of
from domain.state import Role
from starter.answers import CheckoutIncomplete, NotFound, NotJudgedYet, Unreachable
from starter.cli import app
from starter.client import AftersaleClient
from starter.steps import usual_role
from starter.terminal import Exit, code_of


def typed() -> set[str]:
    """The names that the client has typed methods for."""
    own = inspect.getmembers(AftersaleClient, inspect.iscoroutinefunction)
    return {name for name, method in own if not name.startswith("_") and "how" in inspect.signature(method).parameters}


APART = "note_ticket"
"""What no order's process knows: a ticket apart from its order keeps its own notes."""


def test_the_client_has_one_typed_method_per_command_of_the_process() -> None:
    assert typed() == {*ACTIONS, APART}


def test_the_command_line_has_one_command_per_command_of_the_process() -> None:
    names = {command.name or "" for command in app.registered_commands}
    missing = [name for name in ACTIONS if name.replace("_", "-") not in names]
    assert not missing


@pytest.mark.parametrize("name", ["place", "show", "list", "why", "adopt-policy", *ACTIONS])
def test_every_command_documents_its_exit_codes(name: str) -> None:
    shown = CliRunner().invoke(app, [name.replace("_", "-"), "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0
    for words in ("0 ok", "2 bad input", "3 refused", "4 not found", "5 not judged yet", "--json"):
        assert words in shown.output


@pytest.mark.parametrize("name", ACTIONS)
def test_the_usual_role_of_a_command_may_send_it(name: str) -> None:
    usual = usual_role(name)
    assert usual is None or usual in roles_of(name)


def test_a_command_of_both_parties_must_say_whose_it_is() -> None:
    of_both = [name for name in ACTIONS if {Role.BUYER, Role.SELLER} <= set(roles_of(name))]
    assert [name for name in ACTIONS if usual_role(name) is None] == of_both
    assert {"cancel", "message", "answer_claim", "offer_refund"} <= set(of_both)
    assert (usual_role("confirm"), usual_role("receive")) == (Role.SELLER, Role.BUYER)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Invalid("total", "is wrong"), Exit.BAD_INPUT),
        (Conflict("used before"), Exit.BAD_INPUT),
        (Refused("paid", "the order is not paid yet"), Exit.REFUSED),
        (NotFound("o-1"), Exit.NOT_FOUND),
        (NotJudgedYet("no worker", delivered=True), Exit.NOT_JUDGED),
        (Unreachable("PostgreSQL does not answer"), Exit.NOT_JUDGED),
        (CheckoutIncomplete((), {"o-1": Invalid("total", "is wrong"), "o-2": NotFound("o-2")}), Exit.NOT_FOUND),
    ],
)
def test_each_error_has_its_exit_code(error: AftersaleError, code: Exit) -> None:
    assert code_of(error) is code


def paths(group: Any, *before: str) -> Iterator[tuple[str, ...]]:
    """Every command of the command line, as it is typed."""
    for name, command in group.commands.items():
        yield (*before, name)
        if hasattr(command, "commands"):
            yield from paths(command, *before, name)


COMMANDS = tuple(paths(typer.main.get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_tells_in_json_too_that_it_was_typed_wrongly(path: tuple[str, ...]) -> None:
    ran = CliRunner().invoke(app, [*path, "--nope", "--json"])
    assert (ran.exit_code, json.loads(ran.stdout)["error"]["field"], ran.stderr) == (2, "--nope", "")


@pytest.mark.parametrize(
    ("typed", "field", "rule"),
    [
        ("cancel o-1 --as buyer", "--reason", "is missing"),
        ("cancel o-1 --reason out_of_stock", "--as", "is missing"),
        ("show o-1 --as carrier", "--as", "'carrier' is not one of 'buyer'"),
        ("show --as buyer", "order", "is missing"),
        ("list --stage nowhere", "--stage", "'nowhere' is not one of"),
        ("list --limit 0", "--limit", "must be greater than or equal to 1"),
        ("list --limit x", "--limit", "must be a valid integer"),
        ("confirm o-1 --within -1", "--within", "must be a number of seconds, 0 or more"),
        ("confirm o-1 --within nan", "--within", "must be a number of seconds, 0 or more"),
        ("place - --within -0.5", "--within", "must be a number of seconds, 0 or more"),
        ("reconcile --now --within inf", "--within", "must be a number of seconds, 0 or more"),
        ("claims recurring --now --within nan", "--within", "must be a number of seconds, 0 or more"),
        ("ship o-1 --carrier DHL --tracking-number 1 --wait nan", "--wait", "must be a number of seconds, 0 or more"),
        ("nonsense", "command", "No such command 'nonsense'"),
        ("claims nonsense", "command", "No such command 'nonsense'"),
    ],
)
def test_what_was_typed_wrongly_is_named(typed: str, field: str, rule: str) -> None:
    ran = CliRunner().invoke(app, [*typed.split(), "--json"])
    error = json.loads(ran.stdout)["error"]
    assert (ran.exit_code, error["kind"], error["field"], rule in error["rule"]) == (2, "Invalid", field, True), error
    assert error["message"] == f"{field}: {error['rule']}"
    spoken = CliRunner().invoke(app, typed.split())
    assert (spoken.exit_code, spoken.stdout) == (2, "")
    for words in (error["rule"], spoken.stderr):
        assert not re.search("Value error|(Input|Value) should", words), "what pydantic says of itself"
