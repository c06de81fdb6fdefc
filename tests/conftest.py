"""What every test starts from: each stage loaded under a name of its own."""

import importlib.util
import os
from collections import Counter
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from stages import LAST_STAGE
from stages import LUNO_URL
from stages import ROOT
from stages import TICKER
from stages import chromium_path
from stages import load_server


def pytest_generate_tests(metafunc):
    """Run each test on every stage from which its module's feature must hold.

    A test that is marked ``once`` takes long, or races: the last stage will do.
    """
    first = getattr(metafunc.module, "FIRST_STAGE", None)
    if first and "stage" in metafunc.fixturenames:
        if metafunc.definition.get_closest_marker("once"):
            first = LAST_STAGE
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
def other(server):
    """Another visitor's browser."""
    return server.app.test_client()


@pytest.fixture
def full(server):
    """The browser of a visitor who has saved as many balances as there may be.

    They are the widest, and no two are alike: nothing packs worse into a cookie.
    """
    random = Random(1)
    client = server.app.test_client()
    with client.session_transaction() as session:
        session["rows"] = [
            [
                str(date(2027, 1, 1) + timedelta(days=random.randrange(3650))),
                f"-{random.randrange(10**11, 10**12)}.{random.randrange(100):02}",
            ]
            for _ in range(server.MAX_SAVED)
        ]
    return client


@pytest.fixture
def clock(server, monkeypatch):
    """Return a clock that stands still; ``clock.now += 30`` moves it."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(server, "monotonic", lambda: Clock.now)
    return Clock


@pytest.fixture
def after_midnight(server, monkeypatch):
    """Stop the time when a new day has begun in South Africa, but not in UTC."""

    class Stopped(datetime):
        @classmethod
        def now(cls, zone):
            return cls(2026, 11, 25, 22, 30, tzinfo=UTC).astimezone(zone)

    monkeypatch.setattr(server, "datetime", Stopped)


def missing_for_browser_tests():
    """Return a sentence on what the browser tests lack here, or nothing."""
    if importlib.util.find_spec("pytest_playwright") is None:
        return "pytest_playwright is not installed: see requirements-dev.txt"
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


def pytest_terminal_summary(terminalreporter):
    """Note what was skipped where ``make test`` asks for it: a line for each reason."""
    path = os.environ.get("SKIPPED")
    # Each process of a run would say it, and then all of them together.
    if path and "PYTEST_XDIST_WORKER" not in os.environ:
        skipped = terminalreporter.stats.get("skipped", [])
        reasons = Counter(report.longrepr[2] for report in skipped)
        with Path(path).open("a") as file:
            for reason, count in reasons.items():
                said = reason.removeprefix("Skipped: ")
                print(f"stages, {count} skipped: {said}", file=file)
