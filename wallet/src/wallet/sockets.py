"""Cuts off clients that stand still: the server itself waits for them without end.

The application is not told on which connection a request came, so all that were
accepted are looked at, by what the kernel counts of each. Linux only.
"""

import logging
import os
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

#: A client that neither sends nor takes a byte for so long is cut off.
LONGEST_S = 120.0
LOOK_S = 15.0
_FILES: Final = Path("/proc/self/fd")
#: Bytes acknowledged and bytes received, at this place of the kernel's `tcp_info`.
_COUNTS: Final = struct.Struct("=QQ")
_COUNTS_AT: Final = 120


class Watch:
    """What each connection had moved, and since when it has moved no more.

    :param work_s: how long a client may wait for its answer.
    """

    def __init__(
        self, work_s: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock, self._longest_s = clock, LONGEST_S + work_s
        self._seen: dict[int, tuple[bytes, float]] = {}

    def start(self) -> None:
        """Look again and again, for as long as this process lives."""
        if _FILES.is_dir():
            threading.Thread(target=self._run, name="sockets", daemon=True).start()

    def look(self) -> int:
        """Cut off clients that stood still for too long; tell how many."""
        now, seen, cut = self._clock(), {}, 0
        for inode, connection in _accepted():
            moved = connection.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, _COUNTS_AT + _COUNTS.size
            )[_COUNTS_AT:]
            before, since = self._seen.get(inode, (moved, now))
            since = since if before == moved else now
            seen[inode] = moved, since
            if now - since >= self._longest_s:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                cut += 1
        self._seen = seen
        return cut

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_S)
            try:
                cut = self.look()
            except Exception:
                log.exception("the connections could not be looked at")
            else:
                if cut:
                    log.info("cut off %d connections that stood still", cut)


def _accepted() -> Iterator[tuple[int, socket.socket]]:
    """Yield the connections that came in, with a number for each."""
    ports = {
        found.getsockname()[1]
        for found in _sockets()
        if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    }
    for found in _sockets():
        with suppress(OSError):
            if found.getsockname()[1] in ports and found.getpeername():
                yield os.fstat(found.fileno()).st_ino, found


def _sockets() -> Iterator[socket.socket]:
    """Yield each open socket of TCP; what is yielded cannot be closed meanwhile."""
    for name in os.listdir(_FILES):
        with suppress(OSError):
            if not stat.S_ISSOCK(os.stat(_FILES / name).st_mode):
                continue
            copy = os.dup(int(name))
            try:
                found = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)
                continue
            with found:
                internet = found.family in (socket.AF_INET, socket.AF_INET6)
                if internet and found.type == socket.SOCK_STREAM:
                    yield found
