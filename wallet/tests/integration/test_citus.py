"""What is promised of a store that Citus spreads over several machines."""

from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import make_url, text

from wallet.api.answers import freeze
from wallet.audit import settled
from wallet.audit.replay import Fault
from wallet.audit.verify import verify
from wallet.clock import now_us
from wallet.ledger.commands import CreateWallet, Kind, Submission
from wallet.ledger.ids import new_wallet_id
from wallet.storage.connections import Limits
from wallet.storage.durability import UnsafeDatabase, is_durable
from wallet.storage.errors import Locked, NotWritten, OutcomeUnknown
from wallet.storage.opening import open_store
from wallet.storage.queries import find_wallet
from wallet.storage.store import Store
from wallet.writer import Writer

from ..actions import a_submission, create_wallet, heard, until
from .test_plans import READS

SPREAD = Limits(distributed=True)
PLAIN = Limits(distributed=False)


@contextmanager
def opened(url, limits):
    store = open_store(make_url(url), limits)
    try:
        yield store
    finally:
        store.close()


def on(machine, statement):
    """Run a statement on one machine, and read what it finds."""
    address = machine.set(drivername="postgresql").render_as_string(False)
    with psycopg.connect(address, autocommit=True) as session:
        cursor = session.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_what_is_no_citus_is_not_spread(database_url):
    """The sentence says what is missing, and the store stays as it was."""
    with pytest.raises(UnsafeDatabase, match="extension citus"):
        open_store(make_url(database_url), SPREAD)
    with opened(database_url, PLAIN) as store:
        assert store.reader.rows("SELECT count(*) FROM wallets") == [(0,)]


def test_a_machine_that_is_lost_is_none_of_this_programs_mistakes(postgresql_url):
    """What was asked is not written, or nobody knows; an error of the ledger is one."""
    store = Store(make_url(postgresql_url), SPREAD)
    lost = "BEGIN RAISE EXCEPTION 'failure' USING ERRCODE = 'XX000'; END"
    try:
        with pytest.raises(NotWritten), store.batch() as driver:
            driver.execute(f"DO $$ {lost} $$", ())
        at_commit(store, lost)
        with pytest.raises(OutcomeUnknown), store.batch() as driver:
            driver.execute("INSERT INTO backups VALUES (1)", ())
        assert store.reader.rows("SELECT at_us FROM backups") == []
        with pytest.raises(psycopg.errors.UndefinedTable), store.batch() as driver:
            driver.execute("SELECT FROM nowhere", ())
    finally:
        store.close()


def at_commit(store, block):
    """Let the database do something when a backup that was noted is committed."""
    with store.transaction() as connection:
        for statement in (
            f"CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$ {block} $$",
            "CREATE CONSTRAINT TRIGGER told AFTER INSERT ON backups DEFERRABLE"
            " INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION told()",
        ):
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize("limits", [SPREAD, PLAIN], ids=["spread", "plain"])
def test_a_change_that_not_every_machine_has_yet_is_not_answered(
    postgresql_url, limits
):
    """The server only warns of that, and commits; a repeated request is answered."""
    store = Store(make_url(postgresql_url), limits)
    insert = "INSERT INTO backups VALUES ({})"
    try:
        at_commit(store, "BEGIN RAISE WARNING 'lost'; RETURN NULL; END")
        with pytest.raises(OutcomeUnknown), store.batch() as driver:
            driver.execute(insert.format(1), ())
        with pytest.raises(OutcomeUnknown), store.transaction() as connection:
            connection.exec_driver_sql(insert.format(2))
        found = store.reader.rows("SELECT at_us FROM backups ORDER BY at_us")
        assert found == [(1,), (2,)]
        store.write_nothing()
    finally:
        store.close()


def test_who_does_not_know_that_a_store_is_spread_does_not_open_it(citus_url):
    """Its statements would fail, one after the other."""
    with opened(citus_url, SPREAD) as store:
        create_wallet(Writer(store, freeze, now_us))
        with pytest.raises(UnsafeDatabase, match="set WALLET_DISTRIBUTED=1"):
            open_store(make_url(citus_url), PLAIN)
        assert store.reader.rows("SELECT count(*) FROM wallets") == [(1,)]


def test_all_that_a_wallet_has_is_on_one_machine(citus_url):
    """And wallets are on all of them; to open the store again changes nothing."""
    with opened(citus_url, SPREAD) as store:
        writer = Writer(store, freeze, now_us)
        made = [create_wallet(writer, key=f"key {n}") for n in range(16)]
        for wallet in made:
            writer.submit(a_submission(wallet, Kind.DEPOSIT, "1", key="k"))
        places = store.reader.rows(
            "SELECT CAST(table_name AS text), colocation_id FROM citus_tables"
            " WHERE citus_table_type = 'distributed'"
        )
        columns = dict(
            store.reader.rows(
                "SELECT nodeport, count(*) FROM pg_dist_placement"
                " JOIN pg_dist_node USING (groupid) GROUP BY nodeport"
            )
        )
        assert len(columns) >= 2
        assert verify(store).wallets == 16
    beside = {each for table, each in places if table != "creations"}
    assert len(beside) == 1
    assert dict(places)["creations"] not in beside
    with opened(citus_url, SPREAD) as store:
        assert verify(store).operations == 16


#: What is asked of every machine: a list of all wallets, or some that the caller names.
OF_ALL = {"first wallets", "more wallets", "wallets that fit", "versions", "names"}


