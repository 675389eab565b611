"""Orders by the thousand whose money has moved, laid into PostgreSQL as if they had lived; and errors put into them.

A `Move` is one movement of money as both books should have it. What is written into each book can be spoilt apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psycopg

from domain.comparing.reconcile import INWARD, KINDS, WITH_FEE, FindingKind
from tests.conftest import Database

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
UNCALLED = {"dispute": "dispute", "dispute_won": "dispute", "refund_failed": "refund"}
"""What the provider does by itself, and under which name the step's message has its ref."""


@dataclass(frozen=True)
class Move:
    """One movement. `seq` is that of our operation or step, `source` what the movement is on at the provider."""

    order_id: str
    verb: str
    seq: int
    ref: str
    minor: int
    source: str
    at: datetime
    fee: int = 0
    currency: str = "EUR"

    @property
    def kind(self) -> str:
        return KINDS[self.verb]

    @property
    def key(self) -> str:
        """What our call left on the provider's object; nothing on what it did by itself."""
        return "" if self.verb in UNCALLED else f"{self.order_id}:{self.verb}:{self.seq}"

    @property
    def cleared(self) -> int:
        """What it does to our balance at the provider, with its sign."""
        whole = self.minor + self.fee if self.kind in WITH_FEE else self.minor
        return whole if INWARD[self.kind] else -whole


LIVES: Sequence[Sequence[str]] = (
    ("release",),
    ("refund",),
    ("release", "reverse_release"),
    ("dispute", "dispute_won", "release"),
    ("dispute",),
    ("refund", "refund_failed", "refund"),
)
"""What may come after a capture."""

PREFIX = {"release": "tr", "refund": "re", "reverse_release": "trr", "dispute": "du"}


def life(n: int) -> list[Move]:
    """The movements of the order of that number, a minute apart."""
    order_id, at = f"v-{n:06}", START + timedelta(seconds=n)
    minor = 1_000 + n % 9_000
    charge = f"ch_{n:06}"
    moves = [Move(order_id, "capture", 2, charge, minor, f"pi_{n:06}", at)]
    last = charge
    for step, verb in enumerate(LIVES[n % len(LIVES)], 3):
        on = last if verb in ("reverse_release", "refund_failed", "dispute_won") else charge
        if verb in PREFIX:
            last = f"{PREFIX[verb]}_{n:06}_{step}"
        fee = 1_500 if verb in ("dispute", "dispute_won") else 0
        moves.append(Move(order_id, verb, step, last, minor, on, at + timedelta(minutes=step), fee))
    return moves


def lives(movements: int) -> list[Move]:
    """Whole lives with at least so many movements together."""
    moves: list[Move] = []
    n = 0
    while len(moves) < movements:
        moves += life(n)
        n += 1
    return moves


SEEDED = (
    FindingKind.NOT_IN_LEDGER,
    FindingKind.NOT_AT_PROVIDER,
    FindingKind.DOUBLED_AT_PROVIDER,
    FindingKind.DOUBLED_IN_LEDGER,
    FindingKind.WRONG_AMOUNT,
    FindingKind.WRONG_CURRENCY,
    FindingKind.WRONG_ORDER,
)


@dataclass(frozen=True)
class Spoilt:
    """What our book has, what the provider's has in the place of some moves, and what should be found: kind, order."""

    ours: list[Move]
    changes: list[tuple[Move, list[Move]]]
    expected: list[tuple[FindingKind, str]]


