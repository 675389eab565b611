from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from sqlalchemy import text

from activities.store.database import connect
from activities.store.desk import feedback
from domain.claims.case import STATUS_WORDS
from domain.errors import Invalid, Refused
from starter.answers import buyer, operator, seller, specialist
from starter.books.sheets import FORMULA
from starter.sheets.rows import CLAIMS, KEY, Edit
from tests.sheets.conftest import ANNA, COUNT, SAFE, Desk, run
from tests.sheets.seed import SAID
from tests.store.rows import NOW

FIRST = "o-000000"


def rows_of(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".csv":
        with file.open(encoding="utf-8-sig", newline="") as text_:
            return list(csv.DictReader(text_))
    sheet = openpyxl.load_workbook(file).worksheets[0]
    heads, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, heads), row, strict=True)) for row in rows]


def test_a_case_is_one_row_with_what_an_after_sales_team_keeps(desk: Desk) -> None:
    rows = {row["case"]: row for row in rows_of(desk.export())}
    assert len(rows) == COUNT
    row = rows[f"{FIRST}-c1"]
    shown = {name: row[name] for name in row if name not in (KEY, "log")}
    assert shown == {
        "case": f"{FIRST}-c1",
        "order": FIRST,
        "marketplace": "test",
        "status": "Received",
        "assignee": None,
        "next deadline": datetime(2026, 11, 24, 9),  # noqa: DTZ001  # sheets know no zones
        "reason": "not as described",
        "wish": "refund",
        "date of claim": datetime(2026, 11, 24, 9),  # noqa: DTZ001
        "purchase": "1 × thing 0, 400.00 EUR",
        "shipping": "dhl: delivered 2026-11-24",
        "buyer": "Name of buyer-000000",
        "buyer's mail": "buyer-000000@mail.example",
        "seller": "Name of seller-000000",
        "seller's mail": "seller-000000@mail.example",
        "at stake": 400,
        "offered": None,
        "refunded": 0,
        "currency": "EUR",
        "outcome": None,
        "feedback": None,
        "decision": None,
        "amount": None,
        "ask": None,
        "note": None,
        "time zone": "UTC",
    }
    assert row["log"].splitlines()[-1] == f"2026-11-23 14:00 buyer: The buyer made a claim. “{SAID}”"
    assert {row["status"] for row in rows.values()} == set(STATUS_WORDS.values())
    assert {row["offered"] for row in rows.values()} == {None, 100, 150}
    assert {row["shipping"] for row in rows.values() if "return" in row["shipping"]} == {
        "dhl: delivered 2026-11-24\nreturn with dhl: sent 2026-11-24",
        "dhl: delivered 2026-11-24\nreturn with dhl: received 2026-11-24",
    }


SENT_AGAIN = """
    UPDATE orders SET snapshot = jsonb_set(snapshot, '{parcels}', jsonb_build_array(
        snapshot #> '{parcels,0}' || '{"withdrawn": true}', snapshot #> '{parcels,0}' || '{"carrier": "ups"}'
    )) WHERE order_id = 'o-000000'
"""


def test_a_parcel_that_was_withdrawn_is_in_no_sheet(own_desk: Desk) -> None:
    run(own_desk, SENT_AGAIN)
    (row,) = (row for row in rows_of(own_desk.export()) if row["order"] == FIRST)
    assert row["shipping"] == "ups: delivered 2026-11-24"


def test_csv_has_the_same_rows_and_the_mark_that_tells_spreadsheets_its_encoding(desk: Desk) -> None:
    file = desk.export(suffix=".csv")
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = rows_of(file)
    assert len(rows) == COUNT
    assert (rows[0]["at stake"], rows[0]["next deadline"]) == ("400.00", "2026-11-24 09:00")
    assert file.stat().st_mode & 0o077 == 0, "names and mails stand in it"


def test_a_sheet_is_made_for_working_in(desk: Desk) -> None:
    book = openpyxl.load_workbook(desk.export())
    sheet, how = book["claims"], book["How to use"]
    heads: dict[Any, Any] = {cell.value: get_column_letter(at) for at, cell in enumerate(sheet[1], 1)}
    assert tuple(heads) == (*(column.name for column in CLAIMS.columns), KEY)
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", f"A1:{heads[KEY]}{COUNT + 1}")
    assert sheet.column_dimensions[heads[KEY]].hidden
    lists = {str(rule.sqref).split(":")[0].rstrip("2"): rule.formula1 for rule in sheet.data_validations.dataValidation}
    assert lists[heads["decision"]] == '"refund,part refund,release,return first"'
    assert lists[heads["ask"]] == '"buyer,seller"'
    choices = lists[heads["status"]].lstrip("=")
    named = [cell.value for (cell,) in book["Choices"][choices.partition("!")[2].replace("$", "")]]
    assert (named, book["Choices"].sheet_state) == ([*STATUS_WORDS.values()], "hidden")
    told = {row[0].value: row[1].value for row in how.iter_rows()}
    assert {column.name for column in CLAIMS.editable} <= set(told)
    assert isinstance(sheet.cell(2, 6).value, datetime)
    assert sheet.cell(2, 16).number_format == "#,##0.00"
    colours = {cell.value: cell.fill.fgColor.rgb for cell in sheet[1]}
    coloured = {name for name, colour in colours.items() if colour == "FFFFF7DC"}
    assert coloured == {column.name for column in CLAIMS.columns if column.edit is not Edit.NEVER}


