"""What buyer, seller and desk write to each other about an order. The texts stand in PostgreSQL, never here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from domain.checkout import ID, NOT_AN_ID
from domain.claims.clocks import claim_step
from domain.errors import Invalid, Refused
from domain.events import Event, MessageSaid, TierPassed
from domain.state import DESK, PARTIES, Order, Role
from domain.step import Moment
from domain.tiers import party_tiers, root_of, subject_of

REMINDED = {"pay": Role.BUYER, "confirm": Role.SELLER, "ship": Role.SELLER, "receipt": Role.BUYER}
"""Whom the reminder of each clock is for; that of a claim is for whoever must act at its status."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to the others of the order. Its text was stored under `message_id` first, by the same author.

    An `internal` one is read by the desk alone. `attachments` are ids of files that were stored before.
    """

    stored_first: ClassVar[bool] = True

    message_id: str
    internal: bool = False
    attachments: tuple[str, ...] = ()


def say(moment: Moment) -> tuple[Event, ...]:
    """The message is said, and a party who wrote is reminded no more where policy says so. Raises Invalid, Refused."""
    body, role, policy = moment.body, moment.actor.role, moment.order.policy.messages
    if not ID.fullmatch(body.message_id):
        raise Invalid("body.message_id", NOT_AN_ID)
    if body.internal and role not in DESK:
        raise Refused("internal_not_allowed", "only specialists and operators write notes that the parties do not read")
    if len(body.attachments) > policy.most_attachments:
        raise Invalid("body.attachments", f"are more than {policy.most_attachments}")
    if len(set(body.attachments)) < len(body.attachments) or not all(ID.fullmatch(name) for name in body.attachments):
        raise Invalid("body.attachments", f"one is there twice, or {NOT_AN_ID}")
    said = MessageSaid(body.message_id, role, body.internal, body.attachments)
    answers = policy.reply_stops_reminder == "yes" and role in PARTIES
    return (said, *(_answered(moment.order, role) if answers else ()))


def _answered(order: Order, role: Role) -> Iterator[Event]:
    """The reminders that the role would get of the clocks that run now."""
    for tier in party_tiers(order):
        if tier.endswith(".remind") and _reminded(order, tier) is role and tier not in order.passed:
            yield TierPassed(tier)


def _reminded(order: Order, tier: str) -> Role | None:
    """Whom the reminder of a tier is for."""
    claim = order.claim(subject_of(tier)) if root_of(tier) == "claim" else None
    return claim_step(claim)[1] if claim is not None else REMINDED.get(root_of(tier))
