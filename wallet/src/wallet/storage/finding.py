"""What is looked for in a list, page by page: entries and wallets.

No index knows texts and amounts. Rows are read in the order of an index, a part at a
time, and compared here: the same on every database, whatever it takes for a letter.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, NamedTuple, TypeVar

from ..clock import now_us
from ..ledger.commands import Kind
from ..ledger.outcomes import Entry, WalletState
from .names import Names
from .queries import BEYOND_ALL, ENTRY, WALLETS, to_entry
from .store import Store

#: How many rows are read for one page at most, and how many at once.
MOST_READ: Final = 10_000
_PART: Final = 1_000

_ENTRIES: Final = f"""
{ENTRY} AND entries.version > :after AND entries.version < :before {{within}}
ORDER BY entries.version {{direction}} LIMIT :limit
"""
_WITHIN: Final = "AND entries.at_us >= :from_us AND entries.at_us < :to_us"

#: An index has the order of creation; for the others every wallet is read. Without a
#: language, only the letters of ASCII are the same in capitals: so on every database.
_WALLETS: Final = {
    "created": f"{WALLETS} WHERE id > :id {{only}} ORDER BY id",
    "name": f"""
{WALLETS} WHERE (lower(name COLLATE {{bytewise}}), id)
  > (lower(CAST(:name AS text) COLLATE {{bytewise}}), :id) {{only}}
ORDER BY lower(name COLLATE {{bytewise}}), id""",
    "balance": f"""
{WALLETS} WHERE (currency > :currency OR (currency = :currency
  AND (balance_minor < :balance OR (balance_minor = :balance AND id > :id)))) {{only}}
ORDER BY currency, balance_minor DESC, id""",
    "recent": f"""
{WALLETS} WHERE (last_entry_at_us < :at_us
  OR (last_entry_at_us = :at_us AND id > :id)) {{only}}
