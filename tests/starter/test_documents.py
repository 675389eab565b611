from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from docs.messages import schemas
from domain.errors import Invalid
from domain.purse import RESERVED
from starter.documents import read, read_orders

EXAMPLES = Path(__file__).parents[2] / "examples"

SECRET = "Erika.Muster"


def document(**changes: Any) -> dict[str, Any]:
    return {
        "order_id": "o-1",
        "marketplace": "standard",
        "buyer": {"person_id": "b-1"},
        "seller": {"person_id": "s-1"},
        "address_id": "a-1",
        "lines": [{"line_id": "L1", "title": "Lamp", "price": "40.00 EUR"}],
        "total": "40.00 EUR",
    } | changes


def test_people_and_address_are_taken_out_of_what_is_sent() -> None:
    whole = document(
        people={"buyer": {"name": SECRET, "email": f"{SECRET}@mail.example", "language": "de"}},
        address={"lines": [SECRET, "Weg 1", "10115 Berlin"]},
    )
    del whole["address_id"]
    ready = read(whole)
    assert SECRET not in json.dumps(dict(ready.plain))
    assert SECRET not in repr(ready)
    assert [(person.person_id, person.language) for person in ready.people] == [("b-1", "de")]
    assert ready.address is not None
    assert (ready.address.address_id, ready.address.person_id) == ("o-1-address", "b-1")
    assert ready.plain["address_id"] == "o-1-address"


