"""How a seller works, and how work flows, told of lives that were lived."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import event

from activities.store.desk.flow import Share, Span
from domain.claims.case import ClaimReason, Verdict
from domain.errors import Invalid
from domain.parcels.parcel import Milestone
from domain.state import Actor
from starter.answers import operator, specialist
from starter.client import AftersaleClient
from starter.records import Records
from starter.reports.charts import Chart, svg
from starter.reports.flow import report, write
from starter.reports.words import lasting, share, span
from tests.life import BUYER, OPERATOR, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.stories.claims import proof

TABLES = ("step_times", "tickets_per_day", "claims_by_reason", "time_to_resolution")
EVE = specialist("eve")


async def sold(market: Marketplace, policy: str, shop: str) -> Life:
    document = market.checkout(policy=policy)
    document["seller"]["person_id"] = shop
    return await market.order(market.preauthorised(document))


async def lived(client: AftersaleClient, market: Marketplace) -> tuple[str, str]:
    """A marketplace of its own, and a shop with three orders: one is claimed and decided, one declined, one left."""
    policy = f"told-{uuid4().hex[:8]}"
    shop = f"shop-{policy}"
    (market.policies / f"{policy}.toml").write_text(f'name = "{policy}"\n')
    first, second, third = [await sold(market, policy, shop) for _ in range(3)]
    await first.pass_time(timedelta(hours=2))
    await first.send("confirm", SELLER)
    await first.pass_time(timedelta(hours=1))
    await first.ship("p1")
    await first.scan(Milestone.DELIVERED)
    await client.open_claim(first.order_id, first.actor(BUYER), reason=ClaimReason.DAMAGED, lines=["L2"])
    await first.pass_time(timedelta(hours=5))
    await first.send("answer_claim", SELLER, evidence=[proof(first, SELLER)])
    await first.send("escalate_claim", BUYER)
    await client.decide_claim(first.order_id, EVE, verdict=Verdict.REFUND, text="It is broken.")
    await first.rest()
    await first.until("decision_stands")
    await first.pass_time(timedelta(seconds=5))
    await second.send("decline", SELLER, reason="out_of_stock")
    await third.until("confirm_overdue")
    return policy, shop


async def test_a_sellers_figures_and_the_flow_of_a_marketplace_are_those_of_its_lives(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace, records: Records, tmp_path: Path
) -> None:
    policy, shop = await lived(client, market)
    found = (await aftersale("figures", shop, "--to", "2099-01-01", "--from", "2000-01-01", "--json")).json
    assert found["confirm"]["count"] == found["ship"]["count"] == found["response"]["count"] == 1
    assert 120 <= found["confirm"]["median"] < 125
    assert 180 <= found["ship"]["median"] < 190
    assert 300 <= found["response"]["median"] < 305
    assert found["unanswered"] == {"count": 0, "of": 1}
    assert found["claimed"] == {"count": 1, "of": 3}
    assert found["for_buyer"] == {"count": 1, "of": 1}
    assert found["cancelled"] == {"count": 1, "of": 3}
    assert found["lapsed"] == {"count": 0, "of": 3}
    told = await aftersale("figures", shop, "--as", "seller", "--to", "2099-01-01", "--from", "2000-01-01")
    for words in ("confirms", "median 2 h ", "decided for the buyer", "1 of 1 (100.0 %)", "1 of 3 (33.3 %)"):
        assert words in told.out
    for role, who in (("buyer", "b-1"), ("seller", "s-else")):
        assert (await aftersale("figures", shop, "--as", role, "--id", who)).code == 4
    none = await aftersale("figures", "s-none")
    assert (none.code, "there is no seller s-none: no order names one" in none.err) == (4, True)
    before = await aftersale("figures", shop, "--from", "2000-01-01", "--to", "2000-02-01")
    assert (before.code, "not measured yet" in before.out, "0 of 0" in before.out) == (0, True, True)

    asked = ("reports", "--marketplace", policy, "--to", "2099-01-01", "--from", "2098-12-30")
    empty = (await aftersale(*asked, "--json")).json["report"]
    assert [day["day"] for day in empty["tickets_per_day"]] == ["2098-12-30", "2098-12-31"]
    assert [empty[name] for name in TABLES if name != "tickets_per_day"] == [[], [], []]
    now = records.clock()
    first, last = (f"{now + timedelta(days=days):%Y-%m-%d}" for days in (-100, 600))
    whole = ("reports", "--marketplace", policy, "--from", first, "--to", last)
    ran = await aftersale(*whole, "--out", str(tmp_path / "a"), "--json")
    assert ran.code == 0, ran.err
    flow = ran.json["report"]
    steps = {(row["stage"], row["step"]): row for row in flow["step_times"]}
    assert 120 <= steps["placed", "confirm"]["median"] < 125
    assert steps["placed", "decline"]["count"] == 1
    assert sum(day["opened"] for day in flow["tickets_per_day"]) == 2
    assert sum(day["resolved"] for day in flow["tickets_per_day"]) == 1
    assert flow["claims_by_reason"] == [{"reason": "damaged", "claims": 1, "ended": 1, "for_buyer": 1}]
    assert [(row["reason"], row["count"]) for row in flow["time_to_resolution"]] == [("", 1), ("damaged", 1)]
    shown = await aftersale(*whole)
    for words in ("placed", "left by", "damaged", "claims about", "all"):
        assert words in shown.out
    assert_written(tmp_path / "a", flow)
    since, until = await _period(records)
    again = report(records, since, until, policy)
    for folder in ("b", "c"):
        write(again, tmp_path / folder)
    for name in TABLES:
        for kind in ("csv", "svg"):
            files = [(tmp_path / folder / f"{name}.{kind}").read_bytes() for folder in ("b", "c")]
            assert files[0] == files[1]


async def test_what_the_desk_does_is_not_the_sellers_and_a_claim_that_he_let_lie_is_counted(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    policy = f"told-{uuid4().hex[:8]}"
    (market.policies / f"{policy}.toml").write_text(f'name = "{policy}"\n')
    life = await sold(market, policy, f"shop-{policy}")
    await life.desk("confirm", Actor(OPERATOR, "olga"), note_id=None)
    await client.ship(life.order_id, operator("olga"), carrier="DHL", tracking_number="JD1", lines=["L1"])
    await life.pass_time(timedelta(hours=3))
    await life.ship("p2", lines=["L2"])
    await life.scan(Milestone.DELIVERED, "p2")
    await client.open_claim(life.order_id, life.actor(BUYER), reason=ClaimReason.DAMAGED, lines=["L2"])
    await life.pass_time(timedelta(hours=5))
    await client.escalate_upstream(life.order_id, EVE)
    await client.answer_upstream(life.order_id, EVE)
    await life.rest()
    await life.until("claim_unanswered")
    await client.decide_claim(life.order_id, EVE, verdict=Verdict.REFUND, text="It is broken.")
    await life.rest()
    asked = ("figures", f"shop-{policy}", "--to", "2099-01-01", "--from", "2000-01-01")
    found = (await aftersale(*asked, "--json")).json
    assert (found["confirm"]["count"], found["ship"]["count"], found["response"]["count"]) == (0, 1, 0)
    assert 180 <= found["ship"]["median"] < 190, "the seller's own parcel, not the one that the desk had sent before"
    assert found["unanswered"] == {"count": 1, "of": 1}
    shown = await aftersale(*asked)
    assert "left claims unanswered" in shown.out


async def test_a_seller_is_measured_from_the_payment_on_and_without_what_the_buyer_waits(
    aftersale: Aftersale, market: Marketplace
) -> None:
    policy = f"told-{uuid4().hex[:8]}"
    (market.policies / f"{policy}.toml").write_text(f'name = "{policy}"\n')
    document = market.checkout(policy=policy)
    document["seller"]["person_id"] = f"shop-{policy}"
    life = await market.order(document)
    await life.pass_time(timedelta(hours=10))
    hold = market.sandbox.preauthorise(life.order_id, 6490, "eur")
    await life.send("pay", BUYER, payment_intent=hold["payment_intent"])
    await life.pass_time(timedelta(hours=2))
    await life.send("confirm", SELLER)
    await life.ship("p1")
    await life.until("parcel_stalled")
    await life.send("open_claim", BUYER, reason="not_received", wish="wait_longer")
    await life.pass_time(timedelta(hours=3))
    await life.send("wait_on_claim", BUYER, days=6)
    await life.until("claim_wakes")
    await life.pass_time(timedelta(hours=1))
    await life.send("answer_claim", SELLER, note_id=life.words(SELLER, "It left as it was."))
    await life.send("withdraw_claim", BUYER)
    asked = ("figures", f"shop-{policy}", "--to", "2099-01-01", "--from", "2000-01-01", "--json")
    found = (await aftersale(*asked)).json
    assert 120 <= found["confirm"]["median"] < 125
    assert 120 <= found["ship"]["median"] < 125
    assert 240 <= found["response"]["median"] < 250
    assert found["for_buyer"] == {"count": 0, "of": 0}, "the platform has judged nothing"
    assert found["claimed"] == {"count": 1, "of": 1}


async def _period(records: Records) -> tuple[Any, Any]:
    now = records.clock()
    return now - timedelta(days=1), now + timedelta(days=30)


def assert_written(folder: Path, flow: dict[str, list[dict[str, Any]]]) -> None:
    """Each table stands in a file of its own, and as a chart that any browser can read."""
    assert sorted(file.name for file in folder.iterdir()) == sorted(f"{n}.{k}" for n in TABLES for k in ("csv", "svg"))
    for name in TABLES:
        with (folder / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows == [{key: str(value) for key, value in row.items()} for row in flow[name]]
        chart = ET.fromstring((folder / f"{name}.svg").read_text())  # noqa: S314  # Our own.
        assert chart.tag.endswith("svg")
        assert "http://www.w3.org/2000/svg" in chart.tag


async def test_a_report_takes_four_queries_and_figures_one(aftersale: Aftersale, records: Records) -> None:
    since, until = await _period(records)
    asked: list[str] = []

    def note(_c: object, _cursor: object, sql: str, *_: object) -> None:
        asked.append(sql)

    event.listen(records.engine, "before_cursor_execute", note)
    try:
        report(records, since, until)
    finally:
        event.remove(records.engine, "before_cursor_execute", note)
    assert len(asked) == 4
    for wrong in (
        ("--from", "yesterday"), ("--from", "2026-02-01", "--to", "2026-01-01"), ("--from", "0001-01-01"),
        ("--from", "2024-01-01", "--to", "2026-01-02"),
    ):  # fmt: skip
        assert (await aftersale("reports", *wrong)).code == 2


async def test_a_folder_that_cannot_be_written_to_is_refused(records: Records, tmp_path: Path) -> None:
    since, until = await _period(records)
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="cannot be written to"):
        write(report(records, since, until), tmp_path / "file" / "below")


def test_the_same_chart_is_the_same_bytes_and_its_words_are_text() -> None:
    chart = Chart("How <long> & why", "hours", ["a", "b"], [("median", [1.5, 2]), ("90 % within", [3, 4])])
    assert svg(chart) == svg(chart)
    assert "How &lt;long&gt; &amp; why" in svg(chart).decode()
    many = Chart("Days", "tickets", [str(n) for n in range(400)], [("opened", list(range(400)))])
    assert svg(many).count(b"<text") < 100
    for lying in (False, True):
        assert svg(Chart("Nothing", "hours", [], [("median", [])], lying=lying))


@pytest.mark.parametrize(
    ("minutes", "told"), [(None, "-"), (0, "0 min"), (59, "59 min"), (60, "1 h 0 min"), (1440 + 61, "1 d 1 h")]
)
def test_minutes_are_told_as_people_say_them(minutes: int | None, told: str) -> None:
    assert lasting(minutes) == told


def test_shares_and_spans_are_told_as_people_say_them() -> None:
    assert (share(Share(0, 0)), share(Share(1, 3)), share(Share(2, 3))) == (
        "0 of 0",
        "1 of 3 (33.3 %)",
        "2 of 3 (66.7 %)",
    )
    assert span(Span(0, None, None)) == "not measured yet"
    assert span(Span(4, 60, 120)) == "median 1 h 0 min, 90 % within 2 h 0 min (4 times)"
