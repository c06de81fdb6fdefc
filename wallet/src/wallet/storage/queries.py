"""What is read: a wallet, a page of wallets or entries, an operation.

Each takes one statement, finds its rows by an index, and sees only what is committed.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    bindparam,
    cast,
    func,
    select,
)

from ..ledger.commands import Kind, Principal
from ..ledger.outcomes import Entry, Remembered, WalletState
from . import errors as failures
from .store import Store
from .tables import entries, operations, wallets

#: Sums over all wallets may not fit in 64 bits, so they are taken in two parts.
_PART: Final = 10**9

ENTRY_COLUMNS = (
    entries.c.wallet_id,
    entries.c.version,
    entries.c.kind,
    entries.c.amount_minor,
    entries.c.balance_minor,
    entries.c.operation_id,
    entries.c.counterparty,
    entries.c.note,
    entries.c.at_us,
    entries.c.digest,
)

_wallet_columns = tuple(wallets.c[name] for name in WalletState._fields)
_wallet = select(*_wallet_columns).where(wallets.c.id == bindparam("wallet_id"))
_wallets_after = (
    select(*_wallet_columns)
    .where(wallets.c.id > bindparam("after"))
    .order_by(wallets.c.id)
    .limit(bindparam("rows"))
)
_names = select(wallets.c.id, wallets.c.name).where(
    wallets.c.id.in_(bindparam("wallet_ids", expanding=True))
)
_entries = (
    select(*ENTRY_COLUMNS)
    .where(entries.c.wallet_id == bindparam("wallet_id"))
    .order_by(entries.c.version.desc())
    .limit(bindparam("rows"))
)
_entries_before = _entries.where(entries.c.version < bindparam("before"))
_operation = select(
    operations.c.id,
    operations.c.fingerprint,
    operations.c.status,
    operations.c.body,
).where(
    operations.c.wallet_id == bindparam("wallet_id"),
    operations.c.principal == bindparam("principal"),
    operations.c.key == bindparam("key"),
    operations.c.key.is_not(None),
)


def find_wallet(store: Store, wallet_id: str) -> WalletState | None:
    """Read one wallet."""
    found = store.reader.rows(_wallet, {"wallet_id": wallet_id})
    return WalletState(*found[0]) if found else None


def list_wallets(store: Store, limit: int, after: str | None) -> list[WalletState]:
    """Read wallets in the order of their creation, after the one named."""
    # Every id is after no text at all.
    given = {"rows": limit, "after": after or ""}
    return [WalletState(*row) for row in store.reader.rows(_wallets_after, given)]


def find_names(store: Store, wallet_ids: set[str]) -> dict[str, str]:
    """Read what some wallets are called."""
    with failures.before_commit(), store.reading.connect() as connection:
        found = connection.execute(_names, {"wallet_ids": sorted(wallet_ids)})
        return {row.id: row.name for row in found}


def list_entries(
    store: Store, wallet_id: str, limit: int, before: int | None
) -> list[Entry]:
    """Read a wallet's history, newest first, before the version named."""
    statement, given = _entries, {"wallet_id": wallet_id, "rows": limit}
    if before is not None:
        statement, given = _entries_before, given | {"before": before}
    return [to_entry(row) for row in store.reader.rows(statement, given)]


def find_operation(
    store: Store, wallet_id: str, principal: Principal, key: str
) -> Remembered | None:
    """Read what was answered under a key."""
    given = {"wallet_id": wallet_id, "principal": principal.value, "key": key}
    found = store.reader.rows(_operation, given)
    return Remembered(*found[0]) if found else None


def to_entry(row: Sequence[Any]) -> Entry:
    """Read an entry from its row."""
    wallet_id, version, kind, *rest = row
    return Entry(wallet_id, version, Kind(kind), *rest)


def held_by_currency(connection: Connection) -> dict[str, int]:
    """Sum the balances of all wallets, for each currency."""
    return sum_by_currency(connection, wallets.c.balance_minor, wallets)


def sum_by_currency(
    connection: Connection,
    amount: ColumnElement[int],
    source: FromClause,
    *conditions: ColumnElement[bool],
) -> dict[str, int]:
    """Sum an amount for each currency, however large the sum."""

    def total(part: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(part), 0)

    rows = connection.execute(
        select(
            wallets.c.currency,
            total(amount.op("/")(cast(_PART, Integer))),
            total(amount.op("%")(cast(_PART, Integer))),
        )
        .select_from(source)
        .where(*conditions)
        .group_by(wallets.c.currency)
    )
    return {currency: int(high) * _PART + int(low) for currency, high, low in rows}
