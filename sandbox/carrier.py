"""A carrier service in EasyPost's dialect, whose parcels are moved by command.

The dialect: trackers under ``/v2/trackers``, webhook registrations under ``/v2/webhooks``, HTTP basic authentication
with the API key as user name, events ``tracker.updated`` signed in ``X-Hmac-Signature``. EasyPost documents no field
for a photo of the delivery; here a scan bears ``proof_of_delivery``. The commands:

    POST /sandbox/parcels/{tracking_code}     {"status", "at"?, "status_detail"?, "message"?, "signed_by"?, "photo"?}
    POST /sandbox/carrier/faults              {"api"?: one of ApiFault, "webhooks"?: one of WebhookFault}
    POST /sandbox/carrier/webhooks/release    {"reversed"?: bool, "times"?: 1 to 10}

Commands answer after the webhooks that they cause were answered, so that a caller need not wait for anything else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import unicodedata
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import requests
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

STATUSES: Final = (
    "unknown",
    "pre_transit",
    "in_transit",
    "out_for_delivery",
    "delivered",
    "available_for_pickup",
    "return_to_sender",
    "failure",
    "cancelled",
    "error",
)
WEBHOOK_TIMEOUT: Final = 7.0  # seconds; EasyPost gives up on a receiver after as long
SAME_TRACKER_FOR: Final = timedelta(days=90)  # EasyPost gives the same tracker again within three months
TIMES_REPEATED: Final = 3

Handler = Callable[[Request], Awaitable[Response]]


class ApiFault(StrEnum):
    """How the API under /v2 misbehaves."""

    NONE = "none"
    WEB_PAGE = "web_page"  # 200 with HTML, as a proxy or a maintenance page does
    UNAVAILABLE = "unavailable"  # 503 in the dialect
    UNANSWERED = "unanswered"  # the effect is not done and no byte comes until the caller gives up


class WebhookFault(StrEnum):
    """How webhooks misbehave."""

    NONE = "none"
    REPEATED = "repeated"  # each is sent three times
    HELD = "held"  # kept until they are released, in either order
    LOST = "lost"  # silence


class InvalidRequestError(Exception):
    """A request breaks the dialect or a command's shape; the text says how."""


@dataclass
class Parcel:
    """What befell the parcels of one tracking number, oldest report first."""

    scans: list[dict[str, Any]] = field(default_factory=list)
    signed_by: str | None = None


@dataclass(frozen=True)
class Tracker:
    """Somebody follows a number; `created_at` in UTC."""

    id: str
    code: str
    carrier: str
    created_at: datetime


