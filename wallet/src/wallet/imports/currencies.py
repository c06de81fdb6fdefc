"""What banks call a currency, in a column of its own or in a heading."""

import re
from typing import Final
from unicodedata import category

from ..ledger.money import CURRENCIES

#: What may stand beside an amount.
SYMBOLS: Final = {
    **{"ZAR": ("R",), "EUR": ("€",), "GBP": ("£",), "USD": ("$", "US$"), "JPY": ("¥",)},
    **{"INR": ("₹",), "NGN": ("₦",), "BTC": ("₿",), "NAD": ("$", "N$"), "BWP": ("P",)},
    **{"KES": ("KSh",), "AUD": ("$", "A$"), "CAD": ("$", "C$"), "NZD": ("$", "NZ$")},
    **{"SGD": ("$", "S$"), "BRL": ("R$",), "CNY": ("¥",)},
}
_WORDS: Final = {
    "ZAR": ("rand", "south african rand"),
    "EUR": ("euro", "euros"),
    "GBP": ("pound", "pounds", "pound sterling", "british pound"),
    "USD": ("us dollar", "us dollars"),
    "JPY": ("yen", "japanese yen"),
    "INR": ("rupee", "rupees", "indian rupee"),
    "NAD": ("namibian dollar", "namibia dollar"),
    "AUD": ("australian dollar",),
    "CAD": ("canadian dollar",),
    "CHF": ("swiss franc", "franken"),
    "BTC": ("bitcoin",),
    "NGN": ("naira",),
    "BWP": ("pula",),
}
#: All names of each, in small letters.
_NAMES: Final = {
    code: {
        code.casefold(),
        *(symbol.casefold() for symbol in SYMBOLS.get(code, ())),
        *_WORDS.get(code, ()),
        *(("dollar", "dollars") if "$" in SYMBOLS.get(code, ()) else ()),
    }
    for code in CURRENCIES
}
#: A word, perhaps with a dollar behind it, or a sign.
_TOKEN: Final = re.compile(r"[^\W\d_]+\$?|[$€£¥₹₦₿]")


def is_currency(text: str, currency: str) -> bool:
    """Whether a text names a currency, by its code, its symbol or its name."""
    return text.casefold() in _NAMES[currency]


def is_meant(text: str) -> bool:
    """Whether a text has a letter, a digit or a symbol, and so may name a currency."""
    return any(each.isalnum() or category(each) == "Sc" for each in text)


def has_other(heading: str, currency: str) -> bool:
    """Whether a heading names another currency, and not this one."""
    tokens = set(_TOKEN.findall(heading.casefold()))
    named = {code for code, names in _NAMES.items() if names & tokens}
    return bool(named) and currency not in named


def has_own(heading: str, currency: str) -> bool:
    """Whether a heading names this currency."""
    return not _NAMES[currency].isdisjoint(_TOKEN.findall(heading.casefold()))
