"""The provider's book as it was last read; both books as streams for `domain.comparing.reconcile`, a page at a time.

What is compared is chosen first (`choose`), in temporary tables of the caller's transaction; that transaction should be
REPEATABLE READ, so that both streams are of one instant. Their order is that of the refs' bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from activities.store.tables import operations, provider_movements
from domain.accounts import CLEARING
from domain.comparing.reconcile import KINDS, Booked, Listed, effects
from domain.money import Money

PAGE = 2_000
"""Rows that a stream keeps in memory."""

UNCALLED = ("suspense", "refund_failed", "dispute", "dispute_won")
"""Verbs of what the provider did by itself. No operation has its ref, so the step's message tells it."""

LONGEST_STATEMENT = timedelta(minutes=5)
"""How long choosing and sorting may take; every other statement of ours ends far sooner."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the provider's book; neither `amount` nor `fee` has a sign."""

    ref: str
    kind: str
    order_id: str
    key: str
    amount: Money
    fee: Money
    at: datetime
    source: str


_KEEP = text(
    """
    INSERT INTO provider_movements (
        ref, kind, at, order_id, key, amount_minor, fee_minor, currency, fee_currency, source, run_id
    )
    SELECT row.*, :run_id FROM unnest(
        CAST(:ref AS text[]), CAST(:kind AS text[]), CAST(:at AS timestamptz[]), CAST(:order_id AS text[]),
        CAST(:key AS text[]), CAST(:amount AS bigint[]), CAST(:fee AS bigint[]), CAST(:currency AS text[]),
        CAST(:fee_currency AS text[]), CAST(:source AS text[])
    ) AS row
    ON CONFLICT (ref, kind, at) DO UPDATE SET
        order_id = excluded.order_id, key = excluded.key, amount_minor = excluded.amount_minor,
        fee_minor = excluded.fee_minor, currency = excluded.currency, fee_currency = excluded.fee_currency,
        source = excluded.source, run_id = excluded.run_id
    """
).bindparams(bindparam("at", type_=ARRAY(provider_movements.c.at.type)))


def keep(conn: Connection, run_id: str, rows: Iterable[Row]) -> None:
    """Write rows down as this run has read them; one that is known is brought in step."""
    # A book that shifts between two pages may show a row twice, and no statement may change a row twice.
    once = list({(row.ref, row.kind, row.at): row for row in rows}.values())
    if not once:
        return
    texts = {name: [getattr(row, name) for row in once] for name in ("ref", "kind", "at", "order_id", "key", "source")}
    amounts = {"amount": [row.amount.minor for row in once], "fee": [row.fee.minor for row in once]}
    currencies = {
        "currency": [row.amount.currency for row in once],
        "fee_currency": [row.fee.currency for row in once],
    }
    conn.execute(_KEEP, {**texts, **amounts, **currencies, "run_id": run_id})


def forget(conn: Connection, run_id: str, since: datetime, until: datetime) -> None:
    """Drop rows of [since, until) that this run has not read: the provider's book does not have them."""
    mine = provider_movements.c
    conn.execute(provider_movements.delete().where(mine.at >= since, mine.at < until, mine.run_id != run_id))


def first_sent(conn: Connection) -> datetime | None:
    """When the first operation was sent to the provider; None when nothing ever was."""
    first: datetime | None = conn.scalar(select(func.min(operations.c.first_sent_at)))
    return first


_PAIRS = ", ".join(f"('{kind}', '{verb}')" for verb, kind in KINDS.items())

_JUDGED = (
    'CREATE TEMP TABLE judged (ref text COLLATE "C" PRIMARY KEY) ON COMMIT DROP',
    # What lies in the window, what was found wrong before, and what was in doubt when its own time was judged.
    """
    INSERT INTO judged
    SELECT ref FROM provider_movements WHERE at >= :since AND at < :until
    UNION SELECT ref FROM findings WHERE status = 'open' AND area = 'money' AND ref <> ''
    UNION SELECT m.ref FROM operations AS o JOIN provider_movements AS m ON m.key = o.key OR m.source = o.subject
    WHERE o.state <> 'pending' AND o.resolved_at >= :since AND o.first_sent_at < :since AND m.at < :since
    """,
    "ANALYZE judged",
)

