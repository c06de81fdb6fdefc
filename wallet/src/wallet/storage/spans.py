"""Spans: complete runs of a wallet's entries, each with its lowest and highest balance.

The runs of one size follow each other without a gap: of size 64, number 0 is made of
the versions 1 to 64. They are written with the entry that completes them and never
change. Highs and lows of a long time are read from them, and no balance ever is.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..ledger.outcomes import Entry

#: Each divides the next one. Smaller ones would cost every writer more, and larger
#: ones every reader.
SIZES: Final = (64, 4096)


@dataclass(frozen=True, slots=True)
class Range:
    """Some spans of one size, the first and the last included; of size 1, entries."""

    size: int
    first: int
    last: int


def completed(entries: Iterable[Entry]) -> list[tuple[str, int, int]]:
    """Name the runs that end with one of these entries: wallet, size and number."""
    return [
        (entry.wallet_id, size, entry.version // size - 1)
        for entry in entries
        for size in SIZES
        if entry.version % size == 0
    ]


def cut(start: int, end: int, sizes: Sequence[int] = (1, *SIZES)) -> Iterator[Range]:
    """Cut the versions after ``start`` and up to ``end`` into the largest spans."""
    if start >= end:
        return
    *smaller, size = sizes
    first, beyond = -(-start // size), end // size
    if first >= beyond:
        yield from cut(start, end, smaller)
        return
    yield from cut(start, first * size, smaller)
    yield Range(size, first, beyond - 1)
    yield from cut(beyond * size, end, smaller)
