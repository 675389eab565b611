"""docs/money.md against what the books can hold: no flow, account, verb or column is missing."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from activities.store.books import BookedEntry, Booking, OrderBooks
from docs import money_page
from docs.flows import Flow, flows
from docs.situations import NOON
from domain.accounts import CHART, row_of
from domain.books import _TOLD, Side
from domain.events import Event
from domain.money import Verb
from domain.policy import Policy
from starter.books.reader import JOURNAL
from starter.books.statement import COLUMNS
from starter.books.sums import NAMES, add_up, sums
from starter.cli import app

FLOWS = flows(Policy(name="standard"))
UNBOOKED = {Verb.AUTHORISE, Verb.REAUTHORISE, Verb.VOID}
"""Operations that move no money."""

page = cache(money_page.render)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.heading)
def test_a_flow_books_whole_transactions_on_accounts_of_the_chart_and_its_sums_add_up(flow: Flow) -> None:
    assert flow.booked
    for verb, entries in flow.booked:
        sides = Counter[Side]()
        for entry in entries:
            assert row_of(entry.account), entry.account
            sides[entry.side] += entry.amount.minor
        assert sides[Side.DEBIT] == sides[Side.CREDIT] > 0, verb
    booked = tuple(
        Booking(i, "order-1", verb, i, NOON, None, tuple(BookedEntry(e.account, e.side, e.amount) for e in entries))
        for i, (verb, entries) in enumerate(flow.booked)
    )
    assert add_up(sums(OrderBooks("order-1", "buyer-1", "seller-1", "EUR", None, booked, ())))


def test_every_operation_and_every_event_that_books_has_its_flow() -> None:
    verbs = {verb for flow in FLOWS for verb, _ in flow.booked}
    assert verbs == {verb.value for verb in Verb if verb not in UNBOOKED} | {
        "dispute", "dispute_won", "refund_failed", "suspense"
    }  # fmt: skip
    assert len(verbs) == len(Verb) - len(UNBOOKED) + len(_TOLD)
    assert set(_TOLD) <= set(get_args(Event))


def test_every_account_of_the_chart_is_booked_on_in_some_flow() -> None:
    booked = {row_of(entry.account) for flow in FLOWS for _, entries in flow.booked for entry in entries}
    assert booked == set(CHART)


def test_the_page_shows_every_entry_of_every_flow_once() -> None:
    rows = re.findall(r"^\| (?:`\w+`)? \| `[a-z_]+[:\w-]*` \| .+ \|$", page(), re.MULTILINE)
    assert len(rows) == sum(len(entries) for flow in FLOWS for _, entries in flow.booked)


def test_the_page_names_every_account_sum_and_column() -> None:
    for row in CHART:
        assert f"| `{row.pattern}` | {row.kind} | {row.bound} |" in page()
    for symbol in NAMES:
        assert f"| **{symbol}** |" in page()
    for columns in (JOURNAL, COLUMNS):
        assert ", ".join(f"`{column}`" for column in columns) in page()


def test_every_command_of_the_page_exists() -> None:
    cli = get_command(app)
    assert isinstance(cli, TyperGroup)
    named = set(re.findall(r"`aftersale ([a-z]+)", page()))
    assert named == {"money", "statement", "balance", "export"}
    assert named <= cli.commands.keys()


def test_the_policys_keys_that_the_page_names_are_keys_of_the_policy() -> None:
    policy = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    for section, key in re.findall(r"`(fees|dispute)\.(\w+)`", page()):
        assert f"| `[{section}]` | `{key}` |" in policy
