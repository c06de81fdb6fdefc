"""A cluster for all tests of this folder, and for each a wallet under load."""

import logging
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from wallet.audit.load import Load
from wallet.audit.torture import Verdict, judge
from wallet.config import read_settings
from wallet.storage.connections import Limits
from wallet.storage.opening import open_store

from ..actions import until
from ..conftest import IN_CI
from ..servers import Server
from .cluster import TOOLS, Cluster, Node
from .watch import Watch

OPERATOR = "operator-token-of-the-tests"
CLIENTS = 3
#: How soon after a new leader is there somebody's write must be answered.
FLOWS_S = 5.0
HERE = Path(__file__).parent
told = logging.getLogger(__name__)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder is left to ``make test_failover``."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.failover)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes that are up; they are gone afterwards, with all that they wrote."""
    if not TOOLS.is_dir():
        missing("Patroni, etcd and PostgreSQL are missing: make test_failover")
    folder = Path(tempfile.mkdtemp(dir=os.environ["SHARED_BY_TESTS"]))
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)


def missing(reason: str) -> None:
    """Skip, unless everything has to be there."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


class Field:
    """A wallet on a database of its own in the cluster, under load and watched.

    :param after: takes what must be ended.
    :param direct: reach the nodes without HAProxy.
    """

    def __init__(
        self, cluster: Cluster, home: Path, after: ExitStack, direct: bool
    ) -> None:
        database = f"wallet_{uuid.uuid4().hex[:8]}"
        cluster.wait_for_leader().run(f"CREATE DATABASE {database} OWNER wallet")
        self.url = cluster.url(database, direct)
        self.direct = direct
        program = ("tests.failover.keeper", sys.executable, "-m", "wallet", "serve")
        secrets = {"SECRET_KEY": "s" * 32, "OPERATOR_TOKEN": OPERATOR}
        self.server = Server(home, program, DATABASE_URL=self.url, **secrets)
        after.callback(self.server.kill)
        self.server.start()
        with self.server.client() as client:
            deep = {"floor": "-1000000"}
            made = [client.post("/v1/wallets", deep) for _ in range(5)]
        assert {answer.status for answer in made} == {201}
        wallets = [answer.json["id"] for answer in made]
        self.load = Load(self.server.port, OPERATOR, wallets, CLIENTS)
        after.callback(self.load.stop, 0)
        self.load.start()
        self.watch = Watch(self.server.client, self.load)
        after.callback(self.watch.stop, 0)
        self.faults = 0
        self.must_flow()

    def must_flow(self, within_s: float = 60) -> None:
        """Wait until writes are answered again, and again and again.

        :param within_s: how soon somebody is answered who asks by now.
        """
        before = len(self.load.answered)
        # The clients and the watch may be told now of what was done before.
        until(lambda: len(self.load.answered) > before + CLIENTS + 1, within_s)
        until(lambda: len(self.load.answered) > before + 20)

    def judge(self) -> Verdict:
        """Let everybody get a last answer, and hold the store against all of them."""
        faults = []
        if not (self.watch.stop(30) and self.load.stop(30)):
            faults.append("somebody never got an answer")
        self.server.kill()
        # As a command does it, which may take as long as it needs.
        url = read_settings({"DATABASE_URL": self.url}).database_url
        store = open_store(url, Limits(statement_timeout_ms=0))
        try:
            verdict = judge(store, self.load, self.faults, faults)
        finally:
            store.close()
        told.info("%s, %d reads", verdict, self.watch.reads)
        return verdict


def suffer(cluster: Cluster, strike: Callable[[Node], None], *fields: Field) -> Node:
    """Do something to the leader; return it when another leads and writes flow."""
    struck, began = cluster.wait_for_leader(), time.monotonic()
    others = [node for node in cluster.nodes if node is not struck]
    strike(struck)
    until(lambda: any(node.is_("primary") for node in others))
    led = time.monotonic()
    for field in fields:
        field.must_flow(FLOWS_S)
        field.faults += 1
        told.info(
            "%s, %s: a new leader after %.1f s, writes %.1f s later; %.1f s without",
            strike.__name__,
            "every node" if field.direct else "HAProxy",
            led - began,
            time.monotonic() - led,
            field.watch.silence(began),
        )
    return struck


@pytest.fixture
def make_field(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[bool], Field]]:
    """Make wallets under load, in a cluster whose standby has every commit."""
    cluster.wait_for_standby()
    with ExitStack() as after:

        def make(direct: bool) -> Field:
            home = Path(tempfile.mkdtemp(dir=tmp_path))
            return Field(cluster, home, after, direct)

        yield make
