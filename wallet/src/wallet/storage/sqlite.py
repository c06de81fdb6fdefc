"""What only SQLite does: the money path as its SQL, and its words for queries.

The driver lets go of the interpreter at each step of a statement, and a row that goes
in or out by itself is a step. So rows go in as one list of values, and what is read of
many comes out as one JSON document.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from ..ledger.outcomes import HoldId, Scope
from .rows import Driver, Moment, Row, Rows

#: The most rows in a statement. Each size is a statement of its own, and all are
#: powers of two, so that they are few, and are prepared once.
_MOST_ROWS: Final = 512

BEGIN_SNAPSHOT = "BEGIN"
DURABILITY = """
VALUES ('journal_mode', (SELECT journal_mode FROM pragma_journal_mode)),
  ('synchronous', (SELECT synchronous FROM pragma_synchronous)),
  ('foreign_keys', (SELECT foreign_keys FROM pragma_foreign_keys))
"""
WORDS = {
    "array": "json_array",
    "all": "json_group_array",
    "json": "json",
    "bytewise": "BINARY",
}

_WALLETS: Final = """
SELECT wallets.id, wallets.name, currency, wallets.floor_minor, created_at_us,
  creation_key, wallets.key_version, balance_minor, wallets.version, digest,
  last_entry_at_us, wallets.archived_at_us, changes, held_minor, next_expiry_us, seal
"""
_BY_ID: Final = f"{_WALLETS} FROM json_each(?) CROSS JOIN wallets ON wallets.id = value"
# A key belongs to the wallet as it was created, whatever it is called today.
_AS_CREATED: Final = _WALLETS.replace(
    "wallets.name", "coalesce(first.name, wallets.name)"
).replace("wallets.floor_minor", "coalesce(first.floor_minor, wallets.floor_minor)")
_BY_KEY: Final = f"""{_AS_CREATED}
FROM json_each(?) CROSS JOIN wallets ON creation_key = value
LEFT JOIN changes AS first ON first.wallet_id = wallets.id AND first.number = 0
"""
_ANSWERS: Final = """
SELECT operations.wallet_id, principal, operations.key, operations.id, fingerprint,
  status, body
FROM json_each(?) AS given CROSS JOIN operations
  ON operations.wallet_id = json_extract(given.value, '$[0]')
  AND operations.principal = json_extract(given.value, '$[1]')
  AND operations.key = json_extract(given.value, '$[2]')
  AND operations.key IS NOT NULL
"""
_REVERSED: Final = """
SELECT entries.wallet_id, entries.reverses
FROM json_each(?) AS given CROSS JOIN entries
  ON entries.wallet_id = json_extract(given.value, '$[0]')
  AND entries.reverses = json_extract(given.value, '$[1]')
"""
_INSERT_WALLETS: Final = """
INSERT INTO wallets (id, name, currency, floor_minor, created_at_us, creation_key,
  key_version, balance_minor, version, digest, last_entry_at_us, archived_at_us,
  changes, held_minor, next_expiry_us, seal)
VALUES {}
"""
_INSERT_OPERATIONS: Final = """
INSERT INTO operations (wallet_id, id, principal, key, fingerprint, status, body, at_us)
VALUES {}
"""
_INSERT_ENTRIES: Final = """
INSERT INTO entries (wallet_id, version, previous_version, previous_balance_minor, kind,
  amount_minor, balance_minor, operation_id, counterparty, note, at_us, digest, payee,
  reverses, hold_id)
VALUES {}
"""
#: The columns of a list of values are named by their number.
_MOVE: Final = """
UPDATE wallets SET name = column2, floor_minor = column3, key_version = column4,
  balance_minor = column5, version = column6, digest = column7,
  last_entry_at_us = column8, archived_at_us = column9, changes = column10,
  held_minor = column11, next_expiry_us = column12, seal = column13
FROM (VALUES {}) WHERE id = column1
"""
_INSERT_CHANGES: Final = """
INSERT INTO changes (wallet_id, number, name, floor_minor, archived_at_us, key_version,
  version, at_us)
VALUES {}
"""
_PUT_HOLDS: Final = """
INSERT INTO holds (wallet_id, id, amount_minor, captured_minor, note, state,
  created_at_us, expires_at_us, closed_at_us)
VALUES {}
ON CONFLICT (wallet_id, id) DO UPDATE SET captured_minor = excluded.captured_minor,
  state = excluded.state, closed_at_us = excluded.closed_at_us
"""
_HOLDS: Final = """
SELECT wallet_id, holds.id, amount_minor, captured_minor, note, state, created_at_us,
  expires_at_us, closed_at_us
FROM json_each(?) AS given CROSS JOIN holds
"""
_NAMED_HOLDS: Final = f"""{_HOLDS}
ON wallet_id = json_extract(given.value, '$[0]')
  AND holds.id = json_extract(given.value, '$[1]')
"""
_DUE_HOLDS: Final = f"""{_HOLDS}
ON wallet_id = json_extract(given.value, '$[0]') AND state = 'open'
  AND expires_at_us <= json_extract(given.value, '$[1]')
