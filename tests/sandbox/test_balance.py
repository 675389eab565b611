"""The sandbox's money: what moves its balance stands in its rows, and both agree."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from sandbox.client import SandboxClient
from sandbox.server import serve

AUTH = ("sk_test_sandbox", "")


@pytest.fixture
def sandbox() -> Iterator[SandboxClient]:
    with serve() as server:
        yield SandboxClient(server.url)


def post(sandbox: SandboxClient, path: str, /, **form: str) -> Any:
    return requests.post(f"{sandbox.url}/v1/{path}", data=form, auth=AUTH, timeout=10).json()


def get(sandbox: SandboxClient, path: str) -> Any:
    return requests.get(f"{sandbox.url}/v1/{path}", auth=AUTH, timeout=10).json()


def captured(sandbox: SandboxClient, order: str, amount: int) -> tuple[str, str]:
    intent = sandbox.preauthorise(order, amount, "EUR")["payment_intent"]
    return intent, post(sandbox, f"payment_intents/{intent}/capture")["latest_charge"]


def balance(sandbox: SandboxClient) -> int:
    shown = get(sandbox, "balance")
    return sum(part["amount"] for name in ("available", "pending") for part in shown[name])


def rows(sandbox: SandboxClient) -> list[Any]:
    found: list[Any] = []
    after = ""
    while True:
        page = get(sandbox, f"balance_transactions?limit=20{after}")
        found += page["data"]
        if not page["has_more"]:
            return found
        after = f"&starting_after={found[-1]['id']}"


def test_a_dispute_takes_principal_and_fee_at_once_whatever_the_balance(sandbox: SandboxClient) -> None:
    intent, charge = captured(sandbox, "A", 5000)
    sandbox.account("acct_1")
    post(sandbox, "transfers", amount="5000", currency="eur", destination="acct_1", source_transaction=charge)
    dispute = sandbox.dispute(intent, fee=1500)
    assert balance(sandbox) == -6500
    assert get(sandbox, f"charges/{charge}")["disputed"] is True
    assert [row["net"] for row in dispute["balance_transactions"]] == [-6500]
    won = sandbox.close_dispute(dispute["id"], "won", fee_returned=1000)
    assert balance(sandbox) == -500
    assert [row["net"] for row in won["balance_transactions"]] == [-6500, 6000]


def test_a_seller_is_paid_out_of_a_charge_also_when_disputes_have_emptied_the_balance(sandbox: SandboxClient) -> None:
    sandbox.account("acct_1")
    intent, _ = captured(sandbox, "A", 100)
    sandbox.dispute(intent, fee=9000)
    _, charge = captured(sandbox, "B", 5000)
    form = {"amount": "5000", "currency": "eur", "destination": "acct_1"}
    assert post(sandbox, "transfers", **form)["error"]["code"] == "balance_insufficient"
    assert post(sandbox, "transfers", source_transaction=charge, **form)["object"] == "transfer"
    assert post(sandbox, "refunds", charge=charge)["error"]["code"] == "balance_insufficient"
    assert balance(sandbox) == -9000


def test_what_is_disputed_already_is_not_disputed_again_and_nothing_ends_twice(sandbox: SandboxClient) -> None:
    intent, _ = captured(sandbox, "A", 5000)
    first = sandbox.dispute(intent, amount=3000)["id"]
    refused: list[Callable[[], object]] = [
        lambda: sandbox.dispute(intent, amount=0),
        lambda: sandbox.dispute(intent, reason="boredom"),
        lambda: sandbox.close_dispute(first, "won", fee_returned=1501),
        lambda: sandbox.close_dispute(first, "warning_closed"),
        lambda: sandbox.escalate_dispute(first),
    ]
    for move in refused:
        with pytest.raises(requests.HTTPError):
            move()
    sandbox.dispute(intent, amount=2001)
    with pytest.raises(requests.HTTPError):
        sandbox.dispute(intent, amount=1)
    sandbox.close_dispute(first, "won")
    with pytest.raises(requests.HTTPError):
        sandbox.close_dispute(first, "lost")
    assert [effect["kind"] for effect in sandbox.book("A")][2:] == ["dispute", "dispute", "dispute_won"]


def test_a_dispute_refused_leaves_no_mark(sandbox: SandboxClient) -> None:
    held = sandbox.preauthorise("A", 5000, "EUR")["payment_intent"]
    with pytest.raises(requests.HTTPError):
        sandbox.dispute(held)
    assert get(sandbox, "disputes")["data"] == []
    assert balance(sandbox) == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_rows_add_up_to_the_balance_and_the_book_tells_the_same(sandbox: SandboxClient, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  (a play that can be repeated, not a secret)
    sandbox.account("acct_1")
    for number in range(25):
        intent, charge = captured(sandbox, f"order-{number}", 5000)
        sent = post(
            sandbox,
            "transfers",
            amount=str(chance.randint(1, 4000)),
            currency="eur",
            destination="acct_1",
            source_transaction=charge,
        )
        post(sandbox, f"transfers/{sent['id']}/reversals", amount=str(chance.randint(1, 5000)))
        refund = post(sandbox, "refunds", charge=charge, amount=str(chance.randint(1, 4000)))
        if "id" in refund and chance.random() < 0.3:
            sandbox.settle_refund(refund["id"], "failed")
        if chance.random() < 0.4:
            dispute = sandbox.dispute(intent)["id"]
            sandbox.close_dispute(dispute, chance.choice(["won", "lost"]), fee_returned=0)
    found = rows(sandbox)
    assert sum(row["net"] for row in found) == balance(sandbox)
    assert all(row["net"] == row["amount"] - row["fee"] for row in found)
    signs = dict.fromkeys(("capture", "transfer_reversal", "refund_failed", "dispute_won"), 1)
    signs |= dict.fromkeys(("transfer", "refund", "dispute"), -1)
    book = sandbox.book()
    moved = sum(signs.get(effect["kind"], 0) * effect["amount"] for effect in book)
    assert moved - sum(effect["fee"] for effect in book if effect["kind"] == "dispute") == balance(sandbox)