@dataclass(frozen=True)
class Delivery:
    """One signed event on its way to one receiver; the body is the state of affairs when it was made."""

    url: str
    body: bytes
    signature: str


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class CarrierWorld:
    """Everything that the carrier knows, in memory. `clock` gives the time in UTC, real or virtual."""

    api_key: str = "EZTKsandbox"
    clock: Callable[[], datetime] = _utc_now
    parcels: dict[str, Parcel] = field(default_factory=dict)
    trackers: dict[str, Tracker] = field(default_factory=dict)
    receivers: dict[str, str] = field(default_factory=dict)  # URL to webhook secret
    held: list[Delivery] = field(default_factory=list)  # not sent yet, or not answered with 2xx
    api_fault: ApiFault = ApiFault.NONE
    webhook_fault: WebhookFault = WebhookFault.NONE

    def register_webhook(self, url: str, secret: str) -> None:
        """Send every later event to `url`, signed with `secret`."""
        self.receivers[url] = secret

    def follow(self, code: str, carrier: str) -> Tracker:
        """The tracker of that number and carrier, made when there is none of the last three months."""
        now = self.clock()
        for tracker in reversed(self.trackers.values()):
            same = tracker.code == code and tracker.carrier.lower() == carrier.lower()
            if same and now - tracker.created_at < SAME_TRACKER_FOR:
                return tracker
        tracker = Tracker(f"trk_{uuid.uuid4().hex}", code, carrier, now)
        self.trackers[tracker.id] = tracker
        return tracker

    def move(self, code: str, scan: dict[str, Any], signed_by: str | None) -> None:
        """Add a scan to the parcel and make the events of its trackers."""
        before = self.status(code)
        parcel = self.parcels.setdefault(code, Parcel())
        parcel.scans.append(scan)
        parcel.signed_by = signed_by or parcel.signed_by
        for tracker in [found for found in self.trackers.values() if found.code == code]:
            event = self._event(tracker, before)
            self.held += [Delivery(url, event, _signature(secret, event)) for url, secret in self.receivers.items()]

    def status(self, code: str) -> str:
        """EasyPost's word for where the parcel is by its latest report."""
        scans = self.parcels.get(code, Parcel()).scans
        return str(scans[-1]["status"]) if scans else "unknown"

    def tracker_object(self, tracker: Tracker) -> dict[str, Any]:
        """The tracker in EasyPost's shape."""
        parcel = self.parcels.get(tracker.code, Parcel())
        last = parcel.scans[-1] if parcel.scans else {"status_detail": "unknown", "datetime": _iso(tracker.created_at)}
        return {
            "id": tracker.id,
            "object": "Tracker",
            "mode": "test",
            "tracking_code": tracker.code,
            "carrier": tracker.carrier,
            "status": self.status(tracker.code),
            "status_detail": last["status_detail"],
            "created_at": _iso(tracker.created_at),
            "updated_at": last["datetime"],
            "signed_by": parcel.signed_by,
            "weight": None,
            "est_delivery_date": None,
            "shipment_id": None,
            "tracking_details": list(parcel.scans),
            "carrier_detail": None,
            "fees": [],
        }

    def set_faults(self, api: str, webhooks: str) -> None:
        """Misbehave from now on; raises InvalidRequestError for a word that is no fault, and then changes nothing."""
        try:
            self.api_fault, self.webhook_fault = ApiFault(api), WebhookFault(webhooks)
        except ValueError as error:
            raise InvalidRequestError(str(error)) from None

    async def dispatch_as_told(self) -> int:
        """What happens to webhooks after a move, by the fault in force; returns how many were answered with 2xx."""
        if self.webhook_fault is WebhookFault.HELD:
            return 0
        if self.webhook_fault is WebhookFault.LOST:
            self.held.clear()
        return await self.dispatch(times=TIMES_REPEATED if self.webhook_fault is WebhookFault.REPEATED else 1)

    async def dispatch(self, *, in_reverse: bool = False, times: int = 1) -> int:
        """Send what is held and return how many were answered with 2xx; the others stay held."""
        waiting, self.held = self.held, []
        taken = 0
        for delivery in reversed(waiting) if in_reverse else waiting:
            answers = [await run_in_threadpool(_post, delivery) for _ in range(times)]
            taken += sum(answers)
            if not any(answers):
                self.held.append(delivery)
        return taken

    def _event(self, tracker: Tracker, before: str) -> bytes:
        now = _iso(self.clock())
        event = {
            "id": f"evt_{uuid.uuid4().hex}",
            "object": "Event",
            "mode": "test",
            "description": "tracker.updated",
            "previous_attributes": {"status": before},
            "pending_urls": [],
            "completed_urls": [],
            "created_at": now,
            "updated_at": now,
            "result": self.tracker_object(tracker),
        }
        return json.dumps(event).encode()


def carrier_routes(world: CarrierWorld) -> list[BaseRoute]:
    """The carrier's routes for an ASGI application: the dialect under /v2, the commands under /sandbox."""
    return [*_dialect_routes(world), *_command_routes(world)]


def _dialect_routes(world: CarrierWorld) -> list[BaseRoute]:
    async def create_tracker(request: Request) -> Response:
        wanted = _object(await _body(request), "tracker")
        tracker = world.follow(_string(wanted, "tracking_code"), _string(wanted, "carrier", "SandboxPost"))
        return JSONResponse(world.tracker_object(tracker))

    async def list_trackers(request: Request) -> Response:
        code = request.query_params.get("tracking_code")
        found = [tracker for tracker in world.trackers.values() if code in (None, tracker.code)]
        return JSONResponse({"trackers": [world.tracker_object(tracker) for tracker in found], "has_more": False})

    async def retrieve_tracker(request: Request) -> Response:
        tracker = world.trackers.get(request.path_params["id"])
        if tracker is None:
            return _error(404, "NOT_FOUND", "The requested resource could not be found.")
        return JSONResponse(world.tracker_object(tracker))

    async def create_webhook(request: Request) -> Response:
        wanted = _object(await _body(request), "webhook")
        url = _string(wanted, "url")
        world.register_webhook(url, _string(wanted, "webhook_secret"))
        return JSONResponse({"id": f"hook_{uuid.uuid4().hex}", "object": "Webhook", "mode": "test", "url": url})

    def route(path: str, handler: Handler, method: str) -> Route:
        return Route(path, _guarded(world, handler), methods=[method])

    return [
        route("/v2/trackers", create_tracker, "POST"),
        route("/v2/trackers", list_trackers, "GET"),
        route("/v2/trackers/{id}", retrieve_tracker, "GET"),
        route("/v2/webhooks", create_webhook, "POST"),
    ]


