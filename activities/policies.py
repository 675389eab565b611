"""Policy files in a directory, by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from domain.errors import Invalid
from domain.policy.file import PolicyError, line_of, load

if TYPE_CHECKING:
    from pathlib import Path

    from domain.policy import Policy

_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")


def policy_names(directory: Path) -> list[str]:
    """The names of the policies in `directory`, sorted."""
    return sorted(path.stem for path in directory.glob("*.toml"))


def read_policy(directory: Path, name: str) -> Policy:
    """The policy `name` as its file stands now; raises Invalid for an unknown name, PolicyError for a bad file."""
    path = directory / f"{name}.toml"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise Invalid("policy", f"{name!r} is not known; known here: {', '.join(policy_names(directory)) or 'none'}")
    text = path.read_text(encoding="utf-8")
    policy = load(text, str(path))
    if policy.name != name:
        rule = f"{policy.name!r} is not the name of the file; write {name!r}"
        raise PolicyError(str(path), line_of(text, "name"), "name", rule)
    return policy


def read_policies(directory: Path) -> dict[str, Policy]:
    """Every policy in `directory` by name, so that a bad file is found before an order needs it; raises as above."""
    return {name: read_policy(directory, name) for name in policy_names(directory)}
