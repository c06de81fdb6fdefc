"""What clients do: a table of actions, each of which makes a request.

A new command gets a function here or in ``asking``, and a line in ``ACTIONS``; what the
judge must know of it stands in ``asked`` and ``readings``.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from .asked import KINDS, OF_HOLDS
from .asking import (
    list_holds,
    list_wallets,
    look_up,
    look_up_by_id,
    read,
    read_history,
    read_hold,
)
from .record import Request
from .world import (
    RECENT,
    World,
    draw_amount,
    draw_hold,
    draw_if_match,
    draw_key,
    draw_recipient,
    draw_wallet,
    name_of,
    repeat,
)

MOST_WALLETS = 10
ITEMS = ("deposit", "withdrawal", "transfer", "hold", "capture", "release")

Make = Callable[[Random, World], Request | None]


def create(random: Random, world: World) -> Request | None:
    if len(world.wallets) >= MOST_WALLETS:
        return None
    note = world.note()
    body = {
        "name": name_of(note),
        "currency": random.choice(["ZAR", "ZAR", "ZAR", "USD"]),
        "floor": random.choice(["0.00", "0.00", "-50.00"]),
    }
    return Request("create", "POST", "/v1/wallets", body, draw_key(random, note))


def deposit(random: Random, world: World) -> Request:
    return _move(random, world, "deposits", {"amount": draw_amount(random, 5_000)})


def withdraw(random: Random, world: World) -> Request:
    return _move(random, world, "withdrawals", {"amount": draw_amount(random, 8_000)})


def transfer(random: Random, world: World) -> Request:
    body = {"amount": draw_amount(random, 6_000), "to": draw_recipient(random, world)}
    return _move(random, world, "transfers", body)


def reverse(random: Random, world: World) -> Request | None:
    wallet = draw_wallet(random, world)
    last = world.version(wallet)
    if not last:
        return None
    # Many want to undo the same few.
    version = random.randint(max(1, last - 3) if random.random() < 0.5 else 1, last + 1)
    return _move(random, world, f"entries/{version}/reversals", {}, wallet)


def place_hold(random: Random, world: World) -> Request:
    seconds = random.choice([1, 1, 2, 3, 30, 3_600])
    body = {"amount": draw_amount(random, 3_000), "expires_in": seconds}
    return _move(random, world, "holds", body)


def capture(random: Random, world: World) -> Request | None:
    found = draw_hold(random, world)
    if found is None:
        return None
    wallet, hold = found
    body = _of_capture(random, world)
    return _move(random, world, f"holds/{hold}/captures", body, wallet)


def _of_capture(random: Random, world: World) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if random.random() < 0.6:
        body |= {"amount": draw_amount(random, 2_000)}
    if random.random() < 0.4:
        body |= {"keep_open": True}
    if random.random() < 0.4:
        body |= {"to": draw_recipient(random, world)}
    return body


def release(random: Random, world: World) -> Request | None:
    found = draw_hold(random, world)
    if found is None:
        return None
    path = f"/v1/wallets/{found[0]}/holds/{found[1]}/releases"
    # It has no note, so its key is what it goes by.
    return Request("release", "POST", path, {}, f"key-{world.note()}")


def set_balance(random: Random, world: World) -> Request | None:
    wallet = draw_wallet(random, world)
    if wallet not in world.rows:
        return None
    row, note = world.rows[wallet], world.note()
    amount = random.choice([draw_amount(random, 9_000), "0.00", row["balance"]])
    path = f"/v1/wallets/{wallet}/balance"
    body, key = {"amount": amount, "note": note}, draw_key(random, note)
    return Request("set balance", "PUT", path, body, key, row["version"])


def change(random: Random, world: World) -> Request:
    """Rename a wallet, move its floor, archive it or take it back."""
    rows = [row for row in world.rows.values() if row["id"] in world.wallets]
    archived = [row["id"] for row in rows if row["archived"]]
    empty = [row["id"] for row in rows if row["balance"] == row["held"] == "0.00"]
    wallet = draw_wallet(random, world)
    body: dict[str, Any] = {"archived": random.random() < 0.3}
    if archived and random.random() < 0.5:
        wallet, body = random.choice(archived), {"archived": False}
    elif empty and random.random() < 0.5:
        wallet, body = random.choice(empty), {"archived": True}
    elif random.random() < 0.3:
        body = {"name": name_of(world.note())}
    elif random.random() < 0.8:
        body = {"floor": random.choice(["0.00", f"-{draw_amount(random, 5_000)}"])}
    return Request("change", "PATCH", f"/v1/wallets/{wallet}", body)


def batch(random: Random, world: World) -> Request:
    with_keys = random.random() < 0.7
    wallet = draw_wallet(random, world)
    items = []
    for _ in range(random.randint(1, 5)):
        item = _item(random, world, wallet)
        note = world.note()
        if item["kind"] != "release":
            item["note"] = note
        if with_keys or item["kind"] == "release":
            item["key"] = f"key-{note}"
        items.append(item)
    body = {"operations": items, "atomic": random.random() < 0.6}
    if_match = draw_if_match(random, world, wallet)
    path = f"/v1/wallets/{wallet}/batches"
    return Request("batch", "POST", path, body, None, if_match)


def _item(random: Random, world: World, wallet: str) -> dict[str, Any]:
    kind = random.choice(ITEMS)
    if kind in ("capture", "release"):
        found = [hold for of, hold in world.holds[-RECENT:] if of == wallet]
        if not found:
            kind = "hold"
        elif kind == "release":
            return {"kind": kind, "hold": random.choice(found)}
        else:
            more = _of_capture(random, world)
            return {"kind": kind, "hold": random.choice(found)} | more
    item: dict[str, Any] = {"kind": kind, "amount": draw_amount(random, 3_000)}
    if kind == "transfer":
        item["to"] = draw_recipient(random, world)
    if kind == "hold":
        item["expires_in"] = random.choice([1, 2, 30])
    return item


def reuse(random: Random, world: World) -> Request | None:
    """Send another request under a key that was used."""
    used = repeat(random, world)
    if used is None or used.key is None or "note" not in (used.body or {}):
        return None
    body = (used.body or {}) | {"note": world.note()}
    return replace(used, action="reuse", body=body)


#: How often each is drawn, in relation to the others.
ACTIONS: dict[Make, int] = {
    create: 1,
    deposit: 18,
    withdraw: 12,
    transfer: 16,
    reverse: 10,
    place_hold: 12,
    capture: 10,
    release: 4,
    set_balance: 4,
    change: 5,
    batch: 12,
    repeat: 16,
    reuse: 2,
    look_up: 6,
    look_up_by_id: 3,
    read: 14,
    list_wallets: 5,
    read_history: 8,
    read_hold: 5,
    list_holds: 4,
}


def _move(
    random: Random,
    world: World,
    what: str,
    body: dict[str, Any],
    wallet: str | None = None,
) -> Request:
    wallet, note = wallet or draw_wallet(random, world), world.note()
    kind = (KINDS | OF_HOLDS)[what.rpartition("/")[2]]
    for_operators = kind in ("deposit", "reversal")
    owns = not for_operators and random.random() < 0.2
    return Request(
        action=kind,
        method="POST",
        path=f"/v1/wallets/{wallet}/{what}",
        body=body | {"note": note},
        key=draw_key(random, note),
        if_match=draw_if_match(random, world, wallet),
        principal="owner" if owns else "operator",
    )
