"""The embedded stack: PostgreSQL, Temporal and whatever processes of ours run beside them, on loopback, as one block.

Everything writes under one directory (``var/`` is git-ignored) and is gone when the block is left, also by an exception
or Ctrl-C, in reverse order. Nothing listens beyond this machine; all ports are free ones unless they are given.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.postgres import Postgres, postgres
from demo.processes import Child, StackError, child, choose_port, sigterm_as_interrupt
from demo.temporal import NAMESPACE, Temporal, fast_forward, temporal, virtual_now

__all__ = [
    "DATABASE",
    "Child",
    "Postgres",
    "Stack",
    "StackError",
    "Temporal",
    "child",
    "choose_port",
    "fast_forward",
    "postgres",
    "sigterm_as_interrupt",
    "stack",
    "temporal",
    "virtual_now",
]

DATABASE = "aftersale"

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Stack:
    """A running stack; `directory` holds data and logs."""

    directory: Path
    postgres: Postgres
    temporal: Temporal
    _blocks: ExitStack

    @property
    def environment(self) -> Mapping[str, str]:
        """What our own processes need in their environment to work against this stack."""
        return {
            "DATABASE_URL": self.postgres.application_url(DATABASE),
            "MIGRATION_DATABASE_URL": self.postgres.owner_url(DATABASE),
            "TEMPORAL_ADDRESS": self.temporal.address,
            "TEMPORAL_NAMESPACE": NAMESPACE,
            "PYTHONPATH": str(_ROOT),
            "PYTHONUNBUFFERED": "1",
        }

    def start(
        self, name: str, *arguments: str, env: Mapping[str, str] | None = None, stop_seconds: float = 10
    ) -> Child:
        """Start ``python ARGUMENTS...`` beside the stack, ended before it; output goes to ``log/NAME.log``.

        Returns at once: call `wait_for_line` with the words that the process prints when it is ready.
        """
        return self._blocks.enter_context(
            child(
                name,
                [sys.executable, *arguments],
                log=self.directory / "log" / f"{name}.log",
                env={**self.environment, **(env or {})},
                stop_seconds=stop_seconds,
            )
        )


@contextmanager
def stack(
    directory: Path, *, keep: bool = False, temporal_port: int | None = None, ui_port: int | None = None
) -> Iterator[Stack]:
    """Start PostgreSQL, migrated, and Temporal; about two seconds from cold.

    With `keep` the orders of both survive from one stack on `directory` to the next. Raises StackError when a part does
    not come up, a given port is in use, or another stack runs on `directory`.
    """
    with ExitStack() as blocks:
        # Temporal first and waited for last: PostgreSQL is made and migrated while it comes up.
        starting = blocks.enter_context(
            temporal(
                directory / "log" / "temporal.log",
                db_file=directory / "temporal.db" if keep else None,
                port=temporal_port,
                ui_port=ui_port,
            )
        )
        database = blocks.enter_context(postgres(directory / "postgres", durable=keep))
        if not database.has_database(DATABASE):
            database.create_database(DATABASE)
        database.migrate(DATABASE)
        yield Stack(directory, database, starting.wait(), blocks)
