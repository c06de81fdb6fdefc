"""Replays the history of every wallet and names the first row that cannot be right.

Each wallet is read in one snapshot, so a live database can be verified. What spans
wallets is checked afterwards, in statements that each see one moment; where no such
moment is to be had, see :mod:`.settled`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection, text

from ..ledger.digests import reseal, row_digest
from ..ledger.outcomes import Change, WalletState
from ..storage.loading import to_hold
from ..storage.queries import WALLET, list_wallets
from ..storage.spans import SIZES
from ..storage.store import Store
from .heads import Head
from .replay import Fault, Freeze, Replayed
from .settled import settled
from .totals import check_totals

_PAGE: Final = 500


@dataclass(slots=True)
class Report:
    """What was verified."""

    wallets: int = 0
    entries: int = 0
    operations: int = 0


_HISTORY: Final = """
SELECT entries.wallet_id, version, kind, amount_minor, balance_minor, operation_id,
  counterparty, note, entries.at_us, payee, reverses, hold_id, digest,
  previous_version, previous_balance_minor, principal, key, status, fingerprint, body
FROM entries LEFT JOIN operations
  ON operations.wallet_id = entries.wallet_id AND operations.id = operation_id
WHERE entries.wallet_id = :wallet_id ORDER BY version
"""
# Every span is there as it was written, and again as the entries make it.
_BAD_SPAN: Final = """
SELECT number * size + 1, (number + 1) * size, sum(1 - written), sum(written) FROM (
  SELECT size, number, low_minor, high_minor, last_at_us, 1 AS written
  FROM spans WHERE wallet_id = :wallet_id AND size = :size
  UNION ALL
  SELECT :size, (version - 1) / :size, min(balance_minor), max(balance_minor),
    max(at_us), 0
  FROM entries WHERE wallet_id = :wallet_id
  GROUP BY (version - 1) / :size HAVING count(*) = :size
) AS twice
GROUP BY size, number
HAVING count(*) <> 2 OR min(low_minor) <> max(low_minor)
  OR min(high_minor) <> max(high_minor) OR min(last_at_us) <> max(last_at_us)
ORDER BY size, number LIMIT 1
"""
_OPERATIONS: Final = """
SELECT count(*) FROM operations
WHERE wallet_id = :wallet_id AND status = 201 AND body NOT LIKE '{"hold":%'
"""
_CHANGES: Final = """
SELECT wallet_id, number, name, floor_minor, archived_at_us, key_version, version, at_us
FROM changes WHERE wallet_id = :wallet_id ORDER BY number
"""
# Refusals, and what was answered about holds: no entry proves them.
_ANSWERS: Final = """
SELECT wallet_id, id, principal, key, fingerprint, status, body, at_us
FROM operations
WHERE wallet_id = :wallet_id AND (status <> 201 OR body LIKE '{"hold":%')
"""
_HOLDS: Final = """
SELECT wallet_id, id, amount_minor, captured_minor, note, state, created_at_us,
  expires_at_us, closed_at_us
FROM holds WHERE wallet_id = :wallet_id
"""


def verify(
    store: Store,
    heads: Mapping[str, Head] | None = None,
    on_wallet: Callable[[WalletState], None] = lambda wallet: None,
    freeze: Freeze | None = None,
) -> Report:
    """Check every wallet, then what spans wallets.

    :param heads: heads kept elsewhere, which the histories must still contain.
    :param on_wallet: is called with each wallet that is right.
    :param freeze: makes answers anew, to compare the kept ones with.
    :raises Fault: it names the first bad row.
    """
    report = Report()
    missing = dict(heads or {})
    for wallet_id in _wallet_ids(store):
        head = missing.pop(wallet_id, None)
        check = partial(_verify_wallet, wallet_id, head, report, freeze)
        on_wallet(settled(store, check))
    if missing:
        raise Fault(f"{min(missing)}: the wallet is gone, though a head of it was kept")
    settled(store, check_totals)
    with store.snapshot() as connection:
        if found := store.dialect.damage(connection):
            raise Fault(f"the database is damaged: {found}")
    return report


def _wallet_ids(store: Store) -> Iterator[str]:
    after = None
    while page := list_wallets(store, _PAGE, after):
        for wallet in page:
            yield wallet.id
        after = page[-1].id


def _verify_wallet(
    wallet_id: str,
    head: Head | None,
    report: Report,
    freeze: Freeze | None,
    connection: Connection,
) -> WalletState:
    given = {"wallet_id": wallet_id}
    wallet = WalletState(*connection.execute(text(WALLET), given).one())
    rows = connection.execute(text(_CHANGES), given)
    changes = [Change(*row) for row in rows]
    _check_changes(wallet, changes)
    replayed = Replayed(wallet, freeze, changes)
    if head is not None and head.version == 0:
        _must_be_kept(wallet_id, head, replayed.digest)
    # A long history passes through memory in parts.
    in_parts = {"yield_per": _PAGE}
    with connection.execute(text(_HISTORY), given, execution_options=in_parts) as rows:
        for row in rows:
            replayed.append(row)
            if head is not None and head.version == replayed.version:
                _must_be_kept(wallet_id, head, replayed.digest)
    if head is not None and head.version > replayed.version:
        raise Fault(
            f"{wallet_id} version {replayed.version + 1}: the entry is gone, though a"
            f" head of version {head.version} was kept"
        )
    _check_row(connection, wallet, replayed, changes)
    report.wallets += 1
    report.entries += replayed.version
    report.operations += replayed.operations
    return wallet


def _check_row(
    connection: Connection,
    wallet: WalletState,
    replayed: Replayed,
    changes: list[Change],
) -> None:
    """Compare a wallet's row, and what is made from entries, with the entries."""
    replayed.must_equal(wallet)
    digests = _check_holds(connection, wallet, replayed.captured)
    _check_seal(connection, wallet, changes, digests)
    _check_spans(connection, wallet)
    given = {"wallet_id": wallet.id}
    done = connection.execute(text(_OPERATIONS), given).scalar_one()
    if done != replayed.operations:
        raise Fault(
            f"{wallet.id}: {done} operations were carried out, but the entries show"
            f" {replayed.operations}"
        )


