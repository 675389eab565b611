"""Webhooks in: a carrier's word that a tracker has changed.

A webhook only makes us look. It acts after its signature over the raw bytes, its age and its unseen id were checked,
and then what is delivered is the tracker as read back from the carrier, never the body. So repeated, late and
reordered webhooks give the same reports. The carrier repeats a webhook that was not answered with 2xx.

| answer | when |
|---|---|
| 200 | delivered; or seen before, or not about a tracker that the carrier knows: nothing is done |
| 400 | signed, but unreadable or too old |
| 401 | signature missing or wrong |
| 413 | larger than the cap |
| 503 | the carrier could not be asked: send it again |
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.errors import ProviderError
from domain.tracking import InvalidWebhook, UnknownTracker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from domain.tracking import CarrierEvent, TrackerReport

    Deliver = Callable[[str, TrackerReport], Awaitable[None]]

logger = logging.getLogger(__name__)

MAX_BODY: Final = 256 * 1024  # bytes; a tracker with hundreds of scans is a fifth of it
MAX_AGE: Final = timedelta(days=7)  # Ids of seen events must be remembered for at least as long.


class Carrier(Protocol):
    """What is asked of a carrier service here; a part of the carrier port, which the composition root hands in."""

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> CarrierEvent | None:
        """Verify a webhook over its raw bytes; None when it is not about a tracker. Raises InvalidWebhook."""

    def report(self, tracker_id: str) -> TrackerReport:
        """Read what is known of a parcel; blocks for seconds at most. Raises UnknownTracker."""


class SeenEvents(Protocol):
    """The memory of handled events. An id is added after its delivery, so that a failed one is tried again."""

    async def contains(self, event_id: str) -> bool:
        """Whether this event was handled before."""

    async def add(self, event_id: str) -> None:
        """Remember it; adding twice is no error."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    carrier: Carrier,
    deliver: Deliver,
    seen: SeenEvents,
    *,
    clock: Callable[[], datetime] = _utc_now,
    max_body: int = MAX_BODY,
    max_age: timedelta = MAX_AGE,
) -> Starlette:
    """The receiver as an ASGI application: POST /webhooks/easypost and GET /healthz.

    `deliver` takes the tracker's id and its report; two webhooks at once may deliver the same report twice, and a
    tracker may belong to no order of ours, so it must be idempotent and indifferent to strangers. `max_body` in bytes.
    """

    async def easypost(request: Request) -> Response:
        body = await _read(request, max_body)
        if body is None:
            return _answer(413, "too large")
        try:
            event = carrier.parse_webhook(body, request.headers)
        except InvalidWebhook as error:
            return _answer(401 if error.forged else 400, str(error))
        if event is not None and clock() - event.at > max_age:
            return _answer(400, "too old")
        if event is None or await seen.contains(event.event_id):
            return _answer(200, "ignored")
        return await _read_back(event, carrier, deliver, seen)

    async def healthz(_: Request) -> Response:
        return _answer(200, "ok")

    return Starlette(
        routes=[
            Route("/webhooks/easypost", easypost, methods=["POST"]),
            Route("/healthz", healthz, methods=["GET"]),
        ]
    )


async def _read_back(event: CarrierEvent, carrier: Carrier, deliver: Deliver, seen: SeenEvents) -> Response:
    try:
        report = await run_in_threadpool(carrier.report, event.tracker_id)
    except UnknownTracker:
        await seen.add(event.event_id)
        return _answer(200, "ignored")
    except ProviderError as error:
        logger.warning("carrier event %s waits: %s", event.event_id, error)
        return _answer(503, "the carrier cannot be asked now")
    await deliver(event.tracker_id, report)
    await seen.add(event.event_id)
    return _answer(200, "delivered")


async def _read(request: Request, limit: int) -> bytes | None:
    """The raw body, None beyond the cap; never holds more than the cap and one chunk."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _answer(status: int, word: str) -> Response:
    return JSONResponse({"status": word}, status_code=status)
