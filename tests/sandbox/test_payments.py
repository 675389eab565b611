"""The payment provider of the sandbox by itself: its memory, clocks, webhooks, levers and manners."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.client import SandboxClient
from sandbox.payments.wire import ApiError, parse_form
from sandbox.server import serve as serve_sandbox
from tests.serving import serve

MARCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AUTH = ("sk_test_sandbox", "")


def post(url: str, path: str, /, *, key: str = "", **form: str) -> requests.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return requests.post(f"{url}/v1/{path}", data=form, auth=AUTH, headers=headers, timeout=10)


def get(url: str, path: str, /, **query: str) -> Any:
    return requests.get(f"{url}/v1/{path}", params=query, auth=AUTH, timeout=10).json()


def test_brackets_become_objects_and_lists() -> None:
    assert parse_form("a=1&b[c]=2&b[d][e]=&f[]=3&f[]=4&g[1]=y&g[0]=x&metadata[0]=zero") == {
        "a": "1",
        "b": {"c": "2", "d": {"e": ""}},
        "f": ["3", "4"],
        "g": ["x", "y"],
        "metadata": {"0": "zero"},
    }
    with pytest.raises(ApiError):
        parse_form("a=1&a[b]=2")


def test_everything_survives_a_restart_on_the_same_file(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.sqlite"
    with serve_sandbox(clock=lambda: MARCH, state=state) as server:
        levers = SandboxClient(server.url)
        levers.move_clock("kept", MARCH + timedelta(days=1))
        intent = levers.preauthorise("kept", 700, "EUR")["payment_intent"]
        captured = post(server.url, f"payment_intents/{intent}/capture", key="k").json()
        levers.fault("unavailable", order_id="kept", operation="refund")
        book = levers.book()
    with serve_sandbox(clock=lambda: MARCH, state=state) as server:
        levers = SandboxClient(server.url)
        assert levers.book() == book
        again = post(server.url, f"payment_intents/{intent}/capture", key="k")
        assert (again.json(), again.headers["Idempotent-Replayed"]) == (captured, "true")
        assert levers.move_clock("kept", MARCH) == MARCH + timedelta(days=1)
        charge = captured["latest_charge"]
        assert [post(server.url, "refunds", charge=charge).status_code for _ in range(2)] == [503, 200]
        assert [effect["number"] for effect in levers.book()] == [1, 2, 3]


def test_a_process_of_its_own_says_where_it_listens_and_keeps_its_state_when_killed(tmp_path: Path) -> None:
    port_file, state = tmp_path / "port", tmp_path / "state"
    command = [sys.executable, "-m", "sandbox", "--port-file", str(port_file), "--state", str(state)]
    for end, effects in ((signal.SIGKILL, 0), (signal.SIGTERM, 1)):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
            try:
                assert process.stdout is not None
                url = process.stdout.readline().strip()
                assert url == f"http://127.0.0.1:{port_file.read_text()}"
                assert requests.get(f"{url}/healthz", timeout=10).json() == {"status": "ok"}
                levers = SandboxClient(url)
                assert len(levers.book()) == effects
                levers.preauthorise("A", 100, "EUR")
            finally:
                process.send_signal(end)


def test_the_clock_of_one_order_leaves_the_others_alone_and_never_goes_back(sandbox: SandboxClient) -> None:
    sandbox.move_clock("clock-1", MARCH)
    later = sandbox.move_clock("clock-1", MARCH + timedelta(days=3))
    assert sandbox.move_clock("clock-1", MARCH + timedelta(days=1)) >= later
    for order in ("clock-1", "clock-2"):
        sandbox.preauthorise(order, 100, "EUR")
    mine, other = (datetime.fromisoformat(sandbox.book(order)[0]["at"]) for order in ("clock-1", "clock-2"))
    assert timedelta() <= mine - later < timedelta(minutes=1)
    assert abs(other - datetime.now(UTC)) < timedelta(minutes=1)


def test_webhooks_are_posted_with_a_signature_that_the_official_sdk_accepts(sandbox: SandboxClient) -> None:
    arrived: queue.Queue[tuple[bytes, str]] = queue.Queue()

    async def receive(request: Request) -> Response:
        arrived.put((await request.body(), request.headers["Stripe-Signature"]))
        return Response()

    with serve(Starlette(routes=[Route("/hook", receive, methods=["POST"])])) as hook:
        form = {"url": f"{hook}/hook", "enabled_events[0]": "payment_intent.canceled"}
        endpoint = post(sandbox.url, "webhook_endpoints", **form).json()
        sandbox.move_clock("hooked", MARCH)
        intent = sandbox.preauthorise("hooked", 900, "EUR")["payment_intent"]
        sandbox.move_clock("hooked", MARCH + timedelta(days=8))
        body, header = arrived.get(timeout=10)
        requests.delete(f"{sandbox.url}/v1/webhook_endpoints/{endpoint['id']}", auth=AUTH, timeout=10)
    event = stripe.Webhook.construct_event(body, header, endpoint["secret"])
    assert (event["type"], event["data"]["object"]["id"]) == ("payment_intent.canceled", intent)
    assert json.loads(body)["created"] >= (MARCH + timedelta(days=8)).timestamp()
    at, signed = (part.partition("=")[2] for part in header.split(","))
    secret = endpoint["secret"].encode()
    assert signed == hmac.new(secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()


def test_an_intent_captures_by_itself_unless_told_otherwise(sandbox: SandboxClient) -> None:
    form = {"amount": "500", "currency": "eur", "payment_method": "pm_card_visa", "metadata[order_id]": "auto"}
    first = post(sandbox.url, "payment_intents", **form).json()
    assert first["status"] == "requires_confirmation"
    assert post(sandbox.url, f"payment_intents/{first['id']}/confirm").json()["status"] == "succeeded"
    assert post(sandbox.url, f"payment_intents/{first['id']}/confirm").status_code == 400
    second = post(sandbox.url, "payment_intents", confirm="true", **form).json()
    assert (second["status"], second["amount_received"]) == ("succeeded", 500)


def test_lists_come_newest_first_in_pages_and_can_be_searched(sandbox: SandboxClient) -> None:
    customer = post(sandbox.url, "customers").json()["id"]
    made = [sandbox.preauthorise(f"page-{n}", 100, "EUR", customer=customer)["payment_intent"] for n in range(5)]
    first = get(sandbox.url, "payment_intents", customer=customer, limit="3")
    rest = get(sandbox.url, "payment_intents", customer=customer, starting_after=first["data"][-1]["id"])
    assert [intent["id"] for intent in first["data"] + rest["data"]] == made[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    found = get(sandbox.url, "payment_intents/search", query="metadata['order_id']:'page-3' AND currency:'eur'")
    assert [intent["id"] for intent in found["data"]] == [made[3]]
    assert get(sandbox.url, "payment_intents/search", query="amount>5")["error"]["param"] == "query"


def test_captured_money_is_pending_and_a_transfer_without_its_charge_finds_no_funds() -> None:
    with serve_sandbox() as server:
        levers = SandboxClient(server.url)
        levers.account("acct_1")
        intent = levers.preauthorise("funds", 1000, "EUR")["payment_intent"]
        charge = post(server.url, f"payment_intents/{intent}/capture").json()["latest_charge"]
        transfer = {"amount": "400", "currency": "eur", "destination": "acct_1"}
        assert post(server.url, "transfers", **transfer).json()["error"]["code"] == "balance_insufficient"
        paid = post(server.url, "transfers", **transfer, source_transaction=charge).json()
        post(server.url, f"transfers/{paid['id']}/reversals", amount="150")
        balance = get(server.url, "balance")
        assert (balance["pending"][0]["amount"], balance["available"][0]["amount"]) == (600, 150)
        refund = post(server.url, "refunds", charge=charge, amount="800")
        assert refund.json()["error"]["code"] == "balance_insufficient"


@pytest.mark.parametrize(
    ("path", "form", "param"),
    [
        ("payment_intents", {"currency": "eur"}, "amount"),
        ("payment_intents", {"amount": "10.5", "currency": "eur"}, "amount"),
        ("payment_intents", {"amount": "0", "currency": "eur"}, "amount"),
        ("payment_intents", {"amount": "10", "currency": "EUR"}, "currency"),
        ("payment_intents", {"amount": "10", "currency": "eur", "colour": "red"}, "colour"),
        ("payment_intents", {"amount": "10", "currency": "eur", "off_session": "true"}, "off_session"),
        ("payment_intents", {"amount": "10", "currency": "eur", "customer": "cus_none"}, "customer"),
        ("refunds", {"charge": "ch_none"}, "charge"),
        ("transfers", {"amount": "10", "currency": "eur"}, "destination"),
    ],
)
def test_a_request_with_a_wrong_parameter_names_it(
    sandbox: SandboxClient, path: str, form: dict[str, str], param: str
) -> None:
    answer = post(sandbox.url, path, **form)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["param"] == param


def test_a_validation_error_does_not_use_up_its_key(sandbox: SandboxClient) -> None:
    assert post(sandbox.url, "customers", key="spelling", nome="x").status_code == 400
    assert post(sandbox.url, "customers", key="spelling", name="x").status_code == 200


@pytest.mark.parametrize(
    ("lever", "body", "says"),
    [
        ("faults", {"fault": "explode"}, "fault must be one of effect_then_cut"),
        ("faults", {"fault": "timeout", "until": "tomorrow"}, "until must be an instant"),
        ("faults", {"fault": "timeout", "times": -1}, "times must be a number"),
        ("clocks", {"order_id": "x", "now": "2026-03-02T09:00:00"}, "now must be an instant"),
        ("preauthorise", {"order_id": "x", "currency": "EUR"}, "Missing: amount"),
        ("refunds", {"refund": "re_none", "status": "failed"}, "No such refund"),
    ],
)
def test_a_lever_moved_the_wrong_way_says_what_would_be_right(
    sandbox: SandboxClient, lever: str, body: dict[str, Any], says: str
) -> None:
    answer = requests.post(f"{sandbox.url}/sandbox/{lever}", json=body, timeout=10)
    assert answer.status_code in (400, 404)
    assert says in answer.json()["error"]["message"]


def test_a_fault_strikes_its_order_its_operation_and_its_number_of_calls_only(sandbox: SandboxClient) -> None:
    intents = {name: sandbox.preauthorise(name, 100, "EUR")["payment_intent"] for name in ("hit", "spared")}
    sandbox.fault("unavailable", order_id="hit", operation="capture", times=2)

    def capture(name: str) -> int:
        return post(sandbox.url, f"payment_intents/{intents[name]}/capture").status_code

    assert capture("spared") == 200
    assert get(sandbox.url, f"payment_intents/{intents['hit']}")["status"] == "requires_capture"
    assert [capture("hit") for _ in range(3)] == [503, 503, 200]


def test_planned_faults_can_be_dropped(sandbox: SandboxClient) -> None:
    intent = sandbox.preauthorise("dropped", 100, "EUR")["payment_intent"]
    sandbox.fault("timeout", order_id="dropped", until=datetime.now(UTC) + timedelta(days=1))
    sandbox.clear_faults("dropped")
    assert post(sandbox.url, f"payment_intents/{intent}/cancel").json()["status"] == "canceled"
