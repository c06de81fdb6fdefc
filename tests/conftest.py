"""What every test starts from: each stage loaded under a name of its own."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAST_STAGE = 5

LUNO_URL = "https://api.mybitx.com/api/1/ticker?pair=XBTZAR"
TICKER = {
    "pair": "XBTZAR",
    "timestamp": 1763683200000,
    "bid": "1650000.00",
    "ask": "1650100.00",
    "last_trade": "1650050.00",
    "rolling_24_hour_volume": "91.25",
    "status": "ACTIVE",
}


def pytest_generate_tests(metafunc):
    """Run each test on every stage from which its module's feature must hold."""
    if "stage" in metafunc.fixturenames:
        stages = range(metafunc.module.FIRST_STAGE, LAST_STAGE + 1)
        metafunc.parametrize("stage", stages, ids="stage-{}".format)


def load_server(folder):
    """Load the ``server.py`` of a folder as a fresh module."""
    name = folder.name.replace("-", "_") + "_server"
    spec = importlib.util.spec_from_file_location(name, folder / "server.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


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


def chromium_path():
    """Return where this machine's Chromium is, or nothing."""
    names = ["chromium", "chromium-browser", "google-chrome"]
    installed = (shutil.which(name) for name in names)
    return os.environ.get("CHROMIUM") or next(filter(None, installed), None)


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
