"""How PostgreSQL takes a set of rows: as one JSON document.

A document is written by a fast library and read by the server. An array for each
column would be written by the driver, value by value, and took longer than the server
needs for everything else.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    CTE,
    JSON,
    URL,
    ColumnElement,
    FromClause,
    Insert,
    LargeBinary,
    Select,
    Table,
    Text,
    Update,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.sql import ClauseElement

from ..ledger.outcomes import Scope
from .connections import Driver
from .rows import Row, Rows
from .tables import MOVING, REMEMBERED, RUN, SCOPE, entries, operations, spans, wallets

_MOVED: Final = ("id", *MOVING)
_DIALECT: Final = URL.create("postgresql+psycopg").get_dialect()()


class Statements:
    """The statements of the money path in PostgreSQL."""

    def __init__(self) -> None:
        self._lock = _text(_wallets_by("id"))
        self._created = _text(_wallets_by("creation_key"))
        self._remembered = _text(_answers_by_scope())
        self._write = _text(_write_all())
        self._complete = _text(_complete_runs())

    def begin(self, driver: Driver) -> None:
        """Do nothing: the driver begins with the first statement."""

    def lock_wallets(self, driver: Driver, ids: list[str]) -> Sequence[Row]:
        """Read wallets by their sorted ids, and let no one else change them."""
        # The order of the locks is the same in every process, so two batches that share
        # wallets wait for each other instead of both for ever.
        return _read(driver, self._lock, ("id",), [(each,) for each in ids])

    def find_created(self, driver: Driver, keys: list[str]) -> Sequence[Row]:
        """Read wallets by the keys under which they were created."""
        rows = [(each,) for each in keys]
        return _read(driver, self._created, ("creation_key",), rows)

    def find_remembered(self, driver: Driver, scopes: list[Scope]) -> Sequence[Row]:
        """Read scope, id, fingerprint, status and body of what was answered."""
        return _read(driver, self._remembered, SCOPE, scopes)

    def write(self, driver: Driver, rows: Rows) -> None:
        """Write everything that a batch changes in one statement; runs need another."""
        given = {
            "created": _document(wallets.columns.keys(), rows.created),
            "operations": _document(operations.columns.keys(), rows.operations),
            "entries": _document(entries.columns.keys(), rows.entries),
            "moved": _document(_MOVED, rows.moved),
        }
        driver.execute(self._write, given)
        if rows.runs:
            runs = {"rows": _document(RUN, rows.runs)}
            driver.execute(self._complete, runs)


def _read(
    driver: Driver, text: str, names: Sequence[str], rows: Sequence[Row]
) -> Sequence[Row]:
    found: list[Row] = driver.execute(text, {"rows": _document(names, rows)}).fetchall()
    return found


def _document(names: Sequence[str], rows: Sequence[Row]) -> str:
    named = [dict(zip(names, row, strict=True)) for row in rows]
    return msgspec.json.encode(named).decode()


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
    # Each key is looked up by itself. Joined, the planner would go through all the keys
    # there are, for as long as it believes that there are none.
    given = _given(operations, SCOPE)
    same = [operations.c[name] == given.c[name] for name in SCOPE]
    found = (
        select(*(operations.c[name] for name in REMEMBERED))
        .where(operations.c.key.is_not(None), *same)
        .limit(literal_column("1"))
        .lateral("found")
    )
    return select(found).join_from(given, found, true())


def _write_all() -> Update:
    # The parts of one statement see nothing of each other, and need not: what refers
    # to what is checked when all of it is there.
    moved = _given(wallets, _MOVED, "moved")
    values = zip(MOVING, _values(wallets, MOVING, moved), strict=True)
    return (
        update(wallets)
        .where(wallets.c.id == moved.c.id)
        .values(dict(values))
        .add_cte(
            _insert_all(wallets, "created"),
            _insert_all(operations, "operations"),
            _insert_all(entries, "entries"),
        )
    )


def _insert_all(table: Table, document: str) -> CTE:
    names = table.columns.keys()
    given = _given(table, names, document)
    rows = select(*_values(table, names, given))
    return insert(table).from_select(names, rows).cte(f"new_{document}")


def _complete_runs() -> Insert:
    # Each is made of the entries themselves, found by their key.
    given = _given(spans, RUN)
    start = given.c.number * given.c.size
    end = start + given.c.size
    ours, version = entries.c.wallet_id == given.c.wallet_id, entries.c.version
    run = ours & (version > start) & (version <= end)
    made = (
        select(func.min(entries.c.balance_minor)).where(run),
        select(func.max(entries.c.balance_minor)).where(run),
        select(entries.c.at_us).where(ours & (version == end)),
    )
    columns = (*given.c, *(each.scalar_subquery() for each in made))
    return insert(spans).from_select(spans.columns.keys(), select(*columns))


def _given(table: Table, names: Sequence[str], document: str = "rows") -> FromClause:
    """Read a document as rows with the columns of a table."""
    typed = [
        # JSON has no bytes; they come in base64.
        column(name, Text() if _is_binary(table, name) else table.c[name].type)
        for name in names
    ]
    rows = func.json_to_recordset(cast(bindparam(document), JSON))
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
