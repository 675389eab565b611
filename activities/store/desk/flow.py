"""How work flows, in figures: one set-based query each, over order time. Durations are whole minutes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, TextClause, text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """How long something took: how often it was measured, the median, and what nine of ten did not exceed."""

    count: int
    median: int | None
    slow: int | None


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of all `of`."""

    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How a seller works, over the orders placed in [since, until).

    `confirm` and `ship` are counted from payment, `response` from a claim to the seller's first answer, without the
    time that the buyer gave the parcel; what the desk does in the seller's place is not the seller's. `unanswered` are
    claims that went to the platform because the seller was silent. `claimed` are orders with a claim; `for_buyer`
    claims that the platform looked into and that ended with money for the buyer; `cancelled` orders that the seller
    declined or cancelled, in whole or in part, `lapsed` those that silence ended.
    """

    seller: str
    since: datetime
    until: datetime
    confirm: Span
    ship: Span
    response: Span
    unanswered: Share
    claimed: Share
    for_buyer: Share
    cancelled: Share
    lapsed: Share


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long orders stood at a stage until a step led them on."""

    stage: str
    step: str
    count: int
    median: int
    slow: int


@dataclass(frozen=True, slots=True)
class Day:
    """Tickets that were opened and resolved on a day, such as ``2026-11-24``, by UTC."""

    day: str
    opened: int
    resolved: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Claims that were made for a reason: all, those that have ended, those of them with money for the buyer."""

    reason: str
    claims: int
    ended: int
    for_buyer: int


@dataclass(frozen=True, slots=True)
class Resolution:
    """How long claims of a reason took that have ended; `reason` is "" for all together."""

    reason: str
    count: int
    median: int
    slow: int


def _minutes(what: str, share: str = "0.5") -> str:
    """The minutes of an interval that so many do not exceed; a percentile is one of the measured values."""
    return f"(percentile_disc({share}) WITHIN GROUP (ORDER BY extract(epoch FROM {what})) / 60)::bigint"


def _span(what: str) -> str:
    return f"count({what}), {_minutes(what)}, {_minutes(what, '0.9')}"


_NOT_DESK = "role NOT IN ('specialist', 'operator')"

_ABOUT = "jsonb_build_array(jsonb_build_object('event', 'ClaimMoved', 'claim_id', claims.claim_id))"

_WAITED = f"""
    coalesce((
        SELECT sum(least(woken.at, answered_at) - waits.at)
        FROM steps waits CROSS JOIN LATERAL (
            SELECT min(at) AS at FROM steps later
            WHERE later.order_id = waits.order_id AND later.seq > waits.seq AND later.events @> {_ABOUT}
        ) woken
        WHERE waits.order_id = mine.order_id AND waits.step = 'wait_on_claim' AND waits.at < answered_at
            AND waits.events @> {_ABOUT}
    ), interval '0')
