"""Idempotency keys: the first result is kept for 24 hours on the order's clock, errors and 500s too."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

from sandbox.payments.wire import ApiError
from sandbox.store import Json, Record
from sandbox.world import World

LIFE = timedelta(hours=24)


def fingerprint(endpoint: str, params: Json) -> str:
    """What a key was used for: the endpoint with its path, and all parameters."""
    return hashlib.sha256(json.dumps([endpoint, params], sort_keys=True).encode()).hexdigest()


class Keys:
    """The keys of one account, and which of them are in use at this moment."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.running: set[str] = set()

    def kept(self, key: str, print_: str, now: datetime) -> tuple[int, Json] | None:
        """The first result under a key, None when the key is new or forgotten; raises for other parameters."""
        record = self._world.store.get("idempotency", key)
        if record is None or now - datetime.fromisoformat(record.data["at"]) >= LIFE:
            return None
        if record.data["fingerprint"] != print_:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request."
            )
            raise ApiError(400, "idempotency_error", message, kept=False)
        return record.data["status"], json.loads(record.data["body"])

    def keep(self, key: str, print_: str, now: datetime, status: int, body: Json) -> None:
        """Keep the first result under a key."""
        data = {"fingerprint": print_, "at": now.isoformat(), "status": status, "body": json.dumps(body)}
        self._world.store.put(Record("idempotency", key, data))


def in_use(key: str) -> ApiError:
    """The refusal of a key whose first request has not been answered yet."""
    message = f"There is currently another in-progress request using this Idempotent Key '{key}'."
    return ApiError(409, "idempotency_error", message, kept=False, code="idempotency_key_in_use")
