"""Charts as SVG files: the same figures give the same bytes, on every machine with the same matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import Invalid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 9.0, 4.5
"""Inches."""

COLOURS = ("#1b6ca8", "#e07a1f")
"""Apart also for those who cannot tell red from green."""

MOST_LABELS = 31


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars side by side: for each label one value of each series, in `unit`. Lying ones leave room for long labels."""

    title: str
    unit: str
    labels: Sequence[str]
    series: Sequence[tuple[str, Sequence[float]]]
    lying: bool = False


def svg(chart: Chart) -> bytes:
    """The chart as an SVG document with its texts as text. Raises Invalid where matplotlib is not installed."""
    try:
        import matplotlib as mpl  # noqa: PLC0415  # Only who draws needs it: the extra `reports`.
        from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise Invalid("--out", "needs matplotlib for its charts: pip install 'aftersale[reports]'") from None
    with mpl.rc_context({"svg.hashsalt": "aftersale", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(WIDTH, max(HEIGHT, 0.3 * len(chart.labels)) if chart.lying else HEIGHT))
        FigureCanvasSVG(figure)
        _draw(figure.add_subplot(), chart)
        figure.tight_layout()
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def _draw(axes: Axes, chart: Chart) -> None:
    count, places = len(chart.series), range(len(chart.labels))
    thick = 0.8 / max(count, 1)
    for number, (name, values) in enumerate(chart.series):
        where = [place + (number - (count - 1) / 2) * thick for place in places]
        draw = axes.barh if chart.lying else axes.bar
        draw(where, list(values), thick, label=name, color=COLOURS[number % len(COLOURS)])
    step = 1 if chart.lying else max(1, -(-len(chart.labels) // MOST_LABELS))
    ticks, labels = list(places)[::step], list(chart.labels)[::step]
    if chart.lying:
        axes.set_yticks(ticks, labels)
        axes.invert_yaxis()
        axes.set_xlabel(chart.unit)
    else:
        axes.set_xticks(ticks, labels, rotation=45, ha="right")
        axes.set_ylabel(chart.unit)
    axes.set_title(chart.title)
    if count > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
