"""A marketplace whose worker passes gates on its way to everything outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
import stripe
from temporalio.common import RetryPolicy

import workflows.steps
from activities.providers.stripe import StripePayments
from activities.store.database import connect
from domain.contract import FATAL
from tests.crossing.course import PATIENCE, GatedClient, gate
from tests.crossing.crossing import Crossroads
from tests.marketplace import Marketplace

TWICE = RetryPolicy(
    initial_interval=timedelta(milliseconds=20),
    maximum_attempts=2,
    non_retryable_error_types=list(FATAL),
)
"""An activity fails for good after two attempts, so that a test need not wait for four."""

LONG = timedelta(seconds=2 * PATIENCE)
"""How long an attempt may take, so that no slow machine ends one that is held."""


@pytest_asyncio.fixture(scope="module")
async def crossroads(marketplace: Marketplace) -> AsyncIterator[Crossroads]:
    """The session's parts with a worker of this module's own, which speaks to them through gates."""
    engine = connect(marketplace.engine.url.render_as_string(hide_password=False), pool_size=20)
    gate(engine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflows.steps, "RETRY", TWICE)
        patch.setattr(workflows.steps, "ATTEMPT", LONG)
        patch.setattr(stripe, "RequestsClient", GatedClient)
        payments = StripePayments("sk_test_1", url=marketplace.sandbox.url, timeout=PATIENCE)
        roads = Crossroads(
            marketplace.client,
            marketplace.engine,
            marketplace.vault,
            marketplace.sandbox,
            payments,
            marketplace.policies,
            task_queue=f"crossing-{uuid4().hex[:8]}",
            gated=engine,
        )
        with roads.worker(sandboxed=False) as worker:
            async with worker:
                yield roads
    engine.dispose()
