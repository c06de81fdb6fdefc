"""Compares the indexes of PostgreSQL with their tables."""

from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

# Only where the database has the extension: nothing is installed behind anyone's back.
_INDEXES: Final = """
SELECT pg_index.indexrelid FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = current_schema()::regnamespace
  AND EXISTS (SELECT FROM pg_extension WHERE extname = 'amcheck')
ORDER BY pg_index.indexrelid
"""
_CORRUPTED: Final = ("XX001", "XX002")


def damage(connection: Connection) -> str | None:
    """Compare the indexes with their tables; say what is wrong, if anything is."""
    try:
        for (index,) in connection.exec_driver_sql(_INDEXES).all():
            check = "SELECT bt_index_check(%s::oid::regclass, true)"
            connection.exec_driver_sql(check, (index,))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _CORRUPTED:
            return str(error.orig)
        raise
    return None
