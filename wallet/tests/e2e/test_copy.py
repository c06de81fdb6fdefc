"""Stores that move to the other engine: killed half-way, under load, by the manual."""

import os
import re
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import make_url

from wallet.api.answers import freeze
from wallet.audit.carry import CopyError
from wallet.audit.copy import copy_store
from wallet.clock import now_us
from wallet.ledger.commands import CreateWallet, Kind, MoveMoney, Submission
from wallet.ledger.ids import new_operation_id, new_wallet_id
from wallet.ledger.money import Amount
from wallet.storage.connections import Limits
from wallet.storage.migrations import WrongSchema
from wallet.storage.opening import open_current_store, open_store
from wallet.storage.store import Store
from wallet.writer import Writer

from .. import clients
from ..actions import a_submission, until
from ..clients import Load
from ..conftest import new_postgresql_database
from ..everything import all_rows

pytestmark = pytest.mark.slow

MANUAL = Path(__file__).parents[2] / "docs" / "operations.md"
#: Three transactions of a copy; the last kill comes when it compares and verifies.
WALLETS = 300
KILLS = 3
#: A copy that dies once it has more wallets than so many, and has worked a moment more.
DYING = """
import random, signal, sys
from sqlalchemy import make_url
from wallet.api.answers import freeze
from wallet.audit.copy import copy_store

def die_soon(progress):
    if progress.wallets > int(sys.argv[3]):
        signal.setitimer(signal.ITIMER_PROF, random.uniform(1e-6, 0.02))

copy_store(*map(make_url, sys.argv[1:3]), freeze, die_soon)
"""


@pytest.fixture
def target_url(request, database_url, tmp_path):
    """The address of a database of the other engine, with nothing in it."""
    if database_url.startswith("sqlite"):
        yield from new_postgresql_database(request.getfixturevalue("postgresql"))
    else:
        yield f"sqlite:///{tmp_path}/copy.db"


def fill(database_url, count):
    """Make wallets, each with a transfer to the next and a few deposits."""
    store = Store(make_url(database_url), Limits())
    writer = Writer(store, freeze, now_us)
    ids = [new_wallet_id() for _ in range(count)]
    made = tuple(CreateWallet(each, "Ada", "ZAR", -1_000_00) for each in ids)
    writer.submit(Submission(made))
    for wallet, other in pairwise(ids):
        to_another = a_submission(wallet, Kind.TRANSFER, "1", recipient=other)
        deposits = (
            MoveMoney(new_operation_id(), wallet, Kind.DEPOSIT, Amount(1, 2))
            for _ in range(3)
        )
        writer.submit(Submission((*to_another.commands, *deposits), wallet))
    writer.stop()
    store.close()


def test_a_copy_that_is_killed_goes_on_where_it_was(database_url, target_url):
    """Whenever that is: no row is lost or doubled, and no part of it is served."""
    fill(database_url, WALLETS)
    for number in range(KILLS):
        given = [sys.executable, "-c", DYING, database_url, target_url]
        done = subprocess.run(
            [*given, str(number * 100)], capture_output=True, timeout=100, check=False
        )
        assert done.returncode == -signal.SIGPROF, done.stderr
        for open_it in (open_store, open_current_store):
            with pytest.raises(WrongSchema, match="is an unfinished copy of"):
                open_it(make_url(target_url), Limits())
    report = copy_store(make_url(database_url), make_url(target_url), freeze)
    assert report.wallets == WALLETS
    assert all_rows(target_url) == all_rows(database_url)


@pytest.mark.one_engine
def test_a_service_moves_with_every_answer_that_it_gave(
    make_server, database_url, target_url, monkeypatch
):
    """A copy under load is not finished; one more run after it is, and all repeats."""
    # More of them would keep the copy waiting for the processor.
    monkeypatch.setattr(clients, "CLIENTS", 2)
    server = make_server(database_url).start()
    with server.client() as client:
        made = [client.post("/v1/wallets").json for _ in range(3)]
    load = Load(server.client, [each["id"] for each in made])
    until(lambda: len(load.answered) > 100)

    def goes_on(_progress):
        """Deposits are answered after the moment that the copy is of."""
        before = len(load.answered)
        until(lambda: len(load.answered) > before)

    with pytest.raises(CopyError, match="stop the service, and run the command again"):
        copy_store(make_url(database_url), make_url(target_url), freeze, goes_on)
    load.stop()
    server.stop()
    done = server.run("copy", "--to", target_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert (load.other, load.unanswered) == ([], [])
    moved = make_server(target_url).start()
    load.connect = moved.client
    load.repeat(last=40)
    with moved.client(made[0]["key"]) as owner:
        assert owner.get(f"/v1/wallets/{made[0]['id']}").status == 200
    assert all_rows(target_url) == all_rows(database_url)


@pytest.mark.one_engine
def test_the_manual_moves_a_store_to_postgresql_and_back(
    make_server, database_url, target_url, tmp_path
):
    """Its lines, as they stand there but for the address."""
    fill(database_url, 3)
    server = make_server(database_url)
    section = MANUAL.read_text().split("\n### Move to PostgreSQL\n")[1].split("\n#")[0]
    there, back = re.findall(r"```sh\n(.*?)```", section, re.S)
    address = "postgresql://wallet@db.example.com/wallet"
    assert there.count(address) == 1
    assert back.count("sqlite:////path/to/wallet.db") == 1
    file = f"sqlite:///{tmp_path}/back.db"
    told = run(there.replace(address, target_url), server)
    assert "all is as it must be" in told
    assert all_rows(target_url) == all_rows(database_url)
    server.environment["WALLET_DATABASE_URL"] = target_url
    told = run(back.replace("sqlite:////path/to/wallet.db", file), server)
    assert f"copied to SQLite at {tmp_path}/back.db" in told
    assert all_rows(file) == all_rows(database_url)


def run(lines, server):
    """Run lines of the manual with the settings of a server."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        env=server.environment | {"PATH": programs},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
