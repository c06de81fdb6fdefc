"""Clients that move money, repeat what was not answered, and remember every answer."""

import hashlib
import http.client
import json
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

#: What a killed server does to a connection.
BROKEN: Final = (OSError, http.client.HTTPException)

_TIMEOUT_S: Final = 15
_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that was answered with success, and what it wrote."""

    digest: bytes
    entries: int
    holds: int


class Connection:
    """A connection to the server that stays open until it breaks."""

    def __init__(self, port: int, token: str) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        }

    def close(self) -> None:
        """Close it."""
        self._http.close()

    def get(self, path: str) -> tuple[int, bytes]:
        """Read."""
        self._http.request("GET", path, headers=self._headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()

    def post(self, path: str, body: Any, key: str) -> tuple[int, bytes]:
        """Ask for a change, under a key."""
        headers = self._headers | {"Idempotency-Key": key}
        self._http.request("POST", path, json.dumps(body).encode(), headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()


class Load:
    """Many clients at once. Each goes on until it has an answer to its last request.

    :param wallets: may all go below zero, so that every move can be done.
    """

    def __init__(self, port: int, token: str, wallets: list[str], clients: int) -> None:
        self.answered: dict[tuple[str, str], Answered] = {}
        self.retried = 0
        self.refused: list[str] = []
        self._port, self._token, self._wallets = port, token, wallets
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, daemon=True) for _ in range(clients)
        ]

    def start(self) -> None:
        """Let the clients begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, within_s: float) -> bool:
        """Let every client get its last answer; tell whether all did."""
        self._stopped.set()
        deadline = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        with connected(self._port, self._token) as connection:
            while not self._stopped.is_set():
                self._act(connection)

    def _act(self, connection: Connection) -> None:
        """Move money, undo that or not; or set some aside and be done with it."""
        wallet, other = random.sample(self._wallets, 2)
        kind = random.choice(("deposits", "withdrawals", "transfers", "holds"))  # noqa: S311  no secret
        if kind == "holds":
            self._hold(connection, wallet, other)
            return
        to = {"to": other} if kind == "transfers" else {}
        told = self._ask(connection, wallet, kind, {"amount": "0.01"} | to)
        if told and random.random() < 0.3:  # noqa: S311  no secret
            path = f"entries/{told['entry']['version']}/reversals"
            self._ask(connection, wallet, path, {}, entries=1 + len(to))

    def _hold(self, connection: Connection, wallet: str, other: str) -> None:
        told = self._ask(connection, wallet, "holds", {"amount": "0.03"})
        if not told:
            return
        path = f"holds/{told['hold']['id']}"
        part = {"amount": "0.01", "keep_open": True}
        self._ask(connection, wallet, f"{path}/captures", part)
        if random.random() < 0.5:  # noqa: S311  no secret
            self._ask(connection, wallet, f"{path}/captures", {"to": other})
        else:
            self._ask(connection, wallet, f"{path}/releases", {})

    def _ask(
        self,
        connection: Connection,
        wallet: str,
        what: str,
        body: dict[str, Any],
        entries: int | None = None,
    ) -> dict[str, Any] | None:
        """Ask until there is an answer, remember it, and return it if it is success."""
        key, path = uuid.uuid4().hex, f"/v1/wallets/{wallet}/{what}"
        status, told = self._until_answered(connection, path, body, key)
        if status != 201:
            self.refused.append(f"{status} {told[:200].decode()}")
            return None
        answer: dict[str, Any] = json.loads(told)
        if entries is None:
            entries = (1 + ("to" in body)) if "entry" in answer else 0
        digest, holds = hashlib.sha256(told).digest(), int(what == "holds")
        self.answered[wallet, key] = Answered(digest, entries, holds)
        return answer

    def _until_answered(
        self, connection: Connection, path: str, body: dict[str, Any], key: str
    ) -> tuple[int, bytes]:
        while True:
            try:
                status, told = connection.post(path, body, key)
                if status != 503:
                    return status, told
            except BROKEN:
                # The next request connects anew.
                connection.close()
            self.retried += 1
            time.sleep(_PAUSE_S)


@contextmanager
def connected(port: int, token: str) -> Iterator[Connection]:
    """Connect for a few requests."""
    with closing(Connection(port, token)) as connection:
        yield connection
