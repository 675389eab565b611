"""The books on the command line, over orders that live through the real parts."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.money import Money
from domain.parcels.parcel import Proof
from domain.state import Role
from tests.life import BUYER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale


async def paid_out(market: Marketplace) -> Life:
    """An order of 64.90 EUR whose seller has been paid: 4.80 EUR are the platform's."""
    life = await market.order()
    await life.delivered(Proof.STRONG)
    await life.send("receive", BUYER)
    return life


async def charged_back(life: Life, market: Marketplace) -> None:
    """The bank takes all back for a parcel that never came; it decides for the buyer, and the seller has spent it."""
    market.sandbox.top_up(500_00, "eur")  # So that the provider's balance for the platform does not go below zero.
    payment = life.document["payment"]["payment_intent"]
    dispute = market.sandbox.dispute(payment, reason="product_not_received", fee=15_00)["id"]
    taken = {"dispute": dispute, "amount": "64.90 EUR", "fee": "15.00 EUR", "reason": "not_received"}
    await life.desk("open_dispute", Role.PROVIDER, note_id=None, **taken)
    market.sandbox.fault("balance_insufficient", order_id=life.order_id, operation="reverse_release")
    market.sandbox.close_dispute(dispute, "lost")
    await life.desk("lose_dispute", Role.PROVIDER, note_id=None, dispute=dispute)
    await life.pass_time(timedelta(minutes=1))


def sums(view: Any) -> dict[str, str]:
    return {symbol: amount for symbol, amount in view["sums"].items() if not amount.startswith("0.00")}


async def days_of(life: Life) -> tuple[str, ...]:
    """The order's days on the options of a statement."""
    return ("--from", f"{life.state().placed_at:%Y-%m-%d}", "--to", f"{await life.now():%Y-%m-%d}")


