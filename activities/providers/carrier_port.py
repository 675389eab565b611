"""What Aftersale asks of a carrier service, in our words.

Methods block; each network call is bounded to a few seconds. They either return the stated thing or raise one error
of the ``ProviderError`` tree: ``Unknown`` for an outage (ask again later), ``Unauthorised`` for our own credentials, or
one that the method names. A tracking number is personal data: no error, log line or repr of an adapter contains one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.parcels.tracking import CarrierEvent, TrackerReport


class Follower(Protocol):
    """What the relay asks of a carrier service."""

    def track(self, carrier: str, number: str) -> str:
        """Follow a parcel and return the tracker's id; the same carrier and number give the same tracker.

        Raises NotTrackable when the service refuses the carrier or the number.
        """


class Carrier(Follower, Protocol):
    """One carrier service, which follows the parcels of many carriers."""

    def report(self, tracker_id: str) -> TrackerReport:
        """Read what is known of a parcel. Raises UnknownTracker."""

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> CarrierEvent | None:
        """Verify a webhook over its raw bytes; None when it is not about a tracker.

        Nothing but the ids is taken from the body: the tracker is read back. Raises InvalidWebhook.
        """
