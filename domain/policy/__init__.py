"""Every number that a marketplace may change, in one place: name, unit, default and reason.

A policy is pinned in each order when it is admitted. Business days and days are whole numbers, counted on the calendar
of the party who must act (`domain.business_time`); hours and minutes are elapsed time. Files of policies are read and
checked by `domain.policy.file`.
"""

# ruff: noqa: RUF009  # hours() and minutes() declare fields; they do not share a default.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, cast

from domain.errors import Invalid
from domain.money import Money
from domain.policy.carriage import LostParcel
from domain.policy.claims import Claims, Recurring
from domain.policy.evidence import Evidence
from domain.policy.talk import Messages
from domain.policy.units import (
    Amounts,
    BasisPoints,
    Dates,
    Kind,
    Text,
    Words,
    business_days,
    days,
    declared,
    hours,
    kind_of,
    minutes,
    one_of,
)
from domain.purse import DisputeReason

_EUROS_150 = (Money(150_00, "EUR"),)
_EUROS_500 = (Money(500_00, "EUR"),)


@dataclass(frozen=True, slots=True)
class Payment:
    """An order whose checkout is not yet paid."""

    remind: int = days(3, "A friendly reminder after three days is what small sellers send; earlier reads as pressure.")
    expire: int = days(7, "Goods are held back for a week at most, then listed again.")
    more_time: int = days(7, "The most that a buyer may get on request, all requests together.", least=0)


@dataclass(frozen=True, slots=True)
class Confirm:
    """The seller's confirmation, counted from payment."""

    remind: int = business_days(1, "One quiet business day is enough for most sellers.")
    ticket: int = business_days(2, "A specialist follows up while the buyer's hold still has most of its life.")
    end: int = business_days(4, "Leaves the specialist two business days; then the order is voided and listed again.")


@dataclass(frozen=True, slots=True)
class Ship:
    """The seller's shipment, counted from payment."""

    remind: int = business_days(2, "The buyer was told two to four business days; the seller hears at the near end.")
    ticket: int = business_days(4, "Without a tracking number after four business days a specialist follows up.")
    end: int = business_days(5, "Five working days is the longest that buyers of second-hand goods are used to.")
    more_time: int = business_days(5, "The most that a buyer may grant a seller, all grants together.", least=0)


@dataclass(frozen=True, slots=True)
class Capture:
    """When the pre-authorised payment is captured into escrow."""

    trigger: str = declared(
        one_of("shipment", "confirmation"), "shipment", "A buyer's card is charged only when goods leave the seller."
    )


@dataclass(frozen=True, slots=True)
class Hold:
    """The hold on the buyer's card."""

    margin: timedelta = hours(24, "Time to act, and to retry, before the provider lets the hold lapse.", least=0)
    expected: int = days(
        7, "Most card holds live seven days. Used only to check that windows fit; orders read the provider's own limit."
    )
    way_out: str = declared(
        one_of("reauthorise", "capture_at_confirmation", "cancel"),
        "cancel",
        "What happens when the hold runs out before shipment. Without a stored mandate, reauthorise means cancel.",
    )
    ask_buyer: int = business_days(1, "How long the buyer has when the bank wants the buyer for a new hold.")


@dataclass(frozen=True, slots=True)
class Carrier:
    """A parcel on its way."""

    stall: int = business_days(5, "Without movement for a working week a parcel is probably lost or stuck.")
    poll: timedelta = hours(6, "Webhooks get lost; asking four times a day finds a delivery on its day.")


@dataclass(frozen=True, slots=True)
class Receipt:
    """The silent buyer, counted from delivery."""

    remind: int = business_days(2, "Time to unpack and look; then the buyer is asked once.")
    decide: int = business_days(4, "Strong proof of delivery then releases the money.")
    weak_release: int = days(10, "A bare delivery scan may be wrong; marketplaces wait ten to fourteen days.", least=0)
    weak_limit: tuple[Money, ...] = declared(
        Amounts(),
        _EUROS_150,
        "Dear goods are worth a person's look. A currency not listed is never released on weak proof.",
    )

    def releases_on_weak_proof(self, amount: Money) -> bool:
        """Whether a bare delivery scan may release `amount` in the end: it lies below its currency's limit."""
        limit = _listed(self.weak_limit, amount.currency)
        return limit is not None and amount < limit


@dataclass(frozen=True, slots=True)
class Cancel:
    """A buyer's request to cancel after confirmation."""

    answer: int = business_days(1, "Silence grants the request when nothing was shipped, so the seller gets a day.")


@dataclass(frozen=True, slots=True)
class Time:
    """A request of one side for more time."""

    answer: int = business_days(1, "A request must be answered while the time it asks for is still of use.")


@dataclass(frozen=True, slots=True)
class WaitLonger:
    """A buyer who waits longer for a late parcel."""

    most: int = days(10, "Longer waits would outlive the buyer's rights of complaint at card and carrier.", least=0)


