"""All typed methods of the client, whoever they are for."""

from __future__ import annotations

from starter.claims import ClaimCommands
from starter.desk import DeskCommands
from starter.files.client import FileCommands
from starter.parties import PartyCommands


class TypedCommands(PartyCommands, ClaimCommands, DeskCommands, FileCommands):
    """What parties, specialists and operators do with an order."""
