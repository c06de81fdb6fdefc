"""A store is copied from each engine to the other, and the copy is the store."""

import shutil
from collections import Counter
from decimal import Decimal

import pytest
from sqlalchemy import inspect, make_url

from wallet import create_app
from wallet.api.answers import freeze
from wallet.audit import carry
from wallet.audit.carry import CopyError
from wallet.audit.compare import OF_WALLETS, OTHERS
from wallet.audit.copy import copy_store
from wallet.audit.verify import verify
from wallet.clock import now_us
from wallet.prices.rates import keep_rate
from wallet.storage import bulk, unfinished
from wallet.storage.connections import Limits
from wallet.storage.errors import StoreFailure
from wallet.storage.figures import note_backup
from wallet.storage.migrations import WrongSchema
from wallet.storage.opening import open_current_store, open_store
from wallet.storage.store import Store
from wallet.storage.tables import wallets
from wallet.web.service import service_of

from ..actions import Wallets, until
from ..conftest import new_postgresql_database
from ..everything import Everything, all_rows
from .conftest import OPERATOR, SECRET

pytestmark = pytest.mark.slow


@pytest.fixture
def everything(shared_app):
    return Everything(shared_app, OPERATOR)


@pytest.fixture
def target_url(request, database_url, tmp_path):
    """The address of a database of the other engine, with nothing in it."""
    if database_url.startswith("sqlite"):
        yield from new_postgresql_database(request.getfixturevalue("postgresql"))
    else:
        yield f"sqlite:///{tmp_path}/copy.db"


@pytest.fixture
def run(database_url, target_url):
    """Copy the store of the application."""

    def run(**options):
        return copy_store(
            make_url(database_url), make_url(target_url), freeze, **options
        )

    return run


@pytest.fixture
def carried(monkeypatch):
    """Count the rows that are inserted, by table."""
    carried = Counter()

    def insert_all(connection, table, rows):
        rows = list(rows)
        carried[table.name] += len(rows)
        bulk.insert_all(connection, table, rows)

    monkeypatch.setattr(carry, "insert_all", insert_all)
    monkeypatch.setattr(carry, "_MOST_WALLETS", 1)
    return carried


