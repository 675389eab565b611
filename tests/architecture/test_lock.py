from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[^ ;\\]+)(?P<rest>(?:.*\\\n +--hash=sha256:[0-9a-f]{64})*)", re.MULTILINE
)


@pytest.fixture
def lock(pytestconfig: pytest.Config) -> str:
    return Path(pytestconfig.rootpath, "requirements.lock").read_text()


def test_every_dependency_is_locked_at_a_version_it_allows(pytestconfig: pytest.Config, lock: str) -> None:
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    locked = {canonicalize_name(pin["name"]): pin["version"] for pin in PIN.finditer(lock)}
    out_of_step = [
        line
        for requirement, line in ((Requirement(line), line) for line in wanted)
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"), prereleases=True)
        or canonicalize_name(requirement.name) not in locked
    ]
    assert not out_of_step, "run `make lock`"


def test_every_pin_has_a_hash(lock: str) -> None:
    assert [pin["name"] for pin in PIN.finditer(lock) if "--hash" not in pin["rest"]] == []


def test_the_lock_names_no_place_to_download_from(lock: str) -> None:
    lines = [line for line in lock.splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in lines if "://" in line or line.startswith("--")] == []
