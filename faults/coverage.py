"""The coverage table: each fault against each stage, in Markdown, as planned or as played."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from faults.cases import Moment
from faults.conduct import Played
from faults.matrix import Fault, faults
from faults.stages import Stage

LETTERS = {
    Moment.BEFORE_EFFECT: "B",
    Moment.AFTER_EFFECT: "A",
    Moment.BEFORE_COMMIT: "b",
    Moment.AFTER_COMMIT: "a",
}
"""The moment of a strike: before and after the outside effect, before and after the commit."""


def table(played: Sequence[Played] | None = None) -> str:
    """Markdown: in each cell the moments at which the fault strikes, or after a run "good/played".

    A cell that is empty by its nature has the number of its reason; the reasons stand below. A cell of the plan that a
    run did not play is blank.
    """
    reasons: dict[str, str] = {}
    rows = [_row(fault, reasons, played) for fault in faults().values()]
    head = f"| fault | {' | '.join(f'`{stage}`' for stage in Stage)} |"
    rule = f"|---|{'---|' * len(Stage)}"
    notes = [f"{number}. {reason}" for reason, number in reasons.items()]
    return "\n".join([head, rule, *rows, "", *notes])


def _row(fault: Fault, reasons: dict[str, str], played: Sequence[Played] | None) -> str:
    cells = " | ".join(_cells(fault, reasons, played))
    return f"| `{fault.name}` | {cells} |"


def _cells(fault: Fault, reasons: dict[str, str], played: Sequence[Played] | None) -> Iterator[str]:
    good, all_ = _counts(played or (), fault.name)
    for stage in Stage:
        moments = fault.moments(stage)
        if not moments:
            number = reasons.setdefault(fault.why_not(stage), str(len(reasons) + 1))
            yield f"– {number}"
        elif played is None:
            yield "".join(LETTERS[moment] for moment in moments)
        else:
            yield f"{good[stage]}/{all_[stage]}" if all_[stage] else ""


def _counts(played: Iterable[Played], fault: str) -> tuple[Counter[Stage], Counter[Stage]]:
    here = [each for each in played if each.case.fault == fault]
    return Counter(each.case.stage for each in here if each.good), Counter(each.case.stage for each in here)
