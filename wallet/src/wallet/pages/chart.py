"""Where the lines, marks and labels of a chart stand; the template only draws them.

Across, a chart is stretched to the room there is, and time passes evenly. Heights are
pixels. All is counted in whole minor units, because the largest amounts are too large
for a float.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import pairwise
from typing import Final

from ..ledger.money import CURRENCIES
from .axes import LETTER, SPACE, Mark, choose_ticks, label, mark_times

#: Units across a plot.
ACROSS: Final = 1000
#: Room for the content on a desk and on a small phone, in pixels.
_WIDE, _NARROW = 600, 260
#: Half of a label below the axis may stand over this edge.
_NARROWEST_GUTTER: Final = 44


@dataclass(frozen=True, slots=True)
class Value:
    """What was held for a time.

    :param when: in words, when ``low`` and ``high`` were held.
    :param told: what is told under the pointer.
    """

    from_us: int
    to_us: int
    opening: int
    closing: int
    low: int
    high: int
    when: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the width of a plot, and what is told under the pointer there."""

    left: str
    width: str
    told: str


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
    places: list[Place]
    values: list[Value]

    @property
    def lowest(self) -> Value:
        """The first of the values that reach down the most."""
        return min(self.values, key=lambda value: value.low)

    @property
    def highest(self) -> Value:
        """The first of the values that reach up the most."""
        return max(self.values, key=lambda value: value.high)


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels above each other, with the same marks below each."""

    across: int
    gutter: int
    panels: list[Panel]
    wide: list[Mark]
    narrow: list[Mark]


def draw_chart(span: tuple[int, int], panels: list[Panel], zone: tzinfo) -> Chart:
    """Put panels over the time that they show."""
    longest = max(len(mark.text) for panel in panels for mark in panel.marks)
    gutter = max(_NARROWEST_GUTTER, longest * LETTER + SPACE)
    wide, narrow = (mark_times(span, zone, room - gutter) for room in (_WIDE, _NARROW))
    return Chart(ACROSS, gutter, panels, wide, narrow)


def draw_panel(
    currency: str,
    values: Sequence[Value],
    span: tuple[int, int],
    height: int,
    most: int,
) -> Panel:
    """Draw what is known of a time, with at most so many steps between the marks."""
    low, high = min(v.low for v in values), max(v.high for v in values)
    step, ticks = choose_ticks(low, high, CURRENCIES[currency], most)
    bottom, top = ticks[0], max(ticks[-1], ticks[0] + step)
    start_us, end_us = span

    def down(minor: int) -> float:
        return (top - minor) * height * 100 // (top - bottom) / 100

    def across(at_us: int) -> str:
        return _number((at_us - start_us) * ACROSS / (end_us - start_us))

    lines = [_line(run, across, down) for run in _runs(values)]
    # A filled height is read as an amount, so it begins at zero or is left out.
    areas = [f"{line}V{down(0):g}H{left}Z" for left, line in lines if 0 in ticks]
    return Panel(
        currency,
        height,
        [
            Mark(down(tick), text, tick == 0)
            for tick, text in zip(ticks, label(ticks, step, currency), strict=True)
        ],
        "".join(line for _, line in lines),
        "".join(areas),
        "".join(_spread(values, across, down)),
        "".join(
            f"M{across(from_us)} 0H{across(to_us)}V{height}H{across(from_us)}Z"
            for from_us, to_us in _gaps(values, span)
        ),
        [Place(across(v.from_us), _width(v, span), v.told) for v in values],
        list(values),
    )


def _line(
    run: Sequence[Value],
    across: Callable[[int], str],
    down: Callable[[int], float],
) -> tuple[str, str]:
    """Draw values that touch each other; tell where the first begins, too."""
    left = across(run[0].from_us)
    steps = "V".join(f"{down(v.closing):g}H{across(v.to_us)}" for v in run)
    return left, f"M{left} {steps}"


def _number(units: float) -> str:
    return f"{units:.2f}".rstrip("0").rstrip(".")


def _width(value: Value, span: tuple[int, int]) -> str:
    length_us = value.to_us - value.from_us
    return _number(length_us * ACROSS / (span[1] - span[0]))


def _runs(values: Sequence[Value]) -> list[list[Value]]:
    runs = [[values[0]]]
    for before, value in pairwise(values):
        if value.from_us > before.to_us:
            runs.append([])
        runs[-1].append(value)
    return runs


def _spread(
    values: Sequence[Value],
    across: Callable[[int], str],
    down: Callable[[int], float],
) -> Iterator[str]:
    """Draw from the lowest to the highest where the line alone would hide them."""
    for value in values:
        ends = value.opening, value.closing
        if value.low < min(ends) or value.high > max(ends):
            middle = across((value.from_us + value.to_us) // 2)
            yield f"M{middle} {down(value.low):g}V{down(value.high):g}"


def _gaps(values: Sequence[Value], span: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Tell where nothing is known; it is covered, so that it is not read as zero."""
    bounds = [span[0]]
    for value in values:
        bounds += [value.from_us, value.to_us]
    bounds.append(span[1])
    for from_us, to_us in zip(bounds[::2], bounds[1::2], strict=True):
        if from_us < to_us:
            yield from_us, to_us
