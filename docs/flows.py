"""Every flow of money, played through the domain, with the entries that it books."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docs.situations import Life
from domain.deadlines import deadlines
from domain.funds import Done, No
from domain.money import Money, Verb
from domain.state import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.books import Entry
    from domain.funds import Result
    from domain.policy import Policy

_NOTE = "note-1"
_BROKE: Mapping[Verb, Result] = {Verb.REVERSE_RELEASE: No("InsufficientFunds")}
"""The seller has spent what was paid out."""

_NETS: Mapping[Verb, Result] = {
    Verb.RELEASE: Done("release-1", Money.of("77.00", "EUR"), netted=(("order-0", Money.of("20.00", "EUR")),))
}


@dataclass(frozen=True)
class Flow:
    """A flow by its heading: what happens, and the transactions that this books."""

    heading: str
    story: str
    booked: tuple[tuple[str, tuple[Entry, ...]], ...]


def flows(policy: Policy) -> tuple[Flow, ...]:
    """All flows, over an order of two lines (60.00 and 40.00 EUR) and 5.00 EUR shipping."""
    return tuple(Flow(heading, story, tuple(play(policy).booked)) for heading, story, play in _FLOWS)


def _from_here(life: Life) -> Life:
    """Forget what is booked: it is shown in a flow of its own."""
    life.booked.clear()
    return life


def _shipped(policy: Policy, answers: Mapping[Verb, Result] | None = None) -> Life:
    return Life(policy, shipping="5.00", answers=answers or {}).ship()


def _received(policy: Policy, *lines: str, answers: Mapping[Verb, Result] | None = None) -> Life:
    life = _from_here(_shipped(policy, answers).scan("delivered"))
    return _settled(life.say(Role.BUYER, "receive", lines=list(lines)))


def _refunded(life: Life, *lines: str) -> Life:
    return _settled(_from_here(life).say(Role.SPECIALIST, "refund", note_id=_NOTE, lines=list(lines)))


def _without_shipping(life: Life) -> Life:
    return _settled(_from_here(life).say(Role.SPECIALIST, "refund_shipping", note_id=_NOTE))


def _settled(life: Life) -> Life:
    """Until no money is due at once any more."""
    while any(clock.step == "settle" and clock.at <= life.now for clock in deadlines(life.order)):
        life.ring("settle")
    return life


def _told(life: Life, name: str, **body: str) -> Life:
    return _settled(_from_here(life).say(Role.PROVIDER, name, **body))


def _disputed(life: Life) -> Life:
    return _told(life, "open_dispute", dispute="dispute-1", amount="105.00 EUR", fee="15.00 EUR", reason="not_received")


def _lost(life: Life) -> Life:
    return _told(_disputed(life), "lose_dispute", dispute="dispute-1")


def _won(life: Life) -> Life:
    return _told(life, "win_dispute", dispute="dispute-1", fee="15.00 EUR")


def _strayed(life: Life) -> Life:
    return _told(life, "payment_found", payment_intent="pi-2", charge="charge-2", amount="105.00 EUR")


def _stray_lost(life: Life) -> Life:
    """The bank is faster than the refund."""
    came = {"payment_intent": "pi-2", "charge": "charge-2", "amount": "105.00 EUR"}
    taken = {"dispute": "dispute-1", "charge": "charge-2", "amount": "105.00 EUR", "fee": "15.00 EUR"}
    found = _from_here(life).say(Role.PROVIDER, "payment_found", **came).say(Role.PROVIDER, "open_dispute", **taken)
    return _settled(found.say(Role.PROVIDER, "lose_dispute", dispute="dispute-1"))


def _refund_fails(policy: Policy) -> Life:
    return _told(_refunded(_shipped(policy)), "refund_failed", refund="refund-1").ring("settle")


def _loss_made_up(policy: Policy) -> Life:
    """Beside the refund of one line, which the bank gave the buyer, too."""
    life = _lost(_refunded(_shipped(policy), "line-1"))
    return _told(life, "refund_failed", refund=next(move.ref for move in life.order.moves if move.verb is Verb.REFUND))


def _written_off(policy: Policy) -> Life:
    owing = _from_here(_refunded(_received(policy, answers=_BROKE), "line-1"))
    while not owing.booked:
        owing.ring("settle")
    return owing


_FLOWS: tuple[tuple[str, str, Callable[[Policy], Life]], ...] = (
    (
        "Capture",
        "The first parcel is sent. All live lines and shipping are captured, each into a slice of escrow.",
        _shipped,
    ),
    (
        "Release",
        "The buyer marks everything as properly fulfilled. The seller is due the slices less the fees, and is paid.",
        _received,
    ),
    (
        "Release of one line",
        "The buyer has looked at one line only. Shipping goes with the last.",
        lambda policy: _received(policy, "line-1"),
    ),
    (
        "Netted release",
        "The seller owes 20.00 for an earlier order, so that much less is paid out, and no longer owed.",
        lambda policy: _received(policy, answers=_NETS),
    ),
    (
        "Refund",
        "Nothing was paid out yet: the buyer gets everything back out of escrow.",
        lambda policy: _refunded(_shipped(policy)),
    ),
    (
        "Part refund",
        "One line goes back, the rest goes its way.",
        lambda policy: _refunded(_shipped(policy), "line-1"),
    ),
    (
        "Refund of a line that was paid out",
        "The line's fee goes back, too. The seller owes the rest, which is taken from the payout account at once.",
        lambda policy: _refunded(_received(policy), "line-1"),
    ),
    (
        "Refund of a line that was paid out, and the seller has spent it",
        "The payout account has no money to take back. The seller owes it: later releases pay it (above), or nobody.",
        lambda policy: _refunded(_received(policy, answers=_BROKE), "line-1"),
    ),
    (
        "Shipping given back",
        "The seller is at fault, so the desk gives the shipping back; both lines go their way without it.",
        lambda policy: _without_shipping(_shipped(policy)),
    ),
    (
        "Shipping given back that was paid out",
        "No fee was taken on it. The seller owes it, and it is taken from the payout account at once.",
        lambda policy: _without_shipping(_received(policy)),
    ),
    (
        "Write-off",
        "What the seller has not paid back in time is the platform's loss.",
        _written_off,
    ),
    (
        "Refund that fails",
        "The buyer's bank sends a refund back days later. The money is in escrow again, and is refunded anew.",
        _refund_fails,
    ),
    (
        "Dispute opened",
        "The buyer's bank takes the money back, and the provider a fee. Nothing of it moves until that is decided.",
        lambda policy: _disputed(_shipped(policy)),
    ),
    (
        "Dispute won",
        "The money is back, and here the fee as well: everything goes on where it stood.",
        lambda policy: _won(_disputed(_shipped(policy))),
    ),
    (
        "Dispute lost, money in escrow",
        "Escrow bears it: the buyer has the money already. The seller was at fault and owes the provider's fee.",
        lambda policy: _lost(_shipped(policy)),
    ),
    (
        "Dispute lost, money paid out",
        "The seller bears what was paid out, and the fee, as far as the payout account still has it.",
        lambda policy: _lost(_received(policy)),
    ),
    (
        "Dispute lost, money refunded before",
        "The buyer has the money twice and nobody else can be asked: the platform bears it.",
        lambda policy: _lost(_refunded(_shipped(policy))),
    ),
    (
        "Refund that fails after its payment was disputed, and the dispute lost",
        "The buyer has the money from his bank: what comes back makes up for the platform's loss.",
        _loss_made_up,
    ),
    (
        "Dispute won after it was lost",
        "Banks change their minds. What escrow and seller had borne is in escrow again, and is released.",
        lambda policy: _won(_lost(_received(policy))),
    ),
    (
        "Money that came uncalled",
        "A payment is found at the provider that the order has no claim to. It waits in suspense and goes back.",
        lambda policy: _strayed(_shipped(policy)),
    ),
    (
        "Dispute of money that came uncalled, lost",
        "It never was the order's: what stands in suspense bears it, the rest the platform, the seller nothing.",
        lambda policy: _stray_lost(_shipped(policy)),
    ),
)
