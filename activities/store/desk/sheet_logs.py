"""The log of a row: which steps of an order it tells of, and what was written with them, as SQL and as lines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

LAST_STEPS = 5
"""Steps that a row tells of, beside how its claim was opened and how it was decided last."""

MASKED = "[tracking number]"
SHORTEST = 5
"""Characters of a tracking number that is masked where people wrote it; a shorter one may be any word."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A step, and what was written with it. `left_out`: how many steps of the row stand right before it, untold."""

    at: datetime
    role: str
    step: str
    text: str = field(default="", repr=False)
    left_out: int = 0


_OF_CLAIM = """
    AND (
        {about} = '' OR step IN ('message', 'note') OR body ->> 'claim_id' = {about}
        OR events @> jsonb_build_array(jsonb_build_object('claim_id', {about})) OR {opens}
    )
"""
_OPENS = "events @> jsonb_build_array(jsonb_build_object('claim', jsonb_build_object('claim_id', {about})))"

_LOG = """
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(
            told.left_out, told.at, told.role, told.step, told.body ->> 'note_id', encode(n.sealed, 'base64'),
            told.body ->> 'message_id', encode(m.sealed, 'base64')
        ) ORDER BY told.seq) AS lines
        FROM (
            SELECT *, place - 1 - coalesce(lag(place) OVER (ORDER BY seq), 0) AS left_out
            FROM (
                SELECT seq, at, role, actor_id, step, body, row_number() OVER (ORDER BY seq) AS place,
                    row_number() OVER (ORDER BY seq DESC) AS from_end, {opens} AS opens,
                    max(seq) FILTER (WHERE step = 'decide_claim') OVER () AS decided
                FROM steps
                WHERE order_id = o.order_id AND step = ANY(:told)
                    AND (:desk OR body ->> 'internal' IS DISTINCT FROM 'true') {of_claim}
            ) AS every
            WHERE from_end <= :last OR opens OR ({is_claim} AND seq = decided)
        ) AS told
        LEFT JOIN notes n ON n.note_id = told.body ->> 'note_id' AND n.order_id = o.order_id
            AND n.author_role = told.role AND n.author_id = told.actor_id
        LEFT JOIN messages m ON m.order_id = o.order_id AND m.message_id = told.body ->> 'message_id'
            AND (:desk OR NOT m.internal)
    ) AS log
"""


def log_of(about: str = "") -> str:
    """The join that gives an order ``o`` its ``log.lines``. `about` is an expression for the claim that a row is about.

    A row about a claim tells of its own steps, of messages and of notes; other rows, where `about` is empty or comes to
    an empty text, of every step.
    """
    if not about:
        return _LOG.format(opens="false", of_claim="", is_claim="false")
    opens = _OPENS.format(about=about)
    of_claim = _OF_CLAIM.format(about=about, opens=opens)
    return _LOG.format(opens=opens, of_claim=of_claim, is_claim=f"{about} <> ''")


def mask(written: str, numbers: Iterable[str]) -> str:
    """What somebody wrote, without these tracking numbers, whatever stands between their letters and digits."""
    for number in numbers:
        written = re.sub(_spaced(number), MASKED, written, flags=re.IGNORECASE)
    return written


def holds(written: str, number: str) -> bool:
    """Whether somebody wrote this tracking number, whatever stands between its letters and digits."""
    return re.search(_spaced(number), written, re.IGNORECASE) is not None


def _spaced(number: str) -> str:
    """What finds a number; nothing does for one that may be any word."""
    characters = [each for each in number if each.isalnum()]
    return r"[\W_]*".join(characters) if len(characters) >= SHORTEST else r"(?!)"