"""  # noqa: S608  # Made of the constant above.
"""How long the buyer gave a claim's parcel before the seller's first answer."""

_FIGURES = text(
    f"""
    WITH mine AS (
        SELECT order_id, coalesce((snapshot #>> '{{payment,paid_at}}')::timestamptz, placed_at) AS began
        FROM orders
        WHERE seller = :seller AND status IN ('open', 'over') AND placed_at >= :since AND placed_at < :until
    ), taken AS (
        SELECT order_id, min(at) FILTER (WHERE step = 'confirm' AND {_NOT_DESK}) - min(began) AS confirm,
            min(at) FILTER (WHERE step = 'ship' AND {_NOT_DESK}) - min(began) AS ship,
            bool_or(step = 'decline' OR (step = 'cancel' AND role = 'seller')) AS cancelled,
            bool_or(step IN ('confirm_lapses', 'ship_lapses')) AS lapsed
        FROM mine JOIN steps USING (order_id) GROUP BY order_id
    ), claimed AS (
        SELECT order_id, answered_at - opened_at - {_WAITED} AS response,
            EXISTS (
                SELECT FROM steps WHERE steps.order_id = mine.order_id
                    AND steps.step IN ('claim_unanswered', 'instruction_missing') AND steps.at = claims.escalated_at
                    AND steps.events @> jsonb_build_array(jsonb_build_object('claim_id', claims.claim_id))
            ) AS silent,
            ended_at IS NOT NULL AND (escalated_at IS NOT NULL OR verdict <> '') AS judged, awarded_minor > 0 AS paid
        FROM mine JOIN claims USING (order_id)
    )
    SELECT {_span("confirm")}, {_span("ship")},
        (SELECT count(response) FROM claimed), (SELECT {_minutes("response")} FROM claimed),
        (SELECT {_minutes("response", "0.9")} FROM claimed),
        (SELECT count(*) FROM claimed WHERE silent), (SELECT count(*) FROM claimed),
        (SELECT count(DISTINCT order_id) FROM claimed), count(*),
        (SELECT count(*) FROM claimed WHERE judged AND paid), (SELECT count(*) FROM claimed WHERE judged),
        count(*) FILTER (WHERE cancelled), count(*), count(*) FILTER (WHERE lapsed), count(*)
    FROM taken
    """  # noqa: S608  # Made of the constants above.
)

_STEPS = text(
    f"""
    WITH moved AS (
        SELECT at, step, before_stage AS stage, at - lag(at) OVER (PARTITION BY order_id ORDER BY steps.seq) AS took
        FROM steps JOIN orders USING (order_id)
        WHERE orders.updated_at >= :since AND (steps.seq = 1 OR before_stage <> after_stage)
            AND (:marketplace = '' OR marketplace = :marketplace)
    )
    SELECT stage, step, count(*), {_minutes("took")}, {_minutes("took", "0.9")}
    FROM moved WHERE took IS NOT NULL AND at >= :since AND at < :until
    GROUP BY stage, step ORDER BY stage COLLATE "C", step COLLATE "C"
    """  # noqa: S608  # As above.
)

_DAYS = text(
    """
    WITH mine AS (
        SELECT opened_at, resolved_at FROM tickets LEFT JOIN orders USING (order_id)
        WHERE :marketplace = '' OR marketplace = :marketplace
    ), told AS (
        SELECT (opened_at AT TIME ZONE 'UTC')::date AS day, 1 AS opened, 0 AS resolved FROM mine
        WHERE opened_at >= :since AND opened_at < :until
        UNION ALL
        SELECT (resolved_at AT TIME ZONE 'UTC')::date, 0, 1 FROM mine
        WHERE resolved_at >= :since AND resolved_at < :until
    ), days AS (
        SELECT generate_series(
            (:since AT TIME ZONE 'UTC')::date, ((:until - interval '1 microsecond') AT TIME ZONE 'UTC')::date, '1 day'
        )::date AS day
    )
    SELECT day::text, coalesce(sum(opened), 0)::bigint, coalesce(sum(resolved), 0)::bigint
    FROM days LEFT JOIN told USING (day) GROUP BY day ORDER BY day
    """
)

_OF_CLAIMS = "(:marketplace = '' OR marketplace = :marketplace)"

_REASONS = text(
    f"""
    SELECT reason, count(*), count(ended_at), count(*) FILTER (WHERE ended_at IS NOT NULL AND awarded_minor > 0)
    FROM claims WHERE opened_at >= :since AND opened_at < :until AND {_OF_CLAIMS}
    GROUP BY reason ORDER BY reason COLLATE "C"
    """  # noqa: S608  # As above.
)

_RESOLUTIONS = text(
    f"""
    SELECT coalesce(reason, ''), count(*), {_minutes("ended_at - opened_at")}, {_minutes("ended_at - opened_at", "0.9")}
    FROM claims WHERE ended_at >= :since AND ended_at < :until AND {_OF_CLAIMS}
    GROUP BY GROUPING SETS ((reason), ()) HAVING count(*) > 0 ORDER BY coalesce(reason, '') COLLATE "C"
    """  # noqa: S608  # As above.
)


def figures(conn: Connection, seller: str, since: datetime, until: datetime) -> Figures:
    """How a seller works; one query."""
    row = conn.execute(_FIGURES, {"seller": seller, "since": since, "until": until}).one()
    confirm, ship, response = (Span(*row[at : at + 3]) for at in (0, 3, 6))
    shares = (Share(*row[at : at + 2]) for at in (9, 11, 13, 15, 17))
    return Figures(seller, since, until, confirm, ship, response, *shares)


def step_times(conn: Connection, since: datetime, until: datetime, marketplace: str = "") -> tuple[StepTime, ...]:
    """How long orders stood at each stage, by the step that led them on in [since, until)."""
    return _read(conn, StepTime, _STEPS, since, until, marketplace)


def ticket_days(conn: Connection, since: datetime, until: datetime, marketplace: str = "") -> tuple[Day, ...]:
    """Tickets opened and resolved on each day of [since, until), also on days without any."""
    return _read(conn, Day, _DAYS, since, until, marketplace)


def claim_reasons(conn: Connection, since: datetime, until: datetime, marketplace: str = "") -> tuple[Reason, ...]:
    """Claims made in [since, until), by their reason."""
    return _read(conn, Reason, _REASONS, since, until, marketplace)


def resolutions(conn: Connection, since: datetime, until: datetime, marketplace: str = "") -> tuple[Resolution, ...]:
    """How long the claims took that ended in [since, until): all together first, then by reason."""
    return _read(conn, Resolution, _RESOLUTIONS, since, until, marketplace)


def _read(
    conn: Connection, kind: type[T], query: TextClause, since: datetime, until: datetime, marketplace: str
) -> tuple[T, ...]:
    asked: dict[str, Any] = {"since": since, "until": until, "marketplace": marketplace}
    width = len(fields(kind))  # type: ignore[arg-type]  # One of the dataclasses above.
    return tuple(kind(*row[:width]) for row in conn.execute(query, asked))