@pytest.mark.parametrize("name", sorted({*READS} - OF_ALL))
def test_what_one_wallet_has_is_asked_of_one_machine(citus_url, name):
    """However many there are; so is what a batch asks, a wallet at a time."""
    with opened(citus_url, SPREAD) as store:
        wallet = create_wallet(Writer(store, freeze, now_us))
        with heard(store) as sent:
            READS[name](store, wallet)
        with store.reading.connect() as connection:
            for statement, given in sent:
                asked = f"EXPLAIN {statement}"
                plan = [row[0] for row in connection.exec_driver_sql(asked, given)]
                assert any(step.strip() == "Task Count: 1" for step in plan), plan


def test_a_store_that_was_filled_before_is_spread_with_all_of_it(empty_citus_url):
    """No entry, answer or key is lost on the way."""
    with opened(empty_citus_url, PLAIN) as store:
        writer = Writer(store, freeze, now_us)
        first, second = (create_wallet(writer, key=key) for key in ("one", "two"))
        writer.submit(a_submission(first, Kind.DEPOSIT, "5", key="k"))
        writer.submit(a_submission(first, Kind.TRANSFER, "2", recipient=second))
        before = verify(store)
    with opened(empty_citus_url, SPREAD) as store:
        assert verify(store) == before
        writer = Writer(store, freeze, now_us)
        command = CreateWallet(new_wallet_id(), "", "ZAR", 0, "two")
        (result,) = writer.submit(Submission((command,)))
        assert result.outcome.wallet.id == second
        again = a_submission(first, Kind.DEPOSIT, "5", key="k")
        writer.submit(again)
        assert find_wallet(store, first).balance_minor == 300
        assert verify(store) == before


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("UPDATE entries SET note = 'another'", "its digest does not follow"),
        ("DELETE FROM operations", "its operation"),
        ("DELETE FROM creations", "the key of its creation does not lead to it"),
        ("INSERT INTO creations VALUES ('x', 'w_x')", "w_x: the key of its creation"),
    ],
)
def test_what_is_changed_behind_its_back_is_found(
    citus_url, monkeypatch, change, complaint
):
    """On whichever machine that was."""
    monkeypatch.setattr(settled, "_PAUSE_S", 0)
    with opened(citus_url, SPREAD) as store:
        writer = Writer(store, freeze, now_us)
        for key in ("one", "two"):
            wallet = create_wallet(writer, key=key)
            writer.submit(a_submission(wallet, Kind.DEPOSIT, "1", key="k"))
        assert verify(store).wallets == 2
        with store.transaction() as connection:
            connection.execute(text(change))
        with pytest.raises(Fault, match=complaint):
            verify(store)


def test_a_change_must_be_recovered_soon(citus, citus_url):
    """Until it is, what was answered looks as if it had not been."""
    name = "citus.recover_2pc_interval"
    asked = f"SELECT setting FROM pg_settings WHERE name = '{name}'"
    ((kept,),) = on(citus.coordinator, asked)

    def set_to(value):
        on(citus.coordinator, f"ALTER SYSTEM SET {name} = {value}")
        on(citus.coordinator, "SELECT pg_reload_conf()")
        until(lambda: on(citus.coordinator, asked) == [(value,)])

    set_to("60000")
    try:
        with pytest.raises(UnsafeDatabase, match="recover_2pc_interval to 1s"):
            open_store(make_url(citus_url), SPREAD)
    finally:
        set_to(kept)
    with opened(citus_url, SPREAD):
        pass


def test_one_unsafe_machine_makes_all_of_it_unsafe(citus, citus_url):
    """A commit is kept only where every machine that took part keeps it."""
    with opened(citus_url, SPREAD) as store:
        assert is_durable(store.durability())
    name = make_url(citus_url).database
    on(citus.workers[0], f"ALTER DATABASE {name} SET synchronous_commit = off")
    with opened(citus_url, SPREAD) as store:
        assert store.durability()["synchronous_commit"] == "off, on"
        assert not is_durable(store.durability())


def test_a_locked_wallet_is_given_up_wherever_it_is(citus_url):
    """Else a lock on one would hold up all others."""
    with opened(citus_url, SPREAD) as store, opened(citus_url, SPREAD) as other:
        wallet = create_wallet(Writer(store, freeze, now_us))
        lock = "SELECT id FROM wallets WHERE id = :id FOR UPDATE"
        with other.transaction() as session:
            session.execute(text(lock), {"id": wallet})
            with pytest.raises(Locked), store.batch() as driver:
                store.load(driver, [a_submission(wallet, Kind.DEPOSIT, "1")])
            with store.batch() as driver:
                found = store.find_locked(
                    driver, [a_submission(wallet, Kind.DEPOSIT, "1")]
                )
            assert found == {wallet}
            assert store.find_free([wallet]) == set()
        assert store.find_free([wallet]) == {wallet}


@pytest.mark.parametrize("faults", [["a"], ["a", "b", "a"], ["a", "a"], [*"abcde"]])
def test_a_fault_of_machines_that_share_no_moment_is_looked_for_again(
    citus_url, monkeypatch, faults
):
    """It is one if it stays, or if there is another one each time."""
    monkeypatch.setattr(settled, "_PAUSE_S", 0)
    left = [*faults]

    def check(_connection):
        if left:
            raise Fault(left.pop(0))
        return "all is well"

    with opened(citus_url, SPREAD) as store:
        if len(faults) in (1, 3):
            assert settled.settled(store, check) == "all is well"
        else:
            with pytest.raises(Fault):
                settled.settled(store, check)
    assert left == []


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_fault_of_one_moment_is_one_at_once(database_url):
    """There is nothing that could become of it."""
    looks = []

    def check(_connection):
        looks.append(1)
        raise Fault("gone")

    with opened(database_url, PLAIN) as store, pytest.raises(Fault, match="gone"):
        settled.settled(store, check)
    assert looks == [1]
