"""The signature that commands of specialists and operators carry: HMAC-SHA256 over everything that they mean."""

from __future__ import annotations

import hmac
from hashlib import sha256

from domain import wire
from domain.contract import Envelope


def sign(key: bytes, order_id: str, name: str, envelope: Envelope) -> str:
    """The signature, in hex, of a command to one order."""
    meant = [
        order_id,
        name,
        envelope.command_id,
        wire.to_plain(envelope.actor),
        dict(envelope.body),
        envelope.ticket_id,
    ]
    return hmac.new(key, wire.canonical(meant).encode(), sha256).hexdigest()


def is_signed(key: bytes, order_id: str, name: str, envelope: Envelope) -> bool:
    """Whether the envelope carries a good signature."""
    return hmac.compare_digest(sign(key, order_id, name, envelope).encode(), envelope.signature.encode())
