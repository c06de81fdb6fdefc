"""Where everything is measured: sends loads, keeps figures, and checks every sum."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp, mkstemp

from . import cases, servers, stores, wrk
from .cases import Case, Load
from .postgres import Postgres
from .results import Bench, Result
from .stores import Totals

#: `wallet verify` replays wallet by wallet, which takes longer than the bench for more.
_MOST_REPLAYED = 100_000
_TOKEN = "operator-token-of-the-bench"  # noqa: S105  it opens what is gone at the end


class WrongSums(Exception):
    """A store does not have what was answered."""


@dataclass(frozen=True, slots=True)
class Options:
    """How long everything takes.

    :param largest: what the stores that grow are filled with at most.
    """

    rounds: int = 3
    seconds: int = 4
    growth_s: int = 3
    warm_up: int = 1
    memory_s: int = 60
    largest: int = 1_000_000

    def shortened(self) -> "Options":
        """Take everything once and small, to see that it works."""
        small = {"seconds": 1, "growth_s": 1, "warm_up": 0, "memory_s": 2}
        return replace(self, rounds=1, largest=1_000, **small)


@dataclass(frozen=True, slots=True)
class Served:
    """A server under load, with the store behind it if it has one."""

    server: servers.Server
    wallets: list[str]
    books: stores.Books | None = None


class Field:
    """Where everything is measured: a folder, a PostgreSQL, and what is found.

    :param say: is told each figure.
    """

    def __init__(
        self,
        folder: Path,
        postgres: Postgres | None,
        options: Options,
        bench: Bench,
        say: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.options = options
        self.bench = bench
        self.say = say
        self._postgres = postgres

    @property
    def postgres(self) -> Postgres:
        """The one PostgreSQL."""
        assert self._postgres is not None  # noqa: S101  started if a case needs it
        return self._postgres

    def add(self, result: Result) -> None:
        """Keep a result, and tell it."""
        self.bench.results.append(result)
        values = ", ".join(
            f"{name} {each:,.2f}" for name, each in result.values.items()
        )
        trouble = f", refused {result.refused}" if result.refused else ""
        self.say(f"round {result.round}: {result.case}: {values}{trouble}")

    @contextmanager
    def store(self, engine: str) -> Iterator[tuple[Path, str]]:
        """Make an empty store; tell a folder beside it, and its address."""
        home = Path(mkdtemp(dir=self.folder))
        if engine == "sqlite":
            yield home, f"sqlite:///{home}/wallet.db"
            (home / "wallet.db").unlink(missing_ok=True)
        else:
            with self.postgres.database() as url:
                yield home, url

    @contextmanager
    def wallet(
        self, setup: cases.Setup, count: int, with_history: int, entries: int
    ) -> Iterator[Served]:
        """Fill a store, run a wallet on it, and verify it in the end."""
        with self.store(setup.engine) as (home, url):
            wallets = stores.fill(home, url, count, with_history, entries)
            with self.serve(setup, home, url, wallets) as served:
                yield served

    @contextmanager
    def serve(
        self, setup: cases.Setup, home: Path, url: str, wallets: list[str]
    ) -> Iterator[Served]:
        """Run a wallet on a store that is filled, and verify it in the end."""
        if setup.engine == "postgresql":
            self.postgres.settle(url)
        token = _TOKEN if setup.shared else ""
        with stores.books(home, url) as books:
            with servers.wallet_server(home, url, setup.workers, token) as server:
                yield Served(server, wallets, books)
            self._verify(home, url, books, len(wallets))

    def _verify(self, home: Path, url: str, books: stores.Books, count: int) -> None:
        began = time.monotonic()
        if count > _MOST_REPLAYED:
            books.check_totals()
            told = f"{count:,} wallets: totals checked, not replayed."
        else:
            told = servers.verify(home, url)
        self.say(f"verified in {time.monotonic() - began:.1f} s: {told}")
        self.bench.verified.append(told)

    def send(
        self,
        target: Served,
        load: Load,
        connections: int,
        seconds: int,
        look: Callable[[], None] = lambda: None,
        every_s: float = 5.0,
    ) -> wrk.Told:
        """Send a load, and see that the store has what was answered and no more.

        :raises WrongSums: it does not.
        """
        _, name = mkstemp(dir=self.folder, suffix=".requests")
        path = Path(name)
        wrk.write_requests(path, load.requests(target.wallets))
        before = target.books.add_up() if target.books else Totals(0, 0)
        told = wrk.run(
            target.server.port,
            path,
            connections=connections,
            seconds=seconds,
            keys=load.keys,
            token=target.server.token,
            look=look,
            every_s=every_s,
        )
        if target.books:
            check_sums(load, told, before, target.books.add_up())
        path.unlink()
        return told

    def measure(
        self,
        target: Served,
        case: Case,
        load: Load,
        number: int,
        seconds: int | None = None,
    ) -> None:
        """Warm up, send the load of a case, and keep the figures."""
        seconds = seconds or self.options.seconds
        warm_up = self.options.warm_up
        if warm_up:
            self.send(target, load, case.connections, warm_up)
        told = self.send(target, load, case.connections, seconds)
        rate = told.good * load.operations / told.duration_s
        values = {"rate": rate, "p50_ms": told.p50_ms, "p99_ms": told.p99_ms}
        cut_off = told.sent - sum(told.statuses.values())
        self.add(Result(str(case), number, values, told.refused, cut_off))


def check_sums(load: Load, told: wrk.Told, before: Totals, after: Totals) -> None:
    """Compare what a store gained with what was answered.

    wrk hangs up on the requests that are under way at the end, one a connection at
    most. Each of them may have been carried out or not; everything else is exact.

    :raises WrongSums: they differ.
    """
    unanswered = told.sent - sum(told.statuses.values())
    for name, each in (("minor", load.minor), ("entries", load.entries)):
        gained = getattr(after, name) - getattr(before, name)
        least, most = told.good * each, (told.good + unanswered) * each
        if not least <= gained <= most or (each and gained % each):
            raise WrongSums(
                f"The store gained {gained} in {name}, where {least} were answered"
                f" and at most {most} asked for."
            )
