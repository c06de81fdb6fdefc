"""Where everything is measured: sends loads, keeps figures, and checks every sum."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp, mkstemp

from tests.servers import Server, ServerError

from . import plain, stores, wrk
from .cases import LOADS, Case, Load, Setup
from .postgres import Postgres
from .results import Bench, Result
from .stores import Books, Totals

#: `wallet verify` replays wallet by wallet, which takes longer than the bench for more.
_MOST_REPLAYED = 100_000
_SHARED = {
    "OPERATOR_TOKEN": "operator-token-of-the-bench",
    "SECRET_KEY": "s" * 32,
}


class WrongSums(Exception):
    """A store does not have what was answered."""


@dataclass(frozen=True, slots=True)
class Options:
    """How long everything takes.

    :param largest: what the stores that grow are filled with at most.
    """

    rounds: int = 5
    seconds: int = 3
    growth_s: int = 3
    warm_up_s: int = 1
    memory_s: int = 60
    largest: int = 1_000_000


#: Everything once and small, to see that it works.
SHORT = Options(1, seconds=1, growth_s=1, warm_up_s=0, memory_s=2, largest=1_000)


@dataclass(frozen=True, slots=True)
class Served:
    """A server under load, with its wallets and their sums if it keeps money."""

    server: Server
    wallets: Sequence[str] = ()
    books: Books | None = None


class Field:
    """Where everything is measured: a folder, a PostgreSQL, and the results.

    :param say: hears each figure.
    """

    def __init__(
        self,
        folder: Path,
        postgres: Postgres,
        options: Options,
        bench: Bench,
        say: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.options = options
        self.bench = bench
        self.say = say
        self.postgres = postgres

    def add(self, result: Result) -> None:
        """Keep a result, and say it."""
        self.bench.results.append(result)
        values = ", ".join(f"{name} {n:,.2f}" for name, n in result.values.items())
        trouble = f", refused {result.refused}" if result.refused else ""
        self.say(f"round {result.round}: {result.case}: {values}{trouble}")

    @contextmanager
    def store(self, engine: str) -> Iterator[tuple[Path, str]]:
        """Make an empty store; give a folder beside it, and its address."""
        home = Path(mkdtemp(dir=self.folder))
        if engine == "postgresql":
            with self.postgres.database() as url:
                yield home, url
        else:
            yield home, f"sqlite:///{home}/wallet.db"
            (home / "wallet.db").unlink(missing_ok=True)

    @contextmanager
    def served(self, setup: Setup, filling: stores.Filling) -> Iterator[Served]:
        """Run a server on a store of its own, with wallets if it keeps any."""
        with self.store(setup.engine) as (home, url):
            if setup.engine:
                wallets = (
                    plain.fill(url, filling.wallets)
                    if setup.plain
                    else stores.fill(home, url, filling)
                )
                with self.on_store(setup, home, url, wallets) as served:
                    yield served
            else:
                with _running(Server(home, setup.program), setup.workers) as server:
                    yield Served(server)

    @contextmanager
    def on_store(
        self, setup: Setup, home: Path, url: str, wallets: Sequence[str]
    ) -> Iterator[Served]:
        """Run a wallet on a store that is filled, and verify it in the end."""
        if setup.engine == "postgresql":
            self.postgres.settle(url)
        settings = _SHARED if setup.shared else {}
        server = Server(home, setup.program, DATABASE_URL=url, **settings)
        books = Books(url)
        try:
            with _running(server, setup.workers):
                yield Served(server, wallets, books)
            if setup.plain:
                self.say(plain.check(url))
            else:
                self._verify(server, books, len(wallets))
        finally:
            books.close()

    def _verify(self, server: Server, books: Books, count: int) -> None:
        began = time.monotonic()
        if count > _MOST_REPLAYED:
            books.check_totals()
            summary = f"{count:,} wallets: totals checked, not replayed."
        else:
            ran = server.run("verify", within_s=1800)
            if ran.returncode != 0:
                raise ServerError(f"wallet verify: {ran.stdout}{ran.stderr}")
            summary = ran.stdout.strip()
        self.say(f"verified in {time.monotonic() - began:.1f} s: {summary}")
        self.bench.verified.append(summary)

    def send(
        self,
        target: Served,
        load: Load,
        connections: int,
        seconds: int,
        look: Callable[[], None] = lambda: None,
    ) -> wrk.Report:
        """Send a load, and see that the store has what was answered and no more.

        :param look: is called a dozen times meanwhile.
        :raises WrongSums: it does not.
        """
        _, name = mkstemp(dir=self.folder, suffix=".requests")
        path = Path(name)
        wrk.write_requests(path, load.requests(target.wallets))
        before = target.books.add_up() if target.books else Totals(0, 0)
        port, token = target.server.port, target.server.token or ""
        report = wrk.run(port, path, connections, seconds, load.keys, token, look)
        if target.books:
            check_sums(load, report, before, target.books.add_up())
        path.unlink()
        return report

    def measure(
        self,
        target: Served,
        case: Case,
        number: int,
        load: Load | None = None,
        seconds: int | None = None,
    ) -> None:
        """Warm up, send the load of a case, and keep the figures."""
        load, seconds = load or LOADS[case.load], seconds or self.options.seconds
        if self.options.warm_up_s:
            self.send(target, load, case.connections, self.options.warm_up_s)
        report = self.send(target, load, case.connections, seconds)
        rate = report.good * load.operations / report.duration_s
        values = {"rate": rate, "p50_ms": report.p50_ms, "p99_ms": report.p99_ms}
        self.add(Result(str(case), number, values, report.refused, report.cut_off))


@contextmanager
def _running(server: Server, workers: int) -> Iterator[Server]:
    try:
        yield server.start(workers)
        server.stop()
    finally:
        server.kill()


def check_sums(load: Load, report: wrk.Report, before: Totals, after: Totals) -> None:
    """Compare what a store gained with what was answered.

    wrk hangs up on the requests that are under way at the end, one a connection at
    most. Each of them may have been carried out or not; everything else is exact.

    :raises WrongSums: they differ.
    """
    for name, each in (("minor", load.minor), ("entries", load.entries)):
        gained = getattr(after, name) - getattr(before, name)
        least, most = report.good * each, (report.good + report.cut_off) * each
        if not least <= gained <= most or (each and gained % each):
            raise WrongSums(
                f"The store gained {gained} in {name}, where {least} were answered"
                f" and at most {most} asked for."
            )
