"""What a buyer may count on when something is wrong, before an order exists and before there is a claim."""

from __future__ import annotations

import pytest

from activities.store import marketplaces
from domain.claims.case import ClaimReason
from domain.errors import Invalid
from domain.money import Money
from domain.policy.file import load
from starter.client import AftersaleClient
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

FILE = """
name = "terms-test"
version = "7"

[[claims.exceptions]]
sellers = ["s-1"]
categories = ["books"]
reasons = ["damaged"]
report = "7 days"
"""


async def test_a_storefront_shows_the_terms_of_goods_before_anybody_buys_them(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    with market.engine.begin() as conn:
        marketplaces.publish(conn, [load(FILE, "terms-test.toml")])
    about = ("terms", "--marketplace", "terms-test", "--seller", "s-1", "--category", "books")
    shown = await aftersale(*about, "--price", "20.00 EUR")
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    assert lines[0] == "By terms-test 7:"
    assert "Damaged: until 7 days after arrival; nothing comes back." in lines
    assert (
        "Damaged, incomplete: until 60 days after the order's end; nothing comes back."
        in (await aftersale(*about[:3])).out.splitlines()
    )
    as_json = (await aftersale(*about, "--price", "20.00 EUR", "--json")).json
    mind = as_json["terms"][-1]
    assert (mind["reason"], mind["days"], mind["until"]) == ("changed_mind", 14, None)
    assert (mind["comes_back"], mind["cheap"], mind["fee_basis_points"], mind["fee"]) == (
        True, ["20.00 EUR"], 500, "1.00 EUR",
    )  # fmt: skip
    price = Money.parse("19.00 EUR")
    found = await client.terms("terms-test", seller="s-1", category="books", price=price)
    assert {terms.reason: terms.days for terms in found.terms}[ClaimReason.DAMAGED] == 7
    assert not any(terms.comes_back for terms in found.terms)


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("--price", "20 EUR", "--price: "),
        ("--price", "20.00", "--price: '' is not an ISO 4217 currency"),
        ("--price", "0.00 EUR", "--price: 0.00 EUR is not above zero"),
        ("--marketplace", "nowhere", "--marketplace: 'nowhere' is not known; known here: "),
    ],
)
async def test_terms_of_nothing_are_bad_input(
    aftersale: Aftersale, market: Marketplace, option: str, value: str, rule: str
) -> None:
    with market.engine.begin() as conn:
        marketplaces.publish(conn, [load(FILE, "terms-test.toml")])
    asked = {"--marketplace": "terms-test", option: value}
    answer = await aftersale("terms", *(word for pair in asked.items() for word in pair))
    assert (answer.code, answer.err.startswith(f"Bad input: {rule}")) == (2, True), answer.err


async def test_while_no_worker_has_published_a_marketplace_its_terms_are_not_known(
    client: AftersaleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marketplaces, "policy_of", lambda *_: None)
    monkeypatch.setattr(marketplaces, "names", lambda _: ())
    with pytest.raises(Invalid, match="is not known yet: no worker has published any"):
        await client.terms("standard")


async def test_an_order_tells_its_parties_the_terms_of_each_line_before_any_claim(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    for role in ("buyer", "seller", "specialist"):
        shown = await aftersale("show", life.order_id, "--as", role)
        assert "If something is wrong with " in shown.out
        assert "Not received: from 5 business days after sending until 60 days" in shown.out
        lines = (await aftersale("show", life.order_id, "--as", role, "--json")).json["lines"]
        assert [line["claim_terms"][-1]["days"] for line in lines] == [14] * len(lines)
