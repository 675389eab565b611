from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from domain.errors import Invalid
from starter.answers import specialist
from starter.sheets.judge import State
from starter.sheets.read import Table
from starter.sheets.results import result_file, write_results
from starter.sheets.rows import CLAIMS, KEY, TICKETS
from tests.sheets.conftest import COUNT, Desk, edit, run

ESCALATED, ASKED, UPSTREAM, RESOLVED = "o-000006-c1", "o-000007-c1", "o-000009-c1", "o-000017-c1"


@pytest.mark.parametrize("name", ["claims", "tickets"])
@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
def test_a_sheet_that_nobody_edited_does_nothing(desk: Desk, name: str, suffix: str) -> None:
    file = desk.export(name, suffix)
    counts = desk.judge(file, name).counts
    assert set(counts) == {"unchanged"}
    if suffix == ".xlsx":
        assert desk.judge(edit(file, {}), name).counts == counts, "saved by another program"


def test_each_edited_row_is_what_it_asks_for(desk: Desk) -> None:
    file = edit(
        desk.export(),
        {
            ESCALATED: {"assignee": "anna", "decision": "refund", "note": "The photo shows the crack."},
            "o-000000-c1": {"assignee": "ben"},
            "o-000002-c1": {"note": "Call the buyer tomorrow."},
            "o-000026-c1": {"ask": "buyer", "note": "Which colour did you get?"},
            ASKED: {"decision": "Part Refund", "amount": 49.9, "note": "Half of it works."},
            UPSTREAM: {"status": "Waiting for seller", "note": "They sent another one."},
        },
    )
    outcomes = desk.told(file)
    assert {outcome.state for outcome in outcomes.values()} == {State.READY}, outcomes
    assert {number: outcome.why for number, outcome in outcomes.items()} == {
        ESCALATED: "assign to anna; decide: refund",
        "o-000000-c1": "assign to ben",
        "o-000002-c1": "note for the desk",
        "o-000026-c1": "ask the buyer",
        ASKED: "decide: part refund 49.90 EUR",
        UPSTREAM: "bring the upstream answer",
    }
    sheet = openpyxl.load_workbook(file).worksheets[0]
    assert sheet.cell(outcomes[ASKED].row, 1).value == ASKED, "rows are counted as spreadsheets do"


