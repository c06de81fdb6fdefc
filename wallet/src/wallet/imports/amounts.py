"""Amounts as banks write them; the decimal mark is that of the whole file."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from ..ledger.money import CURRENCIES, LARGEST_MINOR
from .cells import Unreadable
from .currencies import SYMBOLS

MINUSES: Final = str.maketrans("\u2212\u2013\u2010\u2011", "----")
_LONGEST: Final = 40


def find_mark(texts: Iterable[str], currency: str) -> str:
    """Find the mark before decimals: that with which more amounts can be read.

    :raises Unreadable: no amount decides it, and one would have two values.
    """
    seen = dict.fromkeys(texts)

    def readings(mark: str) -> dict[str, int]:
        pairs = ((text, read_amount(text, currency, mark)) for text in seen)
        return {text: minor for text, minor in pairs if minor is not None}

    point, comma = readings("."), readings(",")
    if len(point) == len(comma):
        for text, minor in point.items():
            if comma.get(text, minor) != minor:
                raise Unreadable(f"has “{text}”, which can be read in two ways")
    return "," if len(comma) > len(point) else "."


def read_amount(text: str, currency: str, mark: str) -> int | None:
    """Read an amount in minor units, ``None`` if it is none of this currency.

    A sign before or behind, ``Dr`` and parentheses make it negative.
    """
    match = _match(text, currency, mark)
    if match is None:
        return None
    decimals = (match["decimals"] or "").ljust(CURRENCIES[currency], "0")
    minor = int(re.sub("[^0-9]", "", match["whole"] or "") + decimals)
    if minor > LARGEST_MINOR:
        return None
    sign = match["bracket"] or match["before"] or match["inner"] or match["behind"]
    return -minor if sign and sign[0] in "-(dD" else minor


def _match(text: str, currency: str, mark: str) -> re.Match[str] | None:
    if len(text) > _LONGEST:
        return None
    match = _pattern(currency, mark).fullmatch(text.translate(MINUSES))
    if match is None or not (match["whole"] or match["decimals"]):
        return None
    signs = [match[name] for name in ("bracket", "before", "inner", "behind")]
    closed = bool(match["bracket"]) == bool(match["closed"])
    return match if closed and len(list(filter(None, signs))) <= 1 else None


@cache
def _pattern(currency: str, mark: str) -> re.Pattern[str]:
    exponent = CURRENCIES[currency]
    group = "," if mark == "." else r"\."
    units = "|".join(map(re.escape, (currency, *SYMBOLS.get(currency, ()))))
    unit = rf"(?:(?:{units})\ ?)?"
    decimals = rf"(?:{re.escape(mark)}(?P<decimals>[0-9]{{1,{exponent}}}))?"
    if not exponent:
        decimals = rf"(?:{re.escape(mark)}0{{1,2}})?(?P<decimals>(?!))?"
    return re.compile(
        r"(?P<bracket>\(\ ?)?(?P<before>[+-]\ ?)?"
        rf"{unit}(?P<inner>[+-])?"
        r"(?P<whole>[0-9]+"  # 1234
        rf"|[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+"  # 1,234 or 1.234
        r"|[1-9][0-9]{0,2}(?:\ [0-9]{3})+"  # 1 234
        r"|[1-9][0-9]{0,2}(?:['’][0-9]{3})+)?"  # noqa: RUF001  1'234
        rf"{decimals}"
        rf"\ ?{unit}(?P<behind>[+-]|[CD]R?)?(?P<closed>\ ?\))?",
        re.IGNORECASE | re.ASCII,
    )
