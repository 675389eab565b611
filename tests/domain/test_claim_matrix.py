from __future__ import annotations

from functools import cache

import pytest

from domain.claim import CLAIM_STEPS, NAMES
from domain.claims.case import Side, Status
from domain.claims.steps import ClaimStep
from domain.decide import Command, Decision, Refusal, decide, possible
from domain.state import Role
from tests.domain.claims_world import AT, OTHER_JUDGE, bodies
from tests.domain.world import ACTORS, Life

ROLES = [role for role in Role if role is not Role.CLOCK]
COMMANDS = sorted({step.name for step in CLAIM_STEPS if step.by != {Role.CLOCK}})


@cache
def at(name: str) -> Life:
    status, lead = AT[name]
    life = lead()
    assert life.order.claims[-1].status is status, name
    return life


def row_of(name: str, role: Role) -> ClaimStep | None:
    return next((step for step in CLAIM_STEPS if step.name == name and role in step.by), None)


def allowed(life: Life, step: ClaimStep, role: Role) -> bool:
    """What the table and its few conditions say, told a second time."""
    claim = life.order.claims[-1]
    if not claim.is_open or claim.status not in step.leads:
        return False
    if step.name in ("accept_offer", "decline_offer"):
        other = Side.SELLER if role is Role.BUYER else Side.BUYER
        return claim.offer is not None and claim.offer.by is other
    if step.name == "receive_return" and claim.status not in (Status.RETURN_REQUESTED, Status.RETURN_SENT):
        return claim.back is not None and claim.back.arrived_at is None
    if step.name == "escalate_upstream" and claim.finding is not None:
        return False
    if step.name == "wait_on_claim":
        return claim.reason == "not_received"
    if step.name == "withdraw_claim" and claim.finding is not None:
        return False
    if step.name == "appeal_claim":
        return claim.ruling is not None and (claim.status is Status.REJECTED) is (role is Role.BUYER)
    return True


@pytest.mark.parametrize("name", AT)
@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_at_each_status_exactly_what_the_table_says(name: str, role: Role) -> None:
    life = at(name)
    actor = OTHER_JUDGE if role is Role.SPECIALIST else ACTORS[role]
    may = []
    for command in COMMANDS:
        step = row_of(command, role)
        expected = step is not None and allowed(life, step, role)
        body = bodies(life).get(command, {})
        answer = decide(life.order, Command(command, "matrix", actor, body), life.now)
        assert isinstance(answer, Decision) is expected, f"{command}: expected {expected}, got {answer}"
        if expected:
            may.append(command)
        if isinstance(answer, Refusal):
            assert answer.code, command
            assert answer.reason, command
            assert step is not None or answer.code == "role_not_allowed", command
    assert {command for command in possible(life.order, actor, life.now) if command in COMMANDS} == set(may)


def test_the_lives_stand_at_every_status_and_reach_every_command_of_every_role() -> None:
    assert {status for status, _ in AT.values()} == set(Status)
    every = {(step.name, role) for step in CLAIM_STEPS for role in step.by if role is not Role.CLOCK}
    reached = {(s.name, r) for s in CLAIM_STEPS for r in s.by for name in AT if allowed(at(name), s, r)}
    assert every <= reached


def test_every_step_leads_only_where_the_table_says() -> None:
    for name in AT:
        life = at(name)
        before = life.order.claims[-1]
        for step in CLAIM_STEPS:
            for role in step.by - {Role.CLOCK}:
                command = Command(step.name, "leads", ACTORS[role], bodies(life).get(step.name, {}))
                answer = decide(life.order, command, life.now)
                if isinstance(answer, Decision):
                    after = answer.after.claims[-1].status
                    # A refund that was made in the same breath has resolved the claim.
                    assert after in (*step.leads[before.status], Status.RESOLVED), (name, step.name, after)


def test_no_name_is_used_by_the_claims_and_by_the_rest_of_the_process() -> None:
    from domain.process import STEPS

    assert sum(step.name in NAMES for step in STEPS) == len(CLAIM_STEPS) + 2
