"""What is read: a wallet, a page of wallets or entries, an operation, a sum.

Each takes one statement, finds its rows by an index, and sees only what is committed.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from ..clock import now_us
from ..ledger.commands import Kind, Principal
from ..ledger.outcomes import Change, Entry, Remembered, WalletState
from .rows import to_remembered
from .store import Store

_AS_WRITTEN: Final = """
SELECT id, name, currency, floor_minor, created_at_us, creation_key, key_version,
  balance_minor, version, digest, last_entry_at_us, archived_at_us, changes,
  held_minor, next_expiry_us, seal
FROM wallets"""
# What has expired counts for nothing, before anything has touched the wallet, too.
_HELD: Final = """held_minor - CASE WHEN next_expiry_us <= :now_us THEN (
    SELECT CAST(coalesce(sum(amount_minor - captured_minor), 0) AS BIGINT) FROM holds
    WHERE wallet_id = wallets.id AND state = 'open' AND expires_at_us <= :now_us
  ) ELSE 0 END"""
WALLETS: Final = _AS_WRITTEN.replace("held_minor", _HELD)
WALLET: Final = f"{_AS_WRITTEN} WHERE id = :wallet_id"
_WALLET_NOW: Final = f"{WALLETS} WHERE id = :wallet_id"
_WALLETS_AFTER: Final = f"""
{WALLETS} WHERE id > :after ORDER BY id LIMIT :limit
"""
_OPEN_WALLETS_AFTER: Final = f"""
{WALLETS} WHERE id > :after AND archived_at_us IS NULL ORDER BY id LIMIT :limit
"""
_OF_SOME: Final = "SELECT wallets.id, {column} FROM {given} JOIN wallets USING (id)"
# Few wallets have a reversal. Only in those one is looked for at each entry.
ENTRY: Final = """
SELECT entries.wallet_id, entries.version, entries.kind, entries.amount_minor,
  entries.balance_minor, entries.operation_id, entries.counterparty, entries.note,
  entries.at_us, entries.payee, entries.reverses, entries.hold_id, entries.digest,
  CASE WHEN EXISTS (
    SELECT 1 FROM entries AS reversals
    WHERE reversals.wallet_id = :wallet_id AND reversals.reverses IS NOT NULL
  ) THEN (
    SELECT reversals.operation_id FROM entries AS reversals
    WHERE reversals.wallet_id = :wallet_id
      AND reversals.reverses = entries.operation_id
  ) END
FROM entries WHERE entries.wallet_id = :wallet_id"""
# The number of rows is part of the text: without it, PostgreSQL would make a new plan
# for each page of a long history, which takes nearly as long as the page itself.
_ENTRIES: Final = f"""
{ENTRY} AND entries.version < :before
ORDER BY entries.version DESC LIMIT {{limit:d}}
"""
_ONE_ENTRY: Final = f"{ENTRY} AND entries.version = :version"
_OPERATION: Final = """
SELECT id, fingerprint, status, body FROM operations
WHERE wallet_id = :wallet_id AND principal = :principal AND key = :key
  AND key IS NOT NULL
