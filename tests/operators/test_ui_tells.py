"""What the Temporal UI has to show an operator, asked of the API it reads from, with every worker stopped."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowFailureError

from activities.store import screens
from activities.store.database import connect
from demo.postgres import Postgres
from domain.contract import WORKFLOW, workflow_id
from domain.money import INTERNAL, Verb
from domain.parcels.parcel import Milestone
from domain.summary import LONGEST_REASON
from sandbox.faults import FaultKind
from starter import documents
from starter.runs import Runs, _first_attributes
from starter.trouble import why
from tests.conftest import Database
from tests.life import BUYER, OPERATOR, PATIENCE, SELLER, Life
from tests.marketplace import Marketplace
from tests.operators.test_page import QUERIES, assert_runs

LARGE = ("700.00", "20.00")
COMMAND = re.compile(r"aftersale ([a-z-]+) ([^\s;]+)")
WHOLE = re.compile(r"aftersale .+?(?= \(or |; |$)")
"""A command with all its options, as a reader of the list copies it."""


async def late(life: Life) -> None:
    await life.send("confirm", SELLER)
    await life.until("ship_overdue")


async def unknown(life: Life) -> None:
    await life.send("confirm", SELLER)
    life.market.sandbox.fault(FaultKind.TIMEOUT, order_id=life.order_id, times=1000)
    await life.ship()


async def refused(life: Life) -> None:
    await life.delivered()
    life.market.sandbox.account(life.document["seller"]["account"], "restricted")
    await life.send("receive", BUYER)


async def paused(life: Life) -> None:
    await life.desk("pause", OPERATOR, until=await life.now() + timedelta(days=3))


async def large(life: Life) -> None:
    await life.delivered()
    await life.desk("refund", OPERATOR)


async def lost(life: Life) -> None:
    await life.send("confirm", SELLER)
    await life.ship()
    await life.scan(Milestone.LOST)


TROUBLES: Mapping[str, tuple[Callable[[Life], Awaitable[None]], str, str]] = {
    "seller late": (late, "ship_overdue since", "extend"),
    "capture unknown": (unknown, "capture unknown since", "retry"),
    "release refused": (refused, "release refused (AccountRestricted)", "retry"),
    "paused": (paused, "paused until", "resume"),
    "parcel lost": (lost, "parcel_lost (", "refund"),
    "second operator": (large, "refund waits for a second operator", "approve"),
}
"""How each comes about, what the reason says, and the command that it names first."""


ENDED = ("parcel lost", "capture unknown")
"""Troubles in which somebody terminates another order."""

FOUND_BEFORE: Mapping[str, set[str]] = {
    "which orders need a person?": {f"{name}, ended" for name in ENDED},
    "which wait for a specialist and for nobody else?": {"parcel lost, ended"},
    "which has a payment provider left in doubt?": {"capture unknown, ended"},
    "which fail again and again in our own code?": {"broken, ended"},
}
"""Which of the ended ones a query of the operators' page found before somebody terminated them."""


@pytest_asyncio.fixture(scope="module")
async def stuck(marketplace: Marketplace) -> AsyncIterator[Mapping[str, Life]]:
    """One order in each trouble, others that were terminated in theirs, and no worker any more."""
    quiet = replace(marketplace, task_queue=f"orders-{uuid4().hex[:8]}", lives=[])
    with quiet.worker() as worker:
        async with worker:
            ended = {f"{name}, ended": await begun(quiet, name) for name in ENDED} | {
                "broken, ended": await failing(quiet)
            }
            for question in FOUND_BEFORE:
                named = {life.handle.id for name, life in ended.items() if name in FOUND_BEFORE[question]}
                await found_by(quiet.client, quiet.task_queue, QUERIES[question], named)
            for life in ended.values():
                await life.handle.terminate()
            lives = {name: await begun(quiet, name) for name in TROUBLES}
            fine, broken = await begun(quiet, ""), await failing(quiet)
            unread, turned_away = await failed(quiet), await failed(quiet, attributes=True)
    yield {
        **lives,
        **ended,
        "fine": fine,
        "broken": broken,
        "not an order": unread,
        "turned away": turned_away,
        "not looked at": await unseen(quiet),
    }


async def failing(market: Marketplace) -> Life:
    """A workflow whose tasks fail again and again, once the list has it so."""
    started = await market.client.start_workflow("NoSuch", id=f"order-{uuid4().hex}", task_queue=market.task_queue)
    query = f"TemporalReportedProblems is not null AND WorkflowId = '{started.id}'"
    await found_by(market.client, market.task_queue, query, {started.id})
    return Life(market, {}, market.client.get_workflow_handle(started.id))


async def failed(market: Marketplace, *, attributes: bool = False) -> Life:
    """A run that was started with what is no order, as a storefront of one's own may, with or without attributes."""
    read = documents.read(market.preauthorised(market.checkout()))
    started = await market.client.start_workflow(
        WORKFLOW,
        7,
        id=workflow_id(f"o-{uuid4().hex}"),
        task_queue=market.task_queue,
        search_attributes=_first_attributes(read.checkout) if attributes else None,
    )
    with pytest.raises(WorkflowFailureError):
        await started.result()
    return Life(market, {}, market.client.get_workflow_handle(started.id))


