"""What names nothing to play, or two things, is told in one line, and never taken for success or for something else."""

from __future__ import annotations

import sys

import pytest

from faults import __main__ as command

CASE = "slow:release:after_effect"


def played(*_: object) -> None:
    raise AssertionError("nothing of this is to be played")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--case", "foo"], "'foo' is not FAULT:STAGE:MOMENT"),
        (["--case", "foo:bar:baz"], "'foo:bar:baz' names no stage; those are: awaiting_payment, "),
        (["--case", "foo:release:baz"], "'foo:release:baz' names no moment; those are: before_effect, "),
        (["--case", "foo:release:before_effect"], "names no fault of the table; it has: worker_killed, "),
        (["--case", "slow:release:before_effect"], "names no cell of the table: it strikes there at: after_effect"),
        (["--case", "slow:confirm:after_effect"], "names no cell of the table: the act asks the provider for nothing"),
        (["--case", "slow+foo:release:after_effect"], "names no second fault; those are: effect_then_cut, "),
        (["--only", "typo"], "no case's name contains 'typo'"),
        (["--hours", "-1"], "'-1' is not a number of hours above 0"),
        (["--hours", "nan"], "'nan' is not a number of hours above 0"),
        (["--hours", "inf"], "'inf' is not a number of hours above 0"),
        (["--hours", "many"], "invalid _hours value: 'many'"),
        (["--case", CASE, "--hours", "2"], "argument --hours: not allowed with argument --case"),
        (["--only", "slow", "--hours", "2"], "argument --hours: not allowed with argument --only"),
        (["--hours", "2", "--table"], "argument --table: not allowed with argument --hours"),
        (["--case", CASE, "--only", "slow"], "argument --only: not allowed with argument --case"),
        (["--table", "--case", CASE], "argument --case: not allowed with argument --table"),
        (["--number", "8"], "argument --number: only allowed with argument --case"),
        (["--number", "0", "--only", "slow"], "argument --number: only allowed with argument --case"),
        (["--number", "8", "--hours", "2"], "argument --number: only allowed with argument --case"),
        (["--number", "8", "--table"], "argument --number: only allowed with argument --case"),
    ],
    ids=lambda each: "_".join(each) if isinstance(each, list) else "",
)
def test_arguments_that_name_nothing_to_play_are_refused_in_one_line(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["faults", *arguments])
    for plays in ("arena", "long"):
        monkeypatch.setattr(command, plays, played)
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    *_, last = capsys.readouterr().err.strip().splitlines()
    assert said in last
    assert "Traceback" not in last
