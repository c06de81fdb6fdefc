"""Compares two stores: all rows of wallets, the sums of each table, small tables."""

from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Integer, Table, func, select

from ..ledger.digests import reseal, row_digest
from ..storage.side_tables import backups, ended_sessions, rate_asks, rates, spans
from ..storage.tables import changes, entries, holds, operations, wallets

#: What belongs to a wallet, each table after those that it refers to.
OF_WALLETS: Final = (operations, entries, changes, holds, spans)
#: What belongs to none: no wallet's row has a digest of it.
OTHERS: Final = (rates, rate_asks, ended_sessions, backups)

_IN_PARTS: Final = {"yield_per": 2000}
#: A sum may not fit in 64 bits, so it is taken in two parts.
_PART: Final = 1_000_000_000


def rows_of(connection: Connection, query: Any) -> Iterator[Any]:
    """Read rows a few at a time, however many there are."""
    with connection.execute(query, execution_options=_IN_PARTS) as rows:
        yield from rows


def other_wallets(one: Connection, other: Connection) -> Iterator[str]:
    """Name the wallets whose rows are not the same in both, or missing in one."""
    query = select(wallets).order_by(wallets.c.id)
    both = merge(rows_of(one, query), rows_of(other, query), key=_first)
    for wallet_id, found in groupby(both, key=_first):
        first, *rest = found
        if [tuple(each) for each in rest] != [tuple(first)]:
            yield wallet_id


def sums(connection: Connection, table: Table) -> list[int]:
    """Count rows, and add up each column: numbers as they are, the rest by length."""
    columns: list[Any] = [func.count()]
    for column in table.columns:
        if isinstance(column.type, BigInteger | Integer):
            # Both databases divide whole numbers alike, below zero too.
            columns += [func.sum(column.op("/")(_PART)), func.sum(column % _PART)]
        else:
            columns.append(func.sum(func.length(column)))
    found = connection.execute(select(*columns).select_from(table)).one()
    return [int(each or 0) for each in found]


def content(connection: Connection, table: Table) -> bytes:
    """Digest all rows of a table, in whatever order they come."""
    rows = rows_of(connection, select(table))
    return reseal(bytes(32), (row_digest(table.name, row) for row in rows))


def _first(row: Any) -> Any:
    return row[0]
