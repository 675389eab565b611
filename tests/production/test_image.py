from __future__ import annotations

import ast
import importlib.metadata
import sys
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.production.compose import ROOMS, ROOT, sources

EXTRAS = ("gateway", "reports", "sheets")
"""What the Dockerfile installs beside the dependencies."""


def installed() -> set[str]:
    """The packages of the image: what pyproject.toml asks for, with the extras of its processes, and all they need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    more = [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]
    wanted = [Requirement(line) for line in (*project["dependencies"], *more)]
    found: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name in found and not requirement.extras:
            continue
        found.add(name)
        below = [Requirement(line) for line in importlib.metadata.requires(requirement.name) or []]
        extras = requirement.extras or {""}
        wanted += [r for r in below if not r.marker or any(r.marker.evaluate({"extra": extra}) for extra in extras)]
    return found


def test_the_image_installs_every_package_that_its_code_imports() -> None:
    owners = importlib.metadata.packages_distributions()
    there = installed()
    missing = set()
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for top in {name.partition(".")[0] for name in names} - {*ROOMS, "worker"} - sys.stdlib_module_names:
                if not there & {canonicalize_name(owner) for owner in owners.get(top, [])}:
                    missing.add(f"{file.relative_to(ROOT)} imports {top}")
    assert not missing
