"""The story of a claim: the steps about it, what each side said with them, and where they led. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from activities.store.desk.attachments import Attachment
from activities.store.desk.cases import CaseRecord, CaseStep
from activities.store.desk.words import Said
from domain.claim import NAMES
from domain.claims.case import STATUS_WORDS, Claim, Status, Wish
from domain.state import DESK, Actor, Role
from domain.words import HAPPENED

OF_THE_DESK = frozenset({"assign_claim"})
"""Steps of claims that are nothing to the parties."""

APPROVED = "approve"
"""A second operator's step carries out the decision of the first."""

WISHES: Mapping[Wish, str] = {
    Wish.REFUND: "a refund",
    Wish.PART_REFUND: "a refund in part",
    Wish.REPLACEMENT: "a replacement",
    Wish.WAIT_LONGER: "to wait longer",
}


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One step about the claim. `status` is where it led, "" where it stayed; `said` are that side's words.

    `files` are ids. `actor_id` is for the desk alone.
    """

    at: datetime
    step: str
    text: str
    who: str
    status: str
    said: str
    files: tuple[str, ...]
    actor_id: str = ""


def story_of(found: CaseRecord, claim: Claim, files: Mapping[str, Attachment], *, desk: bool) -> Iterator[CaseEvent]:
    """The steps about the claim, oldest first. What the desk writes for itself is not among what parties read."""
    for step in found.steps:
        arrives = step.step == "parcel_scan" and step.at >= claim.opened_at
        events = [e for e in step.happened if _is_about(e, claim.claim_id) or (arrives and _moves(e, claim.lines))]
        if not events or (step.step in OF_THE_DESK and not desk):
            continue
        ours = step.step in NAMES or step.step == APPROVED
        said = _said(step, found.words)
        labels = (event["label"] for event in events if event["event"] == "ReturnInstructed")
        given = [file for event in events for file in event.get("evidence", ())] + [*filter(None, labels)]
        yield CaseEvent(
            step.at,
            step.step,
            _text(step, claim),
            step.role,
            _status(events),
            "\n".join(said) if ours or desk else "",
            tuple(file for file in given if desk or file in files),
            step.actor_id if desk else "",
        )


def _said(step: CaseStep, words: Mapping[str, Said]) -> list[str]:
    """What its own author wrote with a step; one that a second operator approved has the words of who asked for it."""
    named = [str(event["note_id"]) for event in step.happened if event["event"] == "Noted"]
    approved = any(event["event"] == "ApprovalEnded" and event["how"] == "approved" for event in step.happened)
    found = [words[note_id] for note_id in named if note_id in words]
    author = Actor(Role(step.role), step.actor_id)
    return [each.text for each in found if each.author == author or (approved and each.author.role in DESK)]


def _is_about(event: Mapping[str, Any], claim_id: str) -> bool:
    opened = event.get("claim")
    return claim_id in (event.get("claim_id"), opened.get("claim_id") if isinstance(opened, dict) else None)


def _moves(event: Mapping[str, Any], lines: tuple[str, ...]) -> bool:
    """Whether what was missing, in a claim made before, has been delivered: whoever decides should know."""
    return event["event"] == "LinesMoved" and not set(lines).isdisjoint(event["lines"])


def _text(step: CaseStep, claim: Claim) -> str:
    if step.step == APPROVED:
        return HAPPENED["decide_claim"]
    if step.step == "open_claim":
        reason = claim.reason.replace("_", " ")
        return f"{HAPPENED['open_claim']} The reason: {reason}. The buyer would like {WISHES[claim.wish]}."
    if step.step == "assign_claim":
        return f"The claim was handed to {step.body.get('owner') or 'nobody'}."
    if step.step == "offer_refund":
        return f"A refund of {step.body.get('amount')} was offered."
    if step.step == "parcel_scan":
        milestone = str(step.body.get("milestone")).replace("_", " ")
        return f"The carrier reported on parcel {step.body.get('parcel_id')}: {milestone}."
    return HAPPENED.get(step.step, step.step)


def _status(events: Iterable[Mapping[str, Any]]) -> str:
    moved = [event["to"] for event in events if event["event"] == "ClaimMoved"]
    if moved:
        return STATUS_WORDS[Status(moved[-1])]
    return STATUS_WORDS[Status.RECEIVED] if any(event["event"] == "ClaimOpened" for event in events) else ""
