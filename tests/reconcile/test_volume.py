"""Ten thousand movements over HTTP and PostgreSQL: nothing false is reported, every seeded error is found (R1, R3)."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from activities.providers.stripe import StripePayments
from activities.store.database import connect
from activities.store.tables import tickets
from tests.conftest import Database
from tests.reconcile.conftest import Reconcile, open_findings
from tests.reconcile.provider import (
    Model,
    copies,
    lay_down as lay_down_records,
    models,
    running,
    spoil as spoil_records,
)
from tests.reconcile.volumes import SEEDED, Move, lay_down, spoil

MOVEMENTS = 10_000
EACH = 60
NOW = datetime.now(UTC) + timedelta(days=1)
"""When every copy has been made, however far ahead it is dated."""


@dataclass(frozen=True)
class World:
    """The provider's file, and the movements that are in it."""

    state: Path
    moves: list[Move]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    state = tmp_path_factory.mktemp("provider") / "sandbox.sqlite"
    lived: list[Model] = models(state)
    lay_down_records(state, lived, MOVEMENTS)
    copied = [move for life in copies(lived, MOVEMENTS) for move in life]
    return World(state, [*(move for model in lived for move in model.moves), *copied])


@pytest.fixture
def state(world: World, tmp_path: Path) -> Path:
    """A copy of the provider's file that a test may change."""
    return Path(shutil.copy(world.state, tmp_path / "sandbox.sqlite"))


async def test_nothing_is_reported_over_ten_thousand_clean_movements(
    world: World, state: Path, database: Database, reconcile: Reconcile
) -> None:
    lay_down(database, world.moves)
    engine = connect(database.url)
    with running(state) as sandbox:
        counts = await reconcile(engine, StripePayments("sk_test_1", url=sandbox.url), now=NOW)
    assert open_findings(engine) == []
    assert counts["read"] == counts["booked"] == counts["listed"] == len(world.moves) >= MOVEMENTS
    assert "seen" not in counts
    engine.dispose()


async def test_sixty_errors_of_each_kind_are_found_named_and_ticketed_once(
    world: World, state: Path, database: Database, reconcile: Reconcile
) -> None:
    spoilt = spoil(world.moves, EACH)
    lay_down(database, spoilt.ours)
    spoil_records(state, spoilt.changes)
    engine = connect(database.url)
    with running(state) as sandbox:
        payments = StripePayments("sk_test_1", url=sandbox.url)
        first = await reconcile(engine, payments, now=NOW)
        found = open_findings(engine)
        second = await reconcile(engine, payments, now=NOW + timedelta(hours=1))
    assert Counter(kind for kind, _ in spoilt.expected) == dict.fromkeys(SEEDED, EACH)
    told = Counter((row.kind, row.order_id.replace("w-", "v-")) for row in found)
    assert told == Counter((kind.value, order_id) for kind, order_id in spoilt.expected)
    assert (first["opened"], second["opened"], second["seen"]) == (len(found), 0, len(found))
    assert [row.finding_id for row in open_findings(engine)] == [row.finding_id for row in found]
    with engine.begin() as conn:
        asked = conn.execute(select(tickets)).all()
    assert {ticket.ticket_id for ticket in asked} == {row.ticket_id for row in found}
    assert {(ticket.cause, ticket.status) for ticket in asked} == {("reconciliation", "open")}
    lay_down(database, [move for move in world.moves if move not in spoilt.ours])
    engine.dispose()
