"""A run of an order that goes on from its snapshot: put in place by an operator, or by news that an order must hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.histories import FORMER, Kept, kept, listed
from activities.record import kept_of, record_refusal
from activities.store import orders, steps
from domain import wire
from domain.contract import TASK_QUEUE, WORKFLOW, RefusalNote, read_envelope, workflow_id
from domain.decide import Command
from domain.errors import AftersaleError
from domain.funds import AT_ONCE
from domain.state import Order
from domain.summary import guide, summary, typed

ATTEMPTS: Final = 5
"""How often a message is tried on an order that ends, or is restarted, under our hands."""

REACH: Final = timedelta(seconds=5)
"""How long Temporal may take to start a run or to take a message: whoever sends a webhook waits little longer, and a
statement that waits for the order's row may wait longer."""


class NotHandedOver(AftersaleError):
    """No run of the order could be given a message, and it is not over: an operator restarts it."""


async def start_from(
    client: Client,
    order: Order,
    snapshot: Mapping[str, Any],
    conflict: WorkflowIDConflictPolicy,
    *,
    first: tuple[str, Mapping[str, Any]] | None = None,
    former: str = "",
    task_queue: str = TASK_QUEUE,
) -> None:
    """Start a run of the order from the snapshot of its epoch, with `first` (name and message) in its inbox.

    The run whose place it takes, `former`, is kept with it.
    """
    signal: dict[str, Any] = {"start_signal": first[0], "start_signal_args": [dict(first[1])]} if first else {}
    await client.start_workflow(
        WORKFLOW,
        {"snapshot": dict(snapshot)},
        id=workflow_id(order.order_id),
        task_queue=task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=conflict,
        memo={FORMER: former} if former else None,
        search_attributes=_attributes(order),
        static_summary=f"epoch {order.epoch}, from step {order.seq}, {order.priced}, {order.marketplace}"[:200],
        static_details=guide(order.order_id),
        rpc_timeout=REACH,
        **signal,
    )


async def replace_run(engine: Engine, client: Client, order: Order, snapshot: Mapping[str, Any]) -> None:
    """Put a new run in the place of every other, and hand it the commands that those had kept and not recorded.

    `snapshot` is that of the order's new epoch. A command that comes twice has one effect. Whatever is raised, nothing
    is lost: to repeat it hands over what is missing. One command that cannot be handed over keeps no other from it.
    Of two that are asked for at once the one with the older epoch is not done. Raises NotHandedOver, RPCError.
    """
    before = await listed(client, order.order_id, REACH)
    former = await _take_place(engine, client, order, snapshot)
    failed: NotHandedOver | RPCError | None = None
    left = await kept(client, order.order_id, [former, *before], REACH)
    await asyncio.to_thread(_put_on_record, engine, order, left.refusals)
    for command in left.commands:
        try:
            await hand_over(engine, client, order.order_id, command.name, command.body, exactly=True)
        except (NotHandedOver, RPCError) as error:
            failed = error
    if failed is not None:
        raise failed


async def left_over(engine: Engine, client: Client, order_id: str) -> bool:
    """Whether a new run of an order that is over has anything to do. Raises RPCError.

    It has when the last one still runs, or when a run kept what may not be on record.
    """
    try:
        last = await client.get_workflow_handle(workflow_id(order_id)).describe(rpc_timeout=REACH)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return last.status is WorkflowExecutionStatus.RUNNING or await unjudged(engine, client, order_id, last.run_id)


async def unjudged(engine: Engine, client: Client, order_id: str, last: str) -> bool:
    """Whether a run of the order, of which `last` is the latest, kept what may not be on record. Raises RPCError.

    Of one that runs that is worth asking only while it rests: what it is about to judge is not on record either.
    """
    left = await kept(client, order_id, [last, *await listed(client, order_id, REACH)], REACH)
    return await asyncio.to_thread(_is_open, engine, order_id, left)


async def _take_place(engine: Engine, client: Client, order: Order, snapshot: Mapping[str, Any]) -> str:
    """Start the new run; gives the run whose place it took, "" for none.

    The order's row is held meanwhile, so that no other run is begun in between, whose place nobody would know of.
    """
    async with _held(engine, lambda conn: orders.hold_epoch(conn, order.order_id, order.epoch)) as is_newest:
        if not is_newest:
            raise NotHandedOver(f"order {order.order_id} was restarted once more meanwhile; look, or repeat it")
        former = await _run_of(client, order.order_id)
        await start_from(client, order, snapshot, WorkflowIDConflictPolicy.TERMINATE_EXISTING, former=former)
    return former


@asynccontextmanager
async def _held(engine: Engine, hold: Callable[[Connection], bool]) -> AsyncIterator[bool]:
    """Hold a row in a transaction of its own; gives what `hold` says.

    The connection is closed at once and in no thread: they may all be taken by others who wait for this very row. Who
    is cancelled while it is taken leaves it to be closed when it was, not under the thread that takes it.
    """

    def take() -> tuple[Connection, bool]:
        conn = engine.connect()
        try:
            return conn, hold(conn)
        except BaseException:
            conn.close()
            raise

    taking = asyncio.ensure_future(asyncio.to_thread(take))
    try:
        conn, holds = await asyncio.shield(taking)
    except asyncio.CancelledError:
        taking.add_done_callback(lambda taken: None if taken.exception() else taken.result()[0].close())
        raise
    try:
        yield holds
    finally:
        conn.close()


