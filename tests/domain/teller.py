"""An order that is lived step by step, and keeps everything that is told on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain.decide import Decision
from domain.events import Event, MoneyAsked, Taken
from domain.funds import settle
from domain.notices import Channel, Notice, notices, reminders
from domain.state import Order, Role
from tests.domain.world import Answer, Life, done, new_order, scan, started

BOTH = (Role.BUYER, Role.SELLER)


@dataclass(frozen=True)
class Said:
    """A notice, and the order as it was when it was made."""

    notice: Notice
    order: Order
    seq: int


class Telling(Life):
    """A life that keeps what its steps tell."""

    def __init__(self, order: Order | None = None, answer: Answer = done) -> None:
        self.said: list[Said] = []
        order = order or new_order()
        first, op = started(order)
        super().__init__(order, answer)
        asked: tuple[Event, ...] = (
            () if op is None else (MoneyAsked(op), *settle(first, op, answer(first, op, self.now), self.now))
        )
        self._tell("place", BOTH, (Taken(1), *asked))

    def _take(self, decision: Decision) -> None:
        after, op = decision.after, decision.op
        outcome = () if op is None else settle(after, op, self.answer(after, op, self.now), self.now)
        super()._take(decision)
        self._tell(decision.step, decision.tells, (*decision.events, *outcome))

    def _tell(self, step: str, tells: tuple[Role, ...], events: tuple[Event, ...]) -> None:
        found = notices(step, tells, self.order.seq, events, self.order, self.now)
        self.said += [Said(notice, self.order, self.order.seq) for notice in found]
        self.said += [Said(notice, self.order, self.order.seq) for notice in reminders(self.order)]

    def mails(self, since: int = 0) -> list[tuple[str, str]]:
        """Role and template of the mails of steps from sequence `since` on, in order, reminders left out."""
        told = (said for said in self.said if said.seq >= since and said.notice.channel is Channel.MAIL)
        return [(s.notice.to.value, s.notice.template) for s in told if not s.notice.cause.startswith("remind:")]

    def last(self, channel: Channel = Channel.MAIL) -> list[tuple[str, str]]:
        """Role and template of what the last step told over a channel, reminders left out."""
        told = (said.notice for said in self.said if said.seq == self.order.seq)
        return [(n.to.value, n.template) for n in told if n.channel is channel and not n.cause.startswith("remind:")]

    def notice(self, template: str, to: Role) -> Notice:
        """The latest notice of a template to a role; raises IndexError when there is none."""
        return [s.notice for s in self.said if s.notice.template == template and s.notice.to is to][-1]

    def ship(self, parcel_id: str = "p1", **body: Any) -> Decision:
        return self.do("ship", Role.SELLER, parcel_id=parcel_id, carrier="dhl", **body)

    def confirm(self) -> Telling:
        self.do("confirm", Role.SELLER)
        return self

    def arrive(self, proof: str = "weak") -> Telling:
        """The parcel ``p1`` is sent and delivered the next day."""
        self.ship()
        self.now += timedelta(days=1)
        scan(self, "p1", "delivered", proof)
        return self
