"""The client's methods for files: stored first, then named by their ids in claims and messages."""

from __future__ import annotations

import asyncio
from pathlib import Path

from activities.store.desk.attachments import Attachment
from domain.state import Actor
from starter.files.shelf import Shelf, StoredFile
from starter.records import Records


class FileCommands:
    """What a storefront does with files."""

    _records: Records

    async def store_file(
        self,
        order_id: str,
        by: Actor,
        *,
        source: bytes | Path,
        name: str = "",
        internal: bool = False,
        attachment_id: str = "",
    ) -> str:
        """Store a file of an order and give its id, which claims and messages name. See `Shelf.store`."""
        shelf = Shelf(self._records)
        stored = await asyncio.to_thread(
            shelf.store, order_id, by, source, name, internal=internal, attachment_id=attachment_id
        )
        return stored.attachment_id

    async def files(self, order_id: str, by: Actor) -> tuple[Attachment, ...]:
        """The order's files that `by` may read, without their contents. Raises NotFound."""
        return await asyncio.to_thread(Shelf(self._records).listed, order_id, by)

    async def file(self, order_id: str, by: Actor, attachment_id: str) -> StoredFile:
        """A file of an order with its content. Raises NotFound."""
        return await asyncio.to_thread(Shelf(self._records).get, order_id, by, attachment_id)
