"""The sections of the evidence pack. A new one is a function, and a name in `SECTIONS` at the end of this file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from activities.files.accept import accept
from activities.files.kinds import PICTURES
from activities.files.names import archive_name
from activities.store import books, outbox, personal
from activities.store.desk import attachments
from domain.errors import Invalid
from domain.state import DESK, PARTIES, Parcel
from domain.words import HAPPENED
from starter.books.money import money_view
from starter.books.sheets import cell
from starter.pack.case import Case, Entry, Section, as_json, as_text
from starter.render import when, words
from starter.views import TOLD, Happening, order_view, story_for


def sold(case: Case) -> Iterator[Entry]:
    """What was sold, and what the buyer was told before paying."""
    row, policy = case.screen.row, case.order.policy
    view = order_view(case.screen, case.actor, row.updated_at or case.order.placed_at, {}, {})
    told = ("line_id", "title", "quantity", "price", "condition", "known_differences", "return_terms", "state", "since")
    value = {
        "order_id": row.order_id,
        "checkout_id": row.checkout_id,
        "marketplace": policy.display_name or row.marketplace,
        "policy": f"{policy.name} {policy.version}",
        "buyer": row.buyer,
        "seller": row.seller,
        "placed_at": row.placed_at,
        "stage": row.stage,
        "total": row.total,
        "shipping": case.screen.checkout.get("shipping", ""),
        "lines": [{name: getattr(line, name) for name in told} for line in view.lines],
        "promised": {name: getattr(policy.expect, name) for name in ("placed", "confirmed", "shipped", "delivered")},
        "claim_window_days": policy.aftersale.window,
    }
    yield as_json("order.json", "What was sold, and what the buyer was told of its condition and terms.", value)


def story(case: Case) -> Iterator[Entry]:
    """What happened, by role: who of the desk it was is nobody's matter."""
    found = [h for h in story_for(case.screen, case.actor, {}) if case.internal or _is_told(h)]
    steps = [{"at": h.at, "who": h.who, "step": h.step, "refused": h.refused, "text": h.text} for h in found]
    lines = (f"{when(h.at)}  {h.who:<10}  {h.text}" + (f" [{h.step}]" if h.refused else "") for h in found)
    yield as_text("story.txt", "What happened to the order, step by step, with times in UTC.", lines)
    yield as_json("story.json", "The same for programs.", steps)


def _is_told(happening: Happening) -> bool:
    return happening.who not in DESK if happening.refused else happening.step in TOLD


def money(case: Case) -> Iterator[Entry]:
    """The order's ledger."""
    found = books.order_books(case.conn, case.order_id)
    if found is None:
        raise LookupError(case.order_id)
    yield as_json("money.json", "Every booking and operation, with the sums.", money_view(found, case.actor))
    rows = (
        (b.at, b.order_id, b.verb, b.seq, e.account, *_sides(e), e.amount.currency)
        for b in found.bookings
        for e in b.entries
    )
    columns = ("at", "order", "operation", "sequence", "account", "debit", "credit", "currency")
    yield _sheet("money.csv", "The entries of the ledger as a sheet.", columns, rows)


def _sides(entry: books.BookedEntry) -> tuple[object, object]:
    return (entry.amount, None) if entry.side == "debit" else (None, entry.amount)


def parcels(case: Case) -> Iterator[Entry]:
    """The parcels and what carriers said of them, then their photos, as far as they are pictures."""
    value = [
        {
            "parcel_id": parcel.parcel_id,
            "carrier": parcel.carrier,
            "service": parcel.service,
            "tracking_number": case.numbers.get(parcel.parcel_id, ""),
            "insured": parcel.insured,
            "lines": parcel.lines,
            "shipped_at": parcel.shipped_at,
            "withdrawn": parcel.withdrawn,
            "milestones": _milestones(case, parcel),
        }
        for parcel in case.order.parcels
    ]
    about = "Carriers, tracking numbers, and what each carrier reported when. Thieves use numbers: do not pass them on."
    yield as_json("parcels.json", about, value)
    for number, parcel in enumerate(case.order.parcels, 1):
        yield from _photo(case, number, parcel)


