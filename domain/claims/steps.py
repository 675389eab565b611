"""What a row of the table of claims is made of, and how it becomes a row of the process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.checkout import ID, NOT_AN_ID
from domain.claims.case import STATUS_WORDS, Claim, Status
from domain.claims.messages import AddEvidence
from domain.errors import Invalid, Refused
from domain.events import ClaimMoved, Event, EvidenceGiven, Noted
from domain.money import Verb
from domain.state import Line, Order, Role
from domain.step import Guard, Moment, Step, Tick


@dataclass(frozen=True, slots=True)
class Case:
    """What a step of a claim may look at: the claim, and the moment with its order, actor and message."""

    claim: Claim
    moment: Moment

    @property
    def order(self) -> Order:
        """The order that the claim is about."""
        return self.moment.order

    @property
    def body(self) -> Any:
        """The message, or the tick of the claim's clock."""
        return self.moment.body

    @property
    def now(self) -> datetime:
        """The order's time."""
        return self.moment.now


ClaimDoes = Callable[[Case], tuple[Event, ...]]
"""What happens beside the change of status. Raises Refused or Invalid for a message that asks for the wrong thing."""

ClaimGuard = Callable[[Order, Claim], str | None]
"""Why the step is not possible for a claim, as a sentence, or None. Its function's name is the refusal's code."""


@dataclass(frozen=True, slots=True)
class ClaimStep:
    """One row: who may take it, and where it leads a claim from each status that it is for.

    Where several statuses may follow, `does` chooses. `money` and `tells` are as in a row of the process.
    """

    name: str
    by: frozenset[Role]
    takes: type
    leads: Mapping[Status, tuple[Status, ...]]
    guards: tuple[ClaimGuard, ...]
    does: ClaimDoes
    money: frozenset[Verb]
    tells: tuple[Role, ...]


def as_step(row: ClaimStep) -> Step:
    """The row of the process that finds the claim, judges its status, and moves it."""

    def does(moment: Moment) -> tuple[Event, ...]:
        claim = _meant(row, moment)
        _judge(row, moment.order, claim)
        case = Case(claim, moment)
        events = (*given(moment.order, claim.claim_id, moment.body), *row.does(case))
        if any(isinstance(event, ClaimMoved) for event in events):
            return events
        to = row.leads[claim.status][0]
        return events if to is claim.status else (*events, ClaimMoved(claim.claim_id, to, moment.now))

    does.__doc__ = row.does.__doc__
    return Step(row.name, row.by, row.takes, {}, (_open_for(row),), does, row.money, row.tells)


def given(order: Order, claim_id: str, body: object) -> tuple[Event, ...]:
    """The files and the words that a message names, on record. Raises Invalid for what cannot be an id."""
    files: tuple[str, ...] = getattr(body, "evidence", ())
    most = order.policy.evidence.most_at_once
    if len(files) > most:
        raise Invalid("body.evidence", f"names {len(files)} files; {most} at most in one message")
    if isinstance(body, AddEvidence) and not files:
        raise Invalid("body.evidence", "names no file; store one first and name its id")
    if not all(ID.fullmatch(file) for file in files):
        raise Invalid("body.evidence", NOT_AN_ID)
    note_id = getattr(body, "note_id", None)
    noted: tuple[Event, ...] = (Noted(note_id),) if note_id else ()
    return (EvidenceGiven(claim_id, files), *noted) if files else noted


def _meant(row: ClaimStep, moment: Moment) -> Claim:
    order, body = moment.order, moment.body
    wanted = body.subject if isinstance(body, Tick) else body.claim_id
    if wanted:
        claim = order.claim(wanted)
        if claim is None:
            raise Refused("claim_unknown", f"this order has no claim {wanted}; it has: {_names(order.claims)}")
        return claim
    fitting = [claim for claim in order.open_claims if claim.status in row.leads] or list(order.open_claims)
    if len(fitting) != 1:
        raise Refused("claim_unclear", f"name the claim_id; open: {_names(order.open_claims)}")
    return fitting[0]


def _names(claims: Iterable[Claim]) -> str:
    return ", ".join(f"{claim.claim_id} ({STATUS_WORDS[claim.status]})" for claim in claims) or "none"


def _judge(row: ClaimStep, order: Order, claim: Claim) -> None:
    if claim.status not in row.leads:
        fits = " or ".join(STATUS_WORDS[status] for status in row.leads)
        now = STATUS_WORDS[claim.status]
        raise Refused("claim_status", f"claim {claim.claim_id} is '{now}'; {row.name} is for claims that are '{fits}'")
    for guard in row.guards:
        reason = guard(order, claim)
        if reason is not None:
            raise Refused(guard.__name__, reason)


def _open_for(row: ClaimStep) -> Guard:
    """Whether any claim may take the row; which one is meant, the message says."""

    def claim_status(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
        fitting = [claim for claim in order.open_claims if claim.status in row.leads]
        if any(all(guard(order, claim) is None for guard in row.guards) for claim in fitting):
            return None
        reasons = (guard(order, claim) for claim in fitting for guard in row.guards)
        return next(filter(None, reasons), None) or f"no claim can take {row.name}; claims: {_names(order.claims)}"

    claim_status.__doc__ = f"A claim is {' or '.join(STATUS_WORDS[status] for status in row.leads)}."
    return claim_status
