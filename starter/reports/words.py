"""Durations and shares as people read them."""

from __future__ import annotations

from activities.store.desk.flow import Share, Span

_HOUR, _DAY = 60, 24 * 60


def lasting(minutes: int | None) -> str:
    """Minutes as ``35 min``, ``5 h 20 min`` or ``3 d 4 h``; ``-`` where nothing was measured."""
    if minutes is None:
        return "-"
    if minutes < _HOUR:
        return f"{minutes} min"
    if minutes < _DAY:
        return f"{minutes // _HOUR} h {minutes % _HOUR} min"
    return f"{minutes // _DAY} d {minutes % _DAY // _HOUR} h"


def span(measured: Span) -> str:
    """As in ``median 5 h 20 min, 90 % within 1 d 2 h (41 times)``."""
    if not measured.count:
        return "not measured yet"
    return f"median {lasting(measured.median)}, 90 % within {lasting(measured.slow)} ({measured.count} times)"


def share(part: Share) -> str:
    """As in ``3 of 40 (7.5 %)``."""
    if not part.of:
        return "0 of 0"
    tenths = (part.count * 1000 * 2 + part.of) // (part.of * 2)
    return f"{part.count} of {part.of} ({tenths // 10}.{tenths % 10} %)"
