from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from activities.store.tables import looks
from domain.parcels.parcel import Milestone
from domain.state import Cause, Role
from tests.files import made
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.starter.test_client_live import CANARY, bare, known


async def test_an_order_is_placed_acted_on_and_shown_from_the_command_line(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path
) -> None:
    document = market.preauthorised(bare(market.checkout()))
    order = document["order_id"]
    file = tmp_path / "checkout.json"
    file.write_text(json.dumps(document))
    placed = await aftersale("place", str(file))
    assert placed.code == 0, placed.err
    assert f"{order}: placed" in placed.out
    life = known(market, document)
    confirmed = await aftersale("confirm", order, "--json")
    assert confirmed.json["lines"] == {"L1": "confirmed", "L2": "confirmed"}
    shipped = await aftersale("ship", order, "--carrier", "DHL", "--tracking-number", CANARY, "--parcel", "p1")
    assert (shipped.code, "hand the parcel over" in shipped.out) == (0, True)
    assert "compare the number with the label" in shipped.out
    await life.rest()
    for role in ("buyer", "seller"):
        shown = await aftersale("show", order, "--as", role)
        assert CANARY in shown.out
        assert "canary.berta" not in shown.out
    seen = (await aftersale("show", order, "--as", "buyer", "--json")).json
    assert set(seen["money"]) == {"total", "held", "charged", "refunded"}
    assert seen["money"]["charged"] == "64.90 EUR"
    assert seen["expect"] == "Usually within two to five business days"
    assert "receive" in seen["can"]
    assert [entry["step"] for entry in seen["story"]] == ["place", "confirm", "ship"]
    received = await aftersale("receive", order, "--line", "L1", "--json")
    assert received.json["lines"] == {"L1": "accepted", "L2": "shipped"}


