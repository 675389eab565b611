"""EasyPost behind the carrier port: trackers over HTTPS, webhooks signed with HMAC-SHA256.

EasyPost returns the same tracker for the same number and carrier within three months, which makes `track` safe to
repeat. Only an answer in EasyPost's own JSON is taken as definite: a web page, whatever its status, is an outage.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import requests

from activities.providers.session import session_for
from domain.errors import ProviderError, Unauthorised, Unknown
from domain.parcels.parcel import Milestone, Proof
from domain.parcels.tracking import CarrierEvent, InvalidWebhook, NotTrackable, Reached, TrackerReport, UnknownTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

_TRACKER_ID: Final = re.compile(r"trk_[A-Za-z0-9]{1,64}")
_EVENT_ID: Final = re.compile(r"evt_[A-Za-z0-9-]{1,64}")
_CODE: Final = re.compile(r"[A-Z][A-Z_.]{0,60}")
_WORD: Final = re.compile(r"[a-z_]{1,40}")

# What carriers write into `signed_by` when nobody signed; an unusual name that matches only costs the strong proof.
_NOBODY_SIGNED: Final = re.compile(
    r"\b(no|not|none|na|n/a|unavailable|waived|released?|left|door|porch|driver)\b", re.IGNORECASE
)

_MILESTONES: Final[Mapping[str, Milestone]] = {
    "in_transit": Milestone.IN_TRANSIT,
    "out_for_delivery": Milestone.OUT_FOR_DELIVERY,
    "available_for_pickup": Milestone.AVAILABLE_FOR_PICKUP,
    "failure": Milestone.FAILED_ATTEMPT,
    "delivered": Milestone.DELIVERED,
    "return_to_sender": Milestone.RETURNED,
}
# The label exists, was cancelled, or EasyPost itself has no news: nothing happened to the parcel.
_NO_MILESTONE: Final = frozenset({"", "unknown", "pre_transit", "cancelled", "canceled", "error"})


class EasyPostCarrier:
    """The carrier port over EasyPost's API. `timeout` is in seconds, for connecting and for each wait for bytes."""

    def __init__(self, *, base_url: str, api_key: str, webhook_secret: str, timeout: float = 5.0) -> None:
        if not api_key or not webhook_secret:
            raise ValueError("EasyPost needs an API key and a webhook secret")
        self._base_url = base_url.rstrip("/")
        self._auth = (api_key, "")
        self._session = session_for(self._base_url)
        self._secret = unicodedata.normalize("NFKD", webhook_secret).encode()
        self._timeout = timeout

    def track(self, carrier: str, number: str) -> str:
        """See `Carrier.track`. `carrier` is EasyPost's name ("USPS"), or "" to let EasyPost recognise the number."""
        wanted = {"tracking_code": number} | ({"carrier": carrier} if carrier else {})
        tracker_id = self._call("POST", "/v2/trackers", {"tracker": wanted}).get("id")
        if not _is_id(_TRACKER_ID, tracker_id):
            raise Unknown("the carrier service answered without a tracker id")
        return str(tracker_id)

    def report(self, tracker_id: str) -> TrackerReport:
        """See `Carrier.report`."""
        if not _is_id(_TRACKER_ID, tracker_id):
            raise UnknownTracker("not a tracker id of this carrier service")
        tracker = self._call("GET", f"/v2/trackers/{tracker_id}", None)
        if tracker.get("id") != tracker_id:
            raise Unknown("the carrier service answered with another tracker")
        return read_tracker(tracker_id, tracker)

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> CarrierEvent | None:
        """See `Carrier.parse_webhook`. The signature stands in the header ``X-Hmac-Signature``."""
        given = next((value for name, value in headers.items() if name.lower() == "x-hmac-signature"), "")
        right = "hmac-sha256-hex=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(given.encode(), right.encode()):
            raise InvalidWebhook("the webhook's signature is missing or wrong", forged=True)
        return _read_event(body)

    def _call(self, method: str, path: str, payload: dict[str, Any] | None) -> dict[str, Any]:
        # The cause is cut off: exceptions of requests carry the request, and with it the tracking number.
        try:
            response = self._session.request(
                method,
                self._base_url + path,
                json=payload,
                auth=self._auth,
                timeout=self._timeout,
                allow_redirects=False,
            )
            answer = response.json()
        except (requests.JSONDecodeError, RecursionError):
            raise Unknown("the carrier service answered with something other than JSON") from None
        except requests.RequestException as error:
            raise Unknown(f"the carrier service did not answer: {type(error).__name__}") from None
        if not isinstance(answer, dict):
            raise Unknown("the carrier service answered with something other than an object")
        if response.status_code not in (200, 201):
            raise _refusal(response.status_code, answer, response.headers.get("Retry-After", ""))
        return answer


