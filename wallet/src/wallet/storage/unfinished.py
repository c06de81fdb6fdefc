"""The mark of a copy that is not finished, in the database that it is made in.

It is a table of its own, so that a finished copy has nothing that its source had not.
"""

from typing import Final

from sqlalchemy import Column, MetaData, Table, Text, insert, inspect, select
from sqlalchemy.engine import Connection

_mark: Final = Table("unfinished_copy", MetaData(), Column("source", Text))


def source_of(connection: Connection) -> str | None:
    """Tell what a database is an unfinished copy of, ``None`` if it is not one."""
    if not inspect(connection).has_table(_mark.name):
        return None
    source: str = connection.execute(select(_mark.c.source)).scalar_one()
    return source


def mark(connection: Connection, source: str) -> None:
    """Mark a database as a copy that is not finished."""
    _mark.create(connection)
    connection.execute(insert(_mark).values(source=source))


def hold(connection: Connection) -> bool:
    """Let nobody else copy into the database meanwhile; tell if it is still marked."""
    if not inspect(connection).has_table(_mark.name):
        return False
    # SQLite has one writer in any case.
    connection.execute(select(_mark).with_for_update())
    return True


def unmark(connection: Connection) -> None:
    """Let the copy be served."""
    _mark.drop(connection)
