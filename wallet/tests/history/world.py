"""What the clients of a round know, and what they draw from it."""

import threading
from random import Random
from typing import Any

from wallet.ledger.ids import new_wallet_id

from .asked import moves, target
from .readings import outcomes
from .record import Call, Request

#: So many holds are still asked about.
RECENT = 12


class World:
    """What the clients of a round know in common.

    :param name: is part of every note, which belongs to one request alone.
    :param after: the last wallet of the rounds before.
    """

    def __init__(self, name: str, after: str) -> None:
        self.name = name
        self.after = after
        #: The key that opens each wallet, and how it was seen last.
        self.wallets: dict[str, str] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        #: Holds, and operations, with their wallets.
        self.holds: list[tuple[str, str]] = []
        self.operations: list[tuple[str, str]] = []
        #: What has keys, so that it may be sent again; and what must be.
        self.repeatable: list[Request] = []
        self.unresolved: dict[int, Request] = {}
        self._notes = 0
        self._lock = threading.Lock()

    def note(self) -> str:
        with self._lock:
            self._notes += 1
            return f"{self.name}-{self._notes}."

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
            if target(request)[1] == "wallet" and call.status == 200:
                self.rows[call.json["id"]] = call.json
            for outcome in outcomes(call):
                wallet = outcome.move.wallet
                if outcome.hold is not None and outcome.hold["state"] == "open":
                    self.holds.append((wallet, outcome.hold["id"]))
                if outcome.entry is not None:
                    self.operations.append((wallet, outcome.entry["operation"]))

    def version(self, wallet: str) -> int:
        """Return the version that was seen last."""
        return int(self.rows.get(wallet, {}).get("version", 0))


def _has_keys(request: Request) -> bool:
    asked = moves(request)
    if asked:
        return all(move.key is not None for move in asked)
    return request.method == "POST" and request.key is not None


def draw_hold(random: Random, world: World) -> tuple[str, str] | None:
    return random.choice(world.holds[-RECENT:]) if world.holds else None


def draw_wallet(random: Random, world: World) -> str:
    wallets = list(world.wallets)
    # Half of all meet at the same two.
    return random.choice(wallets[:2] if random.random() < 0.5 else wallets)


def draw_recipient(random: Random, world: World) -> str:
    return new_wallet_id() if random.random() < 0.04 else draw_wallet(random, world)


def draw_amount(random: Random, most: int) -> str:
    cents = random.randint(1, most)
    return f"{cents // 100}.{cents % 100:02}"


def draw_key(random: Random, note: str) -> str | None:
    return f"key-{note}" if random.random() < 0.75 else None


def draw_if_match(random: Random, world: World, wallet: str) -> int | None:
    if wallet not in world.rows or random.random() > 0.15:
        return None
    return world.version(wallet)


def name_of(note: str) -> str:
    # What is looked for in a history is part of no name.
    return note.removesuffix(".")


def repeat(random: Random, world: World) -> Request | None:
    """Send again what has a key: what must be, what was new just now, or anything."""
    unresolved = list(world.unresolved.values())
    if unresolved and random.random() < 0.6:
        return random.choice(unresolved)
    if not world.repeatable:
        return None
    recent = world.repeatable[-8:] if random.random() < 0.5 else world.repeatable
    return random.choice(recent)
