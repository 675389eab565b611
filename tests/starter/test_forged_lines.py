"""Lines of a terminal, and of what is none: only the first one of what is printed as a line begins where records do."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given, strategies as st
from rich.console import Console, Group

from starter.render import Line, put, quotes, text

RECORD = "Decided 2026-11-28 10:00 UTC by the specialist: release"


def on_a_terminal(lines: list[Line], width: int) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=True, highlight=False, width=width, color_system=None)
    console.print(Group(*lines))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@given(st.text(st.sampled_from("ab \u4e2d")), st.integers(10, 40))
@example(f"a scratch {'x' * 5} {RECORD}", 16)
def test_the_rest_of_a_line_stands_further_in_on_a_terminal(words: str, width: int) -> None:
    first, *rest = on_a_terminal([text(f"L1: {words}")], width)
    assert first.startswith("L1:")
    assert all(line.startswith("    ") for line in rest)
    assert "".join((first + "".join(rest)).split()) == "".join(f"L1:{words}".split()), "all of it is there"


@given(st.text(st.sampled_from("ab \n")), st.integers(10, 40))
@example(f"I say so. {RECORD}", 12)
def test_each_line_of_what_a_person_said_has_the_mark_on_a_terminal(said: str, width: int) -> None:
    assert all(line.startswith("  >") for line in on_a_terminal(quotes(said), width))


def test_a_line_that_fits_stands_as_it_is() -> None:
    assert on_a_terminal([text(RECORD), text("a\nb")], len(RECORD)) == [RECORD, "a", "b"]


def test_a_line_is_wrapped_nowhere_but_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    told = f"L1: a scratch {'x' * 300} {RECORD}"
    put(text(told))
    put(Group(*quotes(told)))
    assert capsys.readouterr().out.splitlines() == [told, f"  > {told}"]
