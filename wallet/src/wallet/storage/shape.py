"""Compares the tables of a database with those that this program knows."""

from collections.abc import Iterator

from sqlalchemy import (
    CheckConstraint,
    Connection,
    ForeignKeyConstraint,
    Inspector,
    Table,
    UniqueConstraint,
    inspect,
)

from .side_tables import metadata


def find_missing(connection: Connection) -> str | None:
    """Name an index or a constraint of a table that is not there, if there is one.

    What somebody added is not looked at, and of checks only the names.
    """
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in there:
            return f"the table {table.name}"
        found = set(_found(inspector, table.name))
        for rule in _known(table):
            if rule not in found:
                kind, *names = rule
                return f"the {kind} {' '.join(names)} of the table {table.name}"
    return None


#: The kind of a rule, and what it is called, or which columns it is about.
_Rule = tuple[str, ...]


def _known(table: Table) -> Iterator[_Rule]:
    yield "primary key", *table.primary_key.columns.keys()
    for index in table.indexes:
        kind = "unique index" if index.unique else "index"
        yield kind, str(index.name), *index.columns.keys()
    for rule in table.constraints:
        if isinstance(rule, CheckConstraint):
            yield "check", str(rule.name)
        elif isinstance(rule, UniqueConstraint):
            yield "unique constraint on", *rule.columns.keys()
        elif isinstance(rule, ForeignKeyConstraint):
            yield "foreign key on", *rule.column_keys


def _found(inspector: Inspector, table: str) -> Iterator[_Rule]:
    yield "primary key", *inspector.get_pk_constraint(table)["constrained_columns"]
    for index in inspector.get_indexes(table):
        kind = "unique index" if index["unique"] else "index"
        yield kind, str(index["name"]), *map(str, index["column_names"])
    for check in inspector.get_check_constraints(table):
        yield "check", str(check["name"])
    for unique in inspector.get_unique_constraints(table):
        yield "unique constraint on", *unique["column_names"]
    for key in inspector.get_foreign_keys(table):
        yield "foreign key on", *key["constrained_columns"]
