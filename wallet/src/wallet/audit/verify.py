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

from ..ledger.outcomes import WalletState
from ..storage.queries import WALLET
from ..storage.shape import find_missing
from ..storage.spans import SIZES
from ..storage.spreading import is_spread
from ..storage.store import Store
from .beside import check_beside, must_still_be, read_changes
from .heads import Head
from .replay import Fault, Freeze, Replayed, accusing
from .settled import settled
from .totals import check_totals

_PAGE: Final = 500


@dataclass(slots=True)
class Report:
    """What was verified."""

    wallets: int = 0
    entries: int = 0
    operations: int = 0


# Nothing else of them: a value that cannot be read is to be found in its wallet.
_IDS: Final = "SELECT id FROM wallets WHERE id > :after ORDER BY id LIMIT :limit"
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


def verify(
    store: Store,
    heads: Mapping[str, Head] | None = None,
    on_wallet: Callable[[Head], None] = lambda head: None,
    freeze: Freeze | None = None,
) -> Report:
    """Check every wallet, then what spans wallets.

    :param heads: heads kept elsewhere, which the wallets must still contain.
    :param on_wallet: is called with the head of each wallet that is right.
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
        # On several machines some rules are kept in another way.
        if not is_spread(connection) and (lacking := find_missing(connection)):
            raise Fault(f"the database lacks {lacking}")
        if found := store.dialect.damage(connection):
            raise Fault(f"the database is damaged: {found}")
    return report


def _wallet_ids(store: Store) -> Iterator[str]:
    after = ""
    while page := store.reader.rows(_IDS, after=after, limit=_PAGE):
        for (after,) in page:
            yield after


def _verify_wallet(
    wallet_id: str,
    head: Head | None,
    report: Report,
    freeze: Freeze | None,
    connection: Connection,
) -> Head:
    with accusing(wallet_id):
        given = {"wallet_id": wallet_id}
        wallet = WalletState(*connection.execute(text(WALLET), given).one())
        changes = read_changes(connection, wallet)
        replayed = Replayed(wallet, freeze, changes)
        _replay(connection, replayed, head)
        replayed.must_equal(wallet)
        beside = check_beside(connection, wallet, changes, replayed.captured)
        if head is not None:
            must_still_be(wallet, changes, beside, head)
        _check_spans(connection, wallet)
        _check_operations(connection, replayed)
    report.wallets += 1
    report.entries += replayed.version
    report.operations += replayed.operations
    return Head(wallet_id, replayed.version, replayed.digest, beside)


def _replay(connection: Connection, replayed: Replayed, head: Head | None) -> None:
    wallet_id = replayed.wallet.id
    if head is not None and head.version == 0:
        _must_be_kept(head, replayed.digest)
    given = {"wallet_id": wallet_id}
    # A long history passes through memory in parts.
    in_parts = {"yield_per": _PAGE}
    with connection.execute(text(_HISTORY), given, execution_options=in_parts) as rows:
        for row in rows:
            replayed.append(row)
            if head is not None and head.version == replayed.version:
                _must_be_kept(head, replayed.digest)
    if head is not None and head.version > replayed.version:
        raise Fault(
            f"{wallet_id} version {replayed.version + 1}: the entry is gone, though a"
            f" head of version {head.version} was kept"
        )


def _check_operations(connection: Connection, replayed: Replayed) -> None:
    given = {"wallet_id": replayed.wallet.id}
    done = connection.execute(text(_OPERATIONS), given).scalar_one()
    if done != replayed.operations:
        raise Fault(
            f"{replayed.wallet.id}: {done} operations were carried out, but the entries"
            f" show {replayed.operations}"
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


def _must_be_kept(head: Head, digest: bytes) -> None:
    if head.digest != digest:
        raise Fault(
            f"{head.wallet_id} version {head.version}: the history was rewritten, its"
            " digest is not the one that was kept"
        )
