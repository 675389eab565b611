"""What several folds need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from domain.purse import SHIPPING
from domain.state import Funds, Line, LineState, Order, in_state


def on_lines(order: Order, ids: Iterable[str], change: Callable[[Line], Line]) -> Order:
    """The order with `change` made to the lines of these ids."""
    chosen = frozenset(ids)
    return replace(order, lines=tuple(change(line) if line.line_id in chosen else line for line in order.lines))


def with_funds(order: Order, slices: tuple[str, ...], funds: Funds) -> Order:
    """The order with the money of these slices standing elsewhere."""
    if SHIPPING in slices:
        order = replace(order, shipping_funds=funds)
    return on_lines(order, slices, lambda line: replace(line, funds=funds))


def without(order: Order, gone: Callable[[str], bool]) -> Order:
    """Forgets where tiers were moved to and that they have rung, for a clock that starts anew."""
    moved = tuple((tier, to) for tier, to in order.moved if not gone(tier))
    passed = frozenset(tier for tier in order.passed if not gone(tier.removeprefix("graced:")))
    return replace(order, moved=moved, passed=passed)


def asked(order: Order) -> Order:
    """Requests to cancel and for more time are about lines that are still confirmed; without any there is none."""
    if order.time_request is not None and not in_state(order.lines, (LineState.CONFIRMED,)):
        order = replace(order, time_request=None)
    request = order.cancel_request
    if request is None:
        return order
    left = tuple(name for name in request.lines if order.line(name).state is LineState.CONFIRMED)
    return replace(order, cancel_request=replace(request, lines=left) if left else None)
