from __future__ import annotations

from datetime import timedelta

import pytest

from domain.state import Actor, Role, Stage
from starter.books.reader import BooksReader
from starter.books.statement import period
from starter.records import Records
from tests.life import BUYER
from tests.marketplace import Marketplace

GREEDY = """
name = "greedy"

[fees]
commission_basis_points = 1000
payment_fixed = {EUR = "0.50"}
payment_borne_by = "seller"
"""


@pytest.mark.parametrize(
    ("prices", "shipping", "money"),
    [
        (("0.40",), "0.00", {"captured": "0.40 EUR", "fees": "0.40 EUR"}),
        (("0.40",), "1.00", {"captured": "1.40 EUR", "released": "1.00 EUR", "fees": "0.40 EUR"}),
        (("0.20", "0.30"), "0.00", {"captured": "0.50 EUR", "fees": "0.50 EUR"}),
        (("0.20", "9.80"), "0.00", {"captured": "10.00 EUR", "released": "8.50 EUR", "fees": "1.50 EUR"}),
    ],
    ids=["one line", "shipping is the seller's", "two lines", "a dear line pays for a cheap one"],
)
async def test_fees_above_the_price_take_the_price_and_no_more_and_the_order_ends(
    market: Marketplace, prices: tuple[str, ...], shipping: str, money: dict[str, str]
) -> None:
    (market.policies / "greedy.toml").write_text(GREEDY)
    life = await market.order(prices=prices, shipping=shipping, policy="greedy")
    await life.delivered()
    await life.send("receive", BUYER)
    await life.pass_time(timedelta(seconds=5))
    assert life.money() == money
    assert ("transfer" in life.effects()) is ("released" in money), "nothing is sent where nothing is due"
    await life.until("close")
    assert await life.result() == Stage.CLOSED


async def test_a_fee_that_was_all_of_a_line_is_told_when_it_is_kept_and_when_it_is_given_back(
    market: Marketplace,
) -> None:
    (market.policies / "greedy.toml").write_text(GREEDY)
    life = await market.order(prices=("0.40",), shipping="0.00", policy="greedy")
    await life.delivered()
    await life.send("receive", BUYER)
    await life.pass_time(timedelta(seconds=5))
    await life.desk("refund", lines=["L1"])
    await life.pass_time(timedelta(seconds=5))
    books, seller = BooksReader(Records(market.engine, market.vault)), Actor(Role.SELLER, life.state().seller)
    always = period("2020-01-01", "2099-12-31", "UTC")
    [part] = books.statement(seller.id, always, seller).currencies
    assert [(line.verb, str(line.gross), str(line.fees)) for line in part.lines] == [
        ("release", "0.40 EUR", "0.40 EUR"),
        ("refund", "-0.40 EUR", "-0.40 EUR"),
    ]
    assert part.fees == books.money(life.order_id, seller).sums["K"] == part.gross == part.paid_out == part.closing
