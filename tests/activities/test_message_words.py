"""A mail with a message says who has written it, to each side and in each language."""

from __future__ import annotations

import pytest

from activities.notices import Reader
from domain.state import Role
from tests.activities.told_orders import LETTERS
from tests.domain.world import new_order

WRITERS = {
    ("en", Role.BUYER, "seller"): "the seller wrote about your order",
    ("en", Role.BUYER, "specialist"): "our service team wrote about your order",
    ("en", Role.BUYER, "operator"): "our service team wrote about your order",
    ("en", Role.SELLER, "buyer"): "the buyer wrote about this order",
    ("en", Role.SELLER, "specialist"): "our service team wrote about this order",
    ("de", Role.BUYER, "seller"): "der Verkäufer schreibt zu Ihrer Bestellung",
    ("de", Role.BUYER, "specialist"): "unser Kundenservice schreibt zu Ihrer Bestellung",
    ("de", Role.SELLER, "buyer"): "der Käufer schreibt zu dieser Bestellung",
    ("de", Role.SELLER, "operator"): "unser Kundenservice schreibt zu dieser Bestellung",
}


@pytest.mark.parametrize(("language", "reader", "by"), WRITERS)
def test_a_mail_with_a_message_says_who_has_written_it(language: str, reader: Role, by: str) -> None:
    facts = {"message_id": "m-1", "by": by}
    letter = LETTERS.render("message", facts, Reader(reader, "Bea", language), new_order(), None, "Hello.", None)
    assert WRITERS[language, reader, by] in letter.text
    assert "> Hello." in letter.text
