"""``make demo``: plays all lives at once on a stack of their own, and writes down how they ended."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from activities.relay import Relay
from activities.store import ledger
from demo.claim_lives import CLAIM_STORIES
from demo.life import Ending, Life, WentWrong
from demo.lives import STORIES, Story
from demo.post import relay
from demo.show import Show
from demo.world import Connections, World, connections, world

ALL = (*STORIES, *CLAIM_STORIES)
"""All lives. The first kills the worker that all would share, so the others begin when another is up."""


@dataclass(frozen=True)
class Played:
    """A life and its end. `trouble` says what went wrong, "" when it ended as it must."""

    story: Story
    ending: Ending | None
    trouble: str = ""


def play(directory: Path, show: Show) -> bool:
    """Play all lives under `directory`, results beside it in ``demo.json``; whether all ended as they must."""
    began = time.monotonic()
    with world(directory) as around:
        show.started(around)
        played, balanced = asyncio.run(_play(around, show))
    file = directory.with_suffix(".json")
    rows = [
        {"order_id": each.story.order_id, "life": each.story.name, **asdict(each.ending)}
        for each in played
        if each.ending is not None
    ]
    file.write_text(json.dumps({"orders": rows, "ledger_balanced": balanced}, indent=2) + "\n")
    show.ended(played, balanced=balanced, seconds=time.monotonic() - began, file=file, directory=directory)
    return balanced and not any(each.trouble for each in played)


async def _play(around: World, show: Show) -> tuple[list[Played], bool]:
    async with connections(around) as held:
        postman = relay(around, held.engine, held.vault)
        free = asyncio.Event()
        with show.live([story.name for story in ALL]):
            first = asyncio.create_task(_live(ALL[0], around, held, postman, show, free))
            await free.wait()
            rest = (_live(story, around, held, postman, show, free) for story in ALL[1:])
            played = [*await asyncio.gather(*rest)]
            played.insert(0, await first)
        return played, await asyncio.to_thread(_is_balanced, held)


async def _live(
    story: Story, around: World, held: Connections, postman: Relay, show: Show, free: asyncio.Event
) -> Played:
    def say(at: datetime, what: str) -> None:
        show.say(story.name, at, what)

    life = Life(story.order_id, around, held, postman, say, stage_is_free=free.set)
    try:
        await story.play(life)
        ending = await life.ending()
    except Exception as error:  # noqa: BLE001  # One life that goes wrong must not keep the others from being told.
        trouble = str(error) if isinstance(error, WentWrong) else f"{type(error).__name__}: {error}"
        show.over(story.name, trouble)
        return Played(story, await _where_it_is(life), trouble)
    finally:
        free.set()
    trouble = "" if ending == story.ending else f"should have ended as {story.ending}, and ended as {ending}"
    show.over(story.name, trouble)
    return Played(story, ending, trouble)


async def _where_it_is(life: Life) -> Ending | None:
    try:
        return await life.ending()
    except Exception:  # noqa: BLE001  # The trouble that led here is what is told.
        return None


def _is_balanced(held: Connections) -> bool:
    with held.engine.begin() as conn:
        return ledger.is_balanced(conn)
