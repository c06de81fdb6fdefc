"""How money, time and wallets are written for people."""

from datetime import datetime, timedelta, timezone
from typing import Final

from ..clock import timestamp
from ..ledger.money import CURRENCIES, format_amount
from ..ledger.outcomes import WalletState

#: The clocks of South Africa never change.
SAST: Final = timezone(timedelta(hours=2), "SAST")
_NO_BREAK: Final = "\u00a0"
_SYMBOLS: Final = {"ZAR": "R"}


def money(minor: int, currency: str) -> str:
    """Write an amount as ``R 1 234.56``, with spaces that never break a line."""
    sign = "-" if minor < 0 else ""
    symbol = _SYMBOLS.get(currency, currency)
    amount = grouped(format_amount(abs(minor), CURRENCIES[currency]))
    return f"{sign}{symbol}{_NO_BREAK}{amount}"


def grouped(amount: str) -> str:
    """Set the thousands of a number apart."""
    sign = "-" if amount.startswith("-") else ""
    whole, point, decimals = amount.removeprefix("-").partition(".")
    return f"{sign}{int(whole):,}{point}{decimals}".replace(",", _NO_BREAK)


def local_time(at_us: int) -> datetime:
    """Tell the time in South Africa."""
    return datetime(1970, 1, 1, tzinfo=SAST) + timedelta(hours=2, microseconds=at_us)


def minute(at_us: int) -> str:
    """Write a time as ``2026-11-21 04:45``; the zone is said where it stands."""
    return f"{local_time(at_us):%Y-%m-%d %H:%M}"


def title(wallet: WalletState) -> str:
    """Call a wallet by its name, and one without by the end of its id."""
    return wallet.name.strip() or nameless(wallet.id)


def nameless(wallet_id: str) -> str:
    """Call a wallet by the end of its id, the part that differs most."""
    return f"Wallet …{wallet_id[-6:]}"


FILTERS: Final = {
    "money": money,
    "minute": minute,
    "timestamp": timestamp,
    "title_of": title,
    "nameless": nameless,
}
