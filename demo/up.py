"""``make up``: the stack, kept, with orders in different states, so that there is something to see and to mend."""

from __future__ import annotations

import asyncio
import shlex
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Never

from sqlalchemy import Connection, case, func, select
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from activities.relay import Relay
from activities.store.desk import case_tables, claims
from activities.store.desk.message_tables import messages
from activities.store.screens import list_orders
from activities.store.tables import orders, outbox, unsent
from demo.cast import Cast
from demo.desk import DESK, Deskwork
from demo.life import Life, WentWrong
from demo.lives import DAY, HOUR, confirm
from demo.post import relay
from demo.show import Show, shown
from demo.temporal import virtual_now
from demo.world import Connections, World, connections, world, write_private
from domain.claims.case import Status as ClaimStatus
from domain.contract import RECURRING, TASK_QUEUE, workflow_id
from domain.errors import AftersaleError
from domain.state import Stage

POST_SECONDS = 2.0
"""How often notices of orders that are ahead of us are looked after."""

AWAY = (
    "{} does not answer; the orders wait and lose nothing. If it has ended, end this too with Ctrl-C, and start it "
    "again: what was on record is there then."
)
"""What is said while a server of the stack is away."""

AT_ONCE = 12
"""How many orders are brought into their states at a time."""

State = Callable[[Life], Awaitable[None]]


async def unconfirmed(life: Life) -> None:
    """Paid; the seller should confirm."""
    await life.place(await life.checkout())


async def unconfirmed_late(life: Life) -> None:
    """Paid; the seller has been silent, a ticket is open."""
    await life.place(await life.checkout())
    await life.until("confirm_overdue")


async def unshipped_late(life: Life) -> None:
    """Confirmed and not shipped in time, a ticket is open."""
    await life.place(await life.checkout())
    await confirm(life)
    await life.until("ship_overdue")


async def money_unknown(life: Life) -> None:
    """Shipped while the provider is away: nobody knows whether the money was captured."""
    await life.place(await life.checkout())
    await confirm(life)
    await asyncio.to_thread(life.sandbox.fault, "unavailable", order_id=life.order_id, until=life.now + 30 * DAY)
    await life.ship(told="the provider is down; the seller ships", wait=0.5)
    await life.pass_time(HOUR / 2)


async def on_its_way(life: Life) -> None:
    """Shipped, the money in escrow; the carrier has it."""
    await life.place(await life.checkout())
    await confirm(life)
    await life.ship()
    await life.carried("in_transit")


async def delivered(life: Life) -> None:
    """Delivered; the buyer should say that all is well."""
    await on_its_way(life)
    await life.pass_time(DAY)
    await life.carried("delivered", signed_by="B BRANDT")


async def silent_buyer(life: Life) -> None:
    """Delivered, dear, and the buyer has been silent: a ticket is open."""
    await life.place(await life.checkout(("240.00",), "10.00"))
    await confirm(life)
    await life.ship()
    await life.delivered()
    await life.until("receipt_overdue")


async def payout_refused(life: Life) -> None:
    """The buyer is happy, and the provider refuses to pay the seller: a ticket is open."""
    await delivered(life)
    account = (await life.order()).account.ref
    await asyncio.to_thread(life.sandbox.account, account, "restricted")
    await life.do("the buyer: all well", life.client.receive(life.order_id, life.buyer))


async def unpaid(life: Life) -> None:
    """Ordered, not paid."""
    await life.place(await life.checkout(card=""))


async def paused(life: Life) -> None:
    """An operator has stopped the parties' clocks."""
    await life.place(await life.checkout())
    await life.do(
        "an operator pauses it",
        life.client.pause(
            life.order_id, life.operator, until=life.now + 5 * DAY, reason="The seller's shop is being moved."
        ),
    )


STUCK: tuple[State, ...] = (
    unconfirmed, unconfirmed_late, unshipped_late, money_unknown, delivered,
    silent_buyer, payout_refused, on_its_way, unpaid, paused,
)  # fmt: skip
"""The troubles and stages that docs/operators.md is about; they come first."""


def _on_desk(work: Deskwork, number: int) -> State:
    """The state of the desk as one of ours, with the people of its number."""

    async def state(life: Life) -> None:
        await work(life, Cast(life, number))

    state.__name__ = work.__name__
    return state


STATES: tuple[State, ...] = (*STUCK, *(_on_desk(work, number) for number, work in enumerate(DESK)))
"""All states that orders are put into, in turn."""


def up(
    directory: Path,
    show: Show,
    *,
    orders: int | None = None,
    temporal_port: int | None = None,
    ui_port: int | None = None,
) -> None:
    """Keep a stack under `directory` until interrupted. Raises StackError.

    Places `orders` new orders; by default one of each state when there are none yet. What was there before goes on.
    """
    environment = directory / "env"
    with world(directory, keep=True, temporal_port=temporal_port, ui_port=ui_port) as around:
        try:
            _write(environment, around)
            asyncio.run(_stay(around, show, orders, environment))
        finally:
            environment.unlink(missing_ok=True)


async def _stay(around: World, show: Show, wanted: int | None, environment: Path) -> None:
    async with connections(around) as held:
        postman = relay(around, held.engine, held.vault)
        show.started(around)
        await _place(around, held, postman, show, wanted)
        show.try_out(around.stack.temporal.ui_url, await asyncio.to_thread(_commands, held, environment))
        await _look_after_post(held, postman, show)


