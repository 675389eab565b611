"""Core and reference model live the same orders side by side; hypothesis shrinks the path where they differ.

The walks are the same in every run, so that a change and not chance turns it red; MODEL_SEED=7 makes others.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, seed, settings, strategies as st

from domain.money import Verb
from domain.process import STEPS
from tests.model.moves import LARGEST
from tests.model.orders import pair_of_orders
from tests.model.pair import Pair, Tally

LEAST_STEPS = 200_000
"""Steps that were taken and operations that were answered; what both sides refused, and waiting, come on top."""
EXAMPLES = 11_800
ORDERS = 288
"""So many orders does `pair_of_orders` tell apart: policy, prices, payment, shipping and account."""

EVERYTHING = {step.name for step in STEPS} - {"place", "adopt_policy", "extend_calendars", "approve"} | {
    f"{verb} Done" for verb in Verb
}
"""Steps and effects that the walks must meet; the others change nothing that the model knows, or are taken as what was
approved."""

TALLY = Tally()
MOVES = st.lists(st.integers(0, LARGEST - 1), min_size=10, max_size=60)


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(st.integers(0, ORDERS - 1), MOVES)
def walk(number: int, moves: list[int]) -> None:
    """One order, and what everybody does to it."""
    order, sale = pair_of_orders(number)
    Pair(order, sale, TALLY).walk(moves)


def test_whatever_anybody_does_the_core_and_the_model_agree_and_the_order_ends() -> None:
    if "MODEL_SEED" in os.environ:
        seed(int(os.environ["MODEL_SEED"]))(walk)
    walk()
    assert TALLY.steps >= LEAST_STEPS
    missed = EVERYTHING - TALLY.seen.keys()
    assert not missed, f"no walk met {sorted(missed)}"