"""
_OPERATION_BY_ID: Final = """
SELECT principal, key, id, fingerprint, status, body FROM operations
WHERE wallet_id = :wallet_id AND id = :id
"""
_CHANGE: Final = """
SELECT wallet_id, number, name, floor_minor, archived_at_us, key_version, version, at_us
FROM changes WHERE wallet_id = :wallet_id AND number = :number
"""
_REVERSAL: Final = """
SELECT version FROM entries WHERE wallet_id = :wallet_id AND reverses = :id
"""
# Each key is looked up by itself, however many the planner believes that there are.
_ANSWERED: Final = """
SELECT key, id, fingerprint, status FROM (
  SELECT key, {found[id]} AS id, {found[fingerprint]} AS fingerprint,
    {found[status]} AS status
  FROM {given}
) AS looked_up WHERE id IS NOT NULL
"""
_FOUND: Final = """(SELECT operations.{column} FROM operations
    WHERE wallet_id = :wallet_id AND principal = 'operator'
      AND operations.key = given.key AND operations.key IS NOT NULL)"""
# Sums over all wallets may not fit in 64 bits, so they are taken in two parts.
HELD_BY_CURRENCY: Final = """
SELECT currency, sum(balance_minor / 1000000000), sum(balance_minor % 1000000000)
FROM wallets GROUP BY currency
"""
_PART: Final = 1_000_000_000
#: To look a kind up takes a tenth of what it takes to make it.
_KINDS: Final = {kind.value: kind for kind in Kind}
#: Every version is before it.
BEYOND_ALL: Final = 2**63 - 1


def find_wallet(store: Store, wallet_id: str) -> WalletState | None:
    """Read one wallet."""
    found = store.reader.rows(_WALLET_NOW, wallet_id=wallet_id, now_us=now_us())
    return WalletState(*found[0]) if found else None


def list_wallets(
    store: Store, limit: int, after: str | None, archived: bool = True
) -> list[WalletState]:
    """Read wallets in the order of their creation, after the one named."""
    sql = _WALLETS_AFTER if archived else _OPEN_WALLETS_AFTER
    # Every id is after no text at all.
    found = store.reader.rows(sql, after=after or "", limit=limit, now_us=now_us())
    return [WalletState(*row) for row in found]


def find_names(store: Store, wallet_ids: set[str]) -> dict[str, str]:
    """Read what some wallets are called."""
    return _of_some(store, "name", wallet_ids)


def find_versions(store: Store, wallet_ids: set[str]) -> dict[str, int]:
    """Read how many entries some wallets have."""
    return _of_some(store, "version", wallet_ids)


def _of_some(store: Store, column: str, wallet_ids: set[str]) -> dict[str, Any]:
    rows = msgspec.json.encode([(each,) for each in wallet_ids]).decode()
    sql = _OF_SOME.format(column=column, given=store.dialect.given("id text"))
    return dict(store.reader.rows(sql, rows=rows))


def list_entries(
    store: Store, wallet_id: str, limit: int, before: int | None
) -> list[Entry]:
    """Read a wallet's history, newest first, before the version named."""
    before = BEYOND_ALL if before is None else before
    sql = _ENTRIES.format(limit=limit)
    found = store.reader.rows(sql, wallet_id=wallet_id, before=before)
    return [to_entry(row) for row in found]


def find_entry(store: Store, wallet_id: str, version: int) -> Entry | None:
    """Read one entry of a wallet's history."""
    found = store.reader.rows(_ONE_ENTRY, wallet_id=wallet_id, version=version)
    return to_entry(found[0]) if found else None


def find_operation(
    store: Store, wallet_id: str, principal: Principal, key: str
) -> Remembered | None:
    """Read what was answered under a key."""
    found = store.reader.rows(
        _OPERATION, wallet_id=wallet_id, principal=principal.value, key=key
    )
    return to_remembered(found[0]) if found else None


def find_answered(
    store: Store, wallet_id: str, keys: Sequence[str | None]
) -> list[tuple[Any, ...]]:
    """Read which keys the operator has used: key, id, fingerprint and status."""
    columns = ("id", "fingerprint", "status")
    found = {column: _FOUND.format(column=column) for column in columns}
    sql = _ANSWERED.format(found=found, given=store.dialect.given("key text"))
    rows = msgspec.json.encode([(key,) for key in keys]).decode()
    return store.reader.rows(sql, wallet_id=wallet_id, rows=rows)


def find_operation_by_id(
    store: Store, wallet_id: str, operation_id: str
) -> tuple[Principal, str | None, Remembered] | None:
    """Read what was answered to an operation, to whom, and under which key."""
    given = {"wallet_id": wallet_id, "id": operation_id}
    for principal, key, *answered in store.reader.rows(_OPERATION_BY_ID, **given):
        return Principal(principal), key, to_remembered(answered)
    return None


def find_change(store: Store, wallet_id: str, number: int) -> Change | None:
    """Read what a wallet was after so many changes, if that is past."""
    found = store.reader.rows(_CHANGE, wallet_id=wallet_id, number=number)
    return Change(*found[0]) if found else None


def is_reversed(store: Store, wallet_id: str, operation_id: str) -> bool:
    """Tell whether an operation of a wallet was undone."""
    given = {"wallet_id": wallet_id, "id": operation_id}
    return bool(store.reader.rows(_REVERSAL, **given))


def to_entry(row: Sequence[Any]) -> Entry:
    """Read an entry from its row."""
    wallet_id, version, kind, *rest = row
    return Entry(wallet_id, version, _KINDS[kind], *rest)


def held_by_currency(store: Store) -> dict[str, int]:
    """Sum the balances of all wallets, for each currency."""
    return to_sums(store.reader.rows(HELD_BY_CURRENCY))


def to_sums(rows: Iterable[Sequence[Any]]) -> dict[str, int]:
    """Put the two parts of sums together: currency, high and low."""
    return {currency: whole(*parts) for currency, *parts in rows}


def whole(high: int, low: int) -> int:
    """Put the two parts of a sum together."""
    return int(high) * _PART + int(low)
