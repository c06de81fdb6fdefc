"""The servers of a run, on one database, and what may go wrong with them."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psutil

from ..proxy import Proxy
from ..servers import WALLET, Server

TOKEN = "operator-token-of-the-tests"
#: A fault is over soon, so that clients see what comes after it.
SETTINGS = {
    "SECRET_KEY": "s" * 32,
    "OPERATOR_TOKEN": TOKEN,
    "LOCK_TIMEOUT_MS": "1000",
    "STATEMENT_TIMEOUT_MS": "2000",
    "WAIT_TIMEOUT_MS": "3000",
    "LOG_LEVEL": "warning",
}


class Field:
    """Servers with their workers, and the lines to their database.

    :param stop, start: what stops and starts the database, if it is a server.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        workers: Sequence[int],
        stop: Callable[..., None] | None = None,
        start: Callable[[], Any] | None = None,
        program: Sequence[str] = WALLET,
    ) -> None:
        self.workers = workers
        self.stop_database, self.start_database = stop, start
        self.proxies: list[Proxy] = []
        self.servers: list[Server] = []
        self._launched: set[int] = set()
        for number, _ in enumerate(workers):
            url = database_url
            if stop is not None:
                self.proxies.append(Proxy(database_url))
                url = self.proxies[-1].url
            home = folder / f"server-{number}"
            home.mkdir()
            settings = SETTINGS | {"DATABASE_URL": url}
            self.servers.append(Server(home, program, **settings))

    def start(self) -> None:
        """Start every server that does not run, and wait until all answer."""
        deadline = time.monotonic() + 120
        for number, server in enumerate(self.servers):
            if number not in self._launched:
                self._launched.add(number)
                server.launch(self.workers[number])
            while not server.answers():
                assert time.monotonic() < deadline, server.log.read_text()[-2000:]
                # One that lost two workers in a row ends by itself.
                if server.process.poll() is not None:
                    server.kill()
                    server.launch(self.workers[number])
                time.sleep(0.05)

    def restart(self) -> None:
        """Have all that was received answered, and begin anew."""
        for server in self.servers:
            server.stop()
        self.start()

    def close(self) -> None:
        for server in self.servers:
            server.kill()
        for proxy in self.proxies:
            proxy.close()


@contextmanager
def playing(field: Field) -> Iterator[Field]:
    """Start the servers of a field, and end them afterwards."""
    try:
        field.start()
        yield field
    finally:
        field.close()


Fault = Callable[[Random, Field], None]


def kill_a_server(random: Random, field: Field) -> None:
    random.choice(field.servers).kill()


def kill_a_worker(random: Random, field: Field) -> None:
    if worker := _worker(random, field):
        worker.kill()
        time.sleep(0.2)  # until nothing is asked of it any more


def stop_a_server(random: Random, field: Field) -> None:
    random.choice(field.servers).stop()


def pause_a_worker(random: Random, field: Field) -> None:
    if worker := _worker(random, field):
        worker.suspend()
        time.sleep(random.uniform(0.2, 1.2))
        worker.resume()


def cut_the_lines(random: Random, field: Field) -> None:
    random.choice(field.proxies).cut_everything()


def cut_before_commits(random: Random, field: Field) -> None:
    _cut(random, field, "before")


def cut_after_commits(random: Random, field: Field) -> None:
    _cut(random, field, "after")


def restart_the_database(random: Random, field: Field) -> None:
    assert field.stop_database is not None
    assert field.start_database is not None
    field.stop_database(random.choice([signal.SIGINT, signal.SIGQUIT]))
    time.sleep(random.uniform(0, 0.5))
    field.start_database()


#: What may happen to every service, and to one whose database is a server.
FAULTS: list[Fault] = [kill_a_server, stop_a_server, pause_a_worker, kill_a_worker]
FAULTS_OF_A_LINE: list[Fault] = [
    cut_after_commits,
    cut_the_lines,
    restart_the_database,
    cut_before_commits,
]


def _cut(random: Random, field: Field, when: str) -> None:
    proxy = random.choice(field.proxies)
    proxy.cut = when
    time.sleep(random.uniform(0.1, 0.4))
    proxy.cut = None


def _worker(random: Random, field: Field) -> psutil.Process | None:
    server = random.choice(field.servers)
    try:
        workers = psutil.Process(server.process.pid).children()
    except psutil.NoSuchProcess:
        return None
    return random.choice(workers) if workers else None
