"""The sections of the evidence pack. A new one is a function, and a name in `SECTIONS` at the end of this file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from activities.store import books, outbox, personal
from activities.store.desk import words as written
from domain.claims.case import case_number
from domain.parcels.parcel import Parcel
from domain.state import DESK, PARTIES, Actor, Role
from domain.words import HAPPENED
from starter.books.money import money_view
from starter.books.sheets import cell
from starter.pack.case import Case, Entry, Section, as_json, as_text
from starter.pack.claims import claims
from starter.pack.enclosed import files, photo
from starter.pack.thread import thread
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
    """The parcels, there and back, and what carriers said of them; then their photos, as far as they are pictures."""
    value = [*(_sent(case, parcel) for parcel in case.order.parcels), *_returns(case)]
    about = "Carriers, tracking numbers, and what each carrier reported when. Thieves use numbers: do not pass them on."
    yield as_json("parcels.json", about, value)
    for number, parcel in enumerate(case.order.parcels, 1):
        yield from photo(case, number, parcel.parcel_id)


def _sent(case: Case, parcel: Parcel) -> dict[str, object]:
    return {
        "parcel_id": parcel.parcel_id,
        "direction": "to the buyer",
        "carrier": parcel.carrier,
        "service": parcel.service,
        "tracking_number": case.numbers.get(parcel.parcel_id, ""),
        "insured": parcel.insured,
        "lines": parcel.lines,
        "shipped_at": parcel.shipped_at,
        "withdrawn": parcel.withdrawn,
        "milestones": _milestones(case, parcel.parcel_id),
    }


def _returns(case: Case) -> Iterator[dict[str, object]]:
    for claim in case.order.claims:
        for back in claim.returns:
            yield {
                "parcel_id": back.parcel_id,
                "direction": "return",
                "claim": case_number(case.order_id, claim.claim_id),
                "carrier": back.carrier,
                "tracking_number": case.numbers.get(back.parcel_id, ""),
                "lines": claim.lines,
                "shipped_at": back.sent_at,
                "arrived_at": back.arrived_at,
                "finding": (claim.finding or "") if back.arrived_at else "",
                "milestones": _milestones(case, back.parcel_id),
            }


def _milestones(case: Case, parcel_id: str) -> list[dict[str, object]]:
    scans = (step.body for step in case.screen.story.steps if step.step == "parcel_scan")
    mine = (body for body in scans if body.get("parcel_id") == parcel_id)
    return [{name: body.get(name, "") for name in ("at", "milestone", "proof")} for body in mine]


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
    """What was written with the steps of claims, which both sides read; with `internal` the reason of every step.

    Words are stored before their command is taken: those of one that was refused are nobody's reason.
    """
    about = "All notes of the desk." if case.internal else "What was written with claims and their decisions."
    of_steps = _noted(case) if case.internal else written.steps_by_note(case.conn, case.order_id)
    stored = [(n, (n.note_id, n.author)) for n in personal.get_notes(case.conn, case.vault, case.order_id)]
    lines = (
        f"{when(n.at)}  {n.author.role:<10}  {of_steps[key]}: {' '.join(n.text.split())}"
        for n, key in stored
        if key in of_steps
    )
    yield as_text("notes.txt", about, lines)


def _noted(case: Case) -> dict[tuple[str, Actor], str]:
    """The names of the steps that somebody took with a reason of their own, by its id and by who that was."""
    taken = (step for step in case.screen.story.steps if step.body.get("note_id"))
    return {(str(step.body["note_id"]), Actor(Role(step.role), step.actor_id)): step.step for step in taken}


def _sheet(name: str, about: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Entry:
    def lines() -> Iterator[bytes]:
        for row in (columns, *rows):
            line = io.StringIO()
            csv.writer(line).writerow([cell(value) for value in row])
            yield line.getvalue().encode()

    return Entry(name, about, lines())


SECTIONS: tuple[Section, ...] = (sold, story, thread, claims, money, parcels, notices, notes, files)
