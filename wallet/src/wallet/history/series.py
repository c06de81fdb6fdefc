"""A wallet's balance over time: at one moment, or in periods that touch each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..ledger.outcomes import WalletState
from ..prices.rates import Quote, quote, rates_at
from ..storage.spans import cut
from ..storage.store import Store
from .held import Held, extremes_within, held_before
from .periods import Step as Step


@dataclass(frozen=True, slots=True)
class Point:
    """What a wallet held within a period, from its start until before its end.

    :param low_minor: the lowest balance within, the opening one included.
    :param quote: the worth of the closing balance, ``None`` when no rate counted then.
    """

    from_us: int
    to_us: int
    opening_minor: int
    low_minor: int
    high_minor: int
    closing_minor: int
    quote: Quote | None


def end_of(wallet: WalletState, now_us: int) -> int:
    """Tell until when a balance is known: now, and not before the last entry."""
    return max(now_us, wallet.last_entry_at_us + 1)


def read_series(
    store: Store, wallet: WalletState, bounds: Sequence[int], end_us: int
) -> list[Point]:
    """Read what a wallet held in each of the periods that ``periods.split`` tells.

    :param end_us: where the last period is cut, see :func:`end_of`.
    """
    ends = [min(bound, end_us) for bound in bounds]
    held = held_before(store, wallet, ends)
    ranges = [
        (place, each)
        for place, (opening, closing) in enumerate(pairwise(held))
        for each in cut(opening.version, closing.version - 1)
    ]
    found = extremes_within(store, wallet, [each for _, each in ranges])
    balances = [[each.balance_minor for each in pair] for pair in pairwise(held)]
    for (place, _), extremes in zip(ranges, found, strict=True):
        balances[place] += extremes
    rates = rates_at(store, ends[1:])
    return [
        Point(
            from_us=ends[place],
            to_us=ends[place + 1],
            opening_minor=opening,
            low_minor=min(opening, closing, *between),
            high_minor=max(opening, closing, *between),
            closing_minor=closing,
            quote=quote(closing, wallet.currency, rates[place]),
        )
        for place, (opening, closing, *between) in enumerate(balances)
    ]


def balance_at(store: Store, wallet: WalletState, at_us: int) -> Held:
    """Read what a wallet held at a moment; an entry of that very moment counts."""
    (held,) = held_before(store, wallet, [at_us + 1])
    return held
