"""Amounts of money: text outside, whole minor units inside.

An amount is read before the currency of its wallet is known, so reading keeps the
number and its decimals apart; :meth:`Amount.in_minor_units` joins them once the
currency's exponent is there. Nothing is ever rounded.
"""

import re
from dataclasses import dataclass
from typing import Final

#: Digits after the decimal point. An exponent never changes once a wallet uses it,
#: because stored amounts are counted in these units.
CURRENCIES: Final[dict[str, int]] = {
    "AUD": 2,
    "BHD": 3,
    "BRL": 2,
    "BTC": 8,
    "BWP": 2,
    "CAD": 2,
    "CHF": 2,
    "CNY": 2,
    "EUR": 2,
    "GBP": 2,
    "GHS": 2,
    "INR": 2,
    "JPY": 0,
    "KES": 2,
    "KWD": 3,
    "MZN": 2,
    "NAD": 2,
    "NGN": 2,
    "NZD": 2,
    "SEK": 2,
    "SGD": 2,
    "UGX": 0,
    "USD": 2,
    "ZAR": 2,
    "ZMW": 2,
}

#: Both stores keep a balance in 64 bits with a sign.
LARGEST_MINOR: Final = 2**63 - 1

#: No amount that fits has more digits, so longer text is refused before it is read.
_LONGEST_TEXT: Final = 40
_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)


class AmountError(ValueError):
    """The text or number is not an amount; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of major units that is exact: ``unscaled`` / 10 ** ``decimals``."""

    unscaled: int
    decimals: int

    def in_minor_units(self, exponent: int) -> int:
        """Count the amount in minor units of a currency.

        :raises AmountError: it has more decimals than the currency, or is too large.
        """
        if self.decimals > exponent:
            raise AmountError(_too_fine(exponent))
        minor: int = self.unscaled * 10 ** (exponent - self.decimals)
        if abs(minor) > LARGEST_MINOR:
            raise AmountError("is larger than a balance can ever be")
        return minor

    def canonical(self) -> str:
        """Write the amount so that equal amounts give equal text."""
        text = format_amount(self.unscaled, self.decimals)
        return text.rstrip("0").rstrip(".") if self.decimals else text


def read_amount(value: str | int) -> Amount:
    """Read a positive or zero amount in major units: ``"125.50"``, ``"7"`` or ``7``.

    :raises AmountError: the value does not have this form.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise AmountError('must be text such as "125.50"')
    if isinstance(value, int):
        if not 0 <= value <= LARGEST_MINOR:
            raise AmountError("is negative, or larger than a balance can ever be")
        return Amount(value, 0)
    match = _AMOUNT.fullmatch(value) if len(value) <= _LONGEST_TEXT else None
    if match is None:
        raise AmountError('must be digits such as "125.50", without sign or spaces')
    whole, fraction = match[1], match[2] or ""
    return Amount(int(whole + fraction), len(fraction))


def read_signed_amount(value: str | int) -> Amount:
    """Read an amount that may be below zero, such as ``"-125.50"``.

    :raises AmountError: the value does not have this form.
    """
    text = str(value)
    amount = read_amount(text.removeprefix("-"))
    sign = -1 if text.startswith("-") else 1
    return Amount(sign * amount.unscaled, amount.decimals)


def parse_amount(value: str | int, exponent: int) -> int:
    """Read an amount in major units and count it in minor units.

    :raises AmountError: the value is not an amount of this currency.
    """
    return read_amount(value).in_minor_units(exponent)


def format_amount(minor: int, exponent: int) -> str:
    """Write minor units as major units with every decimal of the currency."""
    if not exponent:
        return str(minor)
    digits = str(abs(minor)).rjust(exponent + 1, "0")
    sign = "-" if minor < 0 else ""
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"


def _too_fine(exponent: int) -> str:
    if not exponent:
        return "must have no decimals in this currency"
    return f"must have at most {exponent} decimals in this currency"
