"""What a language must be able to say of the process: the same for each, so that none can be half there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.business_time import Calendar
from domain.claims.case import Claim, Ruling, Status, Wait
from domain.money import Money
from domain.state import Role, Stage

Duties = Mapping[Role, Mapping[str, str]]
"""By stage, or by the step of a clock that wants something of its own."""


@dataclass(frozen=True, slots=True)
class Words:
    """All that mails say in one language and that stands in no template.

    `asked` asks the reader to act, `awaited` tells him of somebody else who must; both have a place for `{until}`, and
    so have `claim_asked` and `claim_awaited`, by status or by the step of a clock that wants something of its own, and
    `appeal`, which tells who may appeal: the reader ("you"), another side by its name, or both (""). `claim_waits` says
    what a claim waits for that is no clock, `status` names where it stands.
    `otherwise` has the end of the sentences `default`, with `{otherwise}`, and `unless`, with `{until}` as well.
    """

    happened: Mapping[str, str]
    asked: Duties
    awaited: Duties
    otherwise: Mapping[str, str]
    claim_asked: Mapping[str, str]
    claim_awaited: Mapping[str, str]
    appeal: Mapping[str, str]
    claim_waits: Mapping[Wait, str]
    status: Mapping[Status, str]
    default: str
    unless: str
    shipping: str
    alternative: str
    time: Callable[[Calendar, datetime], str]
    amount: Callable[[Money], str]
    command: Callable[[str], str]
    reason: Callable[[str, str], str]
    dispute: Callable[[str], str]
    expectation: Callable[[str], str]

    def next(self, who: Role, reader: Role, stage: Stage | None, step: str, until: str) -> str:
        """What `who` has to do before `step` or at `stage` until when (None: nothing), and what happens otherwise."""
        otherwise = self.otherwise[step]
        duties = (self.asked if who is reader else self.awaited).get(who, {})
        duty = duties.get(step) or (duties.get(stage, "") if stage else "")
        return self._sentence(duty, otherwise, until)

    def next_of_claim(self, who: Role, reader: Role, claim: Claim, step: str, until: str) -> str:
        """What is to be done about a claim until when, and what `step` does otherwise."""
        if claim.ruling is not None:
            return self._sentence(self._appeal(reader, claim.ruling), self.otherwise[step], until)
        duties = self.claim_asked if who is reader else self.claim_awaited
        return self._sentence(duties.get(step) or duties.get(claim.status, ""), self.otherwise[step], until)

    def _appeal(self, reader: Role, ruling: Ruling) -> str:
        sides = ruling.against
        if len(sides) > 1:
            return self.appeal[""]
        return self.appeal["you" if sides[0].value == reader.value else sides[0].value]

    def _sentence(self, duty: str, otherwise: str, until: str) -> str:
        if not duty:
            return self.unless.format(until=until, otherwise=otherwise)
        return f"{duty} {self.default}".format(until=until, otherwise=otherwise)