ORDER BY last_entry_at_us DESC, id""",
}

Row = TypeVar("Row")


class Order(StrEnum):
    """The order of a history."""

    NEWEST = "newest"
    OLDEST = "oldest"


class WalletOrder(StrEnum):
    """The order of wallets: the highest balance of each currency comes first, or the
    wallet that moved most recently."""

    CREATED = "created"
    NAME = "name"
    BALANCE = "balance"
    RECENT = "recent"


class Place(NamedTuple):
    """Where a wallet stands in each order; the first place is before all of them."""

    id: str = ""
    name: str = ""
    currency: str = ""
    balance: int = 0
    at_us: int = BEYOND_ALL


@dataclass(frozen=True, slots=True)
class WantedEntries:
    """Which entries are looked for.

    :param least_minor: the lowest amount, whether it came or went.
    :param text: a part of the note, the payee or the counterparty's name.
    :param from_us: the first moment; ``to_us`` is the first one after.
    :param after: the version before the first; ``before`` is the one after the last.
    :param payee: all of it but the blanks around it; empty for those that have none.
    """

    kind: Kind | None = None
    least_minor: int = 0
    most_minor: int = BEYOND_ALL
    text: str = ""
    from_us: int = -BEYOND_ALL
    to_us: int = BEYOND_ALL
    after: int = 0
    before: int = BEYOND_ALL
    order: Order = Order.NEWEST
    payee: str | None = None

    @property
    def timed(self) -> bool:
        """Whether entries of some times only are looked for."""
        return (self.from_us, self.to_us) != (-BEYOND_ALL, BEYOND_ALL)

    @property
    def narrow(self) -> bool:
        """Whether entries between the bounds may be left out."""
        amounts = (self.least_minor, self.most_minor)
        words = self.kind or self.text or self.payee is not None
        return bool(words) or amounts != (0, BEYOND_ALL)

    def fits(self, entry: Entry) -> bool:
        """Tell whether the kind, the amount and the payee of an entry do."""
        return (
            self.kind in (None, entry.kind)
            and self.least_minor <= abs(entry.amount_minor) <= self.most_minor
            and self.payee in (None, (entry.payee or "").strip())
        )


@dataclass(frozen=True, slots=True)
class Found(Generic[Row]):
    """A page of what was found, and the last row that was passed if there are more."""

    rows: list[Row]
    last: Row | None


def find_entries(
    store: Store,
    wallet_id: str,
    wanted: WantedEntries,
    limit: int,
    names: Names | None = None,
) -> Found[Entry]:
    """Look through a wallet's history.

    :param names: look for the text in these names of counterparties, too.
    """
    oldest = wanted.order is Order.OLDEST
    within = _WITHIN if wanted.timed else ""
    sql = _ENTRIES.format(direction="ASC" if oldest else "DESC", within=within)
    bounds = {"after": wanted.after, "before": wanted.before}
    if wanted.timed:
        bounds |= {"from_us": wanted.from_us, "to_us": wanted.to_us}

    def read(last: Entry | None, size: int) -> list[Entry]:
        if last is not None:
            bounds["after" if oldest else "before"] = last.version
        rows = store.reader.rows(sql, wallet_id=wallet_id, limit=size, **bounds)
        return [to_entry(row) for row in rows]

    def choose(part: list[Entry]) -> Iterable[Entry]:
        if not wanted.narrow:
            return part
        fitting = [each for each in part if wanted.fits(each)]
        if not wanted.text:
            return fitting
        called = names.of(counterparties(fitting)) if names else {}
        return (
            each
            for each in fitting
            if contains(
                wanted.text, each.note, each.payee, called.get(each.counterparty or "")
            )
        )

    return _page(read, choose, limit, _PART if wanted.narrow else limit + 1)


def counterparties(entries: Iterable[Entry]) -> set[str]:
    """List the wallets on the other side of some entries."""
    return {each.counterparty for each in entries if each.counterparty}


def find_wallets(
    store: Store,
    order: WalletOrder,
    start: Place,
    limit: int,
    text: str = "",
    currency: str = "",
    archived: bool = True,
) -> Found[WalletState]:
    """Look through the wallets.

    :param start: the place after which they are looked for.
    :param text: a part of the name.
    """
    by_index = order is WalletOrder.CREATED
    only = "" if archived else "AND archived_at_us IS NULL"
    if currency and not by_index:
        only += " AND currency = :only"
    sql = _WALLETS[order].format(only=only, **store.dialect.WORDS) + " LIMIT :limit"

    def read(last: WalletState | None, size: int) -> list[WalletState]:
        place = start if last is None else place_of(last)
        given = {**place._asdict(), "only": currency, "limit": size}
        given["now_us"] = now_us()
        return [WalletState(*row) for row in store.reader.rows(sql, **given)]

    def choose(part: list[WalletState]) -> Iterable[WalletState]:
        return (
            each
            for each in part
            if currency in ("", each.currency)
            and (not text or contains(text, each.name))
        )

    size = limit + 1
    if text or (currency and by_index):
        # What is put in order anew for every part is taken at once.
        size = _PART if by_index else MOST_READ
    return _page(read, choose, limit, size)


def place_of(wallet: WalletState) -> Place:
    """Tell where a wallet stands."""
    moved = wallet.balance_minor, wallet.last_entry_at_us
    return Place(wallet.id, wallet.name, wallet.currency, *moved)


def contains(text: str, *fields: str | None) -> bool:
    """Tell whether a text is in one of some fields, in capitals or not."""
    text = text.casefold()
    return any(each and text in each.casefold() for each in fields)


def _page(
    read: Callable[[Row | None, int], list[Row]],
    choose: Callable[[list[Row]], Iterable[Row]],
    limit: int,
    size: int,
) -> Found[Row]:
    found: list[Row] = []
    last: Row | None = None
    for _ in range(max(MOST_READ // size, 1)):
        part = read(last, size)
        for row in choose(part):
            if len(found) == limit:
                return Found(found, found[-1])
            found.append(row)
        if len(part) < size:
            return Found(found, None)
        last = part[-1]
    return Found(found, last)
