"""What Citus does in another way than PostgreSQL: a statement for each wallet.

A statement that names one wallet is sent whole to the machine that has it. One that
names several is refused where it locks rows, and only what is inserted is split up by
Citus itself. What comes together goes to the server at once, and is answered there one
after the other.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain, groupby
from typing import Any, Final, cast

from sqlalchemy import Table

from ..ledger.outcomes import HoldId, Scope
from . import postgresql
from .amcheck import damage as damage
from .postgresql import BEGIN_SNAPSHOT as BEGIN_SNAPSHOT
from .postgresql import PATIENCE_MS
from .postgresql import WORDS as WORDS
from .postgresql import given as given
from .rows import Driver, Moment, Row, Rows
from .side_tables import spans
from .sqlite import split
from .tables import MOVING, changes, entries, holds, operations, wallets

#: Of several machines the least safe one counts, and one that is lost is not safe.
DURABILITY = """
SELECT name,
  CASE WHEN bool_or(value = '') THEN '' ELSE string_agg(DISTINCT value, ', ') END
FROM run_command_on_all_nodes('SELECT json_build_object(
  ''fsync'', current_setting(''fsync''),
  ''full_page_writes'', current_setting(''full_page_writes''),
  ''synchronous_commit'', current_setting(''synchronous_commit''),
  ''synchronous_standby_names'', current_setting(''synchronous_standby_names''))')
CROSS JOIN json_each_text(
  CASE WHEN success THEN CAST(result AS json) ELSE '{"fsync" : "unknown"}' END
) AS setting(name, value)
GROUP BY name
"""


def _names(table: Table) -> str:
    return ", ".join(f"{table.name}.{each}" for each in table.columns.keys())


def _insert(table: Table) -> str:
    columns = ", ".join(table.columns.keys())
    return f"INSERT INTO {table.name} ({columns}) VALUES {{}}"  # noqa: S608


_WALLET: Final = f"SELECT {_names(wallets)} FROM wallets WHERE id = %s"  # noqa: S608
_LOCK: Final = f"{_WALLET} FOR UPDATE"
_LOCK_IF_FREE: Final = "SELECT id FROM wallets WHERE id = %s FOR UPDATE SKIP LOCKED"
_IS_THERE: Final = "SELECT id FROM wallets WHERE id = %s"
_CREATED: Final = "SELECT wallet_id FROM creations WHERE key = %s"
# A key belongs to the wallet as it was created, whatever it is called today.
_FIRST: Final = (
    _names(wallets)
    .replace("wallets.name", "coalesce(first.name, wallets.name)")
    .replace("wallets.floor_minor", "coalesce(first.floor_minor, wallets.floor_minor)")
)
_AS_CREATED: Final = f"""
SELECT {_FIRST} FROM wallets
LEFT JOIN changes AS first ON first.wallet_id = wallets.id AND first.number = 0
WHERE wallets.id = %s
"""  # noqa: S608
_ANSWERS: Final = """
SELECT wallet_id, principal, key, id, fingerprint, status, body FROM operations
WHERE wallet_id = %s AND principal = %s AND key = ANY(%s) AND key IS NOT NULL
"""
_REVERSED: Final = """
SELECT wallet_id, reverses FROM entries WHERE wallet_id = %s AND reverses = ANY(%s)
"""
_HOLDS: Final = f"SELECT {_names(holds)} FROM holds WHERE wallet_id = %s"  # noqa: S608
_NAMED_HOLDS: Final = f"{_HOLDS} AND id = ANY(%s)"
_DUE_HOLDS: Final = f"{_HOLDS} AND state = 'open' AND expires_at_us <= %s"
_NEXT_EXPIRY: Final = """
SELECT CAST(%s AS text), min(expires_at_us) FROM holds
WHERE wallet_id = %s AND state = 'open' AND expires_at_us > %s
"""
#: What was unique in the table of wallets cannot be where they are spread by their ids.
_INSERT_CREATIONS: Final = "INSERT INTO creations (key, wallet_id) VALUES {}"
_MOVE: Final = f"""
UPDATE wallets SET {", ".join(f"{name} = %s" for name in MOVING)} WHERE id = %s
"""  # noqa: S608
_PUT_HOLDS: Final = f"""{_insert(holds)}
ON CONFLICT (wallet_id, id) DO UPDATE SET captured_minor = excluded.captured_minor,
  state = excluded.state, closed_at_us = excluded.closed_at_us
"""
_COMPLETE_RUN: Final = f"""
INSERT INTO spans ({", ".join(spans.columns.keys())})
SELECT wallet_id, CAST(%s AS integer), CAST(%s AS bigint), min(balance_minor),
  max(balance_minor), max(at_us)
