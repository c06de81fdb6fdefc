"""Where the lines, marks and labels of a chart stand; the template only draws them.

Across, a chart is stretched to the room there is, and every period is equally wide, so
that the one that has just begun can be seen as well. Heights are pixels. All is counted
in whole minor units, because the largest amounts are too large for a float.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from ..ledger.money import CURRENCIES
from .axes import LETTER, SPACE, Mark, choose_ticks, label, mark_times

#: Units across a plot.
ACROSS: Final = 1000
#: Room for the content on a desk and on a small phone, in pixels.
_WIDE, _NARROW = 600, 300
#: Half of a label below the axis may stand over this edge.
_NARROWEST_GUTTER: Final = 44


@dataclass(frozen=True, slots=True)
class Value:
    """What a period begins and ends with, and between what it moved within."""

    opening: int
    closing: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot. The paths are those of SVG; a gap in the values is one in the line."""

    currency: str
    height: int
    marks: list[Mark]
    line: str
    area: str
    spread: str
    gaps: str
    values: list[Value | None]

    @property
    def known(self) -> list[Value]:
        """The values without the gaps."""
        return [value for value in self.values if value is not None]


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels above each other, with the same marks below each."""

    across: int
    gutter: int
    panels: list[Panel]
    wide: list[Mark]
    narrow: list[Mark]


def draw_chart(starts: Sequence[datetime], panels: list[Panel]) -> Chart:
    """Put panels over the periods that start at some local times."""
    longest = max(len(mark.text) for panel in panels for mark in panel.marks)
    gutter = max(_NARROWEST_GUTTER, longest * LETTER + SPACE)
    return Chart(
        ACROSS,
        gutter,
        panels,
        mark_times(starts, _WIDE - gutter),
        mark_times(starts, _NARROW - gutter),
    )


def draw_panel(
    currency: str, values: Sequence[Value | None], height: int, most: int
) -> Panel:
    """Draw what is known, with at most so many steps between the marks."""
    known = [value for value in values if value is not None]
    low, high = min(v.low for v in known), max(v.high for v in known)
    step, ticks = choose_ticks(low, high, CURRENCIES[currency], most)
    bottom, top = ticks[0], max(ticks[-1], ticks[0] + step)

    def down(minor: int) -> float:
        return (top - minor) * height * 100 // (top - bottom) / 100

    lines, areas = [], []
    for first, run in _runs(values):
        line = f"M{across(first, len(values))} {down(run[0].closing):g}"
        line += f"H{across(first + 1, len(values))}"
        for place, value in enumerate(run[1:], first + 1):
            line += f"V{down(value.closing):g}H{across(place + 1, len(values))}"
        lines.append(line)
        # A filled height is read as an amount, so it begins at zero or is left out.
        if 0 in ticks:
            areas.append(f"{line}V{down(0):g}H{across(first, len(values))}Z")
    return Panel(
        currency,
        height,
        [
            Mark(down(tick), text, tick == 0)
            for tick, text in zip(ticks, label(ticks, step, currency), strict=True)
        ],
        "".join(lines),
        "".join(areas),
        _spread(values, down),
        _gaps(values, height),
        list(values),
    )


def across(place: int, places: int) -> str:
    """Tell how far from the left a period starts."""
    return f"{place * ACROSS / places:.2f}".rstrip("0").rstrip(".")


def _runs(values: Sequence[Value | None]) -> list[tuple[int, list[Value]]]:
    runs = []
    for known, run in groupby(enumerate(values), lambda each: each[1] is not None):
        if known:
            places = list(run)
            runs.append((places[0][0], [value for _, value in places if value]))
    return runs


def _spread(values: Sequence[Value | None], down: Callable[[int], float]) -> str:
    """Draw from the lowest to the highest where the line alone would hide them."""
    paths = []
    for place, value in enumerate(values):
        if value is None:
            continue
        ends = value.opening, value.closing
        if value.low < min(ends) or value.high > max(ends):
            middle = across(2 * place + 1, 2 * len(values))
            paths.append(f"M{middle} {down(value.low):g}V{down(value.high):g}")
    return "".join(paths)


def _gaps(values: Sequence[Value | None], height: int) -> str:
    """Cover the heights where nothing is known, so that none is read as zero."""
    return "".join(
        f"M{across(place, len(values))} 0H{across(place + 1, len(values))}V{height}"
        f"H{across(place, len(values))}Z"
        for place, value in enumerate(values)
        if value is None
    )
