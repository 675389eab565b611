"""A restart is checked before anything is done, and tells whether its reason stands in the order's story."""

from __future__ import annotations

from typing import Any

import pytest

from activities import runs
from activities.store import personal
from domain.errors import Refused
from domain.state import Role
from starter import client as clients
from starter.answers import NotJudgedYet, operator
from starter.client import AftersaleClient
from starter.runs import Runs
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.workflow.test_restarts import begun


async def restarted(aftersale: Aftersale, life: Life, by: str = "op-1", **env: str) -> tuple[int, Any]:
    """How the command ended, and what it printed."""
    command = ("restart", life.order_id, "--reason", "it hangs", "--id", by, "--json")
    ran = await Aftersale(aftersale.env | env)(*command)
    await life.rest()
    return ran.code, ran.json


def untouched(life: Life) -> bool:
    """Whether no restart has left anything: neither an epoch nor a reason nor a refusal."""
    with life.market.engine.begin() as conn:
        notes = personal.get_notes(conn, life.market.vault, life.order_id)
    return (life.state().epoch, life.refusals(), notes) == (1, [], ())


@pytest.mark.parametrize("party", [BUYER, SELLER])
async def test_nobody_of_the_desk_restarts_an_order_of_their_own(
    aftersale: Aftersale, market: Marketplace, party: Role
) -> None:
    life = await market.order()
    code, answer = await restarted(aftersale, life, life.actor(party).id)
    assert (code, answer["error"]["code"]) == (3, "not_your_order")
    assert untouched(life)


async def test_who_cannot_sign_restarts_nothing(aftersale: Aftersale, market: Marketplace) -> None:
    life = await market.order()
    code, answer = await restarted(aftersale, life, AFTERSALE_COMMAND_KEY="")
    assert (code, answer["error"]["field"]) == (2, "AFTERSALE_COMMAND_KEY")
    assert untouched(life)


async def test_a_restart_whose_reason_is_not_believed_says_so(aftersale: Aftersale, market: Marketplace) -> None:
    life = await market.order()
    code, answer = await restarted(aftersale, life, AFTERSALE_COMMAND_KEY="quite another key")
    assert (code, answer["error"]["code"]) == (3, "reason_refused")
    assert "was restarted, but the reason is not in its story: the command's signature" in answer["error"]["message"]
    assert (life.state().epoch, life.refusals(), life.steps()) == (2, ["bad_signature"], ["place"])


async def test_an_order_that_is_over_and_left_nothing_is_not_restarted(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    await life.send("cancel", BUYER, reason="changed_mind")
    await life.result()
    code, answer = await restarted(aftersale, life)
    assert (code, answer["error"]["code"]) == (3, "order_over")
    assert "there is nothing to restart" in answer["error"]["message"]
    assert untouched(life)


async def test_what_an_order_that_is_over_had_kept_is_handed_over_and_the_reason_said_to_be_missing(
    client: AftersaleClient, market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await market.order()
    await life.send("cancel", BUYER, reason="changed_mind")
    await life.result()
    with monkeypatch.context() as patched:
        nobody_works(patched)
        await Runs(market.client).restart(market.engine, *begun(life))
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    await life.handle.terminate("by mistake")
    with pytest.raises(Refused, match="was restarted, but the reason is not in its story: ") as refused:
        await client.restart(life.order_id, operator("op-1"), reason="it hangs")
    assert refused.value.code == "reason_refused"
    await life.rest()
    assert [message.name for message in life.screen().story.refusals][:1] == ["confirm"]
    with pytest.raises(Refused, match="there is nothing to restart"):
        await client.restart(life.order_id, operator("op-1"), reason="once more")


async def test_a_restarted_order_that_does_not_answer_keeps_the_reason(
    client: AftersaleClient, market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life, by = await market.order(), operator("op-1")
    monkeypatch.setattr(clients, "WITHIN", 0.2)
    with monkeypatch.context() as patched:
        nobody_works(patched)
        with pytest.raises(NotJudgedYet, match=r"is restarted; in 0\.2 s it has not answered") as silent:
            await client.restart(life.order_id, by, reason="it hangs")
    assert silent.value.delivered
    await life.restart()
    assert life.steps() == ["place", "note"]


async def test_a_restart_that_is_sent_again_restarts_once(client: AftersaleClient, market: Marketplace) -> None:
    life = await market.order()
    for _ in range(2):
        again = await client.restart(life.order_id, operator("op-1"), reason="it hangs", command_id="restart-1")
        assert (again.accepted, again.seq, again.command_id) == (True, 2, "restart-1")
    await life.rest()
    assert (life.state().epoch, life.steps()) == (2, ["place", "note"])


def nobody_works(patched: pytest.MonkeyPatch) -> None:
    """New runs wait in a queue without a worker."""
    start_from = runs.start_from

    async def start_aside(*what: Any, **how: Any) -> None:
        await start_from(*what, **how | {"task_queue": "nobody-works-here"})

    patched.setattr(runs, "start_from", start_aside)
