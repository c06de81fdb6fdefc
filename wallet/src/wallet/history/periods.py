"""Local periods, from minutes to decades, as instants that touch each other.

Instants are microseconds since 1970, UTC. A day has 23 or 25 hours where the clocks
change, and an hour that the clocks show twice is two hours.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

MOST_PERIODS: Final = 1_000

#: Periods below an hour, in minutes. Every zone is a whole number of them from UTC.
MINUTES: Final = (1, 5, 15)

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  what a clock shows has no zone
_MICROSECOND: Final = timedelta(microseconds=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class Step(StrEnum):
    """How long a period is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    DECADE = "decade"


_LENGTHS: Final = {
    Step.HOUR: _HOUR,
    Step.DAY: _DAY,
    Step.WEEK: 7 * _DAY,
    Step.MONTH: 31 * _DAY,
    Step.YEAR: 366 * _DAY,
    Step.DECADE: 3653 * _DAY,
}


class TooManyPeriods(ValueError):
    """More periods would be needed than are wanted."""


def instant(shown: datetime, zone: tzinfo) -> int:
    """Tell when the clocks of a zone show a time; if twice, ``fold`` chooses."""
    # Counted, not converted: the first and the last day that can be written are safe.
    offset = shown.replace(tzinfo=zone).utcoffset() or timedelta()
    return (shown.replace(tzinfo=None, fold=0) - _EPOCH - offset) // _MICROSECOND


def split(
    from_us: int, to_us: int, step: Step, zone: tzinfo, most: int = MOST_PERIODS
) -> list[int]:
    """List the bounds of the whole periods that hold the time between two instants.

    There is one bound more than there are periods: each ends where the next begins.

    :raises TooManyPeriods: there are more than ``most``.
    """
    # Clocks change by hours, so beyond two days more there are too many for certain.
    longest = most * _LENGTHS[step] + 2 * _DAY
    if (to_us - from_us) * _MICROSECOND > longest:
        raise TooManyPeriods
    found = sorted(set(_bounds(from_us, to_us, step, zone)))
    first = max(place for place, bound in enumerate(found) if bound <= from_us)
    last = min(place for place, bound in enumerate(found) if bound >= to_us)
    if last - first > most:
        raise TooManyPeriods
    return found[first : last + 1]


def split_coarsely(
    from_us: int, to_us: int, steps: Sequence[Step], zone: tzinfo, most: int
) -> tuple[Step, list[int]]:
    """Choose the first of some steps that makes few enough periods, else the last.

    The last may be more than ``most``, but never more than :data:`MOST_PERIODS`, if it
    is a decade: the calendar has no more than a thousand.
    """
    for step in steps[:-1]:
        with suppress(TooManyPeriods):
            return step, split(from_us, to_us, step, zone, most)
    return steps[-1], split(from_us, to_us, steps[-1], zone)


def split_finely(
    from_us: int, to_us: int, steps: Sequence[Step], zone: tzinfo, most: int
) -> tuple[Step | int, list[int]]:
    """Choose a number of minutes, or a step like :func:`split_coarsely`."""
    for minutes in MINUTES:
        length_us = minutes * 60_000_000
        first_us = from_us // length_us * length_us
        if to_us - first_us <= most * length_us:
            return minutes, [*range(first_us, to_us + length_us, length_us)]
    return split_coarsely(from_us, to_us, steps, zone, most)


def _bounds(from_us: int, to_us: int, step: Step, zone: tzinfo) -> Iterator[int]:
    """List the bounds from a little before to a little after."""
    # No zone is two days away from UTC, so this is early enough.
    shown = _floor(_EPOCH + from_us * _MICROSECOND - 2 * _DAY, step)
    while True:
        bound = instant(shown, zone)
        if step is Step.HOUR:
            yield bound
            # Clocks that go back show it again; in a gap this is the earlier reading.
            bound = max(bound, instant(shown.replace(fold=1), zone))
        yield bound
        if bound >= to_us:
            return
        try:
            shown = _following(shown, step)
        except OverflowError:
            # The calendar ends within this period.
            yield max(to_us, bound + 1)
            return


def _floor(shown: datetime, step: Step) -> datetime:
    if step is Step.HOUR:
        return shown.replace(minute=0, second=0, microsecond=0)
    midnight = shown.replace(hour=0, minute=0, second=0, microsecond=0)
    if step is Step.WEEK:
        return midnight - midnight.weekday() * _DAY
    if step is Step.DAY:
        return midnight
    first = midnight.replace(day=1)
    if step is Step.MONTH:
        return first
    year = first.year if step is Step.YEAR else max(1, first.year // 10 * 10)
    return first.replace(year=year, month=1)


def _following(shown: datetime, step: Step) -> datetime:
    # A first and the longest month later is in the next month, at its first or a little
    # later, and so with years and decades.
    return _floor(shown + _LENGTHS[step], step)
