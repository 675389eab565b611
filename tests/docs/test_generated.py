from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from docs import generate
from docs.clock_rows import clock_rows
from docs.messages import schemas
from docs.situations import NOON, situations
from domain import wire
from domain.checkout import Checkout
from domain.claims.messages import OpenClaim
from domain.contract import Envelope
from domain.deadlines import deadlines
from domain.fold import apply_all
from domain.news import OpenDispute
from domain.policy import Policy
from domain.process import COMMANDS, STEPS, roles_of, step_for
from domain.state import SIGNED, Actor, LineState, Role, Stage, is_over, stage
from domain.step import Tick

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES: dict[str, object] = {
    "amount": "49.90 EUR",
    "at": wire.to_plain(NOON),
    "days": 1,
    "evidence": ["file-1"],
    "fee": "15.00 EUR",
    "attachments": ["file-1"],
    "finding": "used",
    "insured": "49.90 EUR",
    "internal": True,
    "lines": ["line-1"],
    "milestone": "delivered",
    "of": "buyer",
    "outcome": "extend",
    "policy": Policy(name="standard").to_plain(),
    "proof": "strong",
    "reason": "other",
    "review": True,
    "until": wire.to_plain(NOON),
    "verdict": "refund",
    "wish": "refund",
}
"""A value for each field of a command's body that is not just a text."""


OTHERS = ("checkout", "refusal", "storefront", "verdict")
"""What has a schema beside the commands."""

documents = cache(generate.documents)
messages = cache(schemas)
rows_of_clocks = cache(lambda: tuple(clock_rows()))
"""Made once for all tests here; each takes a second or two."""


def page() -> str:
    return documents()["process.md"]


def body_of(kind: type) -> dict[str, Any]:
    examples = EXAMPLES | {"reason": "not_received"} if kind in (OpenDispute, OpenClaim) else EXAMPLES
    return {field.name: examples.get(field.name, "text-1") for field in fields(kind)}


def message(name: str, role: Role) -> dict[str, Any]:
    """A whole message as a backend would send it, every optional field given."""
    step = step_for(name, role)
    assert step is not None
    body = body_of(step.takes)
    wire.from_plain(step.takes, body)
    envelope = Envelope("command-1", Actor(role, f"{role}-1"), body, "ticket-1", "signature")
    return {**wire.to_plain(envelope), "body": body}


def check(schema: dict[str, Any], document: object) -> list[str]:
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(document)]


