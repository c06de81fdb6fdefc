"""What clients look up and read, and in which lists."""

from datetime import UTC, datetime, timedelta
from random import Random

from .asked import moves
from .record import Request
from .world import World, draw_amount, draw_hold, draw_wallet, repeat


def look_up(random: Random, world: World) -> Request | None:
    used = repeat(random, world)
    asked = moves(used) if used else []
    if used is None or not asked:
        return None
    move = random.choice(asked)
    path = f"/v1/operations?wallet={move.wallet}&key={move.key}"
    return Request("look up", "GET", path, principal=used.principal)


def look_up_by_id(random: Random, world: World) -> Request | None:
    if not world.operations:
        return None
    wallet, operation = random.choice(world.operations[-200:])
    path = f"/v1/operations/{operation}?wallet={wallet}"
    return Request("look up by id", "GET", path)


def read_hold(random: Random, world: World) -> Request | None:
    found = draw_hold(random, world)
    if found is None:
        return None
    return Request("read hold", "GET", f"/v1/wallets/{found[0]}/holds/{found[1]}")


def list_holds(random: Random, world: World) -> Request:
    query = f"?limit={random.choice([3, 500])}"
    if random.random() < 0.7:
        states = ["open", "captured", "released", "expired"]
        query += f"&state={random.choice(states)}"
    path = f"/v1/wallets/{draw_wallet(random, world)}/holds{query}"
    return Request("list holds", "GET", path)


def read(random: Random, world: World) -> Request:
    return Request("read", "GET", f"/v1/wallets/{draw_wallet(random, world)}")


def list_wallets(random: Random, world: World) -> Request:
    query = f"?limit={random.choice([2, 3, 500])}"
    if random.random() < 0.2:
        query = f"?limit=500&order={random.choice(['name', 'balance'])}"
    elif random.random() < 0.3:
        query += f"&after={draw_wallet(random, world)}"
    elif world.after:
        query += f"&after={world.after}"
    if random.random() < 0.3:
        query += "&archived=true"
    if random.random() < 0.2:
        query += "&currency=USD"
    if random.random() < 0.2:
        query += f"&text={world.name.upper()}-{random.randint(1, 9)}"
    return Request("list", "GET", f"/v1/wallets{query}")


def read_history(random: Random, world: World) -> Request:
    wallet = draw_wallet(random, world)
    query = f"?limit={random.choice([1, 5, 50])}"
    version = world.version(wallet)
    if version and random.random() < 0.3:
        query += f"&before={random.randint(1, version + 2)}"
    if random.random() < 0.4:
        query += _filter(random, world)
    return Request("history", "GET", f"/v1/wallets/{wallet}/entries{query}")


def _filter(random: Random, world: World) -> str:
    now = datetime.now(UTC).replace(tzinfo=None)
    earlier = now - timedelta(seconds=random.uniform(0, 5))
    return random.choice(
        [
            f"&kind={random.choice(['deposit', 'transfer', 'reversal'])}",
            f"&min={draw_amount(random, 3_000)}",
            f"&max={draw_amount(random, 3_000)}",
            f"&text={random.randint(0, 9)}.",
            f"&text={world.name.upper()}-{random.randint(1, 99)}.",
            f"&from={earlier.isoformat()}Z",
            f"&to={earlier.isoformat()}Z",
            "&order=oldest",
            "&order=oldest&kind=withdrawal",
        ]
    )
