"""The demo: a year of movements in a fresh store, and nowhere else."""

import signal
import subprocess
import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from wallet import create_app, demo
from wallet.api.answers import freeze
from wallet.audit.verify import verify
from wallet.cli import main
from wallet.clock import now_us
from wallet.ledger.commands import Kind
from wallet.storage.queries import list_entries, list_wallets
from wallet.web.service import service_of

from ..actions import Wallets, until


@pytest.fixture
def run(empty_database_url, tmp_path, monkeypatch):
    """Run the command on a store that is not there yet."""
    monkeypatch.setenv("WALLET_HOME", str(tmp_path))
    monkeypatch.setenv("WALLET_DATABASE_URL", empty_database_url)
    return lambda: CliRunner().invoke(main, ["demo"])


@pytest.fixture
def opened(empty_database_url, tmp_path):
    """Open the application on that store."""
    apps = []

    def open_app():
        given = {"DATABASE_URL": empty_database_url, "HOME": str(tmp_path)}
        apps.append(create_app(given))
        return apps[-1]

    yield open_app
    for app in apps:
        service_of(app).close()


def test_a_fresh_store_gets_a_year_that_ends_today(run, opened):
    """Sound, in order, in two currencies, with transfers; the chart shows the year."""
    done = run()
    assert done.exit_code == 0, done.output
    app = opened()
    store = service_of(app).store
    report = verify(store, freeze=freeze)
    assert report.wallets == 3
    assert 350 <= report.entries <= 500
    assert done.output.startswith("Making a year of movements")
    assert f"3 wallets with {report.entries} entries" in done.output
    wallets = list_wallets(store, 9, None)
    assert [wallet.currency for wallet in wallets] == ["ZAR", "ZAR", "EUR"]
    entries = list_entries(store, wallets[0].id, 500, None)
    year_us = timedelta(days=365) // timedelta(microseconds=1)
    first, last = entries[-1].at_us, entries[0].at_us
    assert year_us - 86_400_000_000 < now_us() - first < year_us + 86_400_000_000
    assert first < last <= now_us()
    assert {each.kind for each in entries} == set(Kind) - {Kind.REVERSAL}
    assert all(each.note for each in entries)
    page = app.test_client().get(f"/wallets/{wallets[0].id}?range=all")
    assert page.status_code == 200
    begun = datetime.fromtimestamp(first / 1_000_000, ZoneInfo("Africa/Johannesburg"))
    assert f"{begun:%Y-%m}" in page.text


def test_a_store_with_a_wallet_is_left_alone(run, opened):
    """With one sentence; a second demo is refused as well."""
    caller = Wallets(opened().test_client())
    wallet = caller.create()
    done = run()
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert "needs a fresh store" in line
    listed = caller.get("/v1/wallets").json["wallets"]
    assert [each["id"] for each in listed] == [wallet]
    assert caller.balance(wallet) == ("0.00", 0)


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_a_store_that_is_made_meanwhile_is_left_alone(run, tmp_path, monkeypatch):
    """Somebody may serve it, and have been answered."""
    fill = demo._fill

    def fill_and_be_late(service):
        (tmp_path / "empty.db").write_bytes(b"somebody's")
        return fill(service)

    monkeypatch.setattr(demo, "_fill", fill_and_be_late)
    done = run()
    assert done.exit_code == 1
    assert "needs a fresh store" in done.stderr
    assert (tmp_path / "empty.db").read_bytes() == b"somebody's"


#: A demo that dies when it has written something that is not committed.
DYING = """
import os, signal
from wallet.cli import main
from wallet.storage.store import Store

write = Store.write

def die(*arguments):
    write(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

Store.write = die
main(["demo"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_a_demo_that_is_killed_leaves_no_store(run, opened, tmp_path):
    """What has the name of a store is a whole one; the next demo makes it."""
    command = [sys.executable, "-c", DYING]
    done = subprocess.run(command, capture_output=True, timeout=100, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [each.name for each in tmp_path.rglob("*.db")] == ["empty.db"]
    assert not (tmp_path / "empty.db").exists()
    done = run()
    assert done.exit_code == 0, done.output
    store = service_of(opened()).store
    assert verify(store, freeze=freeze).wallets == 3


@pytest.mark.slow
@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
def test_a_demo_that_is_killed_leaves_an_empty_database(run, opened):
    """However much of it was written; the next demo fills it."""
    store = service_of(opened()).store
    waiting = (
        "SELECT 1 FROM pg_locks JOIN pg_database ON database = pg_database.oid"
        " WHERE datname = current_database() AND NOT granted"
    )
    with store.transaction() as holder:
        # Each wallet, and most of the entries, can be written before the first span.
        holder.exec_driver_sql("LOCK TABLE spans IN SHARE MODE")
        command = [sys.executable, "-m", "wallet", "demo"]
        demo = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            until(lambda: store.reader.rows(waiting))
            assert demo.poll() is None
        finally:
            demo.kill()
            demo.wait(60)
    assert list_wallets(store, 1, None) == []
    done = run()
    assert done.exit_code == 0, done.output
    assert verify(store, freeze=freeze).wallets == 3


@pytest.mark.one_engine
def test_two_demos_are_alike(tmp_path, monkeypatch):
    """To the cent and the minute; only ids and digests differ."""
    told, at_us = [], now_us()
    monkeypatch.setattr(demo, "now_us", lambda: at_us)
    for name in "ab":
        home = str(tmp_path / name)
        monkeypatch.setenv("WALLET_HOME", home)
        assert CliRunner().invoke(main, ["demo"]).exit_code == 0
        app = create_app({"HOME": home})
        store = service_of(app).store
        told.append(
            [
                (each.at_us, each.amount_minor, each.note, each.payee)
                for wallet in list_wallets(store, 9, None)
                for each in list_entries(store, wallet.id, 300, None)
            ]
        )
        service_of(app).close()
    assert told[0] == told[1]
    assert len(told[0]) > 300
