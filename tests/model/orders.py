"""Orders to walk with: the same facts in the words of the core and of the reference model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from domain.business_time import Calendar
from domain.policy.exceptions import Exceptional
from domain.state import Offer, Order
from tests.domain.world import AT_CONFIRMATION, FIRST_DAY, POLICY, RENEWS, START, new_order
from tests.model.days import Days
from tests.model.sale import Sale, Slice
from tests.model.terms import ClaimTerms, Terms

SUMMER = datetime(2027, 3, 28, 1, tzinfo=UTC)
WINTER = datetime(2027, 10, 31, 1, tzinfo=UTC)
BEFORE = datetime(2026, 10, 1, tzinfo=UTC)
CHRISTMAS = frozenset({date(2026, 12, 8), date(2026, 12, 25), date(2027, 1, 1)})

BERLIN = Days(((BEFORE, 60), (SUMMER, 120), (WINTER, 60)), CHRISTMAS)
LISBON = Days(((BEFORE, 0), (SUMMER, 60), (WINTER, 0)), frozenset({date(2026, 12, 1)}))
DESK = Days(((BEFORE, 0),))

DAMAGE = {"report": 1, "most": 1, "answer": 1, "used_basis_points": 0}
"""What is other about goods that came damaged."""
HASTY = replace(
    POLICY,
    claims=replace(
        POLICY.claims, not_received_after=0, late=2, longest=20, return_window=1, cheap=(), appeal=1,
        exceptions=(Exceptional((), (), ("damaged",), tuple(DAMAGE.items())),),
    ),
)  # fmt: skip
HASTY_TERMS = Terms(
    claims=ClaimTerms(
        missing=0, late=2, longest=20, return_window=1, cheap=0, appeal=1,
        others={"damaged": {"report": 1, "most": 1, "answer": 1, "used_points": 0}},
    )
)  # fmt: skip
POLICIES = (
    (HASTY, HASTY_TERMS),
    (POLICY, Terms()),
    (RENEWS, Terms(renews=True)),
    (AT_CONFIRMATION, Terms(at_confirmation=True)),
)
PRICES = (("30.00", "20.00"), ("900.00", "100.00"), ("140.01", "5.55", "20.00"), ("0.06",))
OFFERS = (Offer("pi_1"), None, Offer(payment_method="pm_1", customer="cus_1"))


def calendar(name: str, days: Days, weeks: int = 200) -> Calendar:
    """A pinned calendar that says the same."""
    every = (FIRST_DAY + timedelta(days=n) for n in range(7 * weeks))
    return Calendar(name, "zone", FIRST_DAY, "".join("1" if days.works(day) else "0" for day in every), days.shifts)


SELLERS, BUYERS, DESKS = calendar("seller", BERLIN), calendar("buyer", LISBON), calendar("desk", DESK)


def fee(price: int, basis_points: int) -> int:
    """The commission on a line, half a cent up."""
    return (price * basis_points * 2 + 10000) // 20000


def pair_of_orders(number: int) -> tuple[Order, Sale]:
    """One order in both words; `number` chooses its policy, prices, shipping, payment and account."""
    number, at = divmod(number, len(POLICIES))
    policy, terms = POLICIES[at]
    number, at = divmod(number, len(PRICES))
    prices = PRICES[at]
    number, at = divmod(number, len(OFFERS))
    offer = OFFERS[at]
    number, at = divmod(number, 3)
    shipping = ("5.00", "0.00", "0.07")[at]
    account = ("acct_1", "")[number % 2]
    order = new_order(policy, prices, shipping, payment=offer, account=account)
    order = replace(order, seller_calendar=SELLERS, buyer_calendar=BUYERS, desk_calendar=DESKS)
    return order, sale_of(
        terms, [int(price.replace(".", "")) for price in prices], int(shipping.replace(".", "")), offer, account
    )


def sale_of(terms: Terms, prices: list[int], shipping: int, offer: Offer | None, account: str) -> Sale:
    """The model's order."""
    lines = {
        chr(97 + n): Slice(chr(97 + n), price, fee(price, terms.commission), START) for n, price in enumerate(prices)
    }
    sale = Sale(
        terms,
        START,
        lines,
        Slice("shipping", shipping, 0, START),
        BERLIN,
        LISBON,
        DESK,
        START - terms.account_settles,
        account,
    )
    sale.start("pay.end", START, START + terms.expire)
    if offer is not None:
        sale.offer, sale.offer_is_intent = offer.payment_intent or offer.payment_method, bool(offer.payment_intent)
    return sale


__all__ = ["pair_of_orders"]
