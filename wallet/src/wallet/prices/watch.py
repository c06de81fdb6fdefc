"""A bound on the whole of a call over the network."""

import socket
import time
from contextlib import suppress
from threading import Timer


class Watch:
    """Cuts a connection off when its time is up, whatever it is waiting for.

    A timeout of a socket starts anew with every byte, so it bounds no call.
    """

    def __init__(self, seconds: float) -> None:
        self._until_s = time.monotonic() + seconds
        self._timer = Timer(seconds, self._cut)
        self._timer.daemon = True
        self._line: socket.socket | None = None

    def __enter__(self) -> "Watch":
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._line is not None:
            self._line.close()

    def is_over(self) -> bool:
        """Tell whether there is no time left."""
        return time.monotonic() >= self._until_s

    def left_s(self) -> float:
        """Tell how many seconds are left.

        :raises TimeoutError: none are.
        """
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def guard(self, line: socket.socket) -> None:
        """Watch over a connection."""
        # A second handle of the same connection: TLS takes the first one away.
        self._line = line.dup()
        if self.is_over():
            self._cut()

    def _cut(self) -> None:
        if self._line is not None:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)