"""
_NEXT_EXPIRY: Final = """
SELECT json_extract(given.value, '$[0]'), (
  SELECT min(expires_at_us) FROM holds
  WHERE wallet_id = json_extract(given.value, '$[0]') AND state = 'open'
    AND expires_at_us > json_extract(given.value, '$[1]')
) FROM json_each(?) AS given
"""
#: Each run is made of the entries themselves, found by their key.
_COMPLETE_RUNS: Final = """
INSERT INTO spans (wallet_id, size, number, low_minor, high_minor, last_at_us)
SELECT wallet_id, size, number,
  (SELECT min(balance_minor) FROM entries WHERE entries.wallet_id = given.wallet_id
    AND version > number * size AND version <= (number + 1) * size),
  (SELECT max(balance_minor) FROM entries WHERE entries.wallet_id = given.wallet_id
    AND version > number * size AND version <= (number + 1) * size),
  (SELECT at_us FROM entries WHERE entries.wallet_id = given.wallet_id
    AND version = (number + 1) * size)
FROM (
  SELECT json_extract(value, '$[0]') AS wallet_id,
    json_extract(value, '$[1]') AS size, json_extract(value, '$[2]') AS number
  FROM json_each(?)
) AS given
"""


def text(sql: str) -> str:
    """Mark the parameters of a statement as the driver does: ``:name``."""
    return sql


def given(*columns: str) -> str:
    """Read the parameter ``:rows``, a JSON array of arrays, as rows with columns."""
    names = (column.split()[0] for column in columns)
    members = (
        f"json_extract(value, '$[{at}]') AS {name}" for at, name in enumerate(names)
    )
    return f"(SELECT {', '.join(members)} FROM json_each(:rows)) AS given"  # noqa: S608


def begin(driver: Driver) -> None:
    """Lock the file before anything is read that must hold when it is written."""
    driver.execute("BEGIN IMMEDIATE", ())


def lock_wallets(driver: Driver, ids: list[str]) -> Sequence[Row]:
    """Read wallets by their ids; the transaction has locked the whole file."""
    return _read(driver, _BY_ID, ids)


def find_created(driver: Driver, keys: list[str]) -> Sequence[Row]:
    """Read wallets by the keys under which they were created."""
    return _read(driver, _BY_KEY, keys)


def wait_for_locks(execute: Callable[..., object], timeout_ms: int) -> None:
    """Do nothing: the only lock is that of the file, and it is held."""


def find_locked(driver: Driver, ids: list[str]) -> Sequence[str]:
    """Tell of none: the lock of the file covers all wallets."""
    return []


def find_remembered(driver: Driver, scopes: list[Scope]) -> Sequence[Row]:
    """Read scope, id, fingerprint, status and body of what was answered."""
    return _read(driver, _ANSWERS, scopes)


def find_reversed(driver: Driver, undone: list[tuple[str, str]]) -> Sequence[Row]:
    """Read which wallets and operations have a reversal."""
    return _read(driver, _REVERSED, undone)


def find_holds(driver: Driver, names: list[HoldId]) -> Sequence[Row]:
    """Read holds by their wallets and ids."""
    return _read(driver, _NAMED_HOLDS, names)


def find_due_holds(driver: Driver, moments: list[Moment]) -> Sequence[Row]:
    """Read the open holds of wallets that expire up to a moment."""
    return _read(driver, _DUE_HOLDS, moments)


def find_next_expiry(driver: Driver, moments: list[Moment]) -> Sequence[Row]:
    """Read when the next hold of wallets expires after a moment."""
    return _read(driver, _NEXT_EXPIRY, moments)


def write(driver: Driver, rows: Rows) -> None:
    """Write everything that a batch changes."""
    for statement, given in (
        (_INSERT_WALLETS, rows.created),
        (_INSERT_OPERATIONS, rows.operations),
        (_INSERT_ENTRIES, rows.entries),
        (_MOVE, rows.moved),
        (_INSERT_CHANGES, rows.changes),
        (_PUT_HOLDS, rows.holds),
    ):
        for part in split(given) if given else ():
            values = tuple(chain.from_iterable(part))
            driver.execute(_for(statement, len(part[0]), len(part)), values)
    if rows.runs:
        runs = msgspec.json.encode(rows.runs).decode()
        driver.execute(_COMPLETE_RUNS, (runs,))


def split(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Split rows into parts whose sizes are powers of two, the largest first."""
    start, size = 0, _MOST_ROWS
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size


def _read(driver: Driver, statement: str, given: Sequence[Any]) -> Sequence[Row]:
    wanted = msgspec.json.encode(given).decode()
    found: list[Row] = driver.execute(statement, (wanted,)).fetchall()
    return found


@cache
def _for(statement: str, columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return statement.format(", ".join([row] * rows))


def damage(connection: Connection) -> str | None:
    """Compare the indexes with their tables; say what is wrong, if anything is."""
    found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
    return None if found == "ok" else str(found)
