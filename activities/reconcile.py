"""Reconciliation: the provider's own book, page by page, against our ledger, and its open holds against our orders.

A run goes on where it stopped when its worker dies. What it finds is put on record as it goes, each finding once with
one ticket, and what is healed is ended at the end of a run that has seen everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from temporalio import activity

from activities.providers.port import HoldState, Movement, NewsKind, PaymentProvider
from activities.store import book, findings, holds
from activities.store.findings import Area, RunRow
from domain import wire
from domain.comparing.reconcile import INWARD, Finding, FindingKind, judgements
from domain.errors import AuthorisationExpired

log = structlog.get_logger(__name__)
T = TypeVar("T")

BATCH = 500
"""Records after which what was done is written down, and the server told that we are alive."""

SKEW = timedelta(days=1)
"""How far apart the two books may date one movement, but for what was in doubt, which is remembered as such."""

READERS = 4
"""Slices of the provider's book that are read side by side."""

SLICE, MOST_SLICES = timedelta(hours=1), 240
"""A slice is at least so long, and there are at most so many: each is a question, also where nothing happened."""

LIFE_SIGN = 30.0
"""Seconds after which the server hears of us while a slice is being read."""

COUNTED = ("read", "booked", "listed", "holds", "seen", "opened", "healed")
"""What a run counts: rows of the provider, records compared on our side and theirs, open holds, and findings."""

LONGEST_HOLD = timedelta(days=100)
"""No card network lets an authorisation stand longer."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What a run may not judge yet, and what it judges again.

    `grace`: younger records may not have reached the other book. `overlap`: how much of the last run's time the next
    one looks at again.
    """

    grace: timedelta = timedelta(hours=6)
    overlap: timedelta = timedelta(days=3)


@dataclass
class Progress:
    """How far a run has come: its phase, which slices of time were read, and up to which ref the books were matched."""

    phase: str = "reading"
    read: list[int] = field(default_factory=list)
    mark: str = ""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))

    def count(self, name: str, by: int = 1) -> None:
        """Add to a count."""
        self.counts[name] += by

    def reached(self, phase: str, mark: str = "") -> None:
        """Tell the server, so that another attempt goes on from here."""
        self.phase, self.mark = phase, mark
        self.alive()

    def alive(self) -> None:
        """Tell the server that we still are."""
        activity.heartbeat(self.phase, list(self.read), self.mark, dict(self.counts))


