"""A PostgreSQL that follows another one, as the metrics of the wallet tell of it."""

import re
import subprocess
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from ..actions import until

pytestmark = pytest.mark.slow

TOKEN = "m" * 16
STANDBYS = "wallet_database_standbys"
LAG = "wallet_database_replication_lag_bytes"
#: What makes a new standby takes no place of one.
COPIER = "pg_basebackup"


def connect(url, **more):
    """Open a session of somebody else."""
    shown = make_url(url).set(drivername="postgresql")
    address = shown.render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=True, **more)


@pytest.fixture
def standby(own_postgresql):
    """A session with a server that follows the test's own."""
    url = own_postgresql[0]
    with connect(url) as session:
        ((data,),) = session.execute("SHOW data_directory")
    server = psutil.Process(int(Path(data, "postmaster.pid").read_text().split()[0]))
    programs, user = Path(server.exe()).parent, server.uids().real

    def run(name, *words):
        subprocess.run([programs / name, *words], check=True, timeout=100, user=user)

    with tempfile.TemporaryDirectory(prefix="wallet-tests-") as folder:
        Path(folder).chmod(0o777)
        copy = str(Path(folder, "data"))
        shown = make_url(url).set(drivername="postgresql")
        address = shown.render_as_string(hide_password=False)
        run("pg_basebackup", f"--dbname={address}", "--write-recovery-conf", "-D", copy)
        options = f"-c listen_addresses= -k {folder}"
        log = str(Path(folder, "log"))
        run("pg_ctl", "-w", "-D", copy, "-l", log, "-o", options, "start")
        try:
            with connect(f"postgresql://postgres@/postgres?host={folder}") as session:
                yield session
        finally:
            run("pg_ctl", "-D", copy, "-m", "immediate", "stop")


def test_a_standby_is_told_and_how_far_it_is_behind(
    make_server, own_postgresql, standby
):
    """While it holds back what it has received, it falls behind; then it catches up."""
    server = make_server(own_postgresql[0], METRICS_TOKEN=TOKEN).start()

    def told(name):
        with server.client(TOKEN) as client:
            text = client.get("/metrics").data.decode()
        return [float(each) for each in re.findall(rf"^{name} (\S+)$", text, re.M)]

    until(lambda: (told(STANDBYS), told(LAG)) == ([1], [0]))
    with connect(own_postgresql[0], replication="true", application_name=COPIER):
        assert told(STANDBYS) == [1]
        until(lambda: told(LAG) == [0])
    standby.execute("SELECT pg_wal_replay_pause()")
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        assert client.deposit(wallet, "1.00").status == 201
    until(lambda: told(LAG)[0] > 1000)
    standby.execute("SELECT pg_wal_replay_resume()")
    until(lambda: told(LAG) == [0])
