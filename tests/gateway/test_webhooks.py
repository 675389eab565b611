from __future__ import annotations

import asyncio
import json
import logging
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from starlette.applications import Starlette

from activities.providers.easypost import EasyPostCarrier
from domain.parcels.parcel import Milestone
from domain.parcels.tracking import InvalidWebhook, UnknownTracker
from gateway.webhooks import Source, create_app
from sandbox.carrier import CarrierWorld, _signature, carrier_routes
from tests.serving import Switch, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

    from domain.parcels.tracking import CarrierEvent, TrackerReport

NUMBER = "9400111202555842332669"
SECRET = "s\u00e9cret"  # Not ASCII: the dialect normalises it before it signs.
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Memory:
    """The seen events of one process."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def contains(self, source: str, event_id: str) -> bool:
        assert source == "easypost"
        return event_id in self.ids

    async def add(self, source: str, event_id: str) -> None:
        assert source == "easypost"
        if event_id not in self.ids:
            self.ids.append(event_id)


class Bench:
    """A sandbox carrier and the receiver of its webhooks, both over HTTP."""

    def __init__(self, sandbox: str, receiver: str) -> None:
        self.now = NOW
        self.delivered: list[tuple[str, TrackerReport]] = []
        self.delivery_fails = False
        self.memory = Memory()
        self.world = CarrierWorld(clock=lambda: NOW)
        self.sandbox = sandbox
        self.receiver = receiver

    async def look(self, event: CarrierEvent) -> bool:
        """What `CarrierDesk.look` does, with a list for the orders."""
        try:
            report = await asyncio.to_thread(self.carrier().report, event.tracker_id)
        except UnknownTracker:
            return False
        if self.delivery_fails:
            raise ConnectionError("the engine is away")
        self.delivered.append((event.tracker_id, report))
        return True

    def carrier(self) -> EasyPostCarrier:
        return EasyPostCarrier(base_url=self.sandbox, api_key=self.world.api_key, webhook_secret=SECRET)

    def command(self, path: str, **body: object) -> dict[str, Any]:
        answer = requests.post(f"{self.sandbox}/sandbox/{path}", json=body, timeout=20)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def move(self, status: str, hours: float) -> dict[str, Any]:
        return self.command(f"parcels/{NUMBER}", status=status, at=(NOW + timedelta(hours=hours)).isoformat())

    def post(self, body: bytes, signature: str | None) -> requests.Response:
        headers = {} if signature is None else {"X-Hmac-Signature": signature}
        return requests.post(f"{self.receiver}/webhooks/easypost", data=body, headers=headers, timeout=5)

    def post_signed(self, body: bytes) -> requests.Response:
        return self.post(body, _signature(SECRET, body))

    def told(self) -> list[list[Milestone]]:
        return [[step.milestone for step in report.milestones] for _, report in self.delivered]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Switch, str, Switch, str]]:
    sandbox, receiver = Switch(), Switch()
    with serve(sandbox) as sandbox_url, serve(receiver) as receiver_url:
        yield sandbox, sandbox_url, receiver, receiver_url


@pytest.fixture
def bench(served: tuple[Switch, str, Switch, str]) -> Bench:
    sandbox, sandbox_url, receiver, receiver_url = served
    bench = Bench(sandbox_url, receiver_url)
    sandbox.app = Starlette(routes=carrier_routes(bench.world))
    source = Source("easypost", bench.carrier().parse_webhook, bench.look)
    receiver.app = create_app([source], bench.memory, clock=lambda: bench.now, max_body=4096)
    hook = {"url": f"{receiver_url}/webhooks/easypost", "webhook_secret": SECRET}
    auth = (bench.world.api_key, "")
    requests.post(f"{sandbox_url}/v2/webhooks", json={"webhook": hook}, auth=auth, timeout=5).raise_for_status()
    return bench


def event(tracker_id: str = "trk_1", event_id: str = "evt_1", at: datetime = NOW, **result: object) -> bytes:
    body = {"id": event_id, "created_at": at.isoformat(), "description": "tracker.updated"}
    return json.dumps(body | {"result": {"id": tracker_id, "object": "Tracker"} | result}).encode()


def test_a_moved_parcel_is_delivered_as_read_back(bench: Bench) -> None:
    tracker = bench.carrier().track("USPS", NUMBER)
    assert bench.move("in_transit", 1)["webhooks_taken"] == 1
    assert bench.move("delivered", 5)["webhooks_taken"] == 1
    assert [each for each, _ in bench.delivered] == [tracker, tracker]
    assert bench.told() == [[Milestone.ACCEPTED], [Milestone.ACCEPTED, Milestone.DELIVERED]]


def test_a_repeated_webhook_is_delivered_once(bench: Bench) -> None:
    bench.carrier().track("USPS", NUMBER)
    bench.command("carrier/faults", webhooks="repeated")
    assert bench.move("in_transit", 1)["webhooks_taken"] == 3
    assert bench.told() == [[Milestone.ACCEPTED]]


def test_webhooks_in_reverse_order_tell_the_present_and_never_the_past(bench: Bench) -> None:
    bench.carrier().track("USPS", NUMBER)
    bench.command("carrier/faults", webhooks="held")
    for hours, status in enumerate(("in_transit", "out_for_delivery", "delivered")):
        bench.move(status, hours)
    assert bench.delivered == []
    made = [json.loads(delivery.body)["id"] for delivery in bench.world.held]
    bench.command("carrier/webhooks/release", reversed=True, times=10)
    assert bench.memory.ids == made[::-1]
    journey = [Milestone.ACCEPTED, Milestone.OUT_FOR_DELIVERY, Milestone.DELIVERED]
    assert bench.told() == [journey, journey, journey]


def test_silence_of_the_carrier_leaves_the_report_to_be_asked_for(bench: Bench) -> None:
    tracker = bench.carrier().track("USPS", NUMBER)
    bench.command("carrier/faults", webhooks="lost")
    assert bench.move("delivered", 1) == {"status": "delivered", "webhooks_taken": 0, "webhooks_held": 0}
    assert bench.delivered == []
    assert bench.carrier().report(tracker).milestones[0].milestone is Milestone.DELIVERED


@pytest.mark.parametrize("fault", ["web_page", "unavailable"])
def test_a_webhook_during_an_outage_of_the_read_back_is_sent_again(bench: Bench, fault: str) -> None:
    bench.carrier().track("USPS", NUMBER)
    bench.command("carrier/faults", api=fault)
    assert bench.move("delivered", 1)["webhooks_held"] == 1
    assert bench.delivered == []
    bench.command("carrier/faults", api="none")
    assert bench.command("carrier/webhooks/release")["webhooks_taken"] == 1
    assert bench.told() == [[Milestone.DELIVERED]]


def test_a_webhook_whose_delivery_failed_is_taken_again(bench: Bench) -> None:
    bench.carrier().track("USPS", NUMBER)
    bench.delivery_fails = True
    assert bench.move("delivered", 1)["webhooks_held"] == 1
    bench.delivery_fails = False
    assert bench.command("carrier/webhooks/release")["webhooks_taken"] == 1
    assert bench.told() == [[Milestone.DELIVERED]]


def test_a_webhook_three_days_late_still_counts_and_a_month_late_does_not(bench: Bench) -> None:
    tracker = bench.carrier().track("USPS", NUMBER)
    bench.now = NOW + timedelta(days=3)
    assert bench.post_signed(event(tracker)).status_code == 200
    bench.now = NOW + timedelta(days=30)
    assert bench.post_signed(event(tracker, "evt_2")).status_code == 400
    assert len(bench.delivered) == 1


def test_the_body_is_never_believed(bench: Bench) -> None:
    tracker = bench.carrier().track("USPS", NUMBER)
    scan = {"status": "delivered", "datetime": NOW.isoformat()}
    assert bench.post_signed(event(tracker, status="delivered", tracking_details=[scan])).status_code == 200
    assert bench.told() == [[]]


def test_a_forged_webhook_is_turned_away(bench: Bench) -> None:
    body = event(bench.carrier().track("USPS", NUMBER))
    right = _signature(SECRET, body)
    wrong = [
        None,
        "",
        "hmac-sha256-hex=",
        right[:-1],
        right.upper(),
        _signature("guess", body),
        "hmac-sha256-hex=\u00e9",
    ]
    for signature in wrong:
        assert bench.post(body, signature).status_code == 401
    assert bench.post(body.replace(b"tracker.updated", b"tracker.Updated"), right).status_code == 401
    assert bench.post(body + b" ", right).status_code == 401
    assert bench.delivered == []
    assert bench.post(body, right).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"result": 1}',
        b"[" * 4000,
        event(tracker_id="../webhooks"),
        event(event_id=""),
        event().replace(b"created_at", b"made_at"),
    ],
)
def test_a_signed_but_unreadable_webhook_is_refused(bench: Bench, body: bytes) -> None:
    assert bench.post_signed(body).status_code == 400
    assert bench.delivered == []


def test_an_event_about_something_else_is_taken_and_ignored(bench: Bench) -> None:
    assert bench.post_signed(event(object="Batch")).json() == {"status": "ignored"}
    assert bench.delivered == []


def test_an_unknown_tracker_is_taken_and_nothing_is_done(bench: Bench) -> None:
    answer = bench.post_signed(event("trk_nobody"))
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert bench.delivered == []


def test_a_body_beyond_the_cap_is_refused_whether_or_not_it_tells_its_length(bench: Bench) -> None:
    huge = b"x" * 5000
    assert bench.post_signed(huge).status_code == 413
    url = f"{bench.receiver}/webhooks/easypost"
    assert requests.post(url, data=(huge[at : at + 1000] for at in range(0, 5000, 1000)), timeout=5).status_code == 413


@pytest.mark.parametrize("told", ["Content-Length: 1000\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
@pytest.mark.parametrize("abruptly", [False, True])
def test_who_hangs_up_within_a_webhook_writes_nothing_into_the_log(
    bench: Bench, served: tuple[Switch, str, Switch, str], caplog: pytest.LogCaptureFixture, told: str, abruptly: bool
) -> None:
    receiver, begun, ended = served[2], threading.Event(), threading.Event()
    app = receiver.app

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        try:
            await app(scope, receive, send)
        finally:
            ended.set()

    receiver.app = noted
    caplog.set_level(logging.WARNING, "uvicorn.error")
    port = int(bench.receiver.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as caller:
        caller.sendall(f"POST /webhooks/easypost HTTP/1.1\r\nHost: receiver\r\n{told}".encode())
        assert begun.wait(5)
        if abruptly:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert ended.wait(5), "the receiver waits for the rest"
    assert requests.get(f"{bench.receiver}/healthz", timeout=5).status_code == 200
    assert (caplog.record_tuples, bench.delivered) == ([], [])


def test_many_webhooks_at_once_are_all_answered(bench: Bench) -> None:
    tracker = bench.carrier().track("USPS", NUMBER)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: bench.post_signed(event(tracker, f"evt_{n % 4}")).status_code, range(16)))
    assert answers == [200] * 16
    assert sorted(bench.memory.ids) == ["evt_0", "evt_1", "evt_2", "evt_3"]


def test_nothing_but_post_reaches_the_webhook_and_health_is_told(bench: Bench) -> None:
    assert requests.get(f"{bench.receiver}/webhooks/easypost", timeout=5).status_code == 405
    assert requests.get(f"{bench.receiver}/healthz", timeout=5).json() == {"status": "ok"}


def test_the_adapter_refuses_to_work_without_a_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        EasyPostCarrier(base_url="http://unused.invalid", api_key="k", webhook_secret="")


def test_the_signature_header_is_found_in_any_case() -> None:
    carrier = EasyPostCarrier(base_url="http://unused.invalid", api_key="k", webhook_secret=SECRET)
    body = event()
    for name in ("X-Hmac-Signature", "x-hmac-signature", "X-HMAC-SIGNATURE"):
        found = carrier.parse_webhook(body, {name: _signature(SECRET, body)})
        assert found is not None
        assert (found.event_id, found.tracker_id, found.at) == ("evt_1", "trk_1", NOW)
    with pytest.raises(InvalidWebhook):
        carrier.parse_webhook(body, {})


def test_a_known_signature_of_the_dialect_is_reproduced() -> None:
    carrier = EasyPostCarrier(base_url="http://unused.invalid", api_key="k", webhook_secret="key")
    # The HMAC-SHA256 of this sentence under this key is a published test vector.
    body = b"The quick brown fox jumps over the lazy dog"
    digest = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    with pytest.raises(InvalidWebhook) as caught:
        carrier.parse_webhook(body, {"X-Hmac-Signature": f"hmac-sha256-hex={digest}"})
    assert not caught.value.forged
