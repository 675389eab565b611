"""The harness counts what struck by the record of whoever was to strike, never by the act that was seen alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from faults import news_faults
from faults.arena import arena
from faults.cases import case_of
from faults.conduct import DID_NOT_STRIKE, conduct
from sandbox.client import SandboxClient

SPARED = (
    "conflict:release:before_effect",
    "unavailable_2_hours:refund:before_effect",
    "webhooks_ten_times:delivered:after_commit",
    "webhooks_out_of_order:release:after_commit",
    "webhooks_forged_and_of_strangers:delivered:after_commit",
    "webhooks_lost:confirm:after_commit",
)


async def test_a_fault_whose_lever_is_taken_out_is_said_not_to_have_struck(
    own_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lever in ("fault", "webhooks"):
        monkeypatch.setattr(SandboxClient, lever, lambda *_, **__: None)
    with arena(own_directory) as parts:
        played, balanced = await conduct(parts, [case_of(name, 20261) for name in SPARED], lambda _: None)
    assert balanced
    assert {each.case.name for each in played} == set(SPARED)
    for each in played:
        assert (each.hits, each.trouble, each.findings) == (0, DID_NOT_STRIKE, ()), each.case.name
        assert not each.good


def row(event: int, how: str = "told", *, days: int = 0, status: int = 200) -> dict[str, Any]:
    at = f"2026-11-{1 + days:02d}T00:00:00+00:00"
    return {"event": f"evt_{event}", "event_number": event, "event_at": 1_793_491_200, "how": how, "at": at} | {
        "status": status
    }


def test_news_is_repeated_lost_late_out_of_order_or_forged_only_when_it_came_so() -> None:
    good = [row(0), row(1), row(2)]
    for count in (
        news_faults.repeated,
        news_faults.shuffled,
        news_faults.belated,
        news_faults.lost,
        news_faults.forged_and_strange,
    ):
        assert count(good) == 0, count
        assert count([]) == 0, count
    assert news_faults.repeated([*good, *[row(1)] * 8]) == 0
    assert news_faults.repeated([*good, *[row(1)] * 9]) == 1
    assert news_faults.shuffled([row(1), row(0), row(2)]) == 1
    assert news_faults.shuffled([row(0), row(0), row(2)]) == 0
    assert news_faults.belated([row(0, days=2), row(1, days=3)]) == 1
    assert news_faults.lost([row(0, "dropped"), row(0), row(1, "dropped")]) == 1
    forged, strange = row(0, "forged", status=400), row(0, "stranger")
    assert news_faults.forged_and_strange([forged, strange, row(0)]) == 1
    assert news_faults.forged_and_strange([forged, row(0)]) == 0
    assert news_faults.forged_and_strange([strange, row(0)]) == 0
    assert news_faults.forged_and_strange([row(0, "forged"), strange]) == 0, "no forgery is taken"
