"""PostgreSQL on two nodes under Patroni, with etcd, and HAProxy where there is one.

The configuration is that of ``deploy/ha``, file by file.
"""

import base64
import http.client
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import psycopg

from ..actions import until
from ..servers import ROOT, free_port
from .machines import NOBODY, Machine, send

#: `make` puts Patroni, etcd and PostgreSQL here.
TOOLS = Path(sys.prefix) / "failover"
CONFIGURATION = ROOT / "deploy" / "ha"
PASSWORD = "word-of-the-tests"


class Node(Machine):
    """A PostgreSQL, and the Patroni that cares for it."""

    def __init__(self, folder: Path, name: str, etcd: int) -> None:
        self.name = name
        self.port, self.api = free_port(), free_port()
        self.data = folder / name
        postgresql, api = f"127.0.0.1:{self.port}", f"127.0.0.1:{self.api}"
        super().__init__(
            folder / f"{name}.log",
            CONFIGURATION,
            TOOLS / "bin" / "patroni",
            "patroni.yml",
            PATH=f"{_binaries()}:{os.environ['PATH']}",
            HOME=str(folder),
            PATRONI_NAME=name,
            PATRONI_ETCD3_HOSTS=f"127.0.0.1:{etcd}",
            PATRONI_RESTAPI_LISTEN=api,
            PATRONI_RESTAPI_CONNECT_ADDRESS=api,
            PATRONI_POSTGRESQL_LISTEN=postgresql,
            PATRONI_POSTGRESQL_CONNECT_ADDRESS=postgresql,
            PATRONI_POSTGRESQL_DATA_DIR=str(self.data),
            PATRONI_POSTGRESQL_PGPASS=str(folder / f"{name}.pgpass"),
            PATRONI_SUPERUSER_PASSWORD=PASSWORD,
            PATRONI_REPLICATION_PASSWORD=PASSWORD,
            PATRONI_REWIND_PASSWORD=PASSWORD,
            PATRONI_RESTAPI_PASSWORD=PASSWORD,
            WALLET_DATABASE_PASSWORD=PASSWORD,
        )

    def is_(self, role: str) -> bool:
        """Ask Patroni whether the node is the ``primary``, or the ``sync`` standby."""
        return self.ask("GET", role, within_s=1) == 200

    def act(self, method: str, path: str, body: Any) -> int:
        """Ask Patroni to act, with its name and password."""
        given = base64.b64encode(f"patroni:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {given}"}
        return self.ask(method, path, body, headers=headers)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        within_s: int = 60,
        headers: dict[str, str] | None = None,
    ) -> int:
        """Ask Patroni; tell the status of its answer, or 0 if there is none."""
        api = http.client.HTTPConnection("127.0.0.1", self.api, timeout=within_s)
        try:
            api.request(method, f"/{path}", json.dumps(body), headers or {})
            return api.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            api.close()

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement in PostgreSQL, as its superuser; return its rows, if any."""
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=PASSWORD,
            dbname="postgres",
            autocommit=True,
        ) as session:
            ran = session.execute(statement)
            return ran.fetchall() if ran.description else []

    # Faults

    def crash(self) -> None:
        """Kill PostgreSQL, and nothing else."""
        number = int((self.data / "postmaster.pid").read_text().split()[0])
        postmaster = psutil.Process(number)
        send(signal.SIGKILL, [postmaster, *postmaster.children()])

    def hand_over(self) -> None:
        """Let the other node lead, as for maintenance."""
        assert self.act("POST", "switchover", {"leader": self.name}) == 200

    def orphan(self) -> None:
        """Kill Patroni, and leave PostgreSQL alone."""
        patroni = [p for p in self.processes if "patroni.yml" in p.cmdline()]
        assert patroni
        send(signal.SIGKILL, patroni)


class Cluster:
    """Two nodes, of which one leads."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        client, peer, self.port = free_port(), free_port(), free_port()
        address = f"http://127.0.0.1:{client}"
        self.etcd = Machine(
            folder / "etcd.log",
            folder,
            _etcd(),
            "--pre-vote",
            "--log-level=error",
            f"--data-dir={folder}/etcd",
            f"--listen-client-urls={address}",
            f"--advertise-client-urls={address}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
        )
        self.nodes = [Node(folder, name, client) for name in ("n1", "n2")]
        self.haproxy: Machine | None = None
        if program := shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin"):
            # The third node is one that is never there.
            ports = [(node.port, node.api) for node in self.nodes] + [(1, 1)]
            places = {}
            for number, (port, api) in enumerate(ports, 1):
                places[f"NODE{number}"] = f"127.0.0.1:{port}"
                places[f"CHECK{number}"] = str(api)
            places["LISTEN"] = f"127.0.0.1:{self.port}"
            command = (program, "-f", "haproxy.cfg")
            log = folder / "haproxy.log"
            self.haproxy = Machine(log, CONFIGURATION, *command, **places)

    @property
    def machines(self) -> list[Machine]:
        """In the order in which they are started."""
        return [self.etcd, *self.nodes, *([self.haproxy] if self.haproxy else [])]

    def start(self) -> None:
        self.etcd.start()
        first, second = self.nodes
        first.start()
        until(lambda: first.is_("primary"))
        second.start()
        self.wait_for_standby()
        if self.haproxy is not None:
            self.haproxy.start()

    def stop(self) -> None:
        """Stop everything, whatever state it is in."""
        for machine in reversed(self.machines):
            machine.ask_to_stop()
        for machine in self.machines:
            machine.wait()

    def wait_for_standby(self) -> None:
        """Wait until the other node has every commit: until then nobody can follow."""
        until(lambda: any(node.is_("sync") for node in self.nodes))

    @property
    def leader(self) -> Node | None:
        """The node that leads, if one does."""
        return next((node for node in self.nodes if node.is_("primary")), None)

    def wait_for_leader(self) -> Node:
        """Wait until a node leads."""
        until(lambda: self.leader is not None)
        leader = self.leader
        assert leader is not None
        return leader

    def url(self, database: str, direct: bool) -> str:
        """Where the wallet finds a database, whichever node leads.

        :param direct: name every node, in place of HAProxy.
        """
        ports = [node.port for node in self.nodes] if direct else [self.port]
        places = ",".join(f"127.0.0.1:{port}" for port in ports)
        only = "target_session_attrs=read-write"
        return f"postgresql://wallet:{PASSWORD}@{places}/{database}?{only}"


def _binaries() -> Path:
    (initdb,) = TOOLS.glob("lib/python3*/site-packages/*/pginstall/bin/initdb")
    return initdb.parent


def _etcd() -> Path:
    (found,) = (
        path
        for path in TOOLS.glob("lib/python3*/site-packages/**/etcd")
        if path.is_file() and os.access(path, os.X_OK)
    )
    return found
