import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import IntegrityError, NotSupportedError

from wallet.api.answers import freeze
from wallet.audit.verify import verify
from wallet.ledger.commands import CreateWallet, Kind, Submission
from wallet.ledger.ids import new_wallet_id
from wallet.ledger.outcomes import Known
from wallet.ledger.rules import decide
from wallet.storage import connections as engines
from wallet.storage import migrations
from wallet.storage.durability import SQLITE_PRAGMAS, UnsafeDatabase, is_durable
from wallet.storage.queries import find_wallet, list_entries
from wallet.storage.rows import Answered
from wallet.storage.side_tables import metadata
from wallet.storage.sqlite import split

from ..actions import a_submission, create_wallet, heard
from .test_plans import steps_on


def commit(store, *batch, now_us=1):
    """Decide and write a batch the way the writer does."""
    with store.batch() as driver:
        known = store.load(driver, batch)
        decision = decide(known, batch, now_us)
        frozen = [(out[0], freeze(out[0])) for out in decision.verdicts]
        answered = [
            Answered(outcome.command, answer.status, answer.body)
            for outcome, answer in frozen
            if answer is not None and not answer.replayed
        ]
        store.write(driver, decision, answered, now_us)
    return decision


def test_the_migrations_make_the_tables_that_the_code_knows(store):
    """Upgrading an empty database leaves nothing to generate."""
    with store.reading.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(store):
    """Each start may run the migrations."""
    with store.transaction() as connection:
        migrations.upgrade(connection)
        assert migrations.is_current(connection)


def test_a_database_of_a_newer_program_is_refused(store):
    """An older program does not touch tables that it does not know."""
    with store.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with (
        pytest.raises(migrations.WrongSchema, match="newer version"),
        store.transaction() as connection,
    ):
        migrations.upgrade(connection)


@pytest.mark.parametrize("size", [1, 16, 256])
def test_a_batch_costs_few_statements_whatever_its_size(store, writer, size):
    """Wallets and keys are read, then all is written: each as one set.

    Only the largest completes runs of entries, which takes a statement more.
    """
    sender, recipient = create_wallet(writer), create_wallet(writer)
    commit(store, a_submission(sender, Kind.DEPOSIT, "1000"))
    batch = [
        a_submission(sender, Kind.TRANSFER, "1", recipient=recipient, key=f"key {n}")
        for n in range(size)
    ]
    with heard(store) as statements:
        commit(store, *batch)
    # A statement of SQLite writes one table: operations, entries, or wallets.
    few = {"postgresql": 3, "sqlite": 5}[store.writing.dialect.name]
    assert len(statements) == few + (size == 256)
    assert find_wallet(store, recipient).balance_minor == 100 * size


def test_reading_a_wallet_costs_one_statement(store, writer):
    """The row of the wallet is all that is looked up."""
    wallet, others = create_wallet(writer), []
    for engine in (store.writing, store.reading):
        event.listen(engine, "before_cursor_execute", lambda *_: others.append(1))
    with heard(store) as statements:
        find_wallet(store, wallet)
    assert len(statements) == 1
    assert others == []


