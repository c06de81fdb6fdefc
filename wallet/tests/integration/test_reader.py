"""Reads by the driver alone: as exact, as bounded and as well named as all others."""

import threading

import pytest
from sqlalchemy import (
    bindparam,
    event,
    literal,
    literal_column,
    make_url,
    select,
    table,
    text,
)
from sqlalchemy.exc import ProgrammingError

from wallet.ledger.commands import Kind
from wallet.storage.connections import Limits, is_sqlite
from wallet.storage.errors import NotWritten
from wallet.storage.queries import find_wallet, list_entries, list_wallets
from wallet.storage.reader import Reader

from ..actions import a_submission, create_wallet

_SAID = select(bindparam("said").label("said"))


@pytest.fixture
def make_reader(database_url):
    """Make readers with limits of their own, and close them."""
    made = []

    def make(**limits):
        made.append(Reader(make_url(database_url), Limits(**limits)))
        return made[-1]

    yield make
    for reader in made:
        reader.close()


@pytest.fixture
def reader(make_reader):
    """A reader with two connections, and how many were opened."""
    reader = make_reader(readers=2)
    reader.opened = []
    event.listen(reader._engine, "connect", lambda *_: reader.opened.append(1))
    return reader


def say(reader, said):
    """Have the database say something."""
    return reader.rows(_SAID, {"said": said})


@pytest.mark.parametrize("said", ["", "a'b", "%s ? :said %(said)s", "näher 💸"])
def test_what_is_given_is_a_value_and_never_text_of_the_statement(reader, said):
    """Whatever looks like a mark or a quote comes back as it was given."""
    assert say(reader, said) == [(said,)]
    text, values = reader.written(_SAID, {"said": said})
    assert text.count("said") == 2
    assert values == {"said": said}


def test_what_a_statement_itself_has_is_handed_over_too(reader):
    """SQLite takes an offset beside every limit."""
    statement = select(literal(7).label("seven"), bindparam("said")).limit(1)
    assert reader.rows(statement, {"said": "x"}) == [(7, "x")]
    assert reader.rows(statement, {"said": "y"}) == [(7, "y")]


def test_a_statement_is_written_once(reader):
    """The text is the same object, and so what the driver prepared is found again."""
    text, _ = reader.written(_SAID, {"said": "x"})
    assert reader.written(_SAID, {"said": "y"})[0] is text


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
        thread.join(30)
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
    connection = store.reader._free.get()
    while connection is None:
        connection = store.reader._free.get()
    driver = connection.driver_connection
    if is_sqlite(store.reading):
        assert not driver.in_transaction
    else:
        assert driver.autocommit
        assert driver.info.transaction_status.name == "IDLE"
    connection.close()


def test_who_waits_too_long_is_told_so(make_reader):
    """A connection that is lent is waited for, and no longer than for a lock."""
    reader = make_reader(readers=1, lock_timeout_ms=50)
    lent = reader._free.get()
    with pytest.raises(NotWritten):
        say(reader, "x")
    reader._free.put(lent)
    assert say(reader, "x") == [("x",)]


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
    connections = [reader._engine.raw_connection() for _ in range(2)]
    with store.reading.connect() as other:
        for connection in connections:
            reader._free.put(connection)
            pid = connection.driver_connection.info.backend_pid
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    for _ in range(5):
        assert say(reader, "x") == [("x",)]
    assert len(reader.opened) == 4


def test_an_error_tells_no_value(store, reader):
    """What was looked for may be anybody's name."""
    nowhere = select(literal_column("1")).select_from(table("nowhere"))
    nowhere = nowhere.where(literal_column("name") == bindparam("said"))
    with pytest.raises((NotWritten, ProgrammingError)) as raised:
        reader.rows(nowhere, {"said": "a secret"})
    assert "nowhere" in str(raised.value.__cause__)
    assert "secret" not in f"{raised.value!r} {raised.value.__cause__!r}"


def test_a_closed_reader_keeps_no_connection(store, reader):
    """And opens one again, should it be asked."""
    assert say(reader, "x") == [("x",)]
    reader.close()
    assert [reader._free.get() for _ in range(2)] == [None, None]
    for _ in range(2):
        reader._free.put(None)
    assert say(reader, "x") == [("x",)]
    assert len(reader.opened) == 2
