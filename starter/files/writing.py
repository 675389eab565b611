"""Files that are whole or not there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
    part = path.with_name(f"{path.name}.part")
    try:
        part.touch(mode=0o600)
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise Invalid(str(path), f"cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
