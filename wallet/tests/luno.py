"""A Luno of our own, on a real connection, that behaves as a test wants."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PRICE = "1234567.89"
TICKER = b'{"pair": "XBTZAR", "bid": "1234000.00", "ask": "1234567.89"}'

#: Has the connection after the request was read, and the event that ends the test.
Behaviour = Callable[[socket.socket, threading.Event], None]


def answer(body: bytes = TICKER, status: int = 200, *headers: str) -> Behaviour:
    """Answer properly."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return raw("\r\n".join(lines).encode() + body)


def raw(sent: bytes) -> Behaviour:
    """Send some bytes and hang up."""
    return lambda line, _end: line.sendall(sent)


def drip(first: bytes, then: bytes = b" ", pause_s: float = 0.05) -> Behaviour:
    """Send some bytes, and then others again and again."""

    def behave(line: socket.socket, end: threading.Event) -> None:
        line.sendall(first)
        while not end.wait(pause_s):
            line.sendall(then)

    return behave


def silence(_line: socket.socket, end: threading.Event) -> None:
    """Say nothing until the test is over."""
    end.wait(60)


class Luno:
    """Listens, and keeps what was asked."""

    def __init__(
        self, behaviour: Behaviour, tls: ssl.SSLContext | None, reads: bool
    ) -> None:
        self.behaviour, self.tls, self.reads = behaviour, tls, reads
        self.asked: list[bytes] = []
        self.end = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://localhost:{self.port}/api/1/ticker"

    def close(self) -> None:
        self.end.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(60)

    def _listen(self) -> None:
        with suppress(OSError):
            while not self.end.is_set():
                line, _ = self._listening.accept()
                thread = threading.Thread(target=self._serve, args=(line,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, line: socket.socket) -> None:
        # The asking process may leave whenever it likes.
        with suppress(OSError), line:
            if self.tls:
                line = self.tls.wrap_socket(line, server_side=True)
            with line:
                asked = b""
                while (
                    self.reads
                    and b"\r\n\r\n" not in asked
                    and (part := line.recv(4096))
                ):
                    asked += part
                self.asked.append(asked)
                self.behaviour(line, self.end)


@contextmanager
def luno(
    behaviour: Behaviour, tls: ssl.SSLContext | None = None, reads: bool = True
) -> Iterator[Luno]:
    """Run it for as long as the block takes.

    :param reads: without it, it behaves before it has read the request.
    """
    server = Luno(behaviour, tls, reads)
    try:
        yield server
    finally:
        server.close()
