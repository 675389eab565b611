"""What clients may know of the marketplaces: published by every worker, kept in step with the files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, text

from activities.policies import keep_published, publish
from activities.store import marketplaces
from activities.store.database import connect

PATIENCE = 20.0  # seconds


def write(directory: Path, name: str, country: str = "DE") -> None:
    (directory / f"{name}.toml").write_text(f'name = "{name}"\n[calendar]\ncountry = "{country}"\n', encoding="utf-8")


def country_of(engine: Engine, name: str) -> str | None:
    with engine.begin() as conn:
        policy = marketplaces.policy_of(conn, name)
    return None if policy is None else policy.calendar.country


def names(engine: Engine) -> tuple[str, ...]:
    with engine.begin() as conn:
        return marketplaces.names(conn)


def test_the_policies_of_a_directory_are_published_as_they_are(engine: Engine, tmp_path: Path) -> None:
    assert (publish(engine, tmp_path), names(engine)) == (True, ())
    write(tmp_path, "north")
    write(tmp_path, "south", "ZA")
    assert publish(engine, tmp_path)
    assert names(engine) == ("north", "south")
    assert (country_of(engine, "south"), country_of(engine, "west")) == ("ZA", None)


def test_a_calendar_that_cannot_be_is_not_published(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, "north", "XX")
    assert (publish(engine, tmp_path), names(engine)) == (False, ())


def test_what_is_published_already_is_not_written_again(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, "north")
    row = text("SELECT xmin::text FROM marketplaces WHERE name = 'north'")

    def published() -> str:
        assert publish(engine, tmp_path)
        with engine.begin() as conn:
            return str(conn.execute(row).scalar_one())

    first = published()
    assert published() == first
    write(tmp_path, "north", "AT")
    assert published() != first


def test_a_marketplace_that_only_another_worker_serves_stays_known(engine: Engine, tmp_path: Path) -> None:
    older, newer = tmp_path / "older", tmp_path / "newer"
    for directory, name in ((older, "north"), (newer, "south")):
        directory.mkdir()
        write(directory, name)
        assert publish(engine, directory)
    assert names(engine) == ("north", "south")


def test_a_file_that_was_broken_later_takes_nothing_back_and_a_mended_one_is_known(
    engine: Engine, tmp_path: Path
) -> None:
    write(tmp_path, "north")
    stop = threading.Event()
    keeping = threading.Thread(target=keep_published, args=(engine, tmp_path, stop, 0.01))
    keeping.start()
    try:
        eventually(lambda: names(engine) == ("north",))
        for broken in (b'name = "sout"\n', b"\xff"):
            (tmp_path / "south.toml").write_bytes(broken)
            assert not publish(engine, tmp_path)
            assert names(engine) == ("north",)
        write(tmp_path, "south")
        eventually(lambda: names(engine) == ("north", "south"))
    finally:
        stop.set()
        keeping.join()


def test_without_a_database_a_worker_goes_on_and_tries_again(tmp_path: Path) -> None:
    write(tmp_path, "north")
    away = connect("postgresql://nobody@127.0.0.1:1/none")
    assert not publish(away, tmp_path)
    away.dispose()


def eventually(true: Callable[[], bool]) -> None:
    """Until it is true, for so long as a loaded machine may need."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
