"""What only PostgreSQL does: the money path as its SQL, and its words for queries.

A set of rows goes in as one JSON document, which a fast library writes and the server
reads by the types of the table itself. An array for each column would be written by
the driver, value by value, and took longer than the server needs for everything else.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from ..ledger.outcomes import HoldId, Scope
from .amcheck import damage as damage
from .rows import Driver, Moment, Row, Rows
from .tables import MOVING, RUN, SCOPE, changes, entries, holds, operations, wallets

#: How long a batch waits for a row that another process has locked: about the time of a
#: commit. A lock held for longer holds up only those who want that row.
PATIENCE_MS: Final = 200

BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
DURABILITY = """
VALUES ('fsync', current_setting('fsync')),
  ('full_page_writes', current_setting('full_page_writes')),
  ('synchronous_commit', current_setting('synchronous_commit')),
  ('synchronous_standby_names', current_setting('synchronous_standby_names'))
"""
WORDS = {"array": "json_build_array", "all": "json_agg", "json": "", "bytewise": '"C"'}

_WALLETS: Final = """
SELECT wallets.id, wallets.name, wallets.currency, wallets.floor_minor,
  wallets.created_at_us, wallets.creation_key, wallets.key_version,
  wallets.balance_minor, wallets.version, wallets.digest, wallets.last_entry_at_us,
  wallets.archived_at_us, wallets.changes, wallets.held_minor, wallets.next_expiry_us,
  wallets.seal
FROM json_populate_recordset(NULL::wallets, %(rows)s) AS given
"""
# The order of the locks is the same in every process, so two batches that share
# wallets wait for each other instead of both for ever.
_BY_ID: Final = f"""{_WALLETS}
JOIN wallets ON wallets.id = given.id
ORDER BY wallets.id FOR UPDATE OF wallets
"""
_LOCKED: Final = """
WITH free AS (
  SELECT wallets.id FROM json_populate_recordset(NULL::wallets, %(rows)s) AS given
  JOIN wallets ON wallets.id = given.id
  ORDER BY wallets.id FOR UPDATE OF wallets SKIP LOCKED
)
SELECT wallets.id FROM json_populate_recordset(NULL::wallets, %(rows)s) AS given
JOIN wallets ON wallets.id = given.id
WHERE wallets.id NOT IN (SELECT id FROM free)
"""
# A key belongs to the wallet as it was created, whatever it is called today. That never
# changes, so nobody waits for it.
_AS_CREATED: Final = _WALLETS.replace(
    "wallets.name", "coalesce(first.name, wallets.name)"
).replace("wallets.floor_minor", "coalesce(first.floor_minor, wallets.floor_minor)")
_BY_KEY: Final = f"""{_AS_CREATED}
JOIN wallets ON wallets.creation_key = given.creation_key
LEFT JOIN changes AS first ON first.wallet_id = wallets.id AND first.number = 0
"""
# Each key is looked up by itself. Joined, the planner would go through all the keys
# there are, for as long as it believes that there are none.
_ANSWERS: Final = """
SELECT found.*
FROM json_populate_recordset(NULL::operations, %(rows)s) AS given
CROSS JOIN LATERAL (
  SELECT wallet_id, principal, key, id, fingerprint, status, body FROM operations
  WHERE wallet_id = given.wallet_id AND principal = given.principal
    AND key = given.key AND key IS NOT NULL
  LIMIT 1
) AS found
"""
_REVERSED: Final = """
SELECT entries.wallet_id, entries.reverses
FROM json_populate_recordset(NULL::entries, %(rows)s) AS given
JOIN entries USING (wallet_id, reverses)
"""
# The parts of one statement see nothing of each other, and need not: what refers to
# what is checked when all of it is there.
_WRITE: Final = """
WITH new_wallets AS (
  INSERT INTO wallets
  SELECT * FROM json_populate_recordset(NULL::wallets, %(created)s)
), new_operations AS (
  INSERT INTO operations
  SELECT * FROM json_populate_recordset(NULL::operations, %(operations)s)
), new_entries AS (
  INSERT INTO entries
  SELECT * FROM json_populate_recordset(NULL::entries, %(entries)s)
)
UPDATE wallets SET name = moved.name, floor_minor = moved.floor_minor,
  key_version = moved.key_version, balance_minor = moved.balance_minor,
  version = moved.version, digest = moved.digest,
  last_entry_at_us = moved.last_entry_at_us, archived_at_us = moved.archived_at_us,
  changes = moved.changes, held_minor = moved.held_minor,
  next_expiry_us = moved.next_expiry_us, seal = moved.seal
FROM json_populate_recordset(NULL::wallets, %(moved)s) AS moved
WHERE wallets.id = moved.id
"""
_INSERT_CHANGES: Final = """
INSERT INTO changes SELECT * FROM json_populate_recordset(NULL::changes, %(rows)s)
"""
_PUT_HOLDS: Final = """
INSERT INTO holds SELECT * FROM json_populate_recordset(NULL::holds, %(rows)s)
ON CONFLICT (wallet_id, id) DO UPDATE SET captured_minor = excluded.captured_minor,
  state = excluded.state, closed_at_us = excluded.closed_at_us
"""
_NAMED_HOLDS: Final = """
SELECT holds.* FROM json_populate_recordset(NULL::holds, %(rows)s) AS given
JOIN holds USING (wallet_id, id)
"""
_DUE_HOLDS: Final = """
SELECT holds.* FROM json_populate_recordset(NULL::holds, %(rows)s) AS given
JOIN holds ON holds.wallet_id = given.wallet_id AND holds.state = 'open'
  AND holds.expires_at_us <= given.expires_at_us
