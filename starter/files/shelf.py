"""Where a client stores and reads the files of an order. Blocking; needs PostgreSQL alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from activities.files.accept import accept
from activities.files.names import display_name
from activities.store.desk import attachments
from activities.store.desk.attachments import Attachment, Visibility
from domain.checkout import ID, NOT_AN_ID
from domain.errors import Invalid, Refused
from domain.state import DESK, Actor, Order, Role
from starter.answers import NotFound
from starter.records import Records
from starter.sending import id_from
from starter.views import may_see


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file with its content."""

    about: Attachment
    content: bytes = field(repr=False)


class Shelf:
    """The files of orders, for those who have part in them."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def store(
        self,
        order_id: str,
        by: Actor,
        source: bytes | Path,
        name: str = "",
        *,
        internal: bool = False,
        attachment_id: str = "",
    ) -> Attachment:
        """Store a file, made harmless, under the limits of the order's policy; commands then name it by its id.

        The same file by the same person again is the same attachment. `internal` keeps it for the desk. The platform
        stores what it gives in the seller's place. Raises NotFound for a stranger too, Invalid for a file that is not
        taken, Refused for one too many or an internal one of a party, Conflict when `attachment_id` is another file's.
        """
        order = self._records.order(order_id) if by.role is Role.PLATFORM else self._order(order_id, by)
        if internal and by.role not in DESK:
            raise Refused("role_not_allowed", f"a {by.role} may not store an internal file; that is for the desk")
        if attachment_id and not ID.fullmatch(attachment_id):
            raise Invalid("attachment_id", NOT_AN_ID)
        limits = order.policy.evidence
        content = source if isinstance(source, bytes) else _read(source, limits.bytes)
        kind, cleaned = accept(content, limits)
        fingerprint = self._records.vault.fingerprint(content)
        seen_by = Visibility.DESK if internal else Visibility.PARTIES
        about = Attachment(
            attachment_id or f"f-{id_from(order_id, by.role, by.id, seen_by, fingerprint.hex())[:20]}",
            order_id,
            by,
            self._records.now_of(order),
            kind,
            len(cleaned),
            seen_by,
            display_name(name or (source.name if isinstance(source, Path) else "")),
        )
        with self._records.begin() as conn:
            return attachments.put(conn, self._records.vault, about, cleaned, fingerprint, limits.most_files)

    def listed(self, order_id: str, by: Actor) -> tuple[Attachment, ...]:
        """The order's files that `by` may read, oldest first. Raises NotFound."""
        self._order(order_id, by)
        with self._records.begin() as conn:
            found = attachments.listed(conn, self._records.vault, order_id, desk=by.role in DESK)
        return tuple(_shown(file, by) for file in found)

    def get(self, order_id: str, by: Actor, attachment_id: str) -> StoredFile:
        """A file with its content. Raises NotFound, for one that `by` may not read too."""
        self._order(order_id, by)
        with self._records.begin() as conn:
            found = attachments.get(conn, self._records.vault, order_id, attachment_id)
        if found is None or (found[0].visibility is Visibility.DESK and by.role not in DESK):
            raise NotFound(attachment_id, "file")
        return StoredFile(_shown(found[0], by), found[1])

    def check(self, order_id: str, by: Actor, attachment_ids: Sequence[str], field: str, *, internal: bool) -> None:
        """Before a command of `by` names files in `field`: all are there for those who will read it.

        `internal` means that only the desk will. Raises NotFound, and Invalid for files that are not there for them.
        """
        self._order(order_id, by)
        with self._records.begin() as conn:
            desk = internal and by.role in DESK
            unknown = attachments.missing(conn, order_id, attachment_ids, desk=desk)
        if unknown:
            who = "the desk" if desk else "both parties"
            raise Invalid(
                field, f"order {order_id} has no file {', '.join(unknown)} that {who} may read; store it first"
            )

    def _order(self, order_id: str, by: Actor) -> Order:
        order = self._records.order(order_id)
        if not may_see(by, order.buyer, order.seller):
            raise NotFound(order_id)
        return order


def _shown(file: Attachment, by: Actor) -> Attachment:
    """The file as `by` sees it: who of the desk stored it is told to the desk alone."""
    if by.role in DESK or file.author.role not in DESK:
        return file
    return replace(file, author=Actor(file.author.role, ""))


def _read(path: Path, most: int) -> bytes:
    """The file's bytes, one more than `most` at the longest: enough to be refused."""
    try:
        if not path.is_file():
            raise Invalid("file", f"{path} is not a file")
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise Invalid("file", f"{path} cannot be read: {error.strerror}") from None