def _command_routes(world: CarrierWorld) -> list[BaseRoute]:
    async def move_parcel(request: Request) -> Response:
        command = await _body(request)
        code = request.path_params["tracking_code"]
        world.move(code, _scan(command, world.clock()), _string(command, "signed_by", "") or None)
        sent = await world.dispatch_as_told()
        return JSONResponse({"status": world.status(code), "webhooks_taken": sent, "webhooks_held": len(world.held)})

    async def set_faults(request: Request) -> Response:
        command = await _body(request)
        world.set_faults(_string(command, "api", world.api_fault), _string(command, "webhooks", world.webhook_fault))
        return JSONResponse({"api": world.api_fault, "webhooks": world.webhook_fault})

    async def release_webhooks(request: Request) -> Response:
        command = await _body(request)
        taken = await world.dispatch(in_reverse=command.get("reversed") is True, times=_times(command))
        return JSONResponse({"webhooks_taken": taken, "webhooks_held": len(world.held)})

    return [
        Route("/sandbox/parcels/{tracking_code}", _checked(move_parcel), methods=["POST"]),
        Route("/sandbox/carrier/faults", _checked(set_faults), methods=["POST"]),
        Route("/sandbox/carrier/webhooks/release", _checked(release_webhooks), methods=["POST"]),
    ]


def _guarded(world: CarrierWorld, handler: Handler) -> Handler:
    """The handler behind the API's faults and its key."""

    async def guarded(request: Request) -> Response:
        match world.api_fault:
            case ApiFault.WEB_PAGE:
                return HTMLResponse("<!doctype html><title>Back soon</title><h1>We are improving our service</h1>")
            case ApiFault.UNAVAILABLE:
                return _error(503, "SERVICE_UNAVAILABLE", "The service is unavailable.")
            case ApiFault.UNANSWERED:
                await request.body()
                while (await request.receive())["type"] != "http.disconnect":
                    continue
                return Response(status_code=503)
            case ApiFault.NONE:
                pass
        if not hmac.compare_digest(_user(request), world.api_key.encode()):
            return _error(401, "APIKEY.INVALID", "The API key is missing or wrong.")
        return await _checked(handler)(request)

    return guarded


def _checked(handler: Handler) -> Handler:
    """The handler, with a malformed request answered in EasyPost's shape of errors."""

    async def checked(request: Request) -> Response:
        try:
            return await handler(request)
        except InvalidRequestError as error:
            return _error(422, "PARAMETER.INVALID", str(error))

    return checked


def _user(request: Request) -> bytes:
    """The user name of HTTP basic authentication, b"" when there is none."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded, validate=True).partition(b":")[0]
    except (binascii.Error, ValueError):
        return b""


def _scan(command: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A TrackingDetail from a parcel command."""
    status = _string(command, "status")
    if status not in STATUSES:
        raise InvalidRequestError(f"status: one of {', '.join(STATUSES)}")
    try:
        at = datetime.fromisoformat(_string(command, "at", _iso(now)))
    except ValueError:
        raise InvalidRequestError("at: an ISO 8601 time") from None
    if at.tzinfo is None:
        raise InvalidRequestError("at: needs an offset from UTC")
    return {
        "object": "TrackingDetail",
        "message": _string(command, "message", status.replace("_", " ").capitalize()),
        "status": status,
        "status_detail": _string(command, "status_detail", "status_update"),
        "datetime": _iso(at),
        "source": "SandboxPost",
        "tracking_location": {"object": "TrackingLocation", "city": None, "state": None, "country": None, "zip": None},
        "proof_of_delivery": {"photo": True} if command.get("photo") is True else None,
    }


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise InvalidRequestError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise InvalidRequestError("the body is not an object")
    return body


def _times(command: dict[str, Any]) -> int:
    times = command.get("times", 1)
    if not isinstance(times, int) or not 1 <= times <= 10:
        raise InvalidRequestError("times: a whole number from 1 to 10")
    return times


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise InvalidRequestError(f"{name}: an object is required")
    return value


def _string(body: dict[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise InvalidRequestError(f"{name}: a string is required")
    return value


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, "errors": []}}, status_code=status)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _signature(secret: str, body: bytes) -> str:
    key = unicodedata.normalize("NFKD", secret).encode()
    return "hmac-sha256-hex=" + hmac.new(key, body, hashlib.sha256).hexdigest()


def _post(delivery: Delivery) -> bool:
    headers = {"Content-Type": "application/json", "X-Hmac-Signature": delivery.signature}
    try:
        answer = requests.post(delivery.url, data=delivery.body, headers=headers, timeout=WEBHOOK_TIMEOUT)
    except requests.RequestException:
        return False
    return answer.ok
