"""Sums up the runs of a wallet's entries anew, and compares them with its spans."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from ..ledger.outcomes import WalletState
from ..storage.spans import SIZES
from ..storage.tables import spans
from .replay import Fault

_PAGE: Final = 500

_spans = (
    select(spans.c.number, spans.c.low_minor, spans.c.high_minor, spans.c.last_at_us)
    .where(
        spans.c.wallet_id == bindparam("wallet_id"),
        spans.c.size == bindparam("size"),
        spans.c.number >= bindparam("number"),
    )
    .order_by(spans.c.number)
    .limit(_PAGE)
)


class Resummed:
    """The runs of every size that the entries of a wallet so far amount to."""

    def __init__(self, connection: Connection, wallet: WalletState) -> None:
        # A short history completes no run, and asks for none.
        sizes = [size for size in SIZES if size <= wallet.version]
        self._runs = [_Runs(connection, wallet.id, size) for size in sizes]

    def append(self, entry: Any) -> None:
        """Add the next entry, and compare each span that it completes.

        :raises Fault: one is wrong, or missing.
        """
        for runs in self._runs:
            runs.append(entry)

    def must_end(self) -> None:
        """Have no span left.

        :raises Fault: there is one that no run of entries makes.
        """
        for runs in self._runs:
            runs.must_end()


class _Runs:
    """The runs of one size."""

    def __init__(self, connection: Connection, wallet_id: str, size: int) -> None:
        self._wallet_id, self._size = wallet_id, size
        self._number = 0
        self._balances: list[int] = []
        self._stored = _read(connection, wallet_id, size)

    def append(self, entry: Any) -> None:
        self._balances.append(entry.balance_minor)
        if len(self._balances) < self._size:
            return
        low, high = min(self._balances), max(self._balances)
        made = (self._number, low, high, entry.at_us)
        stored = next(self._stored, None)
        if stored is None or stored.number != self._number:
            raise self._fault("is missing")
        if tuple(stored) != made:
            raise self._fault("is not what the entries make it")
        self._number += 1
        self._balances.clear()

    def must_end(self) -> None:
        extra = next(self._stored, None)
        if extra is not None:
            self._number = extra.number
            raise self._fault("has no entries")

    def _fault(self, complaint: str) -> Fault:
        first = self._number * self._size + 1
        last = first + self._size - 1
        return Fault(f"{self._wallet_id}: the span of {first} to {last} {complaint}")


def _read(connection: Connection, wallet_id: str, size: int) -> Iterator[Any]:
    # A long history passes through memory in parts.
    given = {"wallet_id": wallet_id, "size": size, "number": 0}
    while page := connection.execute(_spans, given).all():
        yield from page
        given["number"] = page[-1].number + 1
