"""The short form of the fault harness: every fault once, and the cases that once found a bug.

One test, because all its orders live on one stack of real parts of their own, many of them side by side.
"""

from __future__ import annotations

from pathlib import Path

from faults.arena import arena
from faults.cases import case_of
from faults.conduct import Played, conduct
from faults.matrix import sample

SEED = 20261

KEPT = (
    # A new run after a Terminate had forgotten that money was under way, and asked for it anew.
    "run_terminate:ship_and_capture:after_effect",
    "run_terminate:release:before_effect",
    # What a terminated run still recorded met the first step of a storefront that placed the order again.
    "run_terminate:authorise_at_placing:before_effect",
    "run_cancel:authorise_at_placing:after_effect",
    # The provider's poll, like all housekeeping, was turned away at the worker's own door.
    "webhooks_lost:delivered:after_commit",
    # The attempt of a frozen worker and the one that replaced it ended the order as taken by another run.
    "worker_frozen_past_its_timeout:release:before_effect",
    "worker_killed_call_arrives_late:ship_and_capture:before_effect",
)
"""Cases on whose way a bug of the product was found once, by what it was."""

ALWAYS = (
    "effect_then_cut:reauthorise:after_effect",
    "worker_killed:open_claim:before_commit",
    "run_reset:answer_claim:after_commit",
    "effect_then_cut:part_refund:after_effect",
    "refund_fails_days_later:part_refund:after_commit",
    "postgres_stopped_at_once:receive_return:before_commit",
    "account_closed:decide_and_claw_back:before_effect",
    "dispute_lost:open_claim:after_commit",
    "webhooks_out_of_order:confirm:after_commit",
    "webhooks_lost:cancel_and_void:after_commit",
)
"""A fault at a hold's renewal and at each stage of a claim's life, and bad news of a hold, whatever the sample has."""


def told(each: Played) -> str:
    findings = [f"{finding.harm}: {finding.what}" for finding in each.findings]
    return f"{each.case.name}, hits {each.hits}: {each.trouble} {findings}; {' | '.join(each.acts)}"


async def test_no_fault_loses_money_or_leaves_an_order_without_an_end(own_directory: Path) -> None:
    cases = {case.name: case for case in (*sample(SEED), *(case_of(name, SEED) for name in (*KEPT, *ALWAYS)))}
    with arena(own_directory) as parts:
        played, balanced = await conduct(parts, [*cases.values()], lambda _: None)
    bad = [told(each) for each in played if not each.good]
    assert not bad, "\n" + "\n".join(bad)
    assert balanced
    assert len(played) == len(cases)