async def unseen(market: Marketplace) -> Life:
    """An order that a storefront has placed and no worker looks at."""
    document = market.preauthorised(market.checkout())
    read = documents.read(document)
    name = workflow_id(document["order_id"])
    attributes = _first_attributes(read.checkout)
    await market.client.start_workflow(
        WORKFLOW, dict(read.plain), id=name, task_queue=market.task_queue, search_attributes=attributes
    )
    return Life(market, document, market.client.get_workflow_handle(name))


async def found_by(client: Client, queue: str, query: str, wanted: set[str]) -> None:
    """Until the query finds exactly these workflows of the market's; the list lags behind the orders by a moment."""
    found: set[str] = set()
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while found != wanted:
                asked = client.list_workflows(f"({query}) AND TaskQueue = '{queue}'")
                found = {workflow.id async for workflow in asked}
                await asyncio.sleep(0.1)
    assert found == wanted, query


async def begun(market: Marketplace, name: str) -> Life:
    """An order in that trouble; in none when there is no such name."""
    account = f"acct_{uuid4().hex[:8]}"
    life = await market.order(prices=LARGE if name == "second operator" else ("40.00", "20.00"), account=account)
    if name:
        await TROUBLES[name][0](life)
    await life.rest()
    return life


def reason(described: WorkflowExecutionDescription) -> str:
    return str(described.search_attributes.get("AttentionReason", [""])[0])


async def timers(life: Life) -> list[str]:
    """What stands beside the timers that have not rung, newest first, as the timeline shows them."""
    history = await life.handle.fetch_history()
    ended = {e.timer_fired_event_attributes.started_event_id for e in history.events} | {
        e.timer_canceled_event_attributes.started_event_id for e in history.events
    }
    return [
        str(json.loads(e.user_metadata.summary.data))
        for e in reversed(history.events)
        if e.HasField("timer_started_event_attributes") and e.event_id not in ended
    ]


async def test_with_the_worker_stopped_the_list_tells_which_order_why_and_what_mends_it(
    stuck: Mapping[str, Life],
) -> None:
    for name, (_, words, command) in TROUBLES.items():
        life = stuck[name]
        described = await life.handle.describe()
        told = reason(described)
        assert described.search_attributes["Attention"] == [True], name
        assert words in told
        assert COMMAND.findall(told)[0] == (command, life.order_id), told
        for line in WHOLE.findall(told):
            assert_runs(line.replace("TIME", "2026-12-02T16:00:00Z"))
        assert len(told) <= LONGEST_REASON
    fine = await stuck["fine"].handle.describe()
    assert fine.search_attributes["Attention"] == [False]
    assert (fine.search_attributes["WaitingOn"], reason(fine)) == (["seller"], "")


FOUND_BY: Mapping[str, set[str]] = {
    "which orders need a person?": set(TROUBLES),
    "which wait for a specialist and for nobody else?": {"parcel lost", "release refused"},
    "which wait for the first look of a worker?": {"not looked at"},
    "which has a payment provider left in doubt?": {"capture unknown"},
    "which fail again and again in our own code?": {"broken"},
    "which runs were ended from outside, or failed?": {
        "parcel lost, ended",
        "capture unknown, ended",
        "broken, ended",
        "not an order",
    },
    "all orders of one seller": {"fine"},
}
"""Which of the orders above each query of the operators' page must find."""


@pytest.mark.parametrize("question", QUERIES)
async def test_each_query_of_the_operators_page_finds_exactly_the_orders_that_it_asks_for(
    stuck: Mapping[str, Life], question: str
) -> None:
    fine = stuck["fine"]
    queue, seller = (await fine.handle.describe()).task_queue, fine.document["seller"]["person_id"]
    wanted = {stuck[name].handle.id for name in FOUND_BY[question]}
    await found_by(fine.market.client, queue, QUERIES[question].replace("SELLER", seller), wanted)


def test_money_in_doubt_is_asked_for_by_every_operation_that_a_provider_hears_of() -> None:
    query = QUERIES["which has a payment provider left in doubt?"]
    assert set(re.findall(r'"(\w+) unknown"', query)) == set(Verb) - INTERNAL


async def test_the_timeline_tells_the_trouble_or_the_next_duty_beside_the_running_timer(
    stuck: Mapping[str, Life],
) -> None:
    fine, late_seller = await timers(stuck["fine"]), await timers(stuck["seller late"])
    assert fine == ["after step 1: The seller should confirm or decline the order; otherwise a specialist follows up."]
    order = stuck["seller late"].order_id
    assert late_seller[0].startswith("after step 3: ship_overdue since ")
    assert (
        f"aftersale extend {order} --clock ship --resolves {order}-ship_overdue-3 --until TIME --reason '...' "
        "(or cancel, ship)" in late_seller[0]
    )


