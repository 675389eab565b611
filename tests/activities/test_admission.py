from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.admission import draft
from activities.policies import read_policies, read_policy
from domain.errors import Invalid
from domain.policy.file import PolicyError
from starter import steps

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


def closed(first: date, days: int) -> str:
    """A policy's line that closes the marketplace for so many days."""
    return f"extra_days_off = [{', '.join(str(first + timedelta(days=n)) for n in range(days))}]"


def test_a_policy_that_closes_for_longer_than_can_be_counted_ahead_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "idle.toml"
    path.write_text(f'name = "idle"\n[calendar]\n{closed(date(2026, 11, 1), 400)}\n', encoding="utf-8")
    with pytest.raises(PolicyError, match=r"idle\.toml:3: calendar\.extra_days_off: .* at most 60 days"):
        read_policy(tmp_path, "idle")
    path.write_text(f'name = "idle"\n[calendar]\n{closed(date(2026, 12, 21), 14)}\n', encoding="utf-8")
    assert read_policy(tmp_path, "idle").name == "idle"
    path.write_text('name = "idle"\n[calendar]\nextra_days_off = [0001-01-01, 9999-12-31]\n', encoding="utf-8")
    assert read_policy(tmp_path, "idle").name == "idle"


def test_a_checkout_whose_windows_the_calendar_cannot_count_is_turned_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.calendars._leaves_time", lambda _: None)
    path = tmp_path / "standard.toml"
    path.write_text(f'name = "standard"\n[calendar]\n{closed(date(2026, 11, 1), 500)}\n', encoding="utf-8")
    with pytest.raises(Invalid, match=r"^marketplace: .* has too few business days"):
        draft(tmp_path, document(), NOW)


def test_a_policy_file_that_is_not_utf_8_is_named_by_whoever_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes('name = "latin"\ndisplay_name = "Flohm\xe4rkte"\n'.encode("latin-1"))
    for read in (lambda: read_policies(tmp_path), lambda: steps.policy(path)):
        with pytest.raises(PolicyError, match=r"latin\.toml:2: file: is not UTF-8 text"):
            read()
    with pytest.raises(Invalid, match=r"^marketplace: .*latin\.toml:2: file"):
        draft(tmp_path, document(marketplace="latin"), NOW)
