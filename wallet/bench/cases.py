"""What is measured: loads, and the servers they are sent to."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.servers import WALLET

from .wrk import Request

WALLETS: Final = 1_000
#: Wallets whose history fills a page, and how long it is.
WITH_HISTORY: Final = 100
HISTORY: Final = 60
BATCH: Final = 1_000
BATCH_CONNECTIONS: Final = 4
#: wrk keeps all requests of a load in memory.
MOST_REQUESTS: Final = 50_000

_ONE_CENT: Final = json.dumps({"amount": "0.01"})


@dataclass(frozen=True, slots=True)
class Load:
    """Requests, and what each of them does once it succeeds.

    :param requests: makes them for the wallets of a server.
    :param beside: the load of bare Flask that it is compared with.
    :param minor: what a request adds to the sum of all balances.
    :param entries: how many entries it writes.
    :param operations: how many operations it carries out, for the rate.
    :param keys: each request carries an idempotency key of its own.
    """

    title: str
    requests: Callable[[Sequence[str]], list[Request]]
    beside: str = ""
    minor: int = 0
    entries: int = 0
    operations: int = 1
    keys: bool = False


def _deposits(wallets: Sequence[str]) -> list[Request]:
    paths = (f"/v1/wallets/{each}/deposits" for each in _some(wallets))
    return [Request("POST", path, _ONE_CENT) for path in paths]


def _hot_deposits(wallets: Sequence[str]) -> list[Request]:
    return _deposits(wallets[:1])


def _holds(wallets: Sequence[str]) -> list[Request]:
    return [Request("POST", f"/v1/wallets/{wallets[0]}/holds", _ONE_CENT)]


def _transfers(wallets: Sequence[str]) -> list[Request]:
    pairs = (random.sample(wallets, 2) for _ in range(10 * len(wallets)))
    return [
        Request("POST", f"/v1/wallets/{one}/transfers", json.dumps(body))
        for one, other in pairs
        for body in [{"to": other, "amount": "0.01"}]
    ]


def _batches(wallets: Sequence[str]) -> list[Request]:
    body = json.dumps({"operations": [{"kind": "deposit", "amount": "0.01"}] * BATCH})
    return [
        Request("POST", f"/v1/wallets/{each}/batches", body) for each in wallets[:100]
    ]


def _balances(wallets: Sequence[str]) -> list[Request]:
    return [Request("GET", f"/v1/wallets/{each}") for each in _some(wallets)]


def _first_pages(wallets: Sequence[str]) -> list[Request]:
    paths = (f"/v1/wallets/{each}/entries" for each in wallets[:WITH_HISTORY])
    return [Request("GET", path) for path in paths]


def _some(wallets: Sequence[str]) -> Sequence[str]:
    return random.sample(wallets, min(len(wallets), MOST_REQUESTS))


def pages_of(entries: int) -> Load:
    """Pages anywhere in the history of the first wallet."""

    def pages(wallets: Sequence[str]) -> list[Request]:
        path = f"/v1/wallets/{wallets[0]}/entries?before="
        versions = (random.randint(51, entries) for _ in range(1_000))
        return [Request("GET", f"{path}{before}") for before in versions]

    return Load(TITLES["pages"], pages)


#: What bare Flask is asked; every other load is for a wallet.
BARE_LOADS: Final = ("post", "get")
#: pgbench runs TPC-B on connections of its own, at these scales.
PGBENCH_CONNECTIONS: Final = 32
PGBENCH: Final = {"tpcb": 10, "tpcb-hot": 1}

LOADS: Final = {
    "post": Load("bare Flask, POST", lambda _: [Request("POST", "/bare", _ONE_CENT)]),
    "get": Load("bare Flask, GET", lambda _: [Request("GET", "/bare")]),
    "deposits": Load("deposits", _deposits, "post", 1, 1),
    "hot": Load("deposits into one wallet", _hot_deposits, "post", 1, 1),
    "keyed": Load("deposits with idempotency keys", _deposits, "post", 1, 1, keys=True),
    "transfers": Load("transfers", _transfers, "post", entries=2),
    "holds": Load("holds in one wallet", _holds),
    "balance": Load("balance", _balances, "get"),
    "history": Load("page of 50 entries", _first_pages, "get"),
    "batches": Load(
        "deposits in batches of 1,000", _batches, "", BATCH, BATCH, operations=BATCH
    ),
}
TITLES: Final = {name: load.title for name, load in LOADS.items()} | {
    "pages": "page of 50 entries, anywhere",
    "tpcb": "pgbench TPC-B, scale 10",
    "tpcb-hot": "pgbench TPC-B, scale 1",
}


PLAIN: Final = ("bench.plain",)


@dataclass(frozen=True, slots=True)
class Setup:
    """A server to measure.

    :param title: how the page calls it.
    :param program: what ``python -m`` runs, with --port and --workers.
    :param engine: where it keeps money; one that keeps none is just a limit.
    """

    title: str
    workers: int
    engine: str = ""
    program: tuple[str, ...] = WALLET
    shared: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is what a user would pick instead of the wallet."""
        return self.program == PLAIN


