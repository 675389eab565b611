"""One method per command of the desk: specialists and operators. Each is signed, and its reason is stored first.

All raise as `Commands.send` does. A large sum is not moved at once: the answer's `possible` then shows ``approve`` to a
second operator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Unpack

from domain.desk import AdoptPolicy, Approve, Extend, OnLines, PauseOrder, WithNote
from domain.policy import Policy
from domain.state import Actor, Outcome
from domain.tickets import AssignTicket, ResolveTicket
from starter.answers import Progress, progress_of
from starter.preview import Preview, preview
from starter.sending import Commands, How, id_from, named
from starter.work.apart import ApartTickets, Asked, NoteTicket
from starter.work.reader import TicketView, Work


class DeskCommands(Commands):
    """What mends an order."""

    async def _reason(self, order_id: str, name: str, by: Actor, text: str, how: How) -> str:
        """Store the reason; its id repeats with the command's."""
        note_id = id_from(order_id, name, named(how))
        await asyncio.to_thread(self._records.keep_note, order_id, note_id, by, text)
        return note_id

    async def release(
        self, order_id: str, by: Actor, *, reason: str, lines: Sequence[str] = (), **how: Unpack[How]
    ) -> Progress:
        """Release the money of these lines, or of all that were sent, to the seller."""
        note_id = await self._reason(order_id, "release", by, reason, how)
        return await self.send(order_id, "release", by, OnLines(note_id, tuple(lines)), **how)

    async def refund(
        self, order_id: str, by: Actor, *, reason: str, lines: Sequence[str] = (), **how: Unpack[How]
    ) -> Progress:
        """Give the money of these lines, or of all, back to the buyer."""
        note_id = await self._reason(order_id, "refund", by, reason, how)
        return await self.send(order_id, "refund", by, OnLines(note_id, tuple(lines)), **how)

    async def refund_shipping(self, order_id: str, by: Actor, *, reason: str, **how: Unpack[How]) -> Progress:
        """Give the shipping back to the buyer because the seller is at fault, also where lines go their way."""
        note_id = await self._reason(order_id, "refund_shipping", by, reason, how)
        return await self.send(order_id, "refund_shipping", by, WithNote(note_id), **how)

    async def extend(
        self, order_id: str, by: Actor, *, clock: str, until: datetime, reason: str, **how: Unpack[How]
    ) -> Progress:
        """Let the clock (pay, confirm, ship, receipt or stall) ring at `until` instead."""
        note_id = await self._reason(order_id, "extend", by, reason, how)
        return await self.send(order_id, "extend", by, Extend(clock, until, note_id), **how)

    async def pause(
        self,
        order_id: str,
        by: Actor,
        *,
        until: datetime,
        reason: str,
        review: bool = False,
        **how: Unpack[How],
    ) -> Progress:
        """Stop the parties' clocks until then; `review` says that the payment is being looked at."""
        note_id = await self._reason(order_id, "pause", by, reason, how)
        return await self.send(order_id, "pause", by, PauseOrder(until, note_id, review), **how)

    async def resume(self, order_id: str, by: Actor, *, reason: str, **how: Unpack[How]) -> Progress:
        """Let a paused order go on."""
        note_id = await self._reason(order_id, "resume", by, reason, how)
        return await self.send(order_id, "resume", by, WithNote(note_id), **how)

    async def retry(self, order_id: str, by: Actor, *, reason: str, **how: Unpack[How]) -> Progress:
        """Try waiting money again at once, or ask the provider what became of it."""
        note_id = await self._reason(order_id, "retry", by, reason, how)
        return await self.send(order_id, "retry", by, WithNote(note_id), **how)

    async def note(self, order_id: str, by: Actor, *, reason: str, **how: Unpack[How]) -> Progress:
        """Add a note to the order, for the desk only."""
        note_id = await self._reason(order_id, "note", by, reason, how)
        return await self.send(order_id, "note", by, WithNote(note_id), **how)

    async def adopt_policy(
        self, order_id: str, by: Actor, *, policy: Policy, reason: str, **how: Unpack[How]
    ) -> Progress:
        """Let the order go on under another policy; fees stay as they were at checkout."""
        note_id = await self._reason(order_id, "adopt_policy", by, reason, how)
        return await self.send(order_id, "adopt_policy", by, AdoptPolicy(policy, note_id), **how)

    async def approve(self, order_id: str, by: Actor, *, digest: str, **how: Unpack[How]) -> Progress:
        """Agree, as a second operator, to the waiting command with this digest."""
        return await self.send(order_id, "approve", by, Approve(digest), **how)

    async def assign_ticket(self, order_id: str, by: Actor, *, ticket: str, owner: str, **how: Unpack[How]) -> Progress:
        """Hand a ticket to a person who is no party of what it is about."""
        asked = AssignTicket(ticket, owner)
        done = await self._apart(order_id, by, asked)
        return done or await self.send(order_id, "assign_ticket", by, asked, **how)

    async def resolve_ticket(
        self,
        order_id: str,
        by: Actor,
        *,
        ticket: str,
        outcome: Outcome,
        reason: str,
        until: datetime | None = None,
        **how: Unpack[How],
    ) -> Progress:
        """End a ticket without a step: extend its clock `until`, or no_change.

        A ticket that no clock opened stays, and is due at `until`.
        """
        asked = ResolveTicket(ticket, outcome, id_from(order_id, "resolve_ticket", named(how)), until)
        done = await self._apart(order_id, by, asked, reason)
        if done is not None:
            return done
        await self._reason(order_id, "resolve_ticket", by, reason, how)
        return await self.send(order_id, "resolve_ticket", by, asked, **how)

    async def note_ticket(self, order_id: str, by: Actor, *, ticket: str, reason: str, **how: Unpack[How]) -> Progress:
        """Note something about a ticket, for the desk only: with its order, or with the ticket where it is apart."""
        asked = NoteTicket(ticket, id_from(order_id, "note_ticket", named(how)))
        done = await self._apart(order_id, by, asked, reason)
        return done or await self.note(order_id, by, reason=reason, **how)

    async def _apart(self, order_id: str, by: Actor, asked: Asked, reason: str = "") -> Progress | None:
        """What a ticket apart from the order's state is asked; None for one that the order's loop judges."""
        order = await asyncio.to_thread(ApartTickets(self._records).take, order_id, by, asked, reason)
        return None if order is None else progress_of(order, by, self._records.now_of(order))

    async def ticket(self, ticket_id: str, by: Actor) -> TicketView:
        """A ticket by its own id, for the desk. Raises NotFound, also for a ticket of an order of one's own."""
        return await asyncio.to_thread(Work(self._records).show, ticket_id, by)

    async def preview_policy(self, order_id: str, by: Actor, *, policy: Policy) -> Preview:
        """Which clocks of the order would ring when under another policy; nothing is changed. Raises NotFound."""
        order = await asyncio.to_thread(self._records.order, order_id)
        return preview(order, policy, by, self._records.now_of(order))
