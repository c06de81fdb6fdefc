"""What the moments and the periods of a chart are called."""

from typing import Final

from ..clock import now_us
from ..history.periods import Step
from .wording import clock, local_time

_MINUTE_US: Final = 60 * 1_000_000
_DAY_US: Final = 24 * 60 * _MINUTE_US


def day(at_us: int) -> str:
    """Write a day as ``23 Nov``, with its year unless it is this one."""
    time = local_time(at_us)
    year = "" if time.year == local_time(now_us()).year else f" {time.year}"
    return f"{time.day} {time:%b}{year}"


def moment(at_us: int) -> str:
    """Write a moment as ``23 Nov at 14:05``."""
    return f"{day(at_us)} at {_clock(at_us)}"


def span(from_us: int, to_us: int) -> str:
    """Say from when to when: by the day, or by the clock if it is a few days."""
    if to_us - from_us >= 3 * _DAY_US:
        return f"{day(from_us)} to {day(to_us)}"
    if day(from_us) == day(to_us):
        return f"{day(from_us)}, {_clock(from_us)} to {_clock(to_us)}"
    return f"{moment(from_us)} to {moment(to_us)}"


def within(step: Step | int, from_us: int, to_us: int) -> str:
    """Say in which period something was so: ``in the week of 23 Nov``.

    :param step: how long whole periods are, if it is a number in minutes.
    """
    time = local_time(from_us)
    if step is Step.DAY:
        return f"on {day(from_us)}"
    if step is Step.WEEK:
        return f"in the week of {day(from_us)}"
    if step is Step.MONTH:
        return f"in {time:%b %Y}"
    if step is Step.YEAR:
        return f"in {time.year}"
    if step is Step.DECADE:
        return f"in the {time.year // 10 * 10}s"
    if step == 1:
        return f"on {moment(from_us)}"
    # The last period ends now, within a minute that belongs to it.
    end_us = to_us + _MINUTE_US - 1
    return f"on {day(from_us)} between {_clock(from_us)} and {_clock(end_us)}"


def each(step: Step | int) -> str:
    """Name every period: ``each hour``, ``each 5 minutes``."""
    if isinstance(step, Step):
        return f"each {step}"
    return "each minute" if step == 1 else f"each {step} minutes"


def _clock(at_us: int) -> str:
    return clock(local_time(at_us))
