"""A real browser in front of the server that users run, on SQLite."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import make_url
from werkzeug.exceptions import NotFound
from werkzeug.middleware.http_proxy import ProxyMiddleware
from werkzeug.test import Client

from wallet.storage.connections import Limits
from wallet.storage.store import Store

from ..actions import Wallets
from ..browsing import CHROMIUM, needs_chromium
from ..servers import Server

OPERATOR = "operator-token-of-the-tests"
#: What no machine needs to show what it was asked for.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none, but never in CI."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            item.add_marker(needs_chromium)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Take the system's Chromium; as root it cannot use its sandbox."""
    if CHROMIUM is None:
        pytest.fail("there is no Chromium")
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM,
        "args": ["--no-sandbox", "--disable-dev-shm-usage"],
    }


class Live:
    """``wallet serve`` on a port of this machine, which can go and come back."""

    def __init__(self, home: Path, **settings: str) -> None:
        # A test that locks the ledger lets it go.
        patient = {"LOCK_TIMEOUT_MS": f"{PATIENCE_MS}"}
        settings = {"TIME_ZONE": "Africa/Johannesburg"} | patient | settings
        self._server = Server(home, **settings)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.file = home / "wallet.db"
        self._runs = False
        self.start()
        self.store = Store(make_url(f"sqlite:///{self.file}"), Limits())

    def start(self) -> None:
        """Let it run, if it does not."""
        if not self._runs:
            self._server.start()
            self._runs = True

    def stop(self) -> None:
        if self._runs:
            self._server.stop()
            self._runs = False

    def end(self) -> None:
        """Stop it for ever, however it fares."""
        try:
            self.stop()
        finally:
            self._server.kill()
            self.store.close()

    def forget(self) -> None:
        """Empty every table: so each test begins anew, and the server goes on."""
        with self.locked() as database:
            for (table,) in database.execute(_TABLES).fetchall():
                database.execute(f"DELETE FROM {table}")
            database.execute("COMMIT")

    @contextmanager
    def locked(self) -> Iterator[sqlite3.Connection]:
        """Keep the ledger from writing, as a slow disk would."""
        with closing(sqlite3.connect(self.file, 60, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield database

    @property
    def wallets(self) -> Wallets:
        """The calls of the interface, to see what the pages have done."""
        calls = ProxyMiddleware(NotFound(), {"/v1/": {"target": self.url}})
        return Wallets(Client(calls), self._server.token)


_TABLES = """
SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'alembic%'
"""


@pytest.fixture(scope="session")
def local_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A local service, for all tests of this process."""
    server = Live(tmp_path_factory.mktemp("local"))
    yield server
    server.end()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service with an operator token, for all tests of this process."""
    home = tmp_path_factory.mktemp("shared")
    server = Live(home, SECRET_KEY="s" * 32, OPERATOR_TOKEN=OPERATOR)
    yield server
    server.end()


@pytest.fixture
def live(local_server: Live) -> Live:
    """A local service without wallets."""
    local_server.start()
    local_server.forget()
    return local_server


@pytest.fixture
def shared(shared_server: Live) -> Live:
    """A service with an operator token and without wallets."""
    shared_server.start()
    shared_server.forget()
    return shared_server


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def visit(browser, request: pytest.FixtureRequest):
    """Return a function that opens an address in a tab, with and without scripts."""
    context = browser.new_context(java_script_enabled=request.param)
    context.set_default_timeout(PATIENCE_MS)

    def open_tab(url: str):
        tab = context.new_page()
        tab.goto(url)
        return tab

    yield open_tab
    context.close()


@pytest.fixture
def tab(context):
    """A tab with scripts, which fails on whatever the browser complains about."""
    context.set_default_timeout(PATIENCE_MS)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if "Content Security Policy" in message.text
            else None
        ),
    )
    yield tab
    assert complaints == []
