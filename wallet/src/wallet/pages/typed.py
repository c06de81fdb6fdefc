"""Amounts as people type them.

One pattern says what is allowed: an amount as it is shown, or as it is often written
in South Africa. A comma with two readings is refused, and nothing is rounded.
"""

import re
from typing import Final

from ..ledger.money import CURRENCIES, AmountError, parse_amount
from .wording import money

#: A thousand and more, or one and a fraction.
_TWO_READINGS: Final = re.compile("[1-9][0-9]{0,2},[0-9]{3}")


def read_typed(text: str, currency: str) -> int:
    """Read an amount of a currency in minor units.

    :raises AmountError: the message is a sentence that says what to type instead.
    """
    exponent = CURRENCIES[currency]
    plain = text.replace("\u00a0", " ").replace("\u202f", " ").strip()
    match = _pattern(currency).fullmatch(plain)
    if match is None:
        shown = money(123456, currency).replace("\u00a0", " ")
        bare = shown.partition(" ")[2].replace(" ", "")
        raise AmountError(f"Type an amount such as {bare} or {shown}.")
    number: str = match["commas"] or match["spaces"] or match["number"]
    if exponent and _TWO_READINGS.fullmatch(number):
        raise AmountError("That comma can be read in two ways: type 1234, or 1.23.")
    number = number.replace(",", "" if match["commas"] else ".").replace(" ", "")
    whole, point, decimals = number.partition(".")
    try:
        minor = parse_amount(f"{whole.lstrip('0') or '0'}{point}{decimals}", exponent)
    except AmountError as error:
        raise AmountError("That is more than a wallet can ever hold.") from error
    return -minor if match["sign"] else minor


def _pattern(currency: str) -> re.Pattern[str]:
    exponent = CURRENCIES[currency]
    point = f"(?:[.][0-9]{{1,{exponent}}})?" if exponent else ""
    either = point.replace("[.]", "[.,]")
    symbol = "R|ZAR" if currency == "ZAR" else currency
    return re.compile(
        f"(?P<sign>-?)(?:(?:{symbol}) ?)?(?:"
        f"(?P<number>[0-9]+{either})"  # 1234 or 1234.5 or 1234,50
        f"|(?P<spaces>[1-9][0-9]{{0,2}}(?: [0-9]{{3}})+{either})"  # 1 234 or 1 234,56
        f"|(?P<commas>[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+{point}))",  # 1,234,567.89
        re.IGNORECASE | re.ASCII,
    )
