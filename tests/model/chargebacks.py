"""A chargeback as the reference model knows it: what it is about, who bore it, and whose it is when it is won late."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Taken:
    """What a dispute took of a slice; `due` says that it was to go back to the buyer anyway."""

    piece: str
    net: int
    fee: int
    due: bool


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

    @property
    def holds(self) -> bool:
        """Whether its slices may not move: nobody has decided, or nobody has borne it yet."""
        return self.state in ("open", "lost")

    @property
    def won_back(self) -> tuple[int, int]:
        """What goes to the seller, and to the platform as its fee, when it is won late."""
        sellers = [taken for taken in self.taken if not taken.due]
        return sum(taken.net for taken in sellers) + self.fee_back, sum(taken.fee for taken in sellers)

    @property
    def stray_back(self) -> int:
        """What goes on its way back to the buyer when it is won late."""
        return self.stray + sum(taken.net + taken.fee for taken in self.taken if taken.due)