async def test_the_timeline_names_the_step_of_every_activity(stuck: Mapping[str, Life]) -> None:
    history = await stuck["capture unknown"].handle.fetch_history()
    summaries = [
        str(json.loads(event.user_metadata.summary.data))
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert summaries[:3] == ["admit the order", "step 2: confirm", "step 3: ship"]


async def test_the_digest_in_a_reason_is_the_one_that_approves(stuck: Mapping[str, Life]) -> None:
    life = stuck["second operator"]
    approval = life.state().approval
    assert approval is not None
    assert f"aftersale approve {life.order_id} --digest {approval.digest}" in reason(await life.handle.describe())


async def test_more_time_mends_a_late_seller_when_it_names_the_ticket_as_the_reason_does(market: Marketplace) -> None:
    life = await begun(market, "seller late")
    told = reason(await life.handle.describe())
    named = re.search(r"--clock (\S+) --resolves (\S+)", told)
    assert named, told
    until = await life.now() + timedelta(days=3)
    await life.desk("extend", ticket=named[2], clock=named[1], until=until)
    described = await life.handle.describe()
    assert (described.search_attributes["Attention"], reason(described)) == ([False], "")


async def test_an_order_tells_from_its_start_where_its_trouble_stands(market: Marketplace) -> None:
    document = market.preauthorised(market.checkout())
    read = documents.read(document)
    await Runs(market.client).start(read.plain, read.checkout)
    life = Life(market, document, market.client.get_workflow_handle(f"order-{document['order_id']}"))
    described = await life.handle.describe()
    assert await described.static_summary() == "2 lines, 64.90 EUR, standard"
    details = str(await described.static_details())
    assert "AttentionReason" in details
    assert f"aftersale why {life.order_id}" in details


@pytest.fixture
def alone(marketplace: Marketplace, make_database: Callable[[], Database]) -> Iterator[tuple[Marketplace, Database]]:
    """The marketplace with a database and a task queue of this test's own."""
    database = make_database()
    engine = connect(database.url)
    yield replace(marketplace, engine=engine, task_queue=f"orders-{uuid4().hex[:8]}", lives=[]), database
    engine.dispose()


@contextmanager
def away(postgres: Postgres, database: Database) -> Iterator[None]:
    """Nobody reaches the database inside the block."""
    where = {"host": "127.0.0.1", "port": str(postgres.port), "user": "postgres", "dbname": "postgres"}
    with psycopg.connect(**where, autocommit=True) as admin:  # type: ignore[arg-type]  # the stubs want one type for all
        admin.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name])
        try:
            yield
        finally:
            admin.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")


async def test_an_order_whose_step_cannot_be_recorded_says_so_and_a_note_hastens_it(
    alone: tuple[Marketplace, Database], postgres: Postgres
) -> None:
    market, database = alone
    with market.worker() as worker:
        async with worker:
            life = await market.order()
            with away(postgres, database):
                await life.handle.signal("confirm", life.message(SELLER, {}))
                described = await told(life, "cannot be recorded")
                assert described.search_attributes["Attention"] == [True]
                assert reason(described).startswith("step 2 (confirm) cannot be recorded (OperationalError)")
                assert f"aftersale note {life.order_id} --reason '...'" in WHOLE.findall(reason(described))
                assert (await timers(life))[0].startswith("step 2 (confirm) cannot be recorded")
            await life.desk("note")
            assert life.steps() == ["place", "confirm", "note"]
            described = await life.handle.describe()
            assert (described.search_attributes["Attention"], reason(described)) == ([False], "")


async def test_a_step_that_the_books_refuse_is_told_as_a_bug_and_why_knows_of_it(
    alone: tuple[Marketplace, Database],
) -> None:
    market, database = alone
    with psycopg.connect(database.owner_url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute("ALTER TABLE steps ADD CONSTRAINT wrong CHECK (step <> 'decline')")
        with market.worker() as worker:
            async with worker:
                life = await market.order()
                await life.handle.signal("decline", life.message(SELLER, {"reason": "other"}))
                described = await told(life, "cannot be recorded")
                assert reason(described).startswith("step 2 (decline) cannot be recorded (IntegrityError): the books")
                assert "PostgreSQL" not in reason(described)
                assert f"aftersale restart {life.order_id} --reason '...'" in WHOLE.findall(reason(described))
                with market.engine.begin() as conn:
                    screen = screens.order_screen(conn, life.order_id)
                assert screen is not None
                assert [(item.kind, item.command) for item in why(screen).open] == [
                    ("step", f"aftersale restart {life.order_id} --reason '...'")
                ]
                owner.execute("ALTER TABLE steps DROP CONSTRAINT wrong")
                await life.signal("confirm", SELLER)
                assert life.steps() == ["place", "decline"]


async def told(life: Life, words: str) -> WorkflowExecutionDescription:
    """The order's description once its reason says `words`."""
    async with asyncio.timeout(PATIENCE):
        while words not in reason(described := await life.handle.describe()):  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0.05)
    return described
