"""A real browser in front of a real server, on SQLite."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from wallet import create_app
from wallet.web.service import service_of

from ..actions import Wallets
from ..browsing import CHROMIUM, needs_chromium

OPERATOR = "operator-token-of-the-tests"


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
    """The application on a port of this machine, which can go and come back."""

    def __init__(self, home: Path, **settings: str) -> None:
        self._settings = {"HOME": str(home)} | settings
        self.port = 0
        self.start()

    def start(self) -> None:
        self.app = create_app(self._settings)
        self._server = make_server("127.0.0.1", self.port, self.app, threaded=True)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            service_of(self.app).close()

    @property
    def wallets(self) -> Wallets:
        """The calls of the interface, to see what the pages have done."""
        return Wallets(self.app.test_client(), self._settings.get("OPERATOR_TOKEN"))


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A local service."""
    live = Live(tmp_path)
    yield live
    live.stop()


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Live]:
    """A service with an operator token."""
    live = Live(tmp_path, SECRET_KEY="s" * 32, OPERATOR_TOKEN=OPERATOR)
    yield live
    live.stop()


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def visit(browser, request: pytest.FixtureRequest):
    """Return a function that opens an address in a tab, with and without scripts."""
    context = browser.new_context(java_script_enabled=request.param)
    context.set_default_timeout(10_000)

    def open_tab(url: str):
        tab = context.new_page()
        tab.goto(url)
        return tab

    yield open_tab
    context.close()


@pytest.fixture
def tab(context):
    """A tab with scripts, which fails on whatever the browser complains about."""
    context.set_default_timeout(10_000)
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