@pytest.mark.parametrize("party", [buyer("buyer-000000"), seller("seller-000000")])
@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
@pytest.mark.parametrize("name", ["claims", "orders"])
def test_a_party_gets_its_own_rows_with_the_other_sides_name_and_no_mail(
    desk: Desk, party: Any, suffix: str, name: str
) -> None:
    file = desk.export(name, suffix, party)
    (row,) = rows_of(file)
    assert row["order"] == FIRST
    assert (row["buyer"], row["seller"]) == ("Name of buyer-000000", "Name of seller-000000")
    assert "@mail.example" not in str(row)
    desks_own = {"assignee", "decision", "amount", "ask", "note", "attention", "buyer's mail", "seller's mail", KEY}
    assert not desks_own & set(row)
    assert rows_of(desk.export(name, suffix, buyer("stranger"))) == []


def test_nobody_of_the_desk_sees_a_case_of_their_own(desk: Desk) -> None:
    for own in (specialist("buyer-000000"), operator("seller-000000")):
        assert f"{FIRST}-c1" not in {row["case"] for row in rows_of(desk.export(who=own))}
    with pytest.raises(Refused, match="may not see tickets"):
        desk.export("tickets", who=seller("seller-000000"))
    with pytest.raises(Invalid, match="--id"):
        desk.export(who=seller(""))


def test_what_is_asked_for_is_what_is_written(desk: Desk) -> None:
    everything, still = (rows_of(desk.export(only_open=flag)) for flag in (False, True))
    assert {row["status"] for row in everything} - {row["status"] for row in still} == {"Resolved", "Closed"}
    assert rows_of(desk.export(marketplace="other")) == []
    assert rows_of(desk.export(owner="nobody-yet")) == []
    assert len(rows_of(desk.export(owner=""))) == COUNT
    due = [row["next deadline"] for row in everything]
    assert due == sorted(due)
    with pytest.raises(Invalid, match=r"must end in \.xlsx or \.csv"):
        desk.export(suffix=".ods")


def test_tickets_and_orders_are_sheets_as_well(desk: Desk) -> None:
    tickets = rows_of(desk.export("tickets"))
    assert tickets
    assert {row["cause"] for row in tickets} >= {"claim"}
    assert all(row["ticket"].startswith(row["order"]) and row["resolve"] is None for row in tickets)
    orders = rows_of(desk.export("orders"))
    assert len(orders) == COUNT
    assert KEY not in orders[0]
    assert orders[0]["purchase"] == "1 × thing 0, 400.00 EUR\n1 × thing 1, 20.00 EUR"


def test_rows_cost_no_statements(desk: Desk, asked: list[str]) -> None:
    desk.export()
    assert len(asked) == 4
    desk.judge(desk.folder / "claims.xlsx")
    assert len(asked) == 4 + 4


def test_what_each_side_thought_stands_in_the_row_and_a_party_reads_its_own(own_desk: Desk) -> None:
    with own_desk.records.begin() as conn:
        for by, score, words in ((buyer("buyer-000000"), 5, "Quick."), (seller("seller-000000"), 1, "=Unfair.")):
            feedback.put(conn, SAFE, FIRST, "c1", by, NOW, score, words)
    (row,) = [row for row in rows_of(own_desk.export()) if row["case"] == f"{FIRST}-c1"]
    assert row["feedback"] == "buyer 5/5 Quick.\nseller 1/5 =Unfair."
    (own,) = rows_of(own_desk.export(who=buyer("buyer-000000")))
    assert own["feedback"] == "buyer 5/5 Quick."
    assert set(own_desk.judge(own_desk.export()).counts) == {"unchanged"}


DANGEROUS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "＝1",
    "=cmd|'/C calc'!A0",
    "http://x.example",
    "{=1}",
)


def test_no_text_becomes_a_formula(own_desk: Desk) -> None:
    owner = connect(own_desk.database.owner_url)
    with owner.begin() as conn:
        for number, words in enumerate(DANGEROUS):
            conn.execute(
                text("UPDATE orders SET snapshot = jsonb_set(snapshot, '{lines,0,title}', to_jsonb(CAST(:w AS text))) "
                     "WHERE order_id = :o"),
                {"w": words, "o": f"o-{number:06}"},
            )  # fmt: skip
            conn.execute(text("UPDATE claims SET owner = :w WHERE order_id = :o"), {"w": words, "o": f"o-{number:06}"})
    owner.dispose()
    sheet = openpyxl.load_workbook(own_desk.export()).worksheets[0]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if isinstance(cell.value, str)} == {"s"}
    assert not [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]
    # Without the mark a cell is a formula as soon as somebody has edited it.
    dangerous = [cell for cell in cells if isinstance(cell.value, str) and cell.value.startswith(FORMULA)]
    assert dangerous
    assert all(cell.quotePrefix for cell in dangerous)
    assert {str(row["assignee"]) for row in rows_of(own_desk.folder / "claims.xlsx")} >= {"=1+1", "@SUM(A1)"}
    starts = {value.lstrip(" ")[:1] for row in rows_of(own_desk.export(suffix=".csv")) for value in row.values()}
    assert not starts & set("=+-@\t\r＝")
    for suffix in (".xlsx", ".csv"):
        assert set(own_desk.judge(own_desk.export(suffix=suffix)).counts) == {"unchanged"}, suffix


def test_anna_is_offered_as_an_assignee_once_she_has_work(own_desk: Desk) -> None:
    owner = connect(own_desk.database.owner_url)
    with owner.begin() as conn:
        conn.execute(text("UPDATE claims SET owner = 'anna' WHERE order_id = 'o-000001'"))
    owner.dispose()
    sheet = openpyxl.load_workbook(own_desk.export(who=ANNA)).worksheets[0]
    assert '"anna"' in [rule.formula1 for rule in sheet.data_validations.dataValidation]
    assert [row["case"] for row in rows_of(own_desk.export(owner="anna"))] == ["o-000001-c1"]
