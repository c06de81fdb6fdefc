"""Clients of a real server over real connections."""

import http.client
import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CLIENTS = 12
BROKEN = (OSError, http.client.HTTPException)


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Client:
    """One connection that stays open. What breaks it raises one of ``BROKEN``."""

    def __init__(self, host: str, port: int, token: str | None = None) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=15)
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def get(self, path: str) -> Answer:
        return self.send("GET", path, None, {})

    def post(self, path: str, body: Any = None, key: str | None = None) -> Answer:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.send("POST", path, json.dumps(body or {}).encode(), headers)

    def deposit(self, wallet: str, amount: str, key: str | None = None) -> Answer:
        return self.post(f"/v1/wallets/{wallet}/deposits", {"amount": amount}, key)

    def send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        self.ask(method, path, body, headers)
        return self.answer()

    def ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> None:
        """Send a request, and leave its answer for later."""
        self._connection.request(method, path, body, self._headers | headers)

    def answer(self) -> Answer:
        """Wait for the answer to what was asked."""
        answer = self._connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


class Load:
    """Clients that deposit a cent with a key each, until they are stopped or cut off.

    They remember what was answered, so that it can be asked for again.

    :param pause_s: between two requests of a client, where others need the machine.
    """

    def __init__(
        self, connect: Callable[[], Client], wallets: list[str], pause_s: float = 0
    ) -> None:
        self.connect, self.pause_s = connect, pause_s
        self.wallets = wallets
        self.answered: dict[tuple[str, str], bytes] = {}
        self.unanswered: list[tuple[str, str]] = []
        self.other: list[int] = []
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,))
            for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(60)

    def repeat(self, last: int | None = None) -> None:
        """Send again what was answered, or the last of it, and all that was not."""
        answered = list(self.answered.items())
        with self.connect() as client:
            for (wallet, key), data in answered[-last:] if last else answered:
                again = client.deposit(wallet, "0.01", key)
                assert (again.status, again.data) == (201, data)
            for wallet, key in self.unanswered:
                assert client.deposit(wallet, "0.01", key).status == 201

    def _run(self, number: int) -> None:
        wallet = self.wallets[number % len(self.wallets)]
        with self.connect() as client:
            while not self._stopped.wait(self.pause_s):
                key = uuid.uuid4().hex
                try:
                    answer = client.deposit(wallet, "0.01", key)
                except BROKEN:
                    self.unanswered.append((wallet, key))
                    return
                if answer.status == 201:
                    self.answered[wallet, key] = answer.data
                else:
                    self.other.append(answer.status)
