"""What balances are worth in bitcoin, or bitcoin in rand, written for people."""

from collections.abc import Sequence
from typing import Final

from ..clock import now_us
from ..ledger.money import CURRENCIES, format_amount
from ..ledger.outcomes import Entry, WalletState
from ..prices.rates import Quote, Rate, newest_rate, quote, rates_at
from ..web.service import current_service
from .wording import grouped, local_time, money

#: What the worth of a balance is told in, with the heading of its column.
COLUMNS: Final = {"ZAR": "Bitcoin (BTC)", "BTC": "Rand (ZAR)"}
_NO_PRICE: Final = "The bitcoin price is not available at the moment."


def rate_now() -> Rate | None:
    """Read the price that counts now."""
    return newest_rate(current_service().store, now_us())


def price_sentence(rate: Rate | None) -> str:
    """Say which price was used and when it was read, or that there is none."""
    if rate is None:
        return _NO_PRICE
    whole, _, decimals = f"{rate.price:f}".partition(".")
    price = grouped(f"{whole}.{decimals.ljust(2, '0')}")
    read_at = f"{local_time(rate.at_us):%H:%M on %Y-%m-%d}"
    return f"At R\u00a0{price} a bitcoin, read from Luno at {read_at}."


def worth(quoted: Quote) -> str:
    """Write a worth where its currency is said already: rand keep their sign."""
    if quoted.currency == "BTC":
        return grouped(format_amount(quoted.value_minor, CURRENCIES["BTC"]))
    return money(quoted.value_minor, quoted.currency)


def worth_of_entries(
    wallet: WalletState, entries: Sequence[Entry]
) -> list[Quote | None]:
    """Tell what the wallet was worth after each entry, by the price of that time."""
    if wallet.currency not in COLUMNS:
        return [None] * len(entries)
    rates = rates_at(current_service().store, [entry.at_us for entry in entries])
    return [
        quote(entry.balance_minor, wallet.currency, rate)
        for entry, rate in zip(entries, rates, strict=True)
    ]


FILTERS: Final = {"quote": quote, "worth": worth, "price_sentence": price_sentence}
