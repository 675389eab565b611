"""One running sandbox for all tests; each test keeps to orders of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.client import SandboxClient
from sandbox.server import serve


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxClient]:
    """The levers of a sandbox that serves at ``sandbox.url`` on loopback."""
    with serve() as server:
        yield SandboxClient(server.url)
