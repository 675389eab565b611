"""The client and the command line over the running marketplace."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from starter.cli import app
from starter.client import AftersaleClient
from starter.reader import Reader
from starter.records import Records
from tests.life import COMMAND_KEY
from tests.marketplace import MASTER_KEY, Marketplace


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Aftersale:
    """The command line with the settings of a marketplace."""

    env: dict[str, str]

    async def __call__(self, *args: str, stdin: str = "") -> Ran:
        """Run a command beside the test's loop, as a process of its own would."""
        result = await asyncio.to_thread(CliRunner().invoke, app, list(args), env=self.env, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def records(market: Marketplace) -> Records:
    return Records(market.engine, market.vault)


@pytest.fixture
def client(market: Marketplace, records: Records) -> AftersaleClient:
    return AftersaleClient(market.client, records, COMMAND_KEY)


@pytest.fixture
def reader(records: Records) -> Reader:
    return Reader(records)


@pytest.fixture
def aftersale(market: Marketplace) -> Aftersale:
    return Aftersale(
        {
            "DATABASE_URL": market.engine.url.render_as_string(hide_password=False).replace("+psycopg", ""),
            "AFTERSALE_MASTER_KEY": MASTER_KEY,
            "AFTERSALE_COMMAND_KEY": COMMAND_KEY.decode(),
            "TEMPORAL_ADDRESS": market.client.service_client.config.target_host,
            "TEMPORAL_NAMESPACE": market.client.namespace,
            "COLUMNS": "200",
        }
    )
