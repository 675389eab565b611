"""Files that are whole or not there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from domain.errors import Invalid

STDOUT = Path("-")


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """What is written stands under `path` when the block ends well, for its owner alone; ``-`` is standard output.

    Raises Invalid when it cannot be written.
    """
    if path == STDOUT:
        yield sys.stdout.buffer
        return
    part = part_of(path)
    try:
        part.touch(mode=0o600)
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise Invalid(str(path), f"cannot be written: {error.strerror}") from None
    finally:
        _away(part)


def check_writable(path: Path) -> None:
    """Find out before something is done whether its result could be written. Raises Invalid when `whole` could not."""
    try:
        is_folder = path.is_dir()
        part_of(path).touch(mode=0o600)
    except OSError as error:
        raise Invalid(str(path), f"cannot be written: {error.strerror}") from None
    finally:
        _away(part_of(path))
    if is_folder:
        raise Invalid(str(path), "cannot be written: it is a folder")


def _away(part: Path) -> None:
    """A name that is too long, or a folder that is none, was never written to."""
    with suppress(OSError):
        part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Where a file is written before it is whole. Raises Invalid for a path that ends in no name."""
    if not path.name:
        raise Invalid(str(path), "cannot be written: it names no file")
    return path.with_name(f"{path.name}.part")
