"""How SQLite takes a set of rows: many in one statement, and one document back.

The driver lets go of the interpreter at each step of a statement. A row that goes in
or out by itself is a step, so rows go in as one list of values, and come out as one
JSON document.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

import msgspec
from sqlalchemy import Table

from ..ledger.outcomes import Scope
from .connections import Driver
from .rows import Row, Rows
from .tables import MOVING, REMEMBERED, SCOPE, entries, operations, wallets

#: The most rows in a statement. Each size is a statement of its own, and all are
#: powers of two, so that they are few, and are prepared once.
_MOST_ROWS: Final = 512
_BINARY: Final = frozenset(("digest", "fingerprint"))


class Statements:
    """The statements of the money path in SQLite."""

    def begin(self, driver: Driver) -> None:
        """Lock the file before anything is read that must hold when it is written."""
        driver.execute("BEGIN IMMEDIATE", ())

    def lock_wallets(self, driver: Driver, ids: list[str]) -> Sequence[Row]:
        """Read wallets by their ids; the transaction has locked the whole file."""
        return _read(driver, _WALLETS_BY_ID, wallets.columns.keys(), ids)

    def find_created(self, driver: Driver, keys: list[str]) -> Sequence[Row]:
        """Read wallets by the keys under which they were created."""
        return _read(driver, _WALLETS_BY_KEY, wallets.columns.keys(), keys)

    def find_remembered(self, driver: Driver, scopes: list[Scope]) -> Sequence[Row]:
        """Read scope, id, fingerprint, status and body of what was answered."""
        return _read(driver, _ANSWERS_BY_SCOPE, REMEMBERED, scopes)

    def write(self, driver: Driver, rows: Rows) -> None:
        """Write everything that a batch changes."""
        for text_for, given in (
            (_insert_wallets, rows.created),
            (_insert_operations, rows.operations),
            (_insert_entries, rows.entries),
            (_move_wallets, rows.moved),
        ):
            for part in split(given):
                values = tuple(chain.from_iterable(part))
                driver.execute(text_for(len(part)), values)
        if rows.runs:
            driver.execute(_COMPLETE_RUNS, (_json(rows.runs),))


def _read(
    driver: Driver, text: str, names: Sequence[str], given: Sequence[Any]
) -> list[Row]:
    (document,) = driver.execute(text, (_json(given),)).fetchone()
    binary = [index for index, name in enumerate(names) if name in _BINARY]
    rows = msgspec.json.decode(document, type=list[list[Any]])
    for row in rows:
        for index in binary:
            row[index] = bytes.fromhex(row[index])
    return [tuple(row) for row in rows]


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()


def split(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Split rows into parts whose sizes are powers of two, the largest first."""
    start, size = 0, _MOST_ROWS
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size


# The names in these statements are those of our own tables, never anyone's values.


def _insert_into(table: Table) -> Callable[[int], str]:
    names = table.columns.keys()
    begin = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES "  # noqa: S608
    return cache(lambda rows: begin + _values(len(names), rows))


_insert_wallets: Final = _insert_into(wallets)
_insert_operations: Final = _insert_into(operations)
_insert_entries: Final = _insert_into(entries)


@cache
def _move_wallets(rows: int) -> str:
    # SQLite names the columns of a list of values by their number.
    changes = (f"{name} = given.column{at}" for at, name in enumerate(MOVING, 2))
    return (
        f"UPDATE wallets SET {', '.join(changes)}"  # noqa: S608
        f" FROM (VALUES {_values(1 + len(MOVING), rows)}) AS given"
        " WHERE wallets.id = given.column1"
    )


def _values(columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return ", ".join([row] * rows)


def _document(table: str, names: Sequence[str]) -> str:
    columns = ", ".join(
        f"hex({table}.{name})" if name in _BINARY else f"{table}.{name}"
        for name in names
    )
    return f"json_group_array(json_array({columns}))"


def _wallets_by(name: str) -> str:
    return (
        f"SELECT {_document('wallets', wallets.columns.keys())}"  # noqa: S608
        " FROM json_each(?) AS given"
        f" CROSS JOIN wallets ON wallets.{name} = given.value"
    )


def _answers_by_scope() -> str:
    same = " AND ".join(
        f"operations.{name} = json_extract(given.value, '$[{at}]')"
        for at, name in enumerate(SCOPE)
    )
    return (
        f"SELECT {_document('operations', REMEMBERED)}"  # noqa: S608
        " FROM json_each(?) AS given"
        f" CROSS JOIN operations ON operations.key IS NOT NULL AND {same}"
    )


_OF_RUN: Final = """\
FROM entries WHERE entries.wallet_id = given.wallet_id
    AND entries.version > given.number * given.size
    AND entries.version <= (given.number + 1) * given.size"""
# Each run is made of the entries themselves, found by their key.
_COMPLETE_RUNS: Final = f"""\
INSERT INTO spans (wallet_id, size, number, low_minor, high_minor, last_at_us)
SELECT wallet_id, size, number,
  (SELECT min(balance_minor) {_OF_RUN}),
  (SELECT max(balance_minor) {_OF_RUN}),
  (SELECT at_us {_OF_RUN} ORDER BY version DESC LIMIT 1)
FROM (
  SELECT json_extract(value, '$[0]') AS wallet_id,
    json_extract(value, '$[1]') AS size, json_extract(value, '$[2]') AS number
  FROM json_each(?)
) AS given
"""  # noqa: S608
_WALLETS_BY_ID: Final = _wallets_by("id")
_WALLETS_BY_KEY: Final = _wallets_by("creation_key")
_ANSWERS_BY_SCOPE: Final = _answers_by_scope()
