"""Limits of the files that are attached to an order: evidence of claims and attachments of messages."""

from __future__ import annotations

from dataclasses import dataclass

from domain.policy.units import count

_MILLION = 1_000_000

LONGEST_SIDE = 20_000
"""Pixels of a picture's side. A panorama fits; what is longer breaks the programs that show it."""

MOST_UNPACKED = 200
"""Million bytes to which a document may grow when it is opened; a bomb grows to thousands."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Files that parties and specialists attach to an order."""

    largest: int = count("megabytes", 10, "A phone's photo has three to eight; a scanned contract fits as well.")
    most_files: int = count(
        "files", 100, "Of each side of an order. A long case has some dozens; more is a mistake or an attack."
    )
    most_at_once: int = count("files", 20, "Every side of an item and the papers; the rest goes with the next message.")
    most_pixels: int = count("megapixels", 50, "Phones make 12 to 50; unpacked, each million takes four megabytes.")
    most_pages: int = count("pages", 50, "An invoice or an expert's report; a specialist reads no book.")

    @property
    def bytes(self) -> int:
        """The most bytes of a file, as it is given and as it is stored."""
        return self.largest * _MILLION

    @property
    def pixels(self) -> int:
        """The most pixels of a picture."""
        return self.most_pixels * _MILLION
