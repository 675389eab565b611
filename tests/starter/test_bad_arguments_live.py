"""What nobody should type is told in one line, with exit code 2: no traceback, and nothing is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import Invalid
from starter.files.writing import check_writable, whole
from tests.life import SELLER
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

HUGE = "9999999999999999999999999"
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


@pytest.mark.parametrize("name", ["x" * 300, "x" * 252])
def test_a_name_that_is_too_long_for_what_is_written_is_refused_beforehand(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match="cannot be written: File name too long"):
        check_writable(tmp_path / name)
    with pytest.raises(Invalid, match="cannot be written: File name too long"), whole(tmp_path / name):
        pass
