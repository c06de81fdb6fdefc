"""The marks of a chart's axes: round amounts, and times at which something begins.

Amounts are counted in whole minor units, because the largest are too large for a float.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import pairwise
from typing import Final

from ..clock import shown_in
from ..history.periods import Step, split_finely
from ..ledger.money import CURRENCIES, format_amount
from .wording import clock, grouped

#: The widest letter of a label, and the least space between two labels, in pixels.
LETTER, SPACE = 7, 10
#: The shortest label of a time is a month, such as "Jan".
_NARROWEST: Final = 3 * LETTER + SPACE
_UNITS: Final = ((12, "T"), (9, "B"), (6, "M"))
#: What a label can stand for; a week has none.
_STEPS: Final = (Step.HOUR, Step.DAY, Step.MONTH, Step.YEAR, Step.DECADE)
#: Times that are looked at for labels.
_MOST: Final = 400


@dataclass(frozen=True, slots=True)
class Mark:
    """A label, and where it stands: pixels from the top, or percent from the left."""

    at: float
    text: str
    zero: bool = False


def choose_ticks(
    low: int, high: int, exponent: int, most: int
) -> tuple[int, list[int]]:
    """Choose round numbers around a range, at most so many steps of equal size.

    Zero is among them, unless the balance moved by little of its height only.
    """
    if low == high or (high - low) * 5 >= max(abs(low), abs(high)):
        low, high = min(low, 0), max(high, 0)
    if low == high:
        return 10**exponent, [0]
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            # A line that stays above zero never lies on the upper edge.
            first = low // step
            last = high // step + 1 if high > 0 else -(-high // step)
            if last - first <= most:
                return step, [n * step for n in range(first, last + 1)]
        size *= 10


def label(ticks: Sequence[int], step: int, currency: str) -> list[str]:
    """Write round numbers shortly: with the decimals of the step, by the million."""
    exponent, largest = CURRENCIES[currency], max(map(abs, ticks))
    whole, unit = 10**exponent, ""
    for power, name in _UNITS:
        many = 10**power * whole
        if largest >= many and step * 100 % many == 0:
            whole, unit = many, name
            break
    decimals = 0
    while step * 10**decimals % whole:
        decimals += 1
    counted = (tick * 10**decimals // whole for tick in ticks)
    return [
        f"{grouped(format_amount(n, decimals))}{unit}" if n else "0" for n in counted
    ]


def mark_times(span: tuple[int, int], zone: tzinfo, room: int) -> list[Mark]:
    """Mark the finest local times whose labels do not touch in so many pixels."""
    start_us, end_us = span
    _, bounds = split_finely(start_us, end_us, _STEPS, zone, _MOST)
    times = [shown_in(zone, at_us) for at_us in (bounds[0] - 1, *bounds)]
    places = [(at_us - start_us) * room / (end_us - start_us) for at_us in bounds]
    for key, text in _LEVELS:
        begins = [
            (place, time)
            for place, (before, time) in zip(places, pairwise(times), strict=True)
            if key(before) != key(time) and -1 < place <= room
        ]
        # However short they are, so many touch: they need not even be written.
        if len(begins) > room // _NARROWEST + 2:
            continue
        marks = [(place, text(time)) for place, time in begins]
        apart = all(
            b - a >= (len(left) + len(right)) * LETTER / 2 + SPACE
            for (a, left), (b, right) in pairwise(marks)
        )
        if apart:
            return [
                Mark(round(max(x, 0) * 100 / room, 2), shown)
                for x, shown in marks
                if x + len(shown) * LETTER / 2 <= room
            ]
    return []


def _minutes(minutes: int) -> Callable[[datetime], Hashable]:
    return lambda time: (time.date(), time.hour, time.minute // minutes)


def _hours(hours: int) -> Callable[[datetime], Hashable]:
    return lambda time: (time.date(), time.hour // hours)


def _days(days: int) -> Callable[[datetime], Hashable]:
    return lambda time: (time.toordinal() - 1) // days


def _months(months: int) -> Callable[[datetime], Hashable]:
    return lambda time: (time.year * 12 + time.month - 1) // months


def _clock_or_day(time: datetime) -> str:
    return clock(time) if time.hour or time.minute else _day(time)


def _day(time: datetime) -> str:
    return f"{time.day} {time:%b}"


def _month_or_year(time: datetime) -> str:
    return f"{time:%b}" if time.month > 1 else f"{time:%Y}"


_LEVELS: Final[
    tuple[tuple[Callable[[datetime], Hashable], Callable[[datetime], str]], ...]
] = (
    *((_minutes(minutes), _clock_or_day) for minutes in (1, 2, 5, 10, 15, 30)),
    *((_hours(hours), _clock_or_day) for hours in (1, 3, 6, 12)),
    *((_days(days), _day) for days in (1, 2, 7, 14)),
    *((_months(months), _month_or_year) for months in (1, 3, 6)),
    *(
        (_months(12 * years), lambda time: f"{time:%Y}")
        for years in (1, 2, 5, 10, 20, 50, 100, 1000)
    ),
)
