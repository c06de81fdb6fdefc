"""Dates as banks write them; which of two numbers is the day, the whole file says."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from .cells import Unreadable

#: Nobody kept accounts in a file before.
_EARLIEST_YEAR: Final = 1900
#: So many days must a file have before their distance says where the year is.
_FEWEST: Final = 3


class DateForm(StrEnum):
    """How a date is written."""

    YEAR_FIRST = "y-m-d"
    DAY_FIRST = "d/m/y"
    MONTH_FIRST = "m/d/y"
    NAMED = "d mon y"
    NAME_FIRST = "mon d y"


_TIME: Final = re.compile(
    r"[T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
    r"(Z| ?[AP]M| ?[+-][0-9]{2}(:?[0-9]{2})?)?$",
    re.I,
)
_YEAR_FIRST: Final = re.compile(
    r"([0-9]{4})([-/. ])([0-9]{1,2})\2([0-9]{1,2})|([0-9]{4})([0-9]{2})([0-9]{2})",
    re.ASCII,
)
_YEAR_LAST: Final = re.compile(
    r"([0-9]{1,2})([-/. ])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})", re.ASCII
)
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = (
    r"(?:(?P<name>mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? )?"
)
_NAMED: Final = re.compile(
    rf"{_DAY}(?P<day>[0-9]{{1,2}})(?:\. ?|[-/ ])?(?P<month>[a-zä]{{3,10}})\.?"
    r"[-/., ]? ?(?P<year>[0-9]{4}|[0-9]{2})",
    re.ASCII,
)
_NAME_FIRST: Final = re.compile(
    rf"{_DAY}(?P<month>[a-zä]{{3,10}})\.? ?(?P<day>[0-9]{{1,2}}),? "
    r"(?P<year>[0-9]{4})",
    re.ASCII,
)
#: The number of each month, by its names.
MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            *("jan january januarie januar", "feb february februarie februar"),
            *("mar march mrt maart mär märz mrz maerz", "apr april", "may mei mai"),
            *("jun june junie juni", "jul july julie juli", "aug august augustus"),
            *("sep sept september", "oct october okt oktober", "nov november"),
            "dec december des desember dez dezember",
        ),
        1,
    )
    for name in names.split()
}


def find_order(texts: Iterable[str]) -> tuple[DateForm, bool]:
    """Tell which comes first where numbers alone do not: the day, or the month.

    That under which more dates are in the calendar, or else in order; or else the day.

    :returns: the form, and whether the file decides it.
    :raises Unreadable: years of two digits may be first as well, and no other is last.
    """
    matches = [match for match in map(_match_year_last, texts) if match]
    numbers = [match.groups() for match in matches]

    def dates(form: DateForm) -> list[date]:
        read = (_year_last(each, form) for each in numbers)
        return [each for each in read if each is not None]

    day, month = dates(DateForm.DAY_FIRST), dates(DateForm.MONTH_FIRST)
    by_calendar = len(day) - len(month)
    by_order = _in_order(day) - _in_order(month)
    verdict = by_calendar or by_order
    form = DateForm.MONTH_FIRST if verdict < 0 else DateForm.DAY_FIRST
    if all(len(match[4]) == 2 for match in matches):
        _require_years(matches, form)
    return form, bool(verdict) or day == month


def read_date(text: str, order: DateForm) -> tuple[date, DateForm] | None:
    """Read a date, ``None`` if it is none; a time of the day is left out."""
    bare = _bare(text)
    if match := _YEAR_FIRST.fullmatch(bare):
        numbers = [each for each in match.groups() if each and each.isdecimal()]
        year, month, day = map(int, numbers)
        return _with(_a_date(year, month, day), DateForm.YEAR_FIRST)
    if match := _NAMED.fullmatch(bare.casefold()):
        return _with(_named(match), DateForm.NAMED)
    if match := _NAME_FIRST.fullmatch(bare.casefold()):
        return _with(_named(match), DateForm.NAME_FIRST)
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
    return _a_date(_year(year), int(second), int(first))


def _named(match: re.Match[str]) -> date | None:
    month = MONTHS.get(match["month"], 0)
    found = _a_date(_year(match["year"]), month, int(match["day"]))
    name = match["name"]
    if found is not None and name and _DAYS[found.weekday()] != name[:3]:
        return None
    return found


def _year(digits: str) -> int:
    return int(digits) + (2000 if len(digits) == 2 else 0)


def _require_years(short: Sequence[re.Match[str]], form: DateForm) -> None:
    """Require that years are last: that more dates are in the calendar, or closer.

    How close two of them are says nothing.

    :raises Unreadable: they may as well be first.
    """
    last = [found for each in short if (found := _year_last(each.groups(), form))]
    turned = [each for each in short if len(each[1]) == 2]
    numbers = [(_year(each[1]), int(each[3]), int(each[4])) for each in turned]
    first = [found for each in numbers if (found := _a_date(*each))]
    shown = len(last) > len(first)
    if len(last) == len(first):
        shown = len(set(last)) >= _FEWEST and _span(last) < _span(first)
    if first and first != last and not shown:
        raise Unreadable(
            f"has “{short[0][0]}”, whose year may be the first of its numbers or the"
            " last: write it with four digits"
        )


def _span(dates: Sequence[date]) -> timedelta:
    return max(dates) - min(dates)


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
