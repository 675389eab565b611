"""The claims of the order in the pack, as `aftersale claims show` tells them, with what was offered and decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from activities.store.desk import cases
from activities.store.desk.cases import CaseRecord
from starter.cases import render
from starter.cases.views import CaseView, case_view, claim_of
from starter.pack.case import Case, Entry, as_json, as_text
from starter.pack.enclosed import places
from starter.render import when, words

_ABOUT = (
    "number", "status", "reason", "wish", "opened_at", "since", "ended_at", "waiting_on", "next", "due", "money",
    "lines", "return_to", "return_label", "returned", "terms", "story",
)  # fmt: skip
_OF_THE_DESK = ("owner", "judges", "tickets", "feedback")


def claims(case: Case) -> Iterator[Entry]:
    """The claims, the oldest first; with `internal` who of the desk had them, and what was thought of the handling."""
    lie = places(case)
    rows = [row for row in cases.named(case.conn, case.order_id) if row.order_id == case.order_id]
    found = [cases.record(case.conn, case.vault, row) for row in rows]
    told = [(each, _view(case, each, lie)) for each in found]
    values = [_value(each, view, lie, internal=case.internal) for each, view in told]
    about = "The claims: reason, wish, status, what was said, offered and decided, deadlines, evidence."
    views = [view for _, view in told]
    yield as_text("claims.txt", about, _texts(views, values))
    yield as_json("claims.json", "The same for programs.", values)


def _view(case: Case, found: CaseRecord, lie: Mapping[str, str]) -> CaseView:
    """The claim as the reader of the pack may see it, with files by where they lie in it."""
    lines = case.addresses.get(claim_of(found).return_to, ())
    view = case_view(found, case.reader, found.updated_at, lines)
    story = tuple(replace(e, files=tuple(lie[file] for file in e.files if file in lie)) for e in view.story)
    feedback = view.feedback if case.internal else ()
    return replace(view, story=story, return_label=lie.get(view.return_label, ""), feedback=feedback)


def _value(found: CaseRecord, view: CaseView, lie: Mapping[str, str], *, internal: bool) -> dict[str, Any]:
    row = found.row
    evidence = [{"name": f.name, "kind": f.kind, "by": f.by, "file": lie.get(f.attachment_id, "")} for f in view.files]
    return {
        **{name: getattr(view, name) for name in _ABOUT},
        "answered_at": row.answered_at,
        "escalated_at": row.escalated_at,
        "escalated_upstream_at": row.upstream_at,
        "offers": list(_offers(found)),
        "decisions": list(_decisions(found)),
        "evidence": evidence,
        **({name: getattr(view, name) for name in _OF_THE_DESK} if internal else {}),
    }


def _offers(found: CaseRecord) -> Iterator[dict[str, Any]]:
    for step in found.steps:
        if step.step == "offer_refund" and _events(step.happened, found.row.claim_id):
            yield {"at": step.at, "by": step.role, "amount": step.body.get("amount", "")}


def _decisions(found: CaseRecord) -> Iterator[dict[str, Any]]:
    """Each decision with the money that it sends back by line; one on appeal is carried out at once."""
    for step in found.steps:
        mine = _events(step.happened, found.row.claim_id)
        rulings = (event.get("ruling") for event in mine if event["event"] == "ClaimRuled")
        ruling: dict[str, Any] = next((each for each in rulings if each), {})
        verdict = ruling.get("verdict") or (mine and step.step == "decide_claim" and step.body.get("verdict"))
        if verdict:
            awarded = [part for event in mine if event["event"] == "RefundAwarded" for part in event.get("parts", ())]
            parts = ruling.get("parts", ()) or awarded
            amounts = [{"line_id": part["piece"], "amount": part["amount"]} for part in parts]
            yield {"at": step.at, "by": step.role, "verdict": verdict, "amounts": amounts}


def _events(happened: tuple[dict[str, Any], ...], claim_id: str) -> list[dict[str, Any]]:
    return [event for event in happened if event.get("claim_id") == claim_id]


def _texts(views: list[CaseView], values: list[dict[str, Any]]) -> Iterator[str]:
    for view, value in zip(views, values, strict=True):
        shown = replace(view, due_text=when(view.due), files=())
        yield from (row for part in render.told(shown) for row in part.plain.splitlines())
        yield from _dates(value)
        for each in value["decisions"]:
            back = ", ".join(f"{part['amount']} of {part['line_id']}" for part in each["amounts"]) or "nothing"
            yield f"Decided {when(each['at'])} by the {each['by']}: {words(each['verdict'])}; goes back: {back}"
        yield from (f"Evidence: {file['name']}, by the {file['by']}: {file['file']}" for file in value["evidence"])
        yield ""
    if not views:
        yield "Nothing was claimed."


def _dates(value: Mapping[str, Any]) -> Iterator[str]:
    dates = {
        "Answered by the seller": value["answered_at"],
        "Escalated to the platform": value["escalated_at"],
        "Escalated upstream": value["escalated_upstream_at"],
        "Ended": value["ended_at"],
    }
    yield from (f"{name}: {when(at)}" for name, at in dates.items() if at is not None)
