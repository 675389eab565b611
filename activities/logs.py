"""Logs as JSON lines of an allow-list of fields: nothing personal can slip into them."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    {
        *("event", "level", "logger", "timestamp", "exception"),
        *("order_id", "step", "seq", "epoch", "verb", "code", "command", "role", "stage", "source"),
        *("attempt", "seconds", "count", "channel", "template", "event_id"),
        *("workflow_id", "run_id", "workflow_type", "activity_type", "task_queue"),
    }
)
"""The fields that a log line may carry. Everything else is left out."""

QUIET = ("stripe", "urllib3", "httpx")
"""Libraries whose chatter repeats the providers' words; only their warnings are wanted."""


def set_up(level: str = "INFO") -> None:
    """Send every logger of this process to stderr, one JSON object a line."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _exception_name,
            _only_allowed,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _exception_name(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception is named by its type and place; its message may repeat what somebody typed."""
    info = fields.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info if isinstance(info, BaseException) else None
    if error is not None:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f" at {trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace is not None else ""
        fields["exception"] = f"{type(error).__name__}{where}"
    return fields


def _only_allowed(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in fields.items() if name in ALLOWED}