"""
_NEXT_EXPIRY: Final = """
SELECT given.wallet_id, (
  SELECT min(holds.expires_at_us) FROM holds
  WHERE holds.wallet_id = given.wallet_id AND holds.state = 'open'
    AND holds.expires_at_us > given.expires_at_us
) FROM json_populate_recordset(NULL::holds, %(rows)s) AS given
"""
# Each run is made of the entries themselves, found by their key.
_COMPLETE_RUNS: Final = """
INSERT INTO spans (wallet_id, size, number, low_minor, high_minor, last_at_us)
SELECT wallet_id, size, number,
  (SELECT min(balance_minor) FROM entries WHERE entries.wallet_id = given.wallet_id
    AND version > number * size AND version <= (number + 1) * size),
  (SELECT max(balance_minor) FROM entries WHERE entries.wallet_id = given.wallet_id
    AND version > number * size AND version <= (number + 1) * size),
  (SELECT at_us FROM entries WHERE entries.wallet_id = given.wallet_id
    AND version = (number + 1) * size)
FROM json_populate_recordset(NULL::spans, %(rows)s) AS given
"""

_WALLET: Final = wallets.columns.keys()
_OPERATION: Final = operations.columns.keys()
_ENTRY: Final = entries.columns.keys()
_MOVED: Final = ("id", *MOVING)
_HOLD: Final = holds.columns.keys()
_MOMENT: Final = ("wallet_id", "expires_at_us")
_CHANGE: Final = changes.columns.keys()


@cache
def text(sql: str) -> str:
    """Mark the parameters of a statement as the driver does: ``%(name)s``."""
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", sql.replace("%", "%%"))


def given(*columns: str) -> str:
    """Read the parameter ``:rows``, a JSON array of arrays, as rows with columns."""
    members = (
        f"CAST(value ->> {at} AS {kind}) AS {name}"
        for at, (name, kind) in enumerate(column.split() for column in columns)
    )
    rows = "json_array_elements(CAST(:rows AS json)) AS each(value)"
    return f"(SELECT {', '.join(members)} FROM {rows}) AS given"  # noqa: S608


def begin(driver: Driver) -> None:
    """Do nothing: the driver begins with the first statement."""


def lock_wallets(driver: Driver, ids: list[str]) -> Sequence[Row]:
    """Read wallets by their sorted ids, and let no one else change them."""
    return _read(driver, _BY_ID, ("id",), [(each,) for each in ids])


def find_created(driver: Driver, keys: list[str]) -> Sequence[Row]:
    """Read wallets by the keys under which they were created."""
    return _read(driver, _BY_KEY, ("creation_key",), [(each,) for each in keys])


def wait_for_locks(execute: Callable[..., object], timeout_ms: int) -> None:
    """Let the rest of a transaction wait for locks so long."""
    setting = "SELECT set_config('lock_timeout', %s, true)"
    execute(setting, (str(timeout_ms),))


def find_locked(driver: Driver, ids: list[str]) -> Sequence[str]:
    """Lock those wallets that are free, wait for none, and tell which are not."""
    rows = _read(driver, _LOCKED, ("id",), [(each,) for each in ids])
    return [each for (each,) in rows]


def find_remembered(driver: Driver, scopes: list[Scope]) -> Sequence[Row]:
    """Read scope, id, fingerprint, status and body of what was answered."""
    return _read(driver, _ANSWERS, SCOPE, scopes)


def find_reversed(driver: Driver, undone: list[tuple[str, str]]) -> Sequence[Row]:
    """Read which wallets and operations have a reversal."""
    return _read(driver, _REVERSED, ("wallet_id", "reverses"), undone)


def find_holds(driver: Driver, names: list[HoldId]) -> Sequence[Row]:
    """Read holds by their wallets and ids."""
    return _read(driver, _NAMED_HOLDS, ("wallet_id", "id"), names)


def find_due_holds(driver: Driver, moments: list[Moment]) -> Sequence[Row]:
    """Read the open holds of wallets that expire up to a moment."""
    return _read(driver, _DUE_HOLDS, _MOMENT, moments)


def find_next_expiry(driver: Driver, moments: list[Moment]) -> Sequence[Row]:
    """Read when the next hold of wallets expires after a moment."""
    return _read(driver, _NEXT_EXPIRY, _MOMENT, moments)


def write(driver: Driver, rows: Rows) -> None:
    """Write everything that a batch changes in one statement; runs need another."""
    documents = {
        "created": _document(_WALLET, rows.created),
        "operations": _document(_OPERATION, rows.operations),
        "entries": _document(_ENTRY, rows.entries),
        "moved": _document(_MOVED, rows.moved),
    }
    driver.execute(_WRITE, documents)
    if rows.changes:
        driver.execute(_INSERT_CHANGES, {"rows": _document(_CHANGE, rows.changes)})
    if rows.holds:
        driver.execute(_PUT_HOLDS, {"rows": _document(_HOLD, rows.holds)})
    if rows.runs:
        driver.execute(_COMPLETE_RUNS, {"rows": _document(RUN, rows.runs)})


def _read(
    driver: Driver, statement: str, names: Sequence[str], rows: Sequence[Row]
) -> Sequence[Row]:
    found: list[Row] = driver.execute(
        statement, {"rows": _document(names, rows)}
    ).fetchall()
    return found


def _document(names: Sequence[str], rows: Sequence[Row]) -> str:
    named: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows]
    # JSON has no bytes; the type of the column reads them in hexadecimal.
    for name in {"digest", "fingerprint", "seal"}.intersection(names):
        for each in named:
            each[name] = f"\\x{each[name].hex()}"
    return msgspec.json.encode(named).decode()