@pytest.fixture
def sqlite_source(tmp_path, migrated_file):
    """A store in SQLite beside the one of the application."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'source.db')}"


def triggers(url):
    """Name the triggers that a program has made."""
    store = Store(make_url(url), Limits())
    try:
        with store.snapshot() as connection:
            query = (
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                if url.startswith("sqlite")
                else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
                " UNION SELECT proname FROM pg_proc JOIN pg_namespace"
                " ON pronamespace = pg_namespace.oid WHERE nspname = 'public'"
            )
            return connection.exec_driver_sql(query).scalars().all()
    finally:
        store.close()


def is_unfinished(url):
    """Tell whether a database is marked, and then that nobody serves from it."""
    store = Store(make_url(url), Limits())
    try:
        with store.snapshot() as connection:
            marked = unfinished.source_of(connection) is not None
    finally:
        store.close()
    for open_it in (open_store, open_current_store) if marked else ():
        with pytest.raises(WrongSchema, match="an unfinished copy of"):
            open_it(make_url(url), Limits())
    return marked


def test_a_copy_is_its_store_row_for_row_there_and_back(
    everything, run, database_url, target_url, tmp_path, request
):
    """Both verify, the store is as it was, and so is a copy of the copy."""
    before = all_rows(database_url)
    assert {len(rows) > 0 for rows in before.values()} == {True}
    report = run()
    copied = all_rows(target_url)
    assert copied == before == all_rows(database_url)
    assert triggers(target_url) == triggers(database_url) == []
    assert (report.wallets, report.entries) == (4, len(before["entries"]))
    assert not is_unfinished(target_url)
    back = f"sqlite:///{tmp_path}/back.db"
    copy_store(make_url(target_url), make_url(back), freeze)
    assert all_rows(back) == before
    for url in (database_url, target_url, back):
        store = open_current_store(make_url(url), Limits())
        assert verify(store, freeze=freeze) == report
        store.close()


@pytest.mark.one_engine
def test_no_table_is_left_behind(database_url):
    """A table that is added is copied, too; one row says which version they are of."""
    store = Store(make_url(database_url), Limits())
    with store.snapshot() as connection:
        there = set(inspect(connection).get_table_names())
    store.close()
    copied = {table.name for table in (wallets, *OF_WALLETS, *OTHERS)}
    assert there == copied | {"alembic_version"}


def test_old_keys_are_answered_from_the_copy_with_the_same_bytes(
    everything, run, database_url, target_url, tmp_path
):
    """No row is added for one; wallet keys open their wallets, and histories go on."""
    run()
    app = create_app(
        {
            "DATABASE_URL": target_url,
            "HOME": str(tmp_path),
            "SECRET_KEY": SECRET,
            "OPERATOR_TOKEN": OPERATOR,
        }
    )
    try:
        calls = Wallets(app.test_client(), OPERATOR)
        for method, path, body, headers, status, data in everything.answered:
            again = getattr(calls, method)(path, body, **headers)
            assert (again.status_code, again.data) == (status, data)
        before, after = all_rows(database_url), all_rows(target_url)
        for name in ("entries", "operations", "changes"):
            assert after[name] == before[name]
        owner = Wallets(app.test_client(), everything.ada_key)
        _, version = owner.balance(everything.ada)
        assert owner.withdraw(everything.ada, "1.00").status_code == 201
        assert owner.balance(everything.ada)[1] == version + 1
        verify(service_of(app).store, freeze=freeze)
    finally:
        service_of(app).close()


def test_a_service_that_runs_on_the_empty_database_writes_nothing(
    everything, run, database_url, target_url, tmp_path
):
    """Nor is it healthy, until the copy is finished: then it serves from that."""
    app = create_app(
        {
            "DATABASE_URL": target_url,
            "HOME": str(tmp_path),
            "SECRET_KEY": SECRET,
            "OPERATOR_TOKEN": OPERATOR,
        }
    )
    calls, asked = Wallets(app.test_client(), OPERATOR), []

    def ask(_progress):
        rows = all_rows(target_url)
        deposit = {"amount": "1.00"}
        asked.append(calls.post(f"/v1/wallets/{everything.ada}/deposits", deposit))
        for answer in (asked[-1], calls.post("/v1/wallets", {"name": "Eve"})):
            assert answer.status_code == 503, answer.text
            assert answer.json["type"] == "/problems/unavailable"
        assert calls.get("/status").status_code == 503
        with pytest.raises(StoreFailure):
            note_backup(service_of(app).store, now_us())
        assert all_rows(target_url) == rows

    def break_off(progress):
        ask(progress)
        raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            run(on_progress=break_off)
        assert is_unfinished(target_url)
        run(on_wallet=ask)
        assert len(asked) == 1 + len(all_rows(database_url)["wallets"])
        assert all_rows(target_url) == all_rows(database_url)
        until(lambda: calls.get("/status").status_code == 200)
        _, version = calls.balance(everything.ada)
        assert calls.deposit(everything.ada, "1.00").status_code == 201
        assert calls.balance(everything.ada)[1] == version + 1
        verify(service_of(app).store, freeze=freeze)
    finally:
        service_of(app).close()


def test_a_copy_that_was_broken_off_goes_on_where_it_was(
    everything, run, carried, database_url, target_url
):
    """Every row is written once, and nobody serves from a part."""

    def break_off(progress):
        if progress.wallets == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(on_progress=break_off)
    assert is_unfinished(target_url)
    assert carried["wallets"] == 2
    run()
    rows = all_rows(database_url)
    assert all_rows(target_url) == rows
    assert not is_unfinished(target_url)
    assert carried == {name: len(of_table) for name, of_table in rows.items()}


def test_two_copies_into_one_database_are_one(
    everything, run, carried, database_url, target_url
):
    """The one that comes too late says so; no row is there twice."""
    reports = []

    def run_another(_progress):
        if not reports:
            reports.append(None)
            reports.append(run())

    with pytest.raises(CopyError, match="Another run has finished the copy meanwhile"):
        run(on_progress=run_another)
    assert reports[1].wallets == carried["wallets"] == 4
    assert all_rows(target_url) == all_rows(database_url)
    assert not is_unfinished(target_url)


def test_a_copy_that_loses_its_database_goes_on(
    everything, run, carried, database_url, target_url
):
    """Whether that is the old one or the new one."""
    (server,) = (url for url in (database_url, target_url) if "sqlite" not in url)
    ended = []

    def end_sessions(progress):
        if progress.wallets == 2 and not ended:
            ended.append(True)
            change(
                server,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )

    with pytest.raises(StoreFailure):
        run(on_progress=end_sessions)
    assert is_unfinished(target_url)
    run()
    assert carried["wallets"] == 4
    assert all_rows(target_url) == all_rows(database_url)
    assert not is_unfinished(target_url)


def go_on(everything):
    """Change something of every kind, in every wallet that takes it."""
    send, ada, bob = everything.send, everything.ada, everything.bob
    send(ada, "transfers", 201, to=bob, amount="3.00")
    send(bob, "transfers", 201, to=ada, amount="1.00")
    send(bob, "withdrawals", 422, amount="99999.00")
    hold = send(bob, "holds", 201, amount="1.00")["hold"]["id"]
    send(bob, f"holds/{hold}/captures", 201, amount="0.50", keep_open=True)
    assert everything.calls.post(f"/v1/wallets/{ada}/keys").status_code == 201
    new = everything.create(name="Dan")["id"]
    send(ada, "transfers", 201, to=new, amount="2.00")


def test_a_store_that_goes_on_while_it_is_copied_is_called_so(
    everything, run, carried, database_url, target_url
):
    """The copy is of one moment; the next run takes along only what is new."""
    before, added = all_rows(database_url), []

    def interfere(progress):
        if not added:
            added.append(True)
            go_on(everything)

    with pytest.raises(CopyError, match="3 wallets changed while the store was copied"):
        run(on_progress=interfere)
    assert is_unfinished(target_url)
    assert all_rows(target_url) == before
    carried.clear()
    run()
    after = all_rows(database_url)
    assert all_rows(target_url) == after
    assert not is_unfinished(target_url)
    # Whatever is only added is carried once. Of holds the wallet has the new ones, too.
    for name in ("entries", "operations", "changes", "spans"):
        assert carried[name] == len(after[name]) - len(before[name]), name
    assert carried["wallets"] == 1


def test_a_copy_that_is_finished_already_is_called_so(
    everything, run, database_url, target_url
):
    """Once its store has gone on, it is a database with rows like any other."""
    run()
    rows = all_rows(target_url)
    with pytest.raises(CopyError, match="a finished copy of this store already"):
        run()
    everything.send(everything.ada, "deposits", 201, amount="1.00")
    with pytest.raises(CopyError, match="has rows already: name an empty one"):
        run()
    assert all_rows(target_url) == rows
    assert not is_unfinished(target_url)
    assert triggers(target_url) == []


@pytest.mark.one_engine
@pytest.mark.parametrize("what", ["wallets", "prices"])
def test_a_store_that_goes_on_while_its_copy_is_verified_is_called_so(
    everything, run, shared_app, database_url, target_url, what
):
    """Nothing that comes before the end of a copy is left behind unsaid."""
    done = []

    def interfere(_wallet):
        if not done and what == "wallets":
            done.append(everything.send(everything.ada, "deposits", 201, amount="1.00"))
        elif not done:
            with service_of(shared_app).store.transaction() as connection:
                done.append(keep_rate(connection, Decimal(1), now_us()))

    sentence = "1 wallet changed" if what == "wallets" else "Prices, ended sessions"
    with pytest.raises(CopyError, match=sentence):
        run(on_wallet=interfere)
    assert is_unfinished(target_url)
    assert all_rows(target_url) != all_rows(database_url)
    run()
    assert all_rows(target_url) == all_rows(database_url)


#: What lets a transaction change an unfinished copy.
OPENED, SHUT = (
    f"UPDATE unfinished_copy SET copying = {each}" for each in ("true", "false")
)
#: What somebody does to a copy before it is finished, and what is said of it.
FORGERIES = {
    "a wallet is renamed": ("UPDATE wallets SET name = 'x'", "is not what the store"),
    "an answer is gone": ("DELETE FROM operations WHERE status = 422", "operations"),
    "a hold is gone": ("DELETE FROM holds", "table holds does not add up"),
    "a note is another": (
        "UPDATE entries SET note = 'A GIFT' WHERE note = 'a gift'",
        "version 3: its digest",
    ),
    "an answer is another": (
        "UPDATE operations SET body = replace(body, 'salary', 'SALARY')",
        "its operation",
    ),
}


@pytest.mark.one_engine
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_copy_that_is_not_its_store_is_never_finished(
    everything, run, database_url, target_url, forgery
):
    """It stays marked, and what is wrong is named."""
    statement, sentence = FORGERIES[forgery]
    before = all_rows(database_url)

    def forge(progress):
        if progress.wallets == progress.all_wallets:
            change(target_url, OPENED, statement, SHUT)

    with pytest.raises(CopyError, match=sentence):
        run(on_progress=forge)
    assert is_unfinished(target_url)
    assert all_rows(database_url) == before


def test_a_copy_that_is_ahead_of_its_store_is_not_gone_on_with(
    everything, run, database_url, target_url
):
    """As it is when the store was put back to a backup in between."""

    def break_off(_progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(on_progress=break_off)
    ahead = "UPDATE wallets SET changes = changes + 1 WHERE floor_minor = -5000"
    change(target_url, OPENED, ahead, SHUT)
    before = all_rows(target_url)
    with pytest.raises(CopyError, match=f"ahead of its source in {everything.ada}"):
        run()
    assert all_rows(target_url) == before
    assert is_unfinished(target_url)


#: What makes a database no place for a copy, and what is said of it.
NO_PLACES = {
    "it has a wallet": (None, "has rows already"),
    "it has a price": (
        "INSERT INTO rates (pair, at_us, price) VALUES ('XBTZAR', 1, '1')",
        "has rows already",
    ),
    "it is of an older version": (
        "UPDATE alembic_version SET version_num = '0004'",
        "not those of this version",
    ),
    "it is of a newer version": (
        "UPDATE alembic_version SET version_num = '9999'",
        "install a newer version",
    ),
    "it is of another program": (
        "DROP TABLE alembic_version",
        "not those of this version",
    ),
    "it is a copy of another store": (
        "CREATE TABLE unfinished_copy AS SELECT 'SQLite at /x.db' AS source",
        "copy of another store, SQLite at /x.db",
    ),
}


@pytest.mark.parametrize("reason", NO_PLACES)
def test_what_is_no_place_for_a_copy_is_refused_and_left_as_it_is(
    operator, database_url, sqlite_source, reason
):
    """Only an empty database, or a copy that was begun from the same store."""
    statement, sentence = NO_PLACES[reason]
    if statement is None:
        operator.create(name="Ada")
    else:
        change(database_url, statement)
    before = all_rows(database_url)
    with pytest.raises((CopyError, WrongSchema), match=sentence):
        copy_store(make_url(sqlite_source), make_url(database_url), freeze)
    assert all_rows(database_url) == before


def test_a_store_is_not_copied_onto_itself(operator, database_url, tmp_path):
    """Not by another name, either."""
    operator.create(name="Ada")
    before, names = all_rows(database_url), [database_url]
    if database_url.startswith("sqlite"):
        (tmp_path / "link").symlink_to(make_url(database_url).database)
        names.append(f"sqlite:///{tmp_path}/link")
    for name in names:
        with pytest.raises(CopyError, match="the store itself"):
            copy_store(make_url(database_url), make_url(name), freeze)
    assert all_rows(database_url) == before
    assert not is_unfinished(database_url)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "name", ["x' || hex(zeroblob(200)) || '", "x' || char(0) || '"]
)
def test_a_row_that_the_other_engine_does_not_take_is_named(
    everything, run, database_url, target_url, name
):
    """A copy that cannot be whole is not finished."""
    change(database_url, f"UPDATE wallets SET name = '{name}'")
    with pytest.raises(CopyError, match="A row cannot be copied: wallets: "):
        run()
    assert is_unfinished(target_url)
    assert all_rows(target_url)["wallets"] == []


def change(url, *statements):
    """Change a database past the program."""
    store = Store(make_url(url), Limits())
    try:
        with store.transaction() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    finally:
        store.close()
