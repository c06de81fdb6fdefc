"""Kills a server of its own under load, and proves that nothing was lost or doubled."""

import hashlib
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..config import ConfigError, Settings, read_settings
from ..storage.opening import open_store
from ..storage.queries import list_wallets
from ..storage.store import Store
from .load import BROKEN, Load, connected
from .replay import Fault
from .verify import verify

_WALLETS: Final = 5
_START_S: Final = 60
#: How long the load runs before each kill.
_SHORTEST_S, _LONGEST_S = 0.1, 0.6
#: What is asked of a database goes for a server of its own, too.
_KEPT: Final = (
    *("WALLET_DATABASE_PASSWORD", "WALLET_DATABASE_PASSWORD_FILE"),
    "WALLET_DISTRIBUTED",
)
_OPEN: Final = "SELECT count(*) FROM holds WHERE state = 'open'"


class TortureError(Exception):
    """The run itself cannot go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a run.

    :param lost: answers that the store does not have, or has otherwise.
    :param doubled: entries and holds beyond those that were answered.
    :param faults: what else is wrong, in words.
    """

    kills: int
    answered: int
    retried: int
    lost: int
    doubled: int
    faults: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.what_is_wrong

    @property
    def what_is_wrong(self) -> str:
        """Tell in words what is wrong, if anything is."""
        found = [*self.faults]
        if self.lost:
            found.append("the store does not have what was answered")
        if self.doubled:
            found.append("the store has more than was answered")
        return "; ".join(found)


class Server:
    """A ``wallet serve`` of its own, in a process group of its own."""

    def __init__(self, settings: dict[str, str], log: Path) -> None:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("WALLET_") or name in _KEPT
        }
        self.token = secrets.token_hex(16)
        self.port = _free_port()
        self._log = log
        # A server that starts a hundred times asks nobody for prices.
        self._environment = kept | settings | {"WALLET_LUNO_URL": "off"}
        self._environment["WALLET_OPERATOR_TOKEN"] = self.token
        self._environment["WALLET_SECRET_KEY"] = secrets.token_hex(32)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers.

        :raises TortureError: it does not.
        """
        command = [sys.executable, "-m", "wallet", "serve", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  it is this program
                command,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise TortureError(f"The server does not start: look at {self._log}.")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it the hard way, as a crash would."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with connected(self.port, self.token) as connection:
                return connection.get("/status")[0] == 200
        except BROKEN:
            return False


def torture(
    folder: Path,
    database_url: str,
    kills: int,
    clients: int,
    on_kill: Callable[[int, int], None],
) -> Verdict:
    """Run load on a server, kill it again and again, and compare.

    :param database_url: a database without wallets; empty is a SQLite file.
    :param on_kill: is told after each kill how many there were, and were answered.
    :raises ConfigError: the database cannot be used for this.
    :raises TortureError: the server does not come back.
    """
    given = {"WALLET_HOME": str(folder), "WALLET_DATABASE_URL": database_url}
    settings = _settings(given)
    with _opened(settings) as store:
        if list_wallets(store, 1, None):
            raise ConfigError("The database has wallets already: name an empty one.")
    server = Server(given, folder / "server.log")
    try:
        server.start()
        load = Load(server.port, server.token, _make_wallets(server), clients)
        load.start()
        for number in range(1, kills + 1):
            time.sleep(random.uniform(_SHORTEST_S, _LONGEST_S))  # noqa: S311  no secret
            server.kill()
            server.start()
            on_kill(number, len(load.answered))
        finished = load.stop(_START_S)
    finally:
        server.kill()
    with _opened(settings) as store:
        faults = [] if finished else ["some clients never got an answer"]
        return judge(store, load, kills, faults)


def judge(store: Store, load: Load, kills: int, faults: list[str]) -> Verdict:
    """Hold a store, which only this load has written to, against what was answered.

    :param faults: what is known to be wrong already.
    """
    faults += [f"refused: {each}" for each in load.refused[:3]]
    kept: dict[tuple[str, str], bytes] = {}
    rows = store.reader.rows("SELECT wallet_id, key, body FROM operations")
    for wallet_id, key, body in rows:
        kept[wallet_id, key] = hashlib.sha256(body.encode()).digest()
    ((entries,),) = store.reader.rows("SELECT count(*) FROM entries")
    ((holds,),) = store.reader.rows("SELECT count(*) FROM holds")
    ((open_holds,),) = store.reader.rows(_OPEN)
    # Every client ends its holds before it stops.
    if open_holds and not faults:
        faults.append(f"{open_holds} holds are open, and each was ended")
    lost = sum(
        kept.get(scope) != answered.digest for scope, answered in load.answered.items()
    )
    asked = load.answered.values()
    doubled = (
        max(0, entries - sum(each.entries for each in asked)),
        max(0, holds - sum(each.holds for each in asked)),
    )
    try:
        verify(store)
    except Fault as fault:
        faults.append(str(fault))
    return Verdict(
        kills=kills,
        answered=len(load.answered),
        retried=load.retried,
        lost=lost,
        doubled=sum(doubled),
        faults=tuple(faults),
    )


def _make_wallets(server: Server) -> list[str]:
    body, made = {"floor": "-1000000"}, []
    with connected(server.port, server.token) as connection:
        for number in range(_WALLETS):
            _, told = connection.post("/v1/wallets", body, f"wallet-{number}")
            made.append(str(json.loads(told)["id"]))
    return made


def _settings(given: dict[str, str]) -> Settings:
    names = {name.removeprefix("WALLET_"): value for name, value in given.items()}
    for name in _KEPT:
        if value := os.environ.get(name):
            names[name.removeprefix("WALLET_")] = value
    return read_settings(names)


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    store = open_store(settings.database_url, settings.limits)
    try:
        yield store
    finally:
        store.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
