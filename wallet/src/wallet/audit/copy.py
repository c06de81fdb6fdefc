"""Copies a store into another database, and proves that the copy is the store.

All that a run copies is of one moment of the source, so both sides of a transfer are.
Whatever breaks a run off, the next one takes along what is missing or new. The copy is
marked as unfinished, and nobody writes to it or begins to serve from it, until it was
compared and verified.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Connection, inspect

from ..storage import migrations, unfinished
from ..storage.address import place
from ..storage.bulk import tell_planner
from ..storage.connections import Limits
from ..storage.errors import StoreFailure, reason_of
from ..storage.opening import open_current_store
from ..storage.side_tables import rate_asks
from ..storage.spreading import is_spread
from ..storage.store import Store
from ..storage.tables import wallets
from .carry import CopyError, OnProgress, carry_others, carry_wallets, carrying, finish
from .compare import OF_WALLETS, OTHERS, content, other_wallets, sums
from .heads import Head
from .replay import Fault, Freeze
from .verify import Report, verify

_ALL = (wallets, *OF_WALLETS, *OTHERS)


def copy_store(
    source_url: URL,
    target_url: URL,
    freeze: Freeze,
    on_progress: OnProgress = lambda progress: None,
    on_wallet: Callable[[Head], None] = lambda head: None,
) -> Report:
    """Copy a store into an empty database, or finish a copy, and tell what it holds.

    :param freeze: makes answers anew, to compare the kept ones with.
    :param on_progress: is called after each transaction, and within long ones.
    :param on_wallet: is called with the head of each wallet of the copy that is right.
    :raises CopyError: the copy was not begun, or is not finished.
    """
    _refuse_same(source_url, target_url)
    # A long history takes longer than any request may.
    limits = Limits(statement_timeout_ms=0)
    with (
        closing(open_current_store(source_url, limits)) as source,
        closing(Store(target_url, limits)) as target,
    ):
        try:
            with target.transaction() as connection:
                _begin(connection, source, place(source_url))
        except StoreFailure as failure:
            raise CopyError(
                f"{place(target_url)} cannot be used: {reason_of(failure)}."
            ) from failure
        with source.snapshot() as moment:
            carry_wallets(moment, target, on_progress)
            carry_others(moment, target)
            _require_equal(moment, target)
        _require_unmoved(source, target)
        report = _verify(target, freeze, on_wallet)
        _require_unmoved(source, target)
        finish(target)
    return report


def _refuse_same(source: URL, target: URL) -> None:
    same = source.set(password=None) == target.set(password=None)
    if source.get_backend_name() == target.get_backend_name() == "sqlite":
        here, there = Path(source.database or ""), Path(target.database or "")
        same = there.exists() and here.samefile(there)
    if same:
        raise CopyError("This is the store itself: name another database.")


def _begin(connection: Connection, source: Store, named: str) -> None:
    """Make the tables and mark them, unless that was done before."""
    begun = unfinished.source_of(connection)
    if begun not in (None, named):
        raise CopyError(
            f"The database is an unfinished copy of another store, {begun}."
        )
    names = inspect(connection).get_table_names()
    if not names:
        migrations.upgrade(connection)
    elif "alembic_version" not in names or not migrations.is_current(connection):
        raise CopyError(
            "The database has tables that are not those of this version of the wallet:"
            " name an empty one."
        )
    if is_spread(connection):
        raise CopyError(
            "The database is spread over several machines already: name an empty one,"
            " and spread it when the copy is finished."
        )
    if begun is None:
        # Nobody who uses a database that is no place for a copy waits for the mark.
        _refuse_rows(connection, source)
        unfinished.mark(connection, named)
        _refuse_rows(connection, source)


def _refuse_rows(connection: Connection, source: Store) -> None:
    # The tables are made with one row, which says when a price may be asked for.
    if not any(sums(connection, table)[0] for table in {*_ALL} - {rate_asks}):
        return
    with source.snapshot() as now:
        if _moved(now, connection) is None:
            raise CopyError(
                "The database is a finished copy of this store already, and nothing is"
                " missing in it."
            )
    raise CopyError("The database has rows already: name an empty one.")


def _require_equal(moment: Connection, target: Store) -> None:
    """Compare the copy with the moment that it is of."""
    with target.snapshot() as copy:
        other = next(other_wallets(moment, copy), None)
        if other is not None:
            raise CopyError(
                f"The copy of {other} is not what the store has: begin anew, with an"
                " empty database."
            )
        for table in _ALL:
            if sums(moment, table) != sums(copy, table):
                raise CopyError(
                    f"The copy of the table {table.name} does not add up to what the"
                    " store has: begin anew, with an empty database."
                )


def _require_unmoved(source: Store, target: Store) -> None:
    """Refuse to end while the source goes on."""
    with source.snapshot() as now, target.snapshot() as copy:
        moved = _moved(now, copy)
    if moved is not None:
        raise CopyError(
            f"{moved} changed while the store was copied, so the copy is not finished:"
            " stop the service, and run the command again. It takes along only what"
            " is new."
        )


def _moved(now: Connection, copy: Connection) -> str | None:
    """Say what is not the same in a store and its copy, ``None`` if nothing is."""
    moved = sum(1 for _ in other_wallets(now, copy))
    if moved:
        return "1 wallet" if moved == 1 else f"{moved} wallets"
    if any(content(now, each) != content(copy, each) for each in OTHERS):
        return "Prices, ended sessions or notes of backups"
    return None


def _verify(target: Store, freeze: Freeze, on_wallet: Callable[[Head], None]) -> Report:
    with carrying(target) as connection:
        tell_planner(connection, _ALL)
    try:
        return verify(target, on_wallet=on_wallet, freeze=freeze)
    except Fault as fault:
        raise CopyError(
            f"The copy is not as it must be, and stays unfinished: {fault}."
            " Look whether the store is, with wallet verify."
        ) from fault
