"""The mark of a copy that is not finished, in the database that it is made in.

It is a table of its own, so that a finished copy has nothing that its source had not.
Until then triggers refuse every change that is not the copy's own, so that no service
that was running on the empty database keeps money where it will be dropped.
"""

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import Connection

_mark: Final = Table(
    "unfinished_copy",
    MetaData(),
    Column("source", Text),
    # Seen by nobody but the transaction that copies: it is taken back at its end.
    Column("copying", Boolean, nullable=False),
)

#: Whatever a service writes, it writes to one of these as well.
_GUARDED: Final = (
    *("wallets", "rates", "rate_asks", "ended_sessions", "backups"),
    "alembic_version",
)
_REFUSE: Final = """
WHEN NOT (SELECT copying FROM unfinished_copy)
BEGIN SELECT RAISE(ABORT, 'it is an unfinished copy'); END
"""
_FUNCTION: Final = """
CREATE FUNCTION refuse_to_unfinished_copy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (SELECT copying FROM unfinished_copy) THEN
    RAISE EXCEPTION 'it is an unfinished copy'
      USING ERRCODE = 'read_only_sql_transaction';
  END IF;
  RETURN NULL;
END $$
"""


def source_of(connection: Connection) -> str | None:
    """Tell what a database is an unfinished copy of, ``None`` if it is not one."""
    if not inspect(connection).has_table(_mark.name):
        return None
    source: str = connection.execute(select(_mark.c.source)).scalar_one()
    return source


def mark(connection: Connection, source: str) -> None:
    """Mark a database as a copy that is not finished.

    Changes that are under way are waited for, and later ones are refused.
    """
    _mark.create(connection)
    connection.execute(insert(_mark).values(source=source, copying=False))
    run = connection.exec_driver_sql
    if connection.dialect.name == "sqlite":
        for name, table, change in _triggers():
            run(f"CREATE TRIGGER {name} BEFORE {change} ON {table} {_REFUSE}")
        return
    run(_FUNCTION)
    for table in _GUARDED:
        run(
            "CREATE TRIGGER unfinished_copy BEFORE INSERT OR UPDATE OR DELETE"
            f" ON {table} EXECUTE FUNCTION refuse_to_unfinished_copy()"
        )


def hold(connection: Connection) -> bool:
    """Let nobody else write into the database meanwhile; tell if it is still marked."""
    if not inspect(connection).has_table(_mark.name):
        return False
    # Another run that copies is waited for.
    connection.execute(update(_mark).values(copying=True))
    return True


def let_go(connection: Connection) -> None:
    """Refuse changes again, from the end of the transaction on."""
    connection.execute(update(_mark).values(copying=False))


def unmark(connection: Connection) -> None:
    """Let the copy be served."""
    if connection.dialect.name == "sqlite":
        for name, *_ in _triggers():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        connection.exec_driver_sql("DROP FUNCTION refuse_to_unfinished_copy() CASCADE")
    _mark.drop(connection)


def _triggers() -> list[tuple[str, str, str]]:
    """Name the triggers of SQLite, which are for one kind of change each."""
    return [
        (f"unfinished_copy_{table}_{change}".lower(), table, change)
        for table in _GUARDED
        for change in ("INSERT", "UPDATE", "DELETE")
    ]