def test_both_engines_keep_the_same_journal(store):
    """The same commands, ids and clock give the same rows, digests included."""
    ids = [f"w_{n:012x}7000800000000000000{n}" for n in (1, 2)]
    makes = [
        Submission((CreateWallet(ids[0], "Åsa ☂", "ZAR", -500),)),
        Submission((CreateWallet(ids[1], "Bob", "ZAR", 0, "creation"),)),
    ]
    commit(store, *makes, now_us=5)
    moves = [
        a_submission(ids[0], Kind.DEPOSIT, "10.50", note="näher 💸", key="k"),
        a_submission(ids[0], Kind.WITHDRAWAL, "16.00", key="refused"),
        a_submission(ids[0], Kind.TRANSFER, "2.25", recipient=ids[1]),
    ]
    for number, move in enumerate(moves):
        object.__setattr__(move.commands[0], "operation_id", f"o_{number:032x}")
    commit(store, *moves, now_us=9)
    history = [list_entries(store, wallet, 500, None) for wallet in ids]
    digests = [entry.digest.hex()[:16] for entries in history for entry in entries]
    assert digests == ["ad0d7da487376cae", "2cfad9abcc7925a3", "6e85924afba5c738"]
    assert verify(store).entries == 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE wallets SET balance_minor = -1",
        "UPDATE wallets SET version = -1",
        "UPDATE wallets SET floor_minor = 1",
        "UPDATE wallets SET digest = digest || digest",
        "UPDATE entries SET balance_minor = balance_minor + 1 WHERE version = 2",
        "UPDATE entries SET amount_minor = amount_minor + 1 WHERE version = 2",
        "UPDATE entries SET version = 9 WHERE version = 2",
        "UPDATE entries SET previous_version = NULL WHERE version = 2",
        "UPDATE entries SET kind = 'withdrawal' WHERE version = 2",
        "UPDATE entries SET kind = 'gift' WHERE version = 2",
        "UPDATE entries SET kind = 'transfer' WHERE version = 2",
        "DELETE FROM entries WHERE version = 1",
        "DELETE FROM wallets",
        "UPDATE wallets SET held_minor = -1",
        "UPDATE wallets SET held_minor = balance_minor + 1, next_expiry_us = 9",
        "UPDATE wallets SET held_minor = 1",
        "UPDATE wallets SET next_expiry_us = 1",
        "UPDATE wallets SET archived_at_us = 1 WHERE balance_minor <> 0",
        "UPDATE wallets SET changes = -1",
        "UPDATE wallets SET seal = digest || digest",
        "UPDATE entries SET reverses = 'o_x' WHERE version = 2",
        "UPDATE entries SET kind = 'reversal' WHERE version = 2",
        "UPDATE entries SET hold_id = 'h_x' WHERE version = 2",
        "UPDATE operations SET status = 500",
        "UPDATE operations SET principal = 'nobody'",
        "UPDATE operations SET key = 'same'",
        "UPDATE operations SET status = 422, key = NULL",
        "UPDATE operations SET wallet_id = 'w_nobody'",
    ],
)
def test_the_database_itself_refuses_what_breaks_a_rule(store, writer, change):
    """Constraints hold even against writes past the program."""
    wallet = create_wallet(writer)
    commit(store, a_submission(wallet, Kind.DEPOSIT, "1"))
    commit(store, a_submission(wallet, Kind.DEPOSIT, "2"))
    refused = IntegrityError, NotSupportedError
    with pytest.raises(refused), store.writing.begin() as connection:
        connection.execute(text(change))


def test_connections_are_durable(store):
    """SQLite syncs each commit and holds foreign keys; PostgreSQL says it does."""
    assert is_durable(store.durability())
    if store.writing.dialect.name == "sqlite":
        with store.writing.connect() as connection:
            names = ("journal_mode", "synchronous", "foreign_keys")
            found = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names
            ]
        assert found == ["wal", 2, 1]


def test_a_snapshot_sees_one_moment(store, writer):
    """What is committed while it is read is not there, however often it looks."""
    wallet = create_wallet(writer)
    asked = text("SELECT version FROM wallets")
    with store.snapshot() as connection:
        assert connection.execute(asked).scalar_one() == 0
        writer.submit(a_submission(wallet, Kind.DEPOSIT, "1"))
        assert connection.execute(asked).scalar_one() == 0
    assert find_wallet(store, wallet).version == 1


def test_an_unknown_wallet_is_nothing(store):
    """Looking for a wallet that is not there finds nothing, and locks nothing."""
    nobody = new_wallet_id()
    with store.batch() as driver:
        known = store.load(driver, [a_submission(nobody, Kind.DEPOSIT, "1")])
    assert known == Known(now_us=known.now_us)
    assert find_wallet(store, nobody) is None


def test_a_sqlite_that_does_not_sync_is_refused(tmp_path, monkeypatch):
    """A file system that keeps no write-ahead log is not taken."""
    monkeypatch.setitem(SQLITE_PRAGMAS, "journal_mode", "nonsense")
    url = make_url(f"sqlite:///{tmp_path}/w.db")
    engine = engines.make_writing_engine(url, engines.Limits())
    with pytest.raises(UnsafeDatabase, match="journal_mode"):
        engine.connect()
    engine.dispose()


def test_wallets_are_locked_in_one_order_before_keys_are_read(store):
    """The order is the same in every process, whatever the order of the requests."""
    transfer = a_submission(
        new_wallet_id(), Kind.TRANSFER, "1", recipient=new_wallet_id(), key="k"
    )
    with heard(store) as statements, store.batch() as driver:
        store.load(driver, [transfer])
    with store.transaction() as connection:
        locking, keys = (steps_on(connection, *each) for each in statements)
    assert not any("operations" in step for step in locking)
    assert any("operations" in step for step in keys)
    # SQLite has one lock, and holds it already.
    if store.writing.dialect.name == "postgresql":
        assert locking[:2] == ["LockRows", "Sort"]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 511, 512, 513, 1_000, 1_024])
def test_sqlite_takes_a_set_in_few_parts(size):
    """Their sizes are powers of two, so there are ten statements for each table."""
    parts = list(split(range(size)))
    assert [each for part in parts for each in part] == list(range(size))
    assert {len(part) for part in parts} <= {2**n for n in range(10)}
    assert len(parts) <= size // 512 + 9
