"""Machines of Citus crash one after another while clients go on."""

import json
import logging
import os
import signal
import time
import uuid

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from wallet.audit.load import Load, connected
from wallet.audit.torture import judge
from wallet.storage.connections import Limits
from wallet.storage.opening import open_current_store

from ..actions import until
from ..failover.watch import Watch
from .conftest import KILLS, OPERATOR

pytestmark = pytest.mark.slow

log = logging.getLogger(__name__)

CLIENTS, WALLETS = 8, 12


def crash(machine):
    """End one of a server's processes, after which it ends all and recovers.

    What it had in memory is lost, as in a crash of the machine.
    """
    address = machine.render_as_string(hide_password=False)
    with psycopg.connect(address) as session:
        pid = session.info.backend_pid
        here = machine.host in ("127.0.0.1", "localhost")
        if not here or "postgres" not in psutil.Process(pid).name():
            pytest.skip("the machines of this Citus cannot be crashed from here")
        os.kill(pid, signal.SIGKILL)

    def is_back():
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            return False
        return True

    until(is_back, within_s=30, each_s=0.02)


def test_a_machine_that_crashes_loses_and_doubles_nothing(
    citus, citus_url, make_server
):
    """Whatever was answered is there once, and the store is as it must be."""
    servers = [make_server(citus_url).start() for _ in range(2)]
    with connected(servers[0].port, OPERATOR) as connection:
        wallets = [
            json.loads(
                connection.post("/v1/wallets", {"floor": "-1000000"}, uuid.uuid4().hex)[
                    1
                ]
            )["id"]
            for _ in range(WALLETS)
        ]
    load = Load(servers[0].port, OPERATOR, wallets, CLIENTS)
    # It reads through another server than the one that is written to.
    watch = Watch(servers[1].client, load)
    load.start()
    for number in range(KILLS * 2):
        time.sleep(0.5)
        before = len(load.answered)
        crash(citus.machines[number % len(citus.machines)])
        until(lambda before=before: len(load.answered) > before + CLIENTS, 30)
    ended = watch.stop(30), load.stop(60)
    for server in servers:
        server.kill()
    store = open_current_store(make_url(citus_url), Limits())
    try:
        verdict = judge(store, load, KILLS * 2, [])
    finally:
        store.close()
    log.info("%s; %d reads, stale: %s", verdict, watch.reads, watch.stale)
    assert ended == (True, True)
    assert verdict.what_is_wrong == ""
    assert watch.stale == []
    assert verdict.answered > 0