def page_rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading of the page."""
    below = page().split(f"\n{heading}\n")[1].split("\n#")[0]
    lines = [line for line in below.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@pytest.fixture
def _generated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "documents", documents)


@pytest.mark.usefixtures("_generated_once")
def test_the_documents_are_in_step_with_the_code() -> None:
    assert generate.differences() == [], generate.MEND


@pytest.mark.usefixtures("_generated_once")
def test_a_changed_a_missing_and_a_leftover_document_are_each_named_with_how_to_mend_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate.write(tmp_path)
    assert generate.main(["--check"], tmp_path) == 0
    changed = tmp_path / "process.md"
    changed.write_text(changed.read_text(encoding="utf-8").replace("confirm", "agree", 1), encoding="utf-8")
    (tmp_path / "schemas" / "ship.json").unlink()
    (tmp_path / "schemas" / "forgotten.json").write_text("{}")
    assert generate.main(["--check"], tmp_path) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in said] == [
        "docs/process.md",
        "docs/schemas/forgotten.json",
        "docs/schemas/ship.json",
    ]
    assert all("make docs" in line for line in said)
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0


def test_the_order_of_sets_does_not_show_in_the_documents() -> None:
    program = "import hashlib, docs.generate as g; print(hashlib.sha256(repr(g.documents()).encode()).hexdigest())"
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=generate.ROOT.parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_every_command_has_a_schema_and_no_other_message_has_one() -> None:
    assert set(messages()) == {*COMMANDS, *OTHERS}


@pytest.mark.parametrize("name", [*COMMANDS, *OTHERS])
def test_a_schema_is_one_and_says_what_it_is_about(name: str) -> None:
    schema = messages()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == name
    assert schema["description"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_schema_takes_what_the_code_takes_and_nothing_beside(name: str) -> None:
    schema = messages()[name]
    for role in set(roles_of(name)) - {Role.CLOCK}:
        sent = message(name, role)
        assert check(schema, sent) == []
        wire.from_plain(Envelope, sent)
        assert check(schema, {**sent, "body": {**sent["body"], "surprise": 1}})
        assert check(schema, {**sent, "surprise": 1})
        assert check(schema, {**sent, "command_id": "not an id"})
        assert check(schema, [sent])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_schema_names_the_roles_of_its_command_and_whose_signature_is_needed(name: str) -> None:
    schema = messages()[name]
    sender = next(iter(sorted(set(roles_of(name)) - {Role.CLOCK})))
    for role in Role:
        sent = {**message(name, sender), "actor": {"role": role.value, "id": "someone"}}
        allowed = role in roles_of(name) and role is not Role.CLOCK
        assert bool(check(schema, sent)) is not allowed
    unsigned = {key: value for key, value in message(name, sender).items() if key != "signature"}
    assert bool(check(schema, unsigned)) is SIGNED.issuperset(roles_of(name))


def test_the_schema_of_the_checkout_takes_a_checkout() -> None:
    checkout = {
        "order_id": "order-1",
        "marketplace": "standard",
        "buyer": {"person_id": "buyer-1", "place": {"country": "DE"}},
        "seller": {"person_id": "seller-1", "account": "account-1"},
        "address_id": "address-1",
        "lines": [{"line_id": "line-1", "title": "a print", "price": "49.90 EUR"}],
        "total": "49.90 EUR",
        "payment": {"payment_intent": "pi_1"},
    }
    wire.from_plain(Checkout, checkout)
    assert check(messages()["checkout"], checkout) == []
    assert check(messages()["checkout"], {**checkout, "total": 49.9})
    assert check(messages()["checkout"], {key: value for key, value in checkout.items() if key != "lines"})


def test_the_situations_reach_every_stage_and_let_every_clock_of_the_table_run() -> None:
    found = situations(Policy(name="standard"))
    assert {stage(situation.order) for situation in found if situation.plain} == set(Stage)
    running = {clock.step for situation in found for clock in deadlines(situation.order)}
    assert running == {step.name for step in STEPS if step.by == {Role.CLOCK}}


def test_the_diagram_draws_every_move_of_the_table_with_the_steps_that_make_it() -> None:
    diagram = page().split("```mermaid\n")[1].split("```")[0]
    for step in STEPS:
        for start, end in step.moves.items():
            arrow = re.search(rf"^    {start} --> {end}: (.+)$", diagram, re.MULTILINE)
            assert arrow is not None, f"{step.name}: {start} to {end}"
            assert step.name in re.split(r"<br/>|⏱ ", arrow[1])
    assert [state for state in LineState if f"    {state} --> [*]" in diagram] == [
        state for state in LineState if not any(state in step.moves for step in STEPS)
    ]


def test_every_step_stands_in_one_table_of_steps() -> None:
    part = page().split("## The steps")[1].split("## The clocks")[0]
    named = re.findall(r"^\| \[?`(\w+)`", part, re.MULTILINE)
    assert named == [step.name for step in STEPS]


def test_a_command_is_open_in_the_matrix_to_exactly_the_roles_of_its_rows() -> None:
    roles = re.search(r"^\| stage \| (buyer.*) \|$", page(), re.MULTILINE)
    assert roles is not None
    columns = [cell.split(", ") for cell in roles[1].split(" | ")]
    rows = page_rows("## Who may do what when")
    for name in COMMANDS:
        shown = {role for row in rows for cell, roles in zip(row[1:], columns, strict=True) for role in roles
                 if f"`{name}`" in cell}  # fmt: skip
        assert shown == {str(role) for role in roles_of(name)} - {"clock"}, name


def test_a_clock_is_shown_with_the_numbers_it_depends_on() -> None:
    rows = {(row[0].split("`")[1], row[1].strip("`")): row for row in rows_of_clocks()}
    weak = rows["receipt.weak", "accept_on_weak_proof"]
    assert "`receipt.weak_release` 10 days" in weak[3]
    assert "`receipt.weak_limit`" in weak[3]
    assert weak[4] == "`receipt.remind` 2 business days"
    assert rows["ship.end", "ship_lapses"][3] == "`ship.end` 5 business days<br/>`hold.margin` 24 hours"
    assert rows["pay.end", "expire_unpaid"][3:5] == ("`payment.expire` 7 days", "`payment.remind` 3 days")
    told = {"pause_ends", "extend_calendars", "claim_wakes"}
    assert all(row[3] for (_, step), row in rows.items() if step not in told)


def test_only_clocks_lead_out_of_situations_that_are_not_over() -> None:
    for situation in situations(Policy(name="standard")):
        assert bool(deadlines(situation.order)) is not is_over(situation.order)
        assert apply_all(situation.order, []) == situation.order
    assert all(issubclass(step.takes, Tick) for step in STEPS if step.by == {Role.CLOCK})


def test_no_cell_of_a_table_breaks_its_table() -> None:
    for name in ("process.md", "policy.md", "money.md"):
        text = documents()[name]
        lines = text.splitlines()
        widths = {0: 0}
        for number, line in enumerate(lines, 1):
            if line.startswith("|"):
                width = len(re.findall(r"(?<!\\)\|", line))
                assert widths.get(number - 1, 0) in (0, width), f"{name}:{number}: {line}"
                widths[number] = width


def test_links_of_the_page_lead_to_generated_schemas() -> None:
    links = set(re.findall(r"\]\(schemas/(\w+)\.json\)", page()))
    assert links == set(messages()) - {"refusal", "verdict"}
