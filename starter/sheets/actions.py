"""What an edited row asks for: commands of the desk, each by the name and arguments of the client's typed method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from activities.store.desk.apart import CAUSES
from activities.store.desk.sheets import CaseRecord, TicketRecord
from domain import wire
from domain.checkout import ID, NOT_AN_ID
from domain.claims.case import Side, Status, Verdict
from domain.claims.messages import AnswerClaim, AskParty, AssignClaim, DecideClaim
from domain.decide import Command
from domain.desk import WithNote
from domain.errors import Invalid
from domain.state import Actor, Outcome
from domain.tickets import AssignTicket, ResolveTicket
from starter.records import LONGEST_NOTE
from starter.sending import id_from
from starter.sheets.cells import Raw, amount, instant, local, said, text_of, typed
from starter.sheets.rows import OUTCOMES, SIDES, STATUSES, VERDICTS, Key
from starter.work.apart import NoteTicket


@dataclass(frozen=True, slots=True)
class Action:
    """One command. `arguments` are those of the client's method of that name; `words` say it to people.

    Its id repeats with the row it comes from and with what it asks for, so that a sheet that is imported twice, or goes
    on being edited, does everything once; `starter.sheets.history` tells when it has to be another one.
    """

    name: str
    order_id: str
    command_id: str
    words: str
    arguments: Mapping[str, Any] = field(repr=False)
    body: object = field(repr=False)

    def command(self, by: Actor) -> Command:
        """The command as the order's loop will judge it."""
        return Command(self.name, self.command_id, by, wire.to_plain(self.body))


NOTED = "note for the desk"

Edits = Mapping[str, Raw]
"""The cells of a row that were changed or filled in, by column."""


Spent = Mapping[str, str]
"""Ids that a row's commands cannot have again, each with what tells the next one apart."""


def of_claim(key: Key, record: CaseRecord, edits: Edits, spent: Spent) -> tuple[Action, ...]:
    """What an edited row of claims asks for, in this order. Raises Invalid, naming the column."""
    made = _Made(key, spent)
    note, verdict, side = _note(edits), _chosen(edits, "decision", VERDICTS), _chosen(edits, "ask", SIDES)
    verdict, side, upstream = _by_status(edits, verdict, side)
    if verdict is not None and side is not None:
        raise Invalid("ask", "cannot go with a decision: ask first, decide later")
    if "assignee" in edits:
        owner = _owner(edits)
        made.add("assign_claim", AssignClaim(owner, key.name), f"assign to {owner or 'nobody'}", owner=owner)
    if "amount" in edits and verdict is not Verdict.PART_REFUND:
        raise Invalid("amount", "goes with the decision 'part refund' only")
    if verdict is not None:
        given = amount(edits.get("amount"), record.amount.currency, "amount") if "amount" in edits else None
        if verdict is Verdict.PART_REFUND and given is None:
            raise Invalid("amount", "is missing; a refund in part needs its amount")
        text = _needed(note, "a decision needs its reasons, which both sides read")
        words = f"decide: {verdict.value.replace('_', ' ')}" + (f" {given}" if given else "")
        made.said("decide_claim", text, words, lambda n: DecideClaim(verdict, n, key.name, given),
                  verdict=verdict, amount=given, text=text)  # fmt: skip
    elif side is not None:
        text = _needed(note, "a question needs its words, which that side reads")
        made.said("ask_party", text, f"ask the {side}", lambda n: AskParty(side, n, key.name), of=side, text=text)
    elif upstream:
        said = "pass on to the shop upstream" if upstream == "escalate_upstream" else "bring the upstream answer"
        made.said(upstream, note, said, lambda n: AnswerClaim(key.name, (), n or None), text=note)
    elif note:
        made.note(note)
    return made.claims(key.name)


def _by_status(edits: Edits, verdict: Verdict | None, side: Side | None) -> tuple[Verdict | None, Side | None, str]:
    """A status that was chosen, as what leads there. Raises Invalid where nothing of the desk's does."""
    if "status" not in edits:
        return verdict, side, ""
    written = typed(edits["status"]).casefold()
    chosen = next((status for status in STATUSES if status.casefold() == written), None)
    if chosen is None:
        raise Invalid("status", "is not one of the statuses; choose from the list")
    to = list(Status)[STATUSES.index(chosen)]
    decides = {Status.REFUND_APPROVED: Verdict.REFUND, Status.REJECTED: Verdict.RELEASE,
               Status.RETURN_REQUESTED: Verdict.RETURN_FIRST}  # fmt: skip
    asks = {Status.SELLER_ASKED: Side.SELLER, Status.BUYER_ASKED: Side.BUYER}
    if to in decides:
        meant = Verdict.PART_REFUND if to is Status.REFUND_APPROVED and "amount" in edits else decides[to]
        if verdict is not None and verdict is not meant:
            raise Invalid("decision", f"'{verdict.value.replace('_', ' ')}' does not lead to '{chosen}'")
        return meant, side, ""
    if to in asks:
        if side is not None and side is not asks[to]:
            raise Invalid("ask", f"'{side}' does not lead to '{chosen}'")
        return verdict, asks[to], ""
    passed = {Status.ESCALATED_UPSTREAM: "escalate_upstream", Status.WAITING_FOR_SELLER: "answer_upstream"}
    if verdict is None and side is None and to in passed:
        return None, None, passed[to]
    raise Invalid("status", f"cannot be made '{chosen}' by the desk; use decision, ask or assignee")


