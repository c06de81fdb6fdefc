"""What a request says beside its body: headers and query parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from ..history.periods import (
    DEFAULT_ZONE,
    MOST_PERIODS,
    Step,
    TooManyPeriods,
    find_zone,
    instant,
    split,
)
from ..web.fields import read_query
from ..web.problems import malformed

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
#: RFC 3339; microseconds are the finest that is kept.
_TIME: Final = re.compile(
    _DATE.pattern + r"T([01][0-9]|2[0-3])(:[0-9]{2}){2}(\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-9]{2})",
    re.ASCII,
)
_TIME_FORM: Final = 'must be a time such as "2026-11-01T08:30:00Z", with + as %2B'
#: No wallet is as old, and zones are known from about then.
_EARLIEST_YEAR: Final = 1900


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods that are asked for, with the name of their zone."""

    step: Step
    zone: str
    bounds: list[int]


def read_moment(query: Mapping[str, list[str]], end_us: int) -> int:
    """Read the moment that is asked for, the present one if none is.

    :param end_us: until when anything is known.
    :raises Problem: the parameter is malformed, or in the future.
    """
    given = read_query(query, {"at"})
    if "at" not in given:
        return end_us - 1
    at_us = _read_time("at", given["at"])
    if at_us >= end_us:
        raise malformed("at", "must not be in the future")
    return at_us


def read_periods(query: Mapping[str, list[str]], start_us: int, end_us: int) -> Periods:
    """Read the periods that are asked for.

    :param start_us: where they start if nothing is said.
    :param end_us: until when anything is known.
    :raises Problem: a parameter is malformed, or there are too many periods.
    """
    given = read_query(query, {"from", "to", "step", "tz"})
    name, zone = _read_zone(given)
    try:
        step = Step(given.get("step", Step.DAY))
    except ValueError as error:
        raise malformed("step", f"must be one of {', '.join(Step)}") from error
    from_us, to_us = start_us, end_us
    if "from" in given:
        from_us = _read_time("from", given["from"], zone)
    if "to" in given:
        to_us = _read_time("to", given["to"], zone)
        if to_us <= from_us:
            raise malformed("to", "must be after the time of from")
    if from_us >= end_us:
        raise malformed("from", "must not be in the future")
    try:
        bounds = split(from_us, min(to_us, end_us), step, zone)
    except TooManyPeriods as error:
        reason = f"makes more than {MOST_PERIODS} points: take a longer one, or less"
        raise malformed("step", f"{reason} time") from error
    return Periods(step, name, bounds)


def _read_zone(given: Mapping[str, str]) -> tuple[str, ZoneInfo]:
    name = given.get("tz", DEFAULT_ZONE)
    zone = find_zone(name)
    if zone is None:
        raise malformed("tz", 'must be the name of a zone, such as "Europe/Berlin"')
    return name, zone


def _read_time(field: str, text: str, zone: tzinfo | None = None) -> int:
    """Read a time, or where there is a zone also a date, which is its first moment."""
    if _TIME.fullmatch(text) is None and (zone is None or not _DATE.fullmatch(text)):
        raise malformed(field, _TIME_FORM + (", or a date" if zone else ""))
    try:
        shown = datetime.fromisoformat(text)
    except ValueError as error:
        raise malformed(field, "is not in the calendar") from error
    if shown.year < _EARLIEST_YEAR:
        raise malformed(field, f"must be in the year {_EARLIEST_YEAR} or later")
    return instant(shown, shown.tzinfo or zone or UTC)
