"""Load over HTTP: runs wrk, and reads its report."""

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
class Report:
    """What wrk says of a run.

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
        return sum(n for status, n in self.statuses.items() if status // 100 == 2)

    @property
    def cut_off(self) -> int:
        """How many were under way when wrk hung up."""
        return self.sent - sum(self.statuses.values())

    @property
    def refused(self) -> dict[str, int]:
        """How many were answered otherwise or not at all, by the reason."""
        others = {str(s): n for s, n in self.statuses.items() if s // 100 != 2}
        return others | {name: n for name, n in self.errors.items() if n}


def is_there() -> bool:
    """Tell whether wrk is installed."""
    return shutil.which("wrk") is not None


def version() -> str:
    ran = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return (ran.stdout.split() or ["", "unknown"])[1]


def write_requests(path: Path, requests: Sequence[Request]) -> None:
    """Write the file that the script reads."""
    lines = [f"{each.method}\t{each.path}\t{each.body}\n" for each in requests]
    path.write_text("".join(lines), encoding="ascii")


def run(
    port: int,
    requests: Path,
    connections: int,
    seconds: int,
    keys: bool = False,
    token: str = "",
    look: Callable[[], None] = lambda: None,
) -> Report:
    """Send requests of the file in a random order for some seconds.

    :param keys: give each request an idempotency key of its own.
    :param look: is called a dozen times meanwhile.
    :raises WrkError: there is no report.
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
                    return read(*process.communicate(timeout=seconds / 12))
                except subprocess.TimeoutExpired:
                    look()
        finally:
            process.kill()


def read(output: str, complaint: str = "") -> Report:
    """Read the line of JSON that the script prints.

    :raises WrkError: it is not there.
    """
    for line in output.splitlines():
        if line.startswith('{"duration_s"'):
            report = json.loads(line)
            statuses = {int(each): n for each, n in report.pop("statuses").items()}
            return Report(**report, statuses=statuses)
    raise WrkError(f"wrk made no report: {(complaint or output)[-400:]}")
