"""The sandbox as docker-compose.yml starts it, with the keys of docs/deploy.md."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from activities.providers.easypost import EasyPostCarrier
from activities.providers.stripe import StripePayments
from domain.money import Money
from domain.parcels.parcel import Milestone
from gateway.webhooks import Source, create_app
from tests.production.compose import ROOT, VARIABLE, command, ours, services, tried_with, variables
from tests.serving import serve

OF_ONES_OWN = {
    "POSTGRES_PASSWORD",
    "AFTERSALE_PASSWORD",
    "AFTERSALE_APP_PASSWORD",
    "TEMPORAL_PASSWORD",
    "AFTERSALE_MASTER_KEY",
    "AFTERSALE_COMMAND_KEY",
}
"""Passwords and keys that everybody makes up, also with the sandbox."""

KEYS = tried_with()


def carrier(url: str) -> EasyPostCarrier:
    return EasyPostCarrier(
        base_url=url, api_key=KEYS["EASYPOST_API_KEY"], webhook_secret=KEYS["EASYPOST_WEBHOOK_SECRET"]
    )


def payments(url: str) -> StripePayments:
    secrets = KEYS["STRIPE_WEBHOOK_SECRET"].split(",")
    return StripePayments(KEYS["STRIPE_SECRET_KEY"], url=url, webhook_secrets=secrets)


class Nobody:
    """Remembers no event."""

    async def contains(self, *_: str) -> bool:
        return False

    async def add(self, *_: str) -> None:
        pass


class Heard:
    """What a gateway with the page's secrets took in, by source."""

    def __init__(self) -> None:
        self.news: list[str] = []
        self.came = threading.Event()

    def source(self, name: str, parse: Any) -> Source[Any]:
        async def look(_: Any) -> bool:
            self.news.append(name)
            self.came.set()
            return True

        return Source(name, parse, look, max_age=None)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def sandbox(heard: Heard, tmp_path: Path) -> Iterator[str]:
    """The address of the sandbox, whose news go to `heard`."""
    parsers: dict[str, EasyPostCarrier | StripePayments] = {
        "easypost": carrier(KEYS["EASYPOST_API_BASE"]),
        "stripe": payments(KEYS["STRIPE_API_BASE"]),
    }
    sources = [heard.source(name, adapter.parse_webhook) for name, adapter in parsers.items()]
    service = ours()["sandbox"]
    with serve(create_app(sources, Nobody())) as gateway:
        assert service["environment"]["GATEWAY_URL"] == "http://gateway:8080"
        told = {name: VARIABLE.sub(lambda m: KEYS[m["name"]], value) for name, value in service["environment"].items()}
        moved = {"0.0.0.0": "127.0.0.1", "8090": "0", "/data/sandbox.db": str(tmp_path / "sandbox.db")}  # noqa: S104
        _, *arguments = (moved.get(word, word) for word in command(service))
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={"PATH": os.environ["PATH"], **told, "GATEWAY_URL": gateway},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.communicate(timeout=20)


def test_with_the_keys_of_the_page_an_intent_a_tracker_and_their_webhooks_go_through(
    sandbox: str, heard: Heard
) -> None:
    payments = StripePayments(KEYS["STRIPE_SECRET_KEY"], url=sandbox)
    hold = payments.authorise(
        order_id="o-1", method="pm_card_visa", customer="", amount=Money.parse("40.00 EUR"), key="o-1:authorise"
    )
    assert hold.amount == Money.parse("40.00 EUR")
    assert heard.came.wait(20)
    assert heard.news == ["stripe"]
    tracker = carrier(sandbox).track("DHL", "00340434161094021501")
    moved = requests.post(f"{sandbox}/sandbox/parcels/00340434161094021501", json={"status": "delivered"}, timeout=20)
    assert moved.json()["webhooks_taken"] == 1
    assert heard.news == ["stripe", "easypost"]
    assert [reached.milestone for reached in carrier(sandbox).report(tracker).milestones] == [Milestone.DELIVERED]


def test_news_of_a_connected_account_come_too(sandbox: str, heard: Heard) -> None:
    for state in ("active", "restricted"):
        told = {"account": "acct_1", "state": state}
        requests.post(f"{sandbox}/sandbox/accounts", json=told, timeout=20).raise_for_status()
    assert heard.came.wait(20)


def test_the_page_tells_every_name_of_the_environment_file_that_is_not_ones_own_to_make_up() -> None:
    named = {match["name"] for service in services().values() for match in variables(service)}
    assert named > OF_ONES_OWN
    assert named - OF_ONES_OWN <= KEYS.keys()
    given = {name for service in ours().values() for name in service.get("environment", {})}
    assert KEYS.keys() <= given
