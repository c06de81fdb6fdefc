"""Where a page of a list ends, in words, so that the next one begins there."""

import re
from typing import Final

from ..ledger.money import LARGEST_MINOR
from ..storage.finding import Place, WalletOrder
from .fields import WALLET_ID
from .problems import malformed

_ID: Final = f"(?P<id>{WALLET_ID})"
#: A wallet's id, and after that what puts it in order.
_PLACES: Final = {
    WalletOrder.CREATED: re.compile(_ID),
    WalletOrder.NAME: re.compile(rf"{_ID}\.(?P<name>[^\x00-\x1f\x7f-\x9f]{{0,200}})"),
    WalletOrder.BALANCE: re.compile(
        rf"{_ID}\.(?P<currency>[A-Z]{{3}})(?P<balance>-?[0-9]{{1,19}})"
    ),
    WalletOrder.RECENT: re.compile(rf"{_ID}\.(?P<at_us>-?[0-9]{{1,16}})"),
}


def read_place(order: WalletOrder, after: str | None) -> Place:
    """Tell the place after which a page begins.

    :raises Problem: it is no place in this order.
    """
    if after is None:
        return Place()
    found = _PLACES[order].fullmatch(after)
    members = found.groupdict() if found else {}
    balance, at_us = (int(members.pop(name, "0")) for name in ("balance", "at_us"))
    if not members or abs(balance) > LARGEST_MINOR:
        raise malformed("after", "must be the next_cursor of a page in this order")
    return Place(**members, balance=balance, at_us=at_us)


def write_place(order: WalletOrder, place: Place) -> str:
    """Write where a page ends, so that the next one begins there whatever changes."""
    if order is WalletOrder.NAME:
        return f"{place.id}.{place.name}"
    if order is WalletOrder.BALANCE:
        return f"{place.id}.{place.currency}{place.balance}"
    if order is WalletOrder.RECENT:
        return f"{place.id}.{place.at_us}"
    return place.id
