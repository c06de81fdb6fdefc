"""What a request says beside its body: headers and query parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from datetime import tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from ..history.periods import DEFAULT_ZONE
from ..history.periods import MOST_PERIODS
from ..history.periods import Step
from ..history.periods import TooManyPeriods
from ..history.periods import find_zone
from ..history.periods import instant
from ..history.periods import split
from ..ledger.ids import is_wallet_id
from ..web.problems import malformed

LONGEST_PAGE: Final = 500
DEFAULT_PAGE: Final = 50

_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_QUOTED: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"', re.ASCII)
_VERSION: Final = re.compile(r'"(0|[1-9][0-9]{0,17})"', re.ASCII)
_COUNT: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
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


@dataclass(slots=True)
class Page:
    """The part of a list that is asked for."""

    limit: int = DEFAULT_PAGE
    after: str | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods that are asked for, with the name of their zone."""

    step: Step
    zone: str
    bounds: list[int]


def read_idempotency_key(
    text: str | None, field: str = "Idempotency-Key"
) -> str | None:
    """Read an idempotency key, quoted or bare.

    :raises Problem: it is malformed.
    """
    if text is None:
        return None
    key = text
    if text.startswith('"'):
        quoted = _QUOTED.fullmatch(text)
        key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else ""
    if _IDEMPOTENCY_KEY.fullmatch(key) is None:
        raise malformed(field, "must be 1 to 255 visible ASCII characters")
    return key


def read_if_match(text: str | None) -> int | None:
    """Read the version that a wallet must have; ``None`` if any will do.

    :raises Problem: it is anything but one quoted number or ``*``.
    """
    if text is None or text == "*":
        return None
    match = _VERSION.fullmatch(text)
    if match is None:
        raise malformed("If-Match", 'must be * or one quoted version, such as "7"')
    return int(match[1])


def read_page(query: Mapping[str, list[str]], cursor: str) -> Page:
    """Read which part of a list is asked for.

    :param cursor: the name of the parameter that continues it.
    :raises Problem: a parameter is malformed, repeated or unknown.
    """
    given = read_query(query, {"limit", cursor})
    page = Page()
    if "limit" in given:
        page.limit = _read_count("limit", given["limit"])
        if page.limit > LONGEST_PAGE:
            raise malformed("limit", f"must be a number from 1 to {LONGEST_PAGE}")
    if "before" in given:
        page.before = _read_count("before", given["before"])
    if "after" in given:
        page.after = given["after"]
        if not is_wallet_id(page.after):
            raise malformed("after", "must be the id of a wallet")
    return page


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


def read_query(query: Mapping[str, list[str]], known: set[str]) -> dict[str, str]:
    """Take each parameter once, and none that the call does not know.

    :raises Problem: a parameter is repeated or unknown.
    """
    for name, values in query.items():
        if name not in known:
            raise malformed(name, "is not a parameter of this call")
        if len(values) != 1:
            raise malformed(name, "is given more than once")
    return {name: values[0] for name, values in query.items()}


def _read_count(field: str, text: str) -> int:
    if _COUNT.fullmatch(text) is None:
        raise malformed(field, "must be a whole number above zero")
    return int(text)


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
