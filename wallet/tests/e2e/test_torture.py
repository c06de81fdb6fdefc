"""The command that proves a disk."""

import re
import sqlite3
from contextlib import closing

import pytest

from wallet.audit import torture
from wallet.audit.load import Load
from wallet.audit.torture import Verdict
from wallet.storage.opening import open_store

from ..actions import until
from ..servers import Server
from .conftest import KILLS

pytestmark = pytest.mark.slow


@pytest.fixture
def on_engine(database_url, tmp_path):
    """What names the engine to the command, and a folder."""
    address = [] if database_url.startswith("sqlite") else [database_url]
    folder = tmp_path / "disk"
    folder.mkdir()
    return [each for url in address for each in ("--database-url", url)], folder


def test_torture_loses_and_doubles_nothing(on_engine, tmp_path):
    """Every answer survives every kill, and the folder of the run goes away."""
    options, folder = on_engine
    done = Server(tmp_path).run(
        "torture", "--kills", str(KILLS), "--folder", str(folder), *options
    )
    assert done.returncode == 0, done.stderr
    told = re.match(
        rf"kills {KILLS}, answered (\d+), retried (\d+), lost 0, d", done.stdout
    )
    # Each of its eight clients stays until it is answered.
    assert int(told[1]) >= 8
    assert int(told[2]) > 0
    assert done.stdout.endswith("The store kept every answer exactly once.\n")
    assert list(folder.iterdir()) == []


def test_torture_wants_a_store_of_its_own(server, tmp_path):
    """A database with wallets is left alone."""
    with server.client() as client:
        client.post("/v1/wallets")
    url = server.environment["WALLET_DATABASE_URL"]
    done = server.run("torture", "--folder", str(tmp_path), "--database-url", url)
    assert (done.returncode, "has wallets already" in done.stderr) == (1, True)
    with server.client() as client:
        assert len(client.get("/v1/wallets").json["wallets"]) == 1


#: What money can do, and how a hold can end.
KINDS = {"deposit", "withdrawal", "transfer", "reversal"}
ENDS = {"captured", "released"}


def done_in(path):
    """What a load has done so far: kinds of entries, and how holds have ended."""
    with closing(sqlite3.connect(path)) as store:
        kinds = {row[0] for row in store.execute("SELECT kind FROM entries")}
        ends = {row[0] for row in store.execute("SELECT state FROM holds")}
    return kinds, ends - {"open"}


@pytest.fixture
def after_a_run(tmp_path, monkeypatch):
    """Judge a run again, once its store was changed by other hands."""
    seen = {}

    class Thorough(Load):
        """Goes on until it has done everything that it can."""

        def stop(self, within_s):
            until(lambda: done_in(tmp_path / "wallet.db") == (KINDS, ENDS), each_s=0.05)
            return super().stop(within_s)

    def judge(store, load, kills, faults):
        seen["load"] = load
        return real(store, load, kills, faults)

    real = torture.judge
    monkeypatch.setattr(torture, "judge", judge)
    monkeypatch.setattr(torture, "Load", Thorough)
    verdict = torture.torture(tmp_path, "", 1, 3, lambda *_: None)
    assert verdict.good

    def again(change):
        with closing(sqlite3.connect(tmp_path / "wallet.db")) as connection:
            connection.executescript(f"PRAGMA foreign_keys = off; {change}")
        settings = torture._settings({"WALLET_HOME": str(tmp_path)})
        store = open_store(settings.database_url, settings.limits)
        try:
            return real(store, seen["load"], 1, [])
        finally:
            store.close()

    return again


def test_a_lost_answer_is_noticed(after_a_run):
    """An operation that is gone, or was answered otherwise, is lost."""
    verdict = after_a_run("UPDATE operations SET body = '{}' WHERE key IS NOT NULL")
    assert verdict.lost > 0
    assert not verdict.good
    assert verdict.faults


def test_a_doubled_move_is_noticed(after_a_run):
    """Entries that nobody was answered with are doubled."""
    columns = "wallet_id, version + 1, version, balance_minor, 'deposit', 1,"
    verdict = after_a_run(
        f"INSERT INTO entries SELECT {columns} balance_minor + 1, operation_id, NULL,"
        " note, at_us, digest, NULL, NULL, NULL FROM entries AS e WHERE version ="
        " (SELECT max(version) FROM entries WHERE wallet_id = e.wallet_id) LIMIT 1"
    )
    assert verdict.doubled == 1
    assert not verdict.good


def test_a_doubled_hold_is_noticed(after_a_run):
    """It was answered once, and is there twice; one that is open was not ended."""
    columns = "amount_minor, captured_minor, note, state, created_at_us"
    closed = "expires_at_us, closed_at_us"
    again = f"INSERT INTO holds SELECT wallet_id, id || 'x', {columns}, {closed}"
    verdict = after_a_run(f"{again} FROM holds LIMIT 1")
    assert (verdict.lost, verdict.doubled) == (0, 1)
    assert not verdict.good
    verdict = after_a_run(
        "UPDATE holds SET state = 'open', closed_at_us = NULL WHERE id ="
        " (SELECT id FROM holds WHERE state = 'released' LIMIT 1)"
    )
    assert any("holds are open" in fault for fault in verdict.faults)


@pytest.mark.usefixtures("after_a_run")
def test_the_load_undoes_captures_and_releases(tmp_path):
    """Besides moving money; and it leaves no hold open."""
    with closing(sqlite3.connect(tmp_path / "wallet.db")) as store:
        (open_holds,) = store.execute("SELECT count(*) FROM holds WHERE state = 'open'")
    assert open_holds == (0,)
    assert done_in(tmp_path / "wallet.db") == (KINDS, ENDS)


def test_a_verdict_is_good_only_if_nothing_is_wrong():
    """Each of the three alone is enough."""
    assert Verdict(1, 1, 0, 0, 0, ()).good
    for lost, doubled, faults in ((1, 0, ()), (0, 1, ()), (0, 0, ("x",))):
        assert not Verdict(1, 1, 0, lost, doubled, faults).good


def test_a_refusal_under_load_is_told(server):
    """A move that is refused is no success, and the verdict names it."""
    with server.client() as client:
        wallets = [client.post("/v1/wallets").json["id"] for _ in range(2)]
    load = Load(server.port, "no token", wallets, 1)
    load.start()
    until(lambda: load.refused)
    assert load.stop(60)
    assert load.answered == {}
    assert load.refused[0].startswith("401 ")
