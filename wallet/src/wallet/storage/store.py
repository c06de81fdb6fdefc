"""The store: loads what a batch is decided from, and writes what was decided.

A batch costs three statements beside begin and commit, and one more if it completes
runs of entries; in SQLite two more, and a few for odd sizes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import URL, Connection, Engine

from ..clock import now_us
from ..ledger.commands import Submission
from ..ledger.outcomes import Decision, Known
from . import errors, migrations, spreading
from .connections import (
    Limits,
    dialect_of,
    is_sqlite,
    make_reading_engine,
    make_writing_engine,
)
from .durability import DatabaseFile, UnsafeDatabase, require_standby
from .loading import load, wallet_ids
from .reader import Reader
from .rows import Answered, Driver, rows_of

#: What is looked through for long has one, what must be answered at once the other.
_WATCHERS: Final = 2


class Store:
    """A database with the wallets, their entries and the answers that were given.

    :param admit: is called before each read of a request.
    """

    def __init__(
        self, url: URL, limits: Limits, admit: Callable[[], None] = lambda: None
    ) -> None:
        self.writing: Engine = make_writing_engine(url, limits)
        self.reading: Engine = make_reading_engine(url, limits)
        #: Who waits for a locked wallet must not keep the writing connection.
        self.waiting: Engine = make_writing_engine(url, limits)
        self.reader = Reader(self.reading, limits, admit)
        #: For the health and the metrics: no request holds these connections.
        self.watch = Reader(self.reading, replace(limits, readers=_WATCHERS))
        self._url, self._limits = url, limits
        self.dialect = dialect_of(self.reading, limits)
        self._file = (
            DatabaseFile(Path(url.database or "")) if is_sqlite(self.reading) else None
        )

    def close(self) -> None:
        self.writing.dispose()
        self.reading.dispose()
        self.waiting.dispose()
        self.reader.close()
        self.watch.close()

    @contextmanager
    def transaction(self, engine: Engine | None = None) -> Iterator[Connection]:
        """Run statements that are committed together, or not at all.

        :param engine: another one than that which writes.
        :raises NotWritten: a statement failed, or the database refused the commit.
        :raises OutcomeUnknown: the database did not say what became of the commit.
        """
        with errors.before_commit():
            connection = (engine or self.writing).connect()
        try:
            with errors.before_commit():
                transaction = connection.begin()
                self._wait_for_locks(connection.exec_driver_sql)
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
    def batch(self, engine: Engine | None = None) -> Iterator[Driver]:
        """Run a transaction as :meth:`transaction` does, by the driver alone.

        :raises Locked: a lock was not to be had at once, and nothing was written.
        """
        # Without a context for each part: this is the way of every deposit.
        connection, driver, committing = None, None, False
        try:
            connection = (engine or self.writing).raw_connection()
            driver = cast("Any", connection.driver_connection)
            self.dialect.begin(driver)
            yield driver
            if self._file is not None:
                self._file.require()
            if self._limits.require_standby:
                self._require_standby(driver)
            committing = True
            driver.commit()
            if self._limits.require_standby:
                # A commit that waits for the last standby ends when that is given up.
                with errors.after_commit():
                    self._require_standby(driver)
        except Exception as error:
            failure = (
                errors.of_commit(error)
                if committing
                else errors.of_statement(error, driver)
            )
            if connection is not None and errors.is_lost(driver):
                connection.invalidate()
            if failure is None:
                raise
            raise failure from error
        finally:
            if connection is not None:
                connection.close()

    def bring_up_to_date(self) -> None:
        """Make the tables, or change those of an older program.

        :raises NotWritten: the database cannot be reached.
        :raises WrongSchema: a newer program wrote it.
        :raises UnsafeDatabase: it is to be spread, and cannot be.
        """
        # What changes tables takes longer than any request may.
        limits = replace(self._limits, statement_timeout_ms=migrations.TIMEOUT_MS)
        engine = make_writing_engine(self._url, limits)
        try:
            with self.transaction(engine) as connection:
                migrations.upgrade(connection)
                spreading.spread(connection, wanted=self._limits.distributed)
        finally:
            engine.dispose()

    def durability(self) -> dict[str, str]:
        """Read the settings that decide whether a commit survives a loss of power.

        :raises NotWritten: the database does not answer, or its file is gone.
        """
        self._require_file()
        rows = self.watch.rows(self.dialect.DURABILITY)
        return {name: str(value) for name, value in rows}

    def _require_file(self) -> None:
        if self._file is not None:
            self._file.require()

    def _require_standby(self, driver: Driver) -> None:
        try:
            require_standby(dict(driver.execute(self.dialect.DURABILITY, ())))
        except UnsafeDatabase as error:
            raise errors.NotWritten from error

    def load(
        self,
        driver: Driver,
        batch: Sequence[Submission],
        clock: Callable[[], int] = now_us,
    ) -> Known:
        """Lock the wallets of a batch, and read what it is decided from."""
        return load(self.dialect, driver, batch, clock)

    def find_locked(self, driver: Driver, batch: Sequence[Submission]) -> set[str]:
        """Lock the wallets of a batch that are free, and tell which are not.

        From here on the transaction waits for other locks as long as is allowed.
        """
        self._wait_for_locks(driver.execute)
        return set(self.dialect.find_locked(driver, sorted(wallet_ids(batch))))

    def _wait_for_locks(self, execute: Callable[..., object]) -> None:
        self.dialect.wait_for_locks(execute, self._limits.lock_timeout_ms)

    def find_free(self, ids: Sequence[str]) -> set[str]:
        """Wait a moment for the first of some wallets, then tell which are free.

        A mere look at a wallet in great demand would never find it free.
        """
        first, rest = ids[0], sorted(ids[1:])
        free = set(ids)
        try:
            with self.batch(self.waiting) as driver:
                self.dialect.lock_wallets(driver, [first])
        except errors.Locked:
            free.remove(first)
        if rest:
            with self.batch(self.waiting) as driver:
                free.difference_update(self.dialect.find_locked(driver, rest))
        return free

    def write_nothing(self) -> None:
        """Find out whether a change would be committed, by writing a row as it is.

        :raises StoreFailure: it would not.
        """
        # To open a file that is not there would make it.
        self._require_file()
        with self.batch(self.waiting) as driver:
            driver.execute("UPDATE alembic_version SET version_num = version_num", ())

    def write(
        self,
        driver: Driver,
        decision: Decision,
        answered: Sequence[Answered],
        at_us: int,
    ) -> None:
        """Write everything that a batch changes."""
        if any(rows := rows_of(decision, answered, at_us)):
            self.dialect.write(driver, rows)
