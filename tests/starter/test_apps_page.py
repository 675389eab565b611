"""The page for those who write apps does what it says: its code is run as it stands, one block after the other."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.claims.case import Status
from domain.contract import NOT_PERFORMED
from domain.parcels.parcel import Milestone, Proof
from domain.state import LineState
from tests.files import made
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

PAGE = Path(__file__).parents[2] / "docs" / "apps.md"


def sections() -> dict[str, list[str]]:
    """The blocks of code by the heading that they stand under."""
    _, *parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: re.findall(r"```python\n(.*?)```", part, re.DOTALL) for part in parts}


async def run(code: str, names: dict[str, Any]) -> None:
    """A block, which may await, among the names that the blocks before it have left."""
    ready = compile(code, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = eval(ready, names)  # noqa: S307  # It is our own page.
    if inspect.isawaitable(running):
        await running


async def arrived(life: Life) -> None:
    await life.scan(Milestone.DELIVERED, life.state().parcels[-1].parcel_id, Proof.STRONG)


async def came_back(life: Life) -> None:
    back = life.state().claims[-1].back
    assert back is not None
    await life.scan(Milestone.DELIVERED, back.parcel_id, Proof.STRONG)
    await life.send("inspect_return", SELLER, finding="as_sent")
    await life.pass_time(timedelta(days=60))
    assert not await life.is_running()


MEANWHILE: dict[str, Callable[[Life], Awaitable[None]]] = {"A parcel": arrived, "A return": came_back}
"""What others do once the code of a section has run."""


async def test_the_page_for_apps_lives_an_order_as_it_stands(
    aftersale: Aftersale, market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await market.order()
    for name, value in aftersale.env.items():
        monkeypatch.setenv(name, value)
    ids = {"buyer_id": life.actor(BUYER).id, "seller_id": life.actor(SELLER).id}
    names: dict[str, Any] = {"order_id": life.order_id, "picture": made.png(), **ids}
    for heading, blocks in sections().items():
        assert blocks, heading
        for block in blocks:
            await run(block, names)
            await life.rest()
        if heading in MEANWHILE:
            await MEANWHILE[heading](life)
    order = life.state()
    assert names["shipped"].payment == "secured"
    assert [line.text for line in names["thread"].lines if line.kind == "text"] == ["The lid is torn, see the photo."]
    assert [(case.reason.value, case.status) for case in order.claims] == [
        ("not_as_described", Status.RESOLVED), ("damaged", Status.RECEIVED),
    ]  # fmt: skip
    assert order.line("L1").state is LineState.REFUNDED
    assert order.address_id.startswith("a-")


def test_the_page_for_apps_tells_every_refusal_of_what_is_not_stored() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [code for code in NOT_PERFORMED if code.endswith("_unknown") and f"`{code}`" not in page] == []
