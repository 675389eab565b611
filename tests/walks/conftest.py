"""A marketplace for each page, so that its lists show the page's own orders alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client

from sandbox.client import SandboxClient
from tests.conftest import Database
from tests.marketplace import Marketplace, opened
from tests.starter.conftest import aftersale

__all__ = ["aftersale", "market"]


@pytest_asyncio.fixture
async def market(
    temporal_client: Client, make_database: Callable[[], Database], sandbox: SandboxClient, pytestconfig: pytest.Config
) -> AsyncIterator[Marketplace]:
    """A marketplace of its own on a task queue of its own."""
    policies, queue = pytestconfig.rootpath / "policies", f"walks-{uuid4().hex[:8]}"
    async with opened(temporal_client, make_database(), sandbox, policies, queue) as made:
        yield made
        for life in made.lives:
            await life.check()