def _check_changes(wallet: WalletState, changes: list[Change]) -> None:
    for number, change in enumerate(changes):
        if change.number != number:
            raise Fault(f"{wallet.id}: its change {number} is missing")
    if max(len(changes) - 1, 0) != wallet.changes:
        raise Fault(
            f"{wallet.id}: its row has {wallet.changes} changes, but there are"
            f" {max(len(changes) - 1, 0)}"
        )
    now = (wallet.name, wallet.floor_minor, wallet.archived_at_us, wallet.key_version)
    last = changes[-1][2:6] if changes else (*now[:2], None, 1)
    if now != last:
        raise Fault(f"{wallet.id}: its row is not what its last change made it")


def _check_holds(
    connection: Connection, wallet: WalletState, captured: dict[str, int]
) -> list[bytes]:
    """Compare holds with what was paid out of them, and with what is set aside."""
    held, first_us, digests = 0, None, []
    with connection.execute(text(_HOLDS), {"wallet_id": wallet.id}) as rows:
        for row in rows:
            hold = to_hold(row)
            if captured.pop(hold.id, 0) != hold.captured_minor:
                raise Fault(f"{wallet.id}: {hold.id} says otherwise about its captures")
            if hold.remaining_minor:
                held += hold.remaining_minor
                first_us = min(hold.expires_at_us, first_us or hold.expires_at_us)
            digests.append(row_digest("holds", hold))
    if captured:
        raise Fault(f"{wallet.id}: its hold {min(captured)} is missing")
    if held != wallet.held_minor:
        raise Fault(
            f"{wallet.id}: its row sets {wallet.held_minor} aside, but its holds {held}"
        )
    if first_us is not None and (wallet.next_expiry_us or first_us + 1) > first_us:
        raise Fault(f"{wallet.id}: a hold expires before its row says so")
    return digests


def _check_seal(
    connection: Connection,
    wallet: WalletState,
    changes: list[Change],
    of_holds: list[bytes],
) -> None:
    rows = connection.execute(text(_ANSWERS), {"wallet_id": wallet.id})
    digests = [row_digest("operations", row) for row in rows]
    digests += [row_digest("changes", change) for change in changes]
    if reseal(bytes(32), digests + of_holds) != wallet.seal:
        raise Fault(
            f"{wallet.id}: its kept refusals, its changes or its holds are not those"
            " that were written"
        )


def _check_spans(connection: Connection, wallet: WalletState) -> None:
    # A short history completes none.
    for size in (each for each in SIZES if each <= wallet.version):
        given = {"wallet_id": wallet.id, "size": size}
        found = connection.execute(text(_BAD_SPAN), given).first()
        if found is not None:
            first, last, made, written = found
            complaint = "is not what the entries make it"
            if not (made and written):
                complaint = "has no entries" if written else "is missing"
            raise Fault(f"{wallet.id}: the span of {first} to {last} {complaint}")


def _must_be_kept(wallet_id: str, head: Head, digest: bytes) -> None:
    if head.digest != digest:
        raise Fault(
            f"{wallet_id} version {head.version}: the history was rewritten, its"
            " digest is not the one that was kept"
        )
