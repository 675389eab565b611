"""Bookings per second: the ledger's own `post` beside the same statement sent by psycopg alone, by turns.

Both book the capture of an order of two lines: one transaction with four entries, committed to disk, on a connection
that is kept. The same triggers check both. Ours goes through the pool, SQLAlchemy and the conversion of domain values.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from activities.store import ledger
from activities.store.database import connect
from bench.figures import Json, compared, medians, say
from demo.postgres import postgres
from domain.accounts import CLEARING
from domain.books import Entry, Side
from domain.money import Money

DATABASE = "bench"
OURS, RAW = "ours", "raw"
AT = datetime(2026, 11, 24, 16, tzinfo=UTC)
AMOUNTS = (("L1", 4_000), ("L2", 2_000), ("shipping", 490))

STATEMENT = """
    WITH booked AS (
        INSERT INTO ledger_transactions (order_id, verb, seq, size, at, corrects)
        VALUES (%s, 'capture', 2, 4, %s, NULL) RETURNING id
    )
    INSERT INTO ledger_entries (transaction_id, account, side, amount_minor, currency)
    SELECT booked.id, entry.account, entry.side, entry.amount, entry.currency FROM booked, unnest(
        %s::text[], %s::text[], %s::bigint[], %s::text[]
    ) AS entry (account, side, amount, currency)
"""

ORDERS = """
    INSERT INTO orders
        (order_id, checkout_id, marketplace, content_hash, status, buyer, seller, total_minor, currency, checkout)
    SELECT name, name, 'standard', 'hash', 'over', 'buyer', 'seller', 6490, 'EUR', '{}'
    FROM (SELECT 'o-' || n AS name FROM generate_series(%s::int, %s::int) AS n) AS named
"""

Booking = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: each side books `bookings` times a round, in `SLICES` turns, shared by its connections."""

    rounds: int = 5
    bookings: int = 1_600
    connections: tuple[int, ...] = (1, 4, 16)


SLICES = 10
"""How often the sides take turns in a round: a disk has moods, and both should meet them all."""


def measure(plan: Plan) -> Json:
    """For each number of connections: bookings per second of every round, medians, and ours as a share of raw."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        postgres(Path(directory) / "postgres", durable=True) as server,
    ):
        server.create_database(DATABASE)
        server.migrate(DATABASE)
        orders = Orders(server.owner_url(DATABASE).replace("+psycopg", ""))
        url = server.application_url(DATABASE)
        return {f"connections_{count}": _compare(url, orders, plan, count) for count in plan.connections}


class Orders:
    """Orders to book for, one for each booking, laid down before the clock starts."""

    def __init__(self, owner_url: str) -> None:
        self._url = owner_url
        self._next = 1

    def take(self, count: int) -> list[str]:
        """The ids of so many new ones."""
        first, self._next = self._next, self._next + count
        with psycopg.connect(self._url) as conn:
            conn.execute(ORDERS, [first, self._next - 1])
        return [f"o-{number}" for number in range(first, self._next)]


def _compare(url: str, orders: Orders, plan: Plan, connections: int) -> Json:
    rounds: list[Json] = []
    with ExitStack() as open_:
        sides = {OURS: _ours(url, connections, open_), RAW: _raw(url, connections, open_)}
        _round(sides, orders, connections * WARM)
        for number in range(plan.rounds):
            rounds.append(_round(sides, orders, plan.bookings))
            say(f"postings, {connections} connections, round {number + 1} of {plan.rounds}: {rounds[-1]}")
    return {
        "rounds": rounds,
        "median": {side: medians([each[side] for each in rounds]) for side in sides},
        "ratio": compared(rounds, OURS, RAW, {"bookings_per_second": True}),
    }


WARM = 10 * SLICES
"""Bookings by each connection before the first round; statements are prepared by then."""


def _round(sides: Mapping[str, Sequence[Booking]], orders: Orders, bookings: int) -> Json:
    """Both sides in turns, each turn begun by the other one."""
    seconds = dict.fromkeys(sides, 0.0)
    count = max(bookings // SLICES // len(sides[OURS]), 1)
    for turn in range(SLICES):
        for side in list(sides) if turn % 2 == 0 else list(sides)[::-1]:
            seconds[side] += _turn(sides[side], [orders.take(count) for _ in sides[side]])
    booked = count * SLICES * len(sides[OURS])
    return {side: {"bookings_per_second": round(booked / taken, 1)} for side, taken in seconds.items()}


def _turn(ways: Sequence[Booking], shares: Sequence[Sequence[str]]) -> float:
    """Seconds until each connection, in a thread of its own, has booked its share."""
    start = threading.Barrier(len(ways) + 1)

    def work(book: Booking, share: Sequence[str]) -> None:
        start.wait()
        for order_id in share:
            book(order_id)

    with ThreadPoolExecutor(len(ways)) as threads:
        working = [threads.submit(work, book, share) for book, share in zip(ways, shares, strict=True)]
        start.wait()
        began = time.perf_counter()
        for each in working:
            each.result()
        return time.perf_counter() - began


def _ours(url: str, connections: int, open_: ExitStack) -> list[Booking]:
    """As a step books: a transaction from the pool, entries as domain values, `post`."""
    engine = connect(url, pool_size=connections)
    open_.callback(engine.dispose)

    def book(order_id: str) -> None:
        parts = [(f"escrow:{order_id}:{name}", Money(minor, "EUR")) for name, minor in AMOUNTS]
        whole = Money(sum(minor for _, minor in AMOUNTS), "EUR")
        entries = (Entry(CLEARING, Side.DEBIT, whole), *(Entry(name, Side.CREDIT, money) for name, money in parts))
        with engine.begin() as conn:
            ledger.post(conn, order_id, "capture", 2, entries, AT)

    return [book] * connections


def _raw(url: str, connections: int, open_: ExitStack) -> list[Booking]:
    """The same rows by the same statement, with nothing between."""

    def way() -> Booking:
        conn = open_.enter_context(psycopg.connect(url.replace("+psycopg", "")))
        minors = [minor for _, minor in AMOUNTS]
        sides = ["debit", "credit", "credit", "credit"]

        def book(order_id: str) -> None:
            accounts = [CLEARING, *(f"escrow:{order_id}:{name}" for name, _ in AMOUNTS)]
            conn.execute(STATEMENT, [order_id, AT, accounts, sides, [sum(minors), *minors], ["EUR"] * 4])
            conn.commit()

        return book

    return [way() for _ in range(connections)]
