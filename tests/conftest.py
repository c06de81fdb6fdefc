"""What every test starts from: each stage loaded under a name of its own."""

import importlib.util
import os

import pytest
from stages import LAST_STAGE
from stages import LUNO_URL
from stages import ROOT
from stages import TICKER
from stages import chromium_path
from stages import load_server


def pytest_generate_tests(metafunc):
    """Run each test on every stage from which its module's feature must hold."""
    first = getattr(metafunc.module, "FIRST_STAGE", None)
    if first and "stage" in metafunc.fixturenames:
        stages = range(first, LAST_STAGE + 1)
        metafunc.parametrize("stage", stages, ids="stage-{}".format)


@pytest.fixture(autouse=True)
def luno(requests_mock, monkeypatch):
    """Replace the network: Luno gives a good answer, and nothing else is there."""
    monkeypatch.delenv("LUNO_TICKER_URL", raising=False)
    requests_mock.get(LUNO_URL, json=TICKER)
    return requests_mock


@pytest.fixture
def folder(stage):
    return ROOT / f"stage-{stage}"


@pytest.fixture
def server(folder, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "a key for the tests alone")
    return load_server(folder)


@pytest.fixture
def client(server):
    """A visitor's browser, without a cookie yet."""
    return server.app.test_client()


@pytest.fixture
def clock(server, monkeypatch):
    """Return a clock that stands still; ``clock.now += 30`` moves it."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(server, "monotonic", lambda: Clock.now)
    return Clock


def missing_for_browser_tests():
    """Return a sentence on what the browser tests lack here, or nothing."""
    for module in ("pytest_playwright", "html5lib"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed: see requirements-dev.txt"
    if chromium_path() is None:
        return "there is no Chromium: install it, or set CHROMIUM to its path"
    return None


def pytest_collection_modifyitems(items):
    """Skip the browser tests where there is no browser, but never in CI."""
    missing = missing_for_browser_tests()
    if missing is None or os.environ.get("CI"):
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=missing))
