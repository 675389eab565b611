from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.rooms import EXCEPTIONS, FAN_IN, FAN_OUT, FILE_LINES, FUNCTION_LINES, ROOM_MODULES, violations

LONG_FILE = "x = 1\n" * (FILE_LINES + 1)
LONG_FUNCTION = "def f():\n" + "    x = 1\n" * FUNCTION_LINES


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_this_project_keeps_its_rooms(pytestconfig: pytest.Config) -> None:
    found = violations(pytestconfig.rootpath)
    assert not found, "\n" + "\n".join(found)


def test_every_exception_is_still_needed(pytestconfig: pytest.Config) -> None:
    without = violations(pytestconfig.rootpath, exceptions={})
    needless = [place for place in EXCEPTIONS if not any(found.startswith(f"{place}: ") for found in without)]
    assert not needless, f"take these out of EXCEPTIONS, they keep the rules now: {needless}"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("domain/a.py", "import requests\n"),
        ("domain/a.py", "from activities import store\n"),
        ("domain/a.py", "def f():\n    import workflows.loop\n"),
        ("workflows/loop.py", "from activities.perform import perform\n"),
        ("workflows/loop.py", "import worker\n"),
        ("activities/perform.py", "from workflows import steps\n"),
        ("activities/perform.py", "import starter\n"),
        ("starter/client.py", "from activities import perform\n"),
        ("starter/client.py", "from activities.storefront import x\n"),
        ("gateway/app.py", "from starter.client import Client\n"),
        ("sandbox/stripe.py", "from domain import state\n"),
        ("sandbox/stripe.py", "from activities.store import tables\n"),
    ],
)
def test_an_import_against_the_direction_is_found(tmp_path: Path, path: str, text: str) -> None:
    write(tmp_path, {"worker.py": "", "domain/state.py": "", "activities/perform.py": "", path: text})
    assert len(violations(tmp_path)) == 1
    assert violations(tmp_path)[0].startswith(f"{path}:")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("domain/a.py", "import dataclasses\nfrom domain.money import Money\n"),
        ("workflows/loop.py", "import temporalio\nfrom domain import money\n"),
        ("workflows/steps.py", "from activities.perform import perform\n"),
        ("activities/perform.py", "import requests\nfrom domain import money\n"),
        ("starter/client.py", "from activities.store import tables\nfrom activities import store\n"),
        ("sandbox/stripe.py", "from domain.money import Money\nfrom domain import money\n"),
        ("worker.py", "import activities.perform, workflows.loop\n"),
        ("demo/lives.py", "import activities.perform, sandbox.stripe, starter.client\n"),
    ],
)
def test_an_import_along_the_direction_passes(tmp_path: Path, path: str, text: str) -> None:
    rooms = {"domain/money.py": "", "activities/store/__init__.py": "", "activities/store/tables.py": ""}
    write(tmp_path, {**rooms, path: text})
    assert violations(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "text", "place"),
    [("demo/a.py", LONG_FILE, "demo/a.py"), ("tests/a.py", LONG_FUNCTION, "tests/a.py:f")],
)
def test_a_file_or_function_that_is_too_long_is_found_unless_it_has_a_reason(
    tmp_path: Path, path: str, text: str, place: str
) -> None:
    write(tmp_path, {path: text})
    assert [found.partition(": ")[0] for found in violations(tmp_path)] == [place]
    assert violations(tmp_path, exceptions={place: "one table that is read as a whole"}) == []


def test_a_room_with_too_many_files_is_found(tmp_path: Path) -> None:
    write(tmp_path, {f"workflows/m{n}.py": "" for n in range(ROOM_MODULES + 1)})
    assert violations(tmp_path) == [
        f"workflows: holds {ROOM_MODULES + 1} files, {ROOM_MODULES} at most; give a group of them a folder of their own"
    ]


def test_a_file_that_knows_too_many_others_is_found(tmp_path: Path) -> None:
    others = [f"m{n}" for n in range(FAN_OUT + 1)]
    text = "".join(f"import domain.{name}\n" for name in others)
    write(tmp_path, {**{f"domain/{name}.py": "" for name in others}, "workflows/loop.py": text})
    assert [found.partition(": ")[0] for found in violations(tmp_path)] == ["workflows/loop.py"]


def test_a_file_that_too_many_other_rooms_enter_is_found(tmp_path: Path) -> None:
    visitors = {f"starter/m{n}.py": "import activities.store\n" for n in range(FAN_IN + 1)}
    write(tmp_path, {**visitors, "activities/store/__init__.py": ""})
    assert [found.partition(": ")[0] for found in violations(tmp_path)] == ["activities.store"]