@pytest.mark.parametrize(
    ("number", "edits", "state", "why"),
    [
        (ESCALATED, {"decision": "refund"}, State.INVALID, "note: is missing; a decision needs its reasons"),
        (ESCALATED, {"decision": "refund", "note": "\u00a0"}, State.INVALID, "note: is missing; a decision needs"),
        (ESCALATED, {"decision": "refund", "note": "\u2800"}, State.INVALID, "note: is missing; a decision needs"),
        (ESCALATED, {"decision": "refund\u00a0", "note": "Cassé\u00a0!"}, State.READY, "decide: refund"),
        (ESCALATED, {"decision": "part refund", "note": "x"}, State.INVALID, "amount: is missing"),
        (ESCALATED, {"decision": "refund", "amount": 1, "note": "x"}, State.INVALID, "goes with the decision"),
        (ESCALATED, {"decision": "burn it", "note": "x"}, State.INVALID, "decision: is not one of: refund"),
        (ESCALATED, {"decision": "refund", "ask": "buyer", "note": "x"}, State.INVALID, "ask first, decide later"),
        (ESCALATED, {"ask": "seller"}, State.INVALID, "note: is missing; a question needs its words"),
        (ESCALATED, {"assignee": "Anna Schmidt"}, State.INVALID, "assignee: is not an id"),
        (ESCALATED, {"assignee": "=1+1"}, State.INVALID, "assignee: holds a formula"),
        (ESCALATED, {"assignee": "#REF!"}, State.INVALID, "assignee: holds a formula or an error"),
        (ESCALATED, {"note": '=HYPERLINK("http://x.example")'}, State.INVALID, "note: holds a formula"),
        (ESCALATED, {"amount": "a lot", "decision": "part refund", "note": "x"}, State.INVALID, "not an amount in EUR"),
        (ESCALATED, {"note": "x" * 4001}, State.INVALID, "note: is longer than 4000"),
        (ESCALATED, {"status": "Done"}, State.INVALID, "status: is not one of the statuses"),
        (ESCALATED, {"status": "Resolved"}, State.INVALID, "cannot be made 'Resolved' by the desk"),
        (ESCALATED, {"status": "rejected", "decision": "refund", "note": "x"}, State.INVALID, "lead to 'Rejected'"),
        (ESCALATED, {"at stake": 9_999}, State.NOT_EDITABLE, "at stake: may not be edited"),
        (ESCALATED, {"buyer": "Somebody", "assignee": "anna"}, State.NOT_EDITABLE, "the row was left alone"),
        (ESCALATED, {"amount": 4_000, "decision": "part refund", "note": "x"}, State.REFUSED, "below the 400.00 EUR"),
        (RESOLVED, {"decision": "refund", "note": "x"}, State.REFUSED, "claims: c1 (Resolved)"),
        ("o-000002-c1", {"ask": "seller", "note": "x"}, State.REFUSED, "claims: c1 (Waiting for buyer)"),
        (ESCALATED, {"decision": "return first", "note": "x"}, State.READY, "decide: return first"),
        ("o-000011-c1", {"decision": "return first", "note": "x"}, State.REFUSED, "decide about the money"),
        (ESCALATED, {KEY: "1 o-000007 c1 3 0 0.0"}, State.UNKNOWN, "its cells were moved apart"),
        (ESCALATED, {KEY: "1 o-nowhere c1 3 0 0.0"}, State.UNKNOWN, "there is no such case here"),
        (ESCALATED, {KEY: None}, State.UNKNOWN, "was lost or changed"),
        (ESCALATED, {KEY: "1 o-000006 c1 99999999999999999999 0 0.0"}, State.UNKNOWN, "was lost or changed"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_row_is_said_beside_it(
    desk: Desk, number: str, edits: dict[str, Any], state: State, why: str
) -> None:
    outcomes = desk.told(edit(desk.export(), {number: edits}))
    assert set(outcomes) == {number}
    assert outcomes[number].state is state, outcomes
    assert why in outcomes[number].why


@pytest.mark.parametrize(
    ("style", "reads"),
    [
        ("0%", False), ("0.00%", False), ("#,##0.0%", False), ('0"%"', True), ("0\\%", True), ("0.00", True),
        ("General", True),
    ],
)  # fmt: skip
def test_a_percentage_is_no_amount(desk: Desk, style: str, reads: bool) -> None:
    file = edit(desk.export(), {ESCALATED: {"decision": "part refund", "amount": 0.5, "note": "Half of it works."}})
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    column = [cell.value for cell in sheet[1]].index("amount") + 1
    (cell,) = [row[column - 1] for row in sheet.iter_rows() if row[0].value == ESCALATED]
    cell.number_format = style
    book.save(file)
    (outcome,) = desk.judge(file).outcomes
    why = "amount: is a percentage, 50%, which is no amount; write the amount itself, in a cell that is no percentage"
    read = (State.READY, "decide: part refund 0.50 EUR")
    assert (outcome.state, outcome.why) == (read if reads else (State.INVALID, why))


@pytest.mark.parametrize(
    ("status", "edits", "why"),
    [
        ("Refund approved", {}, "decide: refund"),
        ("Refund approved", {"amount": "20,00"}, "decide: part refund 20.00 EUR"),
        ("Rejected", {}, "decide: release"),
        ("Return requested", {}, "decide: return first"),
        ("Waiting for seller (asked by the platform)", {}, "ask the seller"),
        ("Waiting for buyer (asked by the platform)", {"ask": "Buyer"}, "ask the buyer"),
        ("Escalated upstream", {}, "pass on to the shop upstream"),
    ],
)
def test_a_status_is_chosen_where_the_desk_can_lead_a_case_there(
    desk: Desk, status: str, edits: dict[str, Any], why: str
) -> None:
    file = edit(desk.export(), {ESCALATED: {"status": status, "note": "As discussed.", **edits}})
    assert [(o.state, o.why) for o in desk.judge(file).outcomes] == [(State.READY, why)]


def test_what_changed_meanwhile_is_reported_and_never_overwritten(own_desk: Desk) -> None:
    file = edit(
        own_desk.export(),
        {
            ESCALATED: {"decision": "refund", "note": "x"},
            ASKED: {"assignee": "ben"},
            UPSTREAM: {"assignee": "ben"},
            "o-000000-c1": {"decision": "refund", "note": "x"},
        },
    )
    step = (
        "INSERT INTO steps SELECT '{0}', 1000, 1, now(), now(), 'assign_claim', 'specialist', 'x', 'update', 'k', '', "
        "'', '', '{{\"claim_id\": \"c1\"}}', '[]', '[]', 'd'"
    )
    run(
        own_desk,
        "UPDATE claims SET status = 'rejected' WHERE number = 'o-000006-c1'",
        "UPDATE claims SET owner = 'carl' WHERE number = 'o-000007-c1'",
        "UPDATE claims SET status = 'closed', awarded_minor = 7 WHERE number = 'o-000003-c1'",
        *(step.format(order) for order in ("o-000006", "o-000007", "o-000009")),
    )
    outcomes = own_desk.told(file)
    assert {number: outcome.state for number, outcome in outcomes.items()} == {
        ESCALATED: State.CHANGED,
        ASKED: State.CHANGED,
        UPSTREAM: State.CHANGED,
        "o-000000-c1": State.READY,
    }
    assert outcomes[ESCALATED].why.startswith("status is now 'Rejected'; log has changed; export anew")
    assert outcomes[ASKED].why.startswith("assignee is now 'carl'; log has changed")
    assert "o-000003-c1" not in outcomes, "nobody edited it"


def test_a_case_that_stands_twice_and_one_of_another_marketplace_are_left_alone(desk: Desk) -> None:
    file = edit(desk.export(), {ESCALATED: {"assignee": "anna"}})
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    (twin,) = [row for row in sheet.iter_rows(values_only=True) if row[0] == ESCALATED]
    sheet.append(twin)
    book.save(file)
    outcomes = desk.judge(file).outcomes
    assert [(o.number, o.state) for o in outcomes] == [(ESCALATED, State.INVALID)] * 2
    assert "twice" in outcomes[0].why
    assert desk.judge(desk.export(), marketplace="other").counts == {"unknown case": COUNT}
    own = desk.judge(desk.export(), who=specialist("buyer-000000"))
    assert own.counts == {"unchanged": COUNT - 1, "unknown case": 1}


def test_rows_may_be_sorted_left_out_and_columns_added(desk: Desk) -> None:
    file = edit(desk.export(), {ESCALATED: {"assignee": "anna"}})
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    head, rest = rows[0], rows[1:]
    other = openpyxl.Workbook()
    made: Any = other.active
    made.append(["my own", *(str(name).upper() for name in head)])
    for row in (None, *reversed(rest[3:])):
        made.append([None if row is None else "=NOW()", *(row or [])])
    other.save(file)
    assert [(o.number, o.state) for o in desk.judge(file).outcomes] == [(ESCALATED, State.READY)]


def test_a_renamed_sheet_behind_another_and_one_below_a_title_are_found(desk: Desk) -> None:
    file = edit(desk.export(), {ESCALATED: {"assignee": "anna"}})
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    sheet.title = "Monday"
    sheet.insert_rows(1, 2)
    sheet["A1"] = "Cases of Monday"
    book.create_sheet("sums", 0)["A1"] = "Sum"
    book.save(file)
    (outcome,) = desk.judge(file).outcomes
    assert (outcome.number, outcome.state) == (ESCALATED, State.READY)
    assert sheet.cell(outcome.row, 1).value == ESCALATED, "rows are counted as spreadsheets do"
    with pytest.raises(Invalid, match=r"lacks columns of a sheet of tickets: .*; read as headers: 'case', 'order'"):
        Table(file, TICKETS)


ABOVE = ("sep=;\r\n", "Cases of Monday\r\n", "Cases, of Monday;;;\r\n\r\n", "Cases, open ones, for Aftersale\r\n")


@pytest.mark.parametrize("above", ABOVE)
def test_what_stands_above_the_headers_of_a_csv_file_is_no_header(desk: Desk, above: str) -> None:
    file = recoded(desk.export(suffix=".csv"), lambda text_: (above + semicolons(text_)).encode("utf-8-sig"))
    assert desk.judge(file).counts == {"unchanged": COUNT}
    first = next(Table(file, CLAIMS).rows())
    assert first.number == {"s": 2}.get(above[0], 1 + above.count("\r\n") + 1)


@pytest.mark.parametrize("written", ["NaN", "1e400", "-1e400"])
def test_a_number_that_is_none_is_told_of_where_it_matters_and_left_as_it_stands_elsewhere(
    desk: Desk, written: str
) -> None:
    file = edit(desk.export(), {ESCALATED: {"decision": "part refund", "amount": 4.5, "note": "x"}})
    book = openpyxl.load_workbook(file)
    book.worksheets[0].cell(2, 40).value = 4.5  # A column of somebody's own.
    book.save(file)
    with zipfile.ZipFile(file) as before:
        parts = {name: before.read(name) for name in before.namelist()}
    with zipfile.ZipFile(file, "w") as after:
        for name, content in parts.items():
            after.writestr(name, content.replace(b"<v>4.5</v>", f"<v>{written}</v>".encode()))
    source, judged = Table(file, CLAIMS), desk.judge(file)
    assert [(o.number, o.state) for o in judged.outcomes] == [(ESCALATED, State.INVALID)]
    assert "amount: is " in judged.outcomes[0].why
    write_results(CLAIMS, source, judged, result_file(file))
    again = Table(result_file(file), CLAIMS)
    cells = {str(cell) for _, row in again.plain() for cell in row}
    assert str(float(written)) in cells


@pytest.mark.parametrize("name", ["decision", "note", KEY, "case"])
def test_a_missing_column_is_named(desk: Desk, name: str) -> None:
    file = desk.export()
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    sheet.delete_cols([cell.value for cell in sheet[1]].index(name) + 1)
    book.save(file)
    with pytest.raises(Invalid, match=f"lacks columns of a sheet of claims: {name}"):
        Table(file, CLAIMS)
    with pytest.raises(Invalid, match="lacks columns"):
        desk.judge(desk.export("orders"))
    with pytest.raises(Invalid, match="lacks columns"):
        desk.judge(desk.export("tickets"))


def test_tickets_are_assigned_and_resolved(desk: Desk) -> None:
    ticket = "o-000006-claim-"
    file = desk.export("tickets")
    (number,) = [str(r[0].value) for r in openpyxl.load_workbook(file).worksheets[0] if str(r[0].value).startswith(ticket)]  # fmt: skip  # noqa: E501
    for edits, state, why in (
        ({"assignee": "anna"}, State.READY, "assign to anna"),
        ({"resolve": "no change", "note": "Seen."}, State.REFUSED, "a claim ends by a decision"),
        ({"resolve": "extend", "note": "Waiting."}, State.INVALID, "until: is missing"),
        ({"until": "2026-12-24"}, State.INVALID, "goes with 'extend' only"),
        ({"resolve": "extend", "until": "1/2/2027", "note": "x"}, State.INVALID, "read in one way"),
        (
            {"resolve": "extend", "until": "24.12.2026", "note": "x"},
            State.READY,
            "extend until 2026-12-24 23:59",
        ),
        ({"note": "Looks odd."}, State.READY, "note for the desk"),
        ({"cause": "dispute"}, State.NOT_EDITABLE, "cause: may not be edited"),
    ):
        outcomes = desk.told(edit(desk.export("tickets"), {number: edits}), "tickets")
        assert (outcomes[number].state, outcomes[number].why.partition(";")[0]) in (
            (state, why), (state, outcomes[number].why.partition(";")[0]) if why in outcomes[number].why else (),
        ), outcomes  # fmt: skip


def recoded(file: Path, change: Callable[[str], bytes]) -> Path:
    """The file as another program would have written it."""
    file.write_bytes(change(file.read_text(encoding="utf-8-sig")))
    return file


def semicolons(text_: str) -> str:
    """As a spreadsheet in Germany saves it: semicolons, commas in numbers, days first."""
    out = io.StringIO()
    rows = list(csv.reader(io.StringIO(text_, newline="")))
    money = {rows[0].index(name) for name in ("at stake", "offered", "refunded")}
    times = {rows[0].index(name) for name in ("next deadline", "date of claim")}
    for row in rows:
        for at, cell in enumerate(row):
            if at in money:
                row[at] = cell.replace(".", ",")
            if at in times and cell.startswith("20"):
                row[at] = f"{cell[8:10]}.{cell[5:7]}.{cell[:4]} {cell[11:]}"
    csv.writer(out, delimiter=";").writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda text_: text_.encode(),
        lambda text_: text_.encode("utf-16"),
        lambda text_: text_.replace("Name", "Näme", 0).encode("cp1252", errors="replace"),
        lambda text_: semicolons(text_).encode("utf-8-sig"),
        lambda text_: semicolons(text_).encode("cp1252", errors="strict"),
        lambda text_: text_.replace("\r\n", "\n").encode(),
    ],
    ids=["no mark", "utf-16", "windows", "german", "german windows", "unix"],
)
def test_csv_is_read_as_spreadsheets_write_it(desk: Desk, change: Callable[[str], bytes]) -> None:
    assert desk.judge(recoded(desk.export(suffix=".csv"), change)).counts == {"unchanged": COUNT}


def test_what_is_no_csv_is_refused(desk: Desk) -> None:
    file = desk.folder / "x.csv"
    for content, why in (
        (b"\x81\x8d\x8f", "is not text in UTF-8"),
        (b"\xff\xfe\x00", "is not text"),
        (b"a\0b", "is not a text file"),
        (b'"' + b"x" * 200_000, "is not CSV"),
        (b"", "lacks columns"),
        (b"case,case\n", "two columns named 'case'"),
        (b"," * 300, "more than 100000 rows or 200 columns"),
    ):
        file.write_bytes(content)
        with pytest.raises(Invalid, match=why):
            Table(file, CLAIMS)
    with pytest.raises(Invalid, match="cannot be read"):
        Table(desk.folder / "none.csv", CLAIMS)


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
def test_the_result_is_the_same_sheet_with_a_word_beside_each_row(desk: Desk, suffix: str) -> None:
    file = desk.export(suffix=suffix)
    source = Table(file, CLAIMS)
    judged = desk.judge(file)
    first = replace(desk.judge(edit(desk.export(), {ESCALATED: {"assignee": "x y"}})).outcomes[0], row=8)
    write_results(CLAIMS, source, replace(judged, outcomes=(first,)), result_file(file))
    again = Table(result_file(file), CLAIMS)
    assert again.heads == [*source.heads, "result", "explanation"]
    rows = dict(again.plain())
    assert rows[8][-2:] == ["invalid", first.why]
    assert {row[-2] for number, row in rows.items() if number != 8} == {"unchanged"}
    assert desk.judge(result_file(file)).counts == {"unchanged": COUNT}, "it can be worked on"
    write_results(CLAIMS, again, judged, file)
    assert Table(file, CLAIMS).heads == again.heads, "results are not stacked"
