"""Both kinds of transaction: through SQLAlchemy, and by the driver alone.

They fail under the same names, leave the same behind, and share one connection.
"""

import sqlite3
import threading
from contextlib import closing, contextmanager

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import IntegrityError

from wallet.storage.connections import Limits, is_sqlite
from wallet.storage.errors import Collision, NotWritten, OutcomeUnknown, TryAgain
from wallet.storage.store import Store

TABLE = """\
CREATE TABLE things (
    name TEXT PRIMARY KEY,
    size INTEGER CHECK (size > 0),
    owner TEXT REFERENCES things DEFERRABLE INITIALLY DEFERRED
)"""


#: How the drivers, and SQLAlchemy around them, say that a rule of the table is broken.
REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError, IntegrityError)


@pytest.fixture(autouse=True)
def table(store):
    """A table with every kind of rule, and one row in it."""
    with store.transaction() as connection:
        connection.execute(text(TABLE))
        connection.execute(text("INSERT INTO things VALUES ('one', 1, 'one')"))


@pytest.fixture(params=["batch", "transaction"])
def opened(request):
    """Open a transaction of each kind, and execute statements in it."""

    @contextmanager
    def opened(store):
        with getattr(store, request.param)() as it:
            if request.param == "batch":
                yield lambda statement: it.execute(statement, ())
            else:
                yield it.exec_driver_sql

    return opened


@pytest.fixture
def impatient(database_url):
    """Another store on the same database, which waits for hardly anything."""
    store = Store(make_url(database_url), Limits(lock_timeout_ms=50))
    yield store
    store.close()


def names(store):
    with store.reading.connect() as connection:
        return set(connection.execute(text("SELECT name FROM things")).scalars())


def add(execute, name, size=1, owner="one"):
    execute(f"INSERT INTO things VALUES ('{name}', {size}, '{owner}')")


def add_two(execute):
    add(execute, "two")


def add_one_again(execute):
    add(execute, "one")


def add_nothing(execute):
    add(execute, "nothing", size=0)


def add_an_orphan(execute):
    add(execute, "orphan", owner="nobody")


def divide_by_zero(_execute):
    return 1 / 0


def do(opened, store, *steps):
    """Take some steps in one transaction."""
    with opened(store) as execute:
        for step in steps:
            step(execute)


def test_all_of_it_is_committed(store, opened):
    """And seen by others when it is, but not before."""
    with opened(store) as execute:
        add(execute, "two")
        add(execute, "three")
        assert names(store) == {"one"}
    assert names(store) == {"one", "two", "three"}


@pytest.mark.parametrize(
    ("step", "failure", "cause"),
    [
        (add_one_again, Collision, REFUSED),
        (add_nothing, REFUSED, object),
        (divide_by_zero, ZeroDivisionError, object),
    ],
)
def test_what_fails_leaves_nothing(store, opened, step, failure, cause, caplog):
    """What came before it is undone, and the next transaction is free of it."""
    with pytest.raises(failure) as raised:
        do(opened, store, add_two, step)
    assert isinstance(raised.value.__cause__, cause)
    assert names(store) == {"one"}
    do(opened, store, add_two)
    assert names(store) == {"one", "two"}
    assert caplog.records == []


def test_a_commit_that_is_refused_leaves_nothing(store, opened):
    """PostgreSQL says that it rolled back; of SQLite that is not taken for granted."""
    failure = OutcomeUnknown if is_sqlite(store.writing) else NotWritten
    with pytest.raises(failure) as raised:
        do(opened, store, add_two, add_an_orphan)
    assert isinstance(raised.value.__cause__, REFUSED)
    assert names(store) == {"one"}
    do(opened, store, add_two)
    assert names(store) == {"one", "two"}


def test_a_lock_is_waited_for_and_no_longer(store, impatient, opened):
    """Who waits in vain has written nothing, and may come again."""
    change = "UPDATE things SET size = size + 1"
    with opened(store) as execute:
        execute(change)
        with pytest.raises(NotWritten), opened(impatient) as other:
            other(change)
    with opened(impatient) as other:
        other(change)
    with store.reading.connect() as connection:
        sizes = connection.execute(text("SELECT size FROM things")).scalars().all()
    assert sizes == [3]


def test_there_is_one_connection_that_writes(impatient):
    """One kind waits for the other, and is told so when that takes too long."""
    with impatient.transaction(), pytest.raises(NotWritten), impatient.batch():
        pass
    with impatient.batch(), pytest.raises(NotWritten), impatient.transaction():
        pass


def test_a_database_that_is_not_there_is_named(opened):
    """No connection, nothing written."""
    store = Store(make_url("postgresql+psycopg://x@127.0.0.1:1/x"), Limits())
    try:
        with pytest.raises(NotWritten):
            do(opened, store, add_two)
    finally:
        store.close()


def test_an_error_tells_no_value(store):
    """What was to be written may be anybody's name."""
    mark = "?" if is_sqlite(store.writing) else "%s"
    with pytest.raises((NotWritten, psycopg.Error)) as raised, store.batch() as driver:
        driver.execute(f"SELECT x FROM nowhere WHERE x = {mark}", ("secret",))
    told = f"{raised.value!r} {raised.value.__cause__!r} {raised.value}"
    assert "nowhere" in told
    assert "secret" not in told


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_is_locked_before_anything_is_read(store, opened):
    """What a batch was decided from cannot change until it is written."""
    path = store.writing.url.database
    with opened(store), closing(sqlite3.connect(path, timeout=0)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


# Only a server can be lost, and only rows can be locked in two orders.
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@on_postgresql
def test_a_connection_that_ends_before_the_commit_has_written_nothing(
    store, opened, caplog
):
    """It is thrown away without a word in the log, and the next one is new."""

    def end(execute):
        (pid,) = execute("SELECT pg_backend_pid()").fetchone()
        with store.reading.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    with pytest.raises(TryAgain):
        do(opened, store, add_two, end, add_two)
    assert names(store) == {"one"}
    do(opened, store, add_two)
    assert names(store) == {"one", "two"}
    assert caplog.records == []


@on_postgresql
def test_a_deadlock_is_worth_another_try(database_url, store, opened):
    """Of two that wait for each other one is told so, and the other goes on."""
    with store.transaction() as connection:
        connection.execute(text("INSERT INTO things VALUES ('two', 1, 'one')"))
    stores = [store, Store(make_url(database_url), Limits())]
    both, failed = threading.Barrier(2), []

    def lock(one, *rows):
        try:
            with opened(one) as execute:
                # A batch does not wait until the server looks for deadlocks.
                execute("SET LOCAL lock_timeout = 0")
                for name in rows:
                    execute(f"SELECT 1 FROM things WHERE name = '{name}' FOR UPDATE")
                    if name == rows[0]:
                        both.wait(60)
        except TryAgain as error:
            failed.append(error)

    orders = (("one", "two"), ("two", "one"))
    threads = [
        threading.Thread(target=lock, args=(one, *order))
        for one, order in zip(stores, orders, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    stores[1].close()
    assert len(failed) == 1
