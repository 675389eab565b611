"""Who buys and sells on the desk of ``make up``, and what: a few people with several orders each, always the same."""

from __future__ import annotations

from collections.abc import Sequence

from demo.life import CURRENCY, Life
from starter.answers import buyer, seller

BUYERS = ("Berta Brandt", "Cem Celik", "Dana Dvorak", "Emil Ek", "Fatma Farouk", "Greta Gruber", "Hugo Hansen")
SELLERS = ("Samuel Stone", "Tilda Thoms", "Ute Unger", "Viktor Vos")
THINGS = (
    ("Camera", "Lens"), ("Record player", "Needle"), ("Espresso machine", "Grinder"), ("Road bike saddle", "Pump"),
    ("Typewriter", "Ribbon"), ("Tent", "Lantern"), ("Violin bow", "Rosin"), ("Desk lamp", "Bulb"),
    ("Chess clock", "Board"), ("Rain jacket", "Cap"),
)  # fmt: skip
PRICES = (("40.00", "20.00"), ("75.00", "12.50"), ("180.00", "35.00"), ("28.00", "9.90"), ("120.00", "15.00"))


class Cast:
    """The parts that one life has on the desk, by its number."""

    def __init__(self, life: Life, number: int) -> None:
        self._life, self._number = life, number
        self.buyer_name, self.seller_name = BUYERS[number % len(BUYERS)], SELLERS[number % len(SELLERS)]
        life.buyer, life.seller = buyer(_id(self.buyer_name)), seller(_id(self.seller_name))

    async def place(self, prices: Sequence[str] = (), *, card: str = "pm_card_visa") -> None:
        """The order is placed; paid by a pre-authorisation with `card`, "" leaves it unpaid."""
        number = self._number
        document = await self._life.checkout(prices or PRICES[number % len(PRICES)], "4.90", card=card)
        for line, thing in zip(document["lines"], THINGS[number % len(THINGS)], strict=False):
            line["title"] = f"{thing}, used"
        document["people"]["buyer"]["name"] = self.buyer_name
        document["people"]["seller"]["name"] = self.seller_name
        document["address"]["lines"][0] = self.buyer_name
        await self._life.place(document)


def _id(name: str) -> str:
    return name.lower().replace(" ", "-")


__all__ = ["CURRENCY", "Cast"]
