from __future__ import annotations

import logging
import time
import traceback
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from activities.providers.easypost import EasyPostCarrier, milestone, read_tracker
from domain.errors import ProviderError, Unauthorised, Unknown
from domain.parcels.parcel import Milestone, Proof
from domain.parcels.tracking import NotTrackable, Reached, UnknownTracker
from sandbox.carrier import STATUSES, CarrierWorld, carrier_routes
from tests.serving import Switch, refused, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from activities.providers.carrier_port import Carrier

NUMBER = "1Z5R89390357567127"
DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def as_port(adapter: EasyPostCarrier) -> Carrier:
    """The type checker's word that the adapter is the port."""
    return adapter


class Clock:
    """A clock that moves by hand."""

    def __init__(self) -> None:
        self.now = DAY

    def __call__(self) -> datetime:
        return self.now


class Bench:
    """A sandbox carrier over HTTP and the adapter that talks to it."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self.clock = clock
        self.carrier = as_port(self.adapter())

    def adapter(self, *, api_key: str = "EZTKsandbox", timeout: float = 5.0) -> EasyPostCarrier:
        return EasyPostCarrier(base_url=self.url, api_key=api_key, webhook_secret="s3cret", timeout=timeout)

    def command(self, path: str, **body: object) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/sandbox/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def move(self, status: str, hours: float = 0, **more: object) -> None:
        self.command(f"parcels/{NUMBER}", status=status, at=(DAY + timedelta(hours=hours)).isoformat(), **more)


def answering(status: int, body: object, headers: dict[str, str] | None = None) -> Starlette:
    async def answer(_: Request) -> Response:
        return JSONResponse(body, status_code=status, headers=headers)

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Switch, str]]:
    switch = Switch()
    with serve(switch) as url:
        yield switch, url


@pytest.fixture
def bench(served: tuple[Switch, str]) -> Bench:
    switch, url = served
    clock = Clock()
    switch.app = Starlette(routes=carrier_routes(CarrierWorld(clock=clock)))
    return Bench(url, clock)


@pytest.fixture
def stub(served: tuple[Switch, str]) -> Callable[..., EasyPostCarrier]:
    """The adapter in front of a service that always answers the same."""
    switch, url = served

    def make(status: int, body: object, headers: dict[str, str] | None = None) -> EasyPostCarrier:
        switch.app = answering(status, body, headers)
        return EasyPostCarrier(base_url=url, api_key="k", webhook_secret="s")

    return make


def told(*steps: tuple[Milestone, float, Proof] | tuple[Milestone, float]) -> tuple[Reached, ...]:
    return tuple(Reached(step[0], DAY + timedelta(hours=step[1]), *(step[2:] or (Proof.WEAK,))) for step in steps)


def test_tracking_the_same_parcel_twice_gives_the_same_tracker(bench: Bench) -> None:
    first = bench.carrier.track("UPS", NUMBER)
    assert bench.carrier.track("UPS", NUMBER) == first
    assert bench.carrier.track("FedEx", NUMBER) != first


def test_a_number_recycled_after_three_months_gets_a_tracker_of_its_own(bench: Bench) -> None:
    first = bench.carrier.track("UPS", NUMBER)
    bench.clock.now += timedelta(days=91)
    assert bench.carrier.track("UPS", NUMBER) != first


def test_trackers_are_listed_by_number_in_the_dialect(bench: Bench) -> None:
    tracker = bench.carrier.track("UPS", NUMBER)
    listed = requests.get(
        f"{bench.url}/v2/trackers", params={"tracking_code": NUMBER}, auth=("EZTKsandbox", ""), timeout=5
    ).json()
    assert [(each["object"], each["id"], each["status"]) for each in listed["trackers"]] == [
        ("Tracker", tracker, "unknown")
    ]


def test_a_parcel_that_was_never_scanned_has_no_milestones(bench: Bench) -> None:
    report = bench.carrier.report(bench.carrier.track("UPS", NUMBER))
    assert (report.milestones, report.last_movement) == ((), None)


def test_a_whole_journey_is_told_in_our_words(bench: Bench) -> None:
    tracker = bench.carrier.track("UPS", NUMBER)
    bench.move("pre_transit", 0)
    for hours in (1, 5, 9):
        bench.move("in_transit", hours)
    bench.move("out_for_delivery", 24)
    bench.move("failure", 30)
    bench.move("failure", 54)
    bench.move("available_for_pickup", 60)
    bench.move("delivered", 70)
    report = bench.carrier.report(tracker)
    assert report.milestones == told(
        (Milestone.ACCEPTED, 1),
        (Milestone.IN_TRANSIT, 5),
        (Milestone.OUT_FOR_DELIVERY, 24),
        (Milestone.FAILED_ATTEMPT, 30),
        (Milestone.FAILED_ATTEMPT, 54),
        (Milestone.AVAILABLE_FOR_PICKUP, 60),
        (Milestone.DELIVERED, 70),
    )
    assert report.last_movement == DAY + timedelta(hours=70)


def test_scans_reported_late_and_out_of_order_are_told_in_the_order_of_the_journey(bench: Bench) -> None:
    tracker = bench.carrier.track("UPS", NUMBER)
    bench.move("delivered", 20)
    bench.move("in_transit", 2)
    bench.move("in_transit", 2)
    bench.move("out_for_delivery", 10)
    assert bench.carrier.report(tracker).milestones == told(
        (Milestone.ACCEPTED, 2), (Milestone.OUT_FOR_DELIVERY, 10), (Milestone.DELIVERED, 20)
    )


@pytest.mark.parametrize(
    ("evidence", "proof"),
    [
        ({}, Proof.WEAK),
        ({"signed_by": "J. DOE"}, Proof.STRONG),
        ({"photo": True}, Proof.STRONG),
        ({"signed_by": "SIGNATURE NOT REQUIRED"}, Proof.WEAK),
        ({"signed_by": "Left at front door"}, Proof.WEAK),
        ({"signed_by": "--"}, Proof.WEAK),
    ],
)
def test_a_delivery_is_proven_by_a_signature_or_a_photo_only(
    bench: Bench, evidence: dict[str, object], proof: Proof
) -> None:
    tracker = bench.carrier.track("UPS", NUMBER)
    bench.move("out_for_delivery", 1)
    bench.move("delivered", 2, **evidence)
    assert bench.carrier.report(tracker).milestones == told(
        (Milestone.OUT_FOR_DELIVERY, 1, Proof.WEAK), (Milestone.DELIVERED, 2, proof)
    )


def test_a_photo_that_comes_later_proves_the_first_delivery(bench: Bench) -> None:
    tracker = bench.carrier.track("UPS", NUMBER)
    bench.move("delivered", 2)
    bench.move("delivered", 3, photo=True)
    assert bench.carrier.report(tracker).milestones == told((Milestone.DELIVERED, 2, Proof.STRONG))


def test_a_parcel_delivered_and_then_returned_or_lost_tells_both(bench: Bench) -> None:
    tracker = bench.carrier.track("UPS", NUMBER)
    bench.move("delivered", 2)
    bench.move("return_to_sender", 30)
    bench.move("failure", 90, status_detail="lost")
    assert bench.carrier.report(tracker).milestones == told(
        (Milestone.DELIVERED, 2), (Milestone.RETURNED, 30), (Milestone.LOST, 90)
    )


@pytest.mark.parametrize("in_custody", [False, True])
@pytest.mark.parametrize("status", STATUSES)
def test_every_status_of_the_dialect_has_one_meaning(
    status: str, in_custody: bool, caplog: pytest.LogCaptureFixture
) -> None:
    expected = {
        "in_transit": Milestone.IN_TRANSIT if in_custody else Milestone.ACCEPTED,
        "out_for_delivery": Milestone.OUT_FOR_DELIVERY,
        "delivered": Milestone.DELIVERED,
        "available_for_pickup": Milestone.AVAILABLE_FOR_PICKUP,
        "return_to_sender": Milestone.RETURNED,
        "failure": Milestone.FAILED_ATTEMPT,
    }.get(status)
    assert milestone(status, "status_update", in_custody=in_custody) is expected
    assert not caplog.records


def test_a_status_invented_later_is_no_milestone_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert milestone("teleported", "", in_custody=True) is None
    assert milestone(NUMBER, "", in_custody=True) is None
    assert [record.getMessage() for record in caplog.records] == [
        "unknown tracker status: teleported",
        "unknown tracker status: (not a word)",
    ]


def test_a_state_without_history_counts_from_its_last_update() -> None:
    report = read_tracker("trk_1", {"status": "delivered", "updated_at": "2026-03-02T09:00:00Z", "signed_by": "A. B."})
    assert report.milestones == (Reached(Milestone.DELIVERED, DAY, Proof.STRONG),)


def test_times_with_an_offset_and_without_one_are_told_in_utc() -> None:
    scans = [
        {"status": "in_transit", "datetime": "2026-03-02T11:00:00+02:00"},
        {"status": "delivered", "datetime": "2026-03-02T10:00:00"},
    ]
    assert read_tracker("trk_1", {"tracking_details": scans}).milestones == told(
        (Milestone.ACCEPTED, 0), (Milestone.DELIVERED, 1)
    )


@pytest.mark.parametrize("rubbish", [None, 7, "x", [None, 3, {}, {"datetime": "soon", "status": []}], {"a": 1}])
def test_a_malformed_history_is_read_as_none(rubbish: object) -> None:
    assert read_tracker("trk_1", {"tracking_details": rubbish, "status": 5, "updated_at": 9}).milestones == ()


@pytest.mark.parametrize("fault", ["web_page", "unavailable"])
def test_a_web_page_and_an_outage_are_unknown_and_pass(bench: Bench, fault: str) -> None:
    tracker = bench.carrier.track("UPS", NUMBER)
    bench.command("carrier/faults", api=fault)
    with pytest.raises(Unknown):
        bench.carrier.report(tracker)
    with pytest.raises(Unknown):
        bench.carrier.track("UPS", NUMBER)
    bench.command("carrier/faults", api="none")
    assert bench.carrier.track("UPS", NUMBER) == tracker


def test_silence_is_unknown_after_the_timeout(bench: Bench) -> None:
    bench.command("carrier/faults", api="unanswered")
    started = time.monotonic()
    with pytest.raises(Unknown):
        bench.adapter(timeout=0.2).track("UPS", NUMBER)
    assert time.monotonic() - started < 4


def test_a_closed_port_is_unknown() -> None:
    with refused() as url, pytest.raises(Unknown):
        EasyPostCarrier(base_url=url, api_key="k", webhook_secret="s").track("UPS", NUMBER)


def test_a_wrong_key_is_told_apart_from_an_outage(bench: Bench) -> None:
    with pytest.raises(Unauthorised) as caught:
        bench.adapter(api_key="wrong").track("UPS", NUMBER)
    assert caught.value.code == "APIKEY.INVALID"


@pytest.mark.parametrize("tracker", ["trk_0", "../webhooks", "", NUMBER])
def test_a_tracker_that_does_not_exist_is_told(bench: Bench, tracker: str) -> None:
    with pytest.raises(UnknownTracker):
        bench.carrier.report(tracker)


def test_a_parcel_that_the_service_cannot_follow_is_told(bench: Bench) -> None:
    with pytest.raises(NotTrackable):
        bench.carrier.track("UPS", "")


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, []), (200, {}), (200, {"id": "hook_1"}), (302, {}), (409, {}), (500, {}), (200, {"id": 7})],
)
def test_an_answer_that_is_not_a_tracker_is_unknown(
    stub: Callable[..., EasyPostCarrier], status: int, body: object
) -> None:
    with pytest.raises(Unknown):
        stub(status, body).track("UPS", NUMBER)


def test_a_redirect_is_not_followed_with_our_key(served: tuple[Switch, str]) -> None:
    switch, url = served
    elsewhere = RedirectResponse("/elsewhere")
    found = JSONResponse({"id": "trk_1", "tracking_details": []})
    switch.app = Starlette(routes=[Route("/v2/trackers/trk_1", elsewhere), Route("/elsewhere", found)])
    with pytest.raises(Unknown):
        EasyPostCarrier(base_url=url, api_key="k", webhook_secret="s").report("trk_1")


def test_another_tracker_than_the_asked_one_is_unknown(stub: Callable[..., EasyPostCarrier]) -> None:
    with pytest.raises(Unknown):
        stub(200, {"id": "trk_2"}).report("trk_1")


def test_a_rate_limit_says_how_long_to_wait(stub: Callable[..., EasyPostCarrier]) -> None:
    carrier = stub(429, {"error": {"code": "RATE_LIMITED"}}, {"Retry-After": "30"})
    with pytest.raises(Unknown) as caught:
        carrier.report("trk_1")
    assert (caught.value.retry_after, caught.value.code) == (30.0, "RATE_LIMITED")


@pytest.mark.parametrize("status", [401, 404, 422, 500])
def test_no_error_log_or_repr_contains_the_tracking_number(
    stub: Callable[..., EasyPostCarrier], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    refusal = {"error": {"code": f"BAD.{NUMBER}", "message": f"{NUMBER} is not a number of UPS"}}
    caught: list[ProviderError] = []
    with refused() as url:
        for carrier in (stub(status, refusal), EasyPostCarrier(base_url=url, api_key="k", webhook_secret="s")):
            assert NUMBER not in repr(carrier)
            try:
                carrier.track("UPS", NUMBER)
            except ProviderError as error:
                caught.append(error)
    assert len(caught) == 2
    shown = "".join("".join(traceback.format_exception(error)) + repr(vars(error)) for error in caught)
    assert NUMBER not in shown + caplog.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"parcels/{NUMBER}", {"status": "eaten"}),
        (f"parcels/{NUMBER}", {}),
        (f"parcels/{NUMBER}", {"status": "delivered", "at": "2026-03-02T09:00:00"}),
        (f"parcels/{NUMBER}", {"status": "delivered", "at": "today"}),
        ("carrier/faults", {"api": "fire"}),
        ("carrier/webhooks/release", {"times": 0}),
        ("carrier/faults", []),
    ],
)
def test_a_malformed_command_to_the_sandbox_is_refused(bench: Bench, path: str, body: object) -> None:
    answer = requests.post(f"{bench.url}/sandbox/{path}", json=body, timeout=5)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "PARAMETER.INVALID"
