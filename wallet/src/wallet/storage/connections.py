"""Connections: one engine that writes and one that reads, set up to be durable.

Which database it is, is asked here and nowhere else: :func:`dialect_of` chooses one of
the modules that know what only one of them does.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event

from ..ledger.outcomes import HoldId, Scope
from . import bounded, citus, coordinator, postgresql, sqlite
from .bounded import BoundedConnection
from .durability import SQLITE_PRAGMAS, UnsafeDatabase
from .rows import Driver, Moment, Row, Rows

#: A server that does not even accept a connection by then is not there.
_CONNECT_TIMEOUT_S: Final = 3
#: A server that acknowledges nothing for so long is given up.
_SILENCE_TIMEOUT_MS: Final = 8_000
#: So much later than the server itself would end a statement, it is given up.
_GRACE_S: Final = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much the database is asked for.

    :param statement_timeout_ms: 0 lets a statement run, and be waited for, for ever.
    :param require_standby: whether nothing is written that no standby would have.
    :param distributed: whether Citus spreads the wallets over several machines.
    """

    lock_timeout_ms: int = 4_000
    statement_timeout_ms: int = 8_000
    readers: int = 4
    require_standby: bool = False
    distributed: bool = False

    @property
    def exchange_s(self) -> float | None:
        """How long an answer of the server is waited for."""
        if self.statement_timeout_ms == 0:
            return None
        return self.statement_timeout_ms / 1000 + _GRACE_S


class Dialect(Protocol):
    """What each database does in its own way.

    A statement is for a whole set of rows, so its text depends neither on the values
    nor, hardly, on their number, and a driver prepares it once. It is the driver itself
    that is handed a statement: what SQLAlchemy does beside that takes several times as
    long as a lone deposit.
    """

    BEGIN_SNAPSHOT: str
    DURABILITY: str
    WORDS: dict[str, str]

    def text(self, sql: str) -> str:
        """Mark the parameters of a statement, ``:name``, as the driver does."""

    def given(self, *columns: str) -> str:
        """Read the parameter ``:rows``, a JSON array of arrays, as rows with columns.

        :param columns: the name and the type of each.
        """

    def begin(self, driver: Driver) -> None:
        """Begin a transaction, where the first statement alone does not."""

    def lock_wallets(self, driver: Driver, ids: list[str]) -> Sequence[Row]:
        """Read wallets by their sorted ids, and let no one else change them."""

    def find_created(self, driver: Driver, keys: list[str]) -> Sequence[Row]:
        """Read wallets by the keys under which they were created."""

    def wait_for_locks(self, execute: Callable[..., object], timeout_ms: int) -> None:
        """Let the rest of a transaction wait for locks so long."""

    def find_locked(self, driver: Driver, ids: list[str]) -> Sequence[str]:
        """Lock those wallets that are free, wait for none, and tell which are not."""

    def find_remembered(self, driver: Driver, scopes: list[Scope]) -> Sequence[Row]:
        """Read scope, id, fingerprint, status and body of what was answered."""

    def find_reversed(
        self, driver: Driver, undone: list[tuple[str, str]]
    ) -> Sequence[Row]:
        """Read which wallets and operations have a reversal."""

    def find_holds(self, driver: Driver, names: list[HoldId]) -> Sequence[Row]:
        """Read holds by their wallets and ids."""

    def find_due_holds(self, driver: Driver, moments: list[Moment]) -> Sequence[Row]:
        """Read the open holds of wallets that expire up to a moment."""

    def find_next_expiry(self, driver: Driver, moments: list[Moment]) -> Sequence[Row]:
        """Read when the next hold of wallets expires after a moment."""

    def write(self, driver: Driver, rows: Rows) -> None:
        """Write everything that a batch changes."""

    def damage(self, connection: Connection) -> str | None:
        """Compare the indexes with their tables; say what is wrong, if anything is."""