def milestone(status: str, status_detail: str, *, in_custody: bool) -> Milestone | None:
    """EasyPost's words for a scan in ours; None when nothing happened to the parcel.

    `in_custody` says that an earlier scan already had the parcel in the carrier's hands. Total: a word that EasyPost
    invents later is logged and is no milestone. "Lost" has no status of its own, only a detail.
    """
    if status_detail == "lost" and status != "delivered":
        return Milestone.LOST
    found = _MILESTONES.get(status)
    if found is Milestone.IN_TRANSIT and not in_custody:
        return Milestone.ACCEPTED
    if found is None and status not in _NO_MILESTONE:
        logger.warning("unknown tracker status: %s", status if _WORD.fullmatch(status) else "(not a word)")
    return found


def read_tracker(tracker_id: str, tracker: Mapping[str, Any]) -> TrackerReport:
    """An EasyPost tracker object as a report; scans may stand in any order and repeat."""
    signed = _has_signature(tracker.get("signed_by"))
    reached: list[Reached] = []
    scans = _scans(tracker)
    for at, status, detail, photo in scans:
        step = milestone(status, detail, in_custody=bool(reached))
        if step is None:
            continue
        proof = Proof.STRONG if step is Milestone.DELIVERED and (signed or photo) else Proof.WEAK
        last = reached[-1] if reached else None
        if last is None or last.milestone is not step or (step is Milestone.FAILED_ATTEMPT and last.at != at):
            reached.append(Reached(step, at, proof))
        elif proof is Proof.STRONG:  # The photo may come with a later scan; the first delivery stands.
            reached[-1] = last._replace(proof=proof)
    return TrackerReport(tracker_id, tuple(reached), scans[-1][0] if scans else None)


def _scans(tracker: Mapping[str, Any]) -> list[tuple[datetime, str, str, bool]]:
    """The dated scans as (at, status, detail, photo), oldest first.

    The tracker's own status joins them when no scan bears it: some carriers tell EasyPost the state and no history.
    EasyPost documents no field for a photo of the delivery; a carrier feed without `proof_of_delivery` counts as none.
    """
    details = tracker.get("tracking_details")
    scans: list[tuple[datetime, str, str, bool]] = []
    for scan in details if isinstance(details, list) else []:
        at = _instant(scan.get("datetime")) if isinstance(scan, dict) else None
        if at is not None:
            proof = scan.get("proof_of_delivery")
            photo = isinstance(proof, dict) and proof.get("photo") is True
            scans.append((at, _text(scan.get("status")), _text(scan.get("status_detail")), photo))
    status, at = _text(tracker.get("status")), _instant(tracker.get("updated_at"))
    if at is not None and status in _MILESTONES and all(scan[1] != status for scan in scans):
        scans.append((at, status, _text(tracker.get("status_detail")), False))
    return sorted(dict.fromkeys(scans), key=lambda scan: scan[0])


def _has_signature(signed_by: object) -> bool:
    text = _text(signed_by).strip()
    return any(char.isalpha() for char in text) and not _NOBODY_SIGNED.search(text)


def _read_event(body: bytes) -> CarrierEvent | None:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidWebhook("the webhook's body is not JSON", forged=False) from None
    result = event.get("result") if isinstance(event, dict) else None
    if not isinstance(result, dict):
        raise InvalidWebhook("the webhook's body is not an event", forged=False)
    if result.get("object") != "Tracker":
        return None
    event_id, tracker_id, at = event.get("id"), result.get("id"), _instant(event.get("created_at"))
    if at is None or not _is_id(_EVENT_ID, event_id) or not _is_id(_TRACKER_ID, tracker_id):
        raise InvalidWebhook("the webhook's event lacks its id, its time or its tracker", forged=False)
    return CarrierEvent(str(event_id), str(tracker_id), at)


def _refusal(status: int, answer: Mapping[str, Any], retry_after: str) -> ProviderError:
    """EasyPost's refusal in our words. Its message may repeat the number, so that only its code is kept."""
    error = answer.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    code = code if isinstance(code, str) and _CODE.fullmatch(code) else ""
    match status:
        case 401 | 402 | 403:
            return Unauthorised("the carrier service refuses our key", code=code)
        case 404:
            return UnknownTracker("the carrier service has no such tracker", code=code)
        case 400 | 422:
            return NotTrackable("the carrier service cannot follow this parcel", code=code)
        case _:
            seconds = float(retry_after) if retry_after.isdecimal() else None
            return Unknown(f"the carrier service answered with status {status}", code=code, retry_after=seconds)


def _is_id(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _instant(value: object) -> datetime | None:
    """An ISO 8601 time in UTC; EasyPost's times without an offset are UTC already."""
    try:
        at = datetime.fromisoformat(_text(value))
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
