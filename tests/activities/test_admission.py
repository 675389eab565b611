from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from activities.admission import draft
from domain.errors import Invalid

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
POLICIES = Path(__file__).parents[2] / "policies"


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


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"marketplace": "nowhere"}, "marketplace"),
        ({"seller": {"person_id": "s-1", "place": {"country": "XX"}}}, "seller.place.country"),
        ({"buyer": {"person_id": "b-1", "place": {"country": "DE", "subdivision": "ZZ"}}}, "buyer.place.subdivision"),
        ({"seller": {"person_id": "s-1", "place": {"zone": "Europe/Nowhere"}}}, "seller.place.zone"),
    ],
)
def test_a_marketplace_or_calendar_that_is_not_known_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as invalid:
        draft(POLICIES, document(**changes), NOW)
    assert invalid.value.field == field


def test_a_policy_file_that_was_broken_later_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "standard.toml").write_text('name = "standard"\n[ship]\nend = "9 days"\n', encoding="utf-8")
    with pytest.raises(Invalid, match=r"^marketplace: .*standard\.toml:3: ship\.end: '9 days' is not"):
        draft(tmp_path, document(), NOW)
