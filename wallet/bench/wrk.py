"""Load over HTTP: runs wrk, and reads what it tells."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).with_name("load.lua")
MISSING = "wrk is missing: on Debian, apt install wrk; on a Mac, brew install wrk."


class WrkError(Exception):
    """wrk could not run."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent."""

    method: str
    path: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What wrk tells of a run.

    :param sent: requests that were begun; the last few are cut off at the end.
    :param statuses: answers by status.
    :param errors: connections that broke, by what was being done.
    """

    duration_s: float
    sent: int
    statuses: dict[int, int]
    errors: dict[str, int]
    p50_ms: float
    p99_ms: float

    @property
    def good(self) -> int:
        """How many were answered with success."""
        return sum(
            count for status, count in self.statuses.items() if status // 100 == 2
        )

    @property
    def refused(self) -> dict[str, int]:
        """How many were answered otherwise or not at all, by the reason."""
        found = {str(status): n for status, n in self.statuses.items()}
        found = {status: n for status, n in found.items() if status[0] != "2"}
        return found | {name: count for name, count in self.errors.items() if count}


def is_there() -> bool:
    """Tell whether wrk is installed."""
    return shutil.which("wrk") is not None


def version() -> str:
    """Tell the version of wrk."""
    told = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return (told.stdout.split() or ["", "unknown"])[1]


def write_requests(path: Path, requests: Sequence[Request]) -> None:
    """Write the file that the script reads."""
    lines = [f"{each.method}\t{each.path}\t{each.body}\n" for each in requests]
    path.write_text("".join(lines), encoding="ascii")


def run(
    port: int,
    requests: Path,
    *,
    connections: int,
    seconds: int,
    keys: bool = False,
    token: str = "",
    every_s: float = 5.0,
    look: Callable[[], None] = lambda: None,
) -> Told:
    """Send requests of the file in a random order for some seconds.

    :param keys: give each request an idempotency key of its own.
    :param look: is called every few seconds meanwhile.
    :raises WrkError: wrk did not tell what it should.
    """
    threads = min(2, connections)
    command = ["wrk", "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s"]
    command += ["--timeout", "20s", "-s", str(_SCRIPT), f"http://127.0.0.1:{port}"]
    command += ["--", str(requests), token, *([uuid.uuid4().hex] if keys else [])]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while True:
                try:
                    return read(*process.communicate(timeout=every_s))
                except subprocess.TimeoutExpired:
                    look()
        finally:
            process.kill()


def read(output: str, complaint: str = "") -> Told:
    """Read the line of JSON that the script prints.

    :raises WrkError: it is not there.
    """
    for line in output.splitlines():
        if line.startswith('{"duration_s"'):
            told = json.loads(line)
            statuses = {int(each): n for each, n in told.pop("statuses").items()}
            return Told(**told, statuses=statuses)
    raise WrkError(f"wrk told nothing: {(complaint or output)[-400:]}")