@dataclass(frozen=True, slots=True)
class Aftersale:
    """The time after acceptance in which the order stays open for claims."""

    window: int = days(30, "The claim window that buyers know from the large marketplaces.")


@dataclass(frozen=True, slots=True)
class Tickets:
    """Work for specialists, on the desk's calendar."""

    due: int = business_days(1, "A party waits on it, and the hold's clock runs.")
    escalate: int = business_days(
        1, "An overdue ticket escalates after this, twice; then the default decision is near."
    )


@dataclass(frozen=True, slots=True)
class Escrow:
    """The longest that captured money may be held."""

    longest: int = days(90, "The provider pays out or refunds after at most 90 days.")
    margin: int = days(
        5, "The default decision is taken this much earlier, so that a failed payment can be mended.", least=0
    )


@dataclass(frozen=True, slots=True)
class Transfers:
    """Money operations whose outcome is not known yet."""

    first_retry: timedelta = minutes(1, "Most cut connections heal within a minute.")
    longest_retry: timedelta = minutes(
        60, "Waits double up to this: an outage of hours costs few calls, and ends soon."
    )
    unknown_ticket: timedelta = hours(
        24, "A day without a definite answer needs a person. No wish of the provider is waited for longer."
    )
    lands_within: timedelta = hours(
        1, "A request without an answer may be on its way for so long; the money goes no other way meanwhile."
    )


@dataclass(frozen=True, slots=True)
class Fees:
    """What the platform keeps; fixed at checkout."""

    commission_basis_points: int = declared(
        BasisPoints(), 800, "Eight percent of each line, half-up, is usual for C2C."
    )
    payment_basis_points: int = declared(BasisPoints(), 0, "The payment provider's share, where it is passed on.")
    payment_fixed: tuple[Money, ...] = declared(
        Amounts(), (), "The provider's fixed fee; nothing for currencies not listed."
    )
    payment_borne_by: str = declared(
        one_of("platform", "seller"), "platform", "A commission that includes payment is easier to understand."
    )

    def fixed(self, currency: str) -> Money:
        """The fixed payment fee of an order in `currency`."""
        return _listed(self.payment_fixed, currency) or Money.zero(currency)


@dataclass(frozen=True, slots=True)
class Payout:
    """The release to the seller's account."""

    account_settles: timedelta = hours(
        72, "A stolen login changes the account first; the owner needs time to notice.", least=0
    )
    retry: int = business_days(1, "A closed or restricted account is mended by its owner on a working day.")


@dataclass(frozen=True, slots=True)
class Disputes:
    """A chargeback: the buyer's bank takes the money back and decides in the end."""

    longest: int = days(
        120, "Banks decide within 75 to 100 days; a dispute that is never answered then counts as lost."
    )
    seller_bears: tuple[str, ...] = declared(
        Words(*DisputeReason),
        (DisputeReason.NOT_RECEIVED, DisputeReason.NOT_AS_DESCRIBED, DisputeReason.CREDIT_NOT_PROCESSED),
        "The provider's fee for a lost dispute is borne by who is at fault; for other reasons the platform bears it, "
        "as it does one in another currency than the order's.",
    )


@dataclass(frozen=True, slots=True)
class Debts:
    """What a seller owes after money that was paid out went back to the buyer."""

    retry: int = business_days(5, "An account without funds is asked again weekly; later sales pay in between.")
    write_off: int = days(60, "What two months of sales have not paid back is the platform's loss.")


@dataclass(frozen=True, slots=True)
class SecondOperator:
    """Large sums need a second operator."""

    limits: tuple[Money, ...] = declared(
        Amounts(), _EUROS_500, "One pair of eyes moves small sums. A currency not listed always needs two."
    )
    lapse: int = business_days(1, "An approval is for the facts of its day.")

    def needed(self, total: Money) -> bool:
        """Whether moving money of an order with this `total` needs a second operator."""
        limit = _listed(self.limits, total.currency)
        return limit is None or total > limit


@dataclass(frozen=True, slots=True)
class Pause:
    """An operator's pause of the parties' clocks."""

    longest: int = days(30, "A pause without an end is a forgotten order.")


@dataclass(frozen=True, slots=True)
class Outage:
    """Deadlines that fall into our own downtime."""

    grace: timedelta = minutes(
        15, "A deadline that fires later than this because we were down punishes nobody.", least=0
    )


@dataclass(frozen=True, slots=True)
class CalendarRules:
    """The marketplace's own business calendar: its desk's, and the parties' that name none."""

    country: str = declared(
        Text("ISO 3166-1 code", "[A-Z]{2}", "two capitals such as 'DE'"), "DE", "Whose public holidays are days off."
    )
    subdivision: str = declared(
        Text("ISO 3166-2 part", r"[\w -]{0,40}", "a code such as 'BY', or ''"),
        "",
        "Holidays of a state or province; '' for none.",
    )
    zone: str = declared(
        Text("IANA time zone", r"[A-Z]\w*(?:[-+]\w+)*(?:/[A-Z]\w*(?:[-+]\w+)*){0,2}", "a name such as 'Europe/Berlin'"),
        "Europe/Berlin",
        "Where business days begin and end.",
    )
    extra_days_off: tuple[date, ...] = declared(Dates(), (), "Days that the marketplace closes beyond public holidays.")
    removed_days_off: tuple[date, ...] = declared(Dates(), (), "Public holidays or weekend days that are worked.")
    horizon: int = days(400, "Far enough for every window together; an order's calendar is pinned for so long.")