FROM entries WHERE wallet_id = %s AND version > %s AND version <= %s
GROUP BY wallet_id
"""  # noqa: S608

_ID: Final = wallets.columns.keys().index("id")
_KEY: Final = wallets.columns.keys().index("creation_key")


@cache
def text(sql: str) -> str:
    """Mark the parameters of a statement, which is sent to one machine if it can be.

    Of a statement within another it is not seen that both are about the same wallet.
    """
    if sql.endswith(" WHERE id = :wallet_id"):
        sql = sql.replace("wallet_id = wallets.id", "wallet_id = :wallet_id")
    return postgresql.text(sql)


def begin(driver: Driver) -> None:
    """Let the machines wait for locks no longer than a batch does."""
    wait_for_locks(driver.execute, PATIENCE_MS)


def wait_for_locks(execute: Callable[..., object], timeout_ms: int) -> None:
    """Let the rest of a transaction wait for locks so long."""
    execute(f"SET LOCAL lock_timeout = {timeout_ms:d}", ())


def lock_wallets(driver: Driver, ids: list[str]) -> Sequence[Row]:
    """Read wallets by their sorted ids, and let no one else change them."""
    return _read(driver, _LOCK, _alone(ids))


def find_created(driver: Driver, keys: list[str]) -> Sequence[Row]:
    """Read wallets by the keys under which they were created."""
    return _read(driver, _AS_CREATED, _read(driver, _CREATED, _alone(keys)))


def find_locked(driver: Driver, ids: list[str]) -> Sequence[str]:
    """Lock those wallets that are free, wait for none, and tell which are not."""
    free = {each for (each,) in _read(driver, _LOCK_IF_FREE, _alone(ids))}
    rest = [each for each in ids if each not in free]
    return [each for (each,) in _read(driver, _IS_THERE, _alone(rest))]


def find_remembered(driver: Driver, scopes: list[Scope]) -> Sequence[Row]:
    """Read scope, id, fingerprint, status and body of what was answered."""
    return _read(driver, _ANSWERS, _together(scopes))


def find_reversed(driver: Driver, undone: list[tuple[str, str]]) -> Sequence[Row]:
    """Read which wallets and operations have a reversal."""
    return _read(driver, _REVERSED, _together(undone))


def find_holds(driver: Driver, names: list[HoldId]) -> Sequence[Row]:
    """Read holds by their wallets and ids."""
    return _read(driver, _NAMED_HOLDS, _together(names))


def find_due_holds(driver: Driver, moments: list[Moment]) -> Sequence[Row]:
    """Read the open holds of wallets that expire up to a moment."""
    return _read(driver, _DUE_HOLDS, moments)


def find_next_expiry(driver: Driver, moments: list[Moment]) -> Sequence[Row]:
    """Read when the next hold of wallets expires after a moment."""
    return _read(driver, _NEXT_EXPIRY, [(each[0], *each) for each in moments])


def write(driver: Driver, rows: Rows) -> None:
    """Write everything that a batch changes."""
    keyed = [row for row in rows.created if row[_KEY] is not None]
    with cast("Any", driver).pipeline():
        for statement, given in (
            (_INSERT_CREATIONS, [(row[_KEY], row[_ID]) for row in keyed]),
            (_insert(wallets), rows.created),
            (_insert(operations), rows.operations),
            (_insert(entries), rows.entries),
            (_insert(changes), rows.changes),
            (_PUT_HOLDS, rows.holds),
        ):
            for part in split(given):
                values = tuple(chain.from_iterable(part))
                driver.execute(_for(statement, len(part[0]), len(part)), values)
        for wallet_id, *moved in rows.moved:
            driver.execute(_MOVE, (*moved, wallet_id))
        for wallet_id, size, number in rows.runs:
            within = wallet_id, number * size, (number + 1) * size
            driver.execute(_COMPLETE_RUN, (size, number, *within))


@cache
def _for(statement: str, columns: int, rows: int) -> str:
    row = f"({', '.join(['%s'] * columns)})"
    return statement.format(", ".join([row] * rows))


def _together(rows: Sequence[Row]) -> list[Row]:
    """Ask at once for all that differ in their last value only."""
    groups = groupby(rows, key=lambda row: row[:-1])
    return [(*first, [row[-1] for row in group]) for first, group in groups]


def _alone(values: Sequence[str]) -> list[Row]:
    return [(each,) for each in values]


def _read(driver: Driver, statement: str, rows: Sequence[Row]) -> Sequence[Row]:
    if not rows:
        return []
    with cast("Any", driver).pipeline():
        asked = [driver.execute(statement, row) for row in rows]
    return [row for cursor in asked for row in cursor.fetchall()]
