"""Replays the history of every wallet and names the first row that cannot be right.

Each wallet is read in one snapshot, so a live database can be verified. What spans
wallets is checked afterwards, in statements that each see one moment.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from ..ledger.outcomes import WalletState
from ..storage.queries import ENTRY_COLUMNS, list_wallets
from ..storage.store import Store, to_wallet
from ..storage.tables import entries, operations, wallets
from .heads import Head
from .replay import Fault, Replayed
from .resum import Resummed
from .totals import check_totals

_PAGE: Final = 500


@dataclass(slots=True)
class Report:
    """What was verified."""

    wallets: int = 0
    entries: int = 0
    operations: int = 0


_history = (
    select(
        *ENTRY_COLUMNS,
        entries.c.previous_version,
        entries.c.previous_balance_minor,
        operations.c.status,
        operations.c.fingerprint,
        operations.c.body,
    )
    .join_from(
        entries,
        operations,
        (operations.c.wallet_id == entries.c.wallet_id)
        & (operations.c.id == entries.c.operation_id),
        isouter=True,
    )
    .where(entries.c.wallet_id == bindparam("wallet_id"))
    .order_by(entries.c.version)
)
_wallet = select(wallets).where(wallets.c.id == bindparam("wallet_id"))
_operations = select(func.count()).where(
    operations.c.wallet_id == bindparam("wallet_id"), operations.c.status == 201
)


def verify(
    store: Store,
    heads: Mapping[str, Head] | None = None,
    on_wallet: Callable[[WalletState], None] = lambda wallet: None,
) -> Report:
    """Check every wallet, then what spans wallets.

    :param heads: heads kept elsewhere, which the histories must still contain.
    :param on_wallet: is told each wallet that is right.
    :raises Fault: it names the first bad row.
    """
    report = Report()
    missing = dict(heads or {})
    for wallet_id in _wallet_ids(store):
        head = missing.pop(wallet_id, None)
        with store.snapshot() as connection:
            wallet = _verify_wallet(connection, wallet_id, head, report)
        on_wallet(wallet)
    if missing:
        raise Fault(f"{min(missing)}: the wallet is gone, though a head of it was kept")
    with store.snapshot() as connection:
        check_totals(connection)
    return report


def _wallet_ids(store: Store) -> Iterator[str]:
    after = None
    while page := list_wallets(store, _PAGE, after):
        for wallet in page:
            yield wallet.id
        after = page[-1].id


def _verify_wallet(
    connection: Connection, wallet_id: str, head: Head | None, report: Report
) -> WalletState:
    found = connection.execute(_wallet, {"wallet_id": wallet_id}).mappings().one()
    wallet = to_wallet(found)
    replayed, resummed = Replayed(wallet), Resummed(connection, wallet)
    if head is not None and head.version == 0:
        _must_be_kept(wallet_id, head, replayed.digest)
    # A long history passes through memory in parts.
    with connection.execute(
        _history, {"wallet_id": wallet_id}, execution_options={"yield_per": _PAGE}
    ) as rows:
        for row in rows:
            replayed.append(row)
            resummed.append(row)
            if head is not None and head.version == replayed.version:
                _must_be_kept(wallet_id, head, replayed.digest)
    if head is not None and head.version > replayed.version:
        raise Fault(
            f"{wallet_id} version {replayed.version + 1}: the entry is gone, though a"
            f" head of version {head.version} was kept"
        )
    replayed.must_equal(wallet)
    resummed.must_end()
    done = connection.execute(_operations, {"wallet_id": wallet_id}).scalar_one()
    if done != replayed.operations:
        raise Fault(
            f"{wallet_id}: {done} operations were carried out, but the entries show"
            f" {replayed.operations}"
        )
    report.wallets += 1
    report.entries += replayed.version
    report.operations += done
    return wallet


def _must_be_kept(wallet_id: str, head: Head, digest: bytes) -> None:
    if head.digest != digest:
        raise Fault(
            f"{wallet_id} version {head.version}: the history was rewritten, its"
            " digest is not the one that was kept"
        )
