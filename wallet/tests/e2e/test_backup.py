"""Backups of a store in SQLite: taken from a running server, and brought back."""

import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from wallet.api.answers import freeze
from wallet.audit.backup import back_up

from .. import clients
from ..actions import until
from ..clients import Load
from ..servers import Server

pytestmark = pytest.mark.slow

BACKUP = (sys.executable, "-m", "wallet", "backup")
MANUAL = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture
def server(make_server, sqlite_url):
    """A running server with a store in SQLite."""
    return make_server(sqlite_url).start()


def test_backups_under_load_hold_what_was_answered_before_each(
    server, tmp_path, monkeypatch
):
    """Each opens, verifies, and has every deposit that was answered before it began."""
    # More of them would keep the backups waiting for the processor.
    monkeypatch.setattr(clients, "CLIENTS", 4)
    with server.client() as client:
        wallets = [client.post("/v1/wallets").json["id"] for _ in range(3)]
    load = Load(server.client, wallets)
    url, taken = make_url(server.environment["WALLET_DATABASE_URL"]), []

    def goes_on(_wallet):
        """Deposits are answered while a backup is made."""
        before = len(load.answered)
        until(lambda: len(load.answered) > before)

    for number in range(5):
        until(lambda least=20 * (number + 1): len(load.answered) > least)
        answered, file = set(load.answered.copy()), tmp_path / f"{number}.db"
        taken.append((file, answered, back_up(url, file, freeze, goes_on)))
    load.stop()
    assert (load.other, load.unanswered) == ([], [])
    for file, answered, report in taken:
        with closing(sqlite3.connect(file)) as copy:
            kept = set(copy.execute("SELECT wallet_id, key FROM operations"))
        assert answered <= kept
        assert report.operations == len(kept)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.part"))


def test_a_killed_backup_leaves_no_file_of_its_name(server, tmp_path):
    """What it leaves says that it is a part, and is closed to others."""
    with server.client() as client:
        client.post("/v1/wallets")
    url = server.environment["WALLET_DATABASE_URL"]
    dies = (
        "import os, pathlib, sys, sqlalchemy\n"
        "from wallet.audit.backup import back_up\n"
        "url, file = sqlalchemy.make_url(sys.argv[1]), pathlib.Path(sys.argv[2])\n"
        "back_up(url, file, None, lambda wallet: os.kill(os.getpid(), 9))\n"
    )
    folder = tmp_path / "backups"
    folder.mkdir()
    given = [sys.executable, "-c", dies, url, str(folder / "wallet.backup")]
    done = subprocess.run(given, timeout=100, check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = folder.iterdir()
    assert left.match("wallet.backup.*.part")
    assert stat.S_IMODE(left.stat().st_mode) == 0o700
    again = server.run("backup", str(folder / "wallet.backup"))
    assert again.returncode == 0, again.stderr


def test_a_backup_that_finds_no_room_leaves_nothing(server, tmp_path):
    """It says so, and what was saved before is as it was."""
    file = tmp_path / "wallet.backup"
    assert server.run("backup", str(file)).returncode == 0
    before = file.read_bytes()
    assert len(before) > 40 * 1024
    # Measuring the coverage writes files, too.
    environment = {
        name: value
        for name, value in server.environment.items()
        if not name.startswith("COV")
    }
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 40; exec "$@"', "bash", *BACKUP, "--force", file],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: The copy could not be made: ")
    assert file.read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


def test_a_backup_brings_back_the_money_and_the_keys(tmp_path):
    """The lines of the manual, as they stand there, lead back to that moment."""
    home = tmp_path / "instance"
    home.mkdir()
    server = Server(home).start()
    try:
        with server.client() as client:
            wallet = client.post("/v1/wallets").json
            path = f"/v1/wallets/{wallet['id']}"
            answered = client.deposit(wallet["id"], "40.00", "before")
            _run("Backup", server)
            assert client.deposit(wallet["id"], "2.00", "after").status == 201
        server.stop()
        assert "all is as it must be" in _run("Restore", server)
        server.start()
        with server.client() as client:
            assert client.get(path).json["balance"] == "40.00"
            again = client.deposit(wallet["id"], "40.00", "before")
            assert (again.status, again.data) == (201, answered.data)
            assert client.deposit(wallet["id"], "2.00", "after").status == 201
            assert client.get(path).json["balance"] == "42.00"
        assert server.run("key", wallet["id"]).stdout.strip() == wallet["key"]
    finally:
        server.kill()


def _run(heading: str, server: Server) -> str:
    """Run the lines of a section about SQLite where its home is ``./instance``."""
    section = MANUAL.read_text().split("\n## A store in SQLite\n")[1]
    section = section.split(f"\n### {heading}\n")[1].split("\n### ")[0]
    lines = "".join(re.findall(r"```sh\n(.*?)```", section, re.S))
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        cwd=server.log.parents[1],
        env=server.environment | {"PATH": programs, "WALLET_HOME": "./instance"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
