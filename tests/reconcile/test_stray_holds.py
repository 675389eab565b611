"""A hold that stands for no order, night after night: one finding, one ticket, and what a person said of it (R2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest_asyncio
from sqlalchemy import Engine, select

from activities.providers.stripe import StripePayments
from activities.store import findings
from activities.store.database import connect
from activities.store.tables import tickets
from sandbox.client import SandboxClient
from sandbox.server import serve
from tests.conftest import Database
from tests.reconcile.conftest import Reconcile, open_findings

NIGHTS = (1, 2, 6, 10)
"""The days on which the books are compared; on the last one the hold is older than what a run looks at again."""


@dataclass(frozen=True)
class Stray:
    """A buyer's money that is held for an order that nobody knows, and the books without it."""

    engine: Engine
    payments: StripePayments
    order_id: str
    hold: str
    made: datetime

    async def compared(self, reconcile: Reconcile, night: int) -> list[tuple[str, str]]:
        """Compare the books so many nights later; every ticket about the hold there has been, with its status."""
        await reconcile(self.engine, self.payments, now=self.made + timedelta(days=night, minutes=1))
        mine = tickets.c.ticket_id.startswith(self.order_id)
        with self.engine.begin() as conn:
            return [(row.ticket_id, row.status) for row in conn.execute(select(tickets).where(mine))]

    @property
    def found(self) -> list[tuple[str, str]]:
        """What is open about the hold."""
        return [(row.kind, row.ref) for row in open_findings(self.engine, self.order_id)]


@pytest_asyncio.fixture
async def stray(database: Database, reconcile: Reconcile) -> AsyncIterator[Stray]:
    """Both books are new: whatever stands in one of them and not in the other is ours."""
    order_id = f"o-{uuid4().hex[:12]}"
    with serve() as provider:
        hold = str(SandboxClient(provider.url).preauthorise(order_id, 64_90, "eur")["payment_intent"])
        engine = connect(database.url)
        made = Stray(engine, StripePayments("sk_test_1", url=provider.url), order_id, hold, datetime.now(UTC))
        assert await made.compared(reconcile, 0) == [], "the first run of all has no time behind it to judge"
        yield made
        engine.dispose()


async def test_a_stray_hold_has_one_finding_and_one_ticket_however_many_nights_it_stands(
    stray: Stray, reconcile: Reconcile
) -> None:
    first = await stray.compared(reconcile, NIGHTS[0])
    assert [status for _, status in first] == ["open"]
    [before] = open_findings(stray.engine, stray.order_id)
    for night in NIGHTS[1:]:
        assert await stray.compared(reconcile, night) == first, f"night {night}"
        assert stray.found == [("hold_without_order", stray.hold)], f"night {night}"
    [after] = open_findings(stray.engine, stray.order_id)
    assert (after.finding_id, after.first_seen) == (before.finding_id, before.first_seen)
    assert after.last_seen > before.last_seen

    stray.payments.void(hold=stray.hold, key=f"by-hand-{stray.order_id}")
    assert [status for _, status in await stray.compared(reconcile, NIGHTS[-1] + 1)] == ["resolved"]
    assert stray.found == []


async def test_a_stray_hold_that_a_person_has_explained_stays_explained_in_every_later_night(
    stray: Stray, reconcile: Reconcile
) -> None:
    [(ticket_id, _)] = await stray.compared(reconcile, NIGHTS[0])
    [row] = open_findings(stray.engine, stray.order_id)
    with stray.engine.begin() as conn:
        assert findings.accept(conn, row.finding_id, "resolve_finding", stray.made)
    for night in NIGHTS[1:]:
        assert await stray.compared(reconcile, night) == [(ticket_id, "resolved")], f"night {night}"
        assert stray.found == [], f"night {night}"
