"""The limits of a database that is spoken to without a service: loops in-process."""

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Table, make_url

from wallet.ledger.ids import new_operation_id
from wallet.storage.tables import entries, operations

from .bare import answers
from .cases import BATCH

Rows = Sequence[tuple[Any, ...]]
_MOVE = "UPDATE wallets SET balance_minor = {0}, version = {0} WHERE id = {0}"
#: Enough for a chunk to be ready whenever the database is.
_MOST_CHUNKS = 10_000


def bulk(database_url: str, wallet: str, seconds: int) -> float:
    """Write the rows of a batch of deposits set-wise, one commit each; rows a second.

    The rows are those that the wallet writes: an entry and an operation for each
    deposit, and the wallet's own. Making them takes none of the time.
    """
    body = answers()[0].decode()
    spent, done = 0.0, 0
    with _chunks(database_url) as write:
        for number in range(_MOST_CHUNKS):
            chunk = _chunk(wallet, number * BATCH, body)
            began = time.perf_counter()
            write(wallet, *chunk)
            spent += time.perf_counter() - began
            done += BATCH
            if spent > seconds:
                break
    return done / spent


def commits(database_url: str, seconds: int) -> float:
    """Commit single rows one after the other; commits a second."""
    insert = "INSERT INTO one (id) VALUES ({})"
    with _connected(database_url) as (connection, mark):
        connection.execute("CREATE TABLE IF NOT EXISTS one (id bigint)")
        began, done = time.perf_counter(), 0
        while (spent := time.perf_counter() - began) < seconds:
            connection.execute(insert.format(mark), (done,))
            done += 1
        connection.execute("DROP TABLE one")
    return done / spent


def _chunk(wallet: str, before: int, body: str) -> tuple[Rows, Rows]:
    entry_rows, operation_rows = [], []
    digest = secrets.token_bytes(32)
    for version in range(before + 1, before + BATCH + 1):
        operation = new_operation_id()
        entry = (wallet, version, version - 1 or None, version - 1, "deposit", 1)
        entry_rows.append((*entry, version, operation, None, None, version, digest))
        asked = (wallet, operation, "operator", None, digest)
        operation_rows.append((*asked, 201, body, version))
    return entry_rows, operation_rows


@contextmanager
def _chunks(database_url: str) -> Iterator[Callable[[str, Rows, Rows], None]]:
    with _connected(database_url) as (connection, mark):

        def write(wallet: str, entry_rows: Rows, operation_rows: Rows) -> None:
            insert = _insert_each if mark == "?" else _insert_all
            connection.execute("BEGIN")
            insert(connection, operations, operation_rows)
            insert(connection, entries, entry_rows)
            last = entry_rows[-1][1]
            connection.execute(_MOVE.format(mark), (last, last, wallet))
            connection.execute("COMMIT")

        yield write


def _insert_each(connection: Any, table: Table, rows: Rows) -> None:
    marks = ", ".join("?" * len(rows[0]))
    connection.executemany(f"{_insert_into(table)} VALUES ({marks})", rows)


def _insert_all(connection: Any, table: Table, rows: Rows) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    arrays = ", ".join(f"%s::{_postgresql_type(each)}[]" for each in table.columns)
    statement = f"{_insert_into(table)} SELECT * FROM unnest({arrays})"
    connection.execute(statement, columns)


def _insert_into(table: Table) -> str:
    return f"INSERT INTO {table.name} ({', '.join(table.columns.keys())})"


def _postgresql_type(column: Any) -> str:
    kinds = {bytes: "bytea", int: "bigint"}
    return kinds.get(column.type.python_type, "text")


@contextmanager
def _connected(database_url: str) -> Iterator[tuple[Any, str]]:
    """Connect as durably as the wallet does; each statement commits by itself."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for pragma in ("journal_mode = wal", "synchronous = 2", "foreign_keys = 1"):
                connection.execute(f"PRAGMA {pragma}")
            yield connection, "?"
    else:
        with psycopg.connect(database_url, autocommit=True) as connection:
            yield connection, "%s"
