"""Reads by the driver alone: as exact, as bounded and as well named as all others."""

import sqlite3
import threading

import pytest
from psycopg import OperationalError, ProgrammingError
from sqlalchemy import event, make_url, text

from wallet.ledger.commands import Kind
from wallet.storage.connections import Limits, is_sqlite, make_reading_engine
from wallet.storage.errors import NotWritten
from wallet.storage.queries import find_wallet, list_entries, list_wallets
from wallet.storage.reader import Reader

from ..actions import a_submission, create_wallet


@pytest.fixture
def make_reader(database_url):
    """Make readers with limits of their own, and close them."""
    made = []

    def make(**limits):
        engine = make_reading_engine(make_url(database_url), Limits(**limits))
        made.append(Reader(engine, Limits(**limits)))
        return made[-1]

    yield make
    for reader in made:
        reader.close()
        reader._engine.dispose()


@pytest.fixture
def reader(make_reader):
    """A reader with two connections, and how many were opened."""
    reader = make_reader(readers=2)
    reader.opened = []
    event.listen(reader._engine, "connect", lambda *_: reader.opened.append(1))
    return reader


def say(reader, said):
    """Have the database say something."""
    return reader.rows("SELECT CAST(:said AS text), ':', 7 % 4", said=said)


def test_a_connection_that_is_lent_is_closed_when_it_comes_back(make_reader):
    """A thread may still read when a store is closed; nothing is left behind."""
    reader, lent, closed = make_reader(readers=1), threading.Event(), threading.Event()
    drivers = []
    open_one = reader._open

    class Slow:
        def __init__(self, driver):
            self.close = driver.close
            self.driver = driver

        def execute(self, *given):
            lent.set()
            assert closed.wait(60)
            return self.driver.execute(*given)

    def open_slow():
        drivers.append(open_one())
        return Slow(drivers[-1])

    reader._open = open_slow
    thread = threading.Thread(target=say, args=(reader, "x"))
    thread.start()
    assert lent.wait(60)
    reader.close()
    closed.set()
    thread.join(60)
    (driver,) = drivers
    with pytest.raises((sqlite3.ProgrammingError, OperationalError), match="closed"):
        driver.execute("SELECT 1")


@pytest.mark.parametrize("said", ["", "a'b", "%s ? :said %(said)s", "näher 💸"])
def test_what_is_given_is_a_value_and_never_text_of_the_statement(reader, said):
    """Whatever looks like a mark or a quote comes back as it was given."""
    assert say(reader, said) == [(said, ":", 3)]


def test_few_connections_serve_many_threads(reader, store, writer):
    """Each reads its own wallet and no other's, and nothing is opened beyond two."""
    wallets = [create_wallet(writer, name=str(n)) for n in range(8)]
    store.reader, found = reader, []

    def read(wallet, name):
        for _ in range(100):
            state = find_wallet(store, wallet)
            found.append((state.id, state.name) == (wallet, name))

    threads = [
        threading.Thread(target=read, args=(wallet, str(n)))
        for n, wallet in enumerate(wallets)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [True] * 800
    assert 1 <= len(reader.opened) <= 2


def test_a_read_sees_what_is_committed_and_holds_nothing_open(store, writer):
    """No look-up leaves a transaction behind, which would go on seeing the past."""
    wallet = create_wallet(writer)
    for version in range(1, 9):
        writer.submit(a_submission(wallet, Kind.DEPOSIT, "1"))
        assert find_wallet(store, wallet).version == version
        assert list_entries(store, wallet, 1, None)[0].version == version
        assert list_wallets(store, 1, None)[0].balance_minor == 100 * version
    driver = store.reader._free.get()
    while driver is None:
        driver = store.reader._free.get()
    if is_sqlite(store.reading):
        assert not driver.in_transaction
    else:
        assert driver.autocommit
        assert driver.info.transaction_status.name == "IDLE"
    driver.close()


def test_who_waits_too_long_is_told_so(make_reader):
    """A connection that is lent is waited for, and no longer than for a lock."""
    reader = make_reader(readers=1, lock_timeout_ms=50)
    lent = reader._free.get()
    with pytest.raises(NotWritten):
        say(reader, "x")
    reader._free.put(lent)
    assert say(reader, "x") == [("x", ":", 3)]


def test_a_table_that_is_gone_and_back_is_read_again(store, writer):
    """An error costs its connection, and nothing else."""
    wallet = create_wallet(writer)
    for _ in range(6):
        with store.transaction() as connection:
            connection.execute(text("ALTER TABLE wallets RENAME TO gone"))
        # SQLite does not tell what is wrong with a statement from what is wrong with
        # a file.
        wrong = NotWritten if is_sqlite(store.reading) else ProgrammingError
        with pytest.raises(wrong):
            find_wallet(store, wallet)
        with store.transaction() as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO wallets"))
        assert find_wallet(store, wallet).id == wallet


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_connections_that_were_ended_are_replaced(store, reader):
    """Once one is found broken, the others are not tried."""
    assert [reader._free.get() for _ in range(2)] == [None, None]
    drivers = [reader._open() for _ in range(2)]
    with store.reading.connect() as other:
        for driver in drivers:
            reader._free.put(driver)
            pid = driver.info.backend_pid
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    for _ in range(5):
        assert say(reader, "x") == [("x", ":", 3)]
    assert len(reader.opened) == 4


def test_an_error_tells_no_value(store, reader):
    """What was looked for may be anybody's name."""
    with pytest.raises((NotWritten, ProgrammingError)) as raised:
        reader.rows("SELECT 1 FROM nowhere WHERE name = :said", said="a secret")
    told = f"{raised.value!r} {raised.value.__cause__!r}"
    assert "nowhere" in told
    assert "secret" not in told


def test_a_closed_reader_keeps_no_connection(store, reader):
    """And opens one again, should it be asked."""
    assert say(reader, "x") == [("x", ":", 3)]
    reader.close()
    assert [reader._free.get() for _ in range(2)] == [None, None]
    for _ in range(2):
        reader._free.put(None)
    assert say(reader, "x") == [("x", ":", 3)]
    assert len(reader.opened) == 2
