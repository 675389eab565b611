"""The pages of docs/walks, run as they stand. `WALKS=write` writes what was printed into the pages instead."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import randbelow

import pytest
from openpyxl import load_workbook
from temporalio.testing import ActivityEnvironment

from activities.mail import EmlMailer
from activities.recurring import RecurringIssues
from activities.relay import Relay
from activities.store import personal
from activities.storefront import RowsOnly
from demo.goods import photo
from domain.parcels.parcel import Milestone, Proof
from domain.wire import instant_text
from tests.activities.told_orders import ADDRESSES, LETTERS, FakeCarrier
from tests.life import SELLER, Json, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.walks.times import Beside
from tests.walks.walk import began, general, pages, scenes, with_beginning, with_outputs

ROOT = Path(__file__).resolve().parents[2]
NUMBER = "00340434161094042557"
"""The tracking number of the walks: 20 digits with a right check digit."""

EARLY, LATE = datetime(2026, 11, 27, 21, 40, tzinfo=UTC), datetime(2027, 1, 2, 9, tzinfo=UTC)

READERS = frozenset({"cat", "grep", "head"})
"""What a page looks at its files with; its mails lie in the folder `mails`, as those of the demo do in theirs."""


class Walker:
    """Plays a page. ``o-1001``, ``o-1002`` and ``file-1`` in a page stand for the orders and files of this run."""

    def __init__(self, market: Marketplace, aftersale: Aftersale, folder: Path) -> None:
        self.market = market
        self.aftersale = aftersale
        self.folder = folder
        self.life: Life | None = None
        self.names: dict[str, str] = {}
        """What ids in the page stand for."""
        mailer = EmlMailer(folder / "mails")
        self.post = Relay(market.engine, market.vault, LETTERS, mailer, RowsOnly(), FakeCarrier(), ADDRESSES)

    async def deliver(self) -> None:
        """Let all that is due by its order's own clock leave, as the relay does all the time."""
        for life in self.market.lives:
            row = life.screen().row
            now = row.updated_at if row.status == "over" else await life.now()
            assert now is not None
            await asyncio.to_thread(self.post.deliver, now, life.order_id)

    async def play(self, what: str, *about: str) -> None:
        """What happens beside the commands."""
        plays: Mapping[str, Callable[..., Awaitable[None]]] = {
            "order": self._order,
            "until": self._until,
            "days": self._days,
            "scan": self._scan,
            "file": self._file,
            "edit": self._edit,
            "claimed": self._claimed,
            "recurring": self._recurring,
        }
        await plays[what](*about)

    async def command(self, words: tuple[str, ...]) -> str:
        """What a command of the page prints."""
        given = [self._real(word) for word in words[1:]]
        if words[0] in READERS:
            return self._told(self._read(words[0], given))
        assert words[0] == "aftersale", words
        ran = await self.aftersale(*given)
        if self.life is not None:
            await self.life.rest()
        if words[1:3] == ("files", "add") and ran.code == 0:
            self.names[f"file-{sum(name.startswith('file') for name in self.names) + 1}"] = ran.out.strip()
        return self._told(ran.out + ran.err)

    async def _order(self, *about: str) -> None:
        prices = about[0].split(",") if about and about[0][0].isdigit() else ["40.00", "20.00"]
        policy = next((word.removeprefix("at:") for word in about if word.startswith("at:")), "standard")
        document = self.market.checkout(prices=prices, policy=policy)
        # Ids as long as those of the page, so that its tables stand as they are printed.
        told = f"o-{1001 + len(self.market.lives)}"
        self.names[told] = document["order_id"] = f"o-{2000 + randbelow(8000)}"
        document["lines"][0] |= {"title": "Linen shirt, dark blue", "known_differences": "darker than in the photo"}
        document["lines"][0]["return_terms"] = "14 days, postage borne by the buyer"
        self._people(document)
        if "unpaid" not in about:
            document = self.market.preauthorised(document)
        self.life = await self.market.order(document)

    def _people(self, document: Json) -> None:
        document["buyer"]["person_id"], document["seller"]["person_id"] = "ann", "sam"
        with self.market.engine.begin() as conn:
            for person, name in (("ann", "Ann Example"), ("sam", "Sam Example")):
                known = personal.Person(person, name, f"{person}@mail.example", "en")
                personal.put_person(conn, self.market.vault, document["order_id"], known)
            home = personal.Address(document["address_id"], "ann", ("Ann Example", "1 Main Street", "Berlin"))
            personal.put_address(conn, self.market.vault, document["order_id"], home)

    @property
    def order(self) -> Life:
        assert self.life is not None, "the page plays no order"
        return self.life

    async def _until(self, step: str) -> None:
        await self.order.until(step)

    async def _days(self, count: str) -> None:
        await self.order.pass_time(timedelta(days=int(count)))

    async def _scan(self, milestone: str, proof: str = "weak", parcel: str = "") -> None:
        parcels = self.order.state().parcels
        await self.order.scan(Milestone(milestone), parcel or parcels[0].parcel_id, Proof(proof))

    async def _file(self, name: str, *words: str) -> None:
        text = " ".join(words)
        (self.folder / name).write_bytes(photo(text) if name.endswith(".png") else f"{text}\n".encode())

    async def _claimed(self, reason: str, text: str, *about: str) -> None:
        """Another order that arrived, and that its buyer makes a claim about, as the commands of the page do."""
        await self._order(*about)
        await self.order.send("confirm", SELLER)
        await self.order.ship()
        await self._scan("delivered", "strong")
        made = ("aftersale", "open-claim", self.order.order_id, "--reason", reason, "--line", "L1", "--text", text)
        assert (await self.command(made)).startswith(self._told(self.order.order_id))

    async def _recurring(self) -> None:
        """The look that the worker has every day."""
        finder = RecurringIssues(self.market.engine)
        asked = {"now": instant_text(datetime.now(UTC))}
        await asyncio.to_thread(ActivityEnvironment().run, finder.find, asked)

    async def _edit(self, name: str, *cells: str) -> None:
        """Somebody fills cells of the first row of a sheet."""
        book = load_workbook(self.folder / name)
        sheet = book.worksheets[0]
        columns = {str(cell.value): cell.column for cell in sheet[1]}
        for cell in cells:
            header, _, value = cell.partition("=")
            sheet.cell(2, columns[header] or 1, value)
        book.save(self.folder / name)

    def _read(self, program: str, words: list[str]) -> str:
        """What a program tells of the page's files; ``*`` in the name of a mail stands for anything."""
        found = (sorted(map(str, self.folder.glob(word))) if word.startswith("mails/") else [word] for word in words)
        command = [program, *(name for names in found for name in names)]
        ran = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True)
        return ran.stdout.removeprefix("\ufeff")

    def _real(self, word: str) -> str:
        for told, real in self.names.items():
            word = re.sub(rf"\b{re.escape(told)}\b", real, word)
        return word

    def _told(self, text: str) -> str:
        for told, real in self.names.items():
            text = text.replace(real, told)
        return text.replace(str(self.folder), ".")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def write(page: Path, text: str) -> None:
    page.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("page", pages(ROOT), ids=lambda path: path.stem)
