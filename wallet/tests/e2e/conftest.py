"""Real servers in processes of their own, and clients over real connections."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..actions import until
from ..clients import BROKEN, Client

OPERATOR = "operator-token-1234"


class Server:
    """``wallet serve`` as a process, in a process group of its own."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.port = _free_port()
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("WALLET_")
        }
        # No test asks the real Luno.
        self.environment["WALLET_LUNO_URL"] = "off"
        self.environment |= {"WALLET_HOME": str(home), "PYTHONWARNINGS": "ignore"}
        self.environment |= {f"WALLET_{name}": each for name, each in settings.items()}
        self.process: subprocess.Popen[bytes] | None = None
        self.log = home / "server.log"

    def start(self, workers: int = 1) -> "Server":
        """Start it, and wait until it answers."""
        self.launch(workers)
        until(self._answers, 30)
        return self

    def launch(self, workers: int = 1) -> None:
        """Start it, and wait for nothing."""
        command = ["serve", "--port", str(self.port), "--workers", str(workers)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "wallet", *command],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it the hard way, as a crash would."""
        self._signal_all(signal.SIGKILL)

    def stop(self) -> tuple[int, float]:
        """Ask it to stop; tell its exit code and how long it took."""
        began = time.monotonic()
        self.process.terminate()
        return self.process.wait(20), time.monotonic() - began

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command with the same settings."""
        return subprocess.run(
            [sys.executable, "-m", "wallet", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def client(self, token: str | None = OPERATOR) -> Client:
        return Client("127.0.0.1", self.port, token)

    def end(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self.process is not None:
            self._signal_all(signal.SIGKILL)

    def is_gone(self) -> bool:
        """Tell whether nobody listens any more."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
        except OSError:
            return True
        return False

    def _signal_all(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass
        self.process.wait(20)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            with self.client() as client:
                return client.get("/status").status == 200
        except BROKEN:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Any]:
    """Make servers with an operator token on one database; all end with the test."""
    servers = []

    def make(database_url: str, **settings: str) -> Server:
        home = tmp_path / f"server-{len(servers)}"
        home.mkdir()
        given = {"SECRET_KEY": "s" * 32, "OPERATOR_TOKEN": OPERATOR} | settings
        servers.append(Server(home, DATABASE_URL=database_url, **given))
        return servers[-1]

    yield make
    for server in servers:
        server.end()


@pytest.fixture
def server(make_server, database_url: str) -> Server:
    """A running server with an operator token, on each engine in turn."""
    return make_server(database_url).start()
