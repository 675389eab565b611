"""What names nothing to play is told in one line, and never taken for success."""

from __future__ import annotations

import sys

import pytest

from faults import __main__ as command


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
    ],
    ids=lambda each: "_".join(each) if isinstance(each, list) else "",
)
def test_arguments_that_name_nothing_to_play_are_refused_in_one_line(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["faults", *arguments])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    *_, last = capsys.readouterr().err.strip().splitlines()
    assert said in last
    assert "Traceback" not in last
