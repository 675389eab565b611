"""The examples do what they say: their commands and their code are run as they stand."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import stripe

from demo.temporal import _binary
from domain.state import Role
from sandbox.payments.methods import CARDS
from starter import documents
from starter.client import AftersaleClient
from tests.life import Json
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.starter.test_client_live import known

EXAMPLES = Path(__file__).parents[2] / "examples"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (EXAMPLES / page).read_text(encoding="utf-8"), re.DOTALL)


def example(market: Marketplace, name: str) -> Json:
    """An example checkout for an order of this test's own."""
    document: Json = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    market.sandbox.account(document["seller"]["account"])
    return document | {"order_id": market.checkout()["order_id"]}


def command_line(file: Path) -> None:
    """The command of this very tree, whatever is installed."""
    file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m starter.cli "$@"\n')
    file.chmod(0o755)


async def test_the_temporal_command_line_page_lives_an_order_as_it_stands(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path
) -> None:
    document = market.preauthorised(example(market, "checkout.json"))
    life = known(market, document)
    file = tmp_path / "checkout.json"
    file.write_text(json.dumps(document))
    command_line(tmp_path / "aftersale")
    env = {
        **os.environ,
        **aftersale.env,
        "PATH": f"{tmp_path}:{_binary().parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(EXAMPLES.parent),
        "HOME": str(tmp_path),
        "TEMPORAL_ADDRESS": market.client.service_client.config.target_host,
        "ORDER": life.order_id,
        "CHECKOUT": str(file),
        "START": str(tmp_path / "start.json"),
        "BUYER": document["buyer"]["person_id"],
        "SELLER": document["seller"]["person_id"],
    }
    printed = []
    for command in blocks("temporal-cli.md", "sh"):
        ran = await asyncio.to_thread(
            subprocess.run, ["/bin/sh", "-c", command], env=env, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        printed.append(ran.stdout)
        if not command.startswith("aftersale place"):
            await life.rest()
    assert life.steps() == ["place", "confirm", "ship", "receive"]
    assert life.state().payment.captured is not None
    assert "waiting_on" in printed[2]
    assert "berta" not in str(await life.handle.fetch_history()).lower()


async def test_the_preauthorisation_page_makes_a_hold_that_is_taken_over_and_can_be_renewed(
    client: AftersaleClient, market: Marketplace
) -> None:
    document = example(market, "checkout.json")
    [code] = blocks("preauthorise.md", "python")
    api = stripe.StripeClient("sk_test_1", base_addresses={"api": market.sandbox.url})
    customer = api.v1.customers.create({}).id
    given = {
        "secret_key": "sk_test_1",
        "stripe_url": market.sandbox.url,
        "customer": customer,
        "payment_method": "pm_card_visa",
        "order_id": document["order_id"],
    }
    exec(code, given)  # noqa: S102  # the page's own code is what is tested
    intent = given["intent"]
    assert isinstance(intent, stripe.PaymentIntent)
    assert intent.status == "requires_capture"
    placed = await client.place(document | {"payment": {"payment_intent": intent.id}})
    life = known(market, document)
    assert placed.payment == "authorised"
    assert life.state().payment.renewable
    assert (await life.send("confirm", Role.SELLER))["stage"] == "confirmed"


def test_the_cards_of_the_page_to_try_it_with_are_those_of_the_sandbox() -> None:
    page = (EXAMPLES / "try-it.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(pm_card_\w+)`", page))
    assert told
    assert told <= CARDS.keys()


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.name)
def test_every_example_brings_whom_its_notices_go_to_and_where_its_parcels_go(file: Path) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    for order in documents.read_orders(document) if "orders" in document else [documents.read(document)]:
        parties = {order.checkout.buyer.person_id, order.checkout.seller.person_id}
        assert {person.person_id for person in order.people} == parties
        assert order.address is not None


async def test_an_example_with_two_sellers_places_two_orders_for_one_checkout(
    client: AftersaleClient, market: Marketplace
) -> None:
    document = json.loads((EXAMPLES / "checkout-two-sellers.json").read_text(encoding="utf-8"))
    document["checkout_id"] = f"c-{market.checkout()['order_id']}"
    for order in document["orders"]:
        order["order_id"] = market.checkout()["order_id"]
        order["payment"] = {"payment_intent": market.preauthorise(order)}
        order["seller"]["account"] = "acct_seller"
    placed = await client.place_checkout(document)
    for order in document["orders"]:
        known(market, order)
    assert [progress.stage for progress in placed] == ["placed", "placed"]
