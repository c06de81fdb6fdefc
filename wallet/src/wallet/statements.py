"""How each engine takes a whole set of rows in one statement.

PostgreSQL takes an array for each column, SQLite a list of JSON rows to look up and
repeated parameters to write. The text of a statement is the same whatever the size of
the set, so it is compiled and prepared once.
"""

import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter
from sqlalchemy import ColumnElement
from sqlalchemy import Executable
from sqlalchemy import FromClause
from sqlalchemy import Select
from sqlalchemy import Table
from sqlalchemy import bindparam
from sqlalchemy import func
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import true
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import ARRAY

from .tables import entries
from .tables import operations
from .tables import spans
from .tables import wallets

Row = Mapping[str, Any]

# The names of parameters end in an underscore, because those of columns are taken.

#: The columns of a wallet that move.
MOVING = ("key_version", "balance_minor", "version", "digest", "last_entry_at_us")
_SCOPE = ("wallet_id", "principal", "key")
_SPAN = ("wallet_id", "size", "number")


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of the money path.

    :param to_look_up: turns rows into the parameters of a look-up.
    :param to_write: turns rows into the parameters of a write.
    """

    lock_wallets: Executable
    find_created: Executable
    find_remembered: Executable
    insert_wallets: Executable
    insert_operations: Executable
    insert_entries: Executable
    insert_spans: Executable
    update_wallets: Executable
    to_look_up: Callable[[Sequence[Row]], Any]
    to_write: Callable[[Sequence[Row]], Any]


def statements_for(dialect: str) -> Statements:
    """Build the statements once, when the store is made."""
    build = _sqlite if dialect == "sqlite" else _postgresql
    return build()


def _postgresql() -> Statements:
    def insert_all(table: Table) -> Executable:
        names = [column.name for column in table.columns]
        given = _unnested(table, names)
        return insert(table).from_select(names, select(*given.columns))

    moved = _unnested(wallets, ["id", *MOVING])
    return Statements(
        lock_wallets=_wallets_among(_unnested(wallets, ["id"]), "id"),
        find_created=_wallets_among(
            _unnested(wallets, ["creation_key"]), "creation_key"
        ),
        find_remembered=_remembered_among(_unnested(operations, _SCOPE)),
        insert_wallets=insert_all(wallets),
        insert_operations=insert_all(operations),
        insert_entries=insert_all(entries),
        insert_spans=_insert_spans(_unnested(spans, _SPAN)),
        update_wallets=update(wallets)
        .where(wallets.c.id == moved.c.id)
        .values({name: moved.c[name] for name in MOVING}),
        to_look_up=_by_column,
        to_write=_by_column,
    )


def _unnested(table: Table, names: Sequence[str]) -> FromClause:
    arrays = [bindparam(f"{name}_", type_=ARRAY(table.c[name].type)) for name in names]
    return func.unnest(*arrays).table_valued(*names).render_derived("given")


def _by_column(rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {f"{name}_": [row[name] for row in rows] for name in rows[0]}


def _sqlite() -> Statements:
    def insert_each(table: Table) -> Executable:
        return insert(table).values(_parameters(table.columns.keys()))

    return Statements(
        lock_wallets=_wallets_among(_from_json(["id"]), "id"),
        find_created=_wallets_among(_from_json(["creation_key"]), "creation_key"),
        find_remembered=_remembered_among(_from_json(_SCOPE)),
        insert_wallets=insert_each(wallets),
        insert_operations=insert_each(operations),
        insert_entries=insert_each(entries),
        insert_spans=_insert_spans(_each_given(spans, _SPAN)),
        update_wallets=update(wallets)
        .where(wallets.c.id == bindparam("id_"))
        .values(_parameters(MOVING)),
        to_look_up=lambda rows: {"rows": json.dumps([dict(row) for row in rows])},
        to_write=_by_row,
    )


def _parameters(names: Sequence[str]) -> dict[str, BindParameter[Any]]:
    return {name: bindparam(f"{name}_") for name in names}


def _by_row(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [{f"{name}_": value for name, value in row.items()} for row in rows]


def _from_json(names: Sequence[str]) -> FromClause:
    value = func.json_each(bindparam("rows")).table_valued("value").c.value
    columns: list[ColumnElement[Any]] = [
        func.json_extract(value, f"$.{name}").label(name) for name in names
    ]
    return select(*columns).subquery("given")


def _each_given(table: Table, names: Sequence[str]) -> FromClause:
    given = [bindparam(f"{name}_", type_=table.c[name].type) for name in names]
    labelled = zip(given, names, strict=True)
    return select(*(each.label(name) for each, name in labelled)).subquery("given")


def _insert_spans(given: FromClause) -> Executable:
    # Each span is read from the entries that it is made of, found by their key.
    start, end = given.c.number * given.c.size, (given.c.number + 1) * given.c.size
    ours = entries.c.wallet_id == given.c.wallet_id
    run = ours & entries.c.version.between(start + 1, end)
    made = (
        select(func.min(entries.c.balance_minor)).where(run),
        select(func.max(entries.c.balance_minor)).where(run),
        select(entries.c.at_us).where(ours & (entries.c.version == end)),
    )
    return insert(spans).from_select(
        spans.columns.keys(),
        select(*given.c, *(each.scalar_subquery() for each in made)),
    )


def _wallets_among(given: FromClause, column: str) -> Select[Any]:
    # The order of the locks is the same in every process, so two batches that share
    # wallets wait for each other instead of both for ever.
    return (
        select(wallets)
        .join_from(given, wallets, wallets.c[column] == given.c[column])
        .order_by(wallets.c.id)
        .with_for_update(of=wallets)
    )


def _remembered_among(given: FromClause) -> Select[Any]:
    same = [operations.c[name] == given.c[name] for name in _SCOPE]
    return (
        select(
            operations.c.wallet_id,
            operations.c.principal,
            operations.c.key,
            operations.c.id,
            operations.c.fingerprint,
            operations.c.status,
            operations.c.body,
        )
        .join_from(given, operations, true())
        .where(operations.c.key.is_not(None), *same)
    )
