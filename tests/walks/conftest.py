"""A marketplace for each page, so that its lists show the page's own orders alone."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
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
    temporal_client: Client,
    make_database: Callable[[], Database],
    sandbox: SandboxClient,
    pytestconfig: pytest.Config,
    tmp_path: Path,
) -> AsyncIterator[Marketplace]:
    """A marketplace of its own on a task queue of its own; beside the usual policies one of a purchasing agent."""
    policies, queue = tmp_path / "policies", f"walks-{uuid4().hex[:8]}"
    for room in ("policies", "tests/walks/policies"):
        shutil.copytree(pytestconfig.rootpath / room, policies, dirs_exist_ok=True)
    async with opened(temporal_client, make_database(), sandbox, policies, queue) as made:
        yield made
        for life in made.lives:
            await life.check()
