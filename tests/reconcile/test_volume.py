"""Ten thousand movements over HTTP and PostgreSQL: nothing false is reported, every seeded error is found (R1, R3)."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

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
from tests.reconcile.volumes import SEEDED, Move, lay_down, mend, spoil

CLEAN = 10_000
SPOILT, EACH = 4_000, 60
NOW = datetime.now(UTC) + timedelta(days=1)
"""When every copy has been made, however far ahead it is dated."""


@dataclass(frozen=True)
class Provider:
    """One life of each kind, and the file of the sandbox in which they were lived."""

    file: Path
    lived: list[Model]

    def filled(self, state: Path, movements: int) -> list[Move]:
        """Put a copy of the file, with so many further movements in it, at `state`; gives all that are in it."""
        shutil.copy(self.file, state)
        lay_down_records(state, self.lived, movements)
        copied = copies(self.lived, movements)
        return [*(move for model in self.lived for move in model.moves), *(move for life in copied for move in life)]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Provider:
    file = tmp_path_factory.mktemp("provider") / "sandbox.sqlite"
    return Provider(file, models(file))


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    pool = connect(database.url)
    yield pool
    pool.dispose()


async def test_nothing_is_reported_over_ten_thousand_clean_movements(
    provider: Provider, database: Database, engine: Engine, reconcile: Reconcile, tmp_path: Path
) -> None:
    moves = provider.filled(state := tmp_path / "sandbox.sqlite", CLEAN)
    lay_down(database, moves)
    with running(state) as sandbox:
        counts = await reconcile(engine, StripePayments("sk_test_1", url=sandbox.url), now=NOW)
    assert open_findings(engine) == []
    assert counts["read"] == counts["booked"] == counts["listed"] == len(moves) >= CLEAN
    assert (counts["seen"], counts["holds"]) == (0, 0)


async def test_sixty_errors_of_each_kind_are_found_named_and_ticketed_once_and_healed_when_mended(
    provider: Provider, database: Database, engine: Engine, reconcile: Reconcile, tmp_path: Path
) -> None:
    moves = provider.filled(clean := tmp_path / "clean.sqlite", SPOILT)
    shutil.copy(clean, state := tmp_path / "sandbox.sqlite")
    spoilt = spoil(moves, EACH)
    assert Counter(kind for kind, _ in spoilt.expected) == dict.fromkeys(SEEDED, EACH)
    lay_down(database, spoilt.ours)
    spoil_records(state, spoilt.changes)
    with running(state) as sandbox:
        payments = StripePayments("sk_test_1", url=sandbox.url)
        first = await reconcile(engine, payments, now=NOW)
        found = open_findings(engine)
        told = Counter((row.kind, row.order_id.replace("w-", "v-")) for row in found)
        assert told == Counter((kind.value, order_id) for kind, order_id in spoilt.expected)
        with engine.begin() as conn:
            asked = conn.execute(select(tickets)).all()
        assert {ticket.ticket_id for ticket in asked} == {row.ticket_id for row in found}
        assert {(ticket.cause, ticket.status) for ticket in asked} == {("reconciliation", "open")}

        second = await reconcile(engine, payments, now=NOW + timedelta(hours=1))
        assert (first["opened"], second["opened"], second["seen"]) == (len(found), 0, len(found))
        assert [row.finding_id for row in open_findings(engine)] == [row.finding_id for row in found]

    with running(clean) as sandbox:
        payments = StripePayments("sk_test_1", url=sandbox.url)
        third = await reconcile(engine, payments, now=NOW + timedelta(hours=2))
        theirs = {move.order_id for move, _ in spoilt.changes}
        assert {row.order_id for row in open_findings(engine)} == {order for _, order in spoilt.expected} - theirs
        assert (third["opened"], third["healed"]) == (0, len(spoilt.changes)), "the provider has mended its book"
        later = await reconcile(engine, payments, now=NOW + timedelta(days=30))
        assert (later["opened"], later["healed"]) == (0, 0)

        mend(database, moves, spoilt.ours)
        last = await reconcile(engine, payments, now=NOW + timedelta(days=60))
        assert (last["opened"], last["healed"]) == (0, len(found) - third["healed"]), "looked at long after its window"
    assert open_findings(engine) == []
    with engine.begin() as conn:
        assert set(conn.scalars(select(tickets.c.status))) == {"resolved"}
