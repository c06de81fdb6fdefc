"""What is measured: every load, what it is sent to, and on how many connections."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from .wrk import Request

WALLETS: Final = 1_000
#: Wallets whose history fills a page, and how long it is.
WITH_HISTORY: Final = 100
HISTORY: Final = 60
BATCH: Final = 1_000

_ONE_CENT: Final = json.dumps({"amount": "0.01"})
#: What a file of requests holds at most: wrk keeps all of them in memory.
_MOST: Final = 50_000


@dataclass(frozen=True, slots=True)
class Load:
    """Requests, and what each of them does once it is answered with success.

    :param requests: makes them for the wallets of a store.
    :param minor: what a request adds to the sum of all balances.
    :param entries: how many entries it writes.
    :param operations: how many operations it carries out, for the rate.
    :param keys: each request carries an idempotency key of its own.
    """

    requests: Callable[[Sequence[str]], list[Request]]
    minor: int = 0
    entries: int = 0
    operations: int = 1
    keys: bool = False


def _bare_posts(_wallets: Sequence[str]) -> list[Request]:
    return [Request("POST", "/bare", _ONE_CENT)]


def _bare_gets(_wallets: Sequence[str]) -> list[Request]:
    return [Request("GET", "/bare")]


def _handed_posts(_wallets: Sequence[str]) -> list[Request]:
    return [Request("POST", "/bare/handed", _ONE_CENT)]


def _row_gets(wallets: Sequence[str]) -> list[Request]:
    return [Request("GET", f"/bare/row/{each}") for each in wallets]


def _deposits(wallets: Sequence[str]) -> list[Request]:
    return [
        Request("POST", f"/v1/wallets/{each}/deposits", _ONE_CENT)
        for each in _some(wallets)
    ]


def _hot(wallets: Sequence[str]) -> list[Request]:
    return _deposits(wallets[:1])


def _transfers(wallets: Sequence[str]) -> list[Request]:
    pairs = [random.sample(wallets, 2) for _ in range(10 * len(wallets))]
    return [
        Request(
            "POST",
            f"/v1/wallets/{each}/transfers",
            json.dumps({"to": other, "amount": "0.01"}),
        )
        for each, other in pairs
    ]


def _balances(wallets: Sequence[str]) -> list[Request]:
    return [Request("GET", f"/v1/wallets/{each}") for each in _some(wallets)]


def _first_pages(wallets: Sequence[str]) -> list[Request]:
    # The first wallets of a store are those with a history.
    return [
        Request("GET", f"/v1/wallets/{each}/entries") for each in wallets[:WITH_HISTORY]
    ]


def _batches(wallets: Sequence[str]) -> list[Request]:
    item = {"kind": "deposit", "amount": "0.01"}
    body = json.dumps({"operations": [item] * BATCH})
    return [
        Request("POST", f"/v1/wallets/{each}/batches", body) for each in wallets[:100]
    ]


def pages_of(entries: int) -> Callable[[Sequence[str]], list[Request]]:
    """Make requests for pages anywhere in the history of the first wallet."""

    def pages(wallets: Sequence[str]) -> list[Request]:
        path = f"/v1/wallets/{wallets[0]}/entries?before="
        chosen = (random.randint(51, entries) for _ in range(1_000))
        return [Request("GET", f"{path}{before}") for before in chosen]

    return pages


def _some(wallets: Sequence[str]) -> Sequence[str]:
    return random.sample(wallets, _MOST) if len(wallets) > _MOST else wallets


LOADS: Final = {
    "post": Load(_bare_posts),
    "handed": Load(_handed_posts),
    "get": Load(_bare_gets),
    "row": Load(_row_gets),
    "deposits": Load(_deposits, minor=1, entries=1),
    "hot": Load(_hot, minor=1, entries=1),
    "keyed": Load(_deposits, minor=1, entries=1, keys=True),
    "transfers": Load(_transfers, entries=2),
    "balance": Load(_balances),
    "history": Load(_first_pages),
    "batches": Load(_batches, minor=BATCH, entries=BATCH, operations=BATCH),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A load and what it is sent to."""

    load: str
    on: str
    connections: int = 64

    def __str__(self) -> str:
        """Its name in the results."""
        return f"{self.load} {self.on} {self.connections}"

    @property
    def engine(self) -> str:
        """Which engine it is measured on, or compared with."""
        setup = SETUPS.get(self.on)
        return setup.engine if setup else self.on.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Setup:
    """A server: on which engine, and with how many workers.

    :param bare: it is the bare application, in place of a wallet.
    """

    engine: str
    workers: int
    shared: bool = False
    bare: bool = False


SETUPS: Final = {
    "bare-1": Setup("sqlite", 1, bare=True),
    "bare-2": Setup("postgresql", 2, bare=True),
    "sqlite-1": Setup("sqlite", 1),
    "postgresql-1": Setup("postgresql", 1),
    "postgresql-2": Setup("postgresql", 2),
    "postgresql-2-shared": Setup("postgresql", 2, shared=True),
}

#: pgbench and the loops have the number of their connections of their own.
PGBENCH: Final = {"tpcb": 10, "tpcb-hot": 1}
LOOPS: Final = ("bulk", "commit")
#: More would only fill the queue, which holds some 4,000 operations.
_BATCHING: Final = 4


def _on_both(load: str, connections: int = 64) -> tuple[Case, ...]:
    return tuple(Case(load, on, connections) for on in ("postgresql-2", "sqlite-1"))


CASES: Final = (
    Case("post", "bare-2"),
    Case("post", "bare-1"),
    Case("handed", "bare-2"),
    Case("handed", "bare-1"),
    *_on_both("deposits"),
    Case("tpcb", "postgresql", 32),
    Case("deposits", "postgresql-2-shared"),
    *_on_both("keyed"),
    *_on_both("transfers"),
    *_on_both("hot"),
    Case("tpcb-hot", "postgresql", 32),
    Case("deposits", "postgresql-1"),
    Case("hot", "postgresql-1"),
    Case("get", "bare-2"),
    Case("get", "bare-1"),
    Case("row", "bare-2"),
    Case("row", "bare-1"),
    *_on_both("balance"),
    *_on_both("history"),
    *_on_both("batches", _BATCHING),
    Case("bulk", "postgresql", 1),
    Case("bulk", "sqlite", 1),
    Case("post", "bare-2", 1),
    Case("post", "bare-1", 1),
    *_on_both("deposits", 1),
    Case("commit", "postgresql", 1),
    Case("commit", "sqlite", 1),
    Case("post", "bare-2", 8),
    Case("post", "bare-1", 8),
    *_on_both("deposits", 8),
    Case("post", "bare-2", 256),
    Case("post", "bare-1", 256),
    *_on_both("deposits", 256),
)
