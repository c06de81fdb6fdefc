"""What a wallet held over a time: by entries if they are few, else by periods."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ..ledger.outcomes import WalletState
from ..prices.rates import Quote, quote, rates_at
from ..storage.store import Store
from .held import held_before
from .series import Point, read_series

_FIRST: Final = """
SELECT at_us FROM entries WHERE wallet_id = :wallet_id AND version = 1
"""
_ENTRIES: Final = """
SELECT at_us, balance_minor FROM entries
WHERE wallet_id = :wallet_id AND version > :after AND version <= :version
ORDER BY version
"""


@dataclass(frozen=True, slots=True)
class Worth:
    """What was held at a moment was worth this; it stands for a time that begins or
    ends there."""

    at_us: int
    from_us: int
    to_us: int
    quote: Quote | None


@dataclass(frozen=True, slots=True)
class Course:
    """What was held, and what it was worth: from each entry and each bound on, or by
    period at its end.

    :param by_entry: whether each point reaches from an entry to the next, and has the
        worth of its beginning; else the points are the periods.
    """

    by_entry: bool
    points: list[Point]
    worths: list[Worth]


def begin_of(store: Store, wallet: WalletState) -> int:
    """Tell since when a wallet has a history: its creation, or an older entry."""
    first = store.reader.rows(_FIRST, wallet_id=wallet.id)
    times: list[int] = [at_us for (at_us,) in first]
    return min([wallet.created_at_us, *times])


def read_course(
    store: Store, wallet: WalletState, bounds: Sequence[int], most: int
) -> Course:
    """Read what was held between the first and the last of the bounds of periods.

    :param most: so many entries are read, and of more none.
    """
    (before,) = held_before(store, wallet, bounds[:1])
    if wallet.version - before.version > most:
        points = read_series(store, wallet, bounds, bounds[-1])
        worths = [Worth(p.to_us, p.from_us, p.to_us, p.quote) for p in points]
        return Course(False, points, worths)
    given = {"after": before.version, "version": wallet.version}
    entries = store.reader.rows(_ENTRIES, wallet_id=wallet.id, **given)
    times = [bounds[0], *(at_us for at_us, _ in entries)]
    balances = [before.balance_minor, *(balance for _, balance in entries)]
    moments = sorted({*times, *bounds})
    rates = dict(zip(moments, rates_at(store, moments), strict=True))
    points, worths = [], []
    for held, (from_us, to_us) in zip(
        balances, pairwise([*times, bounds[-1]]), strict=True
    ):
        worth = quote(held, wallet.currency, rates[from_us])
        points.append(Point(from_us, to_us, held, held, held, held, worth))
    for at_us, to_us in pairwise([*moments, bounds[-1]]):
        held = balances[bisect_right(times, at_us) - 1]
        worth = quote(held, wallet.currency, rates[at_us])
        worths.append(Worth(at_us, at_us, to_us, worth))
    return Course(True, points, worths)