def spoil(moves: Sequence[Move], each: int) -> Spoilt:
    """So many errors of each kind put into the books, in orders of their own and among every kind of movement."""
    spoilt = Spoilt([], [], [])
    seeds = iter([kind for _ in range(each) for kind in SEEDED])
    last_of = {move.order_id: move for move in moves if move.verb not in ("dispute_won", "refund_failed")}
    for move in moves:
        chosen = last_of[move.order_id] is move and int(move.order_id[2:]) % 3 == 0
        kind = next(seeds, None) if chosen else None
        if kind is None:
            spoilt.ours.append(move)
            continue
        left, right = _spoilt(move, kind, len(spoilt.expected) // len(SEEDED))
        spoilt.ours.extend(left)
        spoilt.expected.append((kind, move.order_id))
        if right != [move]:
            spoilt.changes.append((move, right))
    if next(seeds, None) is not None:
        raise ValueError("there are too few movements for so many errors")
    return spoilt


def _spoilt(move: Move, kind: FindingKind, n: int) -> tuple[list[Move], list[Move]]:
    """What our book and the provider's have in the place of a move, of which one is wrong."""
    match kind:
        case FindingKind.NOT_IN_LEDGER:
            return [], [move]
        case FindingKind.NOT_AT_PROVIDER:
            return [move], []
        case FindingKind.DOUBLED_AT_PROVIDER if move.key:
            # The provider did what one key asked for a second time, under another name.
            return [move], [move, replace(move, ref=f"{move.ref}again", at=move.at + timedelta(seconds=1))]
        case FindingKind.DOUBLED_AT_PROVIDER:
            return [move], [move, replace(move, at=move.at + timedelta(seconds=1))]
        case FindingKind.DOUBLED_IN_LEDGER:
            return [move, replace(move, seq=move.seq + 50)], [move]
        case FindingKind.WRONG_AMOUNT if n % 2:
            return [replace(move, minor=move.minor - 1)], [move]
        case FindingKind.WRONG_AMOUNT:
            return [move], [replace(move, minor=move.minor - 1)]
        case FindingKind.WRONG_CURRENCY:
            return [move], [replace(move, currency="SEK")]
        case _:
            return [move], [replace(move, order_id=f"w{move.order_id[1:]}")]


ORDERS = (
    "orders (order_id, checkout_id, marketplace, content_hash, status, buyer, seller, total_minor, currency, checkout)"
)
OPERATIONS = (
    "operations (order_id, verb, seq, key, amount_minor, currency, slices, subject, digest, state, done_minor, ref,"
    " asked_at, first_sent_at, sent_at, resolved_at)"
)
STEPS = (
    "steps (order_id, seq, epoch, at, step, role, actor_id, source, command_id, ticket_id, before_stage, after_stage,"
    " body, events, outcome, digest)"
)
TRANSACTIONS = "ledger_transactions (order_id, verb, seq, size, at)"
ENTRIES = "ledger_entries (transaction_id, account, side, amount_minor, currency)"


def lay_down(database: Database, moves: Iterable[Move], pending: Iterable[Move] = ()) -> None:
    """Write orders, operations, steps and ledger as if each move had been asked for, done and booked by us.

    `pending` have been asked for, and their fate is unknown.
    """
    booked, asked = list(moves), list(pending)
    with psycopg.connect(database.owner_url.replace("+psycopg", "")) as conn, conn.cursor() as cursor:
        # What the triggers check row by row is true of these rows by their making; a hundred thousand take minutes.
        for table in ("ledger_transactions", "ledger_entries"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        known = {row[0] for row in cursor.execute("SELECT order_id FROM orders").fetchall()}
        orders = dict.fromkeys(move.order_id for move in (*booked, *asked) if move.order_id not in known)
        _copy(cursor, ORDERS, ((o, o, "demo", "hash", "over", "b-1", "s-1", 1, "EUR", "{}") for o in orders))
        operations = [_operation(move, done=True) for move in booked if move.key]
        _copy(cursor, OPERATIONS, (*operations, *(_operation(move, done=False) for move in asked)))
        _copy(cursor, STEPS, (_step(move) for move in booked if not move.key))
        _book(cursor, booked)
        for table in ("ledger_transactions", "ledger_entries"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("ANALYZE")


def mend(database: Database, right: Iterable[Move], ours: Iterable[Move]) -> None:
    """Bring our book, which has `ours`, to what is `right`: book what it lacks, correct what it has otherwise."""
    wanted = {(move.order_id, move.verb, move.seq): move for move in right}
    booked = {(move.order_id, move.verb, move.seq): move for move in ours}
    lay_down(database, [move for name, move in wanted.items() if name not in booked])
    with psycopg.connect(database.owner_url.replace("+psycopg", "")) as conn, conn.cursor() as cursor:
        for name, move in booked.items():
            more = (wanted[name].cleared if name in wanted else 0) - move.cleared
            if more:
                _correct(cursor, move, more)


def _correct(cursor: psycopg.Cursor, move: Move, more: int) -> None:
    """Book that `more` came in with a movement than was booked of it."""
    cursor.execute(
        "INSERT INTO ledger_transactions (order_id, verb, seq, size, at, corrects)"
        " SELECT order_id, verb, seq + 1000, 2, at, id FROM ledger_transactions"
        " WHERE order_id = %s AND verb = %s AND seq = %s RETURNING id",
        [move.order_id, move.verb, move.seq],
    )
    [made] = cursor.fetchone() or (0,)
    sides = ("debit", "credit") if more > 0 else ("credit", "debit")
    for account, side in zip(("clearing", f"escrow:{move.order_id}:l1"), sides, strict=True):
        cursor.execute(
            "INSERT INTO ledger_entries (transaction_id, account, side, amount_minor, currency)"
            " VALUES (%s, %s, %s, %s, %s)",
            [made, account, side, abs(more), move.currency],
        )


def _operation(move: Move, *, done: bool) -> tuple[object, ...]:
    ended: tuple[object, ...] = ("pending", None, "", move.at, move.at, move.at, None)
    if done:
        ended = ("done", move.minor, move.ref, move.at, move.at, move.at, move.at)
    about = (move.order_id, move.verb, move.seq, move.key, move.minor, move.currency, "[]", move.source, "digest")
    return (*about, *ended)


def _step(move: Move) -> tuple[object, ...]:
    body = json.dumps({UNCALLED[move.verb]: move.ref})
    told = ("provider", "stripe", "signal", f"c-{move.verb}-{move.seq}", "", "shipped", "shipped")
    return (move.order_id, move.seq, 1, move.at, move.verb, *told, body, "[]", "[]", "digest")


def _book(cursor: psycopg.Cursor, moves: Sequence[Move]) -> None:
    """One balanced transaction of two entries for each move."""
    rows = cursor.execute("SELECT coalesce(max(id), 0) FROM ledger_transactions").fetchone()
    first = (rows[0] if rows else 0) + 1
    _copy(cursor, TRANSACTIONS, ((m.order_id, m.verb, m.seq, 2, m.at) for m in moves))
    _copy(cursor, ENTRIES, _entries(moves, first))


def _entries(moves: Sequence[Move], first: int) -> Iterator[tuple[object, ...]]:
    for number, move in enumerate(moves, first):
        sides = ("debit", "credit") if move.cleared > 0 else ("credit", "debit")
        for account, side in zip(("clearing", f"escrow:{move.order_id}:l1"), sides, strict=True):
            yield number, account, side, abs(move.cleared), move.currency


def _copy(cursor: psycopg.Cursor, into: str, rows: Iterable[tuple[object, ...]]) -> None:
    with cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
