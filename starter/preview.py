"""What adopting another policy would change in an order, before anybody does it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain import wire
from domain.deadlines import deadlines
from domain.decide import Command, Decision, Refusal, decide
from domain.desk import AdoptPolicy
from domain.events import PolicyAdopted
from domain.fold import apply_all
from domain.funds import AT_ONCE
from domain.policy import Policy
from domain.state import Actor, Order
from domain.summary import IDLE


@dataclass(frozen=True, slots=True)
class Change:
    """A clock that would ring at another time; None for one that does not run."""

    tier: str
    before: datetime | None
    after: datetime | None


@dataclass(frozen=True, slots=True)
class Preview:
    """The clocks that change in one order, or why it would refuse the policy."""

    order_id: str
    policy: str
    changes: tuple[Change, ...]
    refused: str = ""


def preview(order: Order, policy: Policy, by: Actor, now: datetime) -> Preview:
    """Judge the command on the order as it is on record, and compare its clocks."""
    body = wire.to_plain(AdoptPolicy(policy, "preview"))
    judged = decide(order, Command("adopt_policy", "preview", by, body), now)
    name = f"{policy.name} {policy.version}"
    if isinstance(judged, Refusal):
        return Preview(order.order_id, name, (), judged.reason)
    if not isinstance(judged, Decision):
        return Preview(order.order_id, name, ())
    # The command itself may have to wait for a second operator.
    before, after = _tiers(order), _tiers(apply_all(order, [PolicyAdopted(policy)]))
    tiers = dict.fromkeys([*before, *after])
    return Preview(
        order.order_id,
        name,
        tuple(Change(t, before.get(t), after.get(t)) for t in tiers if before.get(t) != after.get(t)),
    )


def _tiers(order: Order) -> dict[str, datetime]:
    return {clock.tier: clock.at for clock in deadlines(order) if clock.step not in IDLE and clock.at > AT_ONCE}
