"""A line to PostgreSQL that can be cut, or stand still."""

import socket
import threading

from sqlalchemy import make_url

Pair = tuple[socket.socket, socket.socket]


class Proxy:
    """Stands between a service and PostgreSQL, and may cut the line at a commit.

    :param cut: ``"before"`` the server hears of the commit, ``"after"`` it has done it,
        or ``None``.
    :param frozen_at: what is stopped at, on its way there or back: from then on nothing
        is forwarded, no line is broken, and who comes is let in.
    """

    def __init__(self, database_url: str) -> None:
        self._upstream = make_url(database_url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cut: str | None = None
        self.frozen_at: bytes | None = None
        self._flowing = threading.Event()
        self._flowing.set()
        #: Whether nobody is let through, and how many were not.
        self.away, self.refused = False, 0
        self._lines: set[Pair] = set()
        self._run(self._accept)

    @property
    def url(self) -> str:
        through = self._upstream.set(
            host="127.0.0.1", port=self.port
        ).difference_update_query(["host"])
        return through.render_as_string(hide_password=False)

    def cut_everything(self) -> None:
        """Break off every connection, as a restart of the server would."""
        for line in list(self._lines):
            self._shut(line)

    def freeze(self) -> None:
        """Forward nothing, as a server that stands still would."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Go on with what came meanwhile."""
        self.frozen_at = None
        self._flowing.set()

    @property
    def is_frozen(self) -> bool:
        return not self._flowing.is_set()

    def close(self) -> None:
        self.thaw()
        self._shut((self._listener,))
        self._listener.close()
        self.cut_everything()

    def _connect(self) -> socket.socket:
        host = self._upstream.query.get("host") or self._upstream.host
        if host is not None and str(host).startswith("/"):
            line = socket.socket(socket.AF_UNIX)
            try:
                line.connect(f"{host}/.s.PGSQL.{self._upstream.port or 5432}")
            except OSError:
                line.close()
                raise
            return line
        return socket.create_connection((str(host), self._upstream.port or 5432))

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self.away:
                client.close()
                self.refused += 1
                continue
            try:
                line = client, self._connect()
            except OSError:
                client.close()  # the server is away
                continue
            self._lines.add(line)
            self._run(self._forward, line)
            self._run(self._backward, line)

    def _forward(self, line: Pair) -> None:
        client, server = line
        try:
            while part := client.recv(65536):
                if self.cut == "before" and b"COMMIT" in part:
                    return
                self._pass(part)
                server.sendall(part)
        finally:
            # Without the client, its transaction must not go on holding locks.
            self._end(line)

    def _backward(self, line: Pair) -> None:
        client, server = line
        try:
            while part := server.recv(65536):
                if self.cut == "after" and b"COMMIT" in part:
                    return
                self._pass(part)
                client.sendall(part)
        finally:
            self._end(line)

    def _pass(self, part: bytes) -> None:
        if self.frozen_at is not None and self.frozen_at in part:
            self.freeze()
        self._flowing.wait()

    def _end(self, line: Pair) -> None:
        self._shut(line)
        try:
            # At once, because both directions may end at the same time.
            self._lines.remove(line)
        except KeyError:  # the other direction has ended, too
            for each in line:
                each.close()

    @staticmethod
    def _shut(line: tuple[socket.socket, ...]) -> None:
        for each in line:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    @staticmethod
    def _run(work, *arguments) -> None:
        def quietly() -> None:
            try:
                work(*arguments)
            except OSError:
                return

        threading.Thread(target=quietly, daemon=True).start()
