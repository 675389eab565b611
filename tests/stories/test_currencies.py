from __future__ import annotations

import pytest

from domain.state import Stage
from tests.life import BUYER, SELLER
from tests.marketplace import Marketplace


@pytest.mark.parametrize(
    ("currency", "prices", "shipping", "money"),
    [
        ("EUR", ("0.01", "19.99"), "0.00", {"captured": "20.00 EUR", "released": "18.40 EUR", "fees": "1.60 EUR"}),
        ("JPY", ("4000", "1999"), "500", {"captured": "6499 JPY", "released": "6019 JPY", "fees": "480 JPY"}),
        (
            "KWD",
            ("1.250", "0.010"),
            "2.500",
            {"captured": "3.760 KWD", "released": "3.660 KWD", "fees": "0.100 KWD"},
        ),
        ("USD", ("60.00",), "4.90", {"captured": "64.90 USD", "released": "60.10 USD", "fees": "4.80 USD"}),
    ],
)
async def test_every_currency_keeps_its_own_precision_from_checkout_to_payout(
    market: Marketplace, currency: str, prices: tuple[str, ...], shipping: str, money: dict[str, str]
) -> None:
    life = await market.order(currency=currency, prices=prices, shipping=shipping)
    await life.send("confirm", SELLER)
    await life.ship()
    await life.send("receive", BUYER)
    assert life.stage() is Stage.COMPLETED
    assert life.money() == money
    assert {effect["currency"].upper() for effect in life.book()} == {currency}
