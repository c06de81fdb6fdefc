"""Compares the indexes of PostgreSQL with their tables."""

from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from .side_tables import metadata

# Only where the database has the extension, and lets this role use it: nothing is
# installed or granted behind anyone's back.
_FUNCTION: Final = """
SELECT pg_proc.oid::regproc::text
FROM pg_proc JOIN pg_extension ON extnamespace = pronamespace
WHERE extname = 'amcheck' AND proname = 'bt_index_check' AND pronargs = 2
  AND has_schema_privilege(pronamespace, 'usage')
  AND has_function_privilege(pg_proc.oid, 'execute')
"""
# Ours alone: what somebody else keeps beside them may be of any kind. One that could
# not be built is used by nobody.
_INDEXES: Final = """
SELECT indexrelid
FROM pg_index JOIN pg_class AS indexes ON indexes.oid = indexrelid
  JOIN pg_class AS tables ON tables.oid = indrelid
  JOIN pg_am ON pg_am.oid = indexes.relam
WHERE tables.relnamespace = current_schema()::regnamespace
  AND tables.relname = ANY(%s) AND amname = 'btree' AND indisvalid
ORDER BY indexrelid
"""
_CORRUPTED: Final = ("XX001", "XX002")


def damage(connection: Connection) -> str | None:
    """Compare the indexes with their tables; say what is wrong, if anything is."""
    run = connection.exec_driver_sql
    function = run(_FUNCTION).scalar()
    if function is None:
        return None
    check = f"SELECT {function.replace('%', '%%')}(%s::oid::regclass, true)"
    try:
        for (index,) in run(_INDEXES, (list(metadata.tables),)).all():
            run(check, (index,))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _CORRUPTED:
            return str(error.orig)
        raise
    return None
