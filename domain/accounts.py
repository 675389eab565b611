"""The chart of accounts: every account of the ledger, what stands on it, and what its balance may be.

A balance is credits less debits: what we owe or have earned stands above zero, what we own or have lost below.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CLEARING = "clearing"
"""Asset: our balance at the payment provider."""

FEES = "platform:fees"
"""Revenue: what the platform keeps."""

DISPUTE_FEES = "platform:dispute_fees"
"""Expense: what the provider took for handling disputes and has not given back."""

LOSSES = "platform:losses"
"""Expense: what the platform bears because nobody else does."""


def escrow_account(order_id: str, piece: str) -> str:
    """Liability: one slice of an order's escrow (a line, or shipping)."""
    return f"escrow:{order_id}:{piece}"


def seller_account(seller: str) -> str:
    """Liability: what the platform owes a seller; every release passes through it."""
    return f"seller:{seller}"


def disputed_account(order_id: str) -> str:
    """Asset: what the provider withdrew for a dispute that is not decided."""
    return f"disputed:{order_id}"


def receivable_account(seller: str, order_id: str) -> str:
    """Asset: what a seller owes the platform for one order."""
    return f"receivable:{seller}:{order_id}"


def suspense_account(order_id: str) -> str:
    """Liability: money that came in without a claim to it, until it is refunded."""
    return f"suspense:{order_id}"


class Kind(StrEnum):
    """What an account is to the platform."""

    ASSET = "asset"
    LIABILITY = "liability"
    REVENUE = "revenue"
    EXPENSE = "expense"


class Bound(StrEnum):
    """What a balance may be, whatever happens."""

    NOT_BELOW_ZERO = "never below zero"
    NOT_ABOVE_ZERO = "never above zero"
    NONE = "any"

    def holds(self, minor: int) -> bool:
        """Whether a balance in minor units is within the bound."""
        return (minor >= 0 or self is not Bound.NOT_BELOW_ZERO) and (minor <= 0 or self is not Bound.NOT_ABOVE_ZERO)


@dataclass(frozen=True, slots=True)
class ChartRow:
    """One kind of account. `pattern` is its name, with ``{order}``, ``{seller}`` and ``{slice}`` for what varies.

    `kept` tells what keeps the balance within its bound.
    """

    pattern: str
    kind: Kind
    bound: Bound
    meaning: str
    kept: str

    @property
    def prefix(self) -> str:
        """How the names of these accounts begin."""
        return self.pattern.partition("{")[0]

    def names(self, account: str) -> bool:
        """Whether `account` is one of these."""
        return account.startswith(self.prefix) if "{" in self.pattern else account == self.pattern


BY_DATABASE = "the database, at every commit"
BY_SHARE = "the database, at every commit, order by order: at a bound on the whole all would wait for each other"

CHART: tuple[ChartRow, ...] = (
    ChartRow(
        CLEARING, Kind.ASSET, Bound.NONE,
        "Our balance at the payment provider, before what it charges the platform for payments.",
        "nothing: the provider may owe us or, after disputes, we it; its own book is reconciled with this account",
    ),
    ChartRow(
        escrow_account("{order}", "{slice}"), Kind.LIABILITY, Bound.NOT_BELOW_ZERO,
        "Held for one slice of an order (a line, or shipping), until it is released or refunded.", BY_DATABASE,
    ),
    ChartRow(
        seller_account("{seller}"), Kind.LIABILITY, Bound.NOT_BELOW_ZERO,
        "What the platform owes a seller. A release credits and pays it in one transaction.", BY_DATABASE,
    ),
    ChartRow(
        receivable_account("{seller}", "{order}"), Kind.ASSET, Bound.NOT_ABOVE_ZERO,
        "What a seller owes the platform for one order, until later releases pay it or it is written off.", BY_DATABASE,
    ),
    ChartRow(
        disputed_account("{order}"), Kind.ASSET, Bound.NOT_ABOVE_ZERO,
        "What the provider withdrew for a dispute that is not decided.", BY_DATABASE,
    ),
    ChartRow(
        suspense_account("{order}"), Kind.LIABILITY, Bound.NOT_BELOW_ZERO,
        "Money that came in without a claim to it, until it is refunded.", BY_DATABASE,
    ),
    ChartRow(FEES, Kind.REVENUE, Bound.NOT_BELOW_ZERO, "What the platform keeps.", BY_SHARE),
    ChartRow(
        DISPUTE_FEES, Kind.EXPENSE, Bound.NOT_ABOVE_ZERO,
        "What the provider took for handling disputes and has not given back.", BY_SHARE,
    ),
    ChartRow(
        LOSSES, Kind.EXPENSE, Bound.NOT_ABOVE_ZERO, "What the platform bears because nobody else does.", BY_SHARE,
    ),
)  # fmt: skip
"""Every account there is; one that fits no row is an error of ours."""


def row_of(account: str) -> ChartRow | None:
    """The row of the chart that `account` belongs to; None for a name outside the chart."""
    return next((row for row in CHART if row.names(account)), None)
