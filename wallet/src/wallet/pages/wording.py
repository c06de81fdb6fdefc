"""How money, time, wallets and worth are written for people."""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Final

from ..clock import now_us, shown_in, timestamp
from ..ledger.money import CURRENCIES, format_amount
from ..ledger.outcomes import Entry, WalletState
from ..prices.rates import Quote, Rate, any_rate, newest_rate, quote, rates_at
from ..web.service import current_service

_NO_BREAK: Final = "\u00a0"
#: What stands before an amount below zero.
MINUS: Final = "\u2212"
#: From the left, from the right, and as the first letter says.
_ISOLATES: Final = "\u2066\u2067\u2068"
_END_OF_ISOLATE: Final = "\u2069"
_SYMBOLS: Final = {"ZAR": "R"}
#: What the currencies are called.
CURRENCY_NAMES: Final = {
    "AUD": "Australian dollar",
    "BHD": "Bahraini dinar",
    "BRL": "Brazilian real",
    "BTC": "Bitcoin",
    "BWP": "Botswana pula",
    "CAD": "Canadian dollar",
    "CHF": "Swiss franc",
    "CNY": "Chinese yuan",
    "EUR": "Euro",
    "GBP": "British pound",
    "GHS": "Ghanaian cedi",
    "INR": "Indian rupee",
    "JPY": "Japanese yen",
    "KES": "Kenyan shilling",
    "KWD": "Kuwaiti dinar",
    "MZN": "Mozambican metical",
    "NAD": "Namibian dollar",
    "NGN": "Nigerian naira",
    "NZD": "New Zealand dollar",
    "SEK": "Swedish krona",
    "SGD": "Singapore dollar",
    "UGX": "Ugandan shilling",
    "USD": "US dollar",
    "ZAR": "South African rand",
    "ZMW": "Zambian kwacha",
}
#: The heading of the column that tells what a balance is worth.
_WORTH: Final = {"ZAR": "Balance in BTC", "BTC": "Balance in ZAR"}
_NO_PRICE: Final = "The bitcoin price is not available at the moment."


def money(minor: int, currency: str) -> str:
    """Write an amount as ``R 1 234.56``, with spaces that never break a line."""
    symbol = _SYMBOLS.get(currency, currency)
    amount = grouped(format_amount(abs(minor), CURRENCIES[currency]))
    return f"{MINUS if minor < 0 else ''}{symbol}{_NO_BREAK}{amount}"


def moved(minor: int, currency: str) -> str:
    """Write what came in as ``+R 1 234.56``, and what went out with a minus."""
    return f"{'+' if minor > 0 else ''}{money(minor, currency)}"


def grouped(amount: str) -> str:
    """Set the thousands of a number apart."""
    sign = MINUS if amount.startswith("-") else ""
    whole, point, decimals = amount.removeprefix("-").partition(".")
    return f"{sign}{int(whole):,}{point}{decimals}".replace(",", _NO_BREAK)


def local_time(at_us: int) -> datetime:
    """Tell the time by the clocks of the service."""
    return shown_in(current_service().settings.time_zone, at_us)


def clocks() -> str:
    """Name those clocks: ``SAST``, or by their zone if they change with the season."""
    zone = current_service().settings.time_zone
    year = shown_in(zone, now_us()).year
    names = {datetime(year, month, 1, tzinfo=zone).tzname() or "" for month in (1, 7)}
    (name, *others) = names
    return name if name.isalpha() and not others else zone.key


def clock_then(at_us: int) -> str:
    """Name those clocks as they were at a moment."""
    return f"{local_time(at_us):%Z}"


def minute(at_us: int) -> str:
    """Write a time as ``2026-11-21 04:45``; the zone is said where it stands."""
    return f"{local_time(at_us):%Y-%m-%d} {clock(local_time(at_us))}"


def clock(time: datetime) -> str:
    """Write what a clock shows: within an hour that it shows twice, with its offset."""
    first, second = (time.replace(fold=fold).utcoffset() for fold in (0, 1))
    offset = time.utcoffset()
    twice = f" {timezone(offset)}" if first != second and offset is not None else ""
    return f"{time:%H:%M}{twice}"


def title(wallet: WalletState) -> str:
    """Call a wallet by its name, and one without by the end of its id."""
    return balanced(wallet.name.strip()) or nameless(wallet.id)


def balanced(text: str) -> str:
    """End what people's text begins for its own direction, and nothing else.

    Only so does an element or a mark that isolates it keep it from turning around what
    stands beside it.
    """
    if text.isascii():
        return text
    kept, opened = [], 0
    for letter in text.replace("\u2029", " "):
        opened += (letter in _ISOLATES) - (letter == _END_OF_ISOLATE)
        if opened >= 0:
            kept.append(letter)
        opened = max(opened, 0)
    return "".join(kept) + _END_OF_ISOLATE * opened


def isolated(text: str) -> str:
    """Isolate balanced text where no element can: in options, titles and messages."""
    # ASCII runs from the left, as the pages do.
    return text if text.isascii() else f"{_ISOLATES[-1]}{text}{_END_OF_ISOLATE}"


def nameless(wallet_id: str) -> str:
    """Call a wallet by the end of its id, the part that differs most."""
    return f"Wallet …{wallet_id[-6:]}"


def worth_column(*currencies: str) -> str | None:
    """Name the column of a worth: none where no price is, was or will be known."""
    service = current_service()
    found = next((_WORTH[each] for each in currencies if each in _WORTH), None)
    asked = service.settings.luno_url is not None
    return found if found and (asked or any_rate(service.store)) else None


def rate_now() -> Rate | None:
    """Read the price that counts now."""
    return newest_rate(current_service().store, now_us())


def price_sentence(rate: Rate | None) -> str:
    """Say which price was used and when it was read, or that there is none."""
    if rate is None:
        return _NO_PRICE
    whole, _, decimals = f"{rate.price:f}".partition(".")
    price = grouped(f"{whole}.{decimals.ljust(2, '0')}")
    read_at = local_time(rate.at_us)
    when = f"{clock(read_at)} on {read_at:%Y-%m-%d}"
    return f"At R\u00a0{price} a bitcoin, read from Luno at {when}."


def worth(quoted: Quote) -> str:
    """Write a worth where its currency is said already: rand keep their sign."""
    if quoted.currency == "BTC":
        return grouped(format_amount(quoted.value_minor, CURRENCIES["BTC"]))
    return money(quoted.value_minor, quoted.currency)


def worth_of_entries(
    wallet: WalletState, entries: Sequence[Entry]
) -> list[Quote | None]:
    """Tell what the wallet was worth after each entry, by the price of that time."""
    if wallet.currency not in _WORTH:
        return [None] * len(entries)
    rates = rates_at(current_service().store, [entry.at_us for entry in entries])
    return [
        quote(entry.balance_minor, wallet.currency, rate)
        for entry, rate in zip(entries, rates, strict=True)
    ]


def state_of(wallet: WalletState) -> str:
    """Name the state of a wallet: no other has the same name."""
    return f"{wallet.version}.{wallet.changes}.{wallet.held_minor}"


FILTERS: Final = {
    "state_of": state_of,
    "money": money,
    "moved": moved,
    "minute": minute,
    "clock_then": clock_then,
    "timestamp": timestamp,
    "title_of": title,
    "balanced": balanced,
    "isolated": isolated,
    "nameless": nameless,
    "quote": quote,
    "worth": worth,
    "price_sentence": price_sentence,
}
