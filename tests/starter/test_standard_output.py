"""Standard output that takes no more, in processes of their own: told in one line, or in none if nobody reads on."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.life import SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

AS_FULL_DISK = (
    "Bad input: standard output: cannot be written: No space left on device; what the command has done is done\n"
)
ENDED_BY_A_CLOSED_PIPE = 128 + 13

PATIENCE = 120.0  # seconds for one command, whatever else runs
MONEY = ("money", "ORDER")
LEDGER = ("export", "ledger", "-")
STATEMENT = ("statement", "SELLER", "--from", "2026-01-01", "--to", "2099-12-31", "--csv", "-")
PACK = ("pack", "ORDER", "--out", "-", "--as", "specialist", "--id", "eve")
ERROR = ("money", "nosuch", "--json")


@dataclass(frozen=True)
class Process:
    """How a process of its own ended."""

    code: int
    out: bytes
    err: str


@pytest_asyncio.fixture
async def life(market: Marketplace) -> Life:
    life = await market.order()
    await life.delivered()
    return life


async def ran(aftersale: Aftersale, life: Life, words: tuple[str, ...], out: int) -> Process:
    """Run a command with its standard output there."""
    given = {"ORDER": life.order_id, "SELLER": life.actor(SELLER).id}
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "starter.cli", *(given.get(word, word) for word in words),
        stdout=out, stderr=asyncio.subprocess.PIPE, env=os.environ | aftersale.env, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        read, told = await running.communicate()
    return Process(running.returncode or 0, read or b"", told.decode())


@pytest.mark.parametrize("words", [MONEY, (*MONEY, "--json"), STATEMENT, PACK, ERROR], ids=" ".join)
async def test_a_full_disk_behind_standard_output_is_told_like_one_behind_a_file(
    aftersale: Aftersale, life: Life, words: tuple[str, ...]
) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        process = await ran(aftersale, life, words, full)
    finally:
        os.close(full)
    assert (process.code, process.err) == (2, AS_FULL_DISK)


@pytest.mark.parametrize("words", [MONEY, LEDGER, PACK], ids=" ".join)
async def test_whoever_reads_no_further_hears_nothing(aftersale: Aftersale, life: Life, words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = await ran(aftersale, life, words, writer)
    finally:
        os.close(writer)
    assert (process.code, process.err) == (ENDED_BY_A_CLOSED_PIPE, "")


async def test_what_is_read_to_its_end_is_whole(aftersale: Aftersale, life: Life) -> None:
    money, sheet, pack = [
        await ran(aftersale, life, words, asyncio.subprocess.PIPE) for words in ((*MONEY, "--json"), STATEMENT, PACK)
    ]
    assert [(each.code, each.err) for each in (money, sheet, pack)] == [(0, "")] * 3
    assert json.loads(money.out)["order_id"] == life.order_id
    assert sheet.out.endswith(b"\n")
    assert zipfile.ZipFile(io.BytesIO(pack.out)).testzip() is None