async def _look_after_post(held: Connections, postman: Relay, show: Show) -> Never:
    """Send what is due ahead of us, for as long as the stack stays, also while a server of it is away."""
    away = False
    while True:
        try:
            await _send_ahead(held, postman)
        except (SQLAlchemyError, RPCError) as error:
            if not away:
                show.note(AWAY.format("PostgreSQL" if isinstance(error, SQLAlchemyError) else "Temporal"))
            away = True
        else:
            if away:
                show.note("It answers again, and the orders go on.")
            away = False
        await asyncio.sleep(POST_SECONDS)


async def _place(around: World, held: Connections, postman: Relay, show: Show, wanted: int | None) -> None:
    """Place the wanted number of orders, the states in turn, and say what did not come to its state."""
    there = await asyncio.to_thread(_how_many, held)
    number = wanted if wanted is not None else (0 if there else len(STATES))
    if not number:
        return
    show.note(f"Placing {number} orders and moving them on ...")
    began = time.monotonic()
    made = [
        (f"{state.__name__.replace('_', '-')}-{there + i}", state)
        for i, state in enumerate(islice(cycle(STATES), number), 1)
    ]
    few, amiss = asyncio.Semaphore(AT_ONCE), list[str]()

    async def bring(order_id: str, state: State) -> None:
        async with few:
            try:
                await state(Life(order_id, around, held, postman, lambda _at, _what: None))
            except (WentWrong, AftersaleError, TimeoutError) as error:
                amiss.append(order_id)
                show.note(f"{order_id} is not where it should be: {error}")

    await asyncio.gather(*(bring(order_id, state) for order_id, state in made))
    await _look_for_issues(held)
    show.note(
        f"{number - len(amiss)} of {number} orders are where they should be, after {time.monotonic() - began:.0f} s."
    )


async def _look_for_issues(held: Connections) -> None:
    """The daily look at what claims have in common, at once, and at the time to which the orders' clocks have come."""
    now = await asyncio.to_thread(_last_claim, held)
    if now is not None:
        name = f"{RECURRING}-of-the-desk-{int(now.timestamp())}"
        ask = {"now": now.isoformat()}
        await held.temporal.execute_workflow(RECURRING, ask, id=name, task_queue=TASK_QUEUE)


def _last_claim(held: Connections) -> datetime | None:
    with held.engine.begin() as conn:
        last: datetime | None = conn.execute(select(func.max(case_tables.claims.c.opened_at))).scalar_one()
    return last


async def _send_ahead(held: Connections, postman: Relay) -> None:
    """Let notices leave that are due by their order's own clock, and not yet by ours, which is the worker's relay's."""
    for order_id, ended_at in await asyncio.to_thread(_with_post_ahead, held):
        now = ended_at or await virtual_now(held.temporal, workflow_id(order_id))
        await asyncio.to_thread(postman.deliver, now, order_id)


def _with_post_ahead(held: Connections) -> list[tuple[str, datetime | None]]:
    """Orders with notices that are due in our future, and when those that are over had their last step."""
    ended_at = case((orders.c.status == "over", orders.c.updated_at))
    query = select(orders.c.order_id, ended_at).distinct().join(outbox, outbox.c.order_id == orders.c.order_id)
    with held.engine.begin() as conn:
        rows = conn.execute(query.where(unsent, outbox.c.due_at > datetime.now(UTC)))
        return [(row[0], row[1]) for row in rows]


def _how_many(held: Connections) -> int:
    with held.engine.begin() as conn:
        return int(conn.execute(select(func.count()).select_from(orders)).scalar_one())


def _commands(held: Connections, environment: Path) -> list[str]:
    """Commands that make sense with the orders that are there."""
    with held.engine.begin() as conn:
        stuck = list_orders(conn, attention=True, limit=50)
        fresh = list_orders(conn, stage=Stage.PLACED, attention=False, limit=1)
        claimed = claims.listed(conn, status=ClaimStatus.ESCALATED, limit=1)
        busiest = select(messages.c.order_id).group_by(messages.c.order_id).order_by(func.count().desc()).limit(1)
        written = conn.execute(busiest).scalars().all()
        flow = reports_of(conn)
    unknown = [row for row in stuck if "unknown" in row.reason]
    aftersale = Path(sys.executable).with_name("aftersale")
    tries = ["list --attention", "tickets"]
    tries += [f"why {row.order_id}" for row in (unknown or [*stuck])[:1]]
    tries += [f"confirm {row.order_id}" for row in fresh]
    tries += ["claims list", "claims recurring"]
    tries += [f"claims show {row.number} --as specialist" for row in claimed]
    tries += [f"messages inbox --as seller --id {row.seller}" for row in claimed]
    tries += [f"messages thread {order_id} --as seller" for order_id in written]
    tries += flow
    return [f". {shown(environment)} && {shown(aftersale)} {what}" for what in tries]


def reports_of(conn: Connection) -> list[str]:
    """The reports over the days of all orders, whose clocks are ahead of ours; none without an order."""
    first, last = conn.execute(select(func.min(orders.c.placed_at), func.max(orders.c.updated_at))).one()
    return [] if first is None else [f"reports --from {first:%Y-%m-%d} --to {last + DAY:%Y-%m-%d}"]


def _write(environment: Path, around: World) -> None:
    """What `aftersale` needs, to be read by a shell; for the eyes of its owner only."""
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in around.environment.items())
    write_private(environment, "".join(lines))