async def test_a_specialists_look_is_recorded_and_a_strangers_show_reads_as_for_no_order(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    await life.send("confirm", Role.SELLER)
    await life.ship("p1", CANARY)
    shown = await aftersale("show", life.order_id, "--as", "specialist", "--id", "sp-9")
    looked = await aftersale("look", life.order_id, "p1", "--as", "operator", "--id", "op-9")
    assert CANARY in shown.out
    assert looked.out.strip() == CANARY
    with market.engine.begin() as conn:
        query = select(looks.c.role, looks.c.actor_id, looks.c.parcel_id, looks.c.address_id)
        recorded = conn.execute(query.where(looks.c.order_id == life.order_id).order_by(looks.c.id)).all()
    address_id = life.document["address_id"]
    assert [tuple(row) for row in recorded] == [
        ("specialist", "sp-9", "p1", ""),
        ("specialist", "sp-9", "", address_id),
        ("operator", "op-9", "p1", ""),
    ]
    there = await aftersale("show", life.order_id, "--as", "buyer", "--id", "stranger")
    nowhere = await aftersale("show", "o-nowhere", "--as", "buyer", "--id", "stranger")
    assert (there.code, nowhere.code) == (4, 4)
    assert there.err.replace(life.order_id, "o-nowhere") == nowhere.err
    own = await aftersale("show", life.order_id, "--as", "specialist", "--id", life.actor(Role.SELLER).id)
    assert own.code == 4, "nobody of the desk sees an order of their own"
    hidden = await aftersale("look", life.order_id, "p1", "--as", "buyer", "--id", "stranger", "--json")
    assert (hidden.code, CANARY in hidden.out) == (4, False)


async def test_refusals_bad_input_and_unknown_orders_have_exit_codes_of_their_own(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    refused = await aftersale("receive", life.order_id)
    assert (refused.code, "Possible now:" in refused.err) == (3, True)
    as_json = await aftersale("receive", life.order_id, "--json")
    assert as_json.code == 3
    assert as_json.json["error"]["code"] == "no_line_fits"
    possible = as_json.json["error"]["possible"]
    assert ("request_cancel" in possible, "more_time_to_pay" in possible, "cancel" in possible) == (False, False, True)
    by_seller = await aftersale("confirm", life.order_id, "--line", "L9", "--json", "--as", "seller")
    assert not any("-" in name for name in by_seller.json["error"]["possible"])
    assert (await aftersale("confirm", "o-none")).code == 4
    assert (await aftersale("cancel", life.order_id, "--reason", "other")).code == 2, "--as must be told"
    assert (await aftersale("pause", life.order_id, "--until", "tomorrow", "--reason", "x", "--id", "op")).code == 2
    broken = await aftersale("place", "-", stdin="{")
    assert (broken.code, "is not JSON" in broken.err) == (2, True)
    for endless in ('{"total": ' + "1" * 5000 + "}", "[" * 100_000):
        assert (await aftersale("place", "-", stdin=endless)).code == 2
    changed = await aftersale("place", "-", stdin=json.dumps(life.document | {"shipping": "9.99 EUR"}))
    assert (changed.code, "total" in changed.err) == (2, True)
    other = await aftersale(
        "place",
        "-",
        stdin=json.dumps(life.document | {"marketplace": "collectors"}),
    )
    assert (other.code, "Conflict" in other.err) == (2, True)


async def test_what_is_no_picture_is_no_picture_of_the_parcel(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await market.order(), tmp_path / "parcel.jpg"
    await life.send("confirm", Role.SELLER)
    command = ("ship", life.order_id, "--carrier", "DHL", "--tracking-number", "N1", "--photo", str(file))
    for content in (b"root:x:0:0", b"%PDF-1.7", b"RIFF....WAVE"):
        file.write_bytes(content)
        said = await aftersale(*command)
        assert (said.code, said.err.startswith("Bad input: --photo: is no picture")) == (2, True), said.err
    assert life.state().parcels == ()
    file.write_bytes(made.jpeg())
    shipped = await aftersale(*command)
    assert shipped.code == 0, shipped.err
    await life.rest()


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("pause ORDER --until 2000-01-01T00:00:00Z --reason x --id op", "--until"),
        ("pause ORDER --until tomorrow --reason x --id op", "--until"),
        ("note ORDER --reason= --id op", "--reason"),
        ("restart ORDER --reason= --id op", "--reason"),
        ("adopt-policy ORDER --policy policies/standard.toml --id op", "--reason"),
        ("ship ORDER --carrier DHL --tracking-number=", "--tracking-number"),
        ("ask-time ORDER --days 0 --command-id *", "--command-id"),
    ],
)
async def test_an_option_has_one_name_in_words_and_in_json(
    aftersale: Aftersale, market: Marketplace, command: str, option: str
) -> None:
    life = await market.order()
    typed = command.replace("ORDER", life.order_id).split()
    told = await aftersale(*typed, "--json")
    assert (told.code, told.json["error"]["field"]) == (2, option)
    said = await aftersale(*typed)
    assert (said.code, said.err.startswith(f"Bad input: {option}: ")) == (2, True), said.err


async def test_an_amount_without_a_currency_is_told_how_it_is_written(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    command = ("ship", life.order_id, "--carrier", "DHL", "--tracking-number", "N1", "--insured", "5")
    said = await aftersale(*command)
    expected = "Bad input: --insured: '5' has no currency; write the amount and its currency, e.g. '20.00 EUR'\n"
    assert (said.code, said.err) == (2, expected)


async def test_a_signal_is_handed_over_and_its_refusal_stands_in_the_senders_story(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    handed = await aftersale("receive", life.order_id, "--signal", "--json")
    assert (handed.code, handed.json["accepted"]) == (0, False)
    await life.rest()
    told = (await aftersale("show", life.order_id, "--as", "buyer", "--json")).json["story"][-1]
    assert (told["step"], told["refused"]) == ("receive", True)
    others = (await aftersale("show", life.order_id, "--as", "seller", "--json")).json["story"]
    assert not any(entry["refused"] for entry in others)


async def test_lists_tickets_and_why_find_the_late_seller_and_the_command_that_mends_it(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    seller = life.actor(Role.SELLER).id
    waiting = (await aftersale("list", "--waiting-on", "seller", "--seller", seller, "--json")).json["orders"]
    assert [row["order_id"] for row in waiting] == [life.order_id]
    assert (await aftersale("list", "--overdue", "--seller", seller, "--json")).json == {"orders": []}
    await life.until("confirm_overdue")
    stuck = (await aftersale("list", "--attention", "--stage", "placed", "--seller", seller, "--json")).json["orders"]
    assert stuck[0]["waiting_on"] == "seller", "the late seller can still act; Attention says that a specialist must"
    late = await aftersale("list", "--waiting-on", "seller", "--overdue", "--seller", seller, "--json")
    assert [row["order_id"] for row in late.json["orders"]] == [life.order_id]
    ticket = life.ticket(Cause.CONFIRM_OVERDUE)
    queue = (await aftersale("tickets", "--cause", "confirm_overdue", "--limit", "500", "--json")).json["tickets"]
    assert ticket.ticket_id in [row["ticket_id"] for row in queue]
    why = await aftersale("why", life.order_id)
    assert ticket.ticket_id in why.out
    assert f"aftersale extend {life.order_id} --clock confirm --resolves {ticket.ticket_id}" in why.out
    assert "the order is cancelled" in why.out
    done = await aftersale("confirm", life.order_id, "--as", "operator", "--id", "op-1", "--resolves", ticket.ticket_id)
    assert done.code == 0, done.err
    await life.rest()
    assert life.state().tickets == ()
    assert (await aftersale("list", "--waiting-on", "everybody")).code == 2


async def test_a_large_refund_waits_for_a_second_operator_whom_why_tells_what_to_type(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order(prices=("600.00",))
    await life.delivered()
    asked = await aftersale("refund", life.order_id, "--reason", "empty box", "--id", "op-1")
    assert asked.code == 0, asked.err
    [open_] = [o for o in (await aftersale("why", life.order_id, "--json")).json["open"] if o["kind"] == "approval"]
    command = open_["command"].split()[1:]
    own = await aftersale(*command, "--id", "op-1")
    assert (own.code, "another person" in own.err) == (3, True)
    agreed = await aftersale(*command, "--id", "op-2")
    assert agreed.code == 0, agreed.err
    await life.rest()
    await life.pass_time(timedelta(seconds=5))
    assert life.money()["refunded"] == "604.90 EUR"


async def test_many_orders_adopt_a_policy_after_a_preview(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path
) -> None:
    lives = [await market.order(), await market.order()]
    file = tmp_path / "standard.toml"
    file.write_text('name = "standard"\nversion = "9"\n\n[confirm]\nticket = "3 business days"\n')
    ids = [life.order_id for life in lives]
    shown = await aftersale("adopt-policy", *ids, "--policy", str(file), "--preview", "--id", "op-1", "--json")
    assert shown.code == 0, shown.err
    assert [preview["order_id"] for preview in shown.json["previews"]] == ids
    assert shown.json["adopted"] == []
    done = await aftersale("adopt-policy", *ids, "--policy", str(file), "--reason", "longer", "--id", "op-1")
    assert done.code == 0, done.err
    assert {life.state().policy.version for life in lives} == {"9"}
    file.write_text('name = "standard"\n\n[confirm]\nremnd = "2 business days"\n')
    wrong = await aftersale("adopt-policy", *ids, "--policy", str(file), "--preview", "--id", "op-1")
    assert (wrong.code, "remnd" in wrong.err) == (2, True)
    file.write_text('name = "standard"\n\n[calendar]\nzone = "Europe/Nowhere"\n')
    nowhere = await aftersale("adopt-policy", *ids, "--policy", str(file), "--preview", "--id", "op-1")
    assert (nowhere.code, ":4: calendar.zone" in nowhere.err) == (2, True)


async def test_a_terminated_order_is_restarted_from_the_command_line(aftersale: Aftersale, market: Marketplace) -> None:
    life = await market.order()
    await life.handle.terminate()
    stopped = await aftersale("confirm", life.order_id)
    assert (stopped.code, f"aftersale restart {life.order_id}" in stopped.err) == (5, True)
    again = await aftersale("restart", life.order_id, "--reason", "terminated by mistake", "--id", "op-1")
    assert again.code == 0, again.err
    assert (await aftersale("confirm", life.order_id)).code == 0
    await life.rest()


async def test_a_parcel_scan_can_be_told_by_hand(aftersale: Aftersale, market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", Role.SELLER)
    await life.ship()
    at = (await life.now()).isoformat()
    told = await aftersale(
        "parcel-scan", life.order_id, "--parcel", "p1", "--milestone", Milestone.DELIVERED, "--at", at,
        "--as", "specialist", "--id", "sp-1",
    )  # fmt: skip
    assert told.code == 0, told.err
    assert "delivered" in told.out
    await life.rest()


@pytest.mark.parametrize(
    ("name", "value", "command", "code", "words"),
    [
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none", ["list"], 5, "DATABASE_URL"),
        ("DATABASE_URL", "nonsense", ["list"], 2, "DATABASE_URL: is no address of a database"),
        ("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:port/none", ["list"], 2, "DATABASE_URL: is no address"),
        ("DATABASE_URL", "postgresql://127.0.0.1:1/none?nonsense=1", ["list"], 2, "DATABASE_URL: is no address"),
        ("DATABASE_URL", "mysql://127.0.0.1:1/none", ["list"], 2, "DATABASE_URL: is no address of a database"),
        ("AFTERSALE_MASTER_KEY", "short", ["list"], 2, "AFTERSALE_MASTER_KEY"),
        ("AFTERSALE_COMMAND_KEY", "", ["note", "ORDER", "--reason", "x", "--id", "op"], 2, "AFTERSALE_COMMAND_KEY"),
        ("TEMPORAL_ADDRESS", "127.0.0.1:1", ["confirm", "ORDER"], 5, "TEMPORAL_ADDRESS"),
        ("TEMPORAL_ADDRESS", "::::", ["confirm", "ORDER"], 5, "TEMPORAL_ADDRESS"),
        ("TEMPORAL_PROFILE", "nowhere", ["confirm", "ORDER"], 2, "TEMPORAL_*: cannot be read"),
    ],
)
async def test_a_wrong_setting_is_named(
    aftersale: Aftersale, market: Marketplace, name: str, value: str, command: list[str], code: int, words: str
) -> None:
    life = await market.order()
    broken = Aftersale({**aftersale.env, name: value})
    ran = await broken(*[life.order_id if part == "ORDER" else part for part in command])
    assert (ran.code, words in ran.err, "hunter2" in ran.err) == (code, True, False), ran.err


HALF = "o\udcff"
"""How Python gives a byte of the command line that is no text."""


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["show", HALF, "--as", "buyer"], "argument"),
        (["confirm", HALF], "argument"),
        (["confirm", HALF, "--id", "s-1"], "argument"),
        (["why", HALF], "argument"),
        (["confirm", "ORDER", "--id", HALF], "--id"),
        (["confirm", "ORDER", f"--line={HALF}"], "--line"),
        (["list", "--seller", HALF], "--seller"),
    ],
)
async def test_what_is_no_text_is_named(
    aftersale: Aftersale, market: Marketplace, command: list[str], named: str
) -> None:
    life = await market.order()
    command = [life.order_id if part == "ORDER" else part for part in command]
    ran = await aftersale(*command, "--json")
    assert (ran.code, ran.json["error"]["field"]) == (2, named)
    said = await aftersale(*command)
    assert (said.code, said.err) == (2, f"Bad input: {named}: holds bytes that are no text\n")
    assert life.steps() == ["place"]