def _milestones(case: Case, parcel: Parcel) -> list[dict[str, object]]:
    scans = (step.body for step in case.screen.story.steps if step.step == "parcel_scan")
    mine = (body for body in scans if body.get("parcel_id") == parcel.parcel_id)
    return [{name: body.get(name, "") for name in ("at", "milestone", "proof")} for body in mine]


def _photo(case: Case, number: int, parcel: Parcel) -> Iterator[Entry]:
    """The photo that the sender took; shipping takes it as it is, so it is judged here."""
    found = personal.get_parcel(case.conn, case.vault, case.order_id, parcel.parcel_id)
    if found is None or not found.photo:
        return
    try:
        kind, content = accept(found.photo, case.order.policy.evidence)
    except Invalid:
        return
    if kind not in PICTURES:
        return
    name = archive_name(number, "parcel", parcel.parcel_id, kind.suffix)
    yield Entry(f"parcels/{name}", f"The sender's photo of parcel {parcel.parcel_id}.", (content,))


def notices(case: Case) -> Iterator[Entry]:
    """What was told to the parties, and when; with `internal` what programs and the desk were told too."""
    ends = ("sent_at", "dropped_at", "failed_at")
    rows = (
        (
            told.due_at,
            told.sent_at,
            next((end.removesuffix("_at") for end in ends if getattr(told, end)), "waiting"),
            told.to,
            told.channel,
            told.cause,
            HAPPENED.get(told.template, words(told.template)),
            "yes" if told.reminder else "no",
        )
        for told in outbox.told(case.conn, case.order_id)
        if case.internal or told.to in PARTIES
    )
    columns = ("due_at", "sent_at", "state", "to", "channel", "cause", "about", "reminder")
    yield _sheet("notices.csv", "Who was told what, and when it was sent.", columns, rows)


def notes(case: Case) -> Iterator[Entry]:
    """The reasons of decisions that the parties know of; with `internal` every note."""
    steps = {str(step.body["note_id"]): step.step for step in case.screen.story.steps if step.body.get("note_id")}
    found = [
        note
        for note in personal.get_notes(case.conn, case.vault, case.order_id)
        if case.internal or steps.get(note.note_id) in TOLD
    ]
    about = "The reasons that were given for decisions." if not case.internal else "All notes of the desk."
    lines = (
        f"{when(n.at)}  {n.author.role:<10}  {steps.get(n.note_id, '')}: {' '.join(n.text.split())}" for n in found
    )
    yield as_text("notes.txt", about, lines)


def files(case: Case) -> Iterator[Entry]:
    """What the parties and the desk attached, one at a time."""
    found = attachments.listed(case.conn, case.vault, case.order_id, desk=case.internal)
    for number, file in enumerate(found, 1):
        name = archive_name(number, file.author.role, file.name, file.kind.suffix)
        about = f"{file.name}: {file.kind}, from the {file.author.role}, {when(file.at)}, file {file.attachment_id}."
        yield Entry(f"files/{name}", about, _content(case, file.attachment_id))


def _content(case: Case, attachment_id: str) -> Iterator[bytes]:
    stored = attachments.get(case.conn, case.vault, case.order_id, attachment_id)
    if stored is None:
        raise LookupError(attachment_id)
    yield stored[1]


def _sheet(name: str, about: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Entry:
    def lines() -> Iterator[bytes]:
        for row in (columns, *rows):
            line = io.StringIO()
            csv.writer(line).writerow([cell(value) for value in row])
            yield line.getvalue().encode()

    return Entry(name, about, lines())


SECTIONS: tuple[Section, ...] = (sold, story, money, parcels, notices, notes, files)
