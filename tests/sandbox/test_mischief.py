"""Every fault on request does what it says, and a seeded plan strikes the same calls each time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from sandbox.client import SandboxClient
from sandbox.faults import FaultKind
from sandbox.plan import FAULTS, SUITS
from sandbox.server import serve

MARCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AUTH = ("sk_test_sandbox", "")
_numbers = itertools.count(1)


@pytest.fixture
def order(sandbox: SandboxClient) -> str:
    name = f"mischief-{next(_numbers)}"
    sandbox.move_clock(name, MARCH)
    sandbox.account("acct_mischief")
    return name


def post(sandbox: SandboxClient, path: str, /, key: str = "", **form: str) -> requests.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return requests.post(f"{sandbox.url}/v1/{path}", data=form, auth=AUTH, headers=headers, timeout=10)


def get(sandbox: SandboxClient, path: str) -> Any:
    return requests.get(f"{sandbox.url}/v1/{path}", auth=AUTH, timeout=10).json()


def kinds(sandbox: SandboxClient, order: str) -> list[str]:
    return [effect["kind"] for effect in sandbox.book(order)]


def held(sandbox: SandboxClient, order: str) -> str:
    return str(sandbox.preauthorise(order, 4990, "EUR")["payment_intent"])


def charged(sandbox: SandboxClient, order: str) -> str:
    return str(post(sandbox, f"payment_intents/{held(sandbox, order)}/capture").json()["latest_charge"])


def test_an_effect_whose_answer_is_a_server_error_stands_and_the_error_stays_under_its_key(
    sandbox: SandboxClient, order: str
) -> None:
    charge = charged(sandbox, order)
    sandbox.fault("effect_then_error", order_id=order, operation="refund")
    answers = [post(sandbox, "refunds", key=order, charge=charge, amount="100").status_code for _ in range(2)]
    assert answers == [500, 500]
    assert kinds(sandbox, order) == ["authorise", "capture", "refund"]


def test_a_box_in_between_answers_with_a_page_and_nothing_is_done(sandbox: SandboxClient, order: str) -> None:
    intent = held(sandbox, order)
    sandbox.fault("nonsense", order_id=order, operation="capture")
    answer = post(sandbox, f"payment_intents/{intent}/capture", key=order)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert kinds(sandbox, order) == ["authorise"]


def test_a_lie_says_done_and_leaves_no_trace(sandbox: SandboxClient, order: str) -> None:
    intent = held(sandbox, order)
    sandbox.fault("lie", order_id=order, operation="capture")
    balance = get(sandbox, "balance")
    answer = post(sandbox, f"payment_intents/{intent}/capture", key=order)
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert get(sandbox, f"payment_intents/{intent}")["status"] == "requires_capture"
    assert get(sandbox, "balance") == balance
    assert kinds(sandbox, order) == ["authorise"]
    assert post(sandbox, f"payment_intents/{intent}/capture", key=order).json()["amount_received"] == 4990
    assert kinds(sandbox, order) == ["authorise", "capture"]


def test_a_lie_is_forgotten_in_the_file_as_well(tmp_path: Any) -> None:
    state = tmp_path / "sandbox.sqlite"
    with serve(state=state) as server:
        sandbox = SandboxClient(server.url)
        intent = held(sandbox, "A")
        sandbox.fault("lie", operation="capture")
        post(sandbox, f"payment_intents/{intent}/capture")
    with serve(state=state) as server:
        assert kinds(SandboxClient(server.url), "A") == ["authorise"]


def test_a_bank_declines_on_request(sandbox: SandboxClient, order: str) -> None:
    intent = held(sandbox, order)
    sandbox.fault("declined", order_id=order, operation="capture")
    answer = post(sandbox, f"payment_intents/{intent}/capture", key=order)
    assert (answer.status_code, answer.json()["error"]["payment_intent"]["id"]) == (402, intent)
    assert post(sandbox, f"payment_intents/{intent}/capture", key=order).status_code == 402
    assert post(sandbox, f"payment_intents/{intent}/capture", key=f"{order}-2").status_code == 200


@pytest.mark.parametrize(
    ("fault", "code"), [("balance_insufficient", "balance_insufficient"), ("account_closed", "resource_missing")]
)
def test_a_transfer_finds_no_funds_or_no_account(sandbox: SandboxClient, order: str, fault: str, code: str) -> None:
    charge = charged(sandbox, order)
    sandbox.fault(fault, order_id=order, operation="release")
    form = {"amount": "100", "currency": "eur", "destination": "acct_mischief", "source_transaction": charge}
    assert post(sandbox, "transfers", **form).json()["error"]["code"] == code
    assert post(sandbox, "transfers", **form).status_code == 200


def events(sandbox: SandboxClient, thing: str) -> list[dict[str, Any]]:
    """The events about an object, or about what is on it, the newest first."""
    found: list[dict[str, Any]] = []
    page = get(sandbox, "events?limit=100")
    while True:
        found += page["data"]
        if not page["has_more"]:
            break
        page = get(sandbox, f"events?limit=100&starting_after={page['data'][-1]['id']}")
    about = [(event, event["data"]["object"]) for event in found]
    return [event for event, told_of in about if thing in (told_of["id"], told_of.get("payment_intent"))]


def told(sandbox: SandboxClient, thing: str) -> list[str]:
    """The types of these events."""
    return [event["type"] for event in events(sandbox, thing)]


def test_a_hold_lapses_just_before_the_call(sandbox: SandboxClient, order: str) -> None:
    intent = held(sandbox, order)
    sandbox.fault("hold_expired", order_id=order, operation="capture")
    answer = post(sandbox, f"payment_intents/{intent}/capture")
    assert answer.json()["error"]["payment_intent"]["status"] == "canceled"
    assert kinds(sandbox, order) == ["authorise", "lapse"]
    assert told(sandbox, intent)[:2] == ["payment_intent.canceled", "charge.expired"]


def test_a_refund_fails_days_later_on_the_orders_clock(sandbox: SandboxClient, order: str) -> None:
    charge = charged(sandbox, order)
    sandbox.fault("refund_fails", order_id=order, operation="refund", delay_seconds=3 * 86_400)
    refund = post(sandbox, "refunds", charge=charge).json()
    assert refund["status"] == "succeeded"
    sandbox.move_clock(order, MARCH + timedelta(days=2, hours=23))
    assert get(sandbox, f"refunds/{refund['id']}")["status"] == "succeeded"
    sandbox.move_clock(order, MARCH + timedelta(days=3, hours=1))
    assert get(sandbox, f"refunds/{refund['id']}")["status"] == "failed"
    assert kinds(sandbox, order) == ["authorise", "capture", "refund", "refund_failed"]
    assert set(told(sandbox, refund["id"])) - {"refund.created"} == {
        "refund.failed",
        "refund.updated",
        "charge.refund.updated",
    }


@pytest.mark.parametrize("operation", ["capture", "release", "refund"])
def test_a_charge_is_disputed_after_the_call(sandbox: SandboxClient, order: str, operation: str) -> None:
    sandbox.fault("dispute", order_id=order, operation=operation, delay_seconds=86_400)
    charge = charged(sandbox, order)
    form = {"amount": "1000", "currency": "eur", "destination": "acct_mischief", "source_transaction": charge}
    post(sandbox, "transfers", **form)
    post(sandbox, "refunds", charge=charge, amount="990")
    assert "dispute" not in kinds(sandbox, order)
    sandbox.move_clock(order, MARCH + timedelta(days=2))
    assert [(e["kind"], e["amount"]) for e in sandbox.book(order)][-1] == ("dispute", 4000)


def test_a_charge_that_was_given_back_meanwhile_is_not_disputed(sandbox: SandboxClient, order: str) -> None:
    sandbox.fault("dispute", order_id=order, operation="capture", delay_seconds=86_400)
    post(sandbox, "refunds", charge=charged(sandbox, order))
    sandbox.move_clock(order, MARCH + timedelta(days=2))
    assert kinds(sandbox, order) == ["authorise", "capture", "refund"]


def test_a_buyer_can_pass_the_banks_page_after_everybody_gave_up(sandbox: SandboxClient, order: str) -> None:
    form = {"amount": "4990", "currency": "eur", "capture_method": "manual", "confirm": "true"}
    form |= {"payment_method": "pm_card_authenticationRequired", "metadata[order_id]": order}
    intent = post(sandbox, "payment_intents", **form).json()
    assert intent["status"] == "requires_action"
    sandbox.move_clock(order, MARCH + timedelta(days=30))
    sandbox.authenticate(intent["id"])
    event = events(sandbox, intent["id"])[0]
    assert (event["type"], event["data"]["object"]["id"]) == (
        "payment_intent.amount_capturable_updated",
        intent["id"],
    )
    assert event["created"] >= (MARCH + timedelta(days=30)).timestamp()


def life(sandbox: SandboxClient, order: str) -> list[tuple[str, str]]:
    """Play one order stubbornly to its end under whatever plan is in force; answers what struck it."""
    sandbox.move_clock(order, MARCH)
    intent = held(sandbox, order)
    deeds: list[Callable[[int], requests.Response]] = [
        lambda n: post(sandbox, f"payment_intents/{intent}/capture", key=f"{order}-c{n}"),
        lambda _: requests.get(f"{sandbox.url}/v1/payment_intents/{intent}", auth=AUTH, timeout=10),
        lambda n: post(sandbox, f"payment_intents/{intent}/cancel", key=f"{order}-v{n}"),
    ]
    for deed, number in itertools.product(deeds, range(12)):
        try:
            deed(number)
        except requests.ConnectionError:
            continue
    return [(hit["operation"], hit["fault"]) for hit in sandbox.struck(order)]


def test_a_seed_strikes_the_same_calls_whatever_else_happens() -> None:
    seen = []
    for seed, others in ((1, 0), (1, 3), (2, 0)):
        with serve() as server:
            sandbox = SandboxClient(server.url)
            sandbox.plan(seed, 0.5, order_prefix="hit-")
            for number in range(others):
                life(sandbox, f"hit-other-{number}")
            seen.append(life(sandbox, "hit-me"))
            assert life(sandbox, "spared") == []
    first, again, other = seen
    assert first == again != other
    assert 8 <= len(first) <= 28
    assert len(set(first)) > 6


def test_a_plan_can_be_narrowed_and_ends(sandbox: SandboxClient, order: str) -> None:
    sandbox.plan(3, 1.0, order_prefix=order, faults=["conflict", "pending"], operations=["capture", "refund"])
    intent = held(sandbox, order)
    assert get(sandbox, f"payment_intents/{intent}")["status"] == "requires_capture"
    assert post(sandbox, f"payment_intents/{intent}/capture").status_code == 409
    sandbox.clear_plan()
    charge = post(sandbox, f"payment_intents/{intent}/capture").json()["latest_charge"]
    assert post(sandbox, "refunds", charge=charge).json()["status"] == "succeeded"
    assert [hit["fault"] for hit in sandbox.struck(order)] == ["conflict"]


def test_an_outage_by_plan_lasts_on_the_orders_clock(sandbox: SandboxClient, order: str) -> None:
    intent = held(sandbox, order)
    sandbox.plan(5, 0.999, order_prefix=order, faults=["unavailable"], operations=["capture"], outage_seconds=26 * 3600)
    path = f"payment_intents/{intent}/capture"
    assert post(sandbox, path).status_code == 503
    assert "error" in get(sandbox, f"payment_intents/{intent}")
    sandbox.move_clock(order, MARCH + timedelta(hours=25))
    assert "error" in get(sandbox, f"payment_intents/{intent}")
    sandbox.move_clock(order, MARCH + timedelta(hours=27))
    assert get(sandbox, f"payment_intents/{intent}")["status"] == "requires_capture"
    sandbox.clear_plan()


def test_a_plan_that_makes_no_sense_is_refused(sandbox: SandboxClient) -> None:
    for body in ({"seed": 1}, {"seed": 1, "rate": 2}, {"seed": 1, "rate": 0.5, "faults": ["explode"]}):
        assert requests.post(f"{sandbox.url}/sandbox/plan", json=body, timeout=10).status_code == 400


def test_every_fault_can_strike_by_chance_somewhere() -> None:
    assert set(SUITS) == set(FaultKind)
    assert all(SUITS.values())
    assert set(FaultKind) - set(FAULTS) == {FaultKind.LIE, FaultKind.SLOW}
