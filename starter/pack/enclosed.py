"""Files that lie in the pack as they were stored, and where each of them lies."""

from __future__ import annotations

from collections.abc import Iterator

from activities.files.accept import accept
from activities.files.kinds import PICTURES
from activities.files.names import archive_name
from activities.store import personal
from activities.store.desk import attachments
from activities.store.desk.attachments import Attachment
from domain.errors import Invalid
from starter.pack.case import Case, Entry
from starter.render import when


def files(case: Case) -> Iterator[Entry]:
    """What the parties and the desk attached, one at a time."""
    for name, file in _named(case):
        about = f"{file.name}: {file.kind}, from the {file.author.role}, {when(file.at)}, file {file.attachment_id}."
        yield Entry(name, about, _content(case, file.attachment_id))


def places(case: Case) -> dict[str, str]:
    """Where each file lies in the pack, by its id; a file that only the desk may read is there with `internal`."""
    return {file.attachment_id: name for name, file in _named(case)}


def _named(case: Case) -> Iterator[tuple[str, Attachment]]:
    found = attachments.listed(case.conn, case.vault, case.order_id, desk=case.internal)
    for number, file in enumerate(found, 1):
        yield f"files/{archive_name(number, file.author.role, file.name, file.kind.suffix)}", file


def _content(case: Case, attachment_id: str) -> Iterator[bytes]:
    stored = attachments.get(case.conn, case.vault, case.order_id, attachment_id)
    if stored is None:
        raise LookupError(attachment_id)
    yield stored[1]


def photo(case: Case, number: int, parcel_id: str) -> Iterator[Entry]:
    """The photo that the sender took; shipping looks no further than at how it begins, so it is judged here."""
    found = personal.get_parcel(case.conn, case.vault, case.order_id, parcel_id)
    if found is None or not found.photo:
        return
    try:
        kind, content = accept(found.photo, case.order.policy.evidence)
    except Invalid:
        return
    if kind not in PICTURES:
        return
    name = archive_name(number, "parcel", parcel_id, kind.suffix)
    yield Entry(f"parcels/{name}", f"The sender's photo of parcel {parcel_id}.", (content,))
