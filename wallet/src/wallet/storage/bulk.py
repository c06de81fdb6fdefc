"""Many rows at once: by COPY into PostgreSQL, by one prepared statement in SQLite."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Table

from .connections import is_sqlite


class RowRefused(Exception):
    """The database has no place for a row; the message says why."""


def insert_all(
    connection: Connection, table: Table, rows: Iterable[Sequence[Any]]
) -> None:
    """Insert rows as they come, within the caller's transaction.

    :raises RowRefused: one breaks a rule of the table.
    """
    driver = cast("Any", connection.connection.driver_connection)
    names = ", ".join(table.columns.keys())
    try:
        if is_sqlite(connection.engine):
            marks = ", ".join("?" * len(table.columns))
            sql = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608
            driver.executemany(sql, map(tuple, rows))
        else:
            with (
                driver.cursor() as cursor,
                cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(row)
    except Exception as error:
        if not _is_refusal(error):
            raise
        reason = str(error).partition("\n")[0]
        raise RowRefused(f"{table.name}: {reason}") from error


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, sqlite3.IntegrityError):
        return True
    # The driver is not imported, because with SQLite it may not be installed.
    names = {each.__name__ for each in type(error).__mro__}
    return hasattr(error, "sqlstate") and bool(names & {"IntegrityError", "DataError"})


def tell_planner(connection: Connection, tables: Iterable[Table]) -> None:
    """Let PostgreSQL count what was inserted, so that it plans with what is there."""
    if not is_sqlite(connection.engine):
        names = ", ".join(table.name for table in tables)
        connection.exec_driver_sql(f"ANALYZE {names}")