#: A batch looks up each row by its key. The planner cannot know how few they are, and
#: would read the whole of a table that was small when it made its plan.
_BY_KEY_ONLY: Final = " ".join(
    f"-c enable_{choice}=off" for choice in ("seqscan", "hashjoin", "mergejoin")
)


def make_writing_engine(url: URL, limits: Limits) -> Engine:
    """Make the engine of the one connection that writes."""
    patience_ms = min(postgresql.PATIENCE_MS, limits.lock_timeout_ms)
    options = f"{_BY_KEY_ONLY} -c lock_timeout={patience_ms}"
    if limits.distributed:
        options = f"{options} {coordinator.OPTIONS}"
    engine = _make_engine(url, limits, options, **_pool(limits, 1))
    if is_sqlite(engine):
        # The lock is taken before anything is read, so that what was read still holds
        # when it is written.
        event.listen(engine, "begin", _begin_immediate)
    return engine


def make_reading_engine(url: URL, limits: Limits) -> Engine:
    """Make the engine that reads: each statement is a transaction of its own."""
    pool = _pool(limits, limits.readers)
    # A connection that was lost while it was idle is replaced before it is used.
    pool["pool_pre_ping"] = True
    return _make_engine(url, limits, "", isolation_level="AUTOCOMMIT", **pool)


def dialect_of(engine: Engine, limits: Limits) -> Dialect:
    """Choose what knows the database of an engine."""
    if is_sqlite(engine):
        return sqlite
    return citus if limits.distributed else postgresql


def is_sqlite(engine: Engine) -> bool:
    """Tell the two kinds of database apart."""
    return engine.dialect.name == "sqlite"


def _make_engine(url: URL, limits: Limits, own: str, **options: Any) -> Engine:
    # Messages of errors are logged, and values are nobody else's business.
    options["hide_parameters"] = True
    if url.get_backend_name() != "sqlite":
        arguments = _postgresql(url, limits, own)
        engine = create_engine(url, connect_args=arguments, **options)
        kind = coordinator.Connection if limits.distributed else BoundedConnection

        def connect(_dialect: object, _record: object, _: object, given: Any) -> Any:
            return bounded.connect(given, limits.exchange_s, kind)

        event.listen(engine, "do_connect", connect)
        return engine
    _make_private(Path(url.database or ""))
    arguments = {
        "timeout": limits.lock_timeout_ms / 1000,
        "check_same_thread": False,
    }
    engine = create_engine(url, connect_args=arguments, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _pool(limits: Limits, size: int) -> dict[str, Any]:
    wait_s = limits.lock_timeout_ms / 1000
    return {"pool_size": size, "max_overflow": 0, "pool_timeout": wait_s}


def _postgresql(url: URL, limits: Limits, own: str) -> dict[str, Any]:
    timeouts = (
        f"-c lock_timeout={limits.lock_timeout_ms}"
        f" -c statement_timeout={limits.statement_timeout_ms}"
        f" -c idle_in_transaction_session_timeout={limits.statement_timeout_ms}"
    )
    given = url.query.get("options", "")
    return {
        "options": f"{given} {timeouts} {own}".strip(),
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "keepalives_idle": 5,
        "keepalives_interval": 1,
        "keepalives_count": 3,
        "tcp_user_timeout": _SILENCE_TIMEOUT_MS,
        "application_name": "wallet",
    }


def _make_private(path: Path) -> None:
    # SQLite gives its journal the permissions of the file itself.
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Transactions are begun by this program, never by the driver.
    connection.isolation_level = None
    # What undoes a statement half-way is kept in memory, not in a file for each.
    connection.execute("PRAGMA temp_store = memory")
    for name, value in SQLITE_PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {value}")
        (found,) = connection.execute(f"PRAGMA {name}").fetchone()
        if found != value:
            connection.close()
            raise UnsafeDatabase(
                f"SQLite keeps {name} at {found} instead of {value}:"
                " put the database on a local disk."
            )


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
