"""What is measured when the metrics are asked for."""

import os
import time
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import make_url

from wallet import __version__
from wallet.cli import main
from wallet.clock import now_us
from wallet.storage.figures import note_backup
from wallet.web.gauges import GAUGES, Gauges
from wallet.web.service import service_of

from ..actions import until

only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
BACKUP = "wallet_last_backup_timestamp_seconds"
OLDEST = "wallet_database_oldest_transaction_seconds"


def measured(local):
    """Every gauge without labels."""
    answer = local.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        family.name: family.samples[0].value
        for family in text_string_to_metric_families(answer.text)
        if family.type == "gauge" and not family.samples[0].labels
    }


@pytest.fixture
def session(database_url):
    """A session of somebody else."""
    url = make_url(database_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as session:
        yield session


def run(database_url, *words):
    """Run a command on the store."""
    return CliRunner().invoke(main, words, env={"WALLET_DATABASE_URL": database_url})


@pytest.mark.one_engine
def test_the_version_and_the_memory_are_told(local):
    """This process is among those whose memory is added up."""
    mine = int(Path("/proc/self/statm").read_text().split()[1])
    told = measured(local)
    assert f'wallet_build_info{{version="{__version__}"}} 1.0' in (
        local.get("/metrics").text
    )
    assert told["wallet_workers"] >= 1
    memory = told["wallet_resident_memory_bytes"]
    assert memory > 0.9 * mine * os.sysconf("SC_PAGE_SIZE")


def test_a_database_tells_of_itself(local, database_url):
    """PostgreSQL of its sessions and followers, too."""
    told = measured(local)
    assert told["wallet_database_up"] == 1
    assert 50_000 < told["wallet_database_size_bytes"] < 10**9
    missing = {name for name in GAUGES if name not in told}
    if database_url.startswith("sqlite"):
        assert missing == {name for name in GAUGES if "database" in name} - {
            "wallet_database_up",
            "wallet_database_size_bytes",
        }
        return
    assert missing == {"wallet_database_replication_lag_bytes"}
    used = told["wallet_database_connections"]
    assert 1 <= used <= told["wallet_database_connections_limit"]
    assert told["wallet_database_standbys"] == 0


@only_postgresql
def test_a_transaction_that_stays_open_is_told(local, session):
    """By its age, whatever it does; other tests have older ones on the same server."""
    age = "SELECT extract(epoch FROM clock_timestamp() - now())"
    until(lambda: session.execute(age).fetchone()[0] >= 0.2)
    assert measured(local)[OLDEST] >= 0.2


@only_postgresql
def test_a_database_that_is_silent_holds_up_no_scrape(app, session):
    """It is told as away, to all who ask at once, and is there again afterwards."""
    gauges = Gauges(service_of(app).store, within_s=0.1)

    def up():
        told = {family.name: family.samples[0].value for family in gauges.collect()}
        assert set(told) >= {"wallet_build_info", "wallet_workers"}
        return told["wallet_database_up"]

    until(lambda: up() == 1)
    session.execute("LOCK TABLE backups IN ACCESS EXCLUSIVE MODE")
    began = time.monotonic()
    assert [up(), up(), up()] == [0, 0, 0]
    assert time.monotonic() - began < 2
    session.rollback()
    until(lambda: up() == 1)


def test_the_last_backup_is_told(app, local):
    """None at first, and then the newest, in whichever order they were noted."""
    store = service_of(app).store
    assert measured(local)[BACKUP] == 0
    note_backup(store, 1_800_000_000_500_000)
    note_backup(store, 1_700_000_000_000_000)
    assert measured(local)[BACKUP] == 1_800_000_000.5


def test_a_backup_of_another_program_is_noted(local, database_url):
    """With the time at which it was."""
    began_s = now_us() / 1e6
    done = run(database_url, "backup", "--elsewhere")
    assert done.exit_code == 0, done.output
    assert began_s <= measured(local)[BACKUP] <= now_us() / 1e6


def test_a_backup_of_another_program_is_noted_with_its_begin(local, database_url):
    """Which that program told, and may tell again; what was done since is not in it."""
    for _ in range(2):
        done = run(database_url, "backup", "--elsewhere", "--began", "1700000000")
        assert done.exit_code == 0, done.output
    assert measured(local)[BACKUP] == 1_700_000_000


@pytest.mark.parametrize(
    "words", [("--elsewhere", "--began", "99999999999"), ("file", "--began", "1")]
)
def test_a_begin_is_of_another_program_and_past(local, database_url, words):
    """Anything else is a mistake, such as milliseconds, and nothing is noted."""
    done = run(database_url, "backup", *words)
    assert done.exit_code == 2
    assert "--began needs --elsewhere, and a time in the past." in done.output
    assert measured(local)[BACKUP] == 0


@pytest.mark.one_engine
def test_a_backup_in_sqlite_is_noted_once_it_is_whole(local, database_url, tmp_path):
    """With the time at which it began; one that was not made is not noted."""
    file, began_s = tmp_path / "wallet.backup", now_us() / 1e6
    done = run(database_url, "backup", str(file))
    assert done.exit_code == 0, done.output
    noted_s = measured(local)[BACKUP]
    assert began_s <= noted_s <= file.stat().st_ctime
    assert run(database_url, "backup", str(file)).exit_code == 1
    assert measured(local)[BACKUP] == noted_s


@pytest.mark.parametrize("words", [(), ("file", "--elsewhere")])
def test_a_backup_is_of_one_kind(local, database_url, words):
    """Neither none nor both is anything, and nothing is noted."""
    done = run(database_url, "backup", *words)
    assert done.exit_code == 2
    assert "Name a FILE, or say --elsewhere." in done.output
    assert measured(local)[BACKUP] == 0