#: Every server that loads are sent to. Another program to compare with is a row here.
SERVERS: Final = {
    "postgresql-2": Setup("PostgreSQL, two workers", 2, "postgresql"),
    "sqlite-1": Setup("SQLite, one worker", 1, "sqlite"),
    "postgresql-2-shared": Setup(
        "PostgreSQL, two workers, with a token", 2, "postgresql", shared=True
    ),
    "postgresql-1": Setup("PostgreSQL, one worker", 1, "postgresql"),
    "plain-postgresql-2": Setup("PostgreSQL, two workers", 2, "postgresql", PLAIN),
    "plain-sqlite-1": Setup("SQLite, one worker", 1, "sqlite", PLAIN),
    "bare-2": Setup("two workers", 2, program=("bench.bare",)),
    "bare-1": Setup("one worker", 1, program=("bench.bare",)),
}
#: Those that are measured in full.
MAIN: Final = ("postgresql-2", "sqlite-1")
_BARES: Final = ("bare-2", "bare-1")
_PLAIN: Final = tuple(f"plain-{on}" for on in MAIN)


@dataclass(frozen=True, slots=True)
class Case:
    """A load and what it is sent to, which may be a server with a store of a size."""

    load: str
    on: str
    connections: int = 64

    def __str__(self) -> str:
        """Its name in the results."""
        return f"{self.load} {self.on} {self.connections}"

    @classmethod
    def of(cls, name: str) -> "Case":
        """Read such a name."""
        load, on, connections = name.split(" ")
        return cls(load, on, int(connections))

    @property
    def instead(self) -> "Case":
        """The same of a plain wallet."""
        return Case(self.load, f"plain-{self.on}", self.connections)

    @property
    def beside(self) -> "Case | None":
        """The case of bare Flask that does the same without a wallet."""
        load, server = LOADS.get(self.load), SERVERS.get(self.on)
        if not load or not load.beside or not server:
            return None
        return Case(load.beside, f"bare-{server.workers}", self.connections)


def _on(servers: Sequence[str], *loads: str, connections: int = 64) -> tuple[Case, ...]:
    return tuple(Case(load, on, connections) for load in loads for on in servers)


def _pgbench(load: str) -> Case:
    return Case(load, "postgresql", PGBENCH_CONNECTIONS)


CASES: Final = (
    *_on(_BARES, "post"),
    *_on((*MAIN, *_PLAIN), "deposits"),
    _pgbench("tpcb"),
    Case("deposits", "postgresql-2-shared"),
    *_on(MAIN, "keyed", "transfers", "hot"),
    *_on(_PLAIN, "keyed", "hot"),
    _pgbench("tpcb-hot"),
    *_on(("postgresql-1",), "deposits", "hot"),
    *_on(_BARES, "get"),
    *_on(MAIN, "balance", "history"),
    *_on(_PLAIN, "balance"),
    # More would only fill the queue, which holds some 4,000 operations.
    *_on(MAIN, "batches", connections=BATCH_CONNECTIONS),
    *(
        case
        for connections in (1, 8, 256)
        for load, servers in (("post", _BARES), ("deposits", (*MAIN, *_PLAIN)))
        for case in _on(servers, load, connections=connections)
    ),
)

#: What grows, what is measured of it, and to what sizes.
GROWTH: Final = {
    "entries": (("hot", "balance", "pages"), (1_000, 100_000, 1_000_000)),
    "wallets": (("deposits", "balance"), (1_000, 1_000_000)),
    "holds": (("hot", "balance", "holds"), (1_000, 100_000)),
}
