from __future__ import annotations

from dataclasses import replace

import pytest

from domain.contract import Envelope
from domain.signing import is_signed, sign
from domain.state import Actor, Role

KEY = b"a key"
REFUND = Envelope("c-1", Actor(Role.SPECIALIST, "sp-1"), {"note_id": "n-1", "lines": ["a"]}, "t-1")
SIGNED = replace(REFUND, signature=sign(KEY, "o-1", "refund", REFUND))


def test_a_signature_is_good_for_one_command_to_one_order_and_for_all_that_it_says() -> None:
    assert is_signed(KEY, "o-1", "refund", SIGNED)
    assert not is_signed(b"another key", "o-1", "refund", SIGNED)
    assert not is_signed(KEY, "o-2", "refund", SIGNED)
    assert not is_signed(KEY, "o-1", "release", SIGNED)
    others = [
        replace(SIGNED, command_id="c-2"),
        replace(SIGNED, actor=Actor(Role.OPERATOR, "sp-1")),
        replace(SIGNED, actor=Actor(Role.SPECIALIST, "sp-2")),
        replace(SIGNED, body={"note_id": "n-1", "lines": ["a", "b"]}),
        replace(SIGNED, ticket_id="t-2"),
        replace(SIGNED, ticket_id=""),
    ]
    assert not any(is_signed(KEY, "o-1", "refund", other) for other in others)


@pytest.mark.parametrize("signature", ["", "0" * 64, "é", SIGNED.signature[:-1], SIGNED.signature.upper()])
def test_what_is_no_signature_is_none(signature: str) -> None:
    assert not is_signed(KEY, "o-1", "refund", replace(REFUND, signature=signature))