async def test_an_orders_money_is_told_to_each_as_far_as_it_is_theirs(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await paid_out(market)
    desk = await aftersale("money", life.order_id)
    assert desk.code == 0, desk.err
    assert "The sums add up." in desk.out
    assert f"escrow:{life.order_id}:L1" in desk.out
    view = (await aftersale("money", life.order_id, "--as", "specialist", "--json")).json
    assert [(booking["verb"], booking["escrow"]) for booking in view["bookings"]] == [
        ("capture", "64.90 EUR"), ("release", "0.00 EUR")
    ]  # fmt: skip
    assert sums(view) == {"A": "64.90 EUR", "C": "64.90 EUR", "S": "60.10 EUR", "K": "4.80 EUR"}
    assert [(op["verb"], op["state"]) for op in view["operations"]] == [("capture", "done"), ("release", "done")]
    assert all(op["key"].startswith(f"{life.order_id}:") for op in view["operations"])
    buyer = (await aftersale("money", life.order_id, "--as", "buyer", "--json")).json
    assert sums(buyer) == {"A": "64.90 EUR", "C": "64.90 EUR"}
    assert "4.80" not in str(buyer)
    seller = (await aftersale("money", life.order_id, "--as", "seller", "--json")).json
    assert sums(seller) == {"S": "60.10 EUR", "K": "4.80 EUR"}
    assert "clearing" in (await aftersale("money", life.order_id, "--as", "buyer")).out
    for stranger in (("money", life.order_id, "--as", "buyer", "--id", "buyer-other"), ("money", "o-none")):
        none = await aftersale(*stranger, "--json")
        assert (none.code, none.json["error"]["kind"]) == (4, "NotFound")


async def test_money_in_doubt_is_shown_as_an_operation_that_is_pending_with_its_key(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    await life.send("confirm", Role.SELLER)
    market.sandbox.fault("effect_then_cut", order_id=life.order_id, operation="capture")
    await life.ship()
    shown = await aftersale("money", life.order_id)
    assert "Nothing is booked." in shown.out
    assert "pending" in shown.out
    [op] = (await aftersale("money", life.order_id, "--json")).json["operations"]
    assert (op["verb"], op["state"], op["amount"], op["done"]) == ("capture", "pending", "64.90 EUR", None)
    assert op["key"]
    await life.pass_time(timedelta(minutes=2))
    [op] = (await aftersale("money", life.order_id, "--json")).json["operations"]
    assert (op["state"], op["done"]) == ("done", "64.90 EUR")


async def test_a_lost_chargeback_after_the_payout_stands_in_the_books_as_the_sellers_debt(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await paid_out(market)
    await charged_back(life, market)
    view = (await aftersale("money", life.order_id, "--json")).json
    assert view["adds_up"] is True
    assert [booking["verb"] for booking in view["bookings"]] == ["capture", "release", "dispute", "bear"]
    assert sums(view) == {"A": "64.90 EUR", "C": "64.90 EUR", "S": "60.10 EUR", "D": "79.90 EUR", "Q": "75.10 EUR"}
    seller = life.document["seller"]["person_id"]
    told = await aftersale("statement", seller, *(await days_of(life)), "--as", "seller", "--json")
    [part] = told.json["currencies"]
    assert [(line["verb"], line["fees"], line["paid_out"], line["balance"]) for line in part["lines"]] == [
        ("release", "4.80 EUR", "60.10 EUR", "0.00 EUR"),
        ("bear", "-4.80 EUR", "0.00 EUR", "-75.10 EUR"),
    ]
    assert (part["opening"], part["closing"]) == ("0.00 EUR", "-75.10 EUR")
    owed = (await aftersale("balance", f"receivable:{seller}", "--json")).json
    assert owed["balances"] == [{"account": f"receivable:{seller}:{life.order_id}", "amount": "-75.10 EUR"}]


async def test_a_statement_is_read_on_the_terminal_and_written_as_a_sheet(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path
) -> None:
    life = await paid_out(market)
    seller = life.document["seller"]["person_id"]
    command = ("statement", seller, *(await days_of(life)))
    shown = await aftersale(*command)
    assert shown.code == 0, shown.err
    for words in ("opening balance", "closing balance", "60.10 EUR", "4.80 EUR", life.order_id):
        assert words in shown.out
    file = tmp_path / "statement.csv"
    written = await aftersale(*command, "--csv", str(file), "--json")
    assert written.json == {"file": str(file), "rows": 3}
    [_, row, _] = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8")))
    assert (row["order"], row["movement"], row["gross"], row["fees"], row["paid_out"]) == (
        life.order_id, "release", "64.90", "4.80", "60.10"
    )  # fmt: skip
    assert (await aftersale(*command, "--csv", "-")).out.splitlines() == file.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (
            ("s-nobody", "--from", "2026-11-01", "--to", "2026-11-30"),
            4,
            {"kind": "NotFound", "message": "there is no seller s-nobody: no order names one"},
        ),
        (
            ("SELLER", "--from", "2026-11-01", "--to", "2026-11-30", "--as", "seller", "--id", "s-nobody"),
            4,
            {"kind": "NotFound"},
        ),
        (("=cmd()", "--from", "2026-11-01", "--to", "2026-11-30"), 2, {"field": "SELLER"}),
        (("SELLER", "--from", "2026-12-01", "--to", "2026-11-30"), 2, {"field": "--from"}),
        (("SELLER", "--from", "yesterday", "--to", "2026-11-30"), 2, {"field": "--from"}),
        (("SELLER", "--from", "2026-11-01", "--to", "2026-11-31"), 2, {"field": "--to"}),
        (("SELLER", "--from", "2026-11-01", "--to", "2026-11-30", "--zone", "Mars"), 2, {"field": "--zone"}),
        (("SELLER", "--from", "2026-11-01", "--to", "2026-11-30", "--csv", "/none/x.csv"), 2, {"field": "/none/x.csv"}),
    ],
    ids=["nobody", "another seller", "no id", "backwards", "no day", "no such day", "no zone", "no file"],
)
async def test_a_statement_that_cannot_be_is_refused_by_field_and_rule(
    aftersale: Aftersale, market: Marketplace, arguments: tuple[str, ...], code: int, error: dict[str, str]
) -> None:
    life = await market.order()
    seller = life.document["seller"]["person_id"]
    ran = await aftersale("statement", *[seller if a == "SELLER" else a for a in arguments], "--json")
    assert ran.code == code, ran.out
    assert ran.json["error"].items() >= error.items()
    if code == 2:
        assert ran.json["error"]["rule"]


async def test_balances_and_the_whole_ledger_are_told_as_booked(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path
) -> None:
    life = await paid_out(market)
    booked = (await aftersale("money", life.order_id, "--json")).json["bookings"]
    trial = await aftersale("balance")
    assert trial.code == 0, trial.err
    assert "The ledger balances." in trial.out
    at = booked[0]["at"]
    account = f"escrow:{life.order_id}"
    then = (await aftersale("balance", account, "--at", at, "--json")).json
    assert then["together"] == ["64.90 EUR"]
    assert (await aftersale("balance", account, "--json")).json["together"] == ["0.00 EUR"]
    assert (await aftersale("balance", "--at", at, "--json")).json["balanced"] is True
    for wrong, code in (
        (("escrw",), 2),
        (("escrow:o-none",), 4),
        (("--at", "now"), 2),
        (("escrow", "--currency", "EURO"), 2),
    ):
        assert (await aftersale("balance", *wrong)).code == code
    file = tmp_path / "ledger.csv"
    told = await aftersale("export", "ledger", str(file))
    assert (told.code, "rows written to" in told.out) == (0, True)
    mine = [row for row in csv.DictReader(io.StringIO(file.read_text("utf-8"))) if row["order"] == life.order_id]
    assert len(mine) == sum(len(booking["entries"]) for booking in booked)
    sides = [sum(Money.of(row[side] or "0.00", "EUR").minor for row in mine) for side in ("debit", "credit")]
    assert sides[0] == sides[1] == 64_90 + 64_90 + 60_10
    assert (await aftersale("export", "ledger", str(file), "--from", "2026-13-01")).code == 2