@dataclass(frozen=True, slots=True)
class Expect:
    """What buyer and seller are told to expect at each stage."""

    placed: str = declared(
        Text(), "Usually within one to two business days", "From payment to the seller's confirmation."
    )
    confirmed: str = declared(
        Text(), "Usually within two to four business days", "From confirmation to the tracking number."
    )
    shipped: str = declared(Text(), "Usually within two to five business days", "From the tracking number to delivery.")
    delivered: str = declared(
        Text(), "Please look at the goods within four business days", "From delivery to the receipt."
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """One marketplace model. Immutable; two policies with equal numbers are equal."""

    name: str = declared(
        Text("file name", "[a-z][a-z0-9-]{0,40}", "lower case, such as 'standard'"), "", "How orders name it."
    )
    version: str = declared(Text(), "1", "Told with every order, so that a change can be followed.")
    display_name: str = declared(Text(), "", "The marketplace as buyers and sellers know it; the name where not given.")
    payment: Payment = field(default_factory=Payment)
    confirm: Confirm = field(default_factory=Confirm)
    ship: Ship = field(default_factory=Ship)
    capture: Capture = field(default_factory=Capture)
    hold: Hold = field(default_factory=Hold)
    carrier: Carrier = field(default_factory=Carrier)
    lost_parcel: LostParcel = field(default_factory=LostParcel)
    receipt: Receipt = field(default_factory=Receipt)
    cancel: Cancel = field(default_factory=Cancel)
    time: Time = field(default_factory=Time)
    wait_longer: WaitLonger = field(default_factory=WaitLonger)
    aftersale: Aftersale = field(default_factory=Aftersale)
    claims: Claims = field(default_factory=Claims)
    recurring: Recurring = field(default_factory=Recurring)
    evidence: Evidence = field(default_factory=Evidence)
    tickets: Tickets = field(default_factory=Tickets)
    escrow: Escrow = field(default_factory=Escrow)
    money: Transfers = field(default_factory=Transfers)
    fees: Fees = field(default_factory=Fees)
    payout: Payout = field(default_factory=Payout)
    dispute: Disputes = field(default_factory=Disputes)
    debt: Debts = field(default_factory=Debts)
    second_operator: SecondOperator = field(default_factory=SecondOperator)
    pause: Pause = field(default_factory=Pause)
    outage: Outage = field(default_factory=Outage)
    messages: Messages = field(default_factory=Messages)
    calendar: CalendarRules = field(default_factory=CalendarRules)
    expect: Expect = field(default_factory=Expect)

    def to_plain(self) -> dict[str, Any]:
        """Every number as JSON, in its declared unit and whole: a default that changes later moves no pinned policy."""
        top = {number.name: getattr(self, number.name) for number in head()}
        return top | {name: _plain(getattr(self, name)) for name in sections()}

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> Policy:
        """Read what `to_plain` wrote, also by an older or newer release; raises Invalid.

        A number that the writer did not know takes its default; one that we do not know is left out.
        """
        try:
            top = {number.name: plain[number.name] for number in head()}
            parts = {name: _section(kind, plain.get(name, {})) for name, kind in sections().items()}
            return Policy(**top, **parts)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise Invalid("policy", f"is not a pinned policy: {type(error).__name__} {error}") from None


@cache
def sections() -> Mapping[str, type[Any]]:
    """The sections of a policy in order: the name in a file and the class that declares the numbers."""
    parts = (part for part in fields(Policy) if "kind" not in part.metadata)
    return MappingProxyType({part.name: cast("type[Any]", part.default_factory) for part in parts})


@cache
def head() -> Sequence[Field[Any]]:
    """The declarations at the top of a policy, before its sections."""
    return tuple(part for part in fields(Policy) if "kind" in part.metadata)


def _plain(section: Any) -> dict[str, Any]:
    return {name: kind.to_plain(getattr(section, name)) for name, kind in _kinds()[type(section)].items()}


def _section(kind: type[Any], plain: Mapping[str, Any]) -> Any:
    return kind(**{name: unit.from_plain(plain[name]) for name, unit in _kinds()[kind].items() if name in plain})


@cache
def _kinds() -> Mapping[type[Any], Mapping[str, Kind]]:
    return {section: {number.name: kind_of(number) for number in fields(section)} for section in sections().values()}


def _listed(amounts: tuple[Money, ...], currency: str) -> Money | None:
    return next((amount for amount in amounts if amount.currency == currency), None)