_BOOKED = (
    """
    CREATE TEMP TABLE booked (
        ref text COLLATE "C", order_id text, verb text, seq integer, at timestamptz, minor bigint, currency text
    ) ON COMMIT DROP
    """,
    # A correction counts with what it corrects, so every transaction is led back to the one that was wrong first.
    """
    INSERT INTO booked
    WITH RECURSIVE up AS (
        SELECT id, corrects FROM ledger_transactions WHERE at >= :since AND at < :until
        UNION SELECT t.id, t.corrects FROM up JOIN ledger_transactions AS t ON t.id = up.corrects
    ), uncalled AS (
        SELECT m.order_id FROM judged JOIN provider_movements AS m USING (ref) WHERE m.order_id <> ''
        UNION SELECT o.order_id FROM judged JOIN provider_movements AS m USING (ref)
        JOIN operations AS o ON o.ref = m.source AND o.ref <> ''
    ), chosen AS (
        SELECT id FROM up WHERE corrects IS NULL
        UNION SELECT t.id FROM judged JOIN operations AS o USING (ref)
        JOIN ledger_transactions AS t USING (order_id, verb, seq)
        UNION SELECT t.id FROM uncalled JOIN ledger_transactions AS t USING (order_id)
        WHERE t.verb = ANY(:uncalled) AND t.corrects IS NULL
        UNION SELECT t.id FROM findings AS f JOIN ledger_transactions AS t USING (order_id, verb, seq)
        WHERE f.status = 'open' AND f.area = 'money'
    ), family AS (
        SELECT id AS root, id FROM chosen
        UNION SELECT family.root, t.id FROM family JOIN ledger_transactions AS t ON t.corrects = family.id
    )
    SELECT
        coalesce(
            nullif(o.ref, ''), s.body ->> 'dispute', s.body ->> 'refund', s.body ->> 'charge',
            concat_ws(':', root.order_id, root.verb, root.seq)
        ),
        root.order_id, root.verb, root.seq, root.at,
        sum(CASE e.side WHEN 'debit' THEN e.amount_minor ELSE -e.amount_minor END), e.currency
    FROM family
    JOIN ledger_transactions AS root ON root.id = family.root
    JOIN ledger_entries AS e ON e.transaction_id = family.id AND e.account = :clearing
    LEFT JOIN operations AS o ON (o.order_id, o.verb, o.seq) = (root.order_id, root.verb, root.seq)
    LEFT JOIN steps AS s ON (s.order_id, s.seq) = (root.order_id, root.seq) AND root.verb = ANY(:uncalled)
    GROUP BY 1, root.order_id, root.verb, root.seq, root.at, e.currency
    HAVING sum(CASE e.side WHEN 'debit' THEN e.amount_minor ELSE -e.amount_minor END) <> 0
    """,
    "INSERT INTO judged SELECT DISTINCT ref FROM booked ON CONFLICT DO NOTHING",
    "ANALYZE judged, booked",
)


def choose(conn: Connection, since: datetime, until: datetime) -> None:
    """Choose what is compared: everything of [since, until) in either book with all that bears its refs.

    Besides, what was in doubt before and has been resolved since, and whatever a finding is open about.
    """
    patient(conn)
    window = {"since": since, "until": until, "uncalled": list(UNCALLED), "clearing": CLEARING}
    for statement in (*_JUDGED, *_BOOKED):
        conn.execute(_typed(statement), {name: value for name, value in window.items() if f":{name}" in statement})


def patient(conn: Connection) -> None:
    """Let the statements of this transaction take longer than others may."""
    conn.execute(text(f"SET LOCAL statement_timeout = {int(LONGEST_STATEMENT.total_seconds() * 1000)}"))


def _typed(statement: str) -> TextClause:
    found = text(statement)
    if ":since" in statement:
        at = provider_movements.c.at.type
        found = found.bindparams(*(bindparam(n, type_=at) for n in ("since", "until") if f":{n}" in statement))
    if ":uncalled" in statement:
        found = found.bindparams(bindparam("uncalled", type_=ARRAY(operations.c.verb.type)))
    return found


_OURS = text('SELECT * FROM booked WHERE ref > :after ORDER BY ref COLLATE "C"')

_THEIRS = text(
    f"""
    WITH pair (kind, verb) AS (VALUES {_PAIRS}), doubt AS MATERIALIZED (
        SELECT DISTINCT subject, kind FROM operations JOIN pair USING (verb) WHERE state = 'pending'
    )
    SELECT
        m.ref, m.kind, m.at, m.amount_minor, m.fee_minor, m.currency,
        coalesce(nullif(m.fee_currency, ''), m.currency) AS fee_currency,
        coalesce(
            nullif(m.order_id, ''), o.order_id,
            (SELECT min(on_it.order_id) FROM operations AS on_it WHERE on_it.ref = m.source AND on_it.ref <> ''), ''
        ) AS order_id,
        coalesce(o.state = 'pending', false) OR doubt.kind IS NOT NULL AS pending,
        CASE WHEN o.state = 'done' THEN o.ref ELSE '' END AS done_as, coalesce(o.state = 'refused', false) AS refused
    FROM judged
    JOIN provider_movements AS m USING (ref)
    LEFT JOIN operations AS o ON o.key = m.key AND (m.kind, o.verb) IN (SELECT kind, verb FROM pair)
    LEFT JOIN doubt ON doubt.subject = m.source AND doubt.kind = m.kind
    WHERE m.ref > :after
    ORDER BY m.ref COLLATE "C"
    """  # noqa: S608  # The pairs are constants of the domain.
)


def booked(conn: Connection, after: str = "") -> Iterator[Booked]:
    """What was chosen of our book, behind the ref `after`."""
    for row in _stream(conn, _OURS, after):
        yield Booked(row.ref, row.order_id, row.verb, row.seq, Money(row.minor, row.currency), row.at)


def listed(conn: Connection, after: str = "") -> Iterator[Listed]:
    """What was chosen of the provider's book, behind the ref `after`."""
    for row in _stream(conn, _THEIRS, after):
        amount, fee = Money(row.amount_minor, row.currency), Money(row.fee_minor, row.fee_currency)
        for part in effects(row.kind, amount, fee):
            told = Listed(row.ref, row.kind, row.order_id, part, row.at, row.pending, row.done_as, row.refused)
            yield told if part.currency == row.currency else replace(told, is_fee=True)


def _stream(conn: Connection, query: TextClause, after: str) -> Iterator[Any]:
    yield from conn.execute(query, {"after": after}, execution_options={"yield_per": PAGE})
