"""Where the goods of a line are, as the reference model knows it: nobody is to have both them and the money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.sale import sent_again

if TYPE_CHECKING:
    from tests.model.sale import Sale, Slice


def are_back(sale: Sale, name: str) -> bool:
    """Whether a return of the line came, or its carrier brought a parcel back."""
    returned = any(parcel.milestone == "returned" for parcel in sale.parcels_of(name))
    others = (other for other in sale.claims.values() if name in other.lines)
    return returned or any(other.came_back for other in others if other.open or not other.empty)


def came_back(sale: Sale, name: str) -> bool:
    """Whether a carrier brought a box of the line back, and none was sent since, or brings the line in its place."""
    boxes = sale.sent_with(name)
    back = [box for box in boxes if box.milestone == "returned" and not sale.replaced(box, name)]
    return any(not sent_again(box, boxes) for box in back)


def with_seller(sale: Sale, name: str) -> bool:
    """Whether the seller has the goods, or a return is on its way for an open claim."""
    others = (other for other in sale.claims.values() if name in other.lines)
    return are_back(sale, name) or any(other.open and other.parcel and not other.failed for other in others)


def back_undecided(sale: Sale, piece: Slice) -> bool:
    """Whether the seller has the goods of a line, and a person is to say whose its money is."""
    if piece.name not in {line.name for line in sale.live}:
        return False
    held, state = sale.lines[piece.name].held, sale.lines[piece.name].state
    asked = {claim.holder for claim in sale.open_claims if claim.ruling is None}
    if held.startswith("parcel:") or held in asked:
        return are_back(sale, piece.name) or came_back(sale, piece.name)
    return state == "shipped" and not held.startswith("claim:") and are_back(sale, piece.name)
