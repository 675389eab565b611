"""What a marketplace may change about the messages of an order."""

from __future__ import annotations

from dataclasses import dataclass

from domain.policy.units import Whole, declared, one_of


@dataclass(frozen=True, slots=True)
class Messages:
    """What the parties and the desk write to each other."""

    reply_stops_reminder: str = declared(
        one_of("yes", "no"), "yes", "Who has just written knows of the order; a reminder would only annoy."
    )
    longest: int = declared(Whole("characters"), 5000, "Two pages; more is a document and goes with as an attachment.")
    most_attachments: int = declared(Whole("attachments", 0), 10, "Every side of an item, and the label.")
