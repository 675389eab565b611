"""Which of the system's notes a party may know of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from activities.store.outbox import Told
from domain.errors import Invalid
from domain.notices import Channel
from domain.state import Role
from starter.messages.views import cursor_of, notices_view

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def told(template: str, to: Role = Role.BUYER) -> Told:
    return Told(template, to.value, Channel.MAIL.value, f"{template}:2", False, NOW, NOW, None, None, "")


@pytest.mark.parametrize("template", ["payment_declined", "renewal_failed", "message_refused"])
def test_what_is_wrong_with_the_buyers_card_or_commands_is_nothing_to_the_seller(template: str) -> None:
    rows = [told("confirm"), told(template)]
    shown = {
        role: [note.what for note in notices_view(rows, role)] for role in (Role.BUYER, Role.SELLER, Role.OPERATOR)
    }
    assert shown == {
        Role.BUYER: ["confirm", template], Role.SELLER: ["confirm"], Role.OPERATOR: ["confirm", template],
    }  # fmt: skip


@pytest.mark.parametrize("after", ["read/2026-01-01T00:00:00Z/o-\0", "unread//x", "unread/2026-99-99/x", "o-1"])
def test_where_no_page_of_an_inbox_ended_is_refused(after: str) -> None:
    with pytest.raises(Invalid):
        cursor_of(after)
