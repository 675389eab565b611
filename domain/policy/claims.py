"""The numbers of claims and returns."""

# business_days() and its like declare fields; they do not share a default.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from domain.claims.case import ClaimReason
from domain.money import Money
from domain.policy.exceptions import Exceptional, Exceptions, exceptional
from domain.policy.units import Amounts, BasisPoints, Words, business_days, count, days, days_or_none, declared

_EUROS_20 = (Money(20_00, "EUR"),)

_SPEAKS_OF = {
    "return_window": (ClaimReason.CHANGED_MIND,),
    "report": tuple(reason for reason in ClaimReason if reason is not ClaimReason.CHANGED_MIND),
    "not_received_after": (ClaimReason.NOT_RECEIVED,),
    "return_reasons": (),
    "handling_reasons": (),
}
"""What says something for these reasons alone; the last two name reasons themselves."""

_EXCEPTIONS = Exceptions(tuple(ClaimReason), _SPEAKS_OF)


@dataclass(frozen=True, slots=True)
class Claims:
    """Something is wrong with the goods, or the buyer thinks so."""

    remind: int = business_days(1, "One quiet business day is enough for most sellers.")
    answer: int = business_days(2, "The seller answers, or the platform steps in: the buyer has waited long enough.")
    reply: int = business_days(4, "The buyer answers the seller within a working week, or the claim lapses.")
    upstream: int = business_days(10, "Foreign shops take two weeks; then the platform decides without them.")
    send_back: int = business_days(10, "Two weeks to pack and post what is to be returned, or the claim lapses.")
    travel: int = business_days(10, "A return that nobody has received after two weeks needs a person.")
    inspect: int = business_days(3, "Who has the goods back and says nothing is content with them.")
    appeal: int = business_days(2, "A decision is carried out when nobody appeals in time.")
    not_received_after: int = business_days(5, "Before that a parcel is on its way rather than missing.", least=0)
    return_window: int = days(14, "The time to change one's mind that buyers in Europe have by law.", least=0)
    report: int | None = days_or_none(
        "Days from arrival for a claim with any other reason; none: as long as the order takes claims at all."
    )
    late: int = days(60, "Claims on a closed order: defects show late, and card rights run for some months.", least=0)
    longest: int = days(60, "What nobody has decided in so much time, but for the buyer's own, is the buyer's.")
    most: int = count("claims", 3, "Who has dropped three claims for one line is helped by a person, not by a fourth.")
    feedback: int = days(14, "After two weeks nobody remembers how it was; until then a verdict may change.")
    cheap: tuple[Money, ...] = declared(
        Amounts(), _EUROS_20, "Below this a return costs more than it brings. A currency not listed has no cheap goods."
    )
    return_reasons: tuple[str, ...] = declared(
        Words(*ClaimReason),
        (ClaimReason.NOT_AS_DESCRIBED, ClaimReason.WRONG_ITEM, ClaimReason.CHANGED_MIND),
        "What is granted for these reasons comes back first; what is broken or incomplete stays.",
    )
    handling_reasons: tuple[str, ...] = declared(
        Words(*ClaimReason),
        (ClaimReason.CHANGED_MIND,),
        "Who returns for these reasons bears the handling fee; else nobody is at fault but the seller.",
    )
    handling_basis_points: int = declared(BasisPoints(), 500, "Five percent for checking and listing again.")
    used_basis_points: int = declared(BasisPoints(), 3000, "Goods that come back used sell for about a third less.")
    exceptions: tuple[Exceptional, ...] = declared(
        _EXCEPTIONS, (), "Other numbers for some sellers, categories or reasons; of two that fit, the later one counts."
    )

    def where(self, seller: str, categories: Iterable[str], reason: str) -> Claims:
        """The numbers for a claim with a reason about goods of a seller.

        Of several categories, what holds for none of them in particular.
        """
        of = set(categories)
        others = exceptional(self.exceptions, seller, of.pop() if len(of) == 1 else "", reason)
        return replace(self, **others) if others else self

    def narrowed(self, seller: str, categories: Iterable[str]) -> Claims:
        """Without the exceptions that are about nothing in an order of this seller with goods of these categories."""
        of = {"", *categories}
        kept = tuple(each for each in self.exceptions if any(each.concerns(seller, category) for category in of))
        return replace(self, exceptions=kept)

    def days_to_claim(self, reason: ClaimReason) -> int | None:
        """How many days after arrival a claim with this reason can be opened; None: no window of its own."""
        return self.return_window if reason is ClaimReason.CHANGED_MIND else self.report

    def is_cheap(self, amount: Money) -> bool:
        """Whether a granted refund of `amount` needs no return."""
        limit = next((limit for limit in self.cheap if limit.currency == amount.currency), None)
        return limit is not None and amount < limit


_EXCEPTIONS.of(Claims)


@dataclass(frozen=True, slots=True)
class Recurring:
    """Claims about one thing that are too many to be chance: the desk gets one ticket with all of them."""

    window: int = business_days(10, "Two working weeks: long enough to show a pattern, short enough to act on it.")
    seller: int = count("claims", 5, "One claim every other day is more than bad luck, also for a busy seller.")
    product: int = count("claims", 3, "The third buyer of one thing who complains is right about it.")
    carrier: int = count("claims", 10, "A carrier moves everybody's parcels; ten claims are a depot on strike.")
    reason: int = count("claims", 25, "Over a whole marketplace only a wave is news, such as a fraud or a storm.")
