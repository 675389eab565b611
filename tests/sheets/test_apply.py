"""What is ready is judged once more right before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from domain.errors import AftersaleError, Refused
from domain.state import Actor
from starter.answers import Unreachable
from starter.sheets import apply
from starter.sheets.apply import carry_out
from starter.sheets.judge import Judged, Outcome, State, judge_again
from starter.sheets.read import Row
from starter.sheets.rows import CLAIMS
from tests.sheets.conftest import ANNA, Desk, edit, run

ESCALATED, ASKED = "o-000006-c1", "o-000007-c1"
TAKES = "UPDATE claims SET owner = 'ben' WHERE number = '{0}-c1'"
STEP = (
    "INSERT INTO steps SELECT '{0}', 1000, 1, now(), now(), 'assign_claim', 'specialist', 'ben', 'update', 'k', '', "
    "'', '', '{{\"claim_id\": \"c1\"}}', '[]', '[]', 'd'"
)


@dataclass
class Sent:
    """A client that sends nothing, and keeps what it was asked to; `meanwhile` happens as soon as it was asked."""

    desk: Desk
    meanwhile: Sequence[str] = ()
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        async def send(order_id: str, _by: Actor, **_: Any) -> None:
            self.asked.append(f"{name} {order_id}")
            now, self.meanwhile = self.meanwhile, ()
            run(self.desk, *now)

        return send


async def applied(desk: Desk, client: Sent, judged: Judged) -> dict[str, Outcome]:
    def again(rows: Sequence[Row]) -> list[Outcome]:
        return judge_again(desk.records, CLAIMS, rows, ANNA, "")

    done = await carry_out(client, judged, again, ANNA, lambda: None)  # type: ignore[arg-type]
    return {outcome.number: outcome for outcome in done.outcomes}


def two_rows(desk: Desk) -> Path:
    decides = {"assignee": "anna", "decision": "refund", "note": "The photo shows it."}
    return edit(desk.export(), {ESCALATED: decides, ASKED: {"assignee": "anna"}})


async def test_what_changed_while_the_preview_was_read_is_reported_and_not_overwritten(own_desk: Desk) -> None:
    judged, client = own_desk.judge(two_rows(own_desk)), Sent(own_desk)
    assert judged.counts[State.READY] == 2
    run(own_desk, TAKES.format("o-000006"), STEP.format("o-000006"))
    outcomes = await applied(own_desk, client, judged)
    assert outcomes[ESCALATED].state is State.CHANGED
    assert outcomes[ESCALATED].why.startswith("assignee is now 'ben'; log has changed")
    assert outcomes[ASKED].state is State.DONE
    assert client.asked == ["assign_claim o-000007"]


async def test_what_changes_while_other_rows_are_carried_out_is_reported_as_well(
    own_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "AT_ONCE", 1)
    judged = own_desk.judge(two_rows(own_desk))
    client = Sent(own_desk, (TAKES.format("o-000007"), STEP.format("o-000007")))
    outcomes = await applied(own_desk, client, judged)
    assert {number: o.state for number, o in outcomes.items()} == {ESCALATED: State.DONE, ASKED: State.CHANGED}
    assert client.asked == ["assign_claim o-000006", "decide_claim o-000006"]


async def test_a_row_that_cannot_be_judged_again_is_not_sent(own_desk: Desk) -> None:
    judged, client = own_desk.judge(two_rows(own_desk)), Sent(own_desk)

    def again(_: Sequence[Row]) -> list[Outcome]:
        raise Unreachable("PostgreSQL does not answer")

    done = await carry_out(client, judged, again, ANNA, lambda: None)  # type: ignore[arg-type]
    assert {(o.state, o.why) for o in done.outcomes} == {
        (State.FAILED, "PostgreSQL does not answer; import the sheet again")
    }
    assert client.asked == []


async def test_a_row_that_breaks_off_keeps_no_other_from_being_told(own_desk: Desk) -> None:
    judged = own_desk.judge(two_rows(own_desk))

    class Breaks(Sent):
        def __getattr__(self, name: str) -> Any:
            async def send(order_id: str, by: Actor, **how: Any) -> None:
                if order_id == "o-000006":
                    raise RuntimeError("a connection that nobody foresaw")
                await Sent.__getattr__(self, name)(order_id, by, **how)

            return send

    outcomes = await applied(own_desk, Breaks(own_desk), judged)
    assert outcomes[ESCALATED].state is State.FAILED
    assert outcomes[ESCALATED].why == "RuntimeError: it may be done; import the sheet again"
    assert outcomes[ASKED].state is State.DONE


@pytest.mark.parametrize(
    ("error", "state", "told"),
    [
        (Refused("own_case", "that is your own case"), State.REFUSED, "that is your own case"),
        (Unreachable("no answer"), State.FAILED, "no answer; import the sheet again"),
    ],
)
async def test_a_row_whose_second_command_is_not_taken_says_what_of_it_is_done_and_what_is_not(
    own_desk: Desk, error: AftersaleError, state: State, told: str
) -> None:
    class Balks(Sent):
        def __getattr__(self, name: str) -> Any:
            async def send(order_id: str, by: Actor, **how: Any) -> None:
                if name == "decide_claim":
                    raise error
                await Sent.__getattr__(self, name)(order_id, by, **how)

            return send

    outcome = (await applied(own_desk, Balks(own_desk), own_desk.judge(two_rows(own_desk))))[ESCALATED]
    assert (outcome.state, outcome.why) == (state, f"done: assign to anna; not done: decide: refund: {told}")
