"""What clients do: a table of actions, each of which makes a request.

A new command gets a function here and a line in ``ACTIONS``; what the judge must know
of it stands in ``readings``.
"""

import threading
from collections.abc import Callable
from random import Random
from typing import Any

from wallet.ledger.ids import new_wallet_id

from .readings import KINDS, moves
from .record import Call, Request

MOST_WALLETS = 10


class World:
    """What the clients of a round know in common.

    :param name: is part of every note, which belongs to one request alone.
    :param after: the last wallet of the rounds before.
    """

    def __init__(self, name: str, after: str) -> None:
        self.name = name
        self.after = after
        #: The key that opens each wallet, and the version that was seen last.
        self.wallets: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        #: What has keys, so that it may be sent again; and what must be.
        self.repeatable: list[Request] = []
        self.unresolved: dict[int, Request] = {}
        self._notes = 0
        self._lock = threading.Lock()

    def note(self) -> str:
        with self._lock:
            self._notes += 1
            return f"{self.name}-{self._notes}"

    def learn(self, call: Call) -> None:
        """Take from an answer what later requests need."""
        request = call.request
        with self._lock:
            if _has_keys(request) and call.whole:
                if request not in self.repeatable[-200:]:
                    self.repeatable.append(request)
                if call.is_unknown:
                    self.unresolved[id(request)] = request
                elif call.problem != "unavailable":
                    self.unresolved.pop(id(request), None)
            if request.path == "/v1/wallets" and call.status == 201:
                self.wallets[call.json["id"]] = call.json["key"]
            if request.action == "read" and call.status == 200:
                self.versions[call.json["id"]] = call.json["version"]


def _has_keys(request: Request) -> bool:
    if request.method != "POST":
        return False
    asked = moves(request)
    if asked:
        return all(move.key is not None for move in asked)
    return request.key is not None


Make = Callable[[Random, World], Request | None]


def create(random: Random, world: World) -> Request | None:
    if len(world.wallets) >= MOST_WALLETS:
        return None
    note = world.note()
    body = {
        "name": note,
        "currency": random.choice(["ZAR", "ZAR", "ZAR", "USD"]),
        "floor": random.choice(["0.00", "0.00", "-50.00"]),
    }
    return Request("create", "POST", "/v1/wallets", body, _key(random, note))


def deposit(random: Random, world: World) -> Request:
    return _move(random, world, "deposits", {"amount": _amount(random, 5_000)})


def withdraw(random: Random, world: World) -> Request:
    return _move(random, world, "withdrawals", {"amount": _amount(random, 8_000)})


def transfer(random: Random, world: World) -> Request:
    body = {"amount": _amount(random, 6_000), "to": _recipient(random, world)}
    return _move(random, world, "transfers", body)


def batch(random: Random, world: World) -> Request:
    with_keys = random.random() < 0.7
    items = []
    for _ in range(random.randint(1, 5)):
        note, kind = world.note(), random.choice([*KINDS.values()])
        item: dict[str, Any] = {"kind": kind, "note": note}
        item["amount"] = _amount(random, 3_000)
        if kind == "transfer":
            item["to"] = _recipient(random, world)
        if with_keys:
            item["key"] = f"key-{note}"
        items.append(item)
    body = {"operations": items, "atomic": random.random() < 0.6}
    wallet = _wallet(random, world)
    if_match = _if_match(random, world, wallet)
    path = f"/v1/wallets/{wallet}/batches"
    return Request("batch", "POST", path, body, None, if_match)


def repeat(random: Random, world: World) -> Request | None:
    """Send again what has a key: what must be, what was new just now, or anything."""
    unresolved = list(world.unresolved.values())
    if unresolved and random.random() < 0.6:
        return random.choice(unresolved)
    if not world.repeatable:
        return None
    recent = world.repeatable[-8:] if random.random() < 0.5 else world.repeatable
    return random.choice(recent)


def reuse(random: Random, world: World) -> Request | None:
    """Send another request under a key that was used."""
    used = repeat(random, world)
    if used is None or used.key is None or not moves(used) or used.body is None:
        return None
    body = used.body | {"note": world.note()}
    return Request("reuse", "POST", used.path, body, used.key, None, used.principal)


def look_up(random: Random, world: World) -> Request | None:
    used = repeat(random, world)
    asked = moves(used) if used else []
    if used is None or not asked:
        return None
    move = random.choice(asked)
    path = f"/v1/operations?wallet={move.wallet}&key={move.key}"
    return Request("look up", "GET", path, principal=used.principal)


def read(random: Random, world: World) -> Request:
    return Request("read", "GET", f"/v1/wallets/{_wallet(random, world)}")


def list_wallets(random: Random, world: World) -> Request:
    limit, after = random.choice([2, 3, 500]), world.after
    if random.random() < 0.3:
        after = _wallet(random, world)
    query = f"?limit={limit}" + (f"&after={after}" if after else "")
    return Request("list", "GET", f"/v1/wallets{query}")


def read_history(random: Random, world: World) -> Request:
    wallet = _wallet(random, world)
    query = f"?limit={random.choice([1, 5, 50])}"
    version = world.versions.get(wallet, 0)
    if version and random.random() < 0.3:
        query += f"&before={random.randint(1, version + 2)}"
    return Request("history", "GET", f"/v1/wallets/{wallet}/entries{query}")


#: How often each is drawn, in relation to the others.
ACTIONS: dict[Make, int] = {
    create: 1,
    deposit: 18,
    withdraw: 12,
    transfer: 16,
    batch: 10,
    repeat: 14,
    reuse: 2,
    look_up: 6,
    read: 14,
    list_wallets: 5,
    read_history: 6,
}


def _move(random: Random, world: World, what: str, body: dict[str, Any]) -> Request:
    wallet, note = _wallet(random, world), world.note()
    owns = what != "deposits" and random.random() < 0.2
    return Request(
        action=KINDS[what],
        method="POST",
        path=f"/v1/wallets/{wallet}/{what}",
        body=body | {"note": note},
        key=_key(random, note),
        if_match=_if_match(random, world, wallet),
        principal="owner" if owns else "operator",
    )


def _wallet(random: Random, world: World) -> str:
    wallets = list(world.wallets)
    # Half of all meet at the same two.
    return random.choice(wallets[:2] if random.random() < 0.5 else wallets)


def _recipient(random: Random, world: World) -> str:
    return new_wallet_id() if random.random() < 0.04 else _wallet(random, world)


def _amount(random: Random, most: int) -> str:
    cents = random.randint(1, most)
    return f"{cents // 100}.{cents % 100:02}"


def _key(random: Random, note: str) -> str | None:
    return f"key-{note}" if random.random() < 0.75 else None


def _if_match(random: Random, world: World, wallet: str) -> int | None:
    return world.versions.get(wallet) if random.random() < 0.15 else None
