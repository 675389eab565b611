from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from activities.store import marketplaces
from activities.store.database import connect
from tests.conftest import Database

ROOT = Path(__file__).parents[2]
KEYS = ("AFTERSALE_MASTER_KEY", "AFTERSALE_COMMAND_KEY", "STRIPE_SECRET_KEY", "EASYPOST_API_KEY")
OTHERS = ("EASYPOST_WEBHOOK_SECRET", "STRIPE_WEBHOOK_SECRET", "MAIL_FROM", "DESK_MAIL")


def started(directory: Path, process: str = "worker", **settings: str) -> subprocess.CompletedProcess[str]:
    """A process that ends before it connects to anything."""
    env = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "SMTP_URL": f"eml://{directory}",
        "AFTERSALE_POLICIES": str(directory),
        **dict.fromkeys((*KEYS, *OTHERS), "not-used-in-this-test"),
        **settings,
    }
    command = [sys.executable, "-m", process]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_a_worker_with_a_broken_policy_file_does_not_start_and_says_file_line_and_rule(tmp_path: Path) -> None:
    (tmp_path / "standard.toml").write_text('name = "standard"\n\n[ship]\nend = "9 days"\n', encoding="utf-8")
    ran = started(tmp_path)
    assert ran.returncode == 1
    [line] = ran.stderr.splitlines()
    assert line.startswith("The worker cannot start: ")
    assert "standard.toml:4: ship.end: '9 days' is not a number of business days" in line


@pytest.mark.parametrize("value", ["[" * 5000, "9" * 5000], ids=["too deep", "too long"])
def test_a_policy_that_no_parser_takes_is_named_as_well(tmp_path: Path, value: str) -> None:
    (tmp_path / "standard.toml").write_text(f'name = "standard"\nversion = {value}\n', encoding="utf-8")
    [line] = started(tmp_path).stderr.splitlines()
    assert "standard.toml:1: file: has a number too long, or values nested too deep" in line


def test_a_worker_without_any_policy_does_not_start(tmp_path: Path) -> None:
    [line] = started(tmp_path / "nowhere").stderr.splitlines()
    assert line.startswith("The worker cannot start: AFTERSALE_POLICIES: ")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"DATABASE_URL": "garbage"}, "DATABASE_URL: is no address of a database"),
        ({"DATABASE_URL": "postgresql://u:p@h:port/d"}, "DATABASE_URL: is no address of a database"),
        ({"ACTIVITY_THREADS": "many"}, "ACTIVITY_THREADS: must be a valid integer"),
    ],
)
def test_settings_that_cannot_be_are_named(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    (tmp_path / "standard.toml").write_text('name = "standard"\n', encoding="utf-8")
    [line] = started(tmp_path, **settings).stderr.splitlines()
    assert line.startswith(f"The worker cannot start: {said}")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"DATABASE_URL": "garbage"}, "DATABASE_URL: is no address of a database"),
        ({"TEMPORAL_ADDRESS": "::::"}, "TEMPORAL_ADDRESS: Temporal cannot be connected to"),
        ({"TEMPORAL_PROFILE": "nowhere"}, "TEMPORAL_*: cannot be read"),
        ({"GATEWAY_PORT": "many"}, "GATEWAY_PORT: must be a valid integer"),
        ({"AFTERSALE_COMMAND_KEY": "hunter2"}, "AFTERSALE_COMMAND_KEY: must have at least 16 items"),
    ],
)
def test_the_receiver_of_webhooks_names_a_setting_that_cannot_be(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    ran = started(tmp_path, "gateway", **settings)
    [line] = ran.stderr.splitlines()
    assert line.startswith(f"The receiver of webhooks cannot start: {said}")
    assert (ran.returncode, "hunter2" in line) == (1, False)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('zone = "Europe/Nowhere"', "calendar.zone: 'Europe/Nowhere' is not an IANA time zone"),
        ('zone = "Factory"', "calendar.zone: 'Factory' is not an IANA time zone"),
        ('country = "XX"', "calendar.country: 'XX' has no public calendar"),
        ('subdivision = "ZZ"', "calendar.subdivision: 'ZZ' is no subdivision of DE with days of its own"),
    ],
)
def test_a_worker_with_a_calendar_that_cannot_be_does_not_start(tmp_path: Path, written: str, said: str) -> None:
    (tmp_path / "standard.toml").write_text(f'name = "standard"\n\n[calendar]\n{written}\n', encoding="utf-8")
    ran = started(tmp_path)
    assert ran.returncode == 1
    assert f"standard.toml:4: {said}" in ran.stderr


def test_a_worker_with_a_wrong_secret_names_the_setting_and_never_its_value(tmp_path: Path) -> None:
    ran = started(tmp_path, AFTERSALE_COMMAND_KEY="hunter2")
    assert ran.returncode == 1
    assert "AFTERSALE_COMMAND_KEY" in ran.stderr
    assert "hunter2" not in ran.stderr


def test_a_worker_publishes_its_marketplaces_before_it_takes_any_order(database: Database, tmp_path: Path) -> None:
    (tmp_path / "standard.toml").write_text('name = "standard"\n', encoding="utf-8")
    key = base64.b64encode(bytes(32)).decode()
    ran = started(tmp_path, DATABASE_URL=database.url, AFTERSALE_MASTER_KEY=key, TEMPORAL_ADDRESS="127.0.0.1:1")
    assert ran.returncode != 0, "there is no Temporal server"
    engine = connect(database.url)
    with engine.begin() as conn:
        assert marketplaces.names(conn) == ("standard",)
    engine.dispose()
