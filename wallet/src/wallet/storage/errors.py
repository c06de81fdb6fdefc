"""What can go wrong between the service and its database.

::

    StoreFailure
    ├── NotWritten          nothing was written; the same request may be sent again
    │   ├── TryAgain        another transaction came first, or the connection was lost;
    │   │                   running again may help
    │   ├── Collision       another process wrote a row with the same key
    │   ├── Locked          another process holds a lock for longer than is waited for
    │   └── Crowded         others read for longer than is waited for
    └── OutcomeUnknown      the connection broke while the commit was under way

Every other error of the database is a mistake of this program and stays as it is.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_TRY_AGAIN: Final = frozenset({"40001", "40P01"})
#: Completion unknown, resolution unknown: such a server does not know either.
_UNKNOWN: Final = ("40003", "08007")
#: Connection, resources, operator, system; a server that only reads, or is not sure.
_UNAVAILABLE_CLASSES: Final = ("08", "25006", "40003", "53", "55", "57", "58")
#: What PostgreSQL and its driver say where no waiting helps.
_WRONG: Final = (
    *("does not exist", "invalid port"),
    *("authentication failed", "no password supplied"),
    # Of an address, before anybody is asked: `invalid sslmode value: "banana"`.
    *(' value: "', "invalid integer value", "invalid SSL protocol", "invalid SCRAM"),
    *("require_auth method", "may not be used with", "could not match"),
    *("could not parse network address", "definition of service", "is too long"),
    # And of its options, by the server.
    *("invalid value for parameter", "unrecognized configuration parameter"),
)


class StoreFailure(Exception):
    """The database did not do its part."""


class NotWritten(StoreFailure):
    """Nothing was written."""


class TryAgain(NotWritten):
    """Another transaction came first, or the connection was lost."""


class Collision(NotWritten):
    """Another process wrote a row with the same key."""


class Locked(NotWritten):
    """Another process holds a lock for longer than is waited for."""


class Crowded(NotWritten):
    """Others read for longer than is waited for."""


class OutcomeUnknown(StoreFailure):
    """Whether the commit took place cannot be told from here."""


def advice(failure: StoreFailure) -> str:
    """Say what an operator can do about a failure."""
    cause = getattr(failure.__cause__, "orig", failure.__cause__)
    code = getattr(cause, "sqlite_errorcode", 0)
    # The lower bits are the error itself, the higher ones its details.
    if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return (
            "The database is damaged, or is not an SQLite file: restore it from a"
            " backup, or look at WALLET_DATABASE_URL."
        )
    if isinstance(failure, TryAgain):
        return (
            "The connection to the database was lost: look whether the database runs,"
            " and try again."
        )
    return (
        f"The database cannot be used ({reason_of(failure)}): look at"
        " WALLET_DATABASE_URL, and whether the database runs and lets this program in."
    )


def may_come_back(failure: StoreFailure) -> bool:
    """Tell whether a database that was not opened is away, and not merely wrong.

    The server gives no code when it refuses a connection, so its words are looked at.
    In another language they count as absence.
    """
    cause = getattr(failure.__cause__, "orig", failure.__cause__)
    if isinstance(cause, sqlite3.Error):
        return False
    return not any(words in str(cause) for words in _WRONG)


def reason_of(error: Exception) -> str:
    """Give the first line of what the database or its driver said."""
    cause = error.__cause__ or error
    return str(getattr(cause, "orig", cause)).partition("\n")[0]


#: A row with the same key; a lock that was not to be had in time.
_NAMED: Final = {"23505": Collision, "55P03": Locked}


@contextmanager
def before_commit(driver: object = None) -> Iterator[None]:
    """Name the failures of statements: they leave nothing behind.

    :param driver: the connection, which may be lost.
    """
    try:
        yield
    except Exception as error:
        failure = of_statement(error, driver)
        if failure is None:
            raise
        raise failure from error


@contextmanager
def at_commit() -> Iterator[None]:
    """Name the failures of a commit: only an answer from the database is certain."""
    try:
        yield
    except Exception as error:
        raise of_commit(error) from error


@contextmanager
def after_commit() -> Iterator[None]:
    """Doubt a commit, whatever fails now: something was written."""
    try:
        yield
    except Exception as error:
        raise OutcomeUnknown from error


def is_lost(driver: object) -> bool:
    """Tell whether a connection has ended; one to a file never does."""
    return bool(getattr(driver, "closed", False))


def _cause(error: Exception) -> Any:
    return error.orig if isinstance(error, DBAPIError) else error


def of_statement(error: Exception, driver: object) -> StoreFailure | None:
    """Name the failure of a statement, ``None`` if it is a mistake of this program."""
    if isinstance(error, PoolTimeout):
        return NotWritten()
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        if not isinstance(cause, sqlite3.IntegrityError):
            return NotWritten()
        if cause.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
            # Only an unfinished copy has triggers.
            return NotWritten()
        unique = (
            sqlite3.SQLITE_CONSTRAINT_UNIQUE,
            sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        )
        return Collision() if cause.sqlite_errorcode in unique else None
    if not hasattr(cause, "sqlstate"):
        return None
    state: str | None = cause.sqlstate
    # Nothing was lost but the connection, and a new one may well be had.
    lost = is_lost(driver) or getattr(error, "connection_invalidated", False)
    if state in _TRY_AGAIN or lost:
        return TryAgain()
    if state in _NAMED:
        return _NAMED[state]()
    # Without a state the server said nothing: it is not there, or went away. The
    # driver is not imported, because with SQLite it may not be installed.
    names = {each.__name__ for each in type(cause).__mro__}
    absent = state is None and names & {"OperationalError", "InterfaceError"}
    if absent or (state is not None and state.startswith(_UNAVAILABLE_CLASSES)):
        return NotWritten()
    return None


def of_commit(error: Exception) -> StoreFailure:
    """Name the failure of a commit."""
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        refused = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL)
        known = getattr(cause, "sqlite_errorcode", None) in refused
        return NotWritten() if known else OutcomeUnknown()
    diagnosis = getattr(cause, "diag", None)
    # With ERROR the server has rolled back and says so. After FATAL or PANIC, or with
    # no answer at all, the commit record may already be on the disk.
    if getattr(diagnosis, "severity_nonlocalized", None) != "ERROR":
        return OutcomeUnknown()
    state = getattr(cause, "sqlstate", None)
    if state in _UNKNOWN:
        return OutcomeUnknown()
    return TryAgain() if state in _TRY_AGAIN else NotWritten()
