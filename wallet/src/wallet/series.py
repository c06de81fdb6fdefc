"""A wallet's balance over time: at one moment, or in periods that touch each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .outcomes import WalletState
from .periods import Step as Step
from .reading import list_entries
from .store import Store


@dataclass(frozen=True, slots=True)
class Point:
    """What a wallet held within a period, from its start until before its end.

    :param low_minor: the lowest balance within, the opening one included.
    :param quote: the worth of the closing balance, ``None`` when no rate is known.
    """

    from_us: int
    to_us: int
    opening_minor: int
    low_minor: int
    high_minor: int
    closing_minor: int
    quote: None = None


def end_of(wallet: WalletState, now_us: int) -> int:
    """Tell until when a balance is known: now, and not before the last entry."""
    return max(now_us, wallet.last_entry_at_us + 1)


def read_series(
    store: Store, wallet: WalletState, bounds: Sequence[int], end_us: int
) -> list[Point]:
    """Read what a wallet held in each of the periods that ``periods.split`` tells.

    :param end_us: where the last period is cut, see :func:`end_of`.
    """
    entries = list_entries(store, wallet.id, 1_000_000, wallet.version + 1)[::-1]
    points = []
    for from_us, to_us in pairwise(bounds):
        before = [each.balance_minor for each in entries if each.at_us < from_us]
        inside = [e.balance_minor for e in entries if from_us <= e.at_us < to_us]
        held = [before[-1] if before else 0, *inside]
        low, high = min(held), max(held)
        points.append(
            Point(from_us, min(to_us, end_us), held[0], low, high, held[-1], None)
        )
    return points