class Reconciler:
    """Compares the provider's book with ours. `payments` is only read."""

    def __init__(self, engine: Engine, payments: PaymentProvider, patience: Patience | None = None) -> None:
        self._engine = engine
        self._payments = payments
        self._patience = patience or Patience()

    @activity.defn(name="reconcile")
    def reconcile(self, data: Mapping[str, Any]) -> dict[str, int]:
        """``{"run_id", "now"}`` in, what was counted out. Raises ProviderError, Busy, and our own database's errors."""
        now = wire.instant(data["now"], "now")
        details = activity.info().heartbeat_details
        progress = Progress(*details) if details else Progress()
        with findings.alone(self._engine, Area.MONEY):
            run = self._begin(data["run_id"], now)
            if progress.phase == "reading":
                self._read(run, now, progress)
                progress.reached("matching")
            if progress.phase == "matching":
                self._match(run, now, progress)
                progress.reached("holds")
            self._match_holds(run, now, progress)
            with self._engine.begin() as conn:
                progress.count("healed", findings.heal(conn, run.run_id, Area.MONEY, now))
                findings.finish(conn, run.run_id, now, progress.counts)
        log.info("the books were reconciled", run_id=run.run_id, count=progress.counts["seen"])
        return progress.counts

    def _begin(self, run_id: str, now: datetime) -> RunRow:
        """The run with its window: from the last run's end, less the overlap, to the grace before now."""
        with self._engine.begin() as conn:
            former = findings.last(conn, Area.MONEY, finished=True)
            first = former.until - self._patience.overlap if former else book.first_sent(conn) or now
            until = now - self._patience.grace
            return findings.begin(conn, RunRow(run_id, Area.MONEY, min(first, until), until, now, None, {}))

    def _read(self, run: RunRow, now: datetime, progress: Progress) -> None:
        """Bring our copy of the provider's book in step, several slices of time side by side: a page takes its time."""
        slices = _slices(run.since - SKEW, now)
        with ThreadPoolExecutor(READERS, thread_name_prefix="book") as pool:
            left = {number for number in range(len(slices)) if number not in progress.read}
            asked = {pool.submit(self._read_slice, run.run_id, *slices[number]): number for number in left}
            try:
                while asked:
                    for done in wait(asked, timeout=LIFE_SIGN, return_when=FIRST_COMPLETED).done:
                        progress.count("read", done.result())
                        progress.read.append(asked.pop(done))
                    progress.alive()
            finally:
                pool.shutdown(cancel_futures=True)
        with self._engine.begin() as conn:
            book.patient(conn)
            book.forget(conn, run.run_id, slices[0][0], now)

    def _read_slice(self, run_id: str, since: datetime, until: datetime) -> int:
        """The provider's rows of [since, until) into our copy; how many."""
        count = 0
        for batch in _batches(self._payments.movements(since, until), BATCH):
            rows = [_row(movement) for movement in batch if movement.kind in INWARD]
            with self._engine.begin() as conn:
                book.keep(conn, run_id, rows)
            count += len(rows)
        return count

    def _match(self, run: RunRow, now: datetime, progress: Progress) -> None:
        """Compare both books as they are at one instant, by the provider's refs."""
        with self._instant() as conn:
            book.choose(conn, run.since, run.until)
            progress.alive()
            ours, theirs = book.booked(conn, progress.mark), book.listed(conn, progress.mark)
            judged = judgements(_counted(ours, "booked", progress), _counted(theirs, "listed", progress), run.until)
            for batch in _batches(judged, BATCH):
                self._report(run, now, [finding for _, found in batch for finding in found], progress)
                progress.reached("matching", batch[-1][0])

    def _match_holds(self, run: RunRow, now: datetime, progress: Progress) -> None:
        """Compare the provider's open holds with the orders that should have them; a suspicion is looked at again."""
        with self._instant() as conn:
            holds.prepare(conn)
            self._lay_down(conn, run.until, now, progress, fresh=True)
            self._lay_down(conn, now - LONGEST_HOLD, run.until, progress, fresh=False)
            lost: set[str] | None = None
            matched = judgements(holds.wanted(conn), holds.standing(conn, run.since, run.until), run.until)
            for batch in _batches(matched, BATCH):
                found = [finding for _, each in batch for finding in each]
                if found and lost is None:
                    lost = self._lately_lost(run.until)
                self._report(run, now, [f for f in found if self._stands(f, lost or set())], progress)
                progress.reached("holds")

    @contextmanager
    def _instant(self) -> Iterator[Connection]:
        """A transaction that sees everything as it is at its start."""
        with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn, conn.begin():
            book.patient(conn)
            yield conn

    def _lay_down(self, conn: Connection, since: datetime, until: datetime, progress: Progress, *, fresh: bool) -> None:
        for batch in _batches(self._payments.holds(since, until), BATCH):
            told = [holds.OpenHold(h.ref, h.order_id, h.amount, fresh) for h in batch if h.state is HoldState.OPEN]
            holds.lay_down(conn, told)
            progress.count("holds", len(told))
            progress.reached("holds")

    def _lately_lost(self, since: datetime) -> set[str]:
        """Holds that the provider let go or captured so lately that the news may be on its way to the order."""
        gone = (NewsKind.HOLD_LOST, NewsKind.PAYMENT_CAPTURED)
        return {news.subject for news in self._payments.events(since) if news.kind in gone}

    def _stands(self, finding: Finding, lately_lost: set[str]) -> bool:
        """Whether a suspicion about a hold is true now: listing took its time, and the order went on meanwhile."""
        if finding.kind not in (FindingKind.HOLD_WITHOUT_ORDER, FindingKind.ORDER_WITHOUT_HOLD):
            return True
        missing = finding.kind is FindingKind.ORDER_WITHOUT_HOLD
        if (missing and finding.ref in lately_lost) or self._is_open(finding.ref) is missing:
            return False
        with self._engine.begin() as conn:
            wanted = holds.is_wanted(conn, finding.ref, certainly=missing)
            return wanted is missing and not holds.in_doubt(conn, finding.ref, finding.order_id)

    def _is_open(self, ref: str) -> bool:
        try:
            return self._payments.hold(ref).state is HoldState.OPEN
        except AuthorisationExpired:
            return False

    def _report(self, run: RunRow, now: datetime, found: Iterable[Finding], progress: Progress) -> None:
        with self._engine.begin() as conn:
            for finding in found:
                progress.count("seen")
                if findings.report(conn, run.run_id, Area.MONEY, finding, now):
                    progress.count("opened")
                    log.warning("the books disagree", code=finding.kind.value, order_id=finding.order_id)


def _slices(since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """[since, until) in slices, at least one, of whole seconds; the same for the same run."""
    first, last = int(since.timestamp()), max(int(until.timestamp()), int(since.timestamp()) + 1)
    length = max(int(SLICE.total_seconds()), -(-(last - first) // MOST_SLICES))
    edges = [*range(first, last, length), last]
    return [(datetime.fromtimestamp(a, UTC), datetime.fromtimestamp(b, UTC)) for a, b in pairwise(edges)]


def _row(movement: Movement) -> book.Row:
    m, at = movement, movement.at.astimezone(UTC)
    return book.Row(m.ref, m.kind.value, m.order_id, m.key, m.amount, m.fee, at, m.source)


def _counted(records: Iterator[T], name: str, progress: Progress) -> Iterator[T]:
    for record in records:
        progress.count(name)
        yield record


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
