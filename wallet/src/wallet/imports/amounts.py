"""Amounts as banks write them; the decimal mark is that of the whole file."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from ..ledger.money import CURRENCIES, LARGEST_MINOR

MARKS: Final = (".", ",")
_SYMBOLS: Final = {
    **{"ZAR": "R", "EUR": "€", "GBP": "£", "USD": r"\$", "JPY": "¥", "INR": "₹"},
    **{"NGN": "₦", "BTC": "₿", "NAD": r"N?\$", "BWP": "P", "KES": "KSh"},
}
_MINUSES: Final = str.maketrans("\u2212\u2013\u2010\u2011", "----")
_LONGEST: Final = 40


def find_mark(texts: Iterable[str], currency: str) -> str:
    """Find the mark before decimals: most amounts can be read with it, and have it."""
    seen = set(texts)

    def fits(mark: str) -> tuple[int, int]:
        found = [each for text in seen if (each := _match(text, currency, mark))]
        return len(found), sum(bool(each["decimals"]) for each in found)

    return max(MARKS, key=fits)


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
    match = _pattern(currency, mark).fullmatch(text.translate(_MINUSES))
    if match is None or not (match["whole"] or match["decimals"]):
        return None
    signs = [match[name] for name in ("bracket", "before", "inner", "behind")]
    closed = bool(match["bracket"]) == bool(match["closed"])
    return match if closed and len(list(filter(None, signs))) <= 1 else None


@cache
def _pattern(currency: str, mark: str) -> re.Pattern[str]:
    exponent = CURRENCIES[currency]
    group = "," if mark == "." else r"\."
    unit = rf"(?:(?:{currency}|{_SYMBOLS.get(currency, currency)})\ ?)?"
    decimals = rf"(?:{re.escape(mark)}(?P<decimals>[0-9]{{1,{exponent}}}))?"
    return re.compile(
        r"(?P<bracket>\(\ ?)?(?P<before>[+-]\ ?)?"
        rf"{unit}(?P<inner>[+-])?"
        r"(?P<whole>[0-9]+"  # 1234
        rf"|[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+"  # 1,234 or 1.234
        r"|[1-9][0-9]{0,2}(?:\ [0-9]{3})+"  # 1 234
        r"|[1-9][0-9]{0,2}(?:['’][0-9]{3})+)?"  # noqa: RUF001  1'234
        rf"{decimals if exponent else '(?P<decimals>(?!))?'}"
        rf"\ ?(?:{currency}\ ?)?(?P<behind>[+-]|[CD]R?)?(?P<closed>\ ?\))?",
        re.IGNORECASE | re.ASCII,
    )
