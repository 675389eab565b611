"""docker-compose.yml as the tests read it, and what the code says about its own environment."""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic_settings import BaseSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
ROOMS = ("activities", "domain", "gateway", "migrations", "sandbox", "starter", "workflows")
"""The rooms that stand in the image, beside worker.py."""

VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?P<rest>[^}]*)\}")

ENTRIES = {
    "worker": "worker",
    "gateway": "gateway.__main__",
    "aftersale": "starter.settings",
    "sandbox": "sandbox.receivers",
}
"""The module whose settings each of our services reads."""


def load() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return document


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load()["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    """The services that run our own image."""
    return {name: service for name, service in services().items() if "build" in service}


def tried_with() -> dict[str, str]:
    """What the page for those who run it puts into .env to try the stack with the sandbox."""
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    lines = page.partition("```ini\n")[2].partition("```")[0].splitlines()
    return dict(line.split("=", 1) for line in lines)


def command(service: dict[str, Any]) -> list[str]:
    """What a service runs, entrypoint and command together."""
    return [str(word) for word in [*service.get("entrypoint", []), *service.get("command", [])]]


def variables(value: object) -> Iterator[re.Match[str]]:
    """Every ``${NAME...}`` in a value and all that it holds."""
    if isinstance(value, str):
        yield from VARIABLE.finditer(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from variables(item)
    elif isinstance(value, list):
        for item in value:
            yield from variables(item)


@dataclass(frozen=True)
class Setting:
    """A name in the environment that the code reads."""

    name: str
    required: bool
    default: object = None


def sources() -> list[Path]:
    """The source files that stand in the image."""
    return [ROOT / "worker.py", *(file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))]


def settings_modules() -> dict[str, list[str]]:
    """The modules that declare settings, with the names of their classes."""
    found: dict[str, list[str]] = {}
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any("BaseSettings" in ast.unparse(base) for base in node.bases):
                module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
                found.setdefault(module, []).append(node.name)
    return found


def settings(module: str) -> dict[str, Setting]:
    """The settings that a module's classes declare, by environment name."""
    found = {}
    for name in settings_modules()[module]:
        kind = getattr(importlib.import_module(module), name)
        assert issubclass(kind, BaseSettings)
        for field, about in kind.model_fields.items():
            setting = f"{kind.model_config.get('env_prefix', '')}{field}".upper()
            found[setting] = Setting(setting, about.is_required(), about.default)
    return found


def read_directly() -> set[str]:
    """The names that the code takes from ``os.environ`` itself."""
    names: set[str] = set()
    for file in sources():
        text = file.read_text(encoding="utf-8")
        names |= set(re.findall(r"""(?:environ(?:\.get\(|\[)|getenv\()\s*["']([A-Z_]+)["']""", text))
    return names
