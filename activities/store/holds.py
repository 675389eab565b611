"""Open holds at the provider against the orders that should have them, as streams for `domain.comparing.reconcile`.

What the provider told is laid down first (`lay_down`), in a temporary table of the caller's transaction. The order of
both streams is that of the refs' bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, text

from activities.store.book import PAGE
from activities.store.tables import orders
from domain.comparing.reconcile import HOLD, Booked, Listed
from domain.money import Money

AUTHORISE = "authorise"


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A hold that stands at the provider. `fresh`: made so lately that our records need not know of it yet."""

    ref: str
    order_id: str
    amount: Money
    fresh: bool


def prepare(conn: Connection) -> None:
    """Make room for the provider's holds; for this transaction alone."""
    conn.execute(
        text(
            """
            CREATE TEMP TABLE holds (
                ref text COLLATE "C" PRIMARY KEY, order_id text, minor bigint, currency text, fresh boolean
            ) ON COMMIT DROP
            """
        )
    )


_LAY_DOWN = text(
    """
    INSERT INTO holds SELECT * FROM unnest(
        CAST(:ref AS text[]), CAST(:order_id AS text[]), CAST(:minor AS bigint[]), CAST(:currency AS text[]),
        CAST(:fresh AS boolean[])
    ) ON CONFLICT DO NOTHING
    """
)


def lay_down(conn: Connection, holds: Iterable[OpenHold]) -> None:
    """Note open holds; one that is told twice is noted once."""
    told = list(holds)
    columns = {name: [getattr(hold, name) for hold in told] for name in ("ref", "order_id", "fresh")}
    amounts = {"minor": [hold.amount.minor for hold in told], "currency": [hold.amount.currency for hold in told]}
    conn.execute(_LAY_DOWN, columns | amounts)


# An order that is paid has its hold until the capture; what it lets go, or was offered, may or may not stand.
_WANTED = """
    SELECT DISTINCT ON (ref COLLATE "C", order_id) ref, order_id, amount, at FROM (
        SELECT snapshot #>> '{payment,hold}' AS ref, order_id, snapshot #>> '{payment,authorised}' AS amount,
            coalesce((snapshot #>> '{payment,paid_at}')::timestamptz, placed_at) AS at
        FROM orders WHERE status = 'open' AND snapshot #> '{payment,captured}' IS NULL
        UNION ALL
        SELECT jsonb_array_elements_text(snapshot #> '{payment,superseded}'), order_id, NULL, placed_at
        FROM orders WHERE status = 'open'
        UNION ALL
        SELECT snapshot #>> '{payment,offer,payment_intent}', order_id, NULL, placed_at
        FROM orders WHERE status = 'open'
        UNION ALL
        SELECT payment_ref, order_id, NULL, claimed_at FROM orders WHERE status = 'admitting'
    ) AS wanted
    WHERE ref <> ''
    ORDER BY ref COLLATE "C", order_id, amount NULLS LAST
"""


def wanted(conn: Connection) -> Iterator[Booked]:
    """The holds that open orders have, by our records; those without an amount may or may not stand."""
    for row in conn.execute(text(_WANTED), execution_options={"yield_per": PAGE}):
        amount = None if row.amount is None else Money.parse(row.amount)
        yield Booked(row.ref, row.order_id, AUTHORISE, 0, amount, row.at)


_STANDING = text(
    """
    SELECT ref, order_id, minor, currency, fresh, EXISTS (
        SELECT FROM operations AS o WHERE o.state = 'pending' AND o.order_id = holds.order_id
            AND o.verb IN ('authorise', 'reauthorise')
    ) AS pending
    FROM holds ORDER BY ref COLLATE "C"
    """
)


def standing(conn: Connection, since: datetime, until: datetime) -> Iterator[Listed]:
    """The holds that were laid down. When each was made is not told: fresh ones are of `until`, others of `since`."""
    for row in conn.execute(_STANDING, execution_options={"yield_per": PAGE}):
        at = until if row.fresh else since
        yield Listed(row.ref, HOLD, row.order_id, Money(row.minor, row.currency), at, row.pending)


_STILL_WANTED = text(
    f"SELECT FROM ({_WANTED}) AS wanted WHERE ref = :ref AND (amount IS NOT NULL OR NOT :certainly) LIMIT 1"
).bindparams(bindparam("certainly", type_=orders.c.attention.type))

_IN_DOUBT = text(
    """
    SELECT FROM operations WHERE state = 'pending'
    AND (subject = :ref OR (order_id = :order_id AND verb IN ('authorise', 'reauthorise'))) LIMIT 1
    """
)


def is_wanted(conn: Connection, ref: str, *, certainly: bool) -> bool:
    """Whether an open order has this hold now; `certainly` leaves out what may or may not stand."""
    return conn.execute(_STILL_WANTED, {"ref": ref, "certainly": certainly}).first() is not None


def in_doubt(conn: Connection, ref: str, order_id: str) -> bool:
    """Whether something that is still under way decides about this hold."""
    return conn.execute(_IN_DOUBT, {"ref": ref, "order_id": order_id}).first() is not None
