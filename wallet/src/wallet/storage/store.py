"""The store: loads what a batch is decided from, and writes what was decided.

A batch costs three statements beside begin and commit, whatever its size; in SQLite,
where a statement writes one table, five, and a few more for odd sizes. One that
completes runs of entries costs one more.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine

from ..ledger.commands import CreateWallet, MoveMoney, Submission
from ..ledger.ids import is_wallet_id
from ..ledger.outcomes import Decision, Known, Remembered, Scope, WalletState
from . import errors, migrations
from .connections import (
    DatabaseFile,
    Limits,
    dialect_of,
    is_sqlite,
    make_reading_engine,
    make_writing_engine,
)
from .reader import Reader
from .rows import Answered, Driver, rows_of


class Store:
    """A database with the wallets, their entries and the answers that were given."""

    def __init__(self, url: URL, limits: Limits) -> None:
        self.writing: Engine = make_writing_engine(url, limits)
        self.reading: Engine = make_reading_engine(url, limits)
        self.reader = Reader(self.reading, limits)
        self.dialect = dialect_of(self.reading)
        self._file = (
            DatabaseFile(Path(url.database or "")) if is_sqlite(self.reading) else None
        )

    def close(self) -> None:
        self.writing.dispose()
        self.reading.dispose()
        self.reader.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run statements that are committed together, or not at all.

        :raises NotWritten: a statement failed, or the database refused the commit.
        :raises OutcomeUnknown: the database did not say what became of the commit.
        """
        with errors.before_commit():
            connection = self.writing.connect()
        try:
            with errors.before_commit():
                transaction = connection.begin()
                yield connection
            try:
                with errors.at_commit():
                    transaction.commit()
            except errors.StoreFailure:
                # SQLAlchemy takes it for ended, which in SQLite it need not be.
                connection.invalidate()
                raise
        finally:
            connection.close()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Read with several statements what was committed at one moment."""
        with errors.before_commit(), self.reading.connect() as connection:
            connection.exec_driver_sql(self.dialect.BEGIN_SNAPSHOT)
            try:
                yield connection
            finally:
                if not connection.invalidated:
                    connection.exec_driver_sql("ROLLBACK")

    @contextmanager
    def batch(self) -> Iterator[Driver]:
        """Run a transaction as :meth:`transaction` does, by the driver alone.

        :raises NotWritten: a statement failed, or the database refused the commit.
        :raises OutcomeUnknown: the database did not say what became of the commit.
        """
        # Without a context for each part: this is the way of every deposit.
        connection, driver, committing = None, None, False
        try:
            connection = self.writing.raw_connection()
            driver = cast("Any", connection.driver_connection)
            self.dialect.begin(driver)
            yield driver
            self._require_file()
            committing = True
            driver.commit()
        except Exception as error:
            failure = (
                errors.of_commit(error)
                if committing
                else errors.of_statement(error, driver)
            )
            if failure is None:
                raise
            raise failure from error
        finally:
            if connection is not None:
                if errors.is_lost(driver):
                    connection.invalidate()
                connection.close()

    def bring_up_to_date(self) -> None:
        """Make the tables, or change those of an older program.

        :raises NotWritten: the database cannot be reached.
        :raises WrongSchema: a newer program wrote it.
        """
        with self.transaction() as connection:
            migrations.upgrade(connection)

    def durability(self) -> dict[str, str]:
        """Read the settings that decide whether a commit survives a loss of power.

        :raises NotWritten: the database does not answer, or its file is gone.
        """
        self._require_file()
        rows = self.reader.rows(self.dialect.DURABILITY)
        return {name: str(value) for name, value in rows}

    def _require_file(self) -> None:
        if self._file is not None:
            self._file.require()

    def load(self, driver: Driver, batch: Sequence[Submission]) -> Known:
        """Lock the wallets of a batch, and read what it is decided from.

        The keys are read after the locks are held: each belongs to a locked wallet, so
        no other process can use it between the look and the commit.
        """
        ids, keys = sorted(_wallet_ids(batch)), sorted(_creation_keys(batch))
        scopes = sorted(_scopes(batch))
        known = Known()
        if ids:
            for row in self.dialect.lock_wallets(driver, ids):
                wallet = WalletState(*row)
                known.wallets[wallet.id] = wallet
        if keys:
            for row in self.dialect.find_created(driver, keys):
                wallet = WalletState(*row)
                known.created[wallet.creation_key or ""] = wallet
        if scopes:
            for row in self.dialect.find_remembered(driver, scopes):
                wallet_id, principal, key, *answer = row
                known.remembered[wallet_id, principal, key] = Remembered(*answer)
        return known

    def write(
        self,
        driver: Driver,
        decision: Decision,
        answered: Sequence[Answered],
        now_us: int,
    ) -> None:
        """Write everything that a batch changes."""
        rows = rows_of(decision, answered, now_us)
        if any(rows):
            self.dialect.write(driver, rows)


def open_store(url: URL, limits: Limits) -> Store:
    """Open the database and bring its tables up to date.

    :raises NotWritten: the database cannot be reached.
    :raises WrongSchema: a newer program wrote it.
    """
    store = Store(url, limits)
    try:
        store.bring_up_to_date()
    except Exception:
        store.close()
        raise
    return store


def open_current_store(url: URL, limits: Limits) -> Store:
    """Open the database without changing anything in it.

    :raises NotWritten: the database cannot be reached.
    :raises WrongSchema: its tables are not those of this program.
    """
    store = Store(url, limits)
    try:
        with store.snapshot() as connection:
            migrations.require_current(connection)
    except Exception:
        store.close()
        raise
    return store


def _wallet_ids(batch: Sequence[Submission]) -> set[str]:
    ids = {submission.wallet_id for submission in batch if submission.wallet_id}
    for submission in batch:
        for command in submission.commands:
            recipient = getattr(command, "recipient", None)
            # Anything may stand there; only what can be an id is looked up.
            if recipient is not None and is_wallet_id(recipient):
                ids.add(recipient)
    return ids


def _creation_keys(batch: Sequence[Submission]) -> set[str]:
    return {
        command.key
        for submission in batch
        for command in submission.commands
        if isinstance(command, CreateWallet) and command.key is not None
    }


def _scopes(batch: Sequence[Submission]) -> set[Scope]:
    return {
        (command.wallet_id, command.principal.value, command.key)
        for submission in batch
        for command in submission.commands
        if isinstance(command, MoveMoney) and command.key is not None
    }
