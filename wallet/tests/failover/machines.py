"""Machines that can be lost, frozen and started again."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from . import keeper

#: PostgreSQL refuses to run as root. Its user must be able to read the
#: programs, which root may keep in a folder of its own.
NOBODY = 65534
_READ = "+dac_read_search"
_AS_NOBODY = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *(f"--inh-caps={_READ}", f"--ambient-caps={_READ}"),
)
COMMAND = [sys.executable, keeper.__file__]


class Machine:
    """A program, and all that it starts.

    :param at: the folder in which it works.
    """

    def __init__(
        self, log: Path, at: Path, *command: str | Path, **environment: str
    ) -> None:
        self.log = log
        as_nobody = _AS_NOBODY if os.geteuid() == 0 else ()
        self._command = [*COMMAND, *as_nobody, *map(str, command)]
        self._environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self._environment |= environment
        self._at = at
        self._keeper: psutil.Popen | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._keeper = psutil.Popen(
                self._command,
                cwd=self._at,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def processes(self) -> list[psutil.Process]:
        """All that runs on it."""
        if self._keeper is None or not self._keeper.is_running():
            return []
        return self._keeper.children(recursive=True)

    def freeze(self) -> None:
        """Stop every process where it stands; the connections stay open."""
        while running := [*_unless(psutil.STATUS_STOPPED, self.processes)]:
            send(signal.SIGSTOP, running)
            time.sleep(0.01)

    def thaw(self) -> None:
        """Let it go on as if nothing had been."""
        send(signal.SIGCONT, self.processes)

    def lose(self) -> None:
        """End every process at once, as a loss of power does."""
        self.freeze()
        send(signal.SIGKILL, self.processes)
        self.wait()

    def ask_to_stop(self) -> None:
        """Let it end in good order, within a few seconds; wait for nothing."""
        self.thaw()
        if self._keeper is not None:
            with suppress(psutil.NoSuchProcess):
                self._keeper.terminate()

    def wait(self) -> None:
        """Wait until nothing runs on it any more."""
        if self._keeper is not None:
            self._keeper.wait(60)


def send(number: int, processes: list[psutil.Process]) -> None:
    """Send a signal to those that are still there."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _unless(status: str, processes: list[psutil.Process]) -> Iterator[psutil.Process]:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.status() not in (status, psutil.STATUS_ZOMBIE):
                yield process