def test_personal_data_is_no_part_of_what_makes_two_documents_the_same() -> None:
    known = document(people={"buyer": {"name": "A", "email": "a@b.example"}})
    assert read(known).content_hash == read(document()).content_hash
    assert read(document(marketplace="other")).content_hash != read(document()).content_hash


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"total": "40.0 EUR"}, "total"),
        ({"total": "40 JPY", "lines": [{"line_id": "L1", "title": "x", "price": "40.00 JPY"}]}, "lines[0].price"),
        ({"total": "41.00 EUR"}, "total"),
        (
            {"lines": [{"line_id": "L1", "title": "x", "price": "10000000000.00 EUR"}], "total": "10000000000.00 EUR"},
            "total",
        ),
        ({"lines": [{"line_id": "L1", "title": "x", "price": "0.00 EUR"}], "total": "0.00 EUR"}, "lines[0].price"),
        ({"lines": [{"line_id": "L1", "title": "x", "price": "-1.00 EUR"}], "total": "-1.00 EUR"}, "lines[0].price"),
        ({"lines": [{"line_id": "L1", "title": "x", "price": 40.0}]}, "lines[0].price"),
        ({"lines": []}, "lines"),
        ({"order_id": "o 1"}, "order_id"),
        ({"seller": {"person_id": "b-1"}}, "seller.person_id"),
        ({"payment": {}}, "payment"),
        ({"payment": {"payment_intent": "pi/../x"}}, "payment.payment_intent"),
        ({"payment": {"payment_method": "pm_1", "customer": "cus 1"}}, "payment.customer"),
        ({"seller": {"person_id": "s-1", "account": "no account"}}, "seller.account"),
        ({"buyer": {"person_id": "b-1", "place": {"subdivision": "BY"}}}, "buyer.place.country"),
        ({"lines": [{"line_id": "L1", "title": "x", "price": "40.00 EUR", "quantity": 10**20}]}, "lines[0].quantity"),
        ({"lines": [{"line_id": "L1", "title": "x", "price": "20.00 EUR"}] * 2}, "lines[0].line_id"),
        ({"people": {"courier": {}}}, "people.courier"),
        ({"people": {"buyer": {"name": SECRET, "email": f"{SECRET} at mail"}}}, "people.buyer.email"),
        ({"people": {"buyer": {"name": SECRET}}}, "people.buyer.email"),
        ({"people": {"buyer": {"name": 7, "email": "a@b.example"}}}, "people.buyer.name"),
        *[
            ({"lines": [{"line_id": "L1", "title": title, "price": "40.00 EUR"}]}, "lines[0].title")
            for title in ("", "   ", "a\nb", "a\u202eb", "a\x1b[31mb", "x" * 501)
        ],
        *[
            ({"people": {"seller": {"name": name, "email": "a@b.example"}}}, "people.seller.name")
            for name in ("", " ", "Be\r\nBcc: x@evil.example", "x" * 201)
        ],
        *[
            ({"people": {"buyer": {"name": "A", "email": "a@b.example", field: "a\nb"}}}, f"people.buyer.{field}")
            for field in ("language", "phone")
        ],
        *[
            ({"people": {"buyer": {"name": "A", "email": email}}}, "people.buyer.email")
            for email in (
                "a..b@mail.example",
                "b\u00fccher@mail.example",
                "a\u200b@mail.example",
                "a@x.example,b@y.example",
                "<a@x.example>",
                "b@c@d.example",
                "A <a@x.example>",
                "a@x;b@y",
                "@x",
                "a@",
            )
        ],
        *[({"address": {"lines": ["Weg 1", line]}}, "address.lines") for line in (" ", "", "x\ny", "x\x1b[2J")],
        ({"address": {"lines": []}}, "address.lines"),
        ({"address": {"street": SECRET}}, "address.street"),
    ],
)
def test_a_document_that_breaks_a_rule_names_the_field_and_quotes_nobody(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as invalid:
        read(document(**changes))
    assert invalid.value.field == field
    assert SECRET not in str(invalid.value)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_no_line_is_called_like_money_that_is_no_lines(name: str) -> None:
    assert {"shipping", "suspense"} <= RESERVED
    with pytest.raises(Invalid) as invalid:
        read(document(lines=[{"line_id": name, "title": "Lamp", "price": "40.00 EUR"}]))
    assert invalid.value.field == "lines[0].line_id"
    assert f"{name!r} is kept for money of no line" in invalid.value.rule


@pytest.mark.parametrize("wrong", [None, [], "text", 7])
def test_a_document_is_an_object(wrong: object) -> None:
    for reader in (read, read_orders):
        with pytest.raises(Invalid, match="JSON object"):
            reader(wrong)


def test_an_unknown_name_is_told_all_that_are_known() -> None:
    with pytest.raises(Invalid, match=r"^coupon: is not known here; known: order_id, .*checkout_id, people, address$"):
        read(document(coupon="X"))


def test_a_document_that_no_order_could_take_in_is_refused_by_its_size() -> None:
    lines = [
        {"line_id": f"L{i}", "title": "x" * 400, "known_differences": "y" * 500, "price": "1.00 EUR"} for i in range(90)
    ]
    with pytest.raises(Invalid, match="larger than"):
        read(document(lines=lines, total="90.00 EUR"))


def test_the_orders_of_one_checkout_share_its_id_its_buyer_and_its_address() -> None:
    first, second = document(), document(order_id="o-2", seller={"person_id": "s-2"})
    for order in (first, second):
        del order["address_id"]
    whole = {
        "checkout_id": "c-1",
        "people": {"buyer": {"name": "B", "email": "b@mail.example"}},
        "address": {"lines": ["Weg 1"]},
        "orders": [first, second | {"people": {"seller": {"name": "S", "email": "s@mail.example"}}}],
    }
    ready = read_orders(whole)
    assert {order.checkout.checkout_id for order in ready} == {"c-1"}
    assert {order.checkout.address_id for order in ready} == {"c-1-address"}
    assert [len(order.people) for order in ready] == [1, 2]


@pytest.mark.parametrize(
    ("whole", "field"),
    [
        ({"orders": [document()]}, "checkout_id"),
        ({"checkout_id": "c-1", "orders": []}, "orders"),
        ({"checkout_id": "c-1", "orders": [document(), document()]}, "orders[1].order_id"),
        ({"checkout_id": "c-1", "orders": [document(checkout_id="c-2")]}, "orders[0].checkout_id"),
        ({"checkout_id": "c-1", "orders": [document(total="1.00 EUR")]}, "orders[0].total"),
        ({"checkout_id": "c-1", "orders": [document()], "buyer": {}}, "buyer"),
        ({"checkout_id": "c-1", "orders": ["o-1"]}, "orders[0].document"),
        ({"checkout_id": "c-1", "orders": [document()], "people": []}, "orders[0].people"),
    ],
)
def test_a_checkout_that_breaks_a_rule_names_the_order_too(whole: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as invalid:
        read_orders(whole)
    assert invalid.value.field == field


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_every_example_is_a_document_that_can_be_placed(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert read_orders(found) if "orders" in found else read(found)


@cache
def schema_says() -> Draft202012Validator:
    return Draft202012Validator(schemas()["storefront"])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_the_schema_of_the_storefronts_document_takes_every_example_and_nothing_beside(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    schema_says().validate(found)
    order = found["orders"][0] if "orders" in found else found
    for part in (found, order, order["buyer"], order["lines"][0], found["people"]["buyer"], found["address"]):
        part["surprise"] = 1
        assert not schema_says().is_valid(found)
        del part["surprise"]


@pytest.mark.parametrize("left_out", ["order_id", "buyer", "lines", "total", "address"])
def test_the_schema_of_the_storefronts_document_wants_what_the_client_wants(left_out: str) -> None:
    whole = document(address={"lines": ["Weg 1"]})
    del whole["address_id"]
    schema_says().validate(whole)
    read(whole)
    del whole[left_out]
    assert not schema_says().is_valid(whole)
    with pytest.raises(Invalid):
        read(whole)


@pytest.mark.parametrize("length", [1, 56, 57, 64])
def test_an_address_without_an_id_gets_one_whatever_its_order_is_called(length: int) -> None:
    whole = document(order_id="o" * length, address={"lines": ["Weg 1"]})
    del whole["address_id"]
    first = read(whole)
    assert first.plain["address_id"] == read(whole).plain["address_id"]
    assert first.address is not None
    orders = [{name: value for name, value in whole.items() if name != "address"}]
    [shared] = read_orders({"checkout_id": "c" * length, "orders": orders, "address": whole["address"]})
    assert shared.address is not None


@pytest.mark.parametrize("price", ["40.00", " 40.00 EUR", "40.00  EUR", "40.00 EUR ", "", "EUR"])
def test_a_price_that_is_not_an_amount_and_its_currency_is_told_what_one_looks_like(price: str) -> None:
    with pytest.raises(Invalid, match=r"^lines\[0\].price: .* write for example '49.90 EUR'$"):
        read(document(lines=[{"line_id": "L1", "title": "Lamp", "price": price}]))
