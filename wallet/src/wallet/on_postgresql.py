"""How PostgreSQL takes a set of rows: as one JSON document.

A document is written by a fast library and read by the server. An array for each
column would be written by the driver, value by value, and took longer than the server
needs for everything else.
"""

from collections.abc import Sequence
from typing import Any
from typing import Final

import msgspec
from sqlalchemy import JSON
from sqlalchemy import URL
from sqlalchemy import ColumnElement
from sqlalchemy import Connection
from sqlalchemy import FromClause
from sqlalchemy import Insert
from sqlalchemy import LargeBinary
from sqlalchemy import Select
from sqlalchemy import Table
from sqlalchemy import Text
from sqlalchemy import Update
from sqlalchemy import bindparam
from sqlalchemy import cast
from sqlalchemy import column
from sqlalchemy import func
from sqlalchemy import insert
from sqlalchemy import literal_column
from sqlalchemy import select
from sqlalchemy import true
from sqlalchemy import update
from sqlalchemy.sql import ClauseElement

from .outcomes import Scope
from .tables import MOVING
from .tables import REMEMBERED
from .tables import SCOPE
from .tables import entries
from .tables import operations
from .tables import wallets

_MOVING: Final = ("id", *MOVING)
_DIALECT: Final = URL.create("postgresql+psycopg").get_dialect()()


class Statements:
    """The statements of the money path in PostgreSQL."""

    def __init__(self) -> None:
        self._lock = _text(_wallets_by("id"))
        self._created = _text(_wallets_by("creation_key"))
        self._remembered = _text(_answers_by_scope())
        self._insert = {
            table: _text(_insert_all(table)) for table in (wallets, operations, entries)
        }
        self._move = _text(_move_all())

    def lock_wallets(
        self, connection: Connection, ids: list[str]
    ) -> Sequence[tuple[Any, ...]]:
        """Read wallets by their sorted ids, and let no one else change them."""
        # The order of the locks is the same in every process, so two batches that share
        # wallets wait for each other instead of both for ever.
        return _read(connection, self._lock, [{"id": each} for each in ids])

    def find_created(
        self, connection: Connection, keys: list[str]
    ) -> Sequence[tuple[Any, ...]]:
        """Read wallets by the keys under which they were created."""
        rows = [{"creation_key": each} for each in keys]
        return _read(connection, self._created, rows)

    def find_remembered(
        self, connection: Connection, scopes: list[Scope]
    ) -> Sequence[tuple[Any, ...]]:
        """Read scope, id, fingerprint, status and body of what was answered."""
        return _read(connection, self._remembered, _named(SCOPE, scopes))

    def insert(
        self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Add rows to a table."""
        _write(connection, self._insert[table], _named(table.columns.keys(), rows))

    def move_wallets(
        self, connection: Connection, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Change what moves about wallets: rows of the id and what moves."""
        _write(connection, self._move, _named(_MOVING, rows))


def _read(
    connection: Connection, text: str, rows: list[dict[str, Any]]
) -> Sequence[tuple[Any, ...]]:
    found = connection.exec_driver_sql(text, {"rows": _document(rows)})
    return found.all()


def _write(connection: Connection, text: str, rows: list[dict[str, Any]]) -> None:
    connection.exec_driver_sql(text, {"rows": _document(rows)})


def _document(rows: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()


def _named(
    names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


def _text(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=_DIALECT))


def _wallets_by(name: str) -> Select[Any]:
    given = _given(wallets, [name])
    return (
        select(wallets)
        .join_from(given, wallets, wallets.c[name] == given.c[name])
        .order_by(wallets.c.id)
        .with_for_update(of=wallets)
    )


def _answers_by_scope() -> Select[Any]:
    given = _given(operations, SCOPE)
    same = [operations.c[name] == given.c[name] for name in SCOPE]
    return (
        select(*(operations.c[name] for name in REMEMBERED))
        .join_from(given, operations, true())
        .where(operations.c.key.is_not(None), *same)
    )


def _insert_all(table: Table) -> Insert:
    names = table.columns.keys()
    given = _given(table, names)
    return insert(table).from_select(names, select(*_values(table, names, given)))


def _move_all() -> Update:
    given = _given(wallets, _MOVING)
    values = zip(MOVING, _values(wallets, MOVING, given), strict=True)
    return update(wallets).where(wallets.c.id == given.c.id).values(dict(values))


def _given(table: Table, names: Sequence[str]) -> FromClause:
    """Read a document as rows with the columns of a table."""
    typed = [
        # JSON has no bytes; they come in base64.
        column(name, Text() if _is_binary(table, name) else table.c[name].type)
        for name in names
    ]
    rows = func.json_to_recordset(cast(bindparam("rows"), JSON))
    return rows.table_valued(*typed).render_derived("given", with_types=True)


def _values(
    table: Table, names: Sequence[str], given: FromClause
) -> list[ColumnElement[Any]]:
    base64: ColumnElement[str] = literal_column("'base64'")
    return [
        func.decode(given.c[name], base64) if _is_binary(table, name) else given.c[name]
        for name in names
    ]


def _is_binary(table: Table, name: str) -> bool:
    return isinstance(table.c[name].type, LargeBinary)
