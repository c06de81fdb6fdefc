"""Wallets as they are told."""

from typing import Annotated

import msgspec

from ..clock import timestamp
from ..ledger.money import CURRENCIES, format_amount
from ..ledger.outcomes import WalletState
from ..web.described import described
from ..web.fields import Currency, WalletId
from ..web.values import Moment, Money


class WalletAnswer(msgspec.Struct):
    """A wallet."""

    id: WalletId
    name: str
    currency: Currency
    balance: Money
    floor: Money
    version: int
    created_at: Moment
    archived: bool
    held: Money
    available: Money


class NewWalletAnswer(WalletAnswer):
    """A wallet that was created, with the key that opens it."""

    key: str


class WalletsAnswer(msgspec.Struct):
    """A page of wallets."""

    wallets: list[WalletAnswer]
    next: str | None
    next_cursor: Annotated[str | None, described("The next page's after.")]


def wallet_answer(wallet: WalletState) -> WalletAnswer:
    """Describe a wallet as it is now."""
    exponent = CURRENCIES[wallet.currency]
    return WalletAnswer(
        id=wallet.id,
        name=wallet.name,
        currency=wallet.currency,
        balance=format_amount(wallet.balance_minor, exponent),
        floor=format_amount(wallet.floor_minor, exponent),
        version=wallet.version,
        created_at=timestamp(wallet.created_at_us),
        archived=wallet.archived_at_us is not None,
        held=format_amount(wallet.held_minor, exponent),
        available=format_amount(wallet.balance_minor - wallet.held_minor, exponent),
    )


def new_wallet_answer(wallet: WalletState, key: str) -> NewWalletAnswer:
    """Describe a wallet as it was when it was created, whatever came after."""
    new = wallet_answer(
        wallet._replace(balance_minor=0, held_minor=0, version=0, archived_at_us=None)
    )
    return NewWalletAnswer(**msgspec.structs.asdict(new), key=key)
