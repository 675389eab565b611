"""What buyer, seller and desk wrote to each other, in the pack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from activities.store.desk import messages
from activities.store.desk.messages import SHIPPED
from activities.store.desk.words import CLAIM
from domain.words.written import quoted
from starter.messages.views import ThreadLine, thread_view
from starter.pack.case import Case, Entry, as_json, as_text
from starter.pack.enclosed import places
from starter.render import when

WHOLE = 1_000_000
"""Lines; more than any thread has."""


def thread(case: Case) -> Iterator[Entry]:
    """The thread, oldest line first; with `internal` what the desk wrote for itself too.

    Numbers stand elsewhere, and what was written with claims stands with them.
    """
    about = messages.head(case.conn, case.order_id, case.reader)
    if about is None:
        raise LookupError(case.order_id)
    found = messages.lines(case.conn, case.vault, about, case.reader, limit=WHOLE)
    view, lie = thread_view(about, case.order, found, case.reader, WHOLE), places(case)
    lines = [_line(line, lie, internal=case.internal) for line in view.lines if line.kind != CLAIM]
    yield as_text("messages.txt", "What was written about the order, the oldest first.", _texts(lines))
    yield as_json("messages.json", "The same for programs.", lines)


def _line(line: ThreadLine, lie: dict[str, str], *, internal: bool) -> dict[str, Any]:
    own = {"internal": line.internal, "author_id": line.author_id} if internal else {}
    return {
        "at": line.at,
        "who": line.who,
        "kind": line.kind,
        "text": line.text,
        "attachments": [lie[file] for file in line.attachments if file in lie],
        "parcel_id": line.parcel_id,
        **own,
    }


def _texts(lines: list[dict[str, Any]]) -> Iterator[str]:
    for line in lines:
        yield f"{when(line['at'])}  {line['who']}" + ("  [internal]" if line.get("internal") else "")
        yield from (f"  {row}" for row in ([line["text"]] if line["kind"] == SHIPPED else quoted(line["text"])))
        if line["attachments"]:
            yield f"  Attachments: {', '.join(line['attachments'])}"
    if not lines:
        yield "Nobody has written."
