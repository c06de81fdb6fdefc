"""Dates as banks write them; which of two numbers is the day, the whole file says."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Final

#: Nobody kept accounts in a file before.
_EARLIEST_YEAR: Final = 1900


class DateForm(StrEnum):
    """How a date is written."""

    YEAR_FIRST = "y-m-d"
    DAY_FIRST = "d/m/y"
    MONTH_FIRST = "m/d/y"
    NAMED = "d mon y"


_TIME: Final = re.compile(
    r"[T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z| ?[AP]M)?$", re.I
)
_YEAR_FIRST: Final = re.compile(
    r"([0-9]{4})([-/. ])([0-9]{1,2})\2([0-9]{1,2})|([0-9]{4})([0-9]{2})([0-9]{2})",
    re.ASCII,
)
_YEAR_LAST: Final = re.compile(
    r"([0-9]{1,2})([-/. ])([0-9]{1,2})\2([0-9]{4})", re.ASCII
)
_NAMED: Final = re.compile(
    r"([0-9]{1,2})[-/. ]?([a-z]{3,9})\.?[-/., ]? ?([0-9]{4})", re.ASCII | re.I
)
#: The number of each month, by its names.
MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            *("jan january januarie", "feb february februarie", "mar march mrt maart"),
            *("apr april", "may mei", "jun june junie", "jul july julie"),
            *("aug august augustus", "sep sept september", "oct october okt oktober"),
            *("nov november", "dec december des desember"),
        ),
        1,
    )
    for name in names.split()
}


def find_order(texts: Iterable[str]) -> tuple[DateForm, bool]:
    """Tell which comes first where numbers alone do not: the day, or the month.

    That under which more dates are in the calendar, or else in order; or else the day.

    :returns: the form, and whether the file decides it.
    """
    numbers = [match.groups() for match in map(_match_year_last, texts) if match]

    def dates(form: DateForm) -> list[date]:
        read = (_year_last(each, form) for each in numbers)
        return [each for each in read if each is not None]

    day, month = dates(DateForm.DAY_FIRST), dates(DateForm.MONTH_FIRST)
    by_calendar = len(day) - len(month)
    by_order = _in_order(day) - _in_order(month)
    verdict = by_calendar or by_order
    form = DateForm.MONTH_FIRST if verdict < 0 else DateForm.DAY_FIRST
    return form, bool(verdict) or day == month


def read_date(text: str, order: DateForm) -> tuple[date, DateForm] | None:
    """Read a date, ``None`` if it is none; a time of the day is left out."""
    bare = _bare(text)
    if match := _YEAR_FIRST.fullmatch(bare):
        numbers = [each for each in match.groups() if each and each.isdecimal()]
        year, month, day = map(int, numbers)
        return _with(_a_date(year, month, day), DateForm.YEAR_FIRST)
    if match := _NAMED.fullmatch(bare):
        named = MONTHS.get(match[2].casefold(), 0)
        return _with(_a_date(int(match[3]), named, int(match[1])), DateForm.NAMED)
    if match := _YEAR_LAST.fullmatch(bare):
        return _with(_year_last(match.groups(), order), order)
    return None


def _bare(text: str) -> str:
    return _TIME.sub("", text)


def _match_year_last(text: str) -> re.Match[str] | None:
    return _YEAR_LAST.fullmatch(_bare(text))


def _year_last(numbers: Sequence[str], order: DateForm) -> date | None:
    first, _, second, year = numbers
    if order is DateForm.MONTH_FIRST:
        first, second = second, first
    return _a_date(int(year), int(second), int(first))


def _a_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if year >= _EARLIEST_YEAR else None
    except ValueError:
        return None


def _with(found: date | None, form: DateForm) -> tuple[date, DateForm] | None:
    return None if found is None else (found, form)


def _in_order(dates: list[date]) -> bool:
    pairs = list(pairwise(dates))
    return all(a <= b for a, b in pairs) or all(a >= b for a, b in pairs)
