"""A chargeback as the reference model knows it: what it is about, who bore it, and whose it is when it is won late."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.model.sale import Sale, Slice

Due = tuple[str, int]
"""What is to go back to the buyer in any case, by a claim's ruling, or, with no name, for good."""


@dataclass
class Taken:
    """What a dispute took of a slice; `due`: it was to go back to the buyer anyway, maybe by the ruling of `claim`."""

    piece: str
    net: int
    fee: int
    due: bool = False
    claim: str = ""


@dataclass
class Dispute:
    """A chargeback of the order's own payment, or of another `charge`. `parts` are the slices that it holds.

    `taken` is what it took of the slices when it was borne, `stray` what it took of no slice, or made good since.
    """

    amount: int
    fee: int
    at_fault: bool
    opened: datetime
    parts: dict[str, int] = field(default_factory=dict)
    state: str = "open"
    fee_owed: bool = False
    charge: str = ""
    taken: list[Taken] = field(default_factory=list)
    stray: int = 0
    fee_back: int = 0
    recovered: int = 0

    @property
    def holds(self) -> bool:
        """Whether its slices may not move: nobody has decided, or nobody has borne it yet."""
        return self.state in ("open", "lost")

    @property
    def won_back(self) -> tuple[int, int]:
        """What goes to the seller, and to the platform as its fee, when it is won late."""
        sellers = [taken for taken in self.taken if not taken.due]
        net = sum(taken.net for taken in sellers) + self.fee_back - self.recovered
        return net, sum(taken.fee for taken in sellers)

    @property
    def stray_back(self) -> int:
        """What goes on its way back to the buyer when it is won late."""
        return self.stray + sum(taken.net + taken.fee for taken in self.taken if taken.due)


def dues(sale: Sale) -> dict[str, list[Due]]:
    """What of each slice is no money of the seller's, should the seller win in the end."""
    found = {name: [("", amount)] for name, amount in sale.due_back.items()}
    for claim in sale.open_claims:
        for name, amount in (claim.ruling or {}).items():
            found.setdefault(name, []).append((claim.name, amount))
    whole = [line for line in sale.lines.values() if not line.live]
    whole += [sale.shipping] if sale.shipping_is_buyers else []
    return {**found, **{piece.name: [("", piece.left)] for piece in whole}}


def split(piece: Slice, amount: int, due: list[Due]) -> list[Taken]:
    """The next `amount` of a slice: first what is the buyer's, then the seller's, each with its part of the fee."""
    found, done = [], 0
    for claim, most in [*due, (None, amount)]:
        before, done = piece.part(done), done + min(most, amount - done)
        net, fee = piece.part(done)
        found.append(Taken(piece.name, net - before[0], fee - before[1], claim is not None, claim or ""))
    return found


def count_dues(sale: Sale) -> None:
    """What the bank had taken of a slice whose rest is the buyer's by now is the buyer's as well."""
    theirs = {line.name for line in sale.lines.values() if not line.live and line.left}
    gone = all(name in theirs or _was_due(sale, name) for name in sale.lines)
    if sale.shipping_given or (gone and not sale.live):
        theirs.add(sale.shipping.name)
    for dispute in sale.disputes.values():
        for taken in dispute.taken if dispute.state == "borne" else ():
            if taken.piece in theirs:
                taken.due, taken.claim = True, ""


def _was_due(sale: Sale, name: str) -> bool:
    """Whether the bank took of a line only what was the buyer's."""
    borne = [dispute for dispute in sale.disputes.values() if dispute.state == "borne"]
    taken = [taken for dispute in borne for taken in dispute.taken if taken.piece == name and taken.net + taken.fee]
    return bool(taken) and all(each.due for each in taken)


def emptied(sale: Sale, dispute: Dispute, name: str) -> None:
    """What earlier disputes took of a slice is the buyer's, too, if this one took the last, and only what was his."""
    if all(taken.due for taken in dispute.taken if taken.piece == name and taken.net + taken.fee):
        borne = (other for other in sale.disputes.values() if other.state == "borne")
        for taken in (taken for other in borne for taken in other.taken if taken.piece == name):
            taken.due = True
