"""A pack as one ZIP: the same record gives the same bytes, and never more than one file is in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from starter.pack.case import Entry

_BEGINNING = (1980, 1, 1, 0, 0, 0)
_PACKED_ALREADY = (".jpg", ".png")


@dataclass(frozen=True, slots=True)
class Packed:
    """An entry that was written; `size` in bytes."""

    name: str
    size: int
    sha256: str
    about: str = ""


def write(target: BinaryIO, title: str, entries: Iterable[Entry]) -> tuple[Packed, ...]:
    """Write all entries, then ``README.txt`` about them and ``manifest.json`` with the digest of each."""
    with ZipFile(target, "w") as archive:
        done = [_add(archive, entry) for entry in entries]
        done.append(_add(archive, Entry("README.txt", "What is what.", _readme(title, done))))
        digests = [{"name": each.name, "size": each.size, "sha256": each.sha256} for each in done]
        manifest = json.dumps({"title": title, "entries": digests}, ensure_ascii=False, indent=2) + "\n"
        _add(archive, Entry("manifest.json", "", (manifest.encode(),)))
    return tuple(done)


def _add(archive: ZipFile, entry: Entry) -> Packed:
    info = ZipInfo(entry.name, _BEGINNING)
    info.compress_type = ZIP_STORED if entry.name.endswith(_PACKED_ALREADY) else ZIP_DEFLATED
    info.create_system, info.external_attr = 3, 0o644 << 16
    digest, size = hashlib.sha256(), 0
    with archive.open(info, "w") as file:
        for chunk in entry.chunks:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return Packed(entry.name, size, digest.hexdigest(), entry.about)


def _readme(title: str, done: Iterable[Packed]) -> Iterator[bytes]:
    yield f"{title}\n{'=' * len(title)}\n\n".encode()
    yield (
        b"Times are in UTC. In sheets an apostrophe stands before a text that a program would take for a formula.\n"
        b"manifest.json holds the SHA-256 digest of every file, as below, for programs: sha256sum shows the same.\n"
    )
    for each in done:
        yield f"\n{each.name}\n  {each.about}\n  {each.size} bytes, SHA-256 {each.sha256}\n".encode()
