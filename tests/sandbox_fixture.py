"""One running sandbox for all tests; each test keeps to orders of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.client import SandboxClient
from sandbox.server import serve


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxClient]:
    """The levers of a sandbox that serves at ``sandbox.url`` on loopback; no test's disputes run its platform dry."""
    with serve() as server:
        client = SandboxClient(server.url)
        client.top_up(1_000_000_00, "EUR")
        yield client
