"""What nobody should type is told in one line, with exit code 2: no traceback, and nothing is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from activities.store.desk.message_tables import messages
from activities.store.tables import notes
from domain.errors import Invalid
from starter.files.writing import check_writable, whole
from tests.life import SELLER
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

HUGE = "9999999999999999999999999"
HALF = "caf\udce9"
"""How Python gives Latin-1 bytes of the command line."""
DESK = ("--as", "specialist", "--id", "eve")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("resolve-finding", HUGE, "--reason", "x"), "is not the id of a finding"),
        (("resolve-finding", "0", "--reason", "x"), "is not the id of a finding"),
        (("reports", "--to", "0001-01-01"), "--to: has no 30 days before it"),
        (("figures", "SELLER", "--to", "0001-01-01"), "--to: has no 30 days before it"),
        (("reports", "--from", "0001-01-01"), "--from: is more than 731 days before --to"),
        (("reports", "--marketplace", "nosuch"), "--marketplace: 'nosuch' is not known; known here: "),
        (("claims", "export", "NEW.csv", "--marketplace", "nosuch", *DESK), "--marketplace: 'nosuch' is not known"),
        (("orders", "export", "NEW.csv", "--marketplace", "nosuch", *DESK), "--marketplace: 'nosuch' is not known"),
        (("claims", "export", "LONG.xlsx", *DESK), "cannot be written: File name too long"),
        (("claims", "export", "LONG.csv", *DESK), "cannot be written: File name too long"),
        (("export", "ledger", "."), "cannot be written: it names no file"),
        (("export", "ledger", "LONG.csv"), "cannot be written: File name too long"),
        (("pack", "ORDER", "--out", "LONG.zip", *DESK), "cannot be written: File name too long"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
async def test_a_bad_argument_is_told_in_one_line(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    life = await market.order()
    given = {"SELLER": life.actor(SELLER).id, "ORDER": life.order_id}
    ran = await aftersale(
        *(
            given.get(word, word.replace("LONG", f"{tmp_path}/{'x' * 300}").replace("NEW", f"{tmp_path}/new"))
            for word in words
        )
    )
    assert (ran.code, len(ran.err.splitlines()), why in ran.err) == (2, 1, True), (ran.out, ran.err)
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240  # A test's own folder.


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("message", "ORDER", "--as", "buyer", "--text", HALF), "--text"),
        (("note", "ORDER", *DESK, "--reason", HALF), "--reason"),
        (("open-claim", "ORDER", "--reason", "damaged", "--line", "L1", "--text", HALF), "--text"),
        (("claims", "feedback", "ORDER", "--as", "buyer", "--id", "b-1", "--score", "5", "--text", HALF), "--text"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
async def test_words_that_are_no_text_are_refused_and_not_kept_as_question_marks(
    aftersale: Aftersale, market: Marketplace, words: tuple[str, ...], field: str
) -> None:
    life = await market.order()
    ran = await aftersale(*(life.order_id if word == "ORDER" else word for word in words))
    assert (ran.code, ran.err) == (2, f"Bad input: {field}: holds bytes that are no text; write it in UTF-8\n")
    assert life.steps() == ["place"]
    with market.engine.begin() as conn:
        for table in (messages, notes):
            assert conn.execute(select(table).where(table.c.order_id == life.order_id)).all() == []


@pytest.mark.parametrize("name", ["x" * 300, "x" * 252])
def test_a_name_that_is_too_long_for_what_is_written_is_refused_beforehand(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match="cannot be written: File name too long"):
        check_writable(tmp_path / name)
    with pytest.raises(Invalid, match="cannot be written: File name too long"), whole(tmp_path / name):
        pass
