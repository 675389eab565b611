from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

SMALL = ("--rounds=1", "--bookings=10", "--lives=3", "--in-flight=3", "--movements", "30", "--cases=40")


def measured(pytestconfig: pytest.Config, name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench", f"--only={name}", *SMALL]
    done = subprocess.run(command, cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document) == {"machine", "options", name}
    assert {"processor", "cores", "python"} <= set(document["machine"])
    found: dict[str, Any] = document[name]
    return found


def test_bookings_are_measured_beside_the_same_statement_alone(pytestconfig: pytest.Config) -> None:
    found = measured(pytestconfig, "postings")
    assert set(found) == {"connections_1", "connections_4", "connections_16"}
    for each in found.values():
        assert set(each) == {"rounds", "median", "ratio"}
        assert [set(figures) for figures in each["rounds"]] == [{"ours", "raw"}]
        assert each["ratio"]["bookings_per_second"]["median"] > 0


def test_an_order_and_a_bare_workflow_live_lives_of_one_shape(pytestconfig: pytest.Config) -> None:
    found = measured(pytestconfig, "lives")
    assert set(found) == {"rounds", "median", "ratio"}
    assert set(found["ratio"]) == {"lives_per_second", "worker_cpu_ms", "all_cpu_ms"}
    order, bare = (found["median"][kind] for kind in ("order", "bare"))
    assert set(order) == set(bare)
    # How messages and tasks meet differs a little with the load of the machine.
    assert order["actions"] == pytest.approx(bare["actions"], abs=1.5)
    assert order["events"] == pytest.approx(bare["events"], abs=12)
    assert order["history_bytes"] == pytest.approx(bare["history_bytes"], rel=0.15)


def test_reconciling_tells_its_time_and_its_memory(pytestconfig: pytest.Config) -> None:
    found = measured(pytestconfig, "reconciliation")
    (only,) = found["sizes"]
    assert only["compared"] >= only["movements"] == 30
    assert only["findings"] == 0
    assert {"seconds", "cpu_seconds", "memory_before_mib", "memory_growth_mib"} <= set(only)


def test_sheets_are_measured_beside_the_libraries_alone(pytestconfig: pytest.Config) -> None:
    found = measured(pytestconfig, "sheets")
    assert set(found) == {"cases", "cells", "rounds", "median", "ratio", "edited", "memory_growth_mib"}
    (only,) = found["rounds"]
    assert {side: set(figures) for side, figures in only.items()} == {
        "ours": {"export_seconds", "export_cpu_seconds", "import_seconds", "import_cpu_seconds"},
        "bare": {"export_seconds", "export_cpu_seconds", "import_seconds", "import_cpu_seconds"},
        "openpyxl": {"import_seconds", "import_cpu_seconds"},
    }
    assert found["ratio"]["export_cpu_seconds"]["median"] > 0
    assert found["edited"]["rows"] == 40
