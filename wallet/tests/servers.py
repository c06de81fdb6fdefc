"""Servers as processes of their own, for tests and for the bench."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .clients import BROKEN, Client

ROOT = Path(__file__).parents[1]
WALLET = ("wallet", "serve")


class ServerError(Exception):
    """A server does not start, or a command fails; the message is what it wrote."""


class Server:
    """``wallet serve`` in a process group of its own.

    :param program: another one for ``python -m``, which takes the same options.
    :param settings: its settings, without their prefix; none comes from outside.
    """

    def __init__(
        self, home: Path, program: Sequence[str] = WALLET, **settings: str
    ) -> None:
        self.log = home / "server.log"
        self.port = free_port()
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("WALLET_", "PROMETHEUS_MULTIPROC_DIR"))
            # A test on Citus sets it for whatever it starts.
            or name == "WALLET_DISTRIBUTED"
        }
        # Neither a test nor the bench asks the real Luno.
        settings = {"LUNO_URL": "off", "HOME": str(home)} | settings
        self.environment |= {f"WALLET_{name}": each for name, each in settings.items()}
        self.environment["PYTHONWARNINGS"] = "ignore"
        self._program = program
        self.token = settings.get("OPERATOR_TOKEN")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was never started"
        return self._process

    def start(self, workers: int = 1, *options: str) -> "Server":
        """Start it, and wait until it answers."""
        self.launch(workers, *options)
        return self.wait()

    def wait(self) -> "Server":
        deadline = time.monotonic() + 60
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"It does not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        return self

    def launch(self, workers: int = 1, *options: str) -> None:
        """Start it, and wait for nothing."""
        options = ("--port", str(self.port), "--workers", str(workers), *options)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._program, *options],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return client.get("/status").status == 200
        except BROKEN:
            return False

    def is_gone(self) -> bool:
        """Tell whether nobody listens any more."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
        except OSError:
            return True
        return False

    def stop(self) -> tuple[int, float]:
        """Ask it to stop; tell its exit code and how long it took."""
        began = time.monotonic()
        self.process.terminate()
        return self.process.wait(60), time.monotonic() - began

    def kill(self) -> None:
        """End it and all its workers as a crash would, if it runs at all."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait(60)

    def run(
        self, *arguments: str, within_s: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run another command with the same settings."""
        return subprocess.run(
            [sys.executable, "-m", "wallet", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )

    def client(self, token: str | None = None) -> Client:
        """Connect as its operator, or with another token."""
        return Client("127.0.0.1", self.port, token or self.token)


def free_port() -> int:
    """Find a port below those that the system gives to the other end of a connection.

    A client that tries one of those again and again may connect to itself. In a run
    of the tests nobody else gets the same, though its server may be down for a while.
    """
    taken = os.environ.get("SHARED_BY_TESTS")
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311  no secret
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if taken is not None:
                Path(taken, f"port-{port}").touch(exist_ok=False)
            return port