def of_ticket(key: Key, record: TicketRecord, edits: Edits, spent: Spent) -> tuple[Action, ...]:
    """What an edited row of tickets asks for, in this order. Raises Invalid, naming the column."""
    made, note, outcome = _Made(key, spent), _note(edits), _chosen(edits, "resolve", OUTCOMES)
    if "assignee" in edits:
        owner = _owner(edits)
        body = AssignTicket(key.name, owner)
        made.add("assign_ticket", body, f"assign to {owner or 'nobody'}", ticket=key.name, owner=owner)
    if "until" in edits and outcome is not Outcome.EXTEND:
        raise Invalid("until", "goes with 'extend' only")
    if outcome is not None:
        until = instant(edits["until"], record.order.zone, "until") if "until" in edits else None
        if outcome is Outcome.EXTEND and until is None:
            raise Invalid("until", "is missing; 'extend' needs a time")
        shown = text_of(local(until, record.order.zone))
        text = _needed(note, "a ticket is resolved for a reason")
        words = f"resolve: {outcome.value.replace('_', ' ')}" + (f" until {shown}" if shown else "")
        made.said("resolve_ticket", text, words, lambda n: ResolveTicket(key.name, outcome, n, until),
                  ticket=key.name, outcome=outcome, reason=text, until=until)  # fmt: skip
    elif note and record.cause in CAUSES:
        made.said("note_ticket", note, NOTED, lambda n: NoteTicket(key.name, n), ticket=key.name, reason=note)
    elif note:
        made.note(note)
    return tuple(made.found)


class _Made:
    """Actions of one row. What they say is stored under an id that the client makes in the same way."""

    def __init__(self, key: Key, spent: Spent) -> None:
        self._key, self._spent = key, spent
        self.found: list[Action] = []

    def add(self, name: str, body: object, words: str, **arguments: Any) -> None:
        self.found.append(Action(name, self._key.order_id, self._id(name, arguments), words, arguments, body))

    def said(self, name: str, text: str, words: str, body: Any, /, **arguments: Any) -> None:
        command_id = self._id(name, arguments)
        note = id_from(self._key.order_id, name, command_id) if text else ""
        self.found.append(Action(name, self._key.order_id, command_id, words, arguments, body(note)))

    def note(self, text: str) -> None:
        self.said("note", text, NOTED, WithNote, reason=text)

    def claims(self, claim_id: str) -> tuple[Action, ...]:
        """The actions, those on claims with the claim that they are about."""
        return tuple(
            a if a.name == "note"
            else Action(a.name, a.order_id, a.command_id, a.words, {**a.arguments, "claim": claim_id}, a.body)
            for a in self.found
        )  # fmt: skip

    def _id(self, name: str, arguments: Mapping[str, Any]) -> str:
        asked = {key: wire.to_plain(value) for key, value in arguments.items()}
        first = ids_of(self._key) + wire.digest([name, asked])
        return ids_of(self._key) + wire.digest([name, asked, self._spent[first]]) if first in self._spent else first


def ids_of(key: Key) -> str:
    """How the ids of all commands begin that a row ever asks for."""
    return f"sheet-{wire.digest(str(key))[:16]}-"


def _note(edits: Edits) -> str:
    text = said(edits.get("note"))
    if len(text) > LONGEST_NOTE:
        raise Invalid("note", f"is longer than {LONGEST_NOTE} characters")
    return text


def _needed(note: str, why: str) -> str:
    if not note:
        raise Invalid("note", f"is missing; {why}")
    return note


def _owner(edits: Edits) -> str:
    owner = typed(edits["assignee"])
    if owner and not ID.fullmatch(owner):
        raise Invalid("assignee", NOT_AN_ID)
    return owner


def _chosen(edits: Edits, column: str, choices: Mapping[str, Any]) -> Any:
    """What was chosen of a list, without regard to capitals; None for nothing."""
    words = typed(edits.get(column)).casefold().replace("_", " ")
    if not words:
        return None
    if words not in choices:
        raise Invalid(column, f"is not one of: {', '.join(choices)}")
    return choices[words]
