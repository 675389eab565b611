"""Sellers whose orders live through every flow of the books, booked by hand and followed by a simple reckoning."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import strategies as st
from sqlalchemy import Connection

from activities.store import ledger, orders
from domain.accounts import (
    CLEARING,
    FEES,
    LOSSES,
    disputed_account,
    escrow_account,
    receivable_account,
    seller_account,
    suspense_account,
)
from domain.books import Entry, Side
from domain.money import Money
from tests.store.rows import NOW, checkout, hours

_numbers = itertools.count(1)


def debit(account: str, amount: Money) -> Entry:
    return Entry(account, Side.DEBIT, amount)


def credit(account: str, amount: Money) -> Entry:
    return Entry(account, Side.CREDIT, amount)


@dataclass
class Sale:
    """One order: what was sold, what the platform keeps of it, where its money is, what the seller owes for it."""

    order_id: str
    gross: Money
    fee: Money
    where: str = "escrow"
    owed: Money = field(default_factory=lambda: Money(0, "EUR"))
    sums: Counter[str] = field(default_factory=Counter)

    @property
    def net(self) -> Money:
        return self.gross - self.fee


@dataclass
class Seller:
    """A seller and what happened, in minor units by currency as an accountant would keep it on paper."""

    conn: Connection
    name: str = field(default_factory=lambda: f"s-{next(_numbers)}")
    now: datetime = NOW
    sales: list[Sale] = field(default_factory=list)
    seq: int = 1

    def _book(self, sale: Sale, verb: str, *entries: Entry) -> None:
        self.seq += 1
        booked = tuple(entry for entry in entries if entry.amount)
        ledger.post(self.conn, sale.order_id, verb, self.seq, booked, self.now)

    def sell(self, gross: int, percent: int, currency: str = "EUR") -> Sale:
        """A buyer pays: the money is captured into escrow."""
        amount = Money(gross, currency)
        sale = Sale(f"o-{next(_numbers):06}", amount, Money(gross * percent // 100, currency))
        sale.owed = Money.zero(currency)
        price = str(amount)
        line = {"line_id": "l1", "title": "Lamp", "price": price}
        changes = {"seller": {"person_id": self.name}, "lines": [line], "total": price}
        plain = {k: v for k, v in checkout(sale.order_id, **changes).items() if k != "shipping"}
        orders.claim(self.conn, sale.order_id, "hash", plain, None)
        self._book(sale, "capture", debit(CLEARING, amount), credit(escrow_account(sale.order_id, "l1"), amount))
        sale.sums.update(C=gross, E=gross)
        self.sales.append(sale)
        return sale

    def pay(self, sale: Sale) -> None:
        """Escrow is released; what the seller owes for any order is taken from it first."""
        rest, paid = sale.net, []
        for debtor in self.sales:
            if debtor.owed and debtor.owed.currency == rest.currency:
                taken = min(rest, debtor.owed)
                rest, debtor.owed = rest - taken, debtor.owed - taken
                debtor.sums.update(X=taken.minor, Q=-taken.minor)
                paid.append(credit(receivable_account(self.name, debtor.order_id), taken))
        seller = seller_account(self.name)
        self._book(
            sale,
            "release",
            debit(escrow_account(sale.order_id, "l1"), sale.gross),
            credit(seller, sale.net),
            credit(FEES, sale.fee),
            debit(seller, sale.net),
            credit(CLEARING, rest),
            *paid,
        )
        sale.where = "paid"
        sale.sums.update(S=sale.net.minor, K=sale.fee.minor, E=-sale.gross.minor)

    def refund(self, sale: Sale) -> None:
        """The buyer gets all back: out of escrow, or, paid out before, at the seller's cost."""
        source: tuple[Entry, ...]
        if sale.where == "escrow":
            source = (debit(escrow_account(sale.order_id, "l1"), sale.gross),)
            sale.sums.update(E=-sale.gross.minor)
        else:
            source = (debit(receivable_account(self.name, sale.order_id), sale.net), debit(FEES, sale.fee))
            sale.owed += sale.net
            sale.sums.update(Q=sale.net.minor, K=-sale.fee.minor)
        self._book(sale, "refund", *source, credit(CLEARING, sale.gross))
        sale.where = "refunded"
        sale.sums.update(F=sale.gross.minor)

    def take_back(self, sale: Sale, amount: Money) -> None:
        """What was paid out comes back from the seller's account."""
        owed = receivable_account(self.name, sale.order_id)
        self._book(sale, "reverse_release", debit(CLEARING, amount), credit(owed, amount))
        sale.owed -= amount
        sale.sums.update(X=amount.minor, Q=-amount.minor)

    def write_off(self, sale: Sale) -> None:
        """The debt is the platform's loss."""
        owed = receivable_account(self.name, sale.order_id)
        self._book(sale, "write_off", debit(LOSSES, sale.owed), credit(owed, sale.owed))
        sale.sums.update(L=sale.owed.minor, Q=-sale.owed.minor)
        sale.owed = Money.zero(sale.owed.currency)

    def dispute(self, sale: Sale, fee: int) -> None:
        """The buyer's bank takes the money; the fee is the platform's for now."""
        cost = Money(fee, sale.gross.currency)
        self._book(
            sale,
            "dispute",
            debit(disputed_account(sale.order_id), sale.gross),
            credit(CLEARING, sale.gross),
            debit("platform:dispute_fees", cost),
            credit(CLEARING, cost),
        )
        sale.sums.update(D=sale.gross.minor + fee, U=sale.gross.minor, L=fee)
        sale.where = f"{sale.where}, disputed"

    def lose(self, sale: Sale) -> None:
        """The bank decides for the buyer: escrow bears it, or the seller who was paid."""
        source: tuple[Entry, ...]
        if sale.where.startswith("escrow"):
            source = (debit(escrow_account(sale.order_id, "l1"), sale.gross),)
            sale.sums.update(E=-sale.gross.minor)
        else:
            source = (debit(receivable_account(self.name, sale.order_id), sale.net), debit(FEES, sale.fee))
            sale.owed += sale.net
            sale.sums.update(Q=sale.net.minor, K=-sale.fee.minor)
        self._book(sale, "bear", *source, credit(disputed_account(sale.order_id), sale.gross))
        sale.sums.update(U=-sale.gross.minor)
        sale.where = "lost"

    def win(self, sale: Sale) -> None:
        """The bank decides for the seller: the money is back where it was."""
        self._book(
            sale, "dispute_won", debit(CLEARING, sale.gross), credit(disputed_account(sale.order_id), sale.gross)
        )
        sale.sums.update(D=-sale.gross.minor, U=-sale.gross.minor)
        sale.where = sale.where.partition(",")[0]

    def stray(self, sale: Sale, amount: Money) -> None:
        """Money comes in that the order has no claim to."""
        self._book(sale, "suspense", debit(CLEARING, amount), credit(suspense_account(sale.order_id), amount))
        sale.sums.update(C=amount.minor, E=amount.minor)

    def act(self, what: str, number: int, percent: int, wait: float) -> None:
        """One thing that can happen now, chosen by numbers; nothing when that thing cannot."""
        self.now = max(self.now, hours(0)) + (hours(wait) - NOW)
        fits = {
            "pay": [s for s in self.sales if s.where == "escrow"],
            "refund": [s for s in self.sales if s.where in ("escrow", "paid")],
            "take_back": [s for s in self.sales if s.owed],
            "write_off": [s for s in self.sales if s.owed],
            "dispute": [s for s in self.sales if s.where in ("escrow", "paid")],
            "lose": [s for s in self.sales if s.where.endswith("disputed")],
            "win": [s for s in self.sales if s.where.endswith("disputed")],
            "stray": self.sales,
        }
        if what == "sell":
            self.sell(number, percent, ("EUR", "USD", "JPY")[number % 3])
        elif fits[what]:
            sale = fits[what][number % len(fits[what])]
            match what:
                case "take_back":
                    self.take_back(sale, min(sale.owed, Money(number, sale.owed.currency)))
                case "dispute":
                    self.dispute(sale, percent)
                case "stray":
                    self.stray(sale, Money(number, sale.gross.currency))
                case _:
                    getattr(self, what)(sale)


ACTS = ("sell", "sell", "pay", "pay", "refund", "take_back", "write_off", "dispute", "lose", "win", "stray")
acts = st.lists(
    st.tuples(
        st.sampled_from(ACTS), st.integers(1, 10**7), st.integers(0, 100), st.sampled_from([0, 0, 0.01, 5, 24, 300])
    ),
    max_size=25,
)
"""What happens to a seller, one after the other, with the hours that pass before each."""
