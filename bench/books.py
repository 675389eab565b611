"""Reconciling so many movements of money: seconds, and how far memory grows, at two sizes.

Both books are laid down first. Then a process of its own reads the provider's book over HTTP, page by page, and
compares it with ours: `Reconciler.reconcile` as the worker runs it. Nothing is wrong in either book.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.providers.stripe import StripePayments
from activities.reconcile import Patience, Reconciler
from activities.store.database import connect
from bench.figures import Json, say
from bench.machine import memory, peak_memory
from demo.postgres import postgres
from tests.conftest import Database
from tests.reconcile.provider import copies, lay_down as lay_down_records, models, running
from tests.reconcile.volumes import lay_down

AHEAD = timedelta(days=2)
"""Every copy is dated before that, so that all of them are compared."""

MIB = 2**20
SECONDS_AT_MOST = 1_800


def measure(sizes: tuple[int, ...]) -> Json:
    """One reconciliation of each size, each in a database and a process of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, postgres(Path(name) / "postgres") as server:
        directory = Path(name)
        lived = models(directory / "lived.sqlite")
        found = []
        for size in sizes:
            database = f"books_{size}"
            server.create_database(database)
            server.migrate(database)
            urls = Database(database, server.application_url(database), server.owner_url(database))
            state = directory / f"{database}.sqlite"
            shutil.copy(directory / "lived.sqlite", state)
            lay_down_records(state, lived, size)
            moves = [move for life in [*(model.moves for model in lived), *copies(lived, size)] for move in life]
            lay_down(urls, moves)
            with running(state) as sandbox:
                found.append({"movements": size, **_run(urls.url, sandbox.url)})
            say(f"reconciling {size} movements: {found[-1]}")
        return {"sizes": found}


def _run(database_url: str, provider_url: str) -> Json:
    command = [sys.executable, "-m", "bench.books", database_url, provider_url]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=SECONDS_AT_MOST, check=True)
    told: Json = json.loads(done.stdout.splitlines()[-1])  # The log comes before.
    return told


def once(database_url: str, provider_url: str) -> Json:
    """Reconcile in this process; what it took."""
    engine = connect(database_url)
    reconciler = Reconciler(engine, StripePayments("sk_test_1", url=provider_url), Patience(grace=timedelta(0)))
    ask: dict[str, Any] = {"run_id": "bench", "now": (datetime.now(UTC) + AHEAD).isoformat()}
    before, began, worked = memory(), time.perf_counter(), time.process_time()
    counts = ActivityEnvironment().run(reconciler.reconcile, ask)
    seconds = time.perf_counter() - began
    engine.dispose()
    return {
        "compared": counts["booked"],
        "findings": counts["seen"],
        "seconds": round(seconds, 2),
        "cpu_seconds": round(time.process_time() - worked, 2),
        "memory_before_mib": round(before / MIB, 1),
        "memory_growth_mib": round((peak_memory() - before) / MIB, 1),
    }


if __name__ == "__main__":
    print(json.dumps(once(*sys.argv[1:])))
