"""The sums of an order's money, by the symbols of docs/invariants.md, and whether they add up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from activities.store.books import Booking, OrderBooks
from domain.accounts import CLEARING, DISPUTE_FEES, FEES, LOSSES, disputed_account, receivable_account
from domain.money import Money, Verb, total

NAMES: Mapping[str, str] = {
    "A": "authorised",
    "C": "captured, and what came in without a claim to it",
    "E": "in escrow, or in suspense until it goes back; what is under way is still here",
    "S": "released to the seller, after fees",
    "Sp": "releases under way",
    "X": "got back from the seller",
    "F": "refunded to the buyer",
    "Fp": "refunds under way",
    "K": "kept as fees",
    "D": "withdrawn for disputes, with their fees",
    "U": "of it not decided",
    "Q": "owed by the seller",
    "L": "borne by the platform",
}
"""What each symbol stands for, in the order of an order's life."""

HELD = ("escrow:", "suspense:")
IN = (Verb.CAPTURE.value, "suspense")
BACK = (Verb.REFUND.value, "refund_failed")
DISPUTED = ("dispute", "dispute_won")


def sums(books: OrderBooks) -> dict[str, Money]:
    """Every symbol's amount in the order's currency."""
    currency = books.currency
    owed = receivable_account(books.seller, books.order_id)
    disputed = disputed_account(books.order_id)

    def moved(on: Callable[[str], bool], *verbs: str, bookings: Iterable[Booking] = books.bookings) -> Money:
        """Credits less debits of some accounts, in bookings of some verbs or of all."""
        credits_ = [
            entry.credit
            for booking in bookings
            for entry in booking.entries
            if on(entry.account) and entry.amount.currency == currency and (not verbs or booking.verb in verbs)
        ]
        return total(credits_, currency)

    def under_way(verb: Verb) -> Money:
        found = [op.amount for op in books.operations if op.verb == verb and op.state == "pending"]
        return total(found, currency)

    def at_provider(account: str) -> bool:
        return account == CLEARING

    def for_seller(account: str) -> bool:
        return account == CLEARING or account.startswith("receivable:")

    own = [booking for booking in books.bookings if booking.order_id == books.order_id]

    return {
        "A": books.authorised or Money.zero(currency),
        "C": -moved(at_provider, *IN),
        "E": moved(lambda account: account.startswith(HELD)),
        "S": moved(for_seller, Verb.RELEASE, bookings=own),
        "Sp": under_way(Verb.RELEASE),
        "X": moved(lambda account: account == owed, Verb.RELEASE) - moved(at_provider, Verb.REVERSE_RELEASE),
        "F": moved(at_provider, *BACK),
        "Fp": under_way(Verb.REFUND),
        "K": moved(lambda account: account == FEES),
        "D": moved(at_provider, *DISPUTED),
        "U": -moved(lambda account: account == disputed),
        "Q": -moved(lambda account: account == owed),
        "L": -moved(lambda account: account in (LOSSES, DISPUTE_FEES)),
    }


def add_up(of: Mapping[str, Money]) -> bool:
    """Conservation (P4): what came in, or is borne or owed by others, was paid out, kept, withdrawn, or is held."""
    came = of["C"] + of["L"] + of["Q"] + of["U"]
    went = of["E"] + (of["S"] - of["X"]) + of["F"] + of["K"] + of["D"]
    return came == went
