"""Webhooks in: word of a carrier that a tracker has changed, of the payment provider that money has moved.

A webhook only makes us look. It acts after its signature over the raw bytes, its age and its unseen id were checked,
and then what is delivered is the object as read back from its source, never the body. So repeated, late and reordered
webhooks have the same effect. The id is remembered only after the delivery: a source repeats what was not answered with
2xx, and a delivery that comes twice must have one effect.

| answer | when |
|---|---|
| 200 | delivered; or seen before, or not about anything that we know: nothing is done |
| 400 | signed, but unreadable or too old; or cut off, by who does not wait for an answer |
| 401 | signature missing or wrong |
| 413 | larger than the cap |
| 503 | the source could not be asked, or we could not deliver: send it again |

A carrier signs no time, so its event's own decides about the age. The payment provider signs the time of each attempt,
which its reader judges: an event that is days late still counts when it was signed just now.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.errors import ProviderError
from domain.parcels.tracking import InvalidWebhook

if TYPE_CHECKING:
    from starlette.requests import Request

logger = logging.getLogger(__name__)

MAX_BODY: Final = 256 * 1024  # bytes; a tracker with hundreds of scans is a fifth of it
MAX_AGE: Final = timedelta(days=7)  # Ids of seen events must be remembered for at least as long.


class Word(Protocol):
    """What a verified webhook says: its own id, and when its source made it, in UTC."""

    @property
    def event_id(self) -> str: ...

    @property
    def at(self) -> datetime: ...


W = TypeVar("W", bound=Word)


@dataclass(frozen=True, slots=True)
class Source(Generic[W]):
    """A sender of webhooks to ``/webhooks/{name}``.

    `parse` verifies a webhook over its raw bytes, asks nobody, gives None for what does not concern us, and raises
    InvalidWebhook. `deliver` reads the object back and hands on what it is now; it answers whether that concerned
    anybody, and raises ProviderError when the source cannot be asked. Two webhooks at once may be delivered twice, so
    it must be idempotent. `max_age` is how old an event may be, None where `parse` judges by the signature's own time.
    """

    name: str
    parse: Callable[[bytes, Mapping[str, str]], W | None]
    deliver: Callable[[W], Awaitable[bool]]
    max_age: timedelta | None = MAX_AGE


class SeenEvents(Protocol):
    """The memory of handled events of every source."""

    async def contains(self, source: str, event_id: str) -> bool:
        """Whether this event was handled before."""

    async def add(self, source: str, event_id: str) -> None:
        """Remember it; adding twice is no error."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    sources: Iterable[Source[Any]],
    seen: SeenEvents,
    *,
    clock: Callable[[], datetime] = _utc_now,
    max_body: int = MAX_BODY,
) -> Starlette:
    """The receiver as an ASGI application: POST /webhooks/{name} for each source, GET /healthz. `max_body` in bytes."""

    def receiver(source: Source[Any]) -> Route:
        async def receive(request: Request) -> Response:
            try:
                body = await _read(request, max_body)
            except ClientDisconnect:  # Anybody can hang up, so that is no error of ours and nothing for the log.
                return _answer(400, "cut off")
            if body is None:
                return _answer(413, "too large")
            try:
                word = source.parse(body, request.headers)
            except InvalidWebhook as error:
                return _answer(401 if error.forged else 400, str(error))
            if word is not None and source.max_age is not None and clock() - word.at > source.max_age:
                return _answer(400, "too old")
            return await _act(source, word, seen)

        return Route(f"/webhooks/{source.name}", receive, methods=["POST"])

    async def healthz(_: Request) -> Response:
        return _answer(200, "ok")

    return Starlette(routes=[*map(receiver, sources), Route("/healthz", healthz, methods=["GET"])])


async def _act(source: Source[W], word: W | None, seen: SeenEvents) -> Response:
    """Deliver an unseen word and remember it."""
    if word is None:
        return _answer(200, "ignored")
    try:
        if await seen.contains(source.name, word.event_id):
            return _answer(200, "ignored")
        delivered = await source.deliver(word)
        await seen.add(source.name, word.event_id)
    except ProviderError as error:
        logger.warning("event %s of %s waits: %s", word.event_id, source.name, error)
        return _answer(503, "cannot be looked into now")
    except Exception:  # Whatever keeps us from delivering, the source has to send it again.
        logger.exception("event %s of %s waits: it could not be delivered", word.event_id, source.name)
        return _answer(503, "cannot be delivered now")
    return _answer(200, "delivered" if delivered else "ignored")


async def _read(request: Request, limit: int) -> bytes | None:
    """The raw body, None beyond the cap; never holds more than the cap and one chunk. Raises ClientDisconnect."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _answer(status: int, word: str) -> Response:
    return JSONResponse({"status": word}, status_code=status)
