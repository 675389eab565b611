"""Whatever arrives, nothing wedges an order and nothing vanishes: it is refused to its sender, or stands on record."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from domain.contract import WORKFLOW, workflow_id
from domain.errors import Refused
from domain.process import COMMANDS
from domain.state import Role, Stage
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace

PLAIN_TEXT = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"not json at all"))
UNKNOWN_ENCODING = RawValue(Payload(metadata={"encoding": b"unreadable/secret"}, data=b"\x00\x01"))
NO_ENCODING = RawValue(Payload(data=b"{}"))
NOT_UTF8 = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b'"\xff\xfe"'))
DEEP = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"[" * 5_000 + b"]" * 5_000))


def raw(data: str) -> RawValue:
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data.encode()))


def deep(levels: int) -> str:
    """An object within an object, so many of them: fewer than no reader takes, and more than any of ours writes."""
    return '{"a":' * levels + "1" + "}" * levels


def json_of(message: object) -> RawValue:
    """A message as JSON in ASCII, as some SDKs write it: half a surrogate pair is six letters on the wire."""
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(message).encode()))


LONG = "".join(sha256(bytes([n])).hexdigest() for n in range(256))
"""Longer than any row of an index, and hardly to be compressed."""

GOOD: Mapping[str, Any] = {"command_id": "x", "actor": {"role": "seller", "id": "s"}, "body": {}}

UNREADABLE: Mapping[str, list[Any]] = {
    "no argument": [],
    "too many arguments": [GOOD, GOOD, GOOD],
    "null": [None],
    "a number": [17],
    "a list": [[GOOD]],
    "a text": ["confirm"],
    "bytes": [b"\x00\xff"],
    "plain text": [PLAIN_TEXT],
    "an unknown encoding": [UNKNOWN_ENCODING],
    "no encoding": [NO_ENCODING],
    "bytes that are not UTF-8": [NOT_UTF8],
    "a deep nesting": [DEEP],
    "300 KB": [{**GOOD, "body": {"lines": ["x" * 300_000]}}],
    "an empty object": [{}],
    "an unknown field": [{**GOOD, "colour": "red"}],
    "no command id": [{"actor": {"role": "seller", "id": "s"}}],
    "a command id that is a number": [{**GOOD, "command_id": 5}],
    "an actor that is a text": [{**GOOD, "actor": "seller"}],
    "an actor without an id": [{**GOOD, "actor": {"role": "seller"}}],
    "an actor id that no index holds": [{**GOOD, "actor": {"role": "seller", "id": LONG}}],
    "a command id with spaces": [{**GOOD, "command_id": "a b"}],
    "a command id that no index holds": [{**GOOD, "command_id": LONG}],
    "a role that is not known": [{**GOOD, "actor": {"role": "king", "id": "s"}}],
    "the clock's role": [{**GOOD, "actor": {"role": "clock", "id": "clock"}}],
    "a body that is a list": [{**GOOD, "body": []}],
    "a NUL in a text": [{**GOOD, "ticket_id": "a\0b"}],
    "a NUL in the name of a field": [{**GOOD, "a\0b": 1}],
    "half a surrogate pair in the name of a field": [json_of({**GOOD, "a\ud800b": 1})],
    "a number that is not whole": [{**GOOD, "body": {"lines": [1.5]}}],
    "a whole number with a fraction": [{**GOOD, "body": {"days": 3.0}}],
    "no number": [json_of({**GOOD, "body": {"days": math.nan}})],
    "a number beyond all numbers": [raw(json.dumps({**GOOD, "body": {"days": 7}}).replace("7", "1e400"))],
    "a body 400 deep": [raw(json.dumps({**GOOD, "body": 7}).replace("7", deep(400)))],
}
"""Messages that hold no command, by what is wrong with them."""

REFUSED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "another seller": ("not_found", GOOD),
    "an empty actor id": ("not_your_order", {**GOOD, "actor": {"role": "platform", "id": ""}}),
    "an unknown line": ("line_unknown", {"body": {"lines": ["L9"]}}),
    "a body of the wrong type": ("invalid", {"body": {"lines": "L1"}}),
    "an unknown field in the body": ("invalid", {"body": {"colour": "red"}}),
    "a role that may not": ("role_not_allowed", {**GOOD, "actor": {"role": "carrier", "id": "b"}}),
    "a NUL in the name of a field of the body": ("invalid", {"body": {"a\0b": 1}}),
    "half a surrogate pair in the name of a field of the body": ("invalid", {"body": {"a\ud800b": 1}}),
    "a ticket that is not known": ("ticket_unknown", {"ticket_id": "t-1"}),
}
"""Readable messages to `confirm` that the process refuses, with the code."""

NAMES = ("no_such_command", "run", "__init__", "a" * 900, "a\0b", "décision", "settle", "place")
"""Names under which no party may send anything."""


async def order_and_probe(market: Marketplace) -> Life:
    life = await market.order()
    assert life.stage() is Stage.PLACED
    return life


async def test_every_malformed_update_is_refused_with_a_reason_and_the_order_goes_on(market: Marketplace) -> None:
    life = await order_and_probe(market)
    for kind, args in UNREADABLE.items():
        with pytest.raises(WorkflowUpdateFailedError) as failed:
            await life.handle.execute_update("confirm", args=args)
        cause = failed.value.cause
        assert isinstance(cause, ApplicationError), kind
        assert cause.type == "Refused", (kind, cause)
        assert cause.message, kind
    for name in NAMES:
        with pytest.raises(Refused) as refused:
            await life.update(name, dict(GOOD))
        assert refused.value.code == "unknown_command", name
    with pytest.raises(
        Refused, match=r"body\.lines\[1\]: must be a whole number, not 1\.5; an amount is a text such as"
    ):
        await life.update("confirm", {**GOOD, "body": {"lines": ["L1", 1.5]}})
    with pytest.raises(Refused, match=r"^body(\.a)+: lies too deep: at most 32 objects"):
        await life.update("confirm", UNREADABLE["a body 400 deep"][0])
    await goes_on(life)
    assert life.refusals() == [], "a refused update leaves no trace but its answer"


async def test_every_malformed_signal_stands_on_record_and_the_order_goes_on(market: Marketplace) -> None:
    life = await order_and_probe(market)
    for args in UNREADABLE.values():
        await life.handle.signal("confirm", args=args)
    for name in NAMES:
        await life.handle.signal(name, dict(GOOD))
    await life.rest()
    told = life.screen().story.refusals
    assert len(told) == len(UNREADABLE) + len(NAMES)
    assert all(message.reason and message.code for message in told)
    assert {message.code for message in told} == {"invalid", "role_not_allowed", "unknown_command"}
    assert max(len(message.reason) for message in told) <= 500
    await goes_on(life)


async def test_a_command_that_the_process_refuses_says_why_either_way(market: Marketplace) -> None:
    life = await order_and_probe(market)
    for kind, (code, message) in REFUSED.items():
        whole = json_of({**life.message(SELLER, {}), **message})
        with pytest.raises(Refused) as refused:
            await life.update("confirm", whole)
        assert refused.value.code == code, kind
        await life.handle.signal("confirm", whole)
    await life.rest()
    assert life.refusals() == [code for code, _ in REFUSED.values()]
    await goes_on(life)


async def test_every_command_survives_a_body_of_nonsense(market: Marketplace) -> None:
    life = await order_and_probe(market)
    nonsense = {"lines": [1], "days": "many", "until": "soon", "policy": [], "milestone": 3, "note_id": None, "at": -1}
    for name in COMMANDS:
        for role in (BUYER, SELLER, Role.SPECIALIST, Role.CARRIER):
            with pytest.raises(Refused):
                await life.update(name, life.message(role, nonsense))
    await goes_on(life)


async def test_a_step_at_the_wrong_stage_is_refused_with_what_is_possible(market: Marketplace) -> None:
    life = await order_and_probe(market)
    with pytest.raises(Refused) as refused:
        await life.send("receive", BUYER)
    assert refused.value.code == "no_line_fits"
    assert "cancel" in refused.value.possible
    await goes_on(life)


@pytest.mark.parametrize(
    "start",
    [
        [],
        [None],
        ["text"],
        [PLAIN_TEXT],
        [UNKNOWN_ENCODING],
        [NOT_UTF8],
        [{}],
        [{"snapshot": None}],
        [{"snapshot": {"order_id": "o-1"}}],
        [{"order_id": 5}],
        [{"order_id": "o 1", "lines": []}],
        [{"order_id": "o\0", "lines": []}],
        [{"a\0b": 1}],
        [json_of({"a\ud800b": 1})],
        [b"\x00"],
        [{"padding": "x" * 300_000}],
        [{}, {}],
        [{"order_id": "o-1", "weight": 0.5}],
        [raw('{"order_id": "o-1", "weight": NaN}')],
        [raw('{"order_id": "o-1", "weight": 1e400}')],
        [raw('{"order_id": "o-1", "gift": ' + deep(400) + "}")],
        [raw('{"order_id": "o-1", "gift": ' + "[" * 900 + "]" * 900 + "}")],
        [{"snapshot": {"order_id": "o-1", "seq": 1.0}}],
        [raw('{"snapshot": {"order_id": "o-1", "under_way": ' + deep(400) + "}}")],
    ],
    ids=lambda start: repr(start)[:40],
)
async def test_a_malformed_start_fails_visibly_and_charges_nothing(market: Marketplace, start: list[Any]) -> None:
    order_id = f"malformed-{id(start)}"
    effects = len(market.sandbox.book())
    handle = await market.client.start_workflow(
        WORKFLOW, args=start, id=workflow_id(order_id), task_queue=market.task_queue
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(handle.result(), 20)
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type in ("Malformed", "Refused")
    assert (await handle.describe()).status is WorkflowExecutionStatus.FAILED
    assert len(market.sandbox.book()) == effects


@pytest.mark.parametrize("field", ["price", "quantity", "weight"])
async def test_a_checkout_whose_only_fault_is_a_number_that_is_not_whole_is_turned_away_by_the_name_of_its_field(
    market: Marketplace, field: str
) -> None:
    document = market.preauthorised(market.checkout())
    document["lines"][0][field] = 40.0
    life = await market.start(document)
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(life.handle.result(), 20)
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "Malformed"
    assert failed.value.cause.message.startswith(f"lines[0].{field}: must be a whole number, not 40.0")


async def test_a_query_is_answered_or_refused_and_wedges_nothing(market: Marketplace) -> None:
    life = await order_and_probe(market)
    for name, args in (
        ("state", []),
        ("confirm", [PLAIN_TEXT]),
        ("x" * 500, [None, None]),
        ("__stack_trace", [b"\xff"]),
    ):
        with suppress(WorkflowQueryFailedError):
            await life.handle.query(name, args=args)
    await goes_on(life)


async def goes_on(life: Life) -> None:
    """A good update works, whatever came before."""
    task_failures = [
        event
        async for event in life.handle.fetch_history_events()
        if event.HasField("workflow_task_failed_event_attributes")
    ]
    assert task_failures == []
    verdict = await life.send("confirm", SELLER)
    assert verdict["accepted"]
    assert verdict["stage"] == Stage.CONFIRMED
    assert json.dumps(verdict)