def _put_on_record(engine: Engine, order: Order, notes: Sequence[RefusalNote]) -> None:
    with engine.begin() as conn:
        for note in notes:
            record_refusal(conn, note, order)


async def _run_of(client: Client, order_id: str) -> str:
    """The last run of the order's workflow, "" when Temporal knows none."""
    try:
        return (await client.get_workflow_handle(workflow_id(order_id)).describe(rpc_timeout=REACH)).run_id
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return ""


async def hand_over(
    engine: Engine,
    client: Client,
    order_id: str,
    name: str,
    message: Mapping[str, Any],
    *,
    task_queue: str = TASK_QUEUE,
    exactly: bool = False,
) -> bool:
    """Make a command durably the order's; False when it was taken before. An order that is over goes on in a new run.

    `exactly`: another command under an id that was taken is handed over, too, for the order to refuse.
    The run that stands is signalled, whoever started it, so there are never two. Raises NotHandedOver, RPCError.
    """
    for _ in range(ATTEMPTS):
        if await asyncio.to_thread(_is_taken, engine, order_id, name, message, exactly=exactly):
            return False
        try:
            handle = client.get_workflow_handle(workflow_id(order_id))
            await handle.signal(name, dict(message), rpc_timeout=REACH)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        else:
            return True
        if await _go_on(engine, client, order_id, (name, message), task_queue):
            return True
    raise NotHandedOver(
        f"order {order_id} has no running workflow; an operator starts it: {typed(order_id, 'restart')}"
    )


async def _go_on(
    engine: Engine, client: Client, order_id: str, first: tuple[str, Mapping[str, Any]], task_queue: str
) -> bool:
    """Start the next run of an order that is over, or join it; False when the order is not over, or has moved.

    The epoch is committed before, so that the run is good whatever becomes of us. While it is started the order's row
    is held: no other run can end in between and leave this one with a state of yesterday, in which a command is lost.
    """
    begun = await asyncio.to_thread(_reopen, engine, order_id)
    if begun is None:
        return False
    order, former = wire.from_plain(Order, begun), await _run_of(client, order_id)
    async with _held(engine, lambda conn: orders.hold_still(conn, order_id, order.epoch, order.seq)) as stands:
        if stands:
            existing = WorkflowIDConflictPolicy.USE_EXISTING
            await start_from(client, order, begun, existing, first=first, former=former, task_queue=task_queue)
    return stands


def _is_taken(engine: Engine, order_id: str, name: str, message: Mapping[str, Any], *, exactly: bool) -> bool:
    """Whether a command of this id took a step of the order, `exactly` this one.

    The order remembers all of its last commands; of one from long before only sender and body are known.
    """
    with engine.begin() as conn:
        taken = steps.taken(conn, order_id, str(message["command_id"]))
        plain = orders.snapshot(conn, order_id)
    if taken is None or plain is None or not exactly:
        return taken is not None
    sent = read_envelope(message)
    digest = Command(name, sent.command_id, sent.actor, sent.body, sent.ticket_id).digest()
    seen = {one.command_id: one.digest for one in wire.from_plain(Order, plain).seen}
    return taken == (sent.actor, kept_of(sent.body)) and seen.get(sent.command_id, digest) == digest


def _is_open(engine: Engine, order_id: str, left: Kept) -> bool:
    """Whether anything of this is not on record."""
    refused = {note.key for note in left.refusals}
    with engine.begin() as conn:
        if steps.said(conn, sorted(refused)) != refused:
            return True
    return not all(_is_taken(engine, order_id, kept.name, kept.body, exactly=True) for kept in left.commands)


def _reopen(engine: Engine, order_id: str) -> dict[str, Any] | None:
    with engine.begin() as conn:
        begun = orders.reopen(conn, order_id)
    return None if begun is None else begun[1]


def found_by(
    buyer: str, seller: str, marketplace: str, stage: str, waiting_on: str, *, attention: bool
) -> TypedSearchAttributes:
    """What operators find an order by before a worker has looked at it."""
    words = {"Buyer": buyer, "Seller": seller, "Marketplace": marketplace, "Stage": stage, "WaitingOn": waiting_on}
    return TypedSearchAttributes(
        [
            *(SearchAttributePair(SearchAttributeKey.for_keyword(name), word) for name, word in words.items()),
            SearchAttributePair(SearchAttributeKey.for_bool("Attention"), attention),
        ]
    )


def _attributes(order: Order) -> TypedSearchAttributes:
    shown = summary(order)
    found = found_by(
        order.buyer, order.seller, order.marketplace, shown.stage.value, shown.waiting_on, attention=shown.attention
    )
    if shown.due is None or shown.due <= AT_ONCE:
        return found
    return found.updated(SearchAttributePair(SearchAttributeKey.for_datetime("Due"), shown.due))
