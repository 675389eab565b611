"""Policy files in a directory, by name, and their publication to whoever places orders."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import structlog

from activities import calendars
from activities.store import marketplaces
from domain.errors import Invalid
from domain.policy.file import PolicyError, line_of, load, text_of

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from sqlalchemy import Engine

    from domain.policy import Policy

log = structlog.get_logger(__name__)

_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")


def policy_names(directory: Path) -> list[str]:
    """The names of the policies in `directory`, sorted."""
    return sorted(path.stem for path in directory.glob("*.toml"))


def read_policy(directory: Path, name: str) -> Policy:
    """The policy `name` as its file stands now; raises Invalid for an unknown name, PolicyError for a bad file."""
    path = directory / f"{name}.toml"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise Invalid("policy", f"{name!r} is not known; known here: {', '.join(policy_names(directory)) or 'none'}")
    return _checked(name, text_of(path.read_bytes(), str(path)), str(path))


@lru_cache(maxsize=64)
def _checked(name: str, text: str, source: str) -> Policy:
    """The policy in a file's text, judged once: every checkout asks for one, and the files seldom change."""
    policy = calendars.checked(load(text, source), text, source)
    if policy.name != name:
        rule = f"{policy.name!r} is not the name of the file; write {name!r}"
        raise PolicyError(source, line_of(text, "name"), "name", rule)
    return policy


def read_policies(directory: Path) -> dict[str, Policy]:
    """Every policy in `directory` by name, so that a bad file is found before an order needs it; raises as above."""
    return {name: read_policy(directory, name) for name in policy_names(directory)}


def publish(engine: Engine, directory: Path) -> bool:
    """Write down which marketplaces there are, for clients to read; False when that did not succeed this time."""
    try:
        policies = read_policies(directory)
        with engine.begin() as conn:
            marketplaces.publish(conn, policies.values())
    except Exception as error:  # noqa: BLE001  # Whatever a file holds, the next one is still to be published.
        log.warning("the marketplaces could not be published", code=type(error).__name__)
        return False
    return True


def keep_published(engine: Engine, directory: Path, stop: threading.Event, every: float = 60.0) -> None:
    """Publish until `stop` is set, `every` so many seconds, so that a file that is added or edited is known as well."""
    while not stop.wait(every):
        publish(engine, directory)
