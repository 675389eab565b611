"""The JSON schemas of everything that goes over the wire, described by the docstrings of the code that reads it."""

from __future__ import annotations

import inspect
import types
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from docs.situations import of_role, situations
from domain import wire
from domain.checkout import ID, Checkout
from domain.contract import MOST_BYTES, WORKFLOW, Envelope
from domain.decide import Refusal
from domain.policy import Policy
from domain.process import COMMANDS, roles_of, step_for
from domain.progress import verdict
from domain.state import SIGNED, LineState, Role, Stage
from starter import documents

if TYPE_CHECKING:
    from collections.abc import Iterable

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_WORDS: dict[str, Iterable[str]] = {"lines": LineState, "possible": COMMANDS, "stage": Stage}
"""The closed sets of words in a verdict."""


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by the name of its file, without the ending."""
    commands = {name: _command(name) for name in COMMANDS}
    text = f"{_doc(Checkout)} It starts the workflow {WORKFLOW}. What a storefront places, with people and address, is"
    checkout = _document(
        "checkout", f"{text} told in storefront.json; the client makes this of it.", described(Checkout)
    )
    refusal = _document("refusal", f"The answer to a command that is not taken. {_doc(Refusal)}", described(Refusal))
    return commands | {"checkout": checkout, "refusal": refusal, "storefront": _storefront(), "verdict": _verdict()}


def described(kind: Any) -> dict[str, Any]:
    """The schema of a type, every object in it described by the docstring of its class."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return described(next(arg for arg in args if arg is not types.NoneType))
    if origin in (tuple, frozenset):
        return {**wire.schema(kind), "items": described(args[0])}
    if not is_dataclass(kind) or wire.schema(kind).get("type") != "object":
        return wire.schema(kind)
    if hasattr(kind, "from_plain"):
        return {"type": "object", "description": _doc(kind)}  # It has a plain form of its own, told elsewhere.
    fields = {name: described(hint) for name, hint in get_type_hints(kind).items()}
    schema = wire.schema(kind)
    return {**schema, "description": _doc(kind), "properties": {name: fields[name] for name in schema["properties"]}}


def _storefront() -> dict[str, Any]:
    """What a storefront places: one order, or all of one checkout, with the personal data that no workflow sees."""
    people, address = described(documents.People), described(documents.Delivery)
    personal = {"people": people, "address": address}
    order = described(Checkout)
    order["properties"] |= personal
    order["required"] = [name for name in order["required"] if name != "address_id"]
    order["description"] = "One order. Its people and its address are stored for it, and never enter the workflow."
    ids = {name: order["properties"][name] for name in ("checkout_id", "address_id")}
    several = {
        "type": "object",
        "properties": {
            **ids,
            **personal,
            "orders": {"type": "array", "items": order, "minItems": 1, "maxItems": documents.MOST_ORDERS},
        },
        "required": ["checkout_id", "orders"],
        "additionalProperties": False,
        "description": "The orders of one checkout, one for each seller; people and address beside them are shared.",
    }
    addressed = {**order, "anyOf": [{"required": ["address"]}, {"required": ["address_id"]}]}
    text = (
        "What a storefront hands to the client's `place` and `place_checkout`, and to `aftersale place FILE.json`: one "
        "order, or several of one checkout. The client stores people and address, and starts each workflow with the "
        "rest, which is told in checkout.json. `address_id` names an address that is stored, or is the id of `address`."
    )
    return _document("storefront", text, {"anyOf": [addressed, several]})


def _command(name: str) -> dict[str, Any]:
    """A command as it is sent: the envelope, narrowed to who may send it, with the body that it takes."""
    roles = [role for role in roles_of(name) if role is not Role.CLOCK]
    takes = {step.takes for step in (step_for(name, role) for role in roles) if step is not None}
    bodies = [described(kind) for kind in sorted(takes, key=lambda kind: kind.__name__)]
    body = bodies[0] if len(bodies) == 1 else {"anyOf": bodies}
    schema = described(Envelope)
    actor = schema["properties"]["actor"]
    actor["properties"]["role"] = {"enum": [str(role) for role in roles]}
    schema["properties"]["body"] = body
    schema["properties"]["command_id"]["pattern"] = f"^{ID.pattern}$"
    needed = {"body": bool(body.get("required")), "signature": SIGNED.issuperset(roles)}
    schema["required"] = [*schema["required"], *(field for field, is_needed in needed.items() if is_needed)]
    text = f"{_doc(Envelope)} Sent as the update or the signal `{name}`, at most {MOST_BYTES} bytes."
    return _document(name, text, schema)


def _verdict() -> dict[str, Any]:
    """What a taken update is answered with, as the loop answers it over every situation."""
    answers = [
        verdict(s.order, s.order.seq, of_role(s.order, Role.OPERATOR), s.now)
        for s in situations(Policy(name="standard"))
    ]
    properties = {name: _seen(name, [answer[name] for answer in answers]) for name in answers[0]}
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return _document("verdict", _doc(verdict), schema)


def _seen(name: str, values: list[Any]) -> dict[str, Any]:
    """The schema of a field whose values are these."""
    words = {"enum": [str(word) for word in _WORDS[name]]} if name in _WORDS else {"type": "string"}
    if isinstance(values[0], dict):
        return {"type": "object", "additionalProperties": words}
    if isinstance(values[0], list):
        return {"type": "array", "items": words}
    kinds = {"null" if value is None else wire.schema(type(value))["type"] for value in values}
    return {"type": sorted(kinds)} if len(kinds) > 1 else (words if kinds == {"string"} else {"type": kinds.pop()})


def _document(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": DIALECT, "title": name, **schema, "description": description}


def _doc(thing: object) -> str:
    return " ".join((inspect.getdoc(thing) or "").split())
