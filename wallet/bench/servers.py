"""The servers under load: processes of their own, which end with the bench."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wallet.config import SETTINGS

ROOT = Path(__file__).parents[1]
_START_S = 60
_STOP_S = 15
#: Nothing that is measured may ask the world outside, where the setting is known.
_QUIET = {
    f"WALLET_{name}": value
    for name, value in {"LUNO_URL": "off"}.items()
    if name in SETTINGS
}


class ServerError(Exception):
    """A server does not do what it should; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the workers hold in memory, each in MB.

    :param rss: all of it. :param pss: shared pages are divided among those who share.
    """

    rss: list[float]
    pss: list[float]


class Server:
    """A server that answers."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, token: str) -> None:
        self.port = port
        self.token = token
        self._process = process

    def memory(self) -> Memory | None:
        """Look at what its workers hold; only Linux tells."""
        if not Path("/proc/self/smaps_rollup").exists():
            return None
        found = [_rollup(pid) for pid in _children(self._process.pid)]
        return Memory([each["Rss"] for each in found], [each["Pss"] for each in found])


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Make the environment of a server, free of what the caller's has for wallets."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("WALLET_") and name != "PROMETHEUS_MULTIPROC_DIR"
    }
    given = {f"WALLET_{name}": value for name, value in settings.items()}
    return kept | _QUIET | {"WALLET_HOME": str(home)} | given


@contextmanager
def wallet_server(
    home: Path, database_url: str, workers: int, token: str = ""
) -> Iterator[Server]:
    """Run `wallet serve`; with a token it is a shared one."""
    settings = {"DATABASE_URL": database_url}
    if token:
        settings |= {"OPERATOR_TOKEN": token, "SECRET_KEY": "s" * 32}
    port = _free_port()
    command = ["-m", "wallet", "serve", "--port", str(port), "--workers", str(workers)]
    with _running(command, environment(home, **settings), home, port, token) as server:
        yield server


@contextmanager
def bare_server(home: Path, database_url: str, workers: int) -> Iterator[Server]:
    """Run the bare application on the same kind of server, beside a store."""
    port = _free_port()
    command = ["-m", "bench.bare", str(port), str(workers)]
    env = environment(home, DATABASE_URL=database_url)
    with _running(command, env, home, port, "") as server:
        yield server


def verify(home: Path, database_url: str) -> str:
    """Run `wallet verify`, and tell its summary.

    :raises ServerError: it found something wrong.
    """
    ran = subprocess.run(
        [sys.executable, "-m", "wallet", "verify"],
        cwd=ROOT,
        env=environment(home, DATABASE_URL=database_url),
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        raise ServerError(f"wallet verify: {(ran.stdout + ran.stderr).strip()}")
    return ran.stdout.strip()


@contextmanager
def _running(
    command: list[str], env: dict[str, str], home: Path, port: int, token: str
) -> Iterator[Server]:
    log = home / f"server-{port}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=env,
            stdout=output,
            stderr=output,
            # Ctrl-C is for the bench, which then ends its servers itself.
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(process, port, log)
        yield Server(process, port, token)
    finally:
        _end(process)


def _wait_until_it_answers(
    process: subprocess.Popen[bytes], port: int, log: Path
) -> None:
    deadline = time.monotonic() + _START_S
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerError(f"A server does not start: {log.read_text()[-800:]}")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    # Any answer will do: the bare application knows no /status.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/status")
        return connection.getresponse().status in (200, 404)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(each) for each in (task / "children").read_text().split()]
    # Python itself keeps a small process that tidies up after the workers.
    return [
        each
        for each in found
        if b"resource_tracker" not in Path(f"/proc/{each}/cmdline").read_bytes()
    ]


def _rollup(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    pairs = (line.split()[:2] for line in lines)
    return {name.rstrip(":"): int(kib) * 1024 / 1e6 for name, kib in pairs}
