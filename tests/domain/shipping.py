"""What the desk's step that gives shipping back promises, told a second time and without looking at its guards."""

from __future__ import annotations

from domain.state import DEAD, Line
from tests.domain.world import Life


def charged(life: Life, _: tuple[Line, ...]) -> bool:
    return bool(life.order.shipping) and life.order.payment.captured is not None


def stays(life: Life, _: tuple[Line, ...]) -> bool:
    alive = any(line.state not in DEAD for line in life.order.lines)
    return alive and not life.order.shipping_back and life.order.shipping_funds != "refunded"


def at_rest(life: Life, _: tuple[Line, ...]) -> bool:
    undecided = [part.piece for d in life.order.disputes if d.status in ("open", "lost") for part in d.parts]
    return "shipping" not in (*undecided, *(life.order.op.slices if life.order.op else ()))


def waits(life: Life) -> bool:
    """The desk gave it back, and the buyer does not have it yet."""
    return life.order.shipping_back and life.order.shipping_funds != "refunded"
