"""Carries what one database has and another has not, wallet by wallet.

A wallet's row is written together with everything of the wallet, so a row that is the
same in both databases says that nothing is missing. Entries, answers, changes and spans
are only ever added, so of a wallet that the target knows only newer ones are carried.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, update

from ..ledger.outcomes import WalletState
from ..storage import unfinished
from ..storage.bulk import RowRefused, insert_all
from ..storage.side_tables import spans
from ..storage.store import Store
from ..storage.tables import changes, entries, holds, operations, wallets
from .compare import OF_WALLETS, OTHERS, content, rows_of

#: A transaction takes so many wallets, or one with more entries than these.
_MOST_WALLETS: Final = 100
_MOST_ENTRIES: Final = 20_000
#: How often a long history says how far it is.
_TOLD_EVERY: Final = 10_000


class CopyError(Exception):
    """The copy cannot be made or is not finished; the message says why."""


@dataclass(slots=True)
class Progress:
    """How much of a store was carried or was there already, out of how much."""

    all_wallets: int
    all_entries: int
    wallets: int = 0
    entries: int = 0


OnProgress = Callable[[Progress], None]
#: Consecutive wallets, and the row that the target has of the only one, if it has one.
Part = tuple[Sequence[WalletState], WalletState | None]


@contextmanager
def carrying(target: Store) -> Iterator[Connection]:
    """Write into an unfinished copy, and let nobody else do that meanwhile.

    :raises CopyError: it is finished, or the database refuses a row.
    """
    with _holding(target) as connection:
        try:
            yield connection
        except RowRefused as refusal:
            raise CopyError(f"A row cannot be copied: {refusal}.") from refusal
        unfinished.let_go(connection)


def finish(target: Store) -> None:
    """Let an unfinished copy be served.

    :raises CopyError: another run has done that.
    """
    with _holding(target) as connection:
        unfinished.unmark(connection)


@contextmanager
def _holding(target: Store) -> Iterator[Connection]:
    with target.transaction() as connection:
        if not unfinished.hold(connection):
            raise CopyError("Another run has finished the copy meanwhile.")
        yield connection


def carry_wallets(moment: Connection, target: Store, on_progress: OnProgress) -> None:
    """Bring every wallet up to a moment of the source.

    :raises CopyError: the target is ahead of the source, or refuses a row.
    """
    count = select(func.count(), func.coalesce(func.sum(wallets.c.version), 0))
    progress = Progress(*map(int, moment.execute(count).one()))
    after = ""
    while chunk := _chunk(moment, after):
        after = chunk[-1].id
        before = progress.entries
        with carrying(target) as connection:
            for part in _parts(chunk, _known(connection, chunk)):
                _carry(moment, connection, part, progress, on_progress)
        progress.wallets += len(chunk)
        progress.entries = before + sum(wallet.version for wallet in chunk)
        on_progress(progress)


def carry_others(moment: Connection, target: Store) -> None:
    """Make the small tables those of the source, which may have forgotten rows."""
    for table in OTHERS:
        with carrying(target) as connection:
            if content(connection, table) != content(moment, table):
                connection.execute(delete(table))
                insert_all(connection, table, rows_of(moment, select(table)))


def _chunk(moment: Connection, after: str) -> list[WalletState]:
    """Read the wallets of the next transaction."""
    query = select(wallets).where(wallets.c.id > after).order_by(wallets.c.id)
    chunk: list[WalletState] = []
    for row in moment.execute(query.limit(_MOST_WALLETS)).all():
        wallet = WalletState(*row)
        if chunk and sum(each.version for each in (*chunk, wallet)) > _MOST_ENTRIES:
            break
        chunk.append(wallet)
    return chunk


def _known(
    connection: Connection, chunk: Sequence[WalletState]
) -> dict[str, WalletState]:
    within = wallets.c.id.between(chunk[0].id, chunk[-1].id)
    rows = connection.execute(select(wallets).where(within))
    return {row.id: WalletState(*row) for row in rows}


def _parts(
    chunk: Sequence[WalletState], known: dict[str, WalletState]
) -> Iterator[Part]:
    """Cut a chunk into runs of new wallets and single ones that have moved on."""
    for is_known, run in groupby(chunk, lambda wallet: wallet.id in known):
        if not is_known:
            yield [*run], None
            continue
        for wallet in run:
            if wallet != known[wallet.id]:
                yield [wallet], known[wallet.id]


def _carry(
    moment: Connection,
    connection: Connection,
    part: Part,
    progress: Progress,
    on_progress: OnProgress,
) -> None:
    chunk, known = part
    if known is None:
        insert_all(connection, wallets, chunk)
    else:
        _bring_up_to_date(connection, chunk[0], known)
    for table in OF_WALLETS:
        rows = rows_of(moment, _missing(table, part))
        if known is not None and table is operations:
            rows = _without(rows, connection, known.id)
        if table is entries:
            rows = _counted(rows, progress, on_progress)
        insert_all(connection, table, rows)


def _bring_up_to_date(
    connection: Connection, wallet: WalletState, known: WalletState
) -> None:
    if known.version > wallet.version or known.changes > wallet.changes:
        raise CopyError(
            f"The copy is ahead of its source in {wallet.id}: begin anew, with an empty"
            " database."
        )
    is_it = wallets.c.id == wallet.id
    connection.execute(update(wallets).where(is_it).values(wallet._asdict()))
    # The only rows that change.
    connection.execute(delete(holds).where(holds.c.wallet_id == wallet.id))


def _missing(table: Table, part: Part) -> Any:
    """Select what the target lacks of wallets, in the order of the keys.

    Answers have no order in which they were given, so of those all are selected.
    """
    chunk, known = part
    owned = table.c.wallet_id.between(chunk[0].id, chunk[-1].id)
    query = select(table).where(owned).order_by(*table.primary_key.columns)
    if known is None:
        return query
    #: The first change comes with how the wallet was created, number 0.
    last_change = known.changes or -1
    newer: dict[Table, ColumnElement[bool]] = {
        entries: entries.c.version > known.version,
        spans: (spans.c.number + 1) * spans.c.size > known.version,
        changes: changes.c.number > last_change,
    }
    return query.where(newer[table]) if table in newer else query


def _without(
    rows: Iterator[Any], connection: Connection, wallet_id: str
) -> Iterator[Any]:
    ids = select(operations.c.id).where(operations.c.wallet_id == wallet_id)
    there = {found for (found,) in rows_of(connection, ids)}
    return (row for row in rows if row.id not in there)


def _counted(
    rows: Iterator[Any], progress: Progress, on_progress: OnProgress
) -> Iterator[Any]:
    for row in rows:
        progress.entries += 1
        if progress.entries % _TOLD_EVERY == 0:
            on_progress(progress)
        yield row
