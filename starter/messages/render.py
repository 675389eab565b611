"""Threads, inboxes and notices on a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType

from activities.store.desk.messages import SHIPPED
from domain.words.written import in_a_line
from starter.messages.views import Inbox, NoticeView, Thread, ThreadLine
from starter.render import quotes, table, text, when, words


def thread(view: Thread) -> RenderableType:
    """One order's thread, oldest line first."""
    parts: list[RenderableType] = [text(f"Order {view.order_id}, as the {view.seen_as} sees it", "bold")]
    parts += [text(sentence, "bold red") for sentence in view.bounces]
    if view.before is not None:
        parts.append(text(f"Earlier lines: --before {view.before}"))
    parts += [part for line in view.lines for part in _line(line)]
    return Group(*parts, *([] if view.lines else [text("Nobody has written yet.")]))


def _line(line: ThreadLine) -> list[RenderableType]:
    who = f"{'you' if line.mine else line.who} {line.author_id if not line.mine else ''}".strip()
    marks = [name for name, there in (("new", line.unread), ("internal", line.internal)) if there]
    who += f", on claim {line.claim_id}" if line.claim_id else ""
    said = [text(f"{when(line.at)}  {who}" + (f"  [{', '.join(marks)}]" if marks else ""), "bold")]
    said += [text(f"  {in_a_line(line.text)}")] if line.kind == SHIPPED else quotes(line.text)
    if line.tracking_number:
        said.append(text(f"  Tracking number: {line.tracking_number}"))
    if line.attachments:
        said.append(text(f"  Attachments: {', '.join(line.attachments)}"))
    return list(said)


def inbox(view: Inbox) -> RenderableType:
    """What waits for a person."""
    rows = table(
        ("order", "unread", "last line", "stage", "waiting on", "due", ""),
        (
            (
                row.order_id,
                str(row.unread or "-"),
                when(row.last_at),
                words(row.stage),
                row.waiting_on,
                when(row.due_at),
                " ".join(row.bounces),
            )
            for row in view.rows
        ),
    )
    return Group(rows, *([text(f"More: --after {view.after}")] if view.after else []))


def notices(rows: tuple[NoticeView, ...]) -> RenderableType:
    """What the system has told whom."""
    return table(
        ("note", "to", "by", "status", "at"),
        (
            (
                words(row.what),
                row.to,
                row.channel,
                row.status + (f" ({row.code})" if row.code else ""),
                when(row.at),
            )
            for row in rows
        ),
    )