async def test_a_page_prints_what_it_says(
    page: Path, market: Marketplace, aftersale: Aftersale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    walker, text = Walker(market, aftersale, tmp_path), read(page)
    outputs: dict[tuple[int, int], str] = {}
    writing = os.environ.get("WALKS") == "write"
    begin = datetime.now(UTC)
    beside = Beside([(begin if writing else began(text), begin)])
    for scene in scenes(text):
        if scene.play:
            await walker.play(*scene.play)
            await walker.deliver()
            continue
        outputs[scene.at] = printed = await walker.command(scene.command)
        await walker.deliver()
        if not writing:
            assert general(printed) == general(scene.shown), " ".join(scene.command)
            assert beside.wrong(scene.shown, printed) == [], " ".join(scene.command)
    if writing:
        write(page, with_beginning(with_outputs(text, outputs), begin))


def test_a_page_whose_output_is_not_what_is_printed_is_found() -> None:
    page = "# A page\n\n<!-- play: order -->\n\n```console\n$ aftersale show o-1001\nplaced\n\n$ aftersale list\n```\n"
    order, show, listing = scenes(page)
    assert order.play == ("order",)
    assert (show.command, general(show.shown)) == (("aftersale", "show", "o-1001"), "placed")
    assert listing.shown == ""
    assert "confirmed" in with_outputs(page, {show.at: "confirmed", listing.at: "o-1001"})
    assert began(with_beginning(with_beginning(page, EARLY), LATE)) == LATE
    assert general("2026-11-27 21:40 UTC") == general("2027-01-02 09:00 UTC") == "TIME"


def test_every_founding_document_has_a_page() -> None:
    assert len(pages(ROOT)) == 5
