"""A round: clients ask at random while faults happen, and at last read everything."""

import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from random import Random

from ..clients import BROKEN, Client
from .actions import ACTIONS, create
from .asked import parameters, target
from .field import FAULTS, FAULTS_OF_A_LINE, TOKEN, Fault, Field
from .record import LAST_LOOK, Call, Request
from .world import World

CLIENTS = 8
PAGE = 500


class Round:
    """Clients at work for a while.

    :param after: the last wallet of the rounds before.
    """

    def __init__(self, field: Field, seed: str, after: str = "") -> None:
        self.field = field
        self.random = Random(seed)  # noqa: S311  a run can be drawn again
        self.world = World(f"r{self.random.randrange(10**6)}", after)
        self.calls: list[Call] = []
        self.counts: Counter[str] = Counter()
        #: How much there was of what ``wallet verify`` counts.
        self.read_last: Counter[str] = Counter()
        self._over = threading.Event()

    def play(self, seconds: float, faults: Sequence[Fault]) -> list[Call]:
        """Play for a while, then let everything come to rest; return what was seen."""
        with closing(Courier(self.field)) as me:
            while len(self.world.wallets) < 3:
                self.note(me.send(create(self.random, self.world)))
        self._ask_and_break(seconds, faults)
        if faults:
            # What nobody waits for any more has ended when the servers have.
            self.field.restart()
        with closing(Courier(self.field)) as me:
            self._resolve(me)
            self._look_last(me)
        return self.calls

    def _ask_and_break(self, seconds: float, faults: Sequence[Fault]) -> None:
        seeds = [self.random.random() for _ in range(CLIENTS)]
        threads = [threading.Thread(target=self._ask, args=(seed,)) for seed in seeds]
        for thread in threads:
            thread.start()
        try:
            self._break(time.monotonic() + seconds, faults)
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def note(self, call: Call | None) -> None:
        if call is None:
            time.sleep(0.2)
            self.counts["refused connections"] += 1
            return
        self.world.learn(call)
        self.calls.append(call)

    def _ask(self, seed: float) -> None:
        random = Random(seed)  # noqa: S311  a run can be drawn again
        courier = Courier(self.field)
        with closing(courier):
            while not self._over.is_set():
                self._ask_once(random, courier)

    def _ask_once(self, random: Random, courier: "Courier") -> None:
        (make,) = random.choices(list(ACTIONS), list(ACTIONS.values()))
        request = make(random, self.world)
        if request is None:
            return
        server = random.randrange(len(self.field.servers))
        token = self._token(request)
        if request.method != "GET" and random.random() < 0.02:
            self.counts["clients that broke off"] += 1
            whole = random.random() < 0.5
            self.note(courier.break_off(request, server, token, whole))
        else:
            self.note(courier.send(request, server, token))

    def _token(self, request: Request) -> str:
        if request.principal == "operator":
            return TOKEN
        asked_for = parameters(request).get("wallet") or target(request)[0] or ""
        return self.world.wallets[asked_for]

    def _break(self, end: float, faults: Sequence[Fault]) -> None:
        dealt: list[Fault] = []
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, self.random.uniform(0.2, 0.8)))
            if not faults or end - time.monotonic() < 0.5:
                continue
            if not dealt:
                dealt = self.random.sample(faults, len(faults))
            fault = dealt.pop()
            self.counts[fault.__name__.replace("_", " ")] += 1
            fault(self.random, self.field)
            self.field.start()

    def _resolve(self, me: "Courier") -> None:
        """Ask again whatever nobody knows the outcome of."""
        deadline = time.monotonic() + 30
        while self.world.unresolved and time.monotonic() < deadline:
            for request in list(self.world.unresolved.values()):
                self.note(me.send(request, 0, self._token(request)))

    def _look_last(self, me: "Courier") -> None:
        path: str | None = f"/v1/wallets?limit={PAGE}&archived=true"
        if self.world.after:
            path += f"&after={self.world.after}"
        rows = self._read_pages(me, path, "wallets")
        operations = set()
        for row in rows:
            path = f"/v1/wallets/{row['id']}/entries?limit={PAGE}"
            entries = self._read_pages(me, path, "entries")
            self.read_last["entries"] += len(entries)
            operations |= {each["operation"] for each in entries}
            path = f"/v1/wallets/{row['id']}/holds?limit={PAGE}"
            self._read_pages(me, path, "holds")
        self.read_last["operations"] += len(operations)
        self.read_last["wallets"] += len(rows)
        self.after = rows[-1]["id"]

    def _read_pages(self, me: "Courier", path: str | None, member: str) -> list[dict]:
        rows: list[dict] = []
        while path is not None:
            call = me.send(Request(LAST_LOOK, "GET", path))
            assert call is not None
            assert call.status == 200, call
            self.calls.append(call)
            rows += call.json[member]
            path = call.json["next"]
        return rows


class Courier:
    """Brings the requests of one client to the servers."""

    def __init__(self, field: Field) -> None:
        self._servers = field.servers
        self._clients: dict[int, Client] = {}

    def send(
        self, request: Request, server: int = 0, token: str = TOKEN
    ) -> Call | None:
        """Send a request and wait; ``None`` if nobody listened."""
        client = self._clients.get(server)
        if client is None:
            client = self._clients[server] = self._servers[server].client()
        body = None if request.body is None else json.dumps(request.body).encode()
        began = time.time()
        try:
            answer = client.send(
                request.method, request.path, body, headers_of(request, token)
            )
        except BROKEN as error:
            client.__exit__()
            del self._clients[server]
            if isinstance(error, ConnectionRefusedError):
                return None
            return Call(request, began, time.time(), server=server)
        return Call(
            request,
            began,
            time.time(),
            answer.status,
            answer.data,
            replayed=answer.headers.get("Idempotent-Replayed") == "true",
            etag=answer.headers.get("ETag"),
            server=server,
        )

    def close(self) -> None:
        for client in self._clients.values():
            client.__exit__()

    def break_off(
        self, request: Request, server: int, token: str, whole: bool
    ) -> Call | None:
        """Send a request or half of it, and hang up."""
        body = json.dumps(request.body).encode()
        lines = [f"{request.method} {request.path} HTTP/1.1", "Host: localhost"]
        headers = headers_of(request, token) | {"Content-Type": "application/json"}
        headers["Content-Length"] = str(len(body))
        lines += [f"{name}: {value}" for name, value in headers.items()]
        text = "\r\n".join([*lines, "", ""]).encode() + body
        began = time.time()
        try:
            address = ("127.0.0.1", self._servers[server].port)
            with socket.create_connection(address, 5) as line:
                line.sendall(text if whole else text[: -len(body) // 2])
        except ConnectionRefusedError:
            return None
        except OSError:
            pass
        return Call(request, began, time.time(), whole=whole, server=server)


def headers_of(request: Request, token: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token}"}
    if request.key is not None:
        headers["Idempotency-Key"] = request.key
    if request.if_match is not None:
        headers["If-Match"] = f'"{request.if_match}"'
    return headers


def faults_of(field: Field) -> list[Fault]:
    """Return what may happen to a field."""
    return FAULTS + (FAULTS_OF_A_LINE if field.proxies else [])


def verified(text: str) -> dict[str, int]:
    """Read what ``wallet verify`` says it saw."""
    said = re.match(r"(\d+) wallets, (\d+) entries, (\d+) operations: all is", text)
    assert said, text
    numbers = map(int, said.groups())
    return dict(zip(("wallets", "entries", "operations"), numbers, strict=True))
