"""A real browser in front of a real server."""

from threading import Thread

import pytest
from actions import PATIENCE_S
from stages import chromium_path
from werkzeug.serving import make_server

LEFT = (
    "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning"
)


def pytest_collection_modifyitems(items):
    """A browser may leave while the development server sends it a file."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.filterwarnings(LEFT))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Take the system's Chromium; as root it cannot use its sandbox."""
    return {
        **browser_type_launch_args,
        "executable_path": chromium_path(),
        "args": ["--no-sandbox", "--disable-dev-shm-usage"],
    }


class LiveServer:
    """The stage's app on a port of this machine, in a thread."""

    def __init__(self, app):
        self.http = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        self.thread = Thread(target=self.http.serve_forever, args=(0.05,))
        self.thread.start()

    def stop(self):
        if self.thread.is_alive():
            self.http.shutdown()
            self.thread.join()
            self.http.server_close()


@pytest.fixture
def live(server):
    live = LiveServer(server.app)
    yield live
    live.stop()


@pytest.fixture
def visit(live, context):
    """Return a function that opens the page in a new tab of a given size."""
    context.set_default_timeout(PATIENCE_S * 1000)

    def open_tab(width=1280, height=720):
        tab = context.new_page()
        tab.set_viewport_size({"width": width, "height": height})
        tab.goto(live.url)
        return tab

    return open_tab


@pytest.fixture
def plain_tab(live, browser):
    """The page in a browser that runs no script."""
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE_S * 1000)
    tab = context.new_page()
    tab.goto(live.url)
    yield tab
    context.close()
