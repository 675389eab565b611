"""The dialect of requests and refusals: bracketed forms in, one shape of error out."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from sandbox.store import Json


class ApiError(Exception):
    """A refusal. `kept` says that it stays the result of its idempotency key, as all but validation errors do."""

    def __init__(self, status: int, type_: str, message: str, *, kept: bool = True, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.headers: dict[str, str] = {}
        self.body: Json = {
            "error": {"type": type_, "message": message, **{key: value for key, value in details.items() if value}}
        }


def invalid(message: str, *, param: str = "", code: str = "", **details: Any) -> ApiError:
    """A request that may not be done: 400 ``invalid_request_error``."""
    return ApiError(400, "invalid_request_error", message, param=param, code=code, **details)


def malformed(message: str, *, param: str = "", code: str = "") -> ApiError:
    """A request whose parameters are wrong in themselves; nothing is kept under its key."""
    return ApiError(400, "invalid_request_error", message, kept=False, param=param, code=code)


IN_TENS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def payable(amount: int, currency: str, param: str) -> int:
    """The amount; those of three-decimal currencies go in tens."""
    if currency in IN_TENS and amount % 10:
        raise malformed(f"Amounts in {currency} must be divisible by 10.", param=param, code="amount_invalid")
    return amount


def missing(what: str, id_: str, param: str, status: int = 404) -> ApiError:
    """An object that is not there."""
    message = f"No such {what}: '{id_}'"
    return ApiError(status, "invalid_request_error", message, param=param, code="resource_missing")


def card_error(message: str, code: str, *, decline_code: str = "", **details: Any) -> ApiError:
    """The bank's refusal: 402 ``card_error``."""
    return ApiError(402, "card_error", message, code=code, decline_code=decline_code, **details)


def parse_form(raw: str) -> Json:
    """``a[b]=1&c[]=2&c[]=3`` as ``{"a": {"b": "1"}, "c": ["2", "3"]}``; numbered items become lists as well."""
    tree: Json = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        head, *rest = name.replace("]", "").split("[")
        place, key = tree, head
        for part in rest:
            inner = place.setdefault(key, {})
            if not isinstance(inner, dict):
                raise malformed(f"Invalid parameter: {name}", param=name)
            place, key = inner, part or str(len(inner))
        place[key] = value
    return {key: value if key == "metadata" else _listed(value) for key, value in tree.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)]
    return {key: _listed(inner) for key, inner in value.items()}


class Params:
    """The parameters of one request, taken one by one; `done` refuses those that nobody took."""

    def __init__(self, values: Json) -> None:
        self.values = values
        self._left = set(values)

    def text(self, name: str, default: str = "") -> str:
        """A string, `default` when it is absent."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise malformed(f"Invalid string: {name}", param=name)
        return value

    def required(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if not value:
            raise malformed(f"Missing required param: {name}.", param=name, code="parameter_missing")
        return value

    def amount(self, name: str) -> int | None:
        """A positive number of minor units, None when it is absent."""
        value = self.text(name)
        if not value:
            return None
        if not (value.isascii() and value.lstrip("-").isdigit()):
            raise malformed(f"Invalid integer: {value}", param=name, code="parameter_invalid_integer")
        if int(value) < 1:
            message = "This value must be greater than or equal to 1."
            raise malformed(message, param=name, code="parameter_invalid_integer")
        return int(value)

    def flag(self, name: str) -> bool:
        """A boolean, False when it is absent."""
        value = self.text(name, "false")
        if value not in ("true", "false"):
            raise malformed(f"Invalid boolean: {value}", param=name)
        return value == "true"

    def mapping(self, name: str) -> dict[str, str]:
        """A flat object such as ``metadata``, {} when it is absent."""
        value = self._take(name)
        if value in (None, ""):
            return {}
        if not isinstance(value, dict) or not all(isinstance(inner, str) for inner in value.values()):
            raise malformed(f"Invalid object: {name}", param=name)
        return value

    def listing(self, name: str) -> list[str]:
        """A list of strings, [] when it is absent."""
        value = self._take(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(inner, str) for inner in value):
            raise malformed(f"Invalid array: {name}", param=name)
        return value

    def span(self, name: str) -> tuple[int, int | None]:
        """A range of instants such as ``created[gte]=1&created[lt]=9``, as [since, until) in seconds; absent is all."""
        given = self._take(name)
        bounds = given if isinstance(given, dict) else {} if given is None else {"gte": given, "lte": given}
        since, until = 0, None
        for bound, value in bounds.items():
            if bound not in ("gt", "gte", "lt", "lte") or not (value.isascii() and value.isdigit()):
                raise malformed(f"Invalid range: {name}", param=name)
            second = int(value) + (bound in ("gt", "lte"))
            if bound.startswith("g"):
                since = max(since, second)
            else:
                until = second if until is None else min(until, second)
        return since, until

    def done(self) -> None:
        """Refuse parameters that no one asked for."""
        for name in sorted(self._left):
            raise malformed(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")

    def _take(self, name: str) -> Any:
        self._left.discard(name)
        return self.values.get(name)
